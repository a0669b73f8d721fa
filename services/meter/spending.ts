/** What this region spends of budgets: what is recorded, what runs since, and what has to be there for what goes on. */
import type { Clock } from '../../kit/clock.ts';
import { areEventsDue } from '../../kit/events/batches.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import {
  addSpent, dearestOf, findMoney, hourlyOf, hourMs, listBudgets, moneyIn, moneyShortagesOf, monthAfter, monthOf, paidAhead, setMoney, spentIn,
  type KnownBudget, type Terms, type Thing,
} from '../quota/budgets.ts';
import type { NewRecord, Running } from './intervals.ts';
import { consumerName, runningOf } from './meters.store.ts';

/** Of records that are being made, in their transaction. */
export async function countSpending(tx: Transaction, records: readonly NewRecord[]): Promise<void> {
  for (const terms of await listBudgets(tx)) {
    const projects = new Set(terms.projects);
    const byMonth = new Map<string, bigint>();
    for (const { resource, projectId, measured, previous, from, until } of records) {
      if (previous === null || !projects.has(projectId)) continue;
      const month = monthOf(from < until ? from : until);
      byMonth.set(month, (byMonth.get(month) ?? 0n) + costOf(hourlyOf(terms, { resource, state: previous, ...measured }), until.getTime() - from.getTime()));
    }
    for (const [month, nano] of byMonth) await addSpent(tx, { budgetId: terms.id, month, nano });
  }
}

/** What a budget cannot pay much longer: these servers are to end. */
export type Excess = { budgetId: string; serverId: string; projectId: string };

/** So long before the money ends the servers do that it pays for: they take a while. */
const marginMs = 300_000;
/** A region that has only just heard of a budget may not have got anything of it yet. */
const newForMs = 600_000;
const scope = { kind: 'system', reason: 'what is spent of budgets' } as const;

/** More of something of a project than was told of yet, for which money was claimed: bytes that are on their way. */
export type OnItsWay = (tx: Transaction, projectIds: readonly string[]) => Promise<Thing[]>;

/** Brings what is used of every budget up to date, and gets more of it where there is some. Resolves to what has to end. */
export async function settleSpending({ database, clock, onItsWay }: { database: Database; clock: Pick<Clock, 'now'>; onItsWay: OnItsWay }): Promise<Excess[]> {
  const excess: Excess[] = [];
  for (const terms of await database.read(scope, listBudgets)) {
    const settle = (tx: Transaction) => settleBudget(tx, terms, { now: clock.now(), onItsWay });
    try {
      await database.transaction(scope, async (tx) => {
        await settle(tx);
        if (moneyShortagesOf(tx).length > 0) throw new Short();
      });
    } catch (error) {
      if (!(error instanceof Short)) throw error;
      // There is no more of it, or home does not say: it is written down all the same.
      excess.push(...(await database.transaction(scope, settle)));
    }
  }
  return excess;
}

/** Another region, or home, may have more of it. */
class Short extends Error {
  override name = 'Short';
}

async function settleBudget(tx: Transaction, terms: KnownBudget, { now, onItsWay }: { now: Date; onItsWay: OnItsWay }): Promise<Excess[]> {
  const [month, next] = [moneyIn(terms, monthOf(now)), moneyIn(terms, monthAfter(now))];
  // Whoever claims waits until this is written; what he has claimed before is among the events.
  const before = { now: await findMoney(tx, month), next: await findMoney(tx, next) };
  // In this order: what arrives meanwhile is then counted twice for a moment, and never not at all.
  const coming = await onItsWay(tx, terms.projects);
  const isBehind = await areEventsDue(tx, consumerName, new Date(now.getTime() + hourMs));
  const running = await runningOf(tx, terms.projects);
  const begun = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth()));
  let spent = await spentIn(tx, { budgetId: terms.id, month: monthOf(now) });
  const sum = { now: 0n, next: 0n, wish: 0n };
  for (const each of running) {
    const since = each.meteredUntil > begun ? each.meteredUntil : begun;
    spent += costOf(hourlyOf(terms, thingOf(each, each.state)), Math.max(0, now.getTime() - since.getTime()));
  }
  for (const thing of [...running.map((each) => thingOf(each, each.state)), ...coming]) {
    const ahead = paidAhead(terms, { resource: thing.resource, hourly: dearestOf(terms, thing), now });
    for (const part of ['now', 'next', 'wish'] as const) sum[part] += ahead[part];
  }
  // While events are due, something was claimed for what is not known here yet.
  const atLeast = (counted: bigint, known: { used: bigint } | undefined) => (isBehind && known && known.used > counted ? known.used : counted);
  await setMoney(tx, month, { used: atLeast(spent + sum.now, before.now), wish: spent + sum.wish });
  await setMoney(tx, next, { used: atLeast(sum.next, before.next), wish: sum.next });
  return terms.stop_loss && now.getTime() - terms.heardAt.getTime() >= newForMs ? endingOf(terms, { running, left: (before.now?.lease ?? 0n) - spent, now }) : [];
}

/** The newest first, as many as it takes for the money to suffice for the rest a while longer. */
function endingOf(terms: Terms, { running, left, now }: { running: readonly Running[]; left: bigint; now: Date }): Excess[] {
  const stays = running.filter(({ resource }) => resource !== 'server');
  const kept = stays.reduce((sum, each) => sum + paidAhead(terms, { resource: each.resource, hourly: dearestOf(terms, thingOf(each, each.state)), now }).now, 0n);
  const priced = running.filter(({ resource }) => resource === 'server').map((each) => ({ each, margin: costOf(hourlyOf(terms, thingOf(each, expectedState(each))), marginMs) }));
  let needed = kept + priced.reduce((sum, { margin }) => sum + margin, 0n);
  const ending: Excess[] = [];
  for (const { each, margin } of priced.filter((one) => one.margin > 0n).toSorted((one, other) => other.each.began.getTime() - one.each.began.getTime())) {
    if (needed <= left) break;
    needed -= margin;
    ending.push({ budgetId: terms.id, serverId: each.resourceId, projectId: each.projectId });
  }
  return ending;
}

function thingOf({ resource, measured }: Running, state: string): Thing {
  return { resource, state, ...measured };
}

/** What is being made costs nothing yet, and soon will. */
function expectedState({ state }: Running): string {
  return state === 'BUILD' ? 'ACTIVE' : state === 'creating' ? 'available' : state;
}

/** Rounded up; time that is taken back is rounded down. */
function costOf(hourly: bigint, durationMs: number): bigint {
  const product = hourly * BigInt(durationMs);
  return product >= 0n ? (product + BigInt(hourMs) - 1n) / BigInt(hourMs) : product / BigInt(hourMs);
}
