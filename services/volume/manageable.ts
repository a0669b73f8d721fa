/** Taking on what is on the storage, and letting go of it: cinder/volume/api.py, manage_existing and delete with unmanage_only. */
import type { Driver } from '../../drivers/driver.ts';
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import type { RegionParts } from '../parts.ts';
import { deleteUnmanaged, insertUnmanaged, listUnmanaged } from './manageable.store.ts';
import { isStorage } from './services.ts';
import { deleteSnapshotRow, hasOthersSnapshots, listStoredSnapshots, snapshotsOf, type Snapshot } from './snapshots.store.ts';
import { getOwnSnapshot, recordSnapshot } from './snapshots.ts';
import { typeForVolume } from './types.ts';
import { tellSnapshot, tellVolume } from './volume-events.ts';
import { releaseVolumes } from './volume-quotas.ts';
import { manageVolumeWorkflow } from './volume-actions.workflow.ts';
import { startWork } from './work.ts';
import { getOwnVolume, recordManagedVolume, subjectOf, type Volume } from './volumes.ts';
import { deleteVolumeRow, listStored } from './volumes.store.ts';

/** As Cinder's LVM driver names them; ours are found by id alone, too. */
const volumeName = (id: string) => `volume-${id}`;
const snapshotName = (id: string) => `_snapshot-${id}`;

export type Found<Thing> = Thing & { name: string; sizeGiB: number; known: boolean };
export type FoundVolume = Found<{ id: string }>;
export type FoundSnapshot = Found<{ id: string; volumeId: string; volumeName: string }>;

export type Storage = Awaited<ReturnType<Driver['volumes']['list']>> & { knownBefore: ReadonlySet<string> };

/** Not in a transaction. */
export async function readStorage(driver: Driver, { read }: { read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> }): Promise<Storage> {
  // Rows are made before their data and deleted after it: what is being deleted meanwhile is nobody's only if it was before.
  const knownBefore = await read(knownIds);
  return { ...(await driver.volumes.list()), knownBefore };
}

async function knownIds(tx: Transaction): Promise<Set<string>> {
  return new Set([...(await listStored(tx)), ...(await listStoredSnapshots(tx))].map(({ id }) => id));
}

export async function volumesOn(tx: Transaction, storage: Storage): Promise<FoundVolume[]> {
  const known = storage.knownBefore.union(await knownIds(tx));
  return storage.volumes.map(({ id, sizeGiB }) => ({ id, name: volumeName(id), sizeGiB, known: known.has(id) }));
}

export async function snapshotsOn(tx: Transaction, storage: Storage): Promise<FoundSnapshot[]> {
  const known = storage.knownBefore.union(await knownIds(tx));
  const sizes = new Map(storage.volumes.map(({ id, sizeGiB }) => [id, sizeGiB]));
  return storage.snapshots.map(({ id, volumeId }) => ({ id, volumeId, volumeName: volumeName(volumeId), name: snapshotName(id), sizeGiB: sizes.get(volumeId) ?? 0, known: known.has(id) }));
}

export function demandStorage({ host, cluster }: { host?: string | null | undefined; cluster?: string | null | undefined }): void {
  if ((host == null || host === '') === (cluster == null || cluster === '')) throw badRequest('Invalid input received: One and only one of cluster and host must be set.');
  // There are no clusters; and of storage there is one.
  if (host == null || !isStorage(host)) throw notFound(`Service cinder-volume could not be found on host ${host ?? cluster}.`);
}

export type ManageWish = { ref: unknown; name: string | null; description: string | null; metadata: Record<string, string>; volumeType: string | null; bootable: boolean };

export async function manageVolume(context: Context, storage: Storage, { ref, ...wish }: ManageWish): Promise<Volume> {
  if ((await typeForVolume(context, wish.volumeType)).encryption !== null) throw badRequest('Invalid volume type: Managing to an encrypted volume type is not supported.');
  const found = named(await volumesOn(context.tx, storage), ref);
  await insertUnmanaged(context.tx, found.id, 'volume');
  const volume = await recordManagedVolume(context, { ...wish, sizeGiB: found.sizeGiB });
  // Later than whatever was asked of it before, by whomever.
  await startWork(context, manageVolumeWorkflow, { subject: subjectOf(volume.id), projectId: volume.projectId, input: { volumeId: volume.id, from: found.id, fromGeneration: context.now.getTime() }, generation: 1 });
  return volume;
}

export async function manageSnapshot(context: Context, storage: Storage, volumeId: string, { ref, ...wish }: Pick<ManageWish, 'ref' | 'name' | 'description' | 'metadata'>): Promise<Snapshot> {
  const volume = await getOwnVolume(context, volumeId);
  const found = named(await snapshotsOn(context.tx, storage), ref);
  if (found.volumeId !== volumeId) throw badRequest(`Invalid snapshot: Snapshot ${found.name} is not of volume ${volumeId}.`);
  const snapshot = await recordSnapshot(context, volume, { ...wish, groupSnapshotId: null, workedOnAs: null }, { id: found.id, status: 'available', generation: context.now.getTime() });
  await deleteUnmanaged(context.tx, found.id);
  return snapshot;
}

function named<Thing extends { id: string; name: string; known: boolean }>(things: readonly Thing[], ref: unknown): Thing {
  const given = typeof ref === 'object' && ref !== null && !Array.isArray(ref) ? (ref as Record<string, unknown>) : {};
  const name = given['source-name'] ?? given['source-id'];
  if (typeof name !== 'string') throw badRequest(`Invalid input received: Manage existing volume failed due to invalid backend reference ${JSON.stringify(ref)}: Reference must contain source-name or source-id element.`);
  const found = things.find((thing) => thing.name === name || thing.id === name);
  if (!found) throw badRequest(`Invalid input received: Manage existing volume failed due to invalid backend reference ${name}: it does not exist.`);
  if (found.known) throw conflict(`Unable to manage existing volume. Volume ${name} already managed.`);
  return found;
}

export async function unmanageVolume(context: Context, id: string): Promise<void> {
  const volume = await getOwnVolume(context, id);
  // Its key would be nobody's.
  if (volume.keyId !== null) throw badRequest('Unmanaging encrypted volumes is not supported.');
  if (volume.groupId !== null || !['available', 'error', 'error_restoring', 'error_extending', 'error_managing'].includes(volume.status) || (await snapshotsOf(context.tx, id)).length > 0 || (await hasOthersSnapshots(context.tx, id, volume.projectId)))
    throw badRequest('Invalid volume: Volume status must be available or error and it must not belong to a group, be attached, or have snapshots.');
  await deleteVolumeRow(context.tx, id);
  await insertUnmanaged(context.tx, id, 'volume');
  await releaseVolumes(context.tx, volume.projectId, { volumes: 1, gigabytes: volume.sizeGiB }, volume.typeId);
  await tellVolume(context, 'volume.unmanage.end', { ...volume, status: 'deleted' });
}

export async function unmanageSnapshot(context: Context, id: string): Promise<void> {
  const snapshot = await getOwnSnapshot(context, id);
  if (snapshot.groupSnapshotId !== null || !['available', 'error', 'error_deleting'].includes(snapshot.status)) throw badRequest('Invalid snapshot: Snapshot status must be available or error and it must not be part of a group snapshot.');
  if (snapshot.keyId !== null) throw badRequest('Unmanaging encrypted volumes is not supported.');
  const volume = await getOwnVolume(context, snapshot.volumeId);
  await deleteSnapshotRow(context.tx, id);
  await insertUnmanaged(context.tx, id, 'snapshot');
  await releaseVolumes(context.tx, snapshot.projectId, { snapshots: 1, gigabytes: snapshot.sizeGiB }, volume.typeId);
  await tellSnapshot(context, 'snapshot.unmanage.end', { ...snapshot, status: 'deleted' });
}

/** What was let go of is remembered for as long as it is on the storage: others may delete it there. */
export async function sweepUnmanaged({ database, driver }: Pick<RegionParts, 'database' | 'driver'>): Promise<void> {
  const letGo = await database.read(sweeping, listUnmanaged);
  if (letGo.length === 0) return;
  const { volumes, snapshots } = await driver.volumes.list();
  const there = new Set([...volumes, ...snapshots].map(({ id }) => id));
  await database.transaction(sweeping, async (tx) => {
    for (const id of letGo) if (!there.has(id)) await deleteUnmanaged(tx, id);
  });
}

const sweeping = { kind: 'system', reason: 'what was let go of is of no project' } as const;
