/** Lending what regions ask for; where too little is left, the others are asked first to give back what they do not use. */
import type { Clock } from '../../kit/clock.ts';
import type { Database } from '../../kit/postgres/database.ts';
import type { GivenBack, Held, NewLimit, Wanted } from '../quota/leases.ts';
import { askLease, awaitedFor, giveBackLease, setLimit, unlimited } from './leases.ts';
import type { Wakes } from './news.ts';

export type LendingParts = { database: Database; clock: Clock; wakes: () => Promise<Wakes> };

// Who does not answer in that time may be cut off, and keeps what it has.
const patienceMs = 1_500;
// A region asks for news every half minute at the latest.
const heardOfWithinMs = 45_000;

const scope = { kind: 'system', reason: 'limits over all regions' } as const;

export async function askLeases({ database, clock, wakes: listening }: LendingParts, region: string, wanted: readonly Wanted[]): Promise<Held[]> {
  const wakes = await listening();
  const until = clock.now().getTime() + patienceMs;
  const patience = new AbortController();
  const over = clock.after(patienceMs, patience.signal).catch(endOfPatience);
  try {
    for (let recall = true; ; recall = false) {
      const woken = wakes.next();
      const { held, awaited } = await database.transaction(scope, async (tx) => {
        const held: Held[] = [];
        let awaited = 0;
        for (const each of inOrder(wanted)) {
          const got = await askLease(tx, region, each, { recall });
          held.push(got);
          if (got.amount !== unlimited && got.amount < each.least) awaited += await awaitedFor(tx, each, { region, seenAfter: new Date(clock.now().getTime() - heardOfWithinMs) });
        }
        return { held, awaited };
      });
      if (awaited === 0 || clock.now().getTime() >= until) return held;
      await Promise.race([woken, over]);
    }
  } finally {
    patience.abort();
  }
}

export function giveBackLeases({ database }: LendingParts, region: string, given: readonly GivenBack[]): Promise<Held[]> {
  return database.transaction(scope, async (tx) => {
    const held: Held[] = [];
    for (const each of inOrder(given)) held.push(await giveBackLease(tx, region, each));
    return held;
  });
}

export function setLimits({ database }: LendingParts, limits: readonly NewLimit[]): Promise<void> {
  return database.transaction(scope, async (tx) => {
    for (const each of inOrder(limits)) await setLimit(tx, each);
  });
}

function inOrder<T extends { kind: string; subject: string }>(list: readonly T[]): T[] {
  return list.toSorted((one, other) => (`${one.kind} ${one.subject}` < `${other.kind} ${other.subject}` ? -1 : 1));
}

/** It came in time. */
function endOfPatience(): void {}
