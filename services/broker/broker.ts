/** The broker as one service of home: its door, the region that spans all, and what it asks the regions. */
import { broker } from '../../contract/intercloud/broker.ts';
import { implementService } from '../../kit/http/implement.ts';
import type { Implementation } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import { candidatesApi, decisionsApi } from './decisions.api.ts';
import { keepFleets, type KeepingParts } from './fleet-keeping.ts';
import { fleets } from './fleets.api.ts';
import { labels } from './labels.api.ts';
import { observeRegions, settleDecisions, type ObservingParts } from './observing.ts';
import { offersFor } from './offers.ts';
import { defaultPolicy, policy } from './policies.api.ts';
import { makeVirtualRegion } from './virtual/virtual.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

export type BrokerParts = Omit<ObservingParts & KeepingParts, 'offers'>;

/** `virtual`: the services of the region that spans all. */
export type Broker = Made & { virtual: readonly Implementation[]; parts: ObservingParts & KeepingParts };

export function makeBroker(handed: BrokerParts): Broker {
  const parts = { ...handed, offers: offersFor };
  return {
    parts,
    implementation: implementService(broker, parts.database, { policy, defaultPolicy, candidates: candidatesApi(parts.offers), decisions: decisionsApi(parts.offers), fleets, labels }),
    virtual: makeVirtualRegion(parts, parts.offers),
    workflows: [],
    schedules: [
      schedule<RegionParts>('broker.capacity', { everyMs: 5_000, run: () => observeRegions(parts) }),
      schedule<RegionParts>('broker.outcomes', { everyMs: 5_000, run: () => settleDecisions(parts) }),
      schedule<RegionParts>('broker.fleets', { everyMs: 5_000, run: (_, signal) => keepFleets(parts, signal) }),
    ],
    invariants: [],
  };
}
