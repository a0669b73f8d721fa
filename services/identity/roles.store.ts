/** The only file that names the tables of roles and of what they imply. */
import { sql, type Explain, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Options } from './domains.store.ts';

export type Role = { id: string; number: number; domainId: string | null; name: string; description: string | null; options: Options; extra: Record<string, unknown> };
export type NewRole = Omit<Role, 'number'>;

const columns = sql`id, number, domain_id as "domainId", name, description, options, extra`;

export function findRole(tx: Transaction, id: string): Promise<Role | undefined> {
  return tx.one<Role>`select ${columns} from identity.role where id = ${id}`;
}

export function lockRole(tx: Transaction, id: string): Promise<Role | undefined> {
  return tx.one<Role>`select ${columns} from identity.role where id = ${id} for update`;
}

export function findRoleByName(tx: Transaction, name: string): Promise<Role | undefined> {
  return tx.one<Role>`select ${columns} from identity.role where domain_id is null and name = ${name}`;
}

export function listRoles(tx: Transaction, conditions: readonly Sql[], most: number): Promise<Role[]> {
  return tx.rows<Role>`select ${columns} from identity.role where ${sql.and(conditions)} order by id limit ${most}`;
}

export function listRolesById(tx: Transaction, ids: readonly string[]): Promise<Role[]> {
  return tx.rows<Role>`select ${columns} from identity.role where id = any(${ids}::text[]) order by name`;
}

/** Gives it its number. */
export async function insertRole(tx: Transaction, role: NewRole): Promise<number> {
  const made = await tx.one<{ number: number }>`
    insert into identity.role (id, domain_id, name, description, options, extra)
    values (${role.id}, ${role.domainId}, ${role.name}, ${role.description}, ${sql.json(role.options)}, ${sql.json(role.extra)})
    returning number`;
  return made!.number;
}

export async function updateRole(tx: Transaction, role: NewRole, explain?: Explain): Promise<void> {
  tx.queue(sql`
    update identity.role set name = ${role.name}, description = ${role.description}, options = ${sql.json(role.options)}, extra = ${sql.json(role.extra)}
    where id = ${role.id}`, explain);
}

export async function deleteRole(tx: Transaction, id: string): Promise<void> {
  tx.queue(sql`delete from identity.role where id = ${id}`);
}

/** False: it was there. */
export async function insertImpliedRole(tx: Transaction, priorId: string, impliedId: string): Promise<boolean> {
  return (await tx.run`insert into identity.implied_role (prior_role_id, implied_role_id) values (${priorId}, ${impliedId}) on conflict do nothing`) === 1;
}

export async function hasImpliedRole(tx: Transaction, priorId: string, impliedId: string): Promise<boolean> {
  return (await tx.one`select 1 from identity.implied_role where prior_role_id = ${priorId} and implied_role_id = ${impliedId}`) !== undefined;
}

export async function deleteImpliedRole(tx: Transaction, priorId: string, impliedId: string): Promise<boolean> {
  return (await tx.run`delete from identity.implied_role where prior_role_id = ${priorId} and implied_role_id = ${impliedId}`) === 1;
}

/**
 * Whose tokens are not known by the numbers of roles that they carry: a role of a domain is in none, though all
 * that it implies is. They are its users and the members of its groups.
 */
export async function listHeirsOfRole(tx: Transaction, roleId: string): Promise<string[]> {
  const rows = await tx.rows<{ userId: string }>`
    with recursive prior as (
      select id from identity.role where id = ${roleId}
      union
      select i.prior_role_id from identity.implied_role i join prior on i.implied_role_id = prior.id
    )
    select distinct coalesce(m.user_id, g.user_id) as "userId"
    from prior join identity.role r on r.id = prior.id join identity.role_grant g on g.role_id = r.id
    left join identity.membership m on m.group_id = g.group_id
    where r.domain_id is not null and coalesce(m.user_id, g.user_id) is not null`;
  return rows.map(({ userId }) => `user:${userId}`);
}

export function listInferences(tx: Transaction): Promise<{ priorId: string; impliedId: string }[]> {
  return tx.rows<{ priorId: string; impliedId: string }>`
    select prior_role_id as "priorId", implied_role_id as "impliedId" from identity.implied_role order by 1, 2`;
}

/** These, and all that they imply; a role of a domain stands only for what it implies. */
export function listRolesWithImplied(tx: Transaction, ids: readonly string[]): Promise<{ id: string; name: string; number: number; domainId: string | null }[]> {
  return tx.rows<{ id: string; name: string; number: number; domainId: string | null }>`
    with recursive effective as (
      select id from identity.role where id = any(${ids}::text[])
      union
      select i.implied_role_id from effective e join identity.implied_role i on i.prior_role_id = e.id
    )
    select r.id, r.name, r.number, r.domain_id as "domainId" from effective e join identity.role r on r.id = e.id
    where r.domain_id is null order by r.name`;
}
