/** The doors of groups and of group snapshots. */
import { groupSnapshots as groupSnapshotsContract } from '../../contract/volume/group-snapshots.ts';
import { groups as groupsContract } from '../../contract/volume/groups.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { createGroupSnapshot, deleteGroupSnapshot, getGroupSnapshot, listGroupSnapshots, resetGroupSnapshotStatus, type GroupSnapshot } from './group-snapshots.ts';
import { demandPlainGroupType } from './group-types.ts';
import { changeGroup, copyGroup, createGroup, deleteGroup, demandReplicated, getGroup, listGroups, resetGroupStatus, type Group } from './groups.ts';
import { cut, idsIn, readPage } from './lists.ts';
import { demandKnownFilters } from './resource-filters.ts';
import { isTrue, micros, nextLinks } from './shapes.ts';

type Asked = { caller: { isAdmin: boolean }; query: { list_volume?: string } };
type Paged = Parameters<typeof listGroups>[0] & { otherQuery: Readonly<Record<string, unknown>>; query: Readonly<Record<string, unknown>>; page(change: Record<string, string>): string };

async function listed<T>(request: Paged, shown: (group: Group) => T) {
  if (request.query['any_filter'] !== true) demandKnownFilters(request.caller, 'group', [...Object.keys(request.query), ...Object.keys(request.otherQuery)]);
  const query = readPage(request.query, ['name', 'status', 'project_id']);
  const { page, next } = cut(await listGroups(request, query), query.limit, request.page);
  return new Answer({ groups: page.map(shown), ...(next === undefined ? {} : { group_links: nextLinks(next)! }) }, { next });
}

export const groups = implement(groupsContract, {
  list: (request) => listed(request, brief),
  detail: (request) => listed(request, (group) => detailed(request, group)),

  async create(request) {
    const { name, description, group_type: groupType, volume_types: types, availability_zone: zone } = request.body.group;
    await demandPlainGroupType(request, groupType);
    return { group: brief(await createGroup(request, { name: name?.trim() ?? null, description: description?.trim() ?? null, groupType, types, zone: zone ?? null })) };
  },

  async createFromSource(request) {
    const wish = request.body['create-from-src'];
    const naming = { name: wish.name?.trim() ?? null, description: wish.description?.trim() ?? null };
    const source = 'group_snapshot_id' in wish ? { groupSnapshotId: wish.group_snapshot_id, sourceGroupId: null } : { groupSnapshotId: null, sourceGroupId: wish.source_group_id };
    const { groupTypeId } = 'group_snapshot_id' in wish ? await getGroupSnapshot(request, wish.group_snapshot_id) : await getGroup(request, wish.source_group_id);
    await demandPlainGroupType(request, groupTypeId);
    return { group: brief(await copyGroup(request, { ...naming, ...source })) };
  },

  show: async (request) => ({ group: detailed(request, await getGroup(request, request.params.group_id)) }),

  async update(request) {
    const { name, description, add_volumes: add, remove_volumes: remove } = request.body.group;
    await demandPlainGroup(request, request.params.group_id);
    await changeGroup(request, request.params.group_id, { name: name?.trim(), description: description?.trim(), add: idsIn(add), remove: idsIn(remove) });
    return undefined;
  },

  async delete(request) {
    await demandPlainGroup(request, request.params.group_id);
    await deleteGroup(request, request.params.group_id, { withVolumes: isTrue(request.body.delete['delete-volumes']) });
    return undefined;
  },

  async resetStatus(request) {
    await resetGroupStatus(request, request.params.group_id, request.body.reset_status.status.toLowerCase());
    return undefined;
  },

  enableReplication: (request) => demandReplicated(request, request.params.group_id),
  disableReplication: (request) => demandReplicated(request, request.params.group_id),
  failoverReplication: (request) => demandReplicated(request, request.params.group_id),
  listReplicationTargets: (request) => demandReplicated(request, request.params.group_id),
});

async function demandPlainGroup(context: Parameters<typeof getGroup>[0], id: string): Promise<void> {
  await demandPlainGroupType(context, (await getGroup(context, id)).groupTypeId);
}

function brief({ id, name }: Group) {
  return { id, name };
}

function detailed({ caller, query }: Asked, group: Group) {
  return {
    ...brief(group),
    status: group.status,
    availability_zone: group.availabilityZone,
    created_at: micros(group.createdAt),
    description: group.description,
    group_type: group.groupTypeId,
    volume_types: group.typeIds,
    group_snapshot_id: group.groupSnapshotId,
    source_group_id: group.sourceGroupId,
    ...(isTrue(query.list_volume) ? { volumes: group.volumeIds } : {}),
    replication_status: 'disabled',
    ...(caller.isAdmin ? { project_id: group.projectId } : {}),
  };
}

type SnapshotsPaged = Parameters<typeof listGroupSnapshots>[0] & { otherQuery: Readonly<Record<string, unknown>>; query: Readonly<Record<string, unknown>>; page(change: Record<string, string>): string };

async function snapshotsListed<T>(request: SnapshotsPaged, shown: (snapshot: GroupSnapshot) => T) {
  if (request.query['any_filter'] !== true) demandKnownFilters(request.caller, 'group_snapshot', [...Object.keys(request.query), ...Object.keys(request.otherQuery)]);
  const query = readPage(request.query, ['name', 'status', 'group_id', 'project_id']);
  const { page, next } = cut(await listGroupSnapshots(request, query), query.limit, request.page);
  return new Answer({ group_snapshots: page.map(shown), ...(next === undefined ? {} : { group_snapshot_links: nextLinks(next)! }) }, { next });
}

export const groupSnapshots = implement(groupSnapshotsContract, {
  list: (request) => snapshotsListed(request, ({ id, name }) => ({ id, name })),
  detail: (request) => snapshotsListed(request, (snapshot) => snapshotDetailed(request, snapshot)),

  async create(request) {
    const { group_id: groupId, name, description } = request.body.group_snapshot;
    await demandPlainGroup(request, groupId);
    const made = await createGroupSnapshot(request, { groupId, name: name ?? null, description: description ?? null });
    return { group_snapshot: { id: made.id, name: made.name, group_type_id: made.groupTypeId } };
  },

  show: async (request) => ({ group_snapshot: snapshotDetailed(request, await getGroupSnapshot(request, request.params.group_snapshot_id)) }),

  async delete(request) {
    await demandPlainGroupType(request, (await getGroupSnapshot(request, request.params.group_snapshot_id)).groupTypeId);
    await deleteGroupSnapshot(request, request.params.group_snapshot_id);
    return undefined;
  },

  async resetStatus(request) {
    await resetGroupSnapshotStatus(request, request.params.group_snapshot_id, request.body.reset_status.status.toLowerCase());
    return undefined;
  },
});

function snapshotDetailed({ caller }: Pick<Asked, 'caller'>, { id, name, description, status, groupId, groupTypeId, createdAt, projectId }: GroupSnapshot) {
  return { id, name, group_id: groupId, group_type_id: groupTypeId, status, created_at: micros(createdAt), description, ...(caller.isAdmin ? { project_id: projectId } : {}) };
}
