import { numbers, texts } from '../../kit/postgres/arrays.ts';
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Shape = { resource: string; flavor: string; measures: Record<string, number> };

export type NewUsage = {
  hour: Date;
  projectId: string;
  resourceId: string;
  shapeId: number;
  previous: string | null;
  current: string | null;
  /** Milliseconds since 1970. */
  from: number;
  until: number;
  eventId: number | null;
};

export type HourSum = { hour: Date; projectId: string; shapeId: number; state: string; durationMs: number; records: number };

/** The number that is expected next; whoever else tells of this region waits. */
export async function lockRegion(tx: Transaction, region: string, now: Date): Promise<number> {
  const row = await tx.one<{ next: number }>`
    insert into metering.region (region, heard_at) values (${region}, ${now})
    on conflict (region) do update set heard_at = excluded.heard_at returning next_sequence as next`;
  return row!.next;
}

/** Until the transaction ends nothing more is taken of it. */
export async function holdRegion(tx: Transaction, region: string): Promise<number> {
  return (await tx.one<{ next: number }>`select next_sequence as next from metering.region where region = ${region} for update`)?.next ?? 1;
}

export async function nextOf(tx: Transaction, region: string): Promise<number> {
  return (await tx.one<{ next: number }>`select next_sequence as next from metering.region where region = ${region}`)?.next ?? 1;
}

export async function advanceRegion(tx: Transaction, region: string, next: number, through: string | null): Promise<void> {
  await tx.run`update metering.region set next_sequence = ${next}, through = greatest(through, ${through}::timestamptz) where region = ${region}`;
}

export type RegionProgress = { region: string; next: number; through: Date | null };

export function listRegions(tx: Transaction): Promise<RegionProgress[]> {
  return tx.rows<RegionProgress>`select region, next_sequence as next, through from metering.region order by region`;
}

/** The number of each shape, in the order of the list. */
export async function ensureShapes(tx: Transaction, shapes: readonly Shape[]): Promise<number[]> {
  if (shapes.length === 0) return [];
  const given = sql`unnest(${shapes.map(({ resource }) => resource)}::text[], ${shapes.map(({ flavor }) => flavor)}::text[], ${shapes.map(({ measures }) => sql.json(measures))}::jsonb[])`;
  await tx.run`
    insert into metering.shape (resource, flavor, measures) select * from ${given} as given (resource, flavor, measures)
    except select resource, flavor, measures from metering.shape
    on conflict do nothing`;
  const rows = await tx.rows<{ id: number }>`
    select shape.id from ${given} with ordinality as given (resource, flavor, measures, place) join metering.shape using (resource, flavor, measures) order by place`;
  return rows.map(({ id }) => id);
}

export async function unknownProjects(tx: Transaction, projectIds: readonly string[]): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>`
    select id from unnest(${projectIds}::text[]) id where not exists (select from metering.project where project_id = id)`;
  return rows.map(({ id }) => id);
}

export async function insertProjects(tx: Transaction, projects: readonly { projectId: string; domainId: string | null }[], now: Date): Promise<void> {
  await tx.run`
    insert into metering.project (project_id, domain_id, first_heard_at)
    select project_id, domain_id, ${now} from unnest(${projects.map(({ projectId }) => projectId)}::text[], ${projects.map(({ domainId }) => domainId)}::text[]) as given (project_id, domain_id)
    on conflict do nothing`;
}

export async function ensureMonths(tx: Transaction, months: readonly Date[]): Promise<void> {
  await tx.run`call metering.ensure_months(${months}::timestamptz[])`;
}

export async function insertRecords(tx: Transaction, region: string, first: number, records: readonly NewUsage[]): Promise<void> {
  const column = <T>(of: (each: NewUsage) => T) => records.map(of);
  // States are few, and any text.
  const states = [...new Set(records.flatMap(({ previous, current }) => [previous, current]))];
  const placeOf = new Map(states.map((state, index) => [state, index + 1]));
  await tx.run`
    insert into metering.record (region, sequence, hour, project_id, resource_id, shape_id, previous, current, since_at, until_at, event_id)
    select ${region}::text, ${first}::bigint + place - 1, to_timestamp(hour), project_id, resource_id, shape_id, states[previous], states[current], to_timestamp(since), to_timestamp(until), event_id
    from (select ${states}::text[] as states) known, unnest(
      ${numbers(column(({ hour }) => hour.getTime() / 1000))}::float8[], ${texts(column(({ projectId }) => projectId))}, ${texts(column(({ resourceId }) => resourceId))},
      ${numbers(column(({ shapeId }) => shapeId))}::int[], ${numbers(column(({ previous }) => placeOf.get(previous)!))}::int[], ${numbers(column(({ current }) => placeOf.get(current)!))}::int[],
      ${numbers(column(({ from }) => from / 1000))}::float8[], ${numbers(column(({ until }) => until / 1000))}::float8[], ${numbers(column(({ eventId }) => eventId))}::bigint[]
    ) with ordinality as record (hour, project_id, resource_id, shape_id, previous, current, since, until, event_id, place)`;
}

export async function addToHours(tx: Transaction, region: string, sums: readonly HourSum[]): Promise<void> {
  const column = <T>(of: (each: HourSum) => T) => sums.map(of);
  await tx.run`
    insert into metering.hour (hour, region, project_id, shape_id, state, duration_ms, records)
    select hour, ${region}::text, project_id, shape_id, state, duration_ms, records
    from unnest(
      ${column(({ hour }) => hour)}::timestamptz[], ${column(({ projectId }) => projectId)}::text[], ${column(({ shapeId }) => shapeId)}::int[],
      ${column(({ state }) => state)}::text[], ${column(({ durationMs }) => durationMs)}::bigint[], ${column(({ records }) => records)}::int[]
    ) as sum (hour, project_id, shape_id, state, duration_ms, records)
    on conflict (project_id, hour, region, shape_id, state) do update
      set duration_ms = metering.hour.duration_ms + excluded.duration_ms, records = metering.hour.records + excluded.records`;
}

// What is asked of it

/** Whose use, where and when. `upTo`: only records before these numbers of their regions, so that a sum can be had again. */
export type Selection = {
  from: Date;
  until: Date;
  /** Of projects in these domains; without, of all. */
  domainIds?: readonly string[];
  projectIds?: readonly string[];
  regions?: readonly string[];
  upTo?: ReadonlyMap<string, number>;
};

function selected({ from, until, domainIds, projectIds, regions, upTo }: Selection): Sql {
  const conditions = [sql`record.hour >= ${from}`, sql`record.hour < ${until}`];
  if (domainIds) conditions.push(sql`record.project_id in (select project_id from metering.project where domain_id = any(${domainIds}::text[]))`);
  if (projectIds) conditions.push(sql`record.project_id = any(${projectIds}::text[])`);
  if (regions) conditions.push(sql`record.region = any(${regions}::text[])`);
  if (upTo)
    conditions.push(sql`exists (
      select from unnest(${[...upTo.keys()]}::text[], ${[...upTo.values()]}::bigint[]) as seen (region, before)
      where seen.region = record.region and record.sequence < seen.before)`);
  return sql.and(conditions);
}

const durationMs = sql`(extract(epoch from record.until_at - record.since_at) * 1000)`;

export type UsageSum = Shape & { region: string; projectId: string; state: string; durationMs: number };

/** How long things of each shape were in each state, by project and region. */
export function sumRecords(tx: Transaction, selection: Selection): Promise<UsageSum[]> {
  return tx.rows<UsageSum>`
    with sum as (
      select record.region, record.project_id, record.shape_id, record.previous as state, sum(${durationMs})::bigint as duration_ms
      from metering.record record where record.previous is not null and ${selected(selection)}
      group by 1, 2, 3, 4
    )
    select sum.region, sum.project_id as "projectId", sum.state, sum.duration_ms as "durationMs", shape.resource, shape.flavor, shape.measures
    from sum join metering.shape on shape.id = sum.shape_id
    order by sum.project_id, sum.region, shape.resource, shape.flavor, shape.id, sum.state`;
}

/** The same for each thing. */
export function sumByResource(tx: Transaction, selection: Selection): Promise<(UsageSum & { resourceId: string })[]> {
  return tx.rows<UsageSum & { resourceId: string }>`
    with sum as (
      select record.region, record.project_id, record.shape_id, record.resource_id, record.previous as state, sum(${durationMs})::bigint as duration_ms
      from metering.record record where record.previous is not null and ${selected(selection)}
      group by 1, 2, 3, 4, 5
    )
    select sum.region, sum.project_id as "projectId", sum.resource_id as "resourceId", sum.state, sum.duration_ms as "durationMs", shape.resource, shape.flavor, shape.measures
    from sum join metering.shape on shape.id = sum.shape_id
    order by sum.project_id, sum.region, shape.resource, shape.flavor, shape.id, sum.state, sum.resource_id`;
}

export type UsageRow = Shape & {
  region: string;
  sequence: number;
  eventId: number | null;
  resourceId: string;
  projectId: string;
  previous: string | null;
  current: string | null;
  from: Date;
  until: Date;
};

/** As they were told, in the order of region and number, after a place in it. */
export function listRecords(tx: Transaction, selection: Selection & { resource?: string; resourceId?: string }, { after, limit }: { after?: { region: string; sequence: number }; limit: number }): Promise<UsageRow[]> {
  const conditions = [selected(selection)];
  if (selection.resourceId !== undefined) conditions.push(sql`record.resource_id = ${selection.resourceId}`);
  if (selection.resource !== undefined) conditions.push(sql`shape.resource = ${selection.resource}`);
  if (after) conditions.push(sql`(record.region, record.sequence) > (${after.region}, ${after.sequence})`);
  return tx.rows<UsageRow>`
    select record.region, record.sequence, record.event_id as "eventId", record.resource_id as "resourceId", record.project_id as "projectId", record.previous, record.current,
      record.since_at as "from", record.until_at as "until", shape.resource, shape.flavor, shape.measures
    from metering.record record join metering.shape on shape.id = record.shape_id
    where ${sql.and(conditions)} order by record.region, record.sequence limit ${limit}`;
}

export type HourRow = Shape & { hour: Date; region: string; projectId: string; state: string; durationMs: number; shapeId: number };

export type HourPlace = { hour: Date; region: string; shapeId: number; state: string };

/** The sums of one project by the hour, after a place in their order. */
export function listHours(
  tx: Transaction,
  { projectId, from, until, region, resource }: { projectId: string; from: Date; until: Date; region?: string | undefined; resource?: string | undefined },
  { after, limit }: { after?: HourPlace; limit: number },
): Promise<HourRow[]> {
  const conditions = [sql`sum.project_id = ${projectId}`, sql`sum.hour >= ${from}`, sql`sum.hour < ${until}`];
  if (region !== undefined) conditions.push(sql`sum.region = ${region}`);
  if (resource !== undefined) conditions.push(sql`shape.resource = ${resource}`);
  if (after) conditions.push(sql`(sum.hour, sum.region, sum.shape_id, sum.state) > (${after.hour}::timestamptz, ${after.region}::text, ${after.shapeId}::int, ${after.state}::text)`);
  return tx.rows<HourRow>`
    select sum.hour, sum.region, sum.project_id as "projectId", sum.state, sum.duration_ms as "durationMs", sum.shape_id as "shapeId", shape.resource, shape.flavor, shape.measures
    from metering.hour sum join metering.shape on shape.id = sum.shape_id
    where ${sql.and(conditions)} order by sum.hour, sum.region, sum.shape_id, sum.state limit ${limit}`;
}

/** Hours whose sum is not that of their records. */
export function wrongHours(tx: Transaction, since: Date): Promise<{ hour: Date; region: string; projectId: string }[]> {
  return tx.rows`
    with told as (
      select hour, region, project_id, shape_id, previous as state, sum(${durationMs})::bigint as duration_ms
      from metering.record record where previous is not null and hour >= ${since} group by 1, 2, 3, 4, 5
    )
    select coalesce(told.hour, sum.hour) as hour, coalesce(told.region, sum.region) as region, coalesce(told.project_id, sum.project_id) as "projectId"
    from told full join (select * from metering.hour where hour >= ${since}) sum using (hour, region, project_id, shape_id, state)
    where told.duration_ms is distinct from sum.duration_ms limit 20`;
}
