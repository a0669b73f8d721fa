/** What may be done with backups: cinder/backup/api.py. */
import { DriverError } from '../../drivers/driver.ts';
import { badRequest, Fault, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql } from '../../kit/postgres/database.ts';
import { backupsOf, countBackups, findBackup, insertBackup, listBackups as listRows, lockBackup, updateBackup, type Backup, type BackupChange, type VolumeFacts } from './backups.store.ts';
import { createBackupWorkflow, deleteBackupWorkflow, packStore, restoreBackupWorkflow } from './backups.workflow.ts';
import { packsOf } from './backup-packs.ts';
import { claimSpending } from '../quota/budgets.ts';
import { reserveKey } from './disk-keys.ts';
import { readFilters, type ListQuery } from './lists.ts';
import { findSnapshot, lockSnapshot, updateSnapshot } from './snapshots.store.ts';
import { findType } from './types.store.ts';
import { tellBackup, tellVolume } from './volume-events.ts';
import { claimBackups } from './volume-quotas.ts';
import type { RegionParts } from '../parts.ts';
import { availabilityZone, createRestoredVolume, getVolume, subjectOf as volumeSubject } from './volumes.ts';
import { lockVolume, updateVolume, type Volume } from './volumes.store.ts';
import { startWork } from './work.ts';

export type { Backup } from './backups.store.ts';

/** What keeps backups, as their records say. */
export const backupService = 'cinder.backup.drivers.intercloud.Packs';

export async function getBackup({ tx }: Pick<Context, 'tx'>, id: string): Promise<Backup> {
  const backup = await findBackup(tx, id);
  if (!backup) throw notFound(`Backup ${id} could not be found.`);
  return backup;
}

async function getOwnBackup(context: Pick<Context, 'tx'>, id: string): Promise<Backup> {
  return (await lockBackup(context.tx, id)) ?? getBackup(context, id);
}

export type BackupWish = { volumeId: string; snapshotId: string | null; name: string | null; description: string | null; container: string | null; incremental: boolean; force: boolean; metadata: Record<string, string>; zone: string | null };

export async function createBackup(context: Context, wish: BackupWish): Promise<Backup> {
  const { tx, now, random, caller } = context;
  const { projectId } = caller;
  if (projectId === null) throw forbidden('A token for a project is needed to create a backup.');
  if (wish.zone !== null && wish.zone !== availabilityZone) throw badRequest(`Invalid input received: Availability zone '${wish.zone}' is invalid.`);
  const volume = (await lockVolume(tx, wish.volumeId)) ?? (await getVolume(context, wish.volumeId));
  const snapshot = wish.snapshotId === null ? undefined : ((await lockSnapshot(tx, wish.snapshotId)) ?? (await findSnapshot(tx, wish.snapshotId)));
  if (wish.snapshotId !== null && !snapshot) throw notFound(`Snapshot ${wish.snapshotId} could not be found.`);
  if (snapshot && snapshot.volumeId !== volume.id) throw badRequest(`Invalid volume: Volume ${volume.id} does not match with snapshot.volume_id ${snapshot.volumeId}.`);
  if (snapshot && snapshot.status !== 'available') throw badRequest(`Invalid snapshot: Snapshot to be backed up must be available, but the current status is "${snapshot.status}".`);
  if (!snapshot && !['available', 'in-use'].includes(volume.status)) throw badRequest(`Invalid volume: Volume to be backed up must be available or in-use, but the current status is "${volume.status}".`);
  if (!snapshot && volume.status === 'in-use' && !wish.force) throw badRequest('Invalid volume: Backing up an in-use volume must use the force flag.');
  const parent = wish.incremental ? await parentFor(context, { volumeId: volume.id, projectId, before: snapshot?.createdAt }) : undefined;
  // What is on a snapshot is as large as the volume was when it was taken.
  const sizeGiB = snapshot?.sizeGiB ?? volume.sizeGiB;
  await claimBackups(tx, projectId, { backups: 1, gigabytes: sizeGiB });
  await claimSpending(tx, { now, projectId, domainId: caller.projectDomainId, thing: { resource: 'volume_backup', flavor: '', state: 'available', measures: { backups: 1, GiB: sizeGiB } } });

  const id = random.uuid();
  const isEncrypted = (snapshot ?? volume).keyId !== null;
  const keyId = isEncrypted ? await reserveKey(context, projectId) : null;
  const { volumeId, snapshotId, name, description, container, metadata, zone } = wish;
  const facts: VolumeFacts = { name: volume.name, description: volume.description, bootable: volume.bootable, imageMetadata: volume.imageMetadata, metadata: volume.metadata, ...(isEncrypted ? { typeId: volume.typeId } : {}) };
  await insertBackup(tx, {
    id, projectId, userId: caller.userId, volumeId, snapshotId, parentId: parent?.id ?? null, name, description, status: 'creating', sizeGiB, objectCount: 0, container, availabilityZone: zone, metadata,
    volumeFacts: facts, pack: null, packs: parent?.packs ?? [], keyId, dataAt: snapshot?.createdAt ?? now, generation: 1, createdAt: now,
  });
  if (snapshot) await updateSnapshot(tx, { ...snapshot, status: 'backing-up', workedOnAs: subjectOf(id) }, now);
  else {
    const busy = { status: 'backing-up', previousStatus: volume.status, workedOnAs: subjectOf(id) };
    await updateVolume(tx, volume.id, busy, { now });
    await tellVolume(context, 'volume.backup.start', { ...volume, ...busy });
  }
  await startWork(context, createBackupWorkflow, { subject: subjectOf(id), projectId, input: { backupId: id }, generation: 1 });
  const backup = await getBackup(context, id);
  await tellBackup(context, 'backup.create.start', backup);
  return backup;
}

/** The newest bytes on which this one can build. It stays as it is meanwhile. */
async function parentFor({ tx }: Context, { volumeId, projectId, before }: { volumeId: string; projectId: string; before: Date | undefined }): Promise<Backup> {
  const [newest] = (await backupsOf(tx, { volumeId, projectId })).filter(({ dataAt }) => before === undefined || dataAt < before);
  const parent = newest && (await lockBackup(tx, newest.id));
  if (parent?.status !== 'available') throw badRequest('Invalid backup: No backups available to do an incremental backup.');
  return parent;
}

export async function deleteBackup(context: Context, id: string, { force = false }: { force?: boolean } = {}): Promise<void> {
  const backup = await getOwnBackup(context, id);
  if (backup.status === 'deleting') return;
  // What is being restored is being read.
  if ((!force && !['available', 'error'].includes(backup.status)) || backup.status === 'restoring') throw badRequest('Invalid backup: Backup status must be available or error');
  if (backup.hasChildren) throw badRequest('Invalid backup: Incremental backups exist for this backup.');
  const change = { status: 'deleting', generation: backup.generation + 1, failure: null };
  await updateBackup(context.tx, id, change, context.now);
  await startWork(context, deleteBackupWorkflow, { subject: subjectOf(id), projectId: backup.projectId, input: { backupId: id }, generation: change.generation, supersede: true });
  await tellBackup(context, 'backup.delete.start', { ...backup, ...change });
}

export async function changeBackup(context: Context, id: string, change: Pick<BackupChange, 'name' | 'description' | 'metadata'>): Promise<Backup> {
  const backup = await getOwnBackup(context, id);
  await updateBackup(context.tx, id, change, context.now);
  const changed = { ...backup, ...change };
  await tellBackup(context, 'backup.update.end', changed);
  return changed;
}

export async function resetBackupStatus(context: Context, id: string, status: 'available' | 'error'): Promise<void> {
  const backup = await getOwnBackup(context, id);
  // A transient state is its workflow's (I7); and what has no bytes cannot be had back.
  if (['creating', 'deleting', 'restoring'].includes(backup.status)) throw badRequest(`Invalid backup: Backup ${id} is ${backup.status}, and its workflow ends that by itself.`);
  if (status === 'available' && backup.pack === null) throw badRequest(`Invalid backup: Backup ${id} has no data.`);
  await updateBackup(context.tx, id, { status }, context.now);
  await tellBackup(context, 'backup.reset_status.end', { ...backup, status });
}

/** Onto a volume of the caller's, or a new one. */
export async function restoreBackup(context: Context, id: string, { volumeId, name }: { volumeId: string | null; name: string | null }): Promise<{ volumeId: string; volumeName: string | null }> {
  const { tx, now } = context;
  const backup = await getOwnBackup(context, id);
  demandAvailable(backup);
  if (volumeId === null) {
    await demandSourceType(context, backup);
    const made = await createRestoredVolume(context, { sizeGiB: backup.sizeGiB, volumeType: backup.volumeFacts.typeId, backupId: id, name: name ?? `restore_backup_${id}`, description: 'auto-created_from_restore_from_backup', status: 'restoring-backup' });
    await beginRestoring(context, backup, made);
    return { volumeId: made.id, volumeName: made.name };
  }
  const volume = (await lockVolume(tx, volumeId)) ?? (await getVolume(context, volumeId));
  if (volume.status !== 'available') throw badRequest('Invalid volume: Volume to be restored to must be available');
  if (backup.sizeGiB > volume.sizeGiB) throw badRequest(`Invalid volume: volume size ${volume.sizeGiB} is too small to restore backup of size ${backup.sizeGiB}.`);
  demandSameType(backup, volume);
  const change = { status: 'restoring-backup', epoch: volume.epoch + 1 };
  await updateVolume(tx, volumeId, change, { now, intent: true });
  await tellVolume(context, 'volume.restore.start', { ...volume, ...change });
  await beginRestoring(context, backup, { ...volume, generation: volume.generation + 1 });
  return { volumeId, volumeName: volume.name };
}

/** cinder/volume/flows/manager/create_volume.py, _create_from_backup: a new volume with what a backup holds. */
export async function createVolumeFromBackup(context: Context, id: string, wish: Omit<Parameters<typeof createRestoredVolume>[1], 'sizeGiB' | 'status' | 'backupId'> & { sizeGiB?: number | undefined }) {
  const backup = await getOwnBackup(context, id);
  if (backup.status !== 'available') throw badRequest(`Invalid backup: Backup status must be available`);
  const sizeGiB = wish.sizeGiB ?? backup.sizeGiB;
  if (sizeGiB < backup.sizeGiB) throw badRequest(`Invalid input received: Volume size ${sizeGiB}GB cannot be smaller than the backup size ${backup.sizeGiB}GB. It must be >= backup size.`);
  await demandSourceType(context, backup);
  const made = await createRestoredVolume(context, { ...wish, volumeType: wish.volumeType ?? backup.volumeFacts.typeId, sizeGiB, backupId: id, status: 'creating' });
  demandSameType(backup, made);
  await beginRestoring(context, backup, made);
  return getVolume(context, made.id);
}

/** cinder/backup/driver.py, _restore_vol_encryption_meta: what was encrypted is written by the key of a volume like the one that it was. */
function demandSameType({ keyId, volumeFacts }: Backup, { typeId, keyId: itsKeyId }: Pick<Volume, 'typeId' | 'keyId'>): void {
  if (keyId === null || (typeId === volumeFacts.typeId && itsKeyId !== null)) return;
  throw badRequest(`Invalid volume: The source volume type '${volumeFacts.typeId}' is different than the destination volume type '${typeId}'.`);
}

async function demandSourceType({ tx }: Context, { keyId, volumeFacts: { typeId = null } }: Backup): Promise<void> {
  if (keyId !== null && (typeId === null || !(await findType(tx, undefined, typeId)))) throw badRequest(`Invalid volume: The source volume type '${typeId}' is not available.`);
}

async function beginRestoring(context: Context, backup: Backup, volume: { id: string; projectId: string; generation: number }): Promise<void> {
  const change = { status: 'restoring', restoringTo: volume.id };
  await updateBackup(context.tx, backup.id, change, context.now);
  await tellBackup(context, 'backup.restore.start', { ...backup, ...change });
  await startWork(context, restoreBackupWorkflow, { subject: volumeSubject(volume.id), projectId: volume.projectId, input: { backupId: backup.id, volumeId: volume.id }, generation: volume.generation });
}

function demandAvailable({ status }: Backup): void {
  if (status !== 'available') throw badRequest('Invalid backup: Backup status must be available');
}

// Records: what finds a backup's bytes again

type BackupRecord = { id: string; size: number; volume_id: string; snapshot_id: string | null; parent_id: string | null; display_name: string | null; display_description: string | null; container: string | null; object_count: number; metadata: Record<string, string>; volume_facts: VolumeFacts; pack: string; data_timestamp: string };

export async function exportRecord(context: Context, id: string): Promise<{ service: string; url: string }> {
  const backup = await getBackup(context, id);
  if (backup.status !== 'available' || backup.pack === null) throw badRequest(`Invalid backup: Backup status must be available and not ${backup.status}.`);
  // Its key does not leave this cloud, and without it the bytes are noise.
  if (backup.keyId !== null) throw badRequest(`Invalid backup: Backup ${id} is of an encrypted volume, and cannot be exported.`);
  const record: BackupRecord = {
    id: backup.id, size: backup.sizeGiB, volume_id: backup.volumeId, snapshot_id: backup.snapshotId, parent_id: backup.parentId, display_name: backup.name, display_description: backup.description, container: backup.container,
    object_count: backup.objectCount, metadata: backup.metadata, volume_facts: backup.volumeFacts, pack: backup.pack, data_timestamp: backup.dataAt.toISOString(),
  };
  return { service: backupService, url: Buffer.from(JSON.stringify(record)).toString('base64') };
}

export type FoundRecord = { record: BackupRecord; packs: string[] };

/** Looks where the record says that the bytes are; not in a transaction. */
export async function findRecord(parts: Pick<RegionParts, 'blobs'>, { service, url }: { service: string; url: string }): Promise<FoundRecord> {
  const record = readRecord(url);
  if (service !== backupService) throw badRequest(`Invalid backup: Service ${service} could not be found.`);
  try {
    return { record, packs: await packsOf(await packStore(parts), record.pack) };
  } catch (error) {
    if (error instanceof DriverError) throw badRequest('Invalid backup: The data of this record is not here.');
    throw error;
  }
}

export async function importRecord(context: Context, { record, packs }: FoundRecord): Promise<Backup> {
  const { tx, now, caller } = context;
  const { projectId } = caller;
  if (projectId === null) throw forbidden('A token for a project is needed to import a backup.');
  await claimBackups(tx, projectId, { backups: 1, gigabytes: record.size });
  const parent = record.parent_id === null ? undefined : await findBackup(tx, record.parent_id);
  // The id may have been here before, and its workflows with it.
  const generation = now.getTime();
  const made = await insertBackup(tx, {
    id: record.id, projectId, userId: caller.userId, volumeId: record.volume_id, snapshotId: record.snapshot_id, parentId: parent?.id ?? null, name: record.display_name, description: record.display_description, status: 'available',
    sizeGiB: record.size, objectCount: record.object_count, container: record.container, availabilityZone: null, metadata: record.metadata, volumeFacts: record.volume_facts, pack: record.pack, packs, keyId: null, dataAt: new Date(record.data_timestamp), generation, createdAt: now,
  });
  if (made === 0) throw badRequest('Invalid backup: Backup already exists in database.');
  const backup = await getBackup(context, record.id);
  await tellBackup(context, 'backup.import.end', backup);
  return backup;
}

function readRecord(url: string): BackupRecord {
  const given = decode(url);
  if (typeof given['id'] !== 'string' || !/^[\w-]{1,64}$/.test(given['id'])) throw badRequest('Invalid input received: Provided backup record is missing an id');
  if (!Number.isSafeInteger(given['size']) || Number(given['size']) < 1 || Number(given['size']) > 2 ** 31 - 1) throw badRequest('Invalid input received: Provided backup record is missing size attribute');
  if (typeof given['pack'] !== 'string' || !/^[0-9a-f]{64}$/.test(given['pack']) || typeof given['volume_id'] !== 'string') throw badRequest('Invalid input received: Provided backup record does not say where its data is');
  const at = new Date(String(given['data_timestamp']));
  if (Number.isNaN(at.getTime())) throw badRequest('Invalid input received: Provided backup record is missing data_timestamp');
  const text = (name: string) => (typeof given[name] === 'string' ? storable(given[name]) : null);
  const facts = objectOf(given['volume_facts']);
  return {
    id: given['id'],
    size: Number(given['size']),
    volume_id: storable(given['volume_id']),
    snapshot_id: text('snapshot_id'),
    parent_id: text('parent_id'),
    display_name: text('display_name'),
    display_description: text('display_description'),
    container: text('container'),
    object_count: Number.isSafeInteger(given['object_count']) && Number(given['object_count']) < 2 ** 31 ? Math.max(0, Number(given['object_count'])) : 0,
    metadata: textsOf(given['metadata']),
    volume_facts: { name: typeof facts['name'] === 'string' ? storable(facts['name']) : null, description: typeof facts['description'] === 'string' ? storable(facts['description']) : null, bootable: facts['bootable'] === true, imageMetadata: facts['imageMetadata'] == null ? null : textsOf(facts['imageMetadata']), metadata: textsOf(facts['metadata']) },
    pack: given['pack'],
    data_timestamp: at.toISOString(),
  };
}

function decode(url: string): Record<string, unknown> {
  try {
    return objectOf(JSON.parse(Buffer.from(url, 'base64').toString('utf8')));
  } catch (cause) {
    // Whatever is wrong with the text, it is the caller's.
    throw new Fault(400, 'badRequest', "Invalid input received: Can't parse backup record.", { cause });
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function textsOf(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(objectOf(value)).flatMap(([name, each]) => (typeof each === 'string' ? [[storable(name), storable(each)]] : [])));
}

/** As much as PostgreSQL takes. */
function storable(text: string): string {
  return text.replaceAll('\0', '').slice(0, 255).toWellFormed();
}

// Lists

const sortable: Record<string, Sql> = { created_at: sql.raw('b.created_at'), updated_at: sql.raw('b.updated_at'), name: sql.raw(`coalesce(b.name, '')`), display_name: sql.raw(`coalesce(b.name, '')`), status: sql.raw('b.status'), size: sql.raw('b.size_gib'), volume_id: sql.raw('b.volume_id'), data_timestamp: sql.raw('b.data_at'), id: sql.raw('b.id') };
const filterable: Record<string, Sql> = { id: sql.raw('b.id'), name: sql.raw('b.name'), status: sql.raw('b.status'), volume_id: sql.raw('b.volume_id'), snapshot_id: sql.raw('b.snapshot_id'), parent_id: sql.raw('b.parent_id'), project_id: sql.raw('b.project_id') };

export async function listBackups(context: Context, query: ListQuery): Promise<{ found: Backup[]; count: number | undefined }> {
  const { conditions, order, beyond } = await readFilters(context, query, { sortable, filterable, columns: { name: sql.raw('b.name'), metadata: sql.raw('b.metadata'), project: sql.raw('b.project_id') }, table: sql.raw('volume.backup b'), id: sql.raw('b.id'), noun: 'Backup' });
  const found = await listRows(context.tx, { conditions: [...conditions, ...beyond], order, limit: query.limit, offset: query.offset });
  return { found, count: query.withCount ? await countBackups(context.tx, conditions) : undefined };
}

export function subjectOf(backupId: string): string {
  return `backup/${backupId}`;
}
