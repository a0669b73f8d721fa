/** Users and groups that are kept in a directory server, as rows that roles can be granted to. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type KnownUser = { id: string; localId: string; name: string; email: string | null; description: string | null; enabled: boolean };
export type KnownGroup = { id: string; localId: string; name: string; description: string | null };

export async function findLocalId(tx: Transaction, kind: 'user' | 'group', id: string): Promise<string | null> {
  const row = await tx.one<{ localId: string | null }>`select local_id as "localId" from ${sql.ident(`identity.${kind}`)} where id = ${id}`;
  return row?.localId ?? null;
}

export function listKnownUsers(tx: Transaction, domainId: string): Promise<KnownUser[]> {
  return tx.rows<KnownUser>`select id, local_id as "localId", name, email, description, enabled from identity."user" where domain_id = ${domainId} and local_id is not null`;
}

export function listKnownGroups(tx: Transaction, domainId: string): Promise<KnownGroup[]> {
  return tx.rows<KnownGroup>`select id, local_id as "localId", name, description from identity."group" where domain_id = ${domainId} and local_id is not null`;
}

/** A name that somebody else has in the domain is skipped: false. */
export async function putKnownUser(tx: Transaction, domainId: string, { id, localId, name, email, description, enabled }: KnownUser): Promise<boolean> {
  if ((await tx.one`select 1 from identity."user" where domain_id = ${domainId} and name = ${name} and id <> ${id}`) !== undefined) return false;
  await tx.run`
    insert into identity."user" (id, domain_id, name, email, description, enabled, local_id) values (${id}, ${domainId}, ${name}, ${email}, ${description}, ${enabled}, ${localId})
    on conflict (id) do update set name = excluded.name, email = excluded.email, description = excluded.description, enabled = excluded.enabled`;
  return true;
}

export async function putKnownGroup(tx: Transaction, domainId: string, { id, localId, name, description }: KnownGroup): Promise<boolean> {
  if ((await tx.one`select 1 from identity."group" where domain_id = ${domainId} and name = ${name} and id <> ${id}`) !== undefined) return false;
  await tx.run`
    insert into identity."group" (id, domain_id, name, description, local_id) values (${id}, ${domainId}, ${name}, ${description}, ${localId})
    on conflict (id) do update set name = excluded.name, description = excluded.description`;
  return true;
}
