/** The door of roles. keystone/api/roles.py */
import { roles as contract } from '../../contract/identity/roles.ts';
import { implement } from '../../kit/http/implement.ts';
import { demand } from './access.ts';
import { announce } from './announcements.ts';
import { given } from './domains.api.ts';
import { extraOf } from './extra.ts';
import { pageOf, selfOf } from './pages.ts';
import { newId, type IdentityParts } from './parts.ts';
import {
  createImpliedRole,
  createRole,
  deleteImpliedRole,
  deleteRole,
  getImpliedRole,
  getRole,
  listImpliedRoles,
  listRoleInferences,
  listRoles,
  updateRole,
  type ImpliedRole,
  type Inference,
  type NewRole,
} from './roles.ts';

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
      return { role_inference: inferenceView(await listImpliedRoles(request, request.params.role_id), request), links: { self: selfOf(request) } };
    },
    async checkImplied(request) {
      const { role_id: priorId, implied_role_id: impliedId } = request.params;
      demand(request, 'identity:check_implied_role');
      await getImpliedRole(request, priorId, impliedId);
    },
    async showImplied(request) {
      const { role_id: priorId, implied_role_id: impliedId } = request.params;
      return impliedView(await getImpliedRole(request, priorId, impliedId), request);
    },
    async createImplied(request) {
      const { role_id: priorId, implied_role_id: impliedId } = request.params;
      const pair = await createImpliedRole(request, priorId, impliedId);
      await announce(request, 'role', 'updated', priorId);
      return impliedView(pair, request);
    },
    async deleteImplied(request) {
      const { role_id: priorId, implied_role_id: impliedId } = request.params;
      await deleteImpliedRole(request, directory, priorId, impliedId);
      await announce(request, 'role', 'updated', priorId);
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

function impliedView({ prior, implied }: ImpliedRole, links: Links) {
  const named = ({ id, name }: NewRole) => ({ id, name, links: { self: links.url(`/roles/${id}`) } });
  return { role_inference: { prior_role: named(prior), implies: named(implied) }, links: { self: links.url(`/roles/${prior.id}/implies/${implied.id}`) } };
}
