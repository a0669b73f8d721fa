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
      return sql`g.project_id is null and g.domain_id = ${place.id}`;
    case 'system':
      return sql`g.project_id is null and g.domain_id is null`;
    default:
      return place satisfies never;
  }
};

const toActor = ({ kind, id }: Actor): Sql => (kind === 'user' ? sql`g.user_id = ${id}` : sql`g.group_id = ${id}`);

/** What is granted to the user or to a group of theirs, found from the user on. */
const grantsOf = (userId: string): Sql => sql`(
  select role_id, user_id, group_id, project_id, domain_id, inherited from identity.role_grant where user_id = ${userId}
  union all
  select g.role_id, g.user_id, g.group_id, g.project_id, g.domain_id, g.inherited
  from identity.membership m join identity.role_grant g on g.group_id = m.group_id where m.user_id = ${userId})`;

/**
 * What counts for a user in a place: what is granted there, to them or to a group of theirs, and in a project what it
 * inherits from above. Each part is found by the index of granted_once, from the user on: however many grants there are.
 */
const grantedIn = (userId: string, place: Place): Sql => {
  const toBoth = (from: Sql, where: Sql) => sql`
    select g.role_id from ${from} identity.role_grant g where g.user_id = ${userId} and g.group_id is null and ${where}
    union all
    select g.role_id from ${from} identity.membership m join identity.role_grant g on g.user_id is null and g.group_id = m.group_id where m.user_id = ${userId} and ${where}`;
  const there = toBoth(sql.empty, sql`${atPlace(place)} and not g.inherited`);
  if (place.kind !== 'project') return there;
  return sql`${there}
    union all ${toBoth(sql`identity.project p,`, sql`p.id = ${place.id} and g.project_id is null and g.domain_id = p.domain_id and g.inherited`)}
    union all ${toBoth(sql`line,`, sql`g.project_id = line.parent_id and g.inherited`)}`;
};

/** The projects above one. */
const lineAbove = (place: Place): Sql => sql`
  line as (
    select parent_id from identity.project where id = ${place.kind === 'project' ? place.id : null}
    union all
    select p.parent_id from identity.project p join line on p.id = line.parent_id
  )`;

export function listGrantedRoles(tx: Transaction, actor: Actor, place: Place, inherited: boolean): Promise<Role[]> {
  return tx.rows<Role>`
    select r.id, r.number, r.domain_id as "domainId", r.name, r.description, r.options, r.extra
    from identity.role_grant g join identity.role r on r.id = g.role_id
    where ${toActor(actor)} and ${atPlace(place)} and g.inherited = ${inherited} order by r.id`;
}

/** What a user may do in one place: granted to them or a group of theirs, and everything that this implies. */
export function listEffectiveRoles(tx: Transaction, userId: string, place: Place): Promise<{ id: string; name: string; number: number; domainId: string | null }[]> {
  return tx.rows<{ id: string; name: string; number: number; domainId: string | null }>`
    with recursive ${lineAbove(place)}, effective as (
      select role_id from (${grantedIn(userId, place)}) granted
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

const projectIdsOf = (userId: string): Sql => sql`
  select g.project_id as id from ${grantsOf(userId)} g where g.project_id is not null and not g.inherited
  union
  select p.id from identity.project p join ${grantsOf(userId)} g on g.domain_id = p.domain_id where g.inherited
  union
  (with recursive below as (
    select p.id from identity.project p join ${grantsOf(userId)} g on g.project_id = p.parent_id where g.inherited
    union
    select p.id from identity.project p join below on p.parent_id = below.id
  ) select id from below)`;

/** Projects in which the user has a role, inherited or not; for the caller to narrow down. */
export const projectOf = (userId: string): Sql => sql`id = any(array(${projectIdsOf(userId)}))`;

export const domainOf = (userId: string): Sql =>
  sql`id = any(array(select g.domain_id from ${grantsOf(userId)} g where g.domain_id is not null and not g.inherited))`;

export async function listProjectIdsOf(tx: Transaction, userId: string): Promise<Set<string>> {
  const rows = await tx.rows<Pick<Project, 'id'>>`${projectIdsOf(userId)}`;
  return new Set(rows.map(({ id }) => id));
}

export async function insertGrant(tx: Transaction, roleId: string, actor: Actor, place: Place, inherited = false): Promise<void> {
  tx.queue(sql`
    insert into identity.role_grant (role_id, user_id, group_id, project_id, domain_id, inherited)
    values (${roleId}, ${actor.kind === 'user' ? actor.id : null}, ${actor.kind === 'group' ? actor.id : null},
      ${place.kind === 'project' ? place.id : null}, ${place.kind === 'domain' ? place.id : null}, ${inherited})
    on conflict do nothing`);
}

export async function hasGrant(tx: Transaction, roleId: string, actor: Actor, place: Place, inherited: boolean): Promise<boolean> {
  return (await tx.one`select 1 from identity.role_grant g where g.role_id = ${roleId} and ${toActor(actor)} and ${atPlace(place)} and g.inherited = ${inherited}`) !== undefined;
}

export async function deleteGrant(tx: Transaction, roleId: string, actor: Actor, place: Place, inherited: boolean): Promise<boolean> {
  return (await tx.run`delete from identity.role_grant g where g.role_id = ${roleId} and ${toActor(actor)} and ${atPlace(place)} and g.inherited = ${inherited}`) === 1;
}

/** Where a group has roles; `inherited` tells of those that count below. */
export async function listPlacesOfGroup(tx: Transaction, groupId: string): Promise<{ place: Place; inherited: boolean }[]> {
  const rows = await tx.rows<{ projectId: string | null; domainId: string | null; inherited: boolean }>`
    select distinct project_id as "projectId", domain_id as "domainId", inherited from identity.role_grant where group_id = ${groupId}`;
  return rows.map(({ projectId, domainId, inherited }) => ({
    place: projectId !== null ? { kind: 'project', id: projectId } : domainId !== null ? { kind: 'domain', id: domainId } : wholeSystem,
    inherited,
  }));
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
  inherited: boolean;
  /** Effective lists: the group that it came through, the place that it was inherited from, and the role that implied it. */
  throughGroupId: string | null;
  throughProjectId: string | null;
  throughDomainId: string | null;
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
  inherited?: boolean | undefined;
  effective: boolean;
};

export function listAssignments(tx: Transaction, filter: AssignmentFilter, most: number): Promise<Assignment[]> {
  const conditions: Sql[] = [];
  if (filter.userId !== undefined) conditions.push(filter.effective ? sql`(g.user_id = ${filter.userId} or m.user_id = ${filter.userId})` : sql`g.user_id = ${filter.userId}`);
  if (filter.groupId !== undefined) conditions.push(sql`g.group_id = ${filter.groupId}`);
  if (filter.place !== undefined) conditions.push(atPlace(filter.place));
  if (filter.projectIds !== undefined) conditions.push(sql`g.project_id = any(${filter.projectIds}::text[])`);
  if (filter.inherited !== undefined) conditions.push(sql`g.inherited = ${filter.inherited}`);
  if (filter.withinDomainId !== undefined) conditions.push(sql`(g.domain_id = ${filter.withinDomainId} or g.project_id in (select id from identity.project where domain_id = ${filter.withinDomainId}))`);
  return tx.rows<Assignment>`
    with recursive granted (role_id, user_id, group_id, project_id, domain_id, inherited, through_group_id, through_project_id, through_domain_id, prior_role_id) as (${filter.effective ? expanded(conditions, filter.userId) : plain(conditions)})
    select g.role_id as "roleId", r.name as "roleName", r.domain_id as "roleDomainId", rd.name as "roleDomainName",
      g.user_id as "userId", g.group_id as "groupId", coalesce(u.name, gr.name) as "actorName", ad.id as "actorDomainId", ad.name as "actorDomainName",
      g.project_id as "projectId", g.domain_id as "domainId", coalesce(p.name, d.name) as "placeName", pd.id as "placeDomainId", pd.name as "placeDomainName",
      g.inherited, g.through_group_id as "throughGroupId", g.through_project_id as "throughProjectId", g.through_domain_id as "throughDomainId", g.prior_role_id as "priorRoleId"
    from granted g
    join identity.role r on r.id = g.role_id
    left join identity.domain rd on rd.id = r.domain_id
    left join identity."user" u on u.id = g.user_id
    left join identity."group" gr on gr.id = g.group_id
    join identity.domain ad on ad.id = coalesce(u.domain_id, gr.domain_id)
    left join identity.project p on p.id = g.project_id
    left join identity.domain pd on pd.id = p.domain_id
    left join identity.domain d on d.id = g.domain_id
    where ${filter.roleId === undefined ? sql`true` : sql`g.role_id = ${filter.roleId}`}
      -- A role of a domain stands only for what it implies.
      and ${filter.effective ? sql`r.domain_id is null` : sql`true`}
    order by g.project_id, g.domain_id, g.user_id, g.group_id, g.role_id, g.inherited, g.through_group_id, g.through_project_id, g.through_domain_id, g.prior_role_id
    limit ${most}`;
}

function plain(conditions: readonly Sql[]): Sql {
  return sql`
    select g.role_id, g.user_id, g.group_id, g.project_id, g.domain_id, g.inherited,
      null::text as through_group_id, null::text as through_project_id, null::text as through_domain_id, null::text as prior_role_id
    from identity.role_grant g where ${sql.and(conditions)}`;
}

/** Of groups to their members, of what is inherited to the projects below, of roles to those that they imply. */
function expanded(conditions: readonly Sql[], userId: string | undefined): Sql {
  // Those of one user are not looked for among everybody's.
  const grants = userId === undefined ? sql`identity.role_grant` : grantsOf(userId);
  const members = userId === undefined ? sql`identity.membership` : sql`(select group_id, user_id from identity.membership where user_id = ${userId})`;
  return sql`
    select g.role_id, coalesce(m.user_id, g.user_id), null::text, g.project_id, g.domain_id, g.inherited,
      m.group_id, g.through_project_id, g.through_domain_id, null::text
    from (
      select role_id, user_id, group_id, project_id, domain_id, false as inherited, null::text as through_project_id, null::text as through_domain_id
      from ${grants} granted where not inherited
      union all
      select i.role_id, i.user_id, i.group_id, p.id, null, true, null, i.domain_id
      from ${grants} i join identity.project p on p.domain_id = i.domain_id where i.inherited
      union all
      select i.role_id, i.user_id, i.group_id, below.id, null, true, i.project_id, null
      from ${grants} i
      cross join lateral (
        with recursive tree as (
          select id from identity.project where parent_id = i.project_id
          union all
          select p.id from identity.project p join tree on p.parent_id = tree.id
        )
        select id from tree
      ) below
      where i.inherited and i.project_id is not null
    ) g
    left join ${members} m on m.group_id = g.group_id
    where (g.user_id is not null or m.user_id is not null) and ${sql.and(conditions)}
    union
    select i.implied_role_id, e.user_id, e.group_id, e.project_id, e.domain_id, e.inherited, e.through_group_id, e.through_project_id, e.through_domain_id, i.prior_role_id
    from granted e join identity.implied_role i on i.prior_role_id = e.role_id`;
}
