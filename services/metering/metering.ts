/** Metering at home: what the regions tell, and what other clouds say that they have counted. */
import { metering as contract } from '../../contract/intercloud/metering.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import { domainsOfProjects } from '../identity/project-domains.ts';
import type { HomeParts, Made, RegionParts } from '../parts.ts';
import { agreements, disputes, statements } from './agreements.api.ts';
import type { Seals } from './access.ts';
import { stateHours, type Signing } from './agreements.ts';
import { askProviders, type Asking } from './providers.ts';
import { usage } from './usage.api.ts';
import { usageInvariants } from './usage.invariants.ts';
import { takeUsage, type UsageBatch } from './usage.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

export type { OpenProvider } from './providers.ts';

type Metering = {
  /** The key by which this cloud signs what it says to others. */
  signing: Signing;
  /** What seals how providers are asked. */
  vault: Seals;
  /** How they are asked; without, none is. */
  asking?: Pick<Asking, 'fetch' | 'openProvider' | 'ownKeys'>;
};

export function makeMetering(parts: HomeParts, { signing, vault, asking }: Metering): Made {
  const ask = asking && askProviders({ ...parts, ...asking, signing, vault });
  return {
    implementation: implementService(contract, parts.database, { usage: usage({ domainsOf: domainsOfProjects }), agreements: agreements({ vault }), statements: statements({ signing }), disputes }),
    workflows: [],
    schedules: [
      schedule<RegionParts>('metering.statements', { everyMs: 60_000, run: () => stateHours({ ...parts, signing }) }),
      // Often, because what is due is looked up here; a provider is asked every five minutes.
      ...(ask ? [schedule<RegionParts>('metering.exchange', { everyMs: 5_000, run: ask })] : []),
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
