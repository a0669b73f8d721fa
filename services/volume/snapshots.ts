/** What may be done with snapshots: cinder/volume/api.py, create_snapshot and delete_snapshot. */
import { badRequest, notFound } from '../../kit/fault.ts';
import { running } from '../../kit/workflow/runs.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql } from '../../kit/postgres/database.ts';
import { reserveKey } from './disk-keys.ts';
import { readFilters, type ListQuery } from './lists.ts';
import { demandThawed } from './services.ts';
import { countSnapshots, findSnapshot, insertSnapshot, listSnapshots as listRows, lockSnapshot, transientSnapshot, updateSnapshot, type Snapshot } from './snapshots.store.ts';
import { tellSnapshot } from './volume-events.ts';
import { claimSpending, domainOf } from '../quota/budgets.ts';
import { claimVolumes } from './volume-quotas.ts';
import { createSnapshotWorkflow, deleteSnapshotWorkflow } from './volumes.workflow.ts';
import { lockVolume, type Volume } from './volumes.store.ts';
import { startWork } from './work.ts';

export type { Snapshot } from './snapshots.store.ts';

export async function getSnapshot({ tx }: Pick<Context, 'tx'>, id: string): Promise<Snapshot> {
  const snapshot = await findSnapshot(tx, id);
  if (!snapshot) throw notFound(`Snapshot ${id} could not be found.`);
  return snapshot;
}

export async function createSnapshot(context: Context, wish: { volumeId: string; name: string | null; description: string | null; force: boolean; metadata: Record<string, string> }): Promise<Snapshot> {
  const { tx } = context;
  await demandThawed(tx);
  const volume = await lockVolume(tx, wish.volumeId);
  if (!volume) throw notFound(`Volume ${wish.volumeId} could not be found.`);
  if (!(wish.force ? ['available', 'in-use'] : ['available']).includes(volume.status)) throw badRequest(`Invalid volume: Volume ${volume.id} status must be available, but current status is: ${volume.status}.`);
  const snapshot = await recordSnapshot(context, volume, { ...wish, groupSnapshotId: null, workedOnAs: null });
  await startWork(context, createSnapshotWorkflow, { subject: subjectOf(snapshot.id), projectId: volume.projectId, input: { snapshotId: snapshot.id }, generation: 1 });
  return snapshot;
}

/** The snapshot, counted; who takes it is for the caller to say. */
export async function recordSnapshot(context: Context, volume: Volume, { name, description, metadata, groupSnapshotId, workedOnAs }: Pick<Snapshot, 'name' | 'description' | 'metadata' | 'groupSnapshotId' | 'workedOnAs'>, { id = context.random.uuid(), status = 'creating', generation = 1 }: { id?: string; status?: string; generation?: number } = {}): Promise<Snapshot> {
  const { tx, now, caller } = context;
  await claimVolumes(tx, volume.projectId, { snapshots: 1, gigabytes: volume.sizeGiB }, volume.typeId);
  await claimSpending(tx, { now, projectId: volume.projectId, domainId: domainOf(caller, volume.projectId), thing: { resource: 'volume_snapshot', flavor: '', state: 'available', measures: { snapshots: 1, GiB: volume.sizeGiB } } });
  const keyId = volume.keyId === null ? null : await reserveKey(context, volume.projectId);
  await insertSnapshot(tx, { id, projectId: volume.projectId, userId: caller.userId, volumeId: volume.id, name, description, sizeGiB: volume.sizeGiB, metadata, groupSnapshotId, keyId, workedOnAs, status, generation }, now);
  const snapshot = await getSnapshot(context, id);
  await tellSnapshot(context, 'snapshot.create.start', snapshot);
  return snapshot;
}

export async function deleteSnapshot(context: Context, id: string, { force = false }: { force?: boolean } = {}): Promise<void> {
  const snapshot = await getOwnSnapshot(context, id);
  if (snapshot.status === 'deleting' && (!force || (await isWorkedOn(context, snapshot)))) return;
  await demandThawed(context.tx);
  // What belongs to a group snapshot goes with it; and what is being copied is being read.
  if (snapshot.groupSnapshotId !== null || ['backing-up', 'restoring'].includes(snapshot.status)) throw badRequest('Invalid snapshot: Snapshot status must be available or error and must not be part of group snapshot.');
  if (!force && !['available', 'error', 'error_deleting'].includes(snapshot.status)) throw badRequest(`Invalid snapshot: Snapshot status must be available or error, but current status is: ${snapshot.status}.`);
  const changed = { ...snapshot, status: 'deleting', generation: snapshot.generation + 1, failure: null, workedOnAs: null };
  await updateSnapshot(context.tx, changed, context.now);
  await startWork(context, deleteSnapshotWorkflow, { subject: subjectOf(id), projectId: snapshot.projectId, input: { snapshotId: id }, generation: changed.generation, supersede: true });
  await tellSnapshot(context, 'snapshot.delete.start', changed);
}

export async function changeSnapshot(context: Context, id: string, change: Partial<Pick<Snapshot, 'name' | 'description' | 'metadata'>> | ((snapshot: Snapshot) => Partial<Pick<Snapshot, 'name' | 'description' | 'metadata'>>)): Promise<Snapshot> {
  const snapshot = await getOwnSnapshot(context, id);
  const changed = { ...snapshot, ...(typeof change === 'function' ? change(snapshot) : change) };
  await updateSnapshot(context.tx, changed, context.now);
  await tellSnapshot(context, 'snapshot.update.end', changed);
  return changed;
}

/** What a host that takes snapshots itself says of one, as far as no workflow here does. cinder/api/contrib/snapshot_actions.py */
export async function reportSnapshotStatus(context: Context, id: string, { status, progress }: { status: string; progress: string | null }): Promise<void> {
  const snapshot = await getOwnSnapshot(context, id);
  const next: Record<string, readonly string[]> = { creating: ['creating', 'available', 'error'], deleting: ['deleting', 'error_deleting'] };
  const allowed = next[snapshot.status];
  if (!allowed) throw badRequest(`Snapshot status ${snapshot.status} not allowed for update_snapshot_status`);
  if (!allowed.includes(status) || (status !== snapshot.status && (await isWorkedOn(context, snapshot)))) throw badRequest(`Provided snapshot status ${status} not allowed for snapshot with status ${snapshot.status}.`);
  const changed = { ...snapshot, status, progress: progress ?? snapshot.progress };
  await updateSnapshot(context.tx, changed, context.now);
  await tellSnapshot(context, 'snapshot.update_status.end', changed);
}

export async function resetSnapshotStatus(context: Context, id: string, status: string): Promise<void> {
  const snapshot = await getOwnSnapshot(context, id);
  if (!['available', 'creating', 'deleting', 'error', 'error_deleting'].includes(status)) throw badRequest(`Invalid snapshot: Status ${status} cannot be set by hand.`);
  if (await isWorkedOn(context, snapshot)) throw badRequest(`Invalid snapshot: Snapshot ${id} is ${snapshot.status}, and its workflow ends that by itself.`);
  await updateSnapshot(context.tx, { ...snapshot, status }, context.now);
  await tellSnapshot(context, 'snapshot.reset_status.end', { ...snapshot, status });
}

/** A transient state is its workflow's, and the reconciler's where it has none (I7). */
async function isWorkedOn({ tx }: Pick<Context, 'tx'>, { id, workedOnAs, status }: Snapshot): Promise<boolean> {
  return status in transientSnapshot && (await running(tx, workedOnAs ?? subjectOf(id))).length > 0;
}

export async function getOwnSnapshot(context: Context, id: string): Promise<Snapshot> {
  const snapshot = await lockSnapshot(context.tx, id);
  return snapshot ?? getSnapshot(context, id);
}

const sortable: Record<string, Sql> = { created_at: sql.raw('s.created_at'), updated_at: sql.raw('s.updated_at'), name: sql.raw(`coalesce(s.name, '')`), display_name: sql.raw(`coalesce(s.name, '')`), volume_id: sql.raw('s.volume_id'), size: sql.raw('s.size_gib'), status: sql.raw('s.status'), id: sql.raw('s.id') };
const filterable: Record<string, Sql> = { id: sql.raw('s.id'), name: sql.raw('s.name'), status: sql.raw('s.status'), volume_id: sql.raw('s.volume_id'), project_id: sql.raw('s.project_id') };

export async function listSnapshots(context: Context, query: ListQuery & { none?: boolean }): Promise<{ found: Snapshot[]; count: number | undefined }> {
  const { conditions, order, beyond } = await readFilters(context, query, { sortable, filterable, columns: { name: sql.raw('s.name'), metadata: sql.raw('s.metadata'), project: sql.raw('s.project_id') }, table: sql.raw('volume.snapshot s'), id: sql.raw('s.id'), noun: 'Snapshot' });
  if (query.none === true) conditions.push(sql`false`);
  const found = await listRows(context.tx, { conditions: [...conditions, ...beyond], order, limit: query.limit, offset: query.offset });
  return { found, count: query.withCount ? await countSnapshots(context.tx, conditions) : undefined };
}

export function subjectOf(snapshotId: string): string {
  return `snapshot/${snapshotId}`;
}
