/** Federation at home: the regions of this cloud, what they must know, and what each holds of the limits of all. */
import { federation as contract } from '../../contract/intercloud/federation.ts';
import { implementService } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import type { Directory } from '../identity/directory.ts';
import { areLimitsUsed, limitsChannel } from '../identity/limits-in-force.ts';
import type { Signers } from '../identity/signers.ts';
import type { HomeParts, Made, RegionParts } from '../parts.ts';
import { adoptLeases, isLeased } from '../quota/leases.ts';
import type { LeaseLink, NewsLink } from '../home-link/link.ts';
import { federationInvariants } from './federation.invariants.ts';
import { newsDoor } from './news.api.ts';
import { leasesDoor } from './leases.api.ts';
import { adoptLease, isMoneyLent, lockLimit, setAllowanceUnlessThere } from './leases.store.ts';
import { askLeases, giveBackLeases, setLimits } from './lending.ts';
import { leasesChannel, leasesOf } from './leases.ts';
import { listenForWakes, newsChannels, newsFor, type StandingOf, type Wakes } from './news.ts';
import { regionsDoor } from './regions.api.ts';
import { announceRegions } from './regions.ts';
import { ensureFirstRegion } from './regions.store.ts';
import { signersDoor } from './signers.api.ts';

export type Federation = Made & {
  /** The way home for the region that home's own processes serve. */
  link: LeaseLink & NewsLink;
  /** From now on limits that are registered with identity count in home's own region too. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

export type FederationParts = HomeParts & {
  directory: Directory;
  /** Home's own region, whose limits become those of all when another region comes. */
  first: Pick<RegionParts, 'region' | 'database'>;
  standing: StandingOf;
  signers: Signers;
};

const scope = { kind: 'system', reason: 'the regions of this cloud' } as const;

export function makeFederation(parts: FederationParts): Federation {
  const { database, first } = parts;
  let listening: Promise<Wakes> | undefined;
  const stopListening: (() => void)[] = [];
  const wakes = () => (listening ??= listenForWakes(database, newsChannels));
  const own = { ...parts, wakes };
  return {
    implementation: implementService(contract, database, {
      regions: regionsDoor(own, { adoptFirst: () => adoptFirst(parts) }),
      feed: newsDoor(own),
      leases: leasesDoor(own),
      signers: signersDoor(own),
    }),
    workflows: [],
    schedules: [],
    invariants: federationInvariants(parts),
    link: {
      ask: (wanted) => askLeases(own, first.region, wanted),
      giveBack: (given) => giveBackLeases(own, first.region, given),
      setLimits: (limits) => setLimits(own, limits),
      held: () => database.read(scope, (tx) => leasesOf(tx, first.region)),
      async news(after, { waitMs, signal }) {
        return newsFor({ ...parts, wakes: await wakes() }, first.region, { after, waitMs, signal, byItself: true });
      },
    },
    async start() {
      for (const channel of [limitsChannel, leasesChannel]) stopListening.push(await database.listen(channel, () => void adoptForLimits(parts)));
      await adoptForLimits(parts);
    },
    async stop() {
      for (const stop of stopListening) stop();
      (await listening)?.stop();
    },
  };
}

/** Done at each start: home's own region, and where everything is. */
export async function bootstrapFederation({ database, clock, random }: HomeParts, { region, base }: { region: string; base: string }): Promise<void> {
  await database.transaction(scope, async (tx) => {
    await ensureFirstRegion(tx, { name: region, url: base, now: clock.now() });
    await announceRegions(tx, { random });
  });
}

/** What is registered with identity, and what budgets have, is counted at home, so the only region has to ask there for more, too. */
async function adoptForLimits(parts: FederationParts): Promise<void> {
  const { database, first, log } = parts;
  try {
    if (await first.database.read(scope, isLeased)) return;
    if (await database.read(scope, async (tx) => (await areLimitsUsed(tx)) || (await isMoneyLent(tx)))) await adoptFirst(parts);
  } catch (error) {
    log.error({ err: error }, 'limits registered with identity, or budgets, do not count yet in the first region: they do when one is changed, or at the next start');
  }
}

/** Before a second region holds anything: what the first one uses is counted at home, and it has to ask for more. Repeating it changes nothing. */
async function adoptFirst({ database, first }: FederationParts): Promise<void> {
  const { held, limits } = await first.database.transaction(scope, adoptLeases);
  await database.transaction(scope, async (tx: Transaction) => {
    await lockLimit(tx);
    for (const limit of limits) await setAllowanceUnlessThere(tx, limit);
    for (const lease of held) await adoptLease(tx, { region: first.region, ...lease });
  });
}
