import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Plain, Signed } from '../../kit/signed.ts';
import type { AcceptedRow, Finding, IntervalRow, Sized, SumRow } from './matching.ts';
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
  /** What both sides count. */
  resources: SumRow['resource'][];
  /** As consumer: how the peer is asked; null when he is not. */
  asked: { kind: 'intercloud' | 'openstack'; auth_url: string; region: string; asked_at: string | null; failed_at: string | null; failure: string | null } | null;
  createdAt: Date;
};

const moment = (column: Sql) => sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const agreementColumns = sql`
  id, role, peer, region, domain_id as "domainId", keys, tolerance_seconds as "toleranceSeconds", late_hours as "lateHours", book_hash as "bookHash", resources, created_at as "createdAt",
  (select json_build_object('kind', access.kind, 'auth_url', access.auth_url, 'region', access.region, 'asked_at', ${moment(sql`access.asked_at`)}, 'failed_at', ${moment(sql`access.failed_at`)}, 'failure', access.failure) from metering.access where access.agreement_id = agreement.id) as asked`;

export function listAgreements(tx: Transaction): Promise<Agreement[]> {
  return tx.rows<Agreement>`select ${agreementColumns} from metering.agreement order by id`;
}

export function findAgreement(tx: Transaction, id: string): Promise<Agreement | undefined> {
  return tx.one<Agreement>`select ${agreementColumns} from metering.agreement where id = ${id}`;
}

export async function insertAgreement(tx: Transaction, each: Omit<Agreement, 'asked'>): Promise<void> {
  await tx.run`
    insert into metering.agreement (id, role, peer, region, domain_id, keys, tolerance_seconds, late_hours, book_hash, resources, created_at)
    values (${each.id}, ${each.role}, ${each.peer}, ${each.region}, ${each.domainId}, ${sql.json(each.keys)}, ${each.toleranceSeconds}, ${each.lateHours}, ${each.bookHash}, ${each.resources}::text[], ${each.createdAt})`;
}

/** Those that are known stay: what they have signed is evidence. */
export async function setKeys(tx: Transaction, id: string, keys: Agreement['keys']): Promise<void> {
  await tx.run`update metering.agreement set keys = ${sql.json(keys)} where id = ${id}`;
}

/** Waits for whoever else changes it. */
export async function lockAgreement(tx: Transaction, id: string): Promise<Agreement | undefined> {
  return tx.one<Agreement>`select ${agreementColumns} from metering.agreement where id = ${id} for update`;
}

export type Counterpart = { kind: 'project' | 'resource' | 'flavor'; peerId: string; ownId: string };

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

/** Of a region, what is counted there, and as provider of the projects of one domain. */
export type Counted = Pick<Agreement, 'region' | 'domainId' | 'resources'>;

const ofDomain = ({ domainId }: Counted) => (domainId === null ? sql`true` : sql`record.project_id in (select project_id from metering.project where domain_id = ${domainId})`);
const ofKind = ({ resources }: Counted) => sql`shape.resource = any(${resources}::text[])`;

/** Which flavor, and how large it is: of servers, whose sizes two clouds can compare. */
const flavor = sql`case shape.resource when 'server' then shape.flavor else '' end`;
const size = sql`case shape.resource when 'server' then concat_ws('-', shape.measures ->> 'vcpus', shape.measures ->> 'memoryMiB', shape.measures ->> 'diskGiB') else '' end`;

export function sumsOfHour(tx: Transaction, counted: Counted, hour: Date): Promise<(SumRow & Sized)[]> {
  return tx.rows<SumRow & Sized>`
    select record.project_id as project, shape.resource, ${flavor} as flavor, ${size} as size, measure.key as measure, sum(record.duration_ms * measure.value::numeric)::text as unit_ms
    from (select project_id, region, hour, shape_id, state as previous, duration_ms from metering.hour) record join metering.shape on shape.id = record.shape_id, jsonb_each_text(shape.measures) measure
    where record.region = ${counted.region} and record.hour = ${hour} and ${sold} and ${ofKind(counted)} and ${ofDomain(counted)}
    group by 1, 2, 3, 4, 5 having sum(record.duration_ms * measure.value::numeric) <> 0 order by 1, 2, 3, 4, 5`;
}

/** As far as it was told then. */
const toldBefore = (sequence: number | null | undefined) => (sequence == null ? sql`true` : sql`record.sequence < ${sequence}`);

const durationMs = sql`(extract(epoch from record.until_at - record.since_at) * 1000)`;

export function resourcesOfHour(tx: Transaction, counted: Counted, hour: Date, { project, resource, before }: { project: string; resource: string; before?: number | null }): Promise<({ resource_id: string; measure: string; unit_ms: string } & Sized)[]> {
  return tx.rows`
    select record.resource_id, ${flavor} as flavor, ${size} as size, measure.key as measure, trunc(sum(${durationMs} * measure.value::numeric))::text as unit_ms
    from metering.record record join metering.shape on shape.id = record.shape_id, jsonb_each_text(shape.measures) measure
    where record.region = ${counted.region} and record.hour = ${hour} and record.project_id = ${project} and shape.resource = ${resource}
      and record.previous is not null and ${sold} and ${ofKind(counted)} and ${ofDomain(counted)} and ${toldBefore(before)}
    group by 1, 2, 3, 4 having sum(${durationMs} * measure.value::numeric) <> 0 order by 1, 2, 3, 4`;
}

/** Intervals of one thing, and the changes that began them, as intervals without a length; also those that touch the ends. */
export async function intervalsOf(tx: Transaction, counted: Counted, { resourceId, from, until, before }: { resourceId: string; from: Date; until: Date; before?: number | null }): Promise<(IntervalRow & Sized)[]> {
  const rows = await tx.rows<{ event: string | null; state: string; from: Date; until: Date; measures: Record<string, number> } & Sized>`
    select record.event_id::text as event, case when was.sold then record.previous else record.current end as state,
      case when was.sold then record.since_at else record.until_at end as "from", record.until_at as "until", ${flavor} as flavor, ${size} as size, shape.measures
    from metering.record record join metering.shape on shape.id = record.shape_id,
      lateral (select record.previous is not null and ${sold} as sold) was
    where record.region = ${counted.region} and record.resource_id = ${resourceId} and ${ofKind(counted)} and ${ofDomain(counted)} and ${toldBefore(before)}
      and (was.sold or (record.event_id is not null and record.current is not null and not (record.current = any(${[...unsoldStates]}::text[]))))
      and record.hour >= date_trunc('hour', ${from}::timestamptz, 'UTC') and greatest(record.since_at, record.until_at) >= ${from} and least(record.since_at, record.until_at) < ${until}
    order by record.sequence`;
  return rows.map((row) => ({ ...row, from: row.from.toISOString(), until: row.until.toISOString() }));
}

/** Changes of it that were no sale and no end of one: it began to be made, failed, or was deleted before it was there. */
export async function attemptsOf(tx: Transaction, counted: Counted, { resourceId, from, until }: { resourceId: string; from: Date; until: Date }): Promise<(IntervalRow & Sized)[]> {
  const rows = await tx.rows<{ event: string; state: string; at: Date; measures: Record<string, number> } & Sized>`
    select record.event_id::text as event, coalesce(record.current, record.previous) as state, record.until_at as "at", ${flavor} as flavor, ${size} as size, shape.measures
    from metering.record join metering.shape on shape.id = record.shape_id
    where record.region = ${counted.region} and record.resource_id = ${resourceId} and ${ofKind(counted)} and ${ofDomain(counted)}
      and record.event_id is not null and not (record.previous is not null and ${sold}) and not (record.current is not null and not (record.current = any(${[...unsoldStates]}::text[])))
      and record.hour >= date_trunc('hour', ${from}::timestamptz, 'UTC') and record.until_at >= ${from} and record.until_at < ${until}
    order by record.sequence`;
  return rows.map(({ at, ...row }) => ({ ...row, from: at.toISOString(), until: at.toISOString() }));
}

export async function changeBefore(tx: Transaction, { region }: Counted, { resourceId, before }: { resourceId: string; before: Date }): Promise<string | null> {
  const row = await tx.one<{ event: string }>`
    select event_id::text as event from metering.record
    where region = ${region} and resource_id = ${resourceId} and event_id is not null and until_at < ${before} order by sequence desc limit 1`;
  return row?.event ?? null;
}

// What was said

export type Side = 'own' | 'peer' | 'accepted';

export type KeptStatement = { revision: number; signed: Signed; takenAt: Date; /** Of ours. */ usageBefore: number | null };

/** The newest revision. */
export function findStatement(tx: Transaction, agreementId: string, hour: Date, side: Side): Promise<KeptStatement | undefined> {
  return tx.one<KeptStatement>`
    select revision, signed, taken_at as "takenAt", usage_before::int as "usageBefore" from metering.statement where agreement_id = ${agreementId} and hour = ${hour} and side = ${side} order by revision desc limit 1`;
}

export async function lastStated(tx: Transaction, agreementId: string): Promise<Date | null> {
  const row = await tx.one<{ hour: Date | null }>`select max(hour) as hour from metering.statement where agreement_id = ${agreementId} and side = 'own'`;
  return row?.hour ?? null;
}

export async function insertStatement(tx: Transaction, { agreementId, hour, side, revision, signed, at, usageBefore = null }: { agreementId: string; hour: Date; side: Side; revision: number; signed: Signed<Plain>; at: Date; usageBefore?: number | null }): Promise<void> {
  await tx.run`
    insert into metering.statement (agreement_id, hour, side, revision, signed, taken_at, usage_before) values (${agreementId}, ${hour}, ${side}, ${revision}, ${sql.json(signed)}, ${at}, ${usageBefore})`;
}

/** Hours that both sides have stated, and of which one has said something since they were compared. */
export function hoursToMatch(tx: Transaction, agreementId: string): Promise<{ hour: Date; ownRevision: number }[]> {
  return tx.rows`
    select stated.hour, stated.own as "ownRevision"
    from (
      select hour, max(revision) filter (where side = 'own') as own, max(revision) filter (where side = 'peer') as peer
      from metering.statement where agreement_id = ${agreementId} group by hour
    ) stated left join metering.matched on matched.agreement_id = ${agreementId} and matched.hour = stated.hour
    where stated.own > coalesce(matched.own_revision, 0) or stated.peer > coalesce(matched.peer_revision, 0)
    group by stated.hour, stated.own, stated.peer having stated.own is not null and stated.peer is not null order by stated.hour limit 1000`;
}

export async function saveMatched(tx: Transaction, { agreementId, hour, ownRevision, peerRevision, rows, at }: { agreementId: string; hour: Date; ownRevision: number; peerRevision: number; rows: readonly (SumRow | AcceptedRow)[]; at: Date }): Promise<void> {
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

/** Compared again, because it is known now what they were about. */
export async function forgetUnknown(tx: Transaction, agreementId: string, { peerIds, ownIds }: { peerIds: readonly string[]; ownIds: readonly string[] }): Promise<void> {
  await tx.run`
    delete from metering.matched where agreement_id = ${agreementId} and hour in (
      select hour from metering.dispute where agreement_id = ${agreementId} and status = 'open'
        and (kind = 'unknown-project' or peer_resource_id = any(${peerIds}::text[]) or resource_id = any(${ownIds}::text[])))`;
}

/** Hours from there on of which the peer has said something. */
export async function statedHours(tx: Transaction, agreementId: string, from: Date): Promise<Date[]> {
  const rows = await tx.rows<{ hour: Date }>`select distinct hour from metering.statement where agreement_id = ${agreementId} and side = 'peer' and hour >= ${from}`;
  return rows.map(({ hour }) => hour);
}

export type HourState = { hour: Date; ownRevision: number | null; peerRevision: number | null; matchedAt: Date | null; told: boolean; openDisputes: number };

export function hourStates(tx: Transaction, agreementId: string, { from, until }: { from: Date; until: Date }): Promise<HourState[]> {
  return tx.rows<HourState>`
    select stated.hour, stated.own as "ownRevision", stated.peer as "peerRevision", matched.matched_at as "matchedAt",
      coalesce(told.revision >= stated.accepted, false) as told,
      (select count(*)::int from metering.dispute where dispute.agreement_id = ${agreementId} and dispute.hour = stated.hour and status = 'open') as "openDisputes"
    from (
      select hour, max(revision) filter (where side = 'own') as own, max(revision) filter (where side = 'peer') as peer, max(revision) filter (where side = 'accepted') as accepted
      from metering.statement where agreement_id = ${agreementId} and hour >= ${from} and hour < ${until} group by hour
    ) stated left join metering.matched on matched.agreement_id = ${agreementId} and matched.hour = stated.hour
      left join metering.told on told.agreement_id = ${agreementId} and told.hour = stated.hour
    order by stated.hour`;
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
