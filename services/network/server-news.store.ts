import type { Transaction } from '../../kit/postgres/database.ts';

export function insertNews(tx: Transaction, portIds: readonly string[], now: Date): Promise<number> {
  return tx.run`
    insert into network.server_news (server_id, since)
    select distinct server_id, ${now}::timestamptz from network.port where id = any(${[...portIds]}::text[]) and server_id is not null order by server_id
    on conflict (server_id) do update set since = excluded.since`;
}

export function insertNewsOfGroup(tx: Transaction, groupId: string, now: Date): Promise<number> {
  return tx.run`
    insert into network.server_news (server_id, since)
    select distinct p.server_id, ${now}::timestamptz from network.port_security_group g join network.port p on p.id = g.port_id where g.security_group_id = ${groupId} and p.server_id is not null order by server_id
    on conflict (server_id) do update set since = excluded.since`;
}

/** The oldest, each to one taker: what its transaction does about them is done exactly once. */
export async function takeNews(tx: Transaction, limit: number): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>`
    delete from network.server_news where server_id in (select server_id from network.server_news order by since, server_id limit ${limit} for update skip locked) returning server_id as id`;
  return rows.map(({ id }) => id);
}
