/** Volumes that belong together: cinder/group/api.py. */
import { badRequest, forbidden, notFound } from '../../kit/fault.ts';
import { running } from '../../kit/workflow/runs.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql } from '../../kit/postgres/database.ts';
import { attachmentsOfVolumes } from './attachments.store.ts';
import { getGroupType, groupTypeFor } from './group-types.ts';
import { findGroupSnapshot, hasGroupSnapshots } from './group-snapshots.store.ts';
import { findGroup, insertGroup, isBeingCopied, lockGroup, selectGroups, updateGroup, type Group } from './groups.store.ts';
import { createGroupWorkflow, deleteGroupWorkflow } from './groups.workflow.ts';
import { readFilters, type ListQuery } from './lists.ts';
import { snapshotsOf, snapshotsOfGroupSnapshot } from './snapshots.store.ts';
import { typeForVolume } from './types.ts';
import { tellGroup, tellVolume } from './volume-events.ts';
import { claimGroups } from './volume-quotas.ts';
import { availabilityZone, changeVolume, createGroupVolume } from './volumes.ts';
import { findVolume, lockVolume, transient, updateVolume, volumesOfGroup, type Volume } from './volumes.store.ts';
import { startWork } from './work.ts';

export type { Group } from './groups.store.ts';

export async function getGroup({ tx }: Pick<Context, 'tx'>, id: string): Promise<Group> {
  const group = await findGroup(tx, id);
  if (!group) throw notFound(`Group ${id} could not be found.`);
  return group;
}

export async function getOwnGroup(context: Pick<Context, 'tx'>, id: string): Promise<Group> {
  return (await lockGroup(context.tx, id)) ?? getGroup(context, id);
}

type Naming = { name: string | null; description: string | null };

export async function createGroup(context: Context, { groupType, types, zone, ...naming }: Naming & { groupType: string; types: readonly string[]; zone: string | null }): Promise<Group> {
  const type = await groupTypeFor(context, groupType);
  if (!type.public && !context.caller.isAdmin) throw notFound(`Group type with name ${groupType} could not be found.`);
  if (zone !== null && zone !== availabilityZone) throw badRequest(`Invalid input received: Availability zone '${zone}' is invalid.`);
  const typeIds: string[] = [];
  for (const each of types) typeIds.push((await typeForVolume(context, each)).id);
  return record(context, { ...naming, groupTypeId: type.id, typeIds: [...new Set(typeIds)], sourceGroupId: null, groupSnapshotId: null });
}

/** With volumes like those of another group, or like those of which a group snapshot is. */
export async function copyGroup(context: Context, { sourceGroupId, groupSnapshotId, ...naming }: Naming & { sourceGroupId: string | null; groupSnapshotId: string | null }): Promise<Group> {
  const { tx } = context;
  const snapshot = groupSnapshotId === null ? undefined : await findGroupSnapshot(tx, groupSnapshotId);
  if (groupSnapshotId !== null && !snapshot) throw notFound(`GroupSnapshot ${groupSnapshotId} could not be found.`);
  if (snapshot && snapshot.status !== 'available') throw badRequest(`Invalid group: Group snapshot ${groupSnapshotId} is ${snapshot.status}.`);
  const source = await getOwnGroup(context, snapshot?.groupId ?? sourceGroupId ?? '');
  if (!snapshot && source.status !== 'available') throw badRequest(`Invalid group: Group ${source.id} is ${source.status}.`);
  const wishes = snapshot
    ? (await snapshotsOfGroupSnapshot(tx, snapshot.id)).map(({ id, sizeGiB, volumeId }) => ({ sizeGiB, like: volumeId, source: { kind: 'snapshot' as const, snapshotId: id } }))
    : (await volumesOfGroup(tx, source.id)).map(({ id, sizeGiB }) => ({ sizeGiB, like: id, source: { kind: 'volume' as const, volumeId: id } }));
  if (wishes.length === 0) throw badRequest(snapshot ? 'Invalid group: Group snapshot is empty. No group will be created.' : 'Invalid group: Source group is empty. No group will be created.');
  const group = await record(context, { ...naming, groupTypeId: source.groupTypeId, typeIds: source.typeIds, sourceGroupId: snapshot ? null : source.id, groupSnapshotId });
  for (const { sizeGiB, like, source: from } of wishes) {
    const original = await findVolume(tx, like);
    await createGroupVolume(context, { sizeGiB, source: from, volumeType: original?.typeId, groupId: group.id, workedOnAs: subjectOf(group.id) });
  }
  return getGroup(context, group.id);
}

async function record(context: Context, draft: Naming & Pick<Group, 'groupTypeId' | 'typeIds' | 'sourceGroupId' | 'groupSnapshotId'>): Promise<Group> {
  const { tx, now, random, caller } = context;
  const { projectId } = caller;
  if (projectId === null) throw forbidden('A token for a project is needed to create a group.');
  await claimGroups(tx, projectId, 1);
  const id = random.uuid();
  await insertGroup(tx, { ...draft, id, projectId, userId: caller.userId, availabilityZone, createdAt: now });
  await startWork(context, createGroupWorkflow, { subject: subjectOf(id), projectId, input: { groupId: id }, generation: 1 });
  const group = await getGroup(context, id);
  await tellGroup(context, 'group.create.start', group);
  return group;
}

export async function deleteGroup(context: Context, id: string, { withVolumes }: { withVolumes: boolean }): Promise<void> {
  const { tx, now } = context;
  const group = await getOwnGroup(context, id);
  if (group.status === 'deleting') return;
  if (!withVolumes && !['available', 'error', 'error_deleting'].includes(group.status)) throw refused(`Group status must be available or error, but current status is: ${group.status}`);
  if (await hasGroupSnapshots(tx, id)) throw refused('Group has existing snapshots.');
  if (await isBeingCopied(tx, { groupId: id })) throw refused(`Cannot delete group ${id}. It cannot be the source for an ongoing group or group snapshot creation.`);
  const volumes = await volumesOfGroup(tx, id);
  if (volumes.length > 0 && !withVolumes) throw refused(`Group ${id} still contains volumes. The delete-volumes flag is required to delete it.`);
  for (const volume of volumes) {
    if ((await attachmentsOfVolumes(tx, [volume.id])).length > 0) throw refused(`Volume in group ${id} is attached. Need to detach first.`);
    if ((await snapshotsOf(tx, volume.id)).length > 0) throw refused('Volume in group still has dependent snapshots.');
    // What another workflow has in hand is not taken from it.
    if (volume.status in transient && volume.workedOnAs !== subjectOf(id)) throw refused(`Volume ${volume.id} in group ${id} is ${volume.status}.`);
    const change = { status: 'deleting', failure: null, workedOnAs: subjectOf(id) };
    await updateVolume(tx, volume.id, change, { now, intent: true });
    await tellVolume(context, 'volume.delete.start', { ...volume, ...change });
  }
  const changed = { ...group, status: 'deleting', failure: null, generation: group.generation + 1 };
  await updateGroup(tx, changed, now);
  await startWork(context, deleteGroupWorkflow, { subject: subjectOf(id), projectId: group.projectId, input: { groupId: id }, generation: changed.generation, supersede: true });
  await tellGroup(context, 'group.delete.start', changed);
}

const movable = ['available', 'in-use'];

export async function changeGroup(context: Context, id: string, { name, description, add, remove }: { name: string | null | undefined; description: string | null | undefined; add: readonly string[]; remove: readonly string[] }): Promise<void> {
  const group = await getOwnGroup(context, id);
  const both = add.filter((each) => remove.includes(each));
  if (both.length > 0) throw badRequest(`Invalid volume: UUIDs ${both.join(', ')} are in both add and remove volume list.`);
  const adding: Volume[] = [];
  for (const volumeId of add) {
    const volume = await volumeToAdd(context, group, volumeId);
    if (volume) adding.push(volume);
  }
  for (const volumeId of remove) if (!group.volumeIds.includes(volumeId)) throw badRequest(`Invalid volume: Cannot remove volume ${volumeId} from group ${id} because it is not in the group.`);
  const renamed = { name: name ?? group.name, description: description ?? group.description };
  if (renamed.name === group.name && renamed.description === group.description && adding.length === 0 && remove.length === 0)
    throw refused(`Cannot update group ${id} because no valid name, description, add_volumes, or remove_volumes were provided.`);
  if (group.status !== 'available') throw refused('Group status must be available.');
  for (const volumeId of remove) {
    const volume = await lockVolume(context.tx, volumeId);
    if (volume && !['available', 'in-use', 'error', 'error_deleting'].includes(volume.status)) throw badRequest(`Invalid volume: Cannot remove volume ${volumeId} from group ${id} because volume is in an invalid state: ${volume.status}.`);
    await changeVolume(context, volumeId, { groupId: null });
  }
  for (const volume of adding) await changeVolume(context, volume.id, { groupId: id });
  const changed = { ...group, ...renamed };
  await updateGroup(context.tx, changed, context.now);
  await tellGroup(context, 'group.update.end', changed);
}

/** Undefined: it is in the group. */
async function volumeToAdd({ tx }: Context, group: Group, volumeId: string): Promise<Volume | undefined> {
  const cannot = (why: string) => badRequest(`Invalid volume: Cannot add volume ${volumeId} to group ${group.id} because ${why}.`);
  const volume = await lockVolume(tx, volumeId);
  if (!volume) throw cannot('volume cannot be found');
  if (volume.groupId === group.id) return undefined;
  if (volume.groupId !== null) throw cannot(`it is already in group ${volume.groupId}`);
  if (volume.projectId !== group.projectId) throw cannot('they belong to different projects');
  if (volume.typeId === null || !group.typeIds.includes(volume.typeId)) throw cannot(`volume type ${volume.typeId} is not supported by the group`);
  if (!movable.includes(volume.status)) throw cannot(`volume is in an invalid state: ${volume.status}. Valid states are: ('available', 'in-use')`);
  return volume;
}

/** The group that a new volume of this type is to be in. */
export async function groupForVolume(context: Context, id: string, typeId: string): Promise<Group> {
  const group = await getOwnGroup(context, id);
  if (!group.typeIds.includes(typeId)) throw badRequest(`Invalid input received: Invalid volume_type ${typeId} provided for creating a volume in group ${id}: the group does not support it.`);
  if (group.status !== 'available') throw badRequest(`Invalid group: Group ${id} status must be available, but current status is: ${group.status}.`);
  return group;
}

export async function resetGroupStatus(context: Context, id: string, status: string): Promise<void> {
  const group = await getOwnGroup(context, id);
  await demandSettable(context, { status, current: group.status, subject: subjectOf(id) });
  const changed = { ...group, status };
  await updateGroup(context.tx, changed, context.now);
  await tellGroup(context, 'group.reset_status.end', changed);
}

/** A transient state is its workflow's, and the reconciler's where it has none (I7). */
export async function demandSettable({ tx }: Pick<Context, 'tx'>, { status, current, subject }: { status: string; current: string; subject: string }): Promise<void> {
  if (!['available', 'creating', 'deleting', 'error', 'error_deleting'].includes(status)) throw badRequest(`Invalid group status: ${status} cannot be set by hand.`);
  if (['creating', 'deleting'].includes(current) && (await running(tx, subject)).length > 0) throw badRequest(`Invalid group status: It is ${current}, and its workflow ends that by itself.`);
}

/** No pool of this cloud replicates: that of types that ask for it, no group is ever made. */
export async function demandReplicated(context: Context, id: string): Promise<never> {
  const group = await getGroup(context, id);
  const { specs } = await getGroupType(context, group.groupTypeId);
  const asked = ['group_replication_enabled', 'consistent_group_replication_enabled'].some((name) => specs[name] === '<is> True');
  throw badRequest(asked ? `Invalid group: Group ${id} replication status must be enabled, but current status is: error.` : `Invalid group type: Group ${id} is not a replication group type.`);
}

// Lists

const sortable: Record<string, Sql> = { created_at: sql.raw('g.created_at'), updated_at: sql.raw('g.updated_at'), name: sql.raw(`coalesce(g.name, '')`), status: sql.raw('g.status'), id: sql.raw('g.id') };
const filterable: Record<string, Sql> = { id: sql.raw('g.id'), name: sql.raw('g.name'), status: sql.raw('g.status'), project_id: sql.raw('g.project_id') };

export async function listGroups(context: Context, query: ListQuery): Promise<Group[]> {
  const { conditions, order, beyond } = await readFilters(context, query, { sortable, filterable, columns: { name: sql.raw('g.name'), metadata: sql.raw(`'{}'::jsonb`), project: sql.raw('g.project_id') }, table: sql.raw('volume.volume_group g'), id: sql.raw('g.id'), noun: 'Group' });
  return selectGroups(context.tx, { conditions: [...conditions, ...beyond], order, limit: query.limit, offset: query.offset });
}

function refused(why: string) {
  return badRequest(`Invalid group: ${why}`);
}

export function subjectOf(groupId: string): string {
  return `group/${groupId}`;
}
