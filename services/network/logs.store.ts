import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type LogEvent = 'ACCEPT' | 'DROP' | 'ALL';

type Logged = { project_id: string; resource_id: string | null; target_id: string | null };

/** Groups whose packets such a log is about: its own, else its port's, else all of its project. */
export async function groupsLogged(tx: Transaction, { project_id, resource_id, target_id }: Logged): Promise<string[]> {
  if (resource_id !== null) return [resource_id];
  const rows = target_id === null
    ? await tx.rows<{ id: string }>`select id from network.security_group where project_id = ${project_id}`
    : await tx.rows<{ id: string }>`select security_group_id as id from network.port_security_group where port_id = ${target_id}`;
  return rows.map(({ id }) => id);
}

export async function isGuarded(tx: Transaction, portId: string, groupId: string): Promise<boolean> {
  return (await tx.one`select 1 from network.port_security_group where port_id = ${portId} and security_group_id = ${groupId}`) !== undefined;
}

export function deleteLogsOn(tx: Transaction, what: 'resource_id' | 'target_id', ids: readonly string[]): Promise<(Logged & { id: string })[]> {
  return tx.rows(sql`delete from network.log where ${sql.ident(what)} = any(${[...ids]}::text[]) returning id, project_id, resource_id, target_id`);
}

export async function isPortLogged(tx: Transaction, portId: string): Promise<boolean> {
  return (await tx.one`select 1 from network.log where target_id = ${portId} limit 1`) !== undefined;
}

/** In which log what a group `r` lets pass is written, and in which what it drops: a packet is written down once, in the oldest log that is about it. */
export const logOfGroup = sql`(
  select jsonb_strip_nulls(jsonb_build_object('accept', (array_agg(l.id order by l.created_at, l.id) filter (where l.event <> 'DROP'))[1], 'drop', (array_agg(l.id order by l.created_at, l.id) filter (where l.event <> 'ACCEPT'))[1]))
  from network.log l where l.enabled and case
    when l.resource_id is not null then l.resource_id = r.id
    when l.target_id is not null then exists (select from network.port_security_group g where g.port_id = l.target_id and g.security_group_id = r.id)
    else l.project_id = r.project_id end
  having count(*) > 0)`;
