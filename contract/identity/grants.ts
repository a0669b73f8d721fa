/** Who has which role where: keystone/api/{projects,domains,system,role_assignments}.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { listOf, NamedDomain, pageQuery } from './shapes.ts';
import { Role } from './roles.ts';

/** The same five operations at each place where a role can be granted. */
export function grantsAt<const P extends string>(path: P, names: { list: string; check: string; create: string; revoke: string }) {
  // Of the user or group, and of the place: what is in the path.
  const here = Object.fromEntries([...path.matchAll(/\{(\w+)_id\}/g)].map(([, name = '']) => [name, `${name}_id`]));
  return operations({
    list: { method: 'GET', path, summary: 'List the roles granted here', access: { rule: names.list, who: 'user' }, stability: 'stable', status: 200, response: listOf('roles', Role), list: { after: { role_assignment: null, role: null, ...here } } },
    check: { method: 'HEAD', path: `${path}/{role_id}`, summary: 'Ask whether a role is granted here', access: { rule: names.check, who: 'user' }, stability: 'stable', status: 204 },
    show: { method: 'GET', path: `${path}/{role_id}`, summary: 'Ask whether a role is granted here', access: { rule: names.check, who: 'user' }, stability: 'stable', status: 204 },
    create: { method: 'PUT', path: `${path}/{role_id}`, summary: 'Grant a role', access: { rule: names.create, who: 'admin' }, stability: 'stable', status: 204 },
    revoke: { method: 'DELETE', path: `${path}/{role_id}`, summary: 'Take a role away', access: { rule: names.revoke, who: 'admin' }, stability: 'stable', status: 204 },
  });
}

const grantNames = { list: 'identity:list_grants', check: 'identity:check_grant', create: 'identity:create_grant', revoke: 'identity:revoke_grant' };
const systemNames = (actor: 'user' | 'group') => ({
  list: `identity:list_system_grants_for_${actor}`,
  check: `identity:check_system_grant_for_${actor}`,
  create: `identity:create_system_grant_for_${actor}`,
  revoke: `identity:revoke_system_grant_for_${actor}`,
});

export const projectUserGrants = grantsAt('/projects/{project_id}/users/{user_id}/roles', grantNames);
export const projectGroupGrants = grantsAt('/projects/{project_id}/groups/{group_id}/roles', grantNames);
export const domainUserGrants = grantsAt('/domains/{domain_id}/users/{user_id}/roles', grantNames);
export const domainGroupGrants = grantsAt('/domains/{domain_id}/groups/{group_id}/roles', grantNames);
export const systemUserGrants = grantsAt('/system/users/{user_id}/roles', systemNames('user'));
export const systemGroupGrants = grantsAt('/system/groups/{group_id}/roles', systemNames('group'));

const Named = Type.Object({ id: Type.String(), name: Type.Optional(Type.String()), domain: Type.Optional(NamedDomain) });

export const RoleAssignment = Type.Object({
  role: Named,
  user: Type.Optional(Named),
  group: Type.Optional(Named),
  scope: Type.Object({ project: Type.Optional(Named), domain: Type.Optional(Named), system: Type.Optional(Type.Object({ all: Type.Literal(true) })) }),
  links: Type.Object({ assignment: Type.String(), membership: Type.Optional(Type.String()), prior_role: Type.Optional(Type.String()) }),
});

export const roleAssignments = operations({
  list: {
    method: 'GET',
    path: '/role_assignments',
    summary: 'List role assignments',
    access: { rule: 'identity:list_role_assignments', who: 'user' },
    stability: 'stable',
    query: Type.Object({
      ...pageQuery,
      'role.id': Type.Optional(Type.String()),
      'user.id': Type.Optional(Type.String()),
      'group.id': Type.Optional(Type.String()),
      'scope.project.id': Type.Optional(Type.String()),
      'scope.domain.id': Type.Optional(Type.String()),
      'scope.system': Type.Optional(Type.String()),
      'scope.OS-INHERIT:inherited_to': Type.Optional(Type.String()),
      effective: Type.Optional(Type.String()),
      include_names: Type.Optional(Type.String()),
      include_subtree: Type.Optional(Type.String()),
    }),
    status: 200,
    response: listOf('role_assignments', RoleAssignment),
    list: { after: { role_assignment: null, role: null, user: null, group: null, project: null, domain: null } },
  },
});
