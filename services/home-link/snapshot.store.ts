/** The only file that names the tables of what a region remembers of home. */
import type { Static } from 'typebox';
import type { Standing as StandingShape } from '../../contract/intercloud/federation/feed.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Standing = Static<typeof StandingShape>;

export type Snapshot = { keys: { id: number; secret: Buffer }[]; roles: { number: number; name: string }[]; revocations: { id: number; subject: string }[]; standing: Standing | null; cursor: string | null };

export async function readSnapshot(tx: Transaction): Promise<Snapshot> {
  const keys = await tx.rows<Snapshot['keys'][number]>`select id, secret from home_link.token_key order by id`;
  const roles = await tx.rows<Snapshot['roles'][number]>`select number, name from home_link.role_name order by number`;
  const revocations = await tx.rows<Snapshot['revocations'][number]>`select id::float8 as id, subject from home_link.revocation order by id`;
  const standing = await tx.one<{ told: Standing | null }>`select told from home_link.standing`;
  return { keys, roles, revocations, standing: standing?.told ?? null, cursor: await readCursor(tx) };
}

export async function readCursor(tx: Transaction): Promise<string | null> {
  return (await tx.one<{ position: string | null }>`select position from home_link.cursor`)?.position ?? null;
}

export async function writeCursor(tx: Transaction, cursor: string): Promise<void> {
  await tx.run`update home_link.cursor set position = ${cursor}`;
}

export async function replaceKeys(tx: Transaction, keys: Snapshot['keys']): Promise<void> {
  await tx.run`delete from home_link.token_key`;
  for (const { id, secret } of keys) await tx.run`insert into home_link.token_key (id, secret) values (${id}, ${secret})`;
}

export async function replaceRoles(tx: Transaction, roles: Snapshot['roles']): Promise<void> {
  await tx.run`delete from home_link.role_name`;
  for (const { number, name } of roles) await tx.run`insert into home_link.role_name (number, name) values (${number}, ${name})`;
}

export async function replaceStanding(tx: Transaction, standing: Standing): Promise<void> {
  await tx.run`update home_link.standing set told = ${sql.json(standing)}::jsonb`;
}

export async function addRevocations(tx: Transaction, revocations: readonly { id: number; subject: string; at: string }[]): Promise<void> {
  if (revocations.length === 0) return;
  const rows = revocations.map(({ id, subject, at }) => sql`(${id}::bigint, ${subject}::text, ${at}::timestamptz)`);
  for (let start = 0; start < rows.length; start += 500) await tx.run`insert into home_link.revocation (id, subject, at) values ${sql.join(rows.slice(start, start + 500))} on conflict do nothing`;
}

export async function deleteRevocations(tx: Transaction, before: Date): Promise<void> {
  await tx.run`delete from home_link.revocation where at < ${before}`;
}
