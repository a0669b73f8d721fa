/** The door of groups. keystone/api/groups.py */
import { groups as contract } from '../../contract/identity/groups.ts';
import { implement } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { given } from './domains.api.ts';
import { extraOf } from './extra.ts';
import { addMember, createGroup, deleteGroup, demandMember, getGroup, listGroups, listMembers, removeMember, updateGroup, type Group } from './groups.ts';
import { pageOf } from './pages.ts';
import { newId, type IdentityParts } from './parts.ts';
import { domainOfCaller } from './projects.api.ts';
import { userView } from './users.api.ts';

const columns = ['id', 'name', 'domain_id', 'description', 'links'];

export function groupsDoor(parts: IdentityParts) {
  const { directory } = parts;
  return implement(contract, {
    async list(request) {
      const { rows, listLimit } = await listGroups(request, request.query);
      const { items, rest } = pageOf(request, rows, listLimit);
      return { groups: items.map((group) => groupView(group, request)), ...rest };
    },
    async create(request) {
      const { name, domain_id: domainId, description = '' } = request.body.group;
      const group = await createGroup(request, { id: newId(parts), domainId: domainId ?? domainOfCaller(request.caller), name: name.trim(), description, extra: extraOf(request.body.group, columns) });
      await announce(request, 'group', 'created', group.id);
      return { group: groupView(group, request) };
    },
    async show(request) {
      return { group: groupView(await getGroup(request, request.params.group_id), request) };
    },
    async update(request) {
      const { name, domain_id: domainId, description } = request.body.group;
      const group = await updateGroup(request, request.params.group_id, { ...given({ name: name?.trim(), domainId, description }), extra: extraOf(request.body.group, columns) });
      await announce(request, 'group', 'updated', group.id);
      return { group: groupView(group, request) };
    },
    async delete(request) {
      await deleteGroup(request, directory, request.params.group_id);
      await announce(request, 'group', 'deleted', request.params.group_id);
    },
    async listUsers(request) {
      const { rows, listLimit } = await listMembers(request, request.params.group_id, request.query);
      const { items, rest } = pageOf(request, rows, listLimit);
      return { users: items.map((user) => userView(user, request)), ...rest };
    },
    async addUser(request) {
      await addMember(request, request.params.group_id, request.params.user_id);
      await announce(request, 'group', 'updated', request.params.group_id);
    },
    async checkUser(request) {
      await demandMember(request, request.params.group_id, request.params.user_id);
    },
    async removeUser(request) {
      await removeMember(request, directory, request.params.group_id, request.params.user_id);
      await announce(request, 'group', 'updated', request.params.group_id);
    },
  });
}

export function groupView({ id, name, domainId, description, extra }: Group, { url }: { url(path: string): string }) {
  return { ...extra, id, name, domain_id: domainId, description, links: { self: url(`/groups/${id}`) } };
}
