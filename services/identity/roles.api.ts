/** The door of roles. keystone/api/roles.py */
import { roles as contract } from '../../contract/identity/roles.ts';
import { implement } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { given } from './domains.api.ts';
import { extraOf } from './extra.ts';
import { pageOf, selfOf } from './pages.ts';
import { newId, type IdentityParts } from './parts.ts';
import { createRole, deleteRole, getRole, listRoleInferences, listRoles, updateRole, type Inference, type NewRole } from './roles.ts';

type Links = { url(path: string): string };

const columns = ['id', 'name', 'domain_id', 'description', 'options', 'links'];

export function rolesDoor(parts: IdentityParts) {
  const { directory } = parts;
  return implement(contract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listRoles(request, request.query));
      return { roles: items.map((role) => roleView(role, request)), ...rest };
    },
    async create(request) {
      const { name, description = null, domain_id: domainId = null, options = {} } = request.body.role;
      const role = await createRole(request, directory, { id: newId(parts), domainId, name: name.trim(), description, options, extra: extraOf(request.body.role, columns) });
      await announce(request, 'role', 'created', role.id);
      return { role: roleView(role, request) };
    },
    async show(request) {
      return { role: roleView(await getRole(request, request.params.role_id), request) };
    },
    async update(request) {
      const { name, description, domain_id: domainId, options } = request.body.role;
      const change = { ...given({ name: name?.trim(), description, domainId, options }), extra: extraOf(request.body.role, columns) };
      const role = await updateRole(request, directory, request.params.role_id, change);
      await announce(request, 'role', 'updated', role.id);
      return { role: roleView(role, request) };
    },
    async delete(request) {
      await deleteRole(request, directory, request.params.role_id);
      await announce(request, 'role', 'deleted', request.params.role_id);
    },
    async listImplied(request) {
      const prior = await getRole(request, request.params.role_id, 'identity:list_implied_roles');
      const [inference = { prior, implies: [] }] = await listRoleInferences(request, prior.id);
      return { role_inference: inferenceView(inference, request), links: { self: selfOf(request) } };
    },
    async listInferences(request) {
      const inferences = await listRoleInferences(request);
      return { role_inferences: inferences.map((each) => inferenceView(each, request)), links: { self: selfOf(request) } };
    },
  });
}

export function roleView({ id, name, domainId, description, options, extra }: NewRole, { url }: Links) {
  return { ...extra, id, name, domain_id: domainId, description, options, links: { self: url(`/roles/${id}`) } };
}

function inferenceView({ prior, implies }: Inference, links: Links) {
  const linked = ({ id, name, description }: NewRole) => ({ id, name, description, links: { self: links.url(`/roles/${id}`) } });
  return { prior_role: linked(prior), implies: implies.map(linked) };
}
