import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { NewRecord, Running } from './intervals.ts';
import type { MeteredResource } from './observations.ts';

export type KeptRecord = NewRecord & { sequence: number };

type RunningRow = Omit<Running, 'measured'> & Running['measured'];

const runningColumns = sql`
  resource, resource_id as "resourceId", project_id as "projectId", state, flavor, measures, began_at as "began", metered_until as "meteredUntil"`;

export async function lockRunning(tx: Transaction, things: readonly { resource: MeteredResource; resourceId: string }[]): Promise<Running[]> {
  const rows = await tx.rows<RunningRow>`
    select ${runningColumns} from meter.running
    where (resource, resource_id) in (select * from unnest(${things.map(({ resource }) => resource)}::text[], ${things.map(({ resourceId }) => resourceId)}::text[]))
    for update`;
  return rows.map(running);
}

/** What is not recorded up to this moment, some of it. */
export async function lockRunningBefore(tx: Transaction, moment: Date, limit: number): Promise<Running[]> {
  const rows = await tx.rows<RunningRow>`
    select ${runningColumns} from meter.running where metered_until < ${moment} order by metered_until limit ${limit} for update`;
  return rows.map(running);
}

export async function saveRunning(tx: Transaction, running: readonly Running[]): Promise<void> {
  if (running.length === 0) return;
  const column = <T>(of: (each: Running) => T) => running.map(of);
  await tx.run`
    insert into meter.running (resource, resource_id, project_id, state, flavor, measures, began_at, metered_until)
    select * from unnest(
      ${column(({ resource }) => resource)}::text[], ${column(({ resourceId }) => resourceId)}::text[], ${column(({ projectId }) => projectId)}::text[],
      ${column(({ state }) => state)}::text[], ${column(({ measured }) => measured.flavor)}::text[], ${column(({ measured }) => sql.json(measured.measures))}::jsonb[],
      ${column(({ began }) => began)}::timestamptz[], ${column(({ meteredUntil }) => meteredUntil)}::timestamptz[])
    on conflict (resource, resource_id) do update set
      project_id = excluded.project_id, state = excluded.state, flavor = excluded.flavor, measures = excluded.measures,
      began_at = excluded.began_at, metered_until = excluded.metered_until`;
}

export async function deleteRunning(tx: Transaction, things: readonly { resource: MeteredResource; resourceId: string }[]): Promise<void> {
  if (things.length === 0) return;
  await tx.run`
    delete from meter.running
    where (resource, resource_id) in (select * from unnest(${things.map(({ resource }) => resource)}::text[], ${things.map(({ resourceId }) => resourceId)}::text[]))`;
}

/** Numbers them in this order. The counter's row is what two writers wait for, so that no number is lost or seen late. */
export async function appendRecords(tx: Transaction, records: readonly NewRecord[]): Promise<void> {
  if (records.length === 0) return;
  const column = <T>(of: (each: NewRecord) => T) => records.map(of);
  await tx.run`
    with numbered as (update meter.progress set next_sequence = next_sequence + ${records.length} returning next_sequence - ${records.length} as first)
    insert into meter.record (sequence, resource, resource_id, project_id, flavor, measures, previous, current, since_at, until_at, event_id)
    select numbered.first + record.place - 1, record.resource, record.resource_id, record.project_id, record.flavor, record.measures,
      record.previous, record.current, record.since_at, record.until_at, record.event_id
    from numbered, unnest(
      ${column(({ resource }) => resource)}::text[], ${column(({ resourceId }) => resourceId)}::text[], ${column(({ projectId }) => projectId)}::text[],
      ${column(({ measured }) => measured.flavor)}::text[], ${column(({ measured }) => sql.json(measured.measures))}::jsonb[],
      ${column(({ previous }) => previous)}::text[], ${column(({ current }) => current)}::text[],
      ${column(({ from }) => from)}::timestamptz[], ${column(({ until }) => until)}::timestamptz[], ${column(({ eventId }) => eventId)}::bigint[]
    ) with ordinality as record (resource, resource_id, project_id, flavor, measures, previous, current, since_at, until_at, event_id, place)`;
}

export type Progress = { next: number; acknowledged: number; through: Date | null; toldThrough: Date | null };

export async function readProgress(tx: Transaction): Promise<Progress> {
  const row = await tx.one<Progress>`select next_sequence as next, acknowledged, through, told_through as "toldThrough" from meter.progress`;
  if (!row) throw new Error('The counters of this region\'s meter are gone');
  return row;
}

export async function setThrough(tx: Transaction, through: Date): Promise<void> {
  await tx.run`update meter.progress set through = greatest(through, ${through})`;
}

export async function firstRecords(tx: Transaction, limit: number): Promise<KeptRecord[]> {
  const rows = await tx.rows<Omit<KeptRecord, 'measured'> & KeptRecord['measured']>`
    select sequence, resource, resource_id as "resourceId", project_id as "projectId", flavor, measures, previous, current,
      since_at as "from", until_at as "until", event_id as "eventId"
    from meter.record order by sequence limit ${limit}`;
  return rows.map(({ flavor, measures, ...record }) => ({ ...record, measured: { flavor, measures } }));
}

/** Home has all before `next`, and knows that all is told of what was until `through`. */
export async function forgetAcknowledged(tx: Transaction, { next, through }: { next: number; through: Date | null }): Promise<void> {
  await tx.run`delete from meter.record where sequence < ${next}`;
  await tx.run`update meter.progress set acknowledged = greatest(acknowledged, ${next - 1}), told_through = greatest(told_through, ${through})`;
}

function running({ flavor, measures, ...row }: RunningRow): Running {
  return { ...row, measured: { flavor, measures } };
}
