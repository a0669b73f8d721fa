/** The doors at which roles are granted. keystone/api/{projects,domains,system,role_assignments}.py */
import { roleAssignments as assignmentsContract, type grantsAt } from '../../contract/identity/grants.ts';
import { implement, type Handlers } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { grantRole, demandGrant, listAssignments, listGrants, revokeRole, type Assignment } from './grants.ts';
import { selfOf, wholeList } from './pages.ts';
import type { IdentityParts } from './parts.ts';
import { wholeSystem, type Actor, type Place } from './places.ts';
import { listDescendants } from './projects.store.ts';
import { invalid } from './refusals.ts';
import { roleView } from './roles.api.ts';

type Params = Readonly<Record<string, string>>;
type Grants = Handlers<ReturnType<typeof grantsAt<string>>>;

const mostAssignments = 10_000;

/** Six places, one behaviour: who gets the role and where are in the path. */
export function grantsDoor({ directory }: IdentityParts, whoAndWhere: (params: Params) => { actor: Actor; place: Place }): Grants {
  // The paths differ only in what `whoAndWhere` reads.
  const read = (request: { params: object }) => {
    const params = request.params as Params;
    return { ...whoAndWhere(params), roleId: params['role_id'] ?? '' };
  };
  return {
    async list(request) {
      const { actor, place } = read(request);
      const roles = await listGrants(request, actor, place);
      return { roles: roles.map((role) => roleView(role, request)), ...wholeList(request) };
    },
    async check(request) {
      const { actor, place, roleId } = read(request);
      await demandGrant(request, roleId, actor, place);
    },
    async show(request) {
      const { actor, place, roleId } = read(request);
      await demandGrant(request, roleId, actor, place);
    },
    async create(request) {
      const { actor, place, roleId } = read(request);
      await grantRole(request, roleId, actor, place);
      await announce(request, 'role_assignment', 'created', roleId, request.params);
    },
    async revoke(request) {
      const { actor, place, roleId } = read(request);
      await revokeRole(request, directory, roleId, actor, place);
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
    const { query, tx } = request;
    const [projectId, domainId, userId, groupId] = [query['scope.project.id'], query['scope.domain.id'], query['user.id'], query['group.id']];
    const effective = isAsked(query.effective);
    const withSystem = query['scope.system'] !== undefined;
    if (domainId && projectId) throw invalid('Specify a domain or project, not both');
    if (domainId && withSystem) throw invalid('Specify system or domain, not both');
    if (projectId && withSystem) throw invalid('Specify system or project, not both');
    if (userId && groupId) throw invalid('Specify a user or group, not both');
    if (effective && groupId) throw invalid('Combining effective and group filter will always result in an empty list.');
    const subtree = isAsked(query.include_subtree);
    if (subtree && !projectId) throw invalid('scope.project.id must be specified if include_subtree is also specified');
    const place: Place | undefined = withSystem ? wholeSystem : projectId && !subtree ? { kind: 'project', id: projectId } : domainId ? { kind: 'domain', id: domainId } : undefined;
    const projectIds = subtree ? [projectId!, ...(await listDescendants(tx, projectId!)).map(({ id }) => id)] : undefined;
    // No role is inherited here, so nothing matches a filter on those that are.
    const most = query['scope.OS-INHERIT:inherited_to'] === undefined ? mostAssignments : 0;
    const rows = await listAssignments(request, { roleId: query['role.id'], userId, groupId, place, projectIds, effective }, most + 1);
    const shown = rows.slice(0, most);
    return {
      role_assignments: shown.map((row) => assignmentView(row, request, isAsked(query.include_names))),
      links: { self: selfOf(request), previous: null, next: null },
      ...(rows.length > most && most > 0 ? { truncated: true } : {}),
    };
  },
});

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
  const place = row.projectId !== null ? `/projects/${row.projectId}` : row.domainId !== null ? `/domains/${row.domainId}` : '/system';
  const who = row.throughGroupId !== null ? `/groups/${row.throughGroupId}` : row.userId !== null ? `/users/${row.userId}` : `/groups/${row.groupId}`;
  return {
    role: named(row.roleId, row.roleName, domainOf(row.roleDomainId, row.roleDomainName)),
    ...(row.userId !== null ? { user: actor } : { group: actor }),
    scope,
    links: {
      assignment: url(`${place}${who}/roles/${row.priorRoleId ?? row.roleId}`),
      ...(row.throughGroupId === null ? {} : { membership: url(`/groups/${row.throughGroupId}/users/${row.userId}`) }),
      ...(row.priorRoleId === null ? {} : { prior_role: url(`/roles/${row.priorRoleId}/implies/${row.roleId}`) }),
    },
  };
}

// keystone/server/flask/common.py, query_filter_is_true: there, and not "0".
function isAsked(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value.toLowerCase() !== 'false';
}
