import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { numbers, texts } from '../../kit/postgres/arrays.ts';
import type { NewRecord, Running } from './intervals.ts';
import type { MeteredResource } from './observations.ts';

/** By which the region's events are delivered to its meter. */
export const consumerName = 'meter';

export type KeptRecord = NewRecord & { sequence: number };

/** What the meter has to know of events: `Told`. */
export const toldColumns = sql`
  event.type, event.resource, event.resource_id as "resourceId", event.project_id as "projectId", date_part('epoch', event.at) * 1000 as at, event.payload ->> 'status' as status,
  case event.resource
    when 'server' then event.payload ->> 'flavor'
    when 'volume' then concat(event.payload ->> 'sizeGiB', ' ', event.payload ->> 'typeName')
    when 'image' then event.payload ->> 'sizeBytes'
    when 'container' then event.payload ->> 'bytes'
    else event.payload ->> 'sizeGiB'
  end as amount`;

// Moments as numbers: to write and read them as text costs more than all else that is done about a record.
type RunningRow = Omit<Running, 'measured' | 'began' | 'meteredUntil'> & { shapeId: number; began: number; meteredUntil: number };

const runningColumns = sql`
  running.resource, running.resource_id as "resourceId", running.project_id as "projectId", running.state, running.shape_id as "shapeId",
  date_part('epoch', running.began_at) * 1000 as "began", date_part('epoch', running.metered_until) * 1000 as "meteredUntil"`;

/** Transactions, by the numbers that PostgreSQL gives them. */
export type Locked = { /** The last that changed what lasts. */ changedBy: string; own: string };

/** Whoever else changes what lasts waits until the end of the transaction: one lock, where many things would need one each. */
export async function lockMeter(tx: Transaction): Promise<Locked> {
  await tx.run`select pg_advisory_xact_lock(hashtext('meter.running'))`;
  return (await tx.one<Locked>`select xmin::text as "changedBy", pg_current_xact_id()::xid::text as own from meter.change`)!;
}

export async function findRunning(tx: Transaction, things: readonly { resource: MeteredResource; resourceId: string }[]): Promise<Running[]> {
  if (things.length === 0) return [];
  const rows = await tx.rows<RunningRow>`
    select ${runningColumns} from unnest(${texts(things.map(({ resource }) => resource))}, ${texts(things.map(({ resourceId }) => resourceId))}) wanted (resource, resource_id),
      lateral (select * from meter.running found where found.resource = wanted.resource and found.resource_id = wanted.resource_id offset 0) running`;
  return withShapes(tx, rows);
}

/** All that lasts of these projects. */
export async function runningOf(tx: Transaction, projectIds: readonly string[]): Promise<Running[]> {
  return withShapes(tx, await tx.rows<RunningRow>`select ${runningColumns} from meter.running running where running.project_id = any(${[...projectIds]}::text[])`);
}

/** What is not recorded up to this moment, some of it: what comes after a place in the order of things. */
export async function findRunningBefore(tx: Transaction, moment: Date, { after, limit }: { after: { resource: string; resourceId: string } | undefined; limit: number }): Promise<Running[]> {
  const rows = await tx.rows<RunningRow>`
    select ${runningColumns} from meter.running running
    where running.metered_until < ${moment} and (running.resource, running.resource_id) > (${after?.resource ?? ''}::text, ${after?.resourceId ?? ''}::text)
    order by running.resource, running.resource_id limit ${limit}`;
  return withShapes(tx, rows);
}

async function withShapes(tx: Transaction, rows: readonly RunningRow[]): Promise<Running[]> {
  const shapes = await readShapes(tx, rows.map(({ shapeId }) => shapeId));
  return rows.map(({ resource, resourceId, projectId, state, shapeId, began, meteredUntil }) => ({
    resource, resourceId, projectId, state, measured: shapes.get(shapeId)!.measured, began: new Date(Math.round(began)), meteredUntil: new Date(Math.round(meteredUntil)),
  }));
}

export async function insertRunning(tx: Transaction, running: readonly Running[]): Promise<void> {
  if (running.length > 0) await tx.run`
    insert into meter.running (resource, resource_id, project_id, state, shape_id, began_at, metered_until)
    select resource, resource_id, project_id, state, shape_id, to_timestamp(began), to_timestamp(metered) from ${await asTable(tx, running)}`;
}

export async function updateRunning(tx: Transaction, running: readonly Running[]): Promise<void> {
  if (running.length === 0) return;
  await tx.run`
    update meter.running r set project_id = n.project_id, state = n.state, shape_id = n.shape_id, began_at = to_timestamp(n.began), metered_until = to_timestamp(n.metered)
    from ${await asTable(tx, running)}, ${place}
    where r.ctid = place.ctid`;
}

/** Where each of `n` is. Looked up one by one: a join would read the whole table, as the planner cannot know how few of it they are. */
const place = sql`lateral (select found.ctid from meter.running found where found.resource = n.resource and found.resource_id = n.resource_id offset 0) place`;

async function asTable(tx: Transaction, running: readonly Running[]): Promise<Sql> {
  const column = <T>(of: (each: Running) => T) => running.map(of);
  return sql`unnest(
    ${texts(column(({ resource }) => resource))}, ${texts(column(({ resourceId }) => resourceId))}, ${texts(column(({ projectId }) => projectId))},
    ${texts(column(({ state }) => state))}, ${numbers(await ensureShapes(tx, running))}::int[],
    ${numbers(column(({ began }) => began.getTime() / 1000))}::float8[], ${numbers(column(({ meteredUntil }) => meteredUntil.getTime() / 1000))}::float8[]) n (resource, resource_id, project_id, state, shape_id, began, metered)`;
}

export async function deleteRunning(tx: Transaction, things: readonly { resource: MeteredResource; resourceId: string }[]): Promise<void> {
  if (things.length === 0) return;
  await tx.run`
    delete from meter.running r using unnest(${texts(things.map(({ resource }) => resource))}, ${texts(things.map(({ resourceId }) => resourceId))}) n (resource, resource_id), ${place}
    where r.ctid = place.ctid`;
}

const mostOfPage = 2_500;

/** One record as a page has it, which begins at the number of its first. Moments in milliseconds since 1970. */
type Line = [resourceId: string, projectId: string, shapeId: number, previous: string | null, current: string | null, from: number, until: number, eventId: number | null];

/** Numbers them in this order. The counter's row is what two writers wait for, so that no number is lost or seen late. */
export async function appendRecords(tx: Transaction, records: readonly NewRecord[]): Promise<void> {
  if (records.length === 0) return;
  const shapeIds = await ensureShapes(tx, records);
  const lines = records.map(({ resourceId, projectId, previous, current, from, until, eventId }, index): Line => [resourceId, projectId, shapeIds[index]!, previous, current, from.getTime(), until.getTime(), eventId]);
  const pages = Array.from({ length: Math.ceil(lines.length / mostOfPage) }, (_, number) => lines.slice(number * mostOfPage, (number + 1) * mostOfPage));
  // Nearly always one, whose text goes as it is: within an array every quotation mark of it would be escaped.
  const rows = pages.map((page, number) => sql`(${number * mostOfPage}::int, ${page.length}::int, ${JSON.stringify(page)}::text)`);
  await tx.run`
    with changed as (update meter.change set singular = true),
    numbered as (update meter.progress set next_sequence = next_sequence + ${records.length} returning next_sequence - ${records.length} as first)
    insert into meter.page (first_sequence, count, records)
    select numbered.first + page.before, page.count, page.records from numbered, (values ${sql.join(rows)}) page (before, count, records)`;
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

/** Whole pages, the first in any case, up to so many records. */
export async function firstRecords(tx: Transaction, limit: number): Promise<KeptRecord[]> {
  const pages = await tx.rows<{ first: number; records: string }>`
    select first, records from (
      select first_sequence as first, count, records, sum(count) over (order by first_sequence) as through from (select * from meter.page order by first_sequence limit ${limit}) page
    ) page where through <= ${limit} or through = count order by first`;
  const { acknowledged } = await readProgress(tx);
  const lines = pages.flatMap(({ first, records }) => (JSON.parse(records) as Line[]).map((line, index) => ({ sequence: first + index, line })));
  const shapes = await readShapes(tx, lines.map(({ line: [, , shapeId] }) => shapeId));
  return lines.filter(({ sequence }) => sequence > acknowledged).map(({ sequence, line: [resourceId, projectId, shapeId, previous, current, from, until, eventId] }) => {
    const { resource, measured } = shapes.get(shapeId)!;
    return { sequence, resource, resourceId, projectId, measured, previous, current, from: new Date(from), until: new Date(until), eventId };
  });
}

/** Home has all before `next`, and knows that all is told of what was until `through`. */
export async function forgetAcknowledged(tx: Transaction, { next, through }: { next: number; through: Date | null }): Promise<void> {
  await tx.run`delete from meter.page where first_sequence + count <= ${next}`;
  await tx.run`update meter.progress set acknowledged = greatest(acknowledged, ${next - 1}), told_through = greatest(told_through, ${through})`;
}

/** How many records are kept that home has not acknowledged. */
export async function countKept(tx: Transaction): Promise<number> {
  const row = await tx.one<{ kept: number }>`
    select coalesce(sum(page.first_sequence + page.count - greatest(page.first_sequence, progress.acknowledged + 1)), 0)::int as kept from meter.page page, meter.progress progress`;
  return row?.kept ?? 0;
}

/** There are few shapes, of however many things: each is read once. */
async function readShapes(tx: Transaction, wanted: readonly number[]): Promise<Map<number, Shaped>> {
  const ids = [...new Set(wanted)];
  if (ids.length === 0) return new Map();
  const rows = await tx.rows<{ id: number; resource: MeteredResource } & Running['measured']>`select id, resource, flavor, measures from meter.shape where id = any(${ids}::int[])`;
  return new Map(rows.map(({ id, resource, flavor, measures }) => [id, { resource, measured: { flavor, measures } }]));
}

type Shaped = { resource: MeteredResource; measured: Running['measured'] };

/** The number of the shape of each of these, in their order; there are few shapes, of however many things. */
async function ensureShapes(tx: Transaction, things: readonly Shaped[]): Promise<number[]> {
  // Most things of one shape share one measure.
  const places = new Map<Running['measured'], number>();
  const shapes: Shaped[] = [];
  const placeOf = things.map(({ resource, measured }) => places.get(measured) ?? places.set(measured, shapes.push({ resource, measured }) - 1).size - 1);
  // By the index of what there is: images and containers have many sizes in the end.
  const given = sql`unnest(${shapes.map(({ resource }) => resource)}::text[], ${shapes.map(({ measured }) => measured.flavor)}::text[], ${shapes.map(({ measured }) => sql.json(measured.measures))}::jsonb[])`;
  await tx.run`
    insert into meter.shape (resource, flavor, measures) select distinct * from ${given} as given (resource, flavor, measures)
    where not exists (select from meter.shape shape where (shape.resource, shape.flavor, shape.measures) = (given.resource, given.flavor, given.measures))
    on conflict do nothing`;
  const rows = await tx.rows<{ id: number }>`
    select shape.id from ${given} with ordinality as given (resource, flavor, measures, place) join meter.shape shape using (resource, flavor, measures) order by place`;
  return placeOf.map((place) => rows[place]!.id);
}
