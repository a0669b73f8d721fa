/** Budgets: what is spent is rated use, what is promised is leased; both together never exceed the amount by a lease. */
import type { Clock, Random } from '../../kit/clock.ts';
import { emit } from '../../kit/events/events.ts';
import { conflict, Fault, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import { sumRecords } from '../metering/usage.ts';
import { booksOfPeriod, operatorId, ownAccount, useOfEdge } from './accounts.ts';
import { findAccount, findAccountOfDomain } from './accounts.store.ts';
import { getBook } from './books.ts';
import {
  deleteBudgetRow, deleteLeases, deleteLeasesBefore, findBudget, findLease, insertBudget, listBudgets, lockBudgetsFor, putLease, setSpent,
  type Budget,
} from './budgets.store.ts';
import { moneyOf } from './money.ts';
import { rate } from './rating.ts';

export type { Budget } from './budgets.store.ts';

export async function listOwnBudgets(context: Context): Promise<Budget[]> {
  return listBudgets(context.tx, (await ownAccount(context)).id);
}

export async function getOwnBudget(context: Context, id: string): Promise<Budget> {
  const own = await ownAccount(context);
  const budget = await findBudget(context.tx, id);
  if (!budget || budget.accountId !== own.id) throw notFound(`There is no budget ${id}`, 'notFound');
  return budget;
}

export async function createBudget(context: Context, random: Random, { name, projectId, currency, amountNano, alerts }: { name: string; projectId: string | null; currency: string; amountNano: bigint; alerts: readonly number[] }): Promise<Budget> {
  const { tx, now, requestId } = context;
  const own = await ownAccount(context);
  const budget: Budget = { id: random.uuid(), accountId: own.id, projectId, name, currency, amountNano, spentNano: 0n, reservedNano: 0n, month: monthOf(now), alerts: [...new Set(alerts)].toSorted((one, other) => one - other), alerted: 0, createdAt: now };
  await insertBudget(tx, budget);
  await emit(tx, { now: () => now }, { type: 'budget.create', resource: 'budget', resourceId: budget.id, requestId, payload: { accountId: own.id } });
  return budget;
}

export async function deleteBudget(context: Context, id: string): Promise<void> {
  const { tx, now, requestId } = context;
  await getOwnBudget(context, id);
  if ((await deleteBudgetRow(tx, id)) === 0) throw conflict('Something that runs is promised money from this budget');
  await emit(tx, { now: () => now }, { type: 'budget.delete', resource: 'budget', resourceId: id, requestId, payload: {} });
}

export type BudgetClaim = {
  projectId: string;
  /** Whose domain it is of; of none: the operator's. */
  domainId: string | null;
  /** Who will spend it; asked again, the claim takes the place of the one before. */
  holder: string;
  amountNano: bigint;
  currency: string;
  /** Until when nothing else may be promised this money, unless it is released or claimed again. */
  expiresAt: Date;
};

/** The money is not there. */
export class OverBudget extends Fault {
  constructor(message: string) {
    super(403, 'overBudget', message);
  }
}

/**
 * Promises money of every budget that the project draws on, or refuses. Budgets are locked until the transaction ends:
 * of two who claim the last of the money one gets it.
 */
export async function claimBudget(tx: Transaction, { projectId, domainId, holder, amountNano, currency, expiresAt }: BudgetClaim): Promise<void> {
  const account = domainId === null ? undefined : await findAccountOfDomain(tx, domainId);
  for (const budget of await lockBudgetsFor(tx, { accountId: account?.id ?? operatorId, projectId })) {
    if (budget.currency !== currency) throw new OverBudget(`The budget ${budget.name} is in ${budget.currency}, and ${currency} is to be spent`);
    const before = await findLease(tx, budget.id, holder);
    const left = budget.amountNano - budget.spentNano - (budget.reservedNano - before);
    if (amountNano > left) throw new OverBudget(`The budget ${budget.name} has ${moneyOf(left < 0n ? 0n : left)} ${currency} left, and ${moneyOf(amountNano)} is needed`);
    if (amountNano > 0n) await putLease(tx, { budgetId: budget.id, holder, amountNano, expiresAt });
  }
}

export function releaseBudget(tx: Transaction, holder: string): Promise<void> {
  return deleteLeases(tx, holder);
}

/** Brings what is spent up to date, drops what was promised for too long, and tells of what is reached. */
export async function countBudgets({ database, clock }: { database: Database; clock: Pick<Clock, 'now'> }): Promise<void> {
  const scope = { kind: 'system', reason: 'budgets are counted' } as const;
  const now = clock.now();
  await database.transaction(scope, (tx) => deleteLeasesBefore(tx, now));
  for (const { id } of await database.read(scope, (tx) => listBudgets(tx, null))) await database.transaction(scope, (tx) => countBudget(tx, id, now));
}

async function countBudget(tx: Transaction, id: string, now: Date): Promise<void> {
  const found = await findBudget(tx, id);
  if (!found) return;
  const month = monthOf(now);
  const spentNano = await spentOf(tx, found, { from: month, until: now });
  const locked = (await lockBudgetsFor(tx, { accountId: found.accountId, projectId: found.projectId ?? '' })).find((each) => each.id === id);
  if (!locked) return;
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
