/** Placement as one service: its door, and the schedule that sees which hosts there are. */
import { placement } from '../../contract/placement/service.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import { registerHosts } from './claims.ts';
import { claimInvariants } from './claims.invariants.ts';
import { isAlive, listHostStates, tellHost } from './hosts.ts';
import { deleteDecisionsBefore } from './scheduler/decisions.store.ts';
import { allocations, candidates, reshaper, usages } from './allocations.api.ts';
import { resourceClasses, traits } from './names.api.ts';
import { providersApi } from './providers.api.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

const seeHosts = schedule<RegionParts>('placement.hosts', { everyMs: 5_000, run: observeHosts });

const decisionsKeptDays = 30;

const forgetDecisions = schedule<RegionParts>('placement.decisions', {
  everyMs: 3_600_000,
  async run({ database, clock }) {
    const moment = new Date(clock.now().getTime() - decisionsKeptDays * 86_400_000);
    await database.transaction({ kind: 'system', reason: 'old decisions are forgotten' }, (tx) => deleteDecisionsBefore(tx, moment));
  },
});

/** Asks the driver for its hosts and takes them down; also called once before the first server is made. */
export async function observeHosts({ driver, database, clock }: Pick<RegionParts, 'driver' | 'database' | 'clock'>): Promise<void> {
  const reports = await driver.hosts.list();
  await database.transaction({ kind: 'system', reason: 'hosts report what they have' }, async (tx) => {
    const now = clock.now();
    const before = new Map((await listHostStates(tx)).map((host) => [host.id, host]));
    await registerHosts(tx, reports, now);
    for (const host of await listHostStates(tx)) {
      const known = before.get(host.id);
      // New, back again, or with other things to claim than before: not every time that it is merely seen.
      if (!known || isAlive(known, now) !== isAlive(host, now) || known.generation !== host.generation) await tellHost(tx, now, host);
    }
  });
}

export function makePlacement(parts: RegionParts): Made {
  return {
    implementation: implementService(placement, parts.database, { providers: providersApi(parts), allocations, candidates, usages, reshaper, resourceClasses, traits }),
    workflows: [],
    schedules: [seeHosts, forgetDecisions],
    invariants: claimInvariants(parts.database),
  };
}
