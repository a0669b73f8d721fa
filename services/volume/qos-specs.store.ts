/** The SQL of QoS specifications. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Consumer = 'front-end' | 'back-end' | 'both';
export type QosSpec = { id: string; name: string; consumer: Consumer; specs: Record<string, string | null> };

const columns = sql.raw('q.id, q.name, q.consumer, q.specs');

export function selectQosSpecs(tx: Transaction, { conditions, order, limit, offset }: { conditions: readonly Sql[]; order: Sql; limit: number; offset: number }): Promise<QosSpec[]> {
  return tx.rows<QosSpec>`select ${columns} from volume.qos_spec q where ${sql.and(conditions)} order by ${order} limit ${limit} offset ${offset}`;
}

export function findQosSpec(tx: Transaction, id: string): Promise<QosSpec | undefined> {
  return tx.one<QosSpec>`select ${columns} from volume.qos_spec q where q.id = ${id}`;
}

/** None: the name is taken. */
export function insertQosSpec(tx: Transaction, { id, name, consumer, specs }: QosSpec, now: Date): Promise<number> {
  return tx.run`insert into volume.qos_spec (id, name, consumer, specs, created_at) values (${id}, ${name}, ${consumer}, ${sql.json(specs)}::jsonb, ${now}) on conflict (name) do nothing`;
}

export function updateQosSpec(tx: Transaction, { id, consumer, specs }: QosSpec): Promise<number> {
  return tx.run`update volume.qos_spec set consumer = ${consumer}, specs = ${sql.json(specs)}::jsonb where id = ${id}`;
}

export function deleteQosSpecRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from volume.qos_spec where id = ${id}`;
}

/** The types that have it. */
export function typesWithQos(tx: Transaction, qosId: string): Promise<{ id: string; name: string }[]> {
  return tx.rows`select id, name from volume.type where qos_id = ${qosId} order by name`;
}

/** Of all types that have this one, where no type is named. */
export function setTypeQos(tx: Transaction, { typeId, from, to }: { typeId?: string; from?: string; to: string | null }): Promise<number> {
  return tx.run`update volume.type set qos_id = ${to} where ${typeId === undefined ? sql`true` : sql`id = ${typeId}`} and ${from === undefined ? sql`true` : sql`qos_id = ${from}`}`;
}
