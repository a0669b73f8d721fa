import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type MeteringRule = {
  id: string; project_id: string; metering_label_id: string; direction: 'ingress' | 'egress'; excluded: boolean; remote_ip_prefix: string | null; source_ip_prefix: string | null; destination_ip_prefix: string | null;
};

/** How far a counter had come at the last look. */
export type Reading = { router_id: string; counter: string; host_id: string; packets: number; bytes: number; read_at: Date };

type Label = { id: string; project_id: string; shared: boolean };

const columns = sql`m.id, m.project_id, m.metering_label_id, m.direction, m.excluded, m.remote_ip_prefix, m.source_ip_prefix, m.destination_ip_prefix`;

export function rulesOfLabel(tx: Transaction, labelId: string): Promise<MeteringRule[]> {
  return tx.rows<MeteringRule>`select ${columns} from network.metering_label_rule m where m.metering_label_id = ${labelId} order by m.id`;
}

/** What is asked of a project's routers, by its own labels and by those that are shared. */
export function rulesOver(tx: Transaction, projectId: string): Promise<MeteringRule[]> {
  return tx.rows<MeteringRule>`
    select ${columns} from network.metering_label_rule m join network.metering_label l on l.id = m.metering_label_id
    where l.project_id = ${projectId} or l.shared order by m.id`;
}

export async function projectsWithLabels(tx: Transaction): Promise<string[]> {
  return (await tx.rows<{ project_id: string }>`select distinct project_id from network.metering_label`).map(({ project_id: id }) => id);
}

export async function routersUnder(tx: Transaction, { project_id: projectId, shared }: Label): Promise<string[]> {
  return (await tx.rows<{ id: string }>`select id from network.router where ${shared} or project_id = ${projectId}`).map(({ id }) => id);
}

/** What is asked of a router `r`, as the projection reads it. */
export const rulesOfRouter: Sql = sql`(
  select jsonb_agg(jsonb_build_object('direction', m.direction, 'remote_ip_prefix', m.remote_ip_prefix, 'source_ip_prefix', m.source_ip_prefix, 'destination_ip_prefix', m.destination_ip_prefix) order by m.id)
  from network.metering_label_rule m join network.metering_label l on l.id = m.metering_label_id where l.project_id = r.project_id or l.shared)`;

export async function isAnythingCounted(tx: Transaction): Promise<boolean> {
  return (await tx.one`select 1 from network.metering_label_rule limit 1`) !== undefined;
}

export type CountedRouter = { id: string; project_id: string };

export function countedRouters(tx: Transaction, ids: readonly string[]): Promise<CountedRouter[]> {
  return tx.rows<CountedRouter>`select id, project_id from network.router where id = any(${[...ids]}::text[])`;
}

export function allRules(tx: Transaction): Promise<(MeteringRule & { shared: boolean })[]> {
  return tx.rows`select ${columns}, l.shared from network.metering_label_rule m join network.metering_label l on l.id = m.metering_label_id`;
}

export function selectReadings(tx: Transaction): Promise<Reading[]> {
  return tx.rows<Reading>`select router_id, counter, host_id, packets::float8 as packets, bytes::float8 as bytes, read_at from network.traffic_reading for update`;
}

/** These are all that there are now. */
export async function putReadings(tx: Transaction, readings: readonly Omit<Reading, 'read_at'>[], now: Date): Promise<void> {
  const given = sql`unnest(${readings.map((each) => each.router_id)}::text[], ${readings.map(({ counter }) => counter)}::text[], ${readings.map((each) => each.host_id)}::text[], ${readings.map(({ packets }) => packets)}::bigint[], ${readings.map(({ bytes }) => bytes)}::bigint[]) as given (router_id, counter, host_id, packets, bytes)`;
  await tx.run(sql`delete from network.traffic_reading where (router_id, counter, host_id) not in (select router_id, counter, host_id from ${given})`);
  await tx.run(sql`
    insert into network.traffic_reading (router_id, counter, host_id, packets, bytes, read_at) select router_id, counter, host_id, packets, bytes, ${now} from ${given}
    on conflict (router_id, counter, host_id) do update set packets = excluded.packets, bytes = excluded.bytes, read_at = excluded.read_at`);
}
