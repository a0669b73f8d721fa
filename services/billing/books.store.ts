import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { BookEntry } from './rating.ts';

export type Book = {
  id: string;
  accountId: string;
  name: string;
  version: number;
  currency: string;
  decimals: number;
  entries: BookEntry[];
  hash: string;
  derivedFrom: string | null;
  margin: string | null;
  createdAt: Date;
};

const columns = sql`
  book.id, book.account_id as "accountId", book.name, book.version, book.currency, book.decimals, book.entries, book.hash,
  book.derived_from as "derivedFrom", book.margin, book.created_at as "createdAt"`;

export function findBook(tx: Transaction, id: string): Promise<Book | undefined> {
  return tx.one<Book>`select ${columns} from billing.book book where id = ${id}`;
}

/** Those that the account sells by, and those by which is paid on its edges. */
export function listBooks(tx: Transaction, { ownerIds, edgeIds }: { ownerIds: readonly string[]; edgeIds: readonly string[] }): Promise<Book[]> {
  return tx.rows<Book>`
    select ${columns} from billing.book book
    where account_id = any(${ownerIds}::text[]) or id in (select book_id from billing.assignment where account_id = any(${edgeIds}::text[]))
    order by name, version, id`;
}

export async function nextVersion(tx: Transaction, accountId: string, name: string): Promise<number> {
  await tx.run`select pg_advisory_xact_lock(hashtext('billing.book'), hashtext(${accountId + name}))`;
  const row = await tx.one<{ version: number }>`select coalesce(max(version), 0) + 1 as version from billing.book where account_id = ${accountId} and name = ${name}`;
  return row!.version;
}

export async function insertBook(tx: Transaction, book: Book): Promise<void> {
  await tx.run`
    insert into billing.book (id, account_id, name, version, currency, decimals, entries, hash, derived_from, margin, created_at)
    values (${book.id}, ${book.accountId}, ${book.name}, ${book.version}, ${book.currency}, ${book.decimals}, ${sql.json(book.entries)}, ${book.hash}, ${book.derivedFrom}, ${book.margin}, ${book.createdAt})`;
}
