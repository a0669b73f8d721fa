/**
 * The doors through which groups and group snapshots went before they were called so: cinder/api/contrib/consistencygroups.py and
 * cgsnapshots.py. They show all groups, as Cinder's do; only what is made here asks for snapshots of one moment.
 */
import { cgSnapshots as cgSnapshotsContract, consistencyGroups as consistencyGroupsContract } from '../../contract/volume/consistency-groups.ts';
import { badRequest } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { createGroupSnapshot, deleteGroupSnapshot, getGroupSnapshot, listGroupSnapshots, type GroupSnapshot } from './group-snapshots.ts';
import { consistentGroupType } from './group-types.ts';
import { changeGroup, copyGroup, createGroup, deleteGroup, getGroup, listGroups, type Group } from './groups.ts';
import { cut, idsIn, readPage } from './lists.ts';
import { isTrue, micros, nextLinks } from './shapes.ts';

type Paged = Parameters<typeof listGroups>[0] & { query: Readonly<Record<string, unknown>>; page(change: Record<string, string>): string };

async function listed<T>(request: Paged, shown: (group: Group) => T) {
  const query = readPage(request.query, ['name', 'status']);
  const { page, next } = cut(await listGroups(request, query), query.limit, request.page);
  return new Answer({ consistencygroups: page.map(shown), ...(next === undefined ? {} : { consistencygroup_links: nextLinks(next)! }) }, { next });
}

export const consistencyGroups = implement(consistencyGroupsContract, {
  list: (request) => listed(request, brief),
  detail: (request) => listed(request, detailed),

  async create(request) {
    const { name, description, volume_types: types, availability_zone: zone } = request.body.consistencygroup;
    const { id: groupType } = await consistentGroupType(request);
    return { consistencygroup: brief(await createGroup(request, { name: name?.trim() ?? null, description: description?.trim() ?? null, groupType, types: idsIn(types), zone: zone ?? null })) };
  },

  async createFromSource(request) {
    const { name, description, cgsnapshot_id: groupSnapshotId = null, source_cgid: sourceGroupId = null } = request.body['consistencygroup-from-src'];
    if (!groupSnapshotId && !sourceGroupId) throw badRequest(`Either 'cgsnapshot_id' or 'source_cgid' must be provided to create consistency group ${name ?? null} from source.`);
    if (groupSnapshotId && sourceGroupId) throw badRequest(`Cannot provide both 'cgsnapshot_id' and 'source_cgid' to create consistency group ${name ?? null} from source.`);
    return { consistencygroup: brief(await copyGroup(request, { name: name?.trim() ?? null, description: description?.trim() ?? null, groupSnapshotId, sourceGroupId })) };
  },

  show: async (request) => ({ consistencygroup: detailed(await getGroup(request, request.params.consistencygroup_id)) }),

  async update(request) {
    const { name, description, add_volumes: add, remove_volumes: remove } = request.body.consistencygroup;
    if (!name && !description && !add && !remove) throw badRequest('Name, description, add_volumes, and remove_volumes can not be all empty in the request body.');
    await changeGroup(request, request.params.consistencygroup_id, { name: name?.trim(), description: description?.trim(), add: idsIn(add), remove: idsIn(remove) });
    return undefined;
  },

  async delete(request) {
    await deleteGroup(request, request.params.consistencygroup_id, { withVolumes: isTrue(request.body?.consistencygroup?.force) });
    return undefined;
  },
});

function brief({ id, name }: Pick<Group, 'id' | 'name'>) {
  return { id, name };
}

function detailed(group: Group) {
  return { ...brief(group), status: group.status, availability_zone: group.availabilityZone, created_at: micros(group.createdAt), description: group.description, volume_types: group.typeIds };
}

export const cgSnapshots = implement(cgSnapshotsContract, {
  list: async (request) => ({ cgsnapshots: (await listGroupSnapshots(request, readPage(request.query, []))).map(brief) }),
  detail: async (request) => ({ cgsnapshots: (await listGroupSnapshots(request, readPage(request.query, []))).map(snapshotDetailed) }),

  async create(request) {
    const { consistencygroup_id: groupId, name, description } = request.body.cgsnapshot;
    return { cgsnapshot: brief(await createGroupSnapshot(request, { groupId, name: name?.trim() ?? null, description: description?.trim() ?? null })) };
  },

  show: async (request) => ({ cgsnapshot: snapshotDetailed(await getGroupSnapshot(request, request.params.cgsnapshot_id)) }),

  async delete(request) {
    await deleteGroupSnapshot(request, request.params.cgsnapshot_id);
    return undefined;
  },
});

function snapshotDetailed({ id, name, description, status, groupId, createdAt }: GroupSnapshot) {
  return { id, name, consistencygroup_id: groupId, status, created_at: micros(createdAt), description };
}
