/** Who has which role where: keystone/api/{projects,domains,system,role_assignments}.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { listOf, NamedDomain, pageQuery } from './shapes.ts';
import { Role } from './roles.ts';

/** The same five operations at each place where a role can be granted. */
export function grantsAt<const P extends string>(path: P, names: GrantNames) {
  // Of the user or group, and of the place: what is in the path.
  const here = Object.fromEntries([...path.matchAll(/\{(\w+)_id\}/g)].map(([, name = '']) => [name, `${name}_id`]));
  return operations({
    list: { method: 'GET', path, summary: 'List the roles granted here', access: { rule: names.list, who: 'user', judged: true }, stability: 'stable', status: 200, response: listOf('roles', Role), list: { after: { role_assignment: null, role: null, ...here } } },
    ...grantAt(`${path}/{role_id}`, names),
  });
}

/** A role that is inherited by projects: granted on a domain or a project for all that is below it. */
function inheritedGrantsAt<const P extends string>(path: P) {
  return operations(grantAt(`${path}/{role_id}/inherited_to_projects`, grantNames));
}

function inheritedListAt<const P extends string>(path: P) {
  const here = Object.fromEntries([...path.matchAll(/\{(\w+)_id\}/g)].map(([, name = '']) => [name, `${name}_id`]));
  return operations({
    list: {
      method: 'GET',
      path: `${path}/inherited_to_projects`,
      summary: 'List the roles granted here that projects inherit',
      access: { rule: grantNames.list, who: 'user', judged: true },
      stability: 'stable',
      status: 200,
      response: listOf('roles', Role),
      list: { after: { role_assignment: null, role: null, ...here } },
    },
  });
}

function grantAt<const P extends string>(path: P, names: GrantNames) {
  return operations({
    check: { method: 'HEAD', path, summary: 'Ask whether a role is granted here', access: { rule: names.check, who: 'user', judged: true }, stability: 'stable', status: 204 },
    show: { method: 'GET', path, summary: 'Ask whether a role is granted here', access: { rule: names.check, who: 'user', judged: true }, stability: 'stable', status: 204 },
    create: { method: 'PUT', path, summary: 'Grant a role', access: { rule: names.create, who: 'manager', judged: true }, stability: 'stable', status: 204 },
    revoke: { method: 'DELETE', path, summary: 'Take a role away', access: { rule: names.revoke, who: 'manager', judged: true }, stability: 'stable', status: 204 },
  });
}

type GrantNames = { list: string; check: string; create: string; revoke: string };

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
export const inheritedProjectUserGrants = inheritedGrantsAt('/OS-INHERIT/projects/{project_id}/users/{user_id}/roles');
export const inheritedProjectGroupGrants = inheritedGrantsAt('/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles');
export const inheritedDomainUserGrants = { ...inheritedListAt('/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles'), ...inheritedGrantsAt('/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles') };
export const inheritedDomainGroupGrants = { ...inheritedListAt('/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles'), ...inheritedGrantsAt('/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles') };
export const systemUserGrants = grantsAt('/system/users/{user_id}/roles', systemNames('user'));
export const systemGroupGrants = grantsAt('/system/groups/{group_id}/roles', systemNames('group'));

const Named = Type.Object({ id: Type.String(), name: Type.Optional(Type.String()), domain: Type.Optional(NamedDomain) });

export const RoleAssignment = Type.Object({
  role: Named,
  user: Type.Optional(Named),
  group: Type.Optional(Named),
  scope: Type.Object({
    project: Type.Optional(Named),
    domain: Type.Optional(Named),
    system: Type.Optional(Type.Object({ all: Type.Literal(true) })),
    'OS-INHERIT:inherited_to': Type.Optional(Type.Literal('projects')),
  }),
  links: Type.Object({ assignment: Type.String(), membership: Type.Optional(Type.String()), prior_role: Type.Optional(Type.String()) }),
});

export const roleAssignments = operations({
  list: {
    method: 'GET',
    path: '/role_assignments',
    summary: 'List role assignments',
    access: { rule: 'identity:list_role_assignments', who: 'user', judged: true },
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
