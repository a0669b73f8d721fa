import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Plain, Signed } from '../../kit/signed.ts';
import type { Finding, IntervalRow, SumRow } from './matching.ts';
import { unsoldStates } from './states.ts';

export type Agreement = {
  id: string;
  role: 'consumer' | 'provider';
  peer: string;
  region: string;
  domainId: string | null;
  keys: { id: string; public_key: string }[];
  toleranceSeconds: number;
  lateHours: number;
  bookHash: string;
  createdAt: Date;
};

const agreementColumns = sql`
  id, role, peer, region, domain_id as "domainId", keys, tolerance_seconds as "toleranceSeconds", late_hours as "lateHours", book_hash as "bookHash", created_at as "createdAt"`;

export function listAgreements(tx: Transaction): Promise<Agreement[]> {
  return tx.rows<Agreement>`select ${agreementColumns} from metering.agreement order by id`;
}

export function findAgreement(tx: Transaction, id: string): Promise<Agreement | undefined> {
  return tx.one<Agreement>`select ${agreementColumns} from metering.agreement where id = ${id}`;
}

export async function insertAgreement(tx: Transaction, each: Agreement): Promise<void> {
  await tx.run`
    insert into metering.agreement (id, role, peer, region, domain_id, keys, tolerance_seconds, late_hours, book_hash, created_at)
    values (${each.id}, ${each.role}, ${each.peer}, ${each.region}, ${each.domainId}, ${sql.json(each.keys)}, ${each.toleranceSeconds}, ${each.lateHours}, ${each.bookHash}, ${each.createdAt})`;
}

export type Counterpart = { kind: 'project' | 'resource'; peerId: string; ownId: string };

export async function saveCounterparts(tx: Transaction, agreementId: string, counterparts: readonly Counterpart[]): Promise<void> {
  await tx.run`
    insert into metering.counterpart (agreement_id, kind, peer_id, own_id)
    select distinct on (kind, peer_id) ${agreementId}, kind, peer_id, own_id
    from unnest(${counterparts.map(({ kind }) => kind)}::text[], ${counterparts.map(({ peerId }) => peerId)}::text[], ${counterparts.map(({ ownId }) => ownId)}::text[]) as given (kind, peer_id, own_id)
    on conflict (agreement_id, kind, peer_id) do update set own_id = excluded.own_id`;
}

export function listCounterparts(tx: Transaction, agreementId: string): Promise<Counterpart[]> {
  return tx.rows<Counterpart>`select kind, peer_id as "peerId", own_id as "ownId" from metering.counterpart where agreement_id = ${agreementId}`;
}

// What we have counted

const sold = sql`not (record.previous = any(${[...unsoldStates]}::text[]))`;

/** Of a region, and as provider of the projects of one domain. */
export type Counted = Pick<Agreement, 'region' | 'domainId'>;

const ofDomain = ({ domainId }: Counted) => (domainId === null ? sql`true` : sql`record.project_id in (select project_id from metering.project where domain_id = ${domainId})`);

export function sumsOfHour(tx: Transaction, counted: Counted, hour: Date): Promise<SumRow[]> {
  return tx.rows<SumRow>`
    select record.project_id as project, shape.resource, measure.key as measure, sum(record.duration_ms * measure.value::numeric)::text as unit_ms
    from (select project_id, region, hour, shape_id, state as previous, duration_ms from metering.hour) record join metering.shape on shape.id = record.shape_id, jsonb_each_text(shape.measures) measure
    where record.region = ${counted.region} and record.hour = ${hour} and ${sold} and ${ofDomain(counted)}
    group by 1, 2, 3 having sum(record.duration_ms * measure.value::numeric) <> 0 order by 1, 2, 3`;
}

const durationMs = sql`(extract(epoch from record.until_at - record.since_at) * 1000)`;

export function resourcesOfHour(tx: Transaction, counted: Counted, hour: Date, { project, resource }: { project: string; resource: string }): Promise<{ resource_id: string; measure: string; unit_ms: string }[]> {
  return tx.rows`
    select record.resource_id, measure.key as measure, trunc(sum(${durationMs} * measure.value::numeric))::text as unit_ms
    from metering.record record join metering.shape on shape.id = record.shape_id, jsonb_each_text(shape.measures) measure
    where record.region = ${counted.region} and record.hour = ${hour} and record.project_id = ${project} and shape.resource = ${resource}
      and record.previous is not null and ${sold} and ${ofDomain(counted)}
    group by 1, 2 having sum(${durationMs} * measure.value::numeric) <> 0 order by 1, 2`;
}

/** Intervals of one thing, and the changes that began them, as intervals without a length; also those that touch the ends. */
export async function intervalsOf(tx: Transaction, counted: Counted, { resourceId, from, until }: { resourceId: string; from: Date; until: Date }): Promise<IntervalRow[]> {
  const rows = await tx.rows<{ event: string | null; state: string; from: Date; until: Date; measures: Record<string, number> }>`
    select record.event_id::text as event, case when was.sold then record.previous else record.current end as state,
      case when was.sold then record.since_at else record.until_at end as "from", record.until_at as "until", shape.measures
    from metering.record record join metering.shape on shape.id = record.shape_id,
      lateral (select record.previous is not null and ${sold} as sold) was
    where record.region = ${counted.region} and record.resource_id = ${resourceId} and ${ofDomain(counted)}
      and (was.sold or (record.event_id is not null and record.current is not null and not (record.current = any(${[...unsoldStates]}::text[]))))
      and record.hour >= date_trunc('hour', ${from}::timestamptz, 'UTC') and greatest(record.since_at, record.until_at) >= ${from} and least(record.since_at, record.until_at) < ${until}
    order by record.sequence`;
  return rows.map((row) => ({ ...row, from: row.from.toISOString(), until: row.until.toISOString() }));
}

export async function changeBefore(tx: Transaction, { region }: Counted, { resourceId, before }: { resourceId: string; before: Date }): Promise<string | null> {
  const row = await tx.one<{ event: string }>`
    select event_id::text as event from metering.record
    where region = ${region} and resource_id = ${resourceId} and event_id is not null and until_at < ${before} order by sequence desc limit 1`;
  return row?.event ?? null;
}

// What was said

export type Side = 'own' | 'peer' | 'accepted';

export type KeptStatement = { revision: number; signed: Signed; takenAt: Date };

/** The newest revision. */
export function findStatement(tx: Transaction, agreementId: string, hour: Date, side: Side): Promise<KeptStatement | undefined> {
  return tx.one<KeptStatement>`
    select revision, signed, taken_at as "takenAt" from metering.statement where agreement_id = ${agreementId} and hour = ${hour} and side = ${side} order by revision desc limit 1`;
}

export async function lastStated(tx: Transaction, agreementId: string): Promise<Date | null> {
  const row = await tx.one<{ hour: Date | null }>`select max(hour) as hour from metering.statement where agreement_id = ${agreementId} and side = 'own'`;
  return row?.hour ?? null;
}

export async function insertStatement(tx: Transaction, { agreementId, hour, side, revision, signed, at }: { agreementId: string; hour: Date; side: Side; revision: number; signed: Signed<Plain>; at: Date }): Promise<void> {
  await tx.run`
    insert into metering.statement (agreement_id, hour, side, revision, signed, taken_at) values (${agreementId}, ${hour}, ${side}, ${revision}, ${sql.json(signed)}, ${at})`;
}

/** Hours of which the peer has said something that was not compared yet. */
export function hoursToMatch(tx: Transaction, agreementId: string): Promise<{ hour: Date }[]> {
  return tx.rows`
    select said.hour from metering.statement said left join metering.matched using (agreement_id, hour)
    where said.agreement_id = ${agreementId} and said.side = 'peer' group by said.hour, matched.peer_revision
    having max(said.revision) > coalesce(matched.peer_revision, 0) order by said.hour limit 1000`;
}

export async function saveMatched(tx: Transaction, { agreementId, hour, ownRevision, peerRevision, rows, at }: { agreementId: string; hour: Date; ownRevision: number; peerRevision: number; rows: readonly SumRow[]; at: Date }): Promise<void> {
  await tx.run`
    insert into metering.matched (agreement_id, hour, own_revision, peer_revision, rows, matched_at)
    values (${agreementId}, ${hour}, ${ownRevision}, ${peerRevision}, ${sql.json(rows)}, ${at})
    on conflict (agreement_id, hour) do update set own_revision = excluded.own_revision, peer_revision = excluded.peer_revision, rows = excluded.rows, matched_at = excluded.matched_at`;
}

/** So that the hour is compared again. */
export async function forgetMatched(tx: Transaction, agreementId: string, hour: Date): Promise<void> {
  await tx.run`delete from metering.matched where agreement_id = ${agreementId} and hour = ${hour}`;
}

export function matchedRows(tx: Transaction, agreementId: string, { from, until }: { from: Date; until: Date }): Promise<{ hour: Date; rows: SumRow[] }[]> {
  return tx.rows`select hour, rows from metering.matched where agreement_id = ${agreementId} and hour >= ${from} and hour < ${until} order by hour`;
}

/** Hours from there on of which the peer has said something. */
export async function statedHours(tx: Transaction, agreementId: string, from: Date): Promise<Date[]> {
  const rows = await tx.rows<{ hour: Date }>`select distinct hour from metering.statement where agreement_id = ${agreementId} and side = 'peer' and hour >= ${from}`;
  return rows.map(({ hour }) => hour);
}

/** Of which we have accepted something that the provider does not know. */
export function hoursNotTold(tx: Transaction, agreementId: string): Promise<{ hour: Date; revision: number }[]> {
  return tx.rows`
    select statement.hour, max(statement.revision) as revision from metering.statement left join metering.told using (agreement_id, hour)
    where statement.agreement_id = ${agreementId} and side = 'accepted' group by statement.hour, told.revision
    having max(statement.revision) > coalesce(told.revision, 0) order by 1`;
}

export async function markTold(tx: Transaction, agreementId: string, hour: Date, revision: number): Promise<void> {
  await tx.run`
    insert into metering.told (agreement_id, hour, revision) values (${agreementId}, ${hour}, ${revision})
    on conflict (agreement_id, hour) do update set revision = greatest(metering.told.revision, excluded.revision)`;
}

// What is not agreed on

export type Dispute = Omit<Finding, 'kind' | 'ownUnitMs' | 'peerUnitMs'> & {
  id: string;
  agreementId: string;
  hour: Date;
  kind: Finding['kind'];
  ownUnitMs: string;
  peerUnitMs: string;
  accused: string | null;
  status: 'open' | 'resolved';
  inFavour: 'own' | 'peer' | null;
  createdAt: Date;
};

const disputeColumns = sql`
  id, agreement_id as "agreementId", hour, kind, project_id as "projectId", resource, resource_id as "resourceId", peer_resource_id as "peerResourceId", measure, own_unit_ms::text as "ownUnitMs",
  peer_unit_ms::text as "peerUnitMs", own_events as "ownEvents", peer_events as "peerEvents", accused, message, status, in_favour as "inFavour", created_at as "createdAt"`;

export function findDispute(tx: Transaction, id: string): Promise<Dispute | undefined> {
  return tx.one<Dispute>`select ${disputeColumns} from metering.dispute where id = ${id}`;
}

export function listDisputes(tx: Transaction, { agreementId, status, hour }: { agreementId?: string | undefined; status?: string | undefined; hour?: Date }): Promise<Dispute[]> {
  const conditions = [
    ...(agreementId === undefined ? [] : [sql`agreement_id = ${agreementId}`]),
    ...(status === undefined ? [] : [sql`status = ${status}`]),
    ...(hour === undefined ? [] : [sql`hour = ${hour}`]),
  ];
  return tx.rows<Dispute>`select ${disputeColumns} from metering.dispute where ${sql.and(conditions)} order by hour, created_at, id limit 10000`;
}

export async function insertDispute(tx: Transaction, dispute: Dispute): Promise<void> {
  await tx.run`
    insert into metering.dispute (id, agreement_id, hour, kind, project_id, resource, resource_id, peer_resource_id, measure, own_unit_ms, peer_unit_ms, own_events, peer_events, accused, message, created_at)
    values (${dispute.id}, ${dispute.agreementId}, ${dispute.hour}, ${dispute.kind}, ${dispute.projectId}, ${dispute.resource}, ${dispute.resourceId}, ${dispute.peerResourceId}, ${dispute.measure},
      ${dispute.ownUnitMs}, ${dispute.peerUnitMs}, ${dispute.ownEvents}::text[], ${dispute.peerEvents}::text[], ${dispute.accused}, ${dispute.message}, ${dispute.createdAt})`;
}

/** What an earlier comparison of this hour found and nobody has decided. */
export function deleteOpenDisputes(tx: Transaction, agreementId: string, hour: Date): Promise<number> {
  return tx.run`delete from metering.dispute where agreement_id = ${agreementId} and hour = ${hour} and status = 'open' and kind not in ('late', 'contradiction')`;
}

export async function setResolved(tx: Transaction, id: string, inFavour: 'own' | 'peer'): Promise<void> {
  await tx.run`update metering.dispute set status = 'resolved', in_favour = ${inFavour} where id = ${id}`;
}
