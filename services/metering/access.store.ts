import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { SeenVolume, SeenThing } from './observed-meter.ts';

export type AccessRow = { agreementId: string; kind: 'intercloud' | 'openstack'; authUrl: string; region: string; sealed: Buffer; version: number; soFar: boolean };

const columns = sql`agreement_id as "agreementId", kind, auth_url as "authUrl", region, sealed, version, so_far as "soFar"`;

export async function saveAccess(tx: Transaction, { agreementId, kind, authUrl, region, sealed }: Omit<AccessRow, 'version' | 'soFar'>, dueAt: Date): Promise<void> {
  await tx.run`
    insert into metering.access (agreement_id, kind, auth_url, region, sealed, due_at) values (${agreementId}, ${kind}, ${authUrl}, ${region}, ${sealed}, ${dueAt})
    on conflict (agreement_id) do update set
      kind = excluded.kind, auth_url = excluded.auth_url, region = excluded.region, sealed = excluded.sealed, version = access.version + 1, due_at = excluded.due_at`;
}

export async function deleteAccess(tx: Transaction, agreementId: string): Promise<boolean> {
  return (await tx.run`delete from metering.access where agreement_id = ${agreementId}`) > 0;
}

export function listAccess(tx: Transaction): Promise<AccessRow[]> {
  return tx.rows<AccessRow>`select ${columns} from metering.access order by agreement_id`;
}

/** Takes those that are due, and says when they are due again: who asks at the same time takes others. */
export function takeDue(tx: Transaction, { now, againAt }: { now: Date; againAt: Date }): Promise<AccessRow[]> {
  return tx.rows<AccessRow>`
    update metering.access set due_at = ${againAt}, so_far = false
    from (select agreement_id as id, so_far as was from metering.access where due_at <= ${now} order by due_at for update skip locked) due
    where agreement_id = due.id
    returning agreement_id as "agreementId", kind, auth_url as "authUrl", region, sealed, version, due.was as "soFar"`;
}

export async function setDueNow(tx: Transaction, agreementId: string, { now, soFar }: { now: Date; soFar: boolean }): Promise<boolean> {
  return (await tx.run`update metering.access set due_at = ${now}, so_far = so_far or ${soFar} where agreement_id = ${agreementId}`) > 0;
}

export async function setAsked(tx: Transaction, agreementId: string, { at, failure }: { at: Date; failure: string | null }): Promise<void> {
  await tx.run`update metering.access set asked_at = ${at}, failed_at = ${failure === null ? null : at}, failure = ${failure} where agreement_id = ${agreementId}`;
}

export async function setSealed(tx: Transaction, agreementId: string, sealed: Buffer): Promise<void> {
  await tx.run`update metering.access set sealed = ${sealed} where agreement_id = ${agreementId}`;
}

// What a plain OpenStack has shown

export type ObservationRow = { hour: Date; seenAt: Date; things: SeenThing[]; volumes: SeenVolume[] };

const observationColumns = sql`hour, seen_at as "seenAt", things, volumes`;

export function findObservation(tx: Transaction, agreementId: string, hour: Date): Promise<ObservationRow | undefined> {
  return tx.one<ObservationRow>`select ${observationColumns} from metering.observation where agreement_id = ${agreementId} and hour = ${hour}`;
}

export function lastObservation(tx: Transaction, agreementId: string): Promise<ObservationRow | undefined> {
  return tx.one<ObservationRow>`select ${observationColumns} from metering.observation where agreement_id = ${agreementId} order by seen_at desc, hour desc limit 1`;
}

export async function observedHours(tx: Transaction, agreementId: string, from: Date): Promise<Date[]> {
  const rows = await tx.rows<{ hour: Date }>`select hour from metering.observation where agreement_id = ${agreementId} and hour >= ${from}`;
  return rows.map(({ hour }) => hour);
}

export async function saveObservation(tx: Transaction, agreementId: string, { hour, seenAt, things, volumes }: ObservationRow): Promise<void> {
  await tx.run`
    insert into metering.observation (agreement_id, hour, seen_at, things, volumes) values (${agreementId}, ${hour}, ${seenAt}, ${sql.json(things)}, ${sql.json(volumes)})
    on conflict (agreement_id, hour) do update set seen_at = excluded.seen_at, things = excluded.things, volumes = excluded.volumes`;
}
