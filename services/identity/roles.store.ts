/** The only file that names the tables of roles and of what they imply. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
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

export async function insertRole(tx: Transaction, role: NewRole): Promise<void> {
  await tx.run`
    insert into identity.role (id, domain_id, name, description, options, extra)
    values (${role.id}, ${role.domainId}, ${role.name}, ${role.description}, ${sql.json(role.options)}, ${sql.json(role.extra)})`;
}

export async function updateRole(tx: Transaction, role: NewRole): Promise<void> {
  await tx.run`
    update identity.role set name = ${role.name}, description = ${role.description}, options = ${sql.json(role.options)}, extra = ${sql.json(role.extra)}
    where id = ${role.id}`;
}

export async function deleteRole(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from identity.role where id = ${id}`;
}

export async function insertImpliedRole(tx: Transaction, priorId: string, impliedId: string): Promise<void> {
  await tx.run`insert into identity.implied_role (prior_role_id, implied_role_id) values (${priorId}, ${impliedId}) on conflict do nothing`;
}

export function listInferences(tx: Transaction): Promise<{ priorId: string; impliedId: string }[]> {
  return tx.rows<{ priorId: string; impliedId: string }>`
    select prior_role_id as "priorId", implied_role_id as "impliedId" from identity.implied_role order by 1, 2`;
}

export function listRolesByNumber(tx: Transaction, numbers: readonly number[]): Promise<{ id: string; name: string }[]> {
  return tx.rows<{ id: string; name: string }>`select id, name from identity.role where number = any(${numbers}::int[]) order by name`;
}
