/** A region's database that gets more of a limit from home when a transaction needs it, and then does the transaction again. */
import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../kit/log.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import { moneyShortagesOf } from '../quota/budgets.ts';
import { takeHeld, type Wanted } from '../quota/leases.ts';
import { noteAsked, shortagesOf, type Shortage } from '../quota/quotas.ts';
import type { LeaseLink } from './link.ts';

// A request counts at most a dozen things.
const mostRounds = 16;
// While home cannot be reached, only one in so many milliseconds tries; the others are refused at once.
const holdOffMs = 1_000;

const scope = { kind: 'system', reason: 'limits over all regions' } as const;

/** Outside the transaction, so that nobody waits for home with anything locked. */
export function withLeases(database: Database, { link, clock, log }: { link: () => LeaseLink; clock: Clock; log: Log }): Database {
  let awayUntil = 0;

  async function makeRoom(wanted: readonly Wanted[]): Promise<boolean> {
    if (clock.now().getTime() < awayUntil) return false;
    try {
      const held = await link().ask(wanted);
      await database.transaction(scope, (tx) => takeHeld(tx, held));
      return wanted.every(({ kind, subject, least }) => held.some((each) => each.kind === kind && each.subject === subject && (each.amount === -1n || each.amount >= least)));
    } catch (error) {
      log.warn({ err: error }, 'home cannot be asked for more of a limit: it goes on with what is held');
      awayUntil = clock.now().getTime() + holdOffMs;
      return false;
    }
  }

  return {
    ...database,
    async transaction<T>(whose: Parameters<Database['transaction']>[0], work: (tx: Transaction) => Promise<T>): Promise<T> {
      let asked = false;
      for (let round = 1; ; round++) {
        let last: Transaction | undefined;
        try {
          return await database.transaction(whose, (tx) => {
            last = tx;
            if (asked) noteAsked(tx);
            return work(tx);
          });
        } catch (error) {
          const shortages = last === undefined ? [] : shortagesOf(last);
          const wanted = last === undefined ? [] : [...shortages.map(asWanted), ...moneyShortagesOf(last)];
          if (wanted.length === 0 || round > mostRounds) throw error;
          const wouldDo: boolean = !asked && shortages.length > 0 && shortages.every(({ wish }) => wish !== undefined);
          if (wouldDo) {
            // All of it, if others give back what they do not use; else what there is, or what is held already.
            if (!(await makeRoom(wanted.map((each) => ({ ...each, least: each.wish }))))) await makeRoom(wanted);
            asked = true;
          } else if (!(await makeRoom(wanted))) throw error;
        }
      }
    },
  };
}

/** A little more than is needed, so that not every request has to ask. */
function asWanted({ projectId, resource, needed, wish }: Shortage): Wanted {
  if (wish !== undefined) return { kind: resource, subject: projectId, least: BigInt(needed), wish: BigInt(wish) };
  return { kind: resource, subject: projectId, least: BigInt(needed), wish: BigInt(needed + Math.ceil(needed / 4)) };
}
