/** The SQL of volumes. */
import type { DiskEncryption } from '../../drivers/driver.ts';
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type VolumeSource = { kind: 'empty' } | { kind: 'image'; imageId: string } | { kind: 'volume'; volumeId: string } | { kind: 'snapshot'; snapshotId: string } | { kind: 'backup'; backupId: string };

export type Volume = {
  id: string;
  projectId: string;
  userId: string;
  name: string | null;
  description: string | null;
  status: string;
  previousStatus: string | null;
  sizeGiB: number;
  wantedGiB: number | null;
  typeId: string | null;
  typeName: string | null;
  availabilityZone: string;
  bootable: boolean;
  readonly: boolean | null;
  /** Several servers may have it at once. */
  multiattach: boolean;
  metadata: Record<string, string>;
  imageMetadata: Record<string, string> | null;
  source: VolumeSource;
  madeFor: string | null;
  groupId: string | null;
  generation: number;
  /** How often its content was replaced. */
  epoch: number;
  /** How its bytes are locked on the storage, and by which key. Both or neither. */
  encryption: DiskEncryption | null;
  keyId: string | null;
  /** While it is locked or unlocked where it lies: the one that is to be its key, or was. */
  otherKeyId: string | null;
  /** The subject of the workflow that ends its transient state, where that is not about itself. */
  workedOnAs: string | null;
  failure: string | null;
  createdAt: Date;
  updatedAt: Date;
};

const columns = sql.raw(`v.id, v.project_id as "projectId", v.user_id as "userId", v.name, v.description, v.status, v.previous_status as "previousStatus",
  v.size_gib as "sizeGiB", v.wanted_gib as "wantedGiB", v.type_id as "typeId", t.name as "typeName", v.availability_zone as "availabilityZone", v.bootable, v.readonly, v.multiattach,
  v.metadata, v.image_metadata as "imageMetadata", v.source, v.made_for as "madeFor", v.group_id as "groupId", v.generation, v.epoch, v.encryption, v.key_id as "keyId", v.other_key_id as "otherKeyId", v.worked_on_as as "workedOnAs", v.failure, v.created_at as "createdAt", v.updated_at as "updatedAt"`);
const from = sql.raw('volume.volume v left join volume.type t on t.id = v.type_id');

export function findVolume(tx: Transaction, id: string): Promise<Volume | undefined> {
  return tx.one<Volume>`select ${columns} from ${from} where v.id = ${id}`;
}

/** The volume; nobody else changes it meanwhile. */
export async function lockVolume(tx: Transaction, id: string): Promise<Volume | undefined> {
  const locked = await tx.one`select id from volume.volume where id = ${id} for update`;
  return locked && findVolume(tx, id);
}

export type VolumeDraft = { status?: string; groupId?: string | null; workedOnAs?: string | null } & Pick<Volume, 'id' | 'projectId' | 'userId' | 'name' | 'description' | 'sizeGiB' | 'typeId' | 'availabilityZone' | 'bootable' | 'multiattach' | 'metadata' | 'imageMetadata' | 'source' | 'madeFor' | 'encryption' | 'keyId'>;

export async function insertVolume(tx: Transaction, draft: VolumeDraft, now: Date): Promise<void> {
  await tx.run`
    insert into volume.volume (id, project_id, user_id, name, description, status, size_gib, type_id, availability_zone, bootable, multiattach, metadata, image_metadata, source, made_for, group_id, worked_on_as, encryption, key_id, created_at, updated_at)
    values (${draft.id}, ${draft.projectId}, ${draft.userId}, ${draft.name}, ${draft.description}, ${draft.status ?? 'creating'}, ${draft.sizeGiB}, ${draft.typeId}, ${draft.availabilityZone}, ${draft.bootable}, ${draft.multiattach},
      ${sql.json(draft.metadata)}::jsonb, ${draft.imageMetadata === null ? null : sql.json(draft.imageMetadata)}::jsonb, ${sql.json(draft.source)}::jsonb, ${draft.madeFor}, ${draft.groupId ?? null}, ${draft.workedOnAs ?? null}, ${draft.encryption === null ? null : sql.json(draft.encryption)}::jsonb, ${draft.keyId}, ${now}, ${now})`;
}

export type VolumeChange = Partial<Pick<Volume, 'name' | 'description' | 'status' | 'previousStatus' | 'sizeGiB' | 'wantedGiB' | 'bootable' | 'readonly' | 'multiattach' | 'metadata' | 'imageMetadata' | 'failure' | 'epoch' | 'workedOnAs' | 'groupId' | 'typeId' | 'encryption' | 'keyId' | 'otherKeyId'>>;

const changeable: Record<keyof VolumeChange, (value: never) => Sql> = {
  name: (value) => sql`name = ${value}`,
  description: (value) => sql`description = ${value}`,
  status: (value) => sql`status = ${value}`,
  previousStatus: (value) => sql`previous_status = ${value}`,
  sizeGiB: (value) => sql`size_gib = ${value}`,
  wantedGiB: (value) => sql`wanted_gib = ${value}`,
  bootable: (value) => sql`bootable = ${value}`,
  readonly: (value) => sql`readonly = ${value}`,
  multiattach: (value) => sql`multiattach = ${value}`,
  metadata: (value) => sql`metadata = ${sql.json(value)}::jsonb`,
  imageMetadata: (value) => sql`image_metadata = ${value === null ? null : sql.json(value)}::jsonb`,
  failure: (value) => sql`failure = ${value}`,
  typeId: (value) => sql`type_id = ${value}`,
  groupId: (value) => sql`group_id = ${value}`,
  epoch: (value) => sql`epoch = ${value}`,
  workedOnAs: (value) => sql`worked_on_as = ${value}`,
  encryption: (value) => sql`encryption = ${value === null ? null : sql.json(value)}::jsonb`,
  keyId: (value) => sql`key_id = ${value}`,
  otherKeyId: (value) => sql`other_key_id = ${value}`,
};

/** `intent`: what the driver is to make of it has changed too. */
export function updateVolume(tx: Transaction, id: string, change: VolumeChange, { now, intent = false }: { now: Date; intent?: boolean }): Promise<number> {
  const sets = Object.entries(change).map(([name, value]) => changeable[name as keyof VolumeChange](value as never));
  if (intent) sets.push(sql`generation = generation + 1`);
  return tx.run`update volume.volume set ${sql.join([...sets, sql`updated_at = ${now}`])} where id = ${id}`;
}

export function deleteVolumeRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from volume.volume where id = ${id}`;
}

export function listVolumes(tx: Transaction, { conditions, order, limit, offset }: { conditions: readonly Sql[]; order: Sql; limit: number; offset: number }): Promise<Volume[]> {
  return tx.rows<Volume>`select ${columns} from ${from} where ${sql.and(conditions)} order by ${order} limit ${limit} offset ${offset}`;
}

export async function countVolumes(tx: Transaction, conditions: readonly Sql[]): Promise<number> {
  return (await tx.one<{ count: number }>`select count(*)::int as count from ${from} where ${sql.and(conditions)}`)!.count;
}

export async function summarizeVolumes(tx: Transaction, projectId: string | undefined): Promise<{ count: number; sizeGiB: number; metadata: Record<string, string[]> }> {
  const own = projectId === undefined ? sql`true` : sql`project_id = ${projectId}`;
  const entries = await tx.rows<{ key: string; values: string[] }>`select key, array_agg(distinct value order by value) as values from volume.volume, jsonb_each_text(metadata) where ${own} group by key order by key`;
  const row = await tx.one<{ count: number; sizeGiB: number }>`
    select count(*)::int as count, coalesce(sum(size_gib), 0)::int as "sizeGiB" from volume.volume where ${own}`;
  return { ...row!, metadata: Object.fromEntries(entries.map(({ key, values }) => [key, values])) };
}

export async function isTypeUsed(tx: Transaction, typeId: string): Promise<boolean> {
  return (await tx.rows`select from volume.volume where type_id = ${typeId} limit 1`).length > 0;
}

export function volumesOfGroup(tx: Transaction, groupId: string): Promise<Volume[]> {
  return tx.rows<Volume>`select ${columns} from ${from} where v.group_id = ${groupId} order by v.created_at, v.id`;
}

/** The states that a workflow ends, and what it is when the workflow is lost. */
export const transient: Record<string, string> = {
  creating: 'error', extending: 'error_extending', deleting: 'error_deleting', uploading: 'error', downloading: 'error', 'restoring-backup': 'error_restoring', 'backing-up': 'error_backing-up', reverting: 'error',
  retyping: 'error', managing: 'error_managing',
};

/** Volumes in a state that somebody has to end. */
export function listInTransit(tx: Transaction): Promise<{ id: string; status: string; generation: number; updatedAt: Date; subject: string }[]> {
  return tx.rows`
    select id, status, generation, updated_at as "updatedAt", coalesce(worked_on_as, 'volume/' || id) as subject from volume.volume
    where status = any(${Object.keys(transient)}::text[])`;
}

export function listStored(tx: Transaction): Promise<{ id: string; status: string; sizeGiB: number; wantedGiB: number | null }[]> {
  return tx.rows`select id, status, size_gib as "sizeGiB", wanted_gib as "wantedGiB" from volume.volume`;
}

/** What each project has, as its quota should count it. */
export function countUse(tx: Transaction): Promise<{ projectId: string; volumes: number; snapshots: number; gigabytes: number }[]> {
  return tx.rows`
    select project_id as "projectId", sum(volumes)::int as volumes, sum(snapshots)::int as snapshots, sum(gigabytes)::int as gigabytes from (
      select project_id, 1 as volumes, 0 as snapshots, coalesce(wanted_gib, size_gib) as gigabytes from volume.volume
      union all select project_id, 0, 1, size_gib from volume.snapshot) each group by project_id`;
}
