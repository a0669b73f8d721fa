import { differences as contract } from '../../contract/intercloud/region.ts';
import { implement } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { findDifferences } from './differences.ts';

export function differencesDoor(parts: RegionParts) {
  return implement(contract, {
    async show({ now }) {
      const { there, here } = await findDifferences(parts);
      return { there: there.map(({ kind, remoteId, projectId, says }) => ({ kind, remote_id: remoteId, project_id: projectId, says })), here, checked_at: now.toISOString() };
    },
  });
}
