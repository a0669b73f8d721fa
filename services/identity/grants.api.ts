/** The doors at which roles are granted. keystone/api/{projects,domains,system,role_assignments}.py */
import { roleAssignments as assignmentsContract, type grantsAt } from '../../contract/identity/grants.ts';
import { implement, type Handlers } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { demand, type Context } from './access.ts';
import { demandGrant, grantRole, listAssignments, listGrants, listTreeAssignments, revokeRole, type Assignment } from './grants.ts';
import type { AssignmentFilter } from './grants.store.ts';
import { isAsked, selfOf, wholeList } from './pages.ts';
import type { IdentityParts } from './parts.ts';
import { wholeSystem, type Actor, type Place } from './places.ts';
import { invalid } from './refusals.ts';
import { roleView } from './roles.api.ts';

type Params = Readonly<Record<string, string>>;
type Grants = Handlers<ReturnType<typeof grantsAt<string>>>;

const mostAssignments = 10_000;

/** Six places, one behaviour: who gets the role and where are in the path. */
export function grantsDoor({ directory }: IdentityParts, whoAndWhere: (params: Params) => { actor: Actor; place: Place }, { inherited = false } = {}): Grants {
  // The paths differ only in what `whoAndWhere` reads.
  const read = (request: { params: object }) => {
    const params = request.params as Params;
    return { grant: { ...whoAndWhere(params), inherited }, roleId: params['role_id'] ?? '' };
  };
  return {
    async list(request) {
      const { grant } = read(request);
      const roles = await listGrants(request, grant);
      return { roles: roles.map((role) => roleView(role, request)), ...wholeList(request) };
    },
    async check(request) {
      const { grant, roleId } = read(request);
      await demandGrant(request, roleId, grant);
    },
    async show(request) {
      const { grant, roleId } = read(request);
      await demandGrant(request, roleId, grant);
    },
    async create(request) {
      const { grant, roleId } = read(request);
      await grantRole(request, roleId, grant);
      await announce(request, 'role_assignment', 'created', roleId, request.params);
    },
    async revoke(request) {
      const { grant, roleId } = read(request);
      await revokeRole(request, directory, roleId, grant);
      await announce(request, 'role_assignment', 'deleted', roleId, request.params);
    },
  };
}

export const user = (params: Params): Actor => ({ kind: 'user', id: params['user_id'] ?? '' });
export const group = (params: Params): Actor => ({ kind: 'group', id: params['group_id'] ?? '' });
export const project = (params: Params): Place => ({ kind: 'project', id: params['project_id'] ?? '' });
export const domain = (params: Params): Place => ({ kind: 'domain', id: params['domain_id'] ?? '' });

export const roleAssignmentsDoor = implement(assignmentsContract, {
  async list(request) {
    const { query } = request;
    const [projectId, domainId, userId, groupId, inheritedTo] = [query['scope.project.id'], query['scope.domain.id'], query['user.id'], query['group.id'], query['scope.OS-INHERIT:inherited_to']];
    const effective = isAsked(query.effective);
    const inherited = inheritedTo === undefined ? undefined : inheritedTo === 'projects';
    const withSystem = query['scope.system'] !== undefined;
    if (domainId && projectId) throw invalid('Specify a domain or project, not both');
    if (domainId && withSystem) throw invalid('Specify system or domain, not both');
    if (projectId && withSystem) throw invalid('Specify system or project, not both');
    if (userId && groupId) throw invalid('Specify a user or group, not both');
    if (effective && groupId) throw invalid('Combining effective and group filter will always result in an empty list.');
    if (effective && inherited && domainId) throw invalid('Combining effective, domain and inherited filters will always result in an empty list.');
    const filter = { roleId: query['role.id'], userId, groupId, inherited, effective };
    const rows = await listed(request, { filter, projectId, subtree: isAsked(query.include_subtree), place: withSystem ? wholeSystem : projectId ? { kind: 'project', id: projectId } : domainId ? { kind: 'domain', id: domainId } : undefined });
    return {
      role_assignments: rows.slice(0, mostAssignments).map((row) => assignmentView(row, request, isAsked(query.include_names))),
      links: { self: selfOf(request), previous: null, next: null },
      ...(rows.length > mostAssignments ? { truncated: true } : {}),
    };
  },
});

type Listed = { filter: AssignmentFilter; projectId: string | undefined; subtree: boolean; place: Place | undefined };

function listed(request: Context, { filter, projectId, subtree, place }: Listed): Promise<Assignment[]> {
  if (!subtree) return listAssignments(request, { ...filter, place }, mostAssignments + 1);
  if (projectId) return listTreeAssignments(request, projectId, filter, mostAssignments + 1);
  demand(request, 'identity:list_role_assignments_for_tree');
  throw invalid('scope.project.id must be specified if include_subtree is also specified');
}

function assignmentView(row: Assignment, { url }: { url(path: string): string }, withNames: boolean) {
  const domainOf = (id: string | null, name: string | null) => (id === null ? {} : { domain: { id, name: name ?? '' } });
  const named = (id: string, name: string | null, domain: object) => (withNames ? { id, name: name ?? '', ...domain } : { id });
  const actor = named(row.userId ?? row.groupId ?? '', row.actorName, domainOf(row.actorDomainId, row.actorDomainName));
  const scope =
    row.projectId !== null
      ? { project: named(row.projectId, row.placeName, domainOf(row.placeDomainId, row.placeDomainName)) }
      : row.domainId !== null
        ? { domain: named(row.domainId, row.placeName, {}) }
        : { system: { all: true as const } };
  const from = row.throughDomainId !== null ? `/domains/${row.throughDomainId}` : row.throughProjectId !== null ? `/projects/${row.throughProjectId}` : undefined;
  const place = from ?? (row.projectId !== null ? `/projects/${row.projectId}` : row.domainId !== null ? `/domains/${row.domainId}` : '/system');
  const who = row.throughGroupId !== null ? `/groups/${row.throughGroupId}` : row.userId !== null ? `/users/${row.userId}` : `/groups/${row.groupId}`;
  return {
    role: named(row.roleId, row.roleName, domainOf(row.roleDomainId, row.roleDomainName)),
    ...(row.userId !== null ? { user: actor } : { group: actor }),
    scope: { ...scope, ...(row.inherited ? { 'OS-INHERIT:inherited_to': 'projects' as const } : {}) },
    links: {
      assignment: url(row.inherited ? `/OS-INHERIT${place}${who}/roles/${row.priorRoleId ?? row.roleId}/inherited_to_projects` : `${place}${who}/roles/${row.priorRoleId ?? row.roleId}`),
      ...(row.throughGroupId === null ? {} : { membership: url(`/groups/${row.throughGroupId}/users/${row.userId}`) }),
      ...(row.priorRoleId === null ? {} : { prior_role: url(`/roles/${row.priorRoleId}/implies/${row.roleId}`) }),
    },
  };
}
