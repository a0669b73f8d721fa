/** The only file that names the table of sealing keys, and the sealed columns of other tables as such. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';

/** Tables with a column `sealed`, and `sealing_key_id` beside it. */
export const sealedTables = ['credential', 'consumer', 'request_token', 'access_token', 'domain_option'] as const;
export type SealedTable = (typeof sealedTables)[number];

export type StoredKey = { id: number; sealed: Buffer; createdAt: Date };

export function listSealingKeys(tx: Transaction): Promise<StoredKey[]> {
  return tx.rows<StoredKey>`select id::int, sealed, created_at as "createdAt" from identity.sealing_key order by id`;
}

export function newestSealingKey(tx: Transaction): Promise<StoredKey | undefined> {
  return tx.one<StoredKey>`select id::int, sealed, created_at as "createdAt" from identity.sealing_key order by id desc limit 1`;
}

export function findSealingKey(tx: Transaction, id: number): Promise<StoredKey | undefined> {
  return tx.one<StoredKey>`select id::int, sealed, created_at as "createdAt" from identity.sealing_key where id = ${id}`;
}

/** Whoever makes the first key, or a newer one, does so alone. */
export async function lockSealingKeys(tx: Transaction): Promise<void> {
  await tx.run`lock table identity.sealing_key in share row exclusive mode`;
}

/** The place of its seal is its number: it has one before it is sealed. */
export async function nextSealingKeyId(tx: Transaction): Promise<number> {
  const row = await tx.one<{ id: number }>`select nextval(pg_get_serial_sequence('identity.sealing_key', 'id'))::int as id`;
  if (!row) throw new Error('a sequence gave no number');
  return row.id;
}

export async function insertSealingKey(tx: Transaction, { id, sealed, createdAt }: StoredKey): Promise<void> {
  await tx.run`insert into identity.sealing_key (id, sealed, created_at) overriding system value values (${id}, ${sealed}, ${createdAt})`;
}

export async function updateSealingKey(tx: Transaction, { id, sealed }: Pick<StoredKey, 'id' | 'sealed'>): Promise<void> {
  await tx.run`update identity.sealing_key set sealed = ${sealed} where id = ${id}`;
}

export type SealedRow = { id: string; sealed: Buffer };

export function lockRowsOfOtherKeys(tx: Transaction, table: SealedTable, newestId: number, most: number): Promise<SealedRow[]> {
  return tx.rows<SealedRow>`
    select id, sealed from ${sql.ident(`identity.${table}`)} where sealing_key_id <> ${newestId} order by id limit ${most} for update skip locked`;
}

/** Of every row that has one. */
export function listSealed(tx: Transaction, table: SealedTable): Promise<SealedRow[]> {
  return tx.rows<SealedRow>`select id, sealed from ${sql.ident(`identity.${table}`)} where sealed is not null order by id`;
}

export async function replaceSealed(tx: Transaction, table: SealedTable, { id, sealed }: SealedRow, keyId: number): Promise<void> {
  await tx.run`update ${sql.ident(`identity.${table}`)} set sealed = ${sealed}, sealing_key_id = ${keyId} where id = ${id}`;
}

/** Keys that have been replaced for long and seal nothing any more. */
export async function deleteUnusedKeys(tx: Transaction, newestId: number, madeBefore: Date): Promise<number> {
  const unused = sealedTables.map((table) => sql`not exists (select from ${sql.ident(`identity.${table}`)} t where t.sealing_key_id = k.id)`);
  return tx.run`delete from identity.sealing_key k where k.id < ${newestId} and k.created_at < ${madeBefore} and ${sql.and(unused)}`;
}
