import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Consumer = { id: string; projectId: string; userId: string; type: string | null; generation: number; isServer: boolean };

const columns = sql`id, project_id as "projectId", user_id as "userId", type, generation::int as generation, is_server as "isServer"`;

export function selectConsumer(tx: Transaction, id: string): Promise<Consumer | undefined> {
  return tx.one<Consumer>`select ${columns} from placement.consumer where id = ${id}`;
}

export function selectConsumers(tx: Transaction, ids: readonly string[]): Promise<Consumer[]> {
  return tx.rows<Consumer>`select ${columns} from placement.consumer where id = any(${[...ids]}::text[])`;
}

/** One after another for one consumer, also where it is not there yet. */
export async function lockConsumer(tx: Transaction, id: string): Promise<Consumer | undefined> {
  await tx.run`select pg_advisory_xact_lock(hashtext('placement.consumer'), hashtext(${id}))`;
  return tx.one<Consumer>`select ${columns} from placement.consumer where id = ${id} for update`;
}

export async function upsertConsumer(tx: Transaction, { id, projectId, userId, type }: Pick<Consumer, 'id' | 'projectId' | 'userId' | 'type'>, now: Date): Promise<void> {
  await tx.run`
    insert into placement.consumer as consumer (id, project_id, user_id, type, generation, is_server, created_at, updated_at)
    values (${id}, ${projectId}, ${userId}, ${type}, 1, false, ${now}, ${now})
    on conflict (id) do update
    set project_id = excluded.project_id, user_id = excluded.user_id, type = coalesce(excluded.type, consumer.type), generation = consumer.generation + 1, updated_at = excluded.updated_at`;
}

export type Usage = { type: string | null; resourceClass: string; used: number; consumers: number };

export function selectUsages(tx: Transaction, projectId: string, userId: string | null): Promise<Usage[]> {
  return tx.rows<Usage>`
    select consumer.type, allocation.resource_class as "resourceClass", sum(allocation.used)::int8 as used,
      (select count(*)::int from placement.consumer other where other.project_id = ${projectId} and (${userId}::text is null or other.user_id = ${userId}) and other.type is not distinct from consumer.type) as consumers
    from placement.allocation join placement.consumer on consumer.id = allocation.consumer_id
    where consumer.project_id = ${projectId} and (${userId}::text is null or consumer.user_id = ${userId})
    group by consumer.type, allocation.resource_class order by consumer.type, allocation.resource_class`;
}
