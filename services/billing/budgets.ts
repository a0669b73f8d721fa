/**
 * Budgets: what is spent is rated use. What may be spent is a limit that federation lends to the regions, a month each
 * (services/quota/budgets.ts): they make nothing that does not fit into what they hold.
 */
import type { Clock, Random } from '../../kit/clock.ts';
import { emit } from '../../kit/events/events.ts';
import { notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import { ensureLimit, heldOf, setLimit } from '../federation/leases.ts';
import { standingChannel } from '../federation/news.ts';
import { sumRecords } from '../metering/usage.ts';
import { booksOfPeriod, ownAccount, useOfEdge } from './accounts.ts';
import { findAccount } from './accounts.store.ts';
import { getBook } from './books.ts';
import { deleteBudgetRow, findBudget, insertBudget, listBudgets, lockBudget, setSpent, type Budget } from './budgets.store.ts';
import { moneyOf } from './money.ts';
import { rate } from './rating.ts';

export type { Budget } from './budgets.store.ts';

/** With what regions hold of it beside what they have spent. */
export type ShownBudget = Budget & { reservedNano: bigint };

export async function listOwnBudgets(context: Context): Promise<ShownBudget[]> {
  const budgets = await listBudgets(context.tx, (await ownAccount(context)).id);
  const shown: ShownBudget[] = [];
  for (const budget of budgets) shown.push(await withReserved(context, budget));
  return shown;
}

export async function getOwnBudget(context: Context, id: string): Promise<ShownBudget> {
  const own = await ownAccount(context);
  const budget = await findBudget(context.tx, id);
  if (!budget || budget.accountId !== own.id) throw notFound(`There is no budget ${id}`, 'notFound');
  return withReserved(context, budget);
}

async function withReserved({ tx, now }: Pick<Context, 'tx' | 'now'>, budget: Budget): Promise<ShownBudget> {
  const { kind, subject } = limitOfMonth(budget, monthOf(now));
  const [held, counted] = [await heldOf(tx, kind, subject), budget.spentNano - (isFirst(budget, monthOf(now)) ? budget.openedNano : 0n)];
  return { ...budget, reservedNano: held > counted ? held - counted : 0n };
}

export type BudgetWish = { name: string; projectId: string | null; currency: string; amountNano: bigint; stopLoss: boolean; alerts: readonly number[] };

export async function createBudget(context: Context, random: Random, { alerts, ...wish }: BudgetWish): Promise<ShownBudget> {
  const { tx, now, requestId } = context;
  const own = await ownAccount(context);
  const made: Budget = { id: random.uuid(), accountId: own.id, ...wish, spentNano: 0n, openedNano: 0n, month: monthOf(now), alerts: [...new Set(alerts)].toSorted((one, other) => one - other), alerted: 0, createdAt: now };
  const spentNano = await spentOf(tx, made, { from: made.month, until: now });
  const budget = { ...made, spentNano, openedNano: spentNano };
  await insertBudget(tx, budget);
  await openMonths(tx, budget, now);
  tx.wake(standingChannel);
  await emit(tx, { now: () => now }, { type: 'budget.create', resource: 'budget', resourceId: budget.id, requestId, payload: { accountId: own.id } });
  return { ...budget, reservedNano: 0n };
}

/** What regions hold of it they give back. */
export async function deleteBudget(context: Context, id: string): Promise<void> {
  const { tx, now, requestId } = context;
  const budget = await getOwnBudget(context, id);
  await deleteBudgetRow(tx, id);
  for (const month of [monthOf(now), nextMonth(now)]) await setLimit(tx, { ...limitOfMonth(budget, month), amount: 0n });
  tx.wake(standingChannel);
  await emit(tx, { now: () => now }, { type: 'budget.delete', resource: 'budget', resourceId: id, requestId, payload: {} });
}

/** This month and the next may be promised: what is made now goes on then. */
async function openMonths(tx: Transaction, budget: Budget, now: Date): Promise<void> {
  for (const month of [monthOf(now), nextMonth(now)]) await ensureLimit(tx, limitOfMonth(budget, month));
}

// What a lease can say (contract/intercloud/federation/leases.ts).
const mostNano = 10n ** 18n - 1n;

function limitOfMonth(budget: Budget, month: Date): { kind: string; subject: string; amount: bigint } {
  const { id, currency, amountNano, openedNano } = budget;
  const left = isFirst(budget, month) ? amountNano - openedNano : amountNano;
  return { kind: `budget:${currency.toLowerCase()}`, subject: `${id}.${month.toISOString().slice(0, 7)}`, amount: left < 0n ? 0n : left > mostNano ? mostNano : left };
}

function isFirst({ createdAt }: Budget, month: Date): boolean {
  return monthOf(createdAt).getTime() === month.getTime();
}

/** Months of which regions hold more than there is. */
export async function overlentMonths(tx: Transaction): Promise<{ subject: string; held: bigint; limit: bigint }[]> {
  const wrong: { subject: string; held: bigint; limit: bigint }[] = [];
  for (const budget of await listBudgets(tx, null)) {
    const { kind, subject, amount } = limitOfMonth(budget, budget.month);
    const held = await heldOf(tx, kind, subject);
    if (held > amount) wrong.push({ subject, held, limit: amount });
  }
  return wrong;
}

/** Brings what is spent up to date, opens months, and tells of what is reached. */
export async function countBudgets({ database, clock }: { database: Database; clock: Pick<Clock, 'now'> }): Promise<void> {
  const scope = { kind: 'system', reason: 'budgets are counted' } as const;
  for (const { id } of await database.read(scope, (tx) => listBudgets(tx, null))) await database.transaction(scope, (tx) => countBudget(tx, id, clock));
}

async function countBudget(tx: Transaction, id: string, clock: Pick<Clock, 'now'>): Promise<void> {
  // Before it is summed: of two counts at once the one that knows less must not be written last.
  const locked = await lockBudget(tx, id);
  if (!locked) return;
  const now = clock.now();
  const month = monthOf(now);
  const spentNano = await spentOf(tx, locked, { from: month, until: now });
  await openMonths(tx, locked, now);
  const before = locked.month.getTime() === month.getTime() ? locked.alerted : 0;
  const reached = locked.alerts.filter((percent) => spentNano * 100n >= locked.amountNano * BigInt(percent) && percent > before);
  await setSpent(tx, id, { spentNano, month, alerted: reached.at(-1) ?? before });
  for (const percent of reached)
    await emit(tx, { now: () => now }, {
      type: 'budget.alert',
      resource: 'budget',
      resourceId: id,
      payload: { accountId: locked.accountId, project_id: locked.projectId, percent, amount: moneyOf(locked.amountNano), spent: moneyOf(spentNano), currency: locked.currency },
    });
}

/** What the account pays for it: by the book of the one above it; the operator's own use costs him nothing here. */
async function spentOf(tx: Transaction, { accountId, projectId }: Budget, period: { from: Date; until: Date }): Promise<bigint> {
  const account = await findAccount(tx, accountId);
  if (!account || account.kind === 'operator') return 0n;
  const use = await useOfEdge(tx, { account });
  let spent = 0n;
  for (const { bookId, from, until } of await booksOfPeriod(tx, accountId, period)) {
    const book = await getBook(tx, bookId);
    const used = await sumRecords(tx, { from, until, ...use, ...(projectId === null ? {} : { projectIds: [projectId] }) });
    spent += rate(used, book.entries).reduce((sum, { costNano }) => sum + costNano, 0n);
  }
  return spent;
}

function monthOf(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth()));
}

function nextMonth(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1));
}
