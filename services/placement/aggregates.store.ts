import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Aggregate = {
  id: string;
  number: number;
  name: string;
  metadata: Record<string, string>;
  /** Names of the hosts in it. */
  hosts: string[];
  createdAt: Date;
  updatedAt: Date | null;
};

const columns = sql`
  aggregate.id, aggregate.number, aggregate.name, aggregate.metadata, aggregate.created_at as "createdAt", aggregate.updated_at as "updatedAt",
  (
    select coalesce(jsonb_agg(provider.hostname order by provider.number), '[]')
    from placement.provider_aggregate member join placement.provider on provider.id = member.provider_id
    where member.aggregate_id = aggregate.id and provider.report is not null
  ) as hosts`;

export function selectAggregates(tx: Transaction): Promise<Aggregate[]> {
  return tx.rows<Aggregate>`select ${columns} from placement.aggregate order by aggregate.number`;
}

export function lockAggregate(tx: Transaction, number: number): Promise<Aggregate | undefined> {
  return tx.one<Aggregate>`select ${columns} from placement.aggregate where aggregate.number = ${number} for update of aggregate`;
}

export function selectAggregate(tx: Transaction, number: number): Promise<Aggregate | undefined> {
  return tx.one<Aggregate>`select ${columns} from placement.aggregate where aggregate.number = ${number}`;
}

/** Its number; undefined when another has its name. */
export async function insertAggregate(tx: Transaction, { id, name, metadata }: Pick<Aggregate, 'id' | 'name' | 'metadata'>, now: Date): Promise<number | undefined> {
  const made = await tx.one<{ number: number }>`
    insert into placement.aggregate (id, name, metadata, created_at) values (${id}, ${name}, ${sql.json(metadata)}::jsonb, ${now})
    on conflict do nothing returning number`;
  return made?.number;
}

/** Whether the name was free. */
export async function updateAggregateRow(tx: Transaction, id: string, { name, metadata }: Pick<Aggregate, 'name' | 'metadata'>, now: Date): Promise<boolean> {
  const changed = await tx.run`
    update placement.aggregate set name = ${name}, metadata = ${sql.json(metadata)}::jsonb, updated_at = ${now}
    where id = ${id} and not exists (select from placement.aggregate where name = ${name} and id <> ${id})`;
  return changed === 1;
}

export async function deleteAggregateRow(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from placement.aggregate where id = ${id}`;
}

/** Whether it was not in it before. */
export async function insertMember(tx: Transaction, aggregateId: string, providerId: string): Promise<boolean> {
  return (await tx.run`insert into placement.provider_aggregate (provider_id, aggregate_id) values (${providerId}, ${aggregateId}) on conflict do nothing`) === 1;
}

/** Whether it was in it. */
export async function deleteMember(tx: Transaction, aggregateId: string, providerId: string): Promise<boolean> {
  return (await tx.run`delete from placement.provider_aggregate where provider_id = ${providerId} and aggregate_id = ${aggregateId}`) === 1;
}

/** The zone of a host is that of its aggregates, which agree on it. Returns the hosts whose zone has changed. */
export function updateZones(tx: Transaction): Promise<{ id: string; number: number }[]> {
  return tx.rows`
    with zone as (
      select provider.id, coalesce(min(aggregate.metadata ->> 'availability_zone'), 'nova') as name
      from placement.provider
      left join placement.provider_aggregate member on member.provider_id = provider.id
      left join placement.aggregate on aggregate.id = member.aggregate_id
      group by provider.id
    )
    update placement.provider set availability_zone = zone.name, generation = generation + 1
    from zone where zone.id = provider.id and provider.availability_zone <> zone.name
    returning provider.id, provider.number`;
}
