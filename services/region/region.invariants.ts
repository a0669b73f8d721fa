/** What must always be true between a region and the cloud that its machines are in. */
import type { Invariant, RegionParts } from '../parts.ts';
import { findDifferences } from './differences.ts';

export function regionInvariants(parts: RegionParts): Invariant[] {
  return [
    {
      id: 'R1',
      title: 'Nothing of ours is left over in another cloud, and nothing that we have is missing there',
      async check() {
        const { there, here } = await findDifferences(parts);
        return [
          ...there.map(({ kind, remoteId, projectId, says }) => ({
            message: `The ${kind} ${remoteId} there, in the place of project ${projectId}, is ${says === null ? 'nothing of ours' : `not the one that we know as ${says}`}`,
            remedy: 'Nobody is billed for it. Look at it there, and delete it when nobody needs it.',
          })),
          ...here.map(({ kind, id }) => ({ message: `The ${kind} ${id} is not there`, remedy: 'Its owner sees it, and it is not to be had: find out where its machines are what became of it.' })),
        ];
      },
    },
  ];
}
