/** Snapshots of all volumes of a group: cinder/group/api.py. */
import { badRequest, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql } from '../../kit/postgres/database.ts';
import { findGroupSnapshot, insertGroupSnapshot, lockGroupSnapshot, selectGroupSnapshots, updateGroupSnapshot, type GroupSnapshot } from './group-snapshots.store.ts';
import { demandSettable, getOwnGroup } from './groups.ts';
import { isBeingCopied } from './groups.store.ts';
import { createGroupSnapshotWorkflow, deleteGroupSnapshotWorkflow } from './groups.workflow.ts';
import { readFilters, type ListQuery } from './lists.ts';
import { recordSnapshot } from './snapshots.ts';
import { snapshotsOfGroupSnapshot, updateSnapshot } from './snapshots.store.ts';
import { tellGroupSnapshot, tellSnapshot } from './volume-events.ts';
import { volumesOfGroup } from './volumes.store.ts';
import { startWork } from './work.ts';

export type { GroupSnapshot } from './group-snapshots.store.ts';

export async function getGroupSnapshot({ tx }: Pick<Context, 'tx'>, id: string): Promise<GroupSnapshot> {
  const found = await findGroupSnapshot(tx, id);
  if (!found) throw notFound(`GroupSnapshot ${id} could not be found.`);
  return found;
}

async function getOwn(context: Pick<Context, 'tx'>, id: string): Promise<GroupSnapshot> {
  return (await lockGroupSnapshot(context.tx, id)) ?? getGroupSnapshot(context, id);
}

export async function createGroupSnapshot(context: Context, { groupId, name, description }: { groupId: string; name: string | null; description: string | null }): Promise<GroupSnapshot> {
  const { tx, now, random, caller } = context;
  const group = await getOwnGroup(context, groupId);
  if (group.status !== 'available') throw badRequest(`Invalid group: Group ${groupId} status must be available, but current status is: ${group.status}.`);
  const volumes = await volumesOfGroup(tx, groupId);
  if (volumes.length === 0) throw badRequest('Invalid group: Group is empty. No group snapshot will be created.');
  const id = random.uuid();
  const { projectId, groupTypeId } = group;
  await insertGroupSnapshot(tx, { id, projectId, userId: caller.userId, groupId, groupTypeId, name, description, createdAt: now });
  for (const volume of volumes) {
    if (!['available', 'in-use'].includes(volume.status)) throw badRequest(`Invalid volume: Volume ${volume.id} status must be available or in-use, but current status is: ${volume.status}.`);
    await recordSnapshot(context, volume, { name, description, metadata: {}, groupSnapshotId: id, workedOnAs: subjectOf(id) });
  }
  await startWork(context, createGroupSnapshotWorkflow, { subject: subjectOf(id), projectId, input: { groupSnapshotId: id }, generation: 1 });
  const made = await getGroupSnapshot(context, id);
  await tellGroupSnapshot(context, 'group_snapshot.create.start', made);
  return made;
}

export async function deleteGroupSnapshot(context: Context, id: string): Promise<void> {
  const { tx, now } = context;
  const found = await getOwn(context, id);
  if (found.status === 'deleting') return;
  if (!['available', 'error', 'error_deleting'].includes(found.status) || (await isBeingCopied(tx, { groupSnapshotId: id })))
    throw badRequest('Invalid GroupSnapshot: GroupSnapshot status must be available or error, and no Group can be currently using it as source for its creation.');
  for (const snapshot of await snapshotsOfGroupSnapshot(tx, id)) {
    if (snapshot.status === 'backing-up') throw badRequest(`Invalid GroupSnapshot: Snapshot ${snapshot.id} is being backed up.`);
    const changed = { ...snapshot, status: 'deleting', generation: snapshot.generation + 1, failure: null, workedOnAs: subjectOf(id) };
    await updateSnapshot(tx, changed, now);
    await tellSnapshot(context, 'snapshot.delete.start', changed);
  }
  const changed = { ...found, status: 'deleting', failure: null, generation: found.generation + 1 };
  await updateGroupSnapshot(tx, changed, now);
  await startWork(context, deleteGroupSnapshotWorkflow, { subject: subjectOf(id), projectId: found.projectId, input: { groupSnapshotId: id }, generation: changed.generation, supersede: true });
  await tellGroupSnapshot(context, 'group_snapshot.delete.start', changed);
}

export async function resetGroupSnapshotStatus(context: Context, id: string, status: string): Promise<void> {
  const found = await getOwn(context, id);
  await demandSettable(context, { status, current: found.status, subject: subjectOf(id) });
  const changed = { ...found, status };
  await updateGroupSnapshot(context.tx, changed, context.now);
  await tellGroupSnapshot(context, 'group_snapshot.reset_status.end', changed);
}

const sortable: Record<string, Sql> = { created_at: sql.raw('gs.created_at'), updated_at: sql.raw('gs.updated_at'), name: sql.raw(`coalesce(gs.name, '')`), status: sql.raw('gs.status'), group_id: sql.raw('gs.group_id'), id: sql.raw('gs.id') };
const filterable: Record<string, Sql> = { id: sql.raw('gs.id'), name: sql.raw('gs.name'), status: sql.raw('gs.status'), group_id: sql.raw('gs.group_id'), project_id: sql.raw('gs.project_id') };

export async function listGroupSnapshots(context: Context, query: ListQuery): Promise<GroupSnapshot[]> {
  const { conditions, order, beyond } = await readFilters(context, query, { sortable, filterable, columns: { name: sql.raw('gs.name'), metadata: sql.raw(`'{}'::jsonb`), project: sql.raw('gs.project_id') }, table: sql.raw('volume.group_snapshot gs'), id: sql.raw('gs.id'), noun: 'GroupSnapshot' });
  return selectGroupSnapshots(context.tx, { conditions: [...conditions, ...beyond], order, limit: query.limit, offset: query.offset });
}

function subjectOf(groupSnapshotId: string): string {
  return `group-snapshot/${groupSnapshotId}`;
}
