import { serverGroups as contract } from '../../contract/compute/server-groups.ts';
import { badRequest } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { mostPerPage } from './lists.ts';
import { createServerGroup, deleteServerGroup, getServerGroup, listServerGroups, membersOf, type ServerGroup } from './server-groups.ts';

export const serverGroups = implement(contract, {
  async list(request) {
    const { all_projects: all, limit, offset = 0 } = request.query;
    const projectId = all !== undefined && request.caller.isAdmin ? null : (request.caller.projectId ?? '');
    // None is no limit of the caller's: nova/api/openstack/common.py, limited
    const groups = await listServerGroups(request, projectId, { limit: Math.min(limit || mostPerPage, mostPerPage), offset });
    const members = await membersOf(request, groups);
    return { server_groups: groups.map((group) => show(group, members.get(group.id) ?? [])) };
  },
  async show(request) {
    const group = await getServerGroup(request, request.params.server_group_id);
    return { server_group: show(group, (await membersOf(request, [group])).get(group.id) ?? []) };
  },
  async create(request) {
    const { name, policy, rules } = request.body.server_group;
    // In none of its shapes it can be left out: before 2.64 `changes` takes it from what it was called.
    if (policy === undefined) throw badRequest("Invalid input for field/attribute server_group. 'policy' is a required property");
    const most = rules?.max_server_per_host;
    return { server_group: show(await createServerGroup(request, { name, policy, mostPerHost: most === undefined ? undefined : Number(most) }), []) };
  },
  async delete(request) {
    await deleteServerGroup(request, request.params.server_group_id);
  },
});

function show({ id, name, policy, hasRules, mostPerHost, projectId, userId }: ServerGroup, members: string[]) {
  return { id, name, policy, rules: hasRules ? { max_server_per_host: mostPerHost } : {}, policies: [policy], metadata: {}, members, project_id: projectId, user_id: userId };
}
