/**
 * What accounts mean to spend. A region holds a part of each month's budget, as it holds a part of a quota, and makes nothing
 * that it could not pay for with that: so no budget is passed, whoever is cut off from whom. Prices are the highest of the
 * account's book, so that what is reckoned here is never less than what is billed.
 */
import type { Static } from 'typebox';
import type { BudgetTerms } from '../../contract/intercloud/federation/feed.ts';
import { forbidden } from '../../kit/fault.ts';
import type { Caller } from '../../kit/http/caller.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Terms = Static<typeof BudgetTerms>;

/** So much of something, in a state. */
export type Thing = { resource: string; flavor: string; state: string; measures: Readonly<Record<string, number>> };

/** How much of a month's budget is meant: `<budget>.<2026-11>`. */
export type Month = { subject: string; kind: string };

export const hourMs = 3_600_000;
/** What is made today goes on next month, of which no more than this comes. */
const longestMonthHours = 31 * 24;
/** With stop-loss, what runs is paid so far ahead: it ends when that cannot be paid any more. */
export const aheadHours = 1;
/** What a region asks for, where there is so much: a region that is cut off so long goes on. */
const wishHours = 72;

/** In place of what was told before. */
export async function takeBudgets(tx: Transaction, budgets: readonly Terms[], now: Date): Promise<void> {
  await tx.run`delete from quota.budget where id <> all(${budgets.map(({ id }) => id)}::text[])`;
  for (const terms of budgets) await tx.run`insert into quota.budget (id, terms, heard_at) values (${terms.id}, ${sql.json(terms)}::jsonb, ${now}) on conflict (id) do update set terms = excluded.terms`;
}

export type KnownBudget = Terms & { heardAt: Date };

export async function listBudgets(tx: Transaction): Promise<KnownBudget[]> {
  return (await tx.rows<{ terms: Terms; heardAt: Date }>`select terms, heard_at as "heardAt" from quota.budget order by id`).map(({ terms, heardAt }) => ({ ...terms, heardAt }));
}

/** Nano-units an hour, rounded up. As a book's entries are found: the first that fits, one a measure. */
export function hourlyOf({ prices }: Pick<Terms, 'prices'>, { resource, flavor, state, measures }: Thing): bigint {
  const priced = new Set<string>();
  let sum = 0n;
  for (const price of prices) {
    const { measure, per, nano } = price;
    const units = measures[measure];
    if (units === undefined || priced.has(measure) || price.resource !== resource || (price.flavor !== undefined && price.flavor !== flavor)) continue;
    if (price.states ? !price.states.includes(state) : price.not_states?.includes(state) === true) continue;
    priced.add(measure);
    sum += (BigInt(units) * BigInt(nano) + BigInt(per) - 1n) / BigInt(per);
  }
  return sum;
}

/** As much as it can come to cost in any state: what is stopped is started, and what is free is used, without anybody asking for more. */
export function dearestOf(terms: Pick<Terms, 'prices'>, thing: Thing): bigint {
  const states = new Set([thing.state, '', ...terms.prices.flatMap(({ resource, states = [], not_states: others = [] }) => (resource === thing.resource ? [...states, ...others] : []))]);
  return [...states].map((state) => hourlyOf(terms, { ...thing, state })).reduce((most, each) => (each > most ? each : most), 0n);
}

export function monthOf(now: Date): string {
  return now.toISOString().slice(0, 7);
}

export function monthAfter(now: Date): string {
  return monthOf(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)));
}

export function endOfMonth(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1));
}

export function moneyIn({ id, currency }: Pick<Terms, 'id' | 'currency'>, month: string): Month {
  return { subject: `${id}.${month}`, kind: `budget:${currency.toLowerCase()}` };
}

/** What must be there for a thing that costs so much an hour: this month and the next. */
export function paidAhead({ stop_loss: stopLoss }: Pick<Terms, 'stop_loss'>, { resource, hourly, now }: { resource: string; hourly: bigint; now: Date }): { now: bigint; next: bigint; wish: bigint } {
  // Only servers can be ended: all else stays.
  if (stopLoss && resource === 'server') return { now: hourly * BigInt(aheadHours), next: hourly * BigInt(aheadHours), wish: hourly * BigInt(wishHours) };
  const left = hourly * BigInt(Math.ceil((endOfMonth(now).getTime() - now.getTime()) / hourMs));
  return { now: left, next: hourly * BigInt(longestMonthHours), wish: left };
}

/** The domain of a project, where the caller's token knows it. */
export function domainOf({ projectId, projectDomainId }: Pick<Caller, 'projectId' | 'projectDomainId'>, ofProject: string): string | null {
  return projectId === ofProject ? projectDomainId : null;
}

/** Promises what this will cost of every budget that the project draws on, or refuses. */
export async function claimSpending(tx: Transaction, { now, projectId, domainId, thing }: { now: Date; projectId: string; domainId: string | null; thing: Thing }): Promise<void> {
  const rows = await tx.rows<{ terms: Terms }>`
    select terms from quota.budget where terms -> 'projects' ? ${projectId} or terms -> 'domains' ? ${domainId ?? ''} order by id`;
  for (const { terms } of rows) {
    const { resource } = thing;
    const hourly = dearestOf(terms, thing);
    const ahead = paidAhead(terms, { resource, hourly, now });
    if (hourly === 0n) continue;
    for (const [month, nano] of [[monthOf(now), ahead.now], [monthAfter(now), ahead.next]] as const) await claimMoney(tx, moneyIn(terms, month), nano, ahead.wish);
  }
}

async function claimMoney(tx: Transaction, { subject, kind }: Month, nano: bigint, wish: bigint): Promise<void> {
  const claimed = await tx.run`
    update quota.claim set used = used + ${String(nano)}::bigint
    where project_id = ${subject} and resource = ${kind} and used + ${String(nano)}::bigint <= lease`;
  if (claimed === 1) return;
  const used = (await findMoney(tx, { subject, kind }))?.used ?? 0n;
  noteShortage(tx, { kind, subject, least: used + nano, wish: used + (wish > nano ? wish : nano) });
  // In everybody's words, and without a number: the budget may be one of whoever sells to him.
  throw forbidden('What may be spent this month does not suffice for this.');
}

/** What is used of a month's money, and held of it; undefined: nothing is known of it. */
export async function findMoney(tx: Transaction, { subject, kind }: Month): Promise<{ used: bigint; lease: bigint } | undefined> {
  const row = await tx.one<{ used: string; lease: string }>`
    select used::text as used, coalesce(lease, 0)::text as lease from quota.claim where project_id = ${subject} and resource = ${kind} for update`;
  return row && { used: BigInt(row.used), lease: BigInt(row.lease) };
}

/** As it was counted. More than is held is noted, for whoever can get more. */
export async function setMoney(tx: Transaction, { subject, kind }: Month, { used, wish }: { used: bigint; wish: bigint }): Promise<void> {
  const row = await tx.one<{ lease: string }>`
    insert into quota.claim as c (project_id, resource, used, lease) values (${subject}, ${kind}, ${String(used)}::bigint, 0)
    on conflict (project_id, resource) do update set used = excluded.used
    returning coalesce(c.lease, 0)::text as lease`;
  if (used > BigInt(row!.lease)) noteShortage(tx, { kind, subject, least: used, wish });
}

export async function addSpent(tx: Transaction, { budgetId, month, nano }: { budgetId: string; month: string; nano: bigint }): Promise<void> {
  await tx.run`
    insert into quota.budget_spent as s (budget_id, month, spent) values (${budgetId}, ${month}, ${String(nano)}::numeric)
    on conflict (budget_id, month) do update set spent = s.spent + excluded.spent`;
}

export async function spentIn(tx: Transaction, { budgetId, month }: { budgetId: string; month: string }): Promise<bigint> {
  return BigInt((await tx.one<{ spent: string }>`select spent::text as spent from quota.budget_spent where budget_id = ${budgetId} and month = ${month}`)?.spent ?? '0');
}

export type MoneyShortage = { kind: string; subject: string; least: bigint; wish: bigint };

const shortages = new WeakMap<Transaction, MoneyShortage[]>();

function noteShortage(tx: Transaction, shortage: MoneyShortage): void {
  shortages.set(tx, [...(shortages.get(tx) ?? []), shortage]);
}

/** What a transaction would have needed more of than this region holds. */
export function moneyShortagesOf(tx: Transaction): readonly MoneyShortage[] {
  return shortages.get(tx) ?? [];
}
