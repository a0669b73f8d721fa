/** The only file that names the tables of groups and their members. */
import { sql, type Explain, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Group = { id: string; domainId: string; name: string; description: string | null; extra: Record<string, unknown> };

const columns = sql`id, domain_id as "domainId", name, description, extra`;

export function findGroup(tx: Transaction, id: string): Promise<Group | undefined> {
  return tx.one<Group>`select ${columns} from identity."group" where id = ${id}`;
}

/** Whoever adds members and whoever takes the group's roles away wait for one another. */
export function lockGroup(tx: Transaction, id: string): Promise<Group | undefined> {
  return tx.one<Group>`select ${columns} from identity."group" where id = ${id} for update`;
}

export function listGroups(tx: Transaction, conditions: readonly Sql[], most: number | Sql): Promise<Group[]> {
  return tx.rows<Group>`select ${columns} from identity."group" where ${sql.and(conditions)} order by id limit ${most}`;
}

export const groupOf = (userId: string): Sql => sql`id in (select group_id from identity.membership where user_id = ${userId})`;

export async function insertGroup(tx: Transaction, group: Group, explain?: Explain): Promise<void> {
  tx.queue(sql`
    insert into identity."group" (id, domain_id, name, description, extra)
    values (${group.id}, ${group.domainId}, ${group.name}, ${group.description}, ${sql.json(group.extra)})`, explain);
}

export async function updateGroup(tx: Transaction, group: Group, explain?: Explain): Promise<void> {
  tx.queue(sql`
    update identity."group" set name = ${group.name}, description = ${group.description}, extra = ${sql.json(group.extra)} where id = ${group.id}`, explain);
}

export async function deleteGroup(tx: Transaction, id: string): Promise<void> {
  tx.queue(sql`delete from identity."group" where id = ${id}`);
}

export async function insertMember(tx: Transaction, groupId: string, userId: string): Promise<void> {
  tx.queue(sql`insert into identity.membership (group_id, user_id) values (${groupId}, ${userId}) on conflict do nothing`);
}

export async function isMember(tx: Transaction, groupId: string, userId: string): Promise<boolean> {
  return (await tx.one`select 1 from identity.membership where group_id = ${groupId} and user_id = ${userId}`) !== undefined;
}

export async function deleteMember(tx: Transaction, groupId: string, userId: string): Promise<boolean> {
  return (await tx.run`delete from identity.membership where group_id = ${groupId} and user_id = ${userId}`) === 1;
}

export async function listMemberIds(tx: Transaction, groupId: string): Promise<string[]> {
  return (await tx.rows<{ id: string }>`select user_id as id from identity.membership where group_id = ${groupId}`).map(({ id }) => id);
}
