/** The object store as one service: its Swift door, and what is done in time. */
import { objectStore } from '../../contract/object-store/service.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import { accounts } from './accounts.api.ts';
import { containers } from './containers.api.ts';
import { emptyDeletedAccounts } from './deleted-accounts.ts';
import { deleteExpired, foldUsage, scrubBytes, sweepBytes } from './housekeeping.ts';
import { followLifecycles } from './lifecycles.ts';
import { objectStoreInvariants } from './object-store.invariants.ts';
import { objects } from './objects.api.ts';

export { fileObjectBodies, type ObjectBodies } from './bodies.ts';
export { bucketObjectBodies } from './bucket-bodies.ts';

export function makeObjectStore(parts: RegionParts): Made {
  return {
    implementation: implementService(objectStore, parts.database, { accounts: accounts(parts), containers: containers(parts), objects: objects(parts) }),
    workflows: [],
    schedules: [
      schedule<RegionParts>('object-store.fold', { everyMs: 5_000, run: foldUsage }),
      schedule<RegionParts>('object-store.expire', { everyMs: 10_000, run: deleteExpired }),
      schedule<RegionParts>('object-store.reap', { everyMs: 60_000, run: emptyDeletedAccounts }),
      schedule<RegionParts>('object-store.lifecycles', { everyMs: 3_600_000, run: followLifecycles }),
      schedule<RegionParts>('object-store.sweep', { everyMs: 60_000, run: sweepBytes }),
      schedule<RegionParts>('object-store.scrub', { everyMs: 600_000, run: scrubBytes }),
    ],
    invariants: objectStoreInvariants(parts),
  };
}
