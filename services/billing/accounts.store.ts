import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type AccountKind = 'operator' | 'customer' | 'supplier';
export type Account = { id: string; parentId: string | null; name: string; kind: AccountKind; createdAt: Date };

const columns = sql`account.id, account.parent_id as "parentId", account.name, account.kind, account.created_at as "createdAt"`;

export function findAccount(tx: Transaction, id: string): Promise<Account | undefined> {
  return tx.one<Account>`select ${columns} from billing.account account where id = ${id}`;
}

export function findAccountOfDomain(tx: Transaction, domainId: string): Promise<Account | undefined> {
  return tx.one<Account>`select ${columns} from billing.account account join billing.account_domain on account_id = account.id where domain_id = ${domainId}`;
}

export function listChildren(tx: Transaction, parentId: string): Promise<Account[]> {
  return tx.rows<Account>`select ${columns} from billing.account account where parent_id = ${parentId} order by created_at, id`;
}

export async function insertAccount(tx: Transaction, { id, parentId, name, kind, createdAt }: Account): Promise<void> {
  await tx.run`insert into billing.account (id, parent_id, name, kind, created_at) values (${id}, ${parentId}, ${name}, ${kind}, ${createdAt})`;
}

export async function setDomain(tx: Transaction, domainId: string, accountId: string): Promise<void> {
  await tx.run`insert into billing.account_domain (domain_id, account_id) values (${domainId}, ${accountId}) on conflict (domain_id) do update set account_id = excluded.account_id`;
}

export async function insertSuppliedRegions(tx: Transaction, accountId: string, regions: readonly string[]): Promise<void> {
  await tx.run`insert into billing.supplied_region (region, account_id) select region, ${accountId} from unnest(${regions}::text[]) region`;
}

export async function domainsOf(tx: Transaction, accountId: string): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>`select domain_id as id from billing.account_domain where account_id = ${accountId} order by 1`;
  return rows.map(({ id }) => id);
}

/** Of the account and of all below it, to any depth. */
export async function domainsBelow(tx: Transaction, accountId: string): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>`
    with recursive below as (
      select id from billing.account where id = ${accountId}
      union all
      select account.id from billing.account account join below on account.parent_id = below.id
    )
    select domain_id as id from billing.account_domain where account_id in (select id from below) order by 1`;
  return rows.map(({ id }) => id);
}

export async function regionsOf(tx: Transaction, accountId: string): Promise<string[]> {
  const rows = await tx.rows<{ region: string }>`select region from billing.supplied_region where account_id = ${accountId} order by 1`;
  return rows.map(({ region }) => region);
}

export async function supplierOfRegion(tx: Transaction, region: string): Promise<string | undefined> {
  return (await tx.one<{ id: string }>`select account_id as id from billing.supplied_region where region = ${region}`)?.id;
}

/** Whoever else gives an invoice in this account's name waits. */
export async function takeInvoiceNumber(tx: Transaction, accountId: string): Promise<number> {
  const row = await tx.one<{ number: number }>`update billing.account set next_invoice = next_invoice + 1 where id = ${accountId} returning next_invoice - 1 as number`;
  return row!.number;
}

export type Assignment = { bookId: string; from: Date };

/** The newest first. */
export function listAssignments(tx: Transaction, accountId: string): Promise<Assignment[]> {
  return tx.rows<Assignment>`select book_id as "bookId", from_hour as "from" from billing.assignment where account_id = ${accountId} order by from_hour desc`;
}

export async function setAssignment(tx: Transaction, accountId: string, { bookId, from }: Assignment): Promise<void> {
  await tx.run`insert into billing.assignment (account_id, from_hour, book_id) values (${accountId}, ${from}, ${bookId}) on conflict (account_id, from_hour) do update set book_id = excluded.book_id`;
}
