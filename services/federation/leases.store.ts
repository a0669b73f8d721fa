/** The only file that names the tables of limits, leases and recalls. */
import type { Transaction } from '../../kit/postgres/database.ts';

export type Lease = { region: string; kind: string; subject: string; amount: bigint; version: number };

type Text<T> = { [K in keyof T]: T[K] extends bigint ? string : T[K] };

/** Until the commit, nobody else changes what is held of this limit, and whoever sees a number has seen all smaller ones. */
export async function lockLimit(tx: Transaction): Promise<void> {
  await tx.run`select pg_advisory_xact_lock(hashtext('federation.leases'))`;
}

/** Undefined: it was never set. */
export async function findAllowance(tx: Transaction, kind: string, subject: string): Promise<bigint | undefined> {
  const row = await tx.one<{ amount: string | null }>`select amount::text as amount from federation.allowance where kind = ${kind} and subject = ${subject}`;
  return row?.amount == null ? undefined : BigInt(row.amount);
}

export async function setAllowance(tx: Transaction, { kind, subject, amount }: { kind: string; subject: string; amount: bigint | null }): Promise<void> {
  await tx.run`
    insert into federation.allowance as a (kind, subject, amount, number) values (${kind}, ${subject}, ${amount}::bigint, nextval('federation.news_number'))
    on conflict (kind, subject) do update set amount = excluded.amount, number = excluded.number where a.amount is distinct from excluded.amount`;
}

/** A limit of before there were several regions; what was set for all of them since stays. Whether it was not there. */
export async function setAllowanceUnlessThere(tx: Transaction, { kind, subject, amount }: { kind: string; subject: string; amount: bigint | null }): Promise<boolean> {
  const set = await tx.run`
    insert into federation.allowance (kind, subject, amount, number) values (${kind}, ${subject}, ${amount}::bigint, nextval('federation.news_number'))
    on conflict do nothing`;
  return set === 1;
}

/** Whether money is lent: of budgets as well as of quotas, the only region has to ask for it. */
export async function isMoneyLent(tx: Transaction): Promise<boolean> {
  return (await tx.one`select from federation.allowance where kind like 'budget:%' limit 1`) !== undefined;
}

export async function listAllowances(tx: Transaction, after: number, most: number): Promise<{ kind: string; subject: string; amount: string | null; number: number }[]> {
  return tx.rows`select kind, subject, amount::text as amount, number from federation.allowance where number > ${after} order by number limit ${most}`;
}

/** What every region holds of one limit. */
export async function listHolders(tx: Transaction, kind: string, subject: string): Promise<Lease[]> {
  const rows = await tx.rows<Text<Lease>>`select region, kind, subject, amount::text as amount, version from federation.lease where kind = ${kind} and subject = ${subject} order by region`;
  return rows.map(asLease);
}

/** Of several that one limit is over. */
export async function listHoldersOf(tx: Transaction, kind: string, subjects: readonly string[]): Promise<Lease[]> {
  const rows = await tx.rows<Text<Lease>>`
    select region, kind, subject, amount::text as amount, version from federation.lease where kind = ${kind} and subject = any(${[...subjects]}::text[]) order by region, subject`;
  return rows.map(asLease);
}

export async function listHoldersOfKind(tx: Transaction, kind: string): Promise<Lease[]> {
  const rows = await tx.rows<Text<Lease>>`select region, kind, subject, amount::text as amount, version from federation.lease where kind = ${kind} and amount <> 0 order by subject, region`;
  return rows.map(asLease);
}

export async function listLeases(tx: Transaction, region: string): Promise<Lease[]> {
  const rows = await tx.rows<Text<Lease>>`select region, kind, subject, amount::text as amount, version from federation.lease where region = ${region} order by kind, subject`;
  return rows.map(asLease);
}

export async function putLease(tx: Transaction, { region, kind, subject, amount }: Omit<Lease, 'version'>): Promise<Lease> {
  const row = await tx.one<Text<Lease>>`
    insert into federation.lease as l (region, kind, subject, amount, version) values (${region}, ${kind}, ${subject}, ${amount}::bigint, 1)
    on conflict (region, kind, subject) do update set amount = excluded.amount, version = l.version + 1
    returning region, kind, subject, amount::text as amount, version`;
  return asLease(row!);
}

/** What a region held before there were leases; not what it was granted since. */
export async function adoptLease(tx: Transaction, { region, kind, subject, amount }: Omit<Lease, 'version'>): Promise<void> {
  await tx.run`insert into federation.lease (region, kind, subject, amount, version) values (${region}, ${kind}, ${subject}, ${amount}::bigint, 0) on conflict do nothing`;
}

export async function insertRecall(tx: Transaction, { region, kind, subject }: Pick<Lease, 'region' | 'kind' | 'subject'>): Promise<void> {
  await tx.run`
    insert into federation.recall (region, kind, subject, number) values (${region}, ${kind}, ${subject}, nextval('federation.news_number'))
    on conflict do nothing`;
}

export async function deleteRecall(tx: Transaction, { region, kind, subject }: Pick<Lease, 'region' | 'kind' | 'subject'>): Promise<void> {
  await tx.run`delete from federation.recall where region = ${region} and kind = ${kind} and subject = ${subject}`;
}

/** All that are open, also those that were told before: the answer may have been lost. */
export function listRecalls(tx: Transaction, region: string): Promise<{ kind: string; subject: string }[]> {
  return tx.rows<{ kind: string; subject: string }>`select kind, subject from federation.recall where region = ${region} order by number limit 100`;
}

/** What regions were asked to give back of this, and have not answered, though they were heard of lately. */
export async function countAwaited(tx: Transaction, { kind, subjects, seenAfter }: { kind: string; subjects: readonly string[]; seenAfter: Date }): Promise<number> {
  const row = await tx.one<{ count: number }>`
    select count(*)::int as count from federation.recall c join federation.region r on r.name = c.region
    where c.kind = ${kind} and c.subject = any(${[...subjects]}::text[]) and r.seen_at > ${seenAfter}`;
  return row?.count ?? 0;
}

function asLease(row: Text<Lease>): Lease {
  return { ...row, amount: BigInt(row.amount) };
}
