/** Metering at home: what the regions tell, and what other clouds say that they have counted. */
import type { Client } from '../../contract/client.ts';
import { metering as contract } from '../../contract/intercloud/metering.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import { domainsOfProjects } from '../identity/project-domains.ts';
import type { HomeParts, Made, RegionParts } from '../parts.ts';
import { agreements, disputes, statements } from './agreements.api.ts';
import { allAgreements, stateHours, type Agreement, type Signing } from './agreements.ts';
import { exchange } from './exchange.ts';
import { usage } from './usage.api.ts';
import { usageInvariants } from './usage.invariants.ts';
import { takeUsage, type UsageBatch } from './usage.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

/** A client of the provider's metering, for an agreement in which we are the consumer; none where he cannot be asked. */
export type Peers = (agreement: Agreement) => Promise<Client<typeof contract> | undefined>;

/** `signing`: the key by which this cloud signs what it says to others. */
export function makeMetering(parts: HomeParts, { signing, peers }: { signing: Signing; peers?: Peers }): Made {
  const exchangeAll = async (ask: Peers) => {
    const agreements = await parts.database.read({ kind: 'system', reason: 'usage is compared with peers' }, allAgreements);
    for (const agreement of agreements.filter(({ role }) => role === 'consumer')) {
      const client = await ask(agreement);
      // One who does not answer keeps nobody from asking the others.
      if (client) await exchange({ ...parts, signing }, agreement, client).catch((error: unknown) => parts.log.warn({ err: error, agreement: agreement.id }, 'usage could not be compared'));
    }
  };
  return {
    implementation: implementService(contract, parts.database, { usage: usage({ domainsOf: domainsOfProjects }), agreements, statements: statements({ signing }), disputes }),
    workflows: [],
    schedules: [
      schedule<RegionParts>('metering.statements', { everyMs: 60_000, run: () => stateHours({ ...parts, signing }) }),
      ...(peers ? [schedule<RegionParts>('metering.exchange', { everyMs: 300_000, run: () => exchangeAll(peers) })] : []),
    ],
    invariants: usageInvariants(parts),
  };
}

/** The way to home for a region of the same process. */
export function usageLink({ database, clock }: Pick<HomeParts, 'database' | 'clock'>): { put(region: string, batch: UsageBatch): Promise<{ next: number }> } {
  return {
    async put(region, batch) {
      const take = { region, batch, now: clock.now(), domainsOf: domainsOfProjects };
      return { next: await database.transaction({ kind: 'system', reason: 'usage of a region' }, (tx) => takeUsage(tx, take)) };
    },
  };
}
