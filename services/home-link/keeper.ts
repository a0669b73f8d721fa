/** Keeps a region in touch with home: hears the news, tells limits that were set here, gives back what others wait for. */
import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../kit/log.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import { takeBudgets } from '../quota/budgets.ts';
import { letGoOfBounded, takeBounds, type Bound } from '../quota/bounds.ts';
import { companyChannel, isLeased, letGo, letGoOfUnused, listUnsaid, markSaid, takeHeld, takeLimits, type GivenBack } from '../quota/leases.ts';
import { limitsChannel } from '../quota/quotas.ts';
import type { RegionDirectory } from './directory.ts';
import type { HomeLink } from './link.ts';
import { readCursor, writeCursor } from './snapshot.store.ts';

export type KeeperParts = {
  database: Database;
  clock: Clock;
  log: Log;
  link: HomeLink;
  /** Null where home's own directory is asked: there is nothing to remember. */
  directory: RegionDirectory | null;
};

export type Keeper = {
  /** Goes on until it is stopped; the first news are there when this resolves, or home could not be reached in time. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

const waitMs = 25_000;
const firstWithinMs = 3_000;
const againAfterMs = 500;
const mostAtOnce = 100;

const scope = { kind: 'system', reason: 'a region hears of home' } as const;

export function createKeeper(parts: KeeperParts): Keeper {
  const { database, clock, log } = parts;
  const stopping = new AbortController();
  let loops: Promise<unknown> = Promise.resolve();
  const stopListening: (() => void)[] = [];
  let reachable = true;

  /** `tried`: the news are there, or what was known before has to do for now. */
  async function hear(tried: () => void): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await hearOnce(parts, stopping.signal);
        if (!reachable) log.info('home is heard of again');
        reachable = true;
        tried();
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (reachable) log.warn({ err: error }, 'home is not heard of: it goes on with what is known');
        reachable = false;
        if (parts.directory?.informed !== false) tried();
        await clock.after(againAfterMs, stopping.signal).catch(endOfWork);
      }
    }
  }

  async function tell(): Promise<void> {
    try {
      await tellLimits(parts);
    } catch (error) {
      log.warn({ err: error }, 'home was not told of limits yet: they are told when it is heard of');
    }
  }

  async function waitForCompany(begin: () => void): Promise<void> {
    let begun = false;
    const look = async () => {
      if (begun || !(await database.read(scope, isLeased)) || stopping.signal.aborted) return;
      begun = true;
      begin();
    };
    stopListening.push(await database.listen(companyChannel, () => void look().catch((error: unknown) => log.warn({ err: error }, 'cannot see whether there is another region'))));
  }

  return {
    async start() {
      const first = Promise.withResolvers<void>();
      const patience = new AbortController();
      const begin = () => {
        loops = hear(() => first.resolve());
      };
      stopListening.push(await database.listen(limitsChannel, () => void tell()));
      // The only region has nothing to hear, until it gets company.
      if (parts.directory === null && !(await database.read(scope, isLeased))) return waitForCompany(begin);
      begin();
      // A region that has never heard of home can serve nobody, and so waits a little longer.
      await Promise.race([first.promise, clock.after(firstWithinMs, AbortSignal.any([patience.signal, stopping.signal])).catch(endOfWork)]);
      patience.abort();
    },
    async stop() {
      stopping.abort();
      for (const stop of stopListening) stop();
      await loops;
    },
  };
}

/** Hears what is new, and answers it. */
export async function hearOnce(parts: KeeperParts, signal: AbortSignal): Promise<void> {
  const { database, link, directory } = parts;
  const before = await database.read(scope, readCursor);
  const news = await link.news(before ?? undefined, { waitMs, signal });
  const given = await database.transaction(scope, async (tx): Promise<GivenBack[]> => {
    await directory?.take(tx, news);
    if (news.standing) await takeBudgets(tx, news.standing.budgets, parts.clock.now());
    await takeLimits(tx, news.limits.map(({ amount, ...rest }) => ({ ...rest, amount: amount === null ? null : BigInt(amount) })));
    const bounds = news.bounds.map(({ kind, amount, ...rest }): Bound => ({ ...rest, kind, amount: amount === null ? null : BigInt(amount) }));
    await takeBounds(tx, bounds);
    await writeCursor(tx, news.cursor);
    return together(await letGo(tx, news.recalls), await letGoOfBounded(tx, bounds));
  });
  await giveBack(parts, given);
  await tellLimits(parts);
}

/** Gives back what is not used; for the schedule. */
export async function giveBackUnused(parts: Pick<KeeperParts, 'database' | 'link'>): Promise<void> {
  await giveBack(parts, await parts.database.transaction(scope, async (tx) => ((await isLeased(tx)) ? letGoOfUnused(tx) : [])));
}

function together(recalled: readonly GivenBack[], bounded: readonly GivenBack[]): GivenBack[] {
  return [...recalled, ...bounded.filter(({ kind, subject }) => !recalled.some((each) => each.kind === kind && each.subject === subject))];
}

async function giveBack({ database, link }: Pick<KeeperParts, 'database' | 'link'>, given: readonly GivenBack[]): Promise<void> {
  for (let start = 0; start < given.length; start += mostAtOnce) {
    const held = await link.giveBack(given.slice(start, start + mostAtOnce));
    await database.transaction(scope, (tx: Transaction) => takeHeld(tx, held));
  }
}

async function tellLimits({ database, link }: Pick<KeeperParts, 'database' | 'link'>): Promise<void> {
  const limits = await database.read(scope, listUnsaid);
  if (limits.length === 0) return;
  await link.setLimits(limits);
  await database.transaction(scope, (tx) => markSaid(tx, limits));
}

/** The wait is over because all of it is. */
function endOfWork(): void {}
