/** The only file that names the table of granted roles. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { wholeSystem, type Actor, type Place } from './places.ts';
import type { Project } from './projects.store.ts';
import type { Role } from './roles.store.ts';

const atPlace = (place: Place): Sql => {
  switch (place.kind) {
    case 'project':
      return sql`g.project_id = ${place.id}`;
    case 'domain':
      return sql`g.domain_id = ${place.id}`;
    case 'system':
      return sql`g.project_id is null and g.domain_id is null`;
    default:
      return place satisfies never;
  }
};

const toActor = ({ kind, id }: Actor): Sql => (kind === 'user' ? sql`g.user_id = ${id}` : sql`g.group_id = ${id}`);

/** What is granted to the user or to a group of theirs. */
const toUserOrGroups = (userId: string): Sql =>
  sql`(g.user_id = ${userId} or g.group_id in (select group_id from identity.membership where user_id = ${userId}))`;

export function listGrantedRoles(tx: Transaction, actor: Actor, place: Place): Promise<Role[]> {
  return tx.rows<Role>`
    select r.id, r.number, r.domain_id as "domainId", r.name, r.description, r.options, r.extra
    from identity.role_grant g join identity.role r on r.id = g.role_id
    where ${toActor(actor)} and ${atPlace(place)} order by r.id`;
}

/** What a user may do in one place: granted to them or a group of theirs, and everything that this implies. */
export function listEffectiveRoles(tx: Transaction, userId: string, place: Place): Promise<{ id: string; name: string; number: number; domainId: string | null }[]> {
  return tx.rows<{ id: string; name: string; number: number; domainId: string | null }>`
    with recursive effective as (
      select g.role_id from identity.role_grant g where ${toUserOrGroups(userId)} and ${atPlace(place)}
      union
      select i.implied_role_id from effective e join identity.implied_role i on i.prior_role_id = e.role_id
    )
    -- A role of a domain stands only for what it implies (keystone/assignment/core.py, _strip_domain_roles).
    select r.id, r.name, r.number, r.domain_id as "domainId" from effective e join identity.role r on r.id = e.role_id
    where r.domain_id is null order by r.name`;
}

export async function hasSystemRole(tx: Transaction, userId: string): Promise<boolean> {
  return (await listEffectiveRoles(tx, userId, wholeSystem)).length > 0;
}

/** Projects in which the user has a role; for the caller to narrow down. */
export const projectOf = (userId: string): Sql => sql`id in (select g.project_id from identity.role_grant g where g.project_id is not null and ${toUserOrGroups(userId)})`;

export const domainOf = (userId: string): Sql => sql`id in (select g.domain_id from identity.role_grant g where g.domain_id is not null and ${toUserOrGroups(userId)})`;

export async function listProjectIdsOf(tx: Transaction, userId: string): Promise<Set<string>> {
  const rows = await tx.rows<Pick<Project, 'id'>>`select distinct g.project_id as id from identity.role_grant g where g.project_id is not null and ${toUserOrGroups(userId)}`;
  return new Set(rows.map(({ id }) => id));
}

export async function insertGrant(tx: Transaction, roleId: string, actor: Actor, place: Place): Promise<void> {
  await tx.run`
    insert into identity.role_grant (role_id, user_id, group_id, project_id, domain_id)
    values (${roleId}, ${actor.kind === 'user' ? actor.id : null}, ${actor.kind === 'group' ? actor.id : null},
      ${place.kind === 'project' ? place.id : null}, ${place.kind === 'domain' ? place.id : null})
    on conflict do nothing`;
}

export async function hasGrant(tx: Transaction, roleId: string, actor: Actor, place: Place): Promise<boolean> {
  return (await tx.one`select 1 from identity.role_grant g where g.role_id = ${roleId} and ${toActor(actor)} and ${atPlace(place)}`) !== undefined;
}

export async function deleteGrant(tx: Transaction, roleId: string, actor: Actor, place: Place): Promise<boolean> {
  return (await tx.run`delete from identity.role_grant g where g.role_id = ${roleId} and ${toActor(actor)} and ${atPlace(place)}`) === 1;
}

export async function listPlacesOfGroup(tx: Transaction, groupId: string): Promise<Place[]> {
  const rows = await tx.rows<{ projectId: string | null; domainId: string | null }>`
    select distinct project_id as "projectId", domain_id as "domainId" from identity.role_grant where group_id = ${groupId}`;
  return rows.map(({ projectId, domainId }): Place => (projectId !== null ? { kind: 'project', id: projectId } : domainId !== null ? { kind: 'domain', id: domainId } : wholeSystem));
}

export type Assignment = {
  roleId: string;
  roleName: string;
  roleDomainId: string | null;
  roleDomainName: string | null;
  userId: string | null;
  groupId: string | null;
  actorName: string;
  actorDomainId: string;
  actorDomainName: string;
  projectId: string | null;
  domainId: string | null;
  placeName: string | null;
  placeDomainId: string | null;
  placeDomainName: string | null;
  /** Effective lists: the group that it came through, and the role that implied it. */
  throughGroupId: string | null;
  priorRoleId: string | null;
};

export type AssignmentFilter = {
  roleId?: string | undefined;
  userId?: string | undefined;
  groupId?: string | undefined;
  place?: Place | undefined;
  /** Everything that lies in this domain. */
  withinDomainId?: string | undefined;
  projectIds?: readonly string[] | undefined;
  effective: boolean;
};

export function listAssignments(tx: Transaction, filter: AssignmentFilter, most: number): Promise<Assignment[]> {
  const conditions: Sql[] = [];
  if (filter.roleId !== undefined) conditions.push(sql`g.role_id = ${filter.roleId}`);
  if (filter.userId !== undefined) conditions.push(sql`g.user_id = ${filter.userId}`);
  if (filter.groupId !== undefined) conditions.push(sql`g.group_id = ${filter.groupId}`);
  if (filter.place !== undefined) conditions.push(atPlace(filter.place));
  if (filter.projectIds !== undefined) conditions.push(sql`g.project_id = any(${filter.projectIds}::text[])`);
  if (filter.withinDomainId !== undefined) conditions.push(sql`(g.domain_id = ${filter.withinDomainId} or p.domain_id = ${filter.withinDomainId})`);
  return tx.rows<Assignment>`
    with recursive member_grant as (
      select role_id, user_id, group_id, project_id, domain_id, null::text as through_group_id, null::text as prior_role_id from identity.role_grant
      where not (${filter.effective}::boolean and group_id is not null)
      union all
      select g.role_id, m.user_id, null, g.project_id, g.domain_id, g.group_id, null
      from identity.role_grant g join identity.membership m on m.group_id = g.group_id
      where ${filter.effective}::boolean
    ), granted as (
      select * from member_grant
      union
      select i.implied_role_id, e.user_id, e.group_id, e.project_id, e.domain_id, e.through_group_id, i.prior_role_id
      from granted e join identity.implied_role i on i.prior_role_id = e.role_id
      where ${filter.effective}::boolean
    )
    select g.role_id as "roleId", r.name as "roleName", r.domain_id as "roleDomainId", rd.name as "roleDomainName",
      g.user_id as "userId", g.group_id as "groupId", coalesce(u.name, gr.name) as "actorName", ad.id as "actorDomainId", ad.name as "actorDomainName",
      g.project_id as "projectId", g.domain_id as "domainId", coalesce(p.name, d.name) as "placeName", pd.id as "placeDomainId", pd.name as "placeDomainName",
      g.through_group_id as "throughGroupId", g.prior_role_id as "priorRoleId"
    from granted g
    join identity.role r on r.id = g.role_id
    left join identity.domain rd on rd.id = r.domain_id
    left join identity."user" u on u.id = g.user_id
    left join identity."group" gr on gr.id = g.group_id
    join identity.domain ad on ad.id = coalesce(u.domain_id, gr.domain_id)
    left join identity.project p on p.id = g.project_id
    left join identity.domain pd on pd.id = p.domain_id
    left join identity.domain d on d.id = g.domain_id
    where ${sql.and(conditions)}
    order by g.project_id, g.domain_id, g.user_id, g.group_id, g.role_id, g.through_group_id, g.prior_role_id
    limit ${most}`;
}
