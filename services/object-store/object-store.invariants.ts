/** What `doctor` checks of the object store. */
import type { Finding, Invariant, RegionParts } from '../parts.ts';
import { selectDamaged, selectMiscounted, selectUnowned, selectWithFiles } from './object-store.invariants.store.ts';
import { isKnownFile } from './usage.store.ts';

/** Files that are looked for at a time, and findings that are told. */
const atOnce = 1000;
const mostTold = 20;

export function objectStoreInvariants({ database, bodies }: Pick<RegionParts, 'database' | 'bodies'>): Invariant[] {
  const scope = (id: string) => ({ kind: 'system', reason: `doctor: ${id}` }) as const;
  return [
    {
      id: 'object-store.damage',
      title: 'the bytes of every object are those that were brought',
      async check() {
        const found = await database.read(scope('object-store.damage'), (tx) => selectDamaged(tx, mostTold));
        return found.map(({ projectId, sha256, file, objects }) => ({ message: `The bytes ${sha256} of the project ${projectId} (file ${file}) are damaged; in ${objects.join(', ') || 'no object'}`, remedy: 'Upload them again: the right bytes take the place of the damaged ones' }));
      },
    },
    {
      id: 'I12',
      title: 'every object has its bytes in a file, and all bytes belong to something',
      async check() {
        const findings: Finding[] = [];
        for (let after = { projectId: '', sha256: '' }; findings.length < mostTold; ) {
          const rows = await database.read(scope('I12'), (tx) => selectWithFiles(tx, { after, limit: atOnce }));
          for (const { projectId, sha256, file, sizeBytes, inRow } of rows) {
            const there = inRow ?? (await bodies.sizeOf(file));
            // Whoever removes bytes says so first: what is gone meanwhile is missed by nobody.
            const isMissed = there !== sizeBytes && findings.length < mostTold && (await database.read(scope('I12'), (tx) => isKnownFile(tx, file)));
            if (isMissed) findings.push({ message: `The bytes ${sha256} of the project ${projectId} should be ${sizeBytes} bytes in the file ${file}, and ${there === undefined ? 'there is no such file' : `it has ${there}`}`, remedy: 'Restore the file from a backup, or upload them again' });
          }
          const last = rows.at(-1);
          if (rows.length < atOnce || !last) break;
          after = last;
        }
        const unowned = await database.read(scope('I12'), (tx) => selectUnowned(tx, mostTold));
        return [...findings, ...unowned.map(({ projectId, sha256 }) => ({ message: `The bytes ${sha256} of the project ${projectId} belong to no object`, remedy: 'Report it: they take room for nothing' }))];
      },
    },
    {
      id: 'object-store.usage',
      title: 'what a container is said to hold is what is in it',
      async check() {
        const found = await database.read(scope('object-store.usage'), (tx) => selectMiscounted(tx, mostTold));
        return found.map(({ projectId, name, objects, bytes, countedObjects, countedBytes }) => ({ message: `The container ${name} of the project ${projectId} is said to hold ${objects} objects of ${bytes} bytes, and holds ${countedObjects} of ${countedBytes}`, remedy: 'Report it: quotas and bills go by what is said' }));
      },
    },
  ];
}
