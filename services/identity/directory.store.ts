/** The only file that names the tables of token keys and revocations. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';

/** `isSealed`: not so in clouds that are older than their own key, until the next start. */
export type StoredTokenKey = { id: number; secret: Buffer; isSealed: boolean; signsFrom: Date };

export function listTokenKeys(tx: Transaction): Promise<StoredTokenKey[]> {
  return tx.rows<StoredTokenKey>`select id::int, secret, sealed as "isSealed", signs_from as "signsFrom" from identity.token_key order by signs_from`;
}

export async function replaceTokenKey(tx: Transaction, id: number, { from, to }: { from: Buffer; to: Buffer }): Promise<void> {
  await tx.run`update identity.token_key set secret = ${to}, sealed = true where id = ${id} and secret = ${from}`;
}

/** Adds the sealed key unless there is one already. */
export async function ensureFirstTokenKey(tx: Transaction, { secret, now }: { secret: Buffer; now: Date }): Promise<void> {
  await tx.run`lock table identity.token_key in share row exclusive mode`;
  await tx.run`
    insert into identity.token_key (secret, sealed, created_at, signs_from)
    select ${secret}, true, ${now}, ${now} where not exists (select from identity.token_key)`;
}

export async function insertTokenKey(tx: Transaction, { secret, now, signsFrom }: { secret: Buffer; now: Date; signsFrom: Date }): Promise<void> {
  await tx.run`insert into identity.token_key (secret, sealed, created_at, signs_from) values (${secret}, true, ${now}, ${signsFrom})`;
}

/** Keys that a newer one replaced so long ago that no token signed with them can be asked about. */
export async function deleteTokenKeys(tx: Transaction, replacedBefore: Date): Promise<void> {
  await tx.run`
    delete from identity.token_key k
    where exists (select from identity.token_key newer where newer.signs_from > k.signs_from and newer.signs_from < ${replacedBefore})`;
}

export type Revocation = { id: number; subject: string };
export type RevocationEvent = Revocation & { at: Date };

export function listRevocationEvents(tx: Transaction, since: Date | undefined, most: number): Promise<RevocationEvent[]> {
  return tx.rows<RevocationEvent>`
    select id::float8 as id, subject, at from identity.revocation where at >= coalesce(${since ?? null}::timestamptz, '-infinity') order by id limit ${most}`;
}

/** What was made is told before the transaction ends; nobody waits for it. */
export function insertRevocations(tx: Transaction, subjects: readonly string[], now: Date, made: (revocations: Revocation[]) => void): void {
  // Until the commit: whoever sees an id has seen all smaller ones.
  tx.queue(sql`select pg_advisory_xact_lock(hashtext('identity.revocation'))`);
  tx.queue<Revocation>(sql`
    insert into identity.revocation (subject, at) select subject, ${now} from unnest(${subjects}::text[]) subject
    returning id::float8 as id, subject`, undefined, made);
}

export function listRevocations(tx: Transaction, after: number): Promise<Revocation[]> {
  return tx.rows<Revocation>`select id::float8 as id, subject from identity.revocation where id > ${after} order by id`;
}

export async function wereRevoked(tx: Transaction, subjects: readonly string[], after: number): Promise<boolean> {
  return (await tx.rows`select 1 from identity.revocation where id > ${after} and subject = any(${subjects}::text[]) limit 1`).length > 0;
}

export async function newestRevocation(tx: Transaction): Promise<number> {
  const row = await tx.one<{ id: number }>`select coalesce(max(id), 0)::float8 as id from identity.revocation`;
  return row?.id ?? 0;
}

export async function deleteRevocations(tx: Transaction, before: Date): Promise<void> {
  await tx.run`delete from identity.revocation where at < ${before}`;
}

export async function countRoleChanges(tx: Transaction): Promise<number> {
  const row = await tx.one<{ count: number }>`select count::float8 as count from identity.role_change`;
  return row?.count ?? 0;
}

export function listRoleNumbers(tx: Transaction): Promise<{ number: number; id: string; name: string }[]> {
  return tx.rows<{ number: number; id: string; name: string }>`select number, id, name from identity.role`;
}
