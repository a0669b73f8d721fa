/** The object store as one service: its Swift door, and what is done in time. */
import { objectStore } from '../../contract/object-store/service.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import { accounts } from './accounts.api.ts';
import { containers } from './containers.api.ts';
import { deleteExpired, foldUsage, sweepBytes } from './housekeeping.ts';
import { objects } from './objects.api.ts';

export { fileObjectBodies, type ObjectBodies } from './bodies.ts';

export function makeObjectStore(parts: RegionParts): Made {
  return {
    implementation: implementService(objectStore, parts.database, { accounts: accounts(parts), containers: containers(parts), objects: objects(parts) }),
    workflows: [],
    schedules: [
      schedule<RegionParts>('object-store.fold', { everyMs: 5_000, run: foldUsage }),
      schedule<RegionParts>('object-store.expire', { everyMs: 10_000, run: deleteExpired }),
      schedule<RegionParts>('object-store.sweep', { everyMs: 60_000, run: sweepBytes }),
    ],
    invariants: [],
  };
}
