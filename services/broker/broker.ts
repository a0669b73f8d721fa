/** The broker as one service of home: its door, the region that spans all, and what it asks the regions. */
import { broker } from '../../contract/intercloud/broker.ts';
import { implementService } from '../../kit/http/implement.ts';
import type { Implementation } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import type { Offers } from './candidates.ts';
import { candidatesApi, decisionsApi } from './decisions.api.ts';
import { observeRegions, settleDecisions, type ObservingParts } from './observing.ts';
import { defaultPolicy, policy } from './policies.api.ts';
import type { VirtualParts } from './virtual/errand.ts';
import { makeVirtualRegion } from './virtual/virtual.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

export type BrokerParts = VirtualParts & ObservingParts & { offers: Offers };

export function makeBroker(parts: BrokerParts): Made & { virtual: readonly Implementation[] } {
  return {
    implementation: implementService(broker, parts.database, { policy, defaultPolicy, candidates: candidatesApi(parts.offers), decisions: decisionsApi(parts.offers) }),
    virtual: makeVirtualRegion(parts, parts.offers),
    workflows: [],
    schedules: [schedule<RegionParts>('broker.capacity', { everyMs: 5_000, run: () => observeRegions(parts) }), schedule<RegionParts>('broker.outcomes', { everyMs: 5_000, run: () => settleDecisions(parts) })],
    invariants: [],
  };
}
