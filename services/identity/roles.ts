/** Roles, and which implies which. keystone/assignment/core.py */
import type { Context } from '../../kit/http/implement.ts';
import { ConstraintViolation, sql } from '../../kit/postgres/database.ts';
import { forbidden } from '../../kit/fault.ts';
import { demandReading } from './access.ts';
import type { Directory } from './directory.ts';
import { findDomain } from './domains.store.ts';
import { nameConditions, pageConditions, rowsFor, type PageQuery } from './pages.ts';
import { alreadyThere, couldNotFind, immutable, invalid } from './refusals.ts';
import { deleteRole as removeRole, findRole, insertRole, listInferences, listRoles as selectRoles, listRolesById, lockRole, updateRole as storeRole, type NewRole, type Role } from './roles.store.ts';

export type { Role, NewRole } from './roles.store.ts';

/** The door, every policy and the database of other services know these by name. */
const reserved = ['admin', 'manager', 'member', 'reader', 'service'];

export function listRoles({ tx, caller }: Context, query: PageQuery & { domain_id?: string; name?: string }): Promise<Role[]> {
  demandReading(caller, 'identity:list_roles');
  // keystone/api/roles.py: without the filter, only roles of no domain.
  const place = query.domain_id === undefined ? sql`domain_id is null` : sql`domain_id = ${query.domain_id}`;
  return selectRoles(tx, [place, ...pageConditions(query), ...nameConditions(query)], rowsFor(query));
}

export async function getRole({ tx, caller }: Context, id: string, rule = 'identity:get_role'): Promise<Role> {
  demandReading(caller, rule);
  const role = await findRole(tx, id);
  if (!role) throw couldNotFind('role', id);
  return role;
}

export async function createRole({ tx }: Context, directory: Directory, role: NewRole): Promise<NewRole> {
  // The name alone is what policies look at: another "admin" in a domain would be an administrator of everything.
  if (role.domainId !== null && reserved.includes(role.name)) throw forbidden(`The role name ${role.name} is used by the cloud and cannot belong to a domain.`);
  if (role.domainId !== null && !(await findDomain(tx, role.domainId))) throw couldNotFind('domain', role.domainId);
  await insertRole(tx, role).catch((error: unknown) => {
    throw nameTaken(error, role);
  });
  directory.rolesChanged(tx);
  return role;
}

export async function updateRole({ tx }: Context, directory: Directory, id: string, change: Partial<NewRole>): Promise<NewRole> {
  const before = await lockRole(tx, id);
  if (!before) throw couldNotFind('role', id);
  if (before.options.immutable === true && change.options?.immutable !== false) throw immutable('update', 'role', id);
  if (change.domainId !== undefined && change.domainId !== before.domainId) throw invalid('Update of `domain_id` is not allowed.');
  if (before.domainId !== null && change.name !== undefined && reserved.includes(change.name)) throw forbidden(`The role name ${change.name} is used by the cloud and cannot belong to a domain.`);
  const after = { ...before, ...change, id, options: { ...before.options, ...change.options }, extra: { ...before.extra, ...change.extra } };
  await storeRole(tx, after).catch((error: unknown) => {
    throw nameTaken(error, after);
  });
  directory.rolesChanged(tx);
  return after;
}

/** Tokens that carry it lose it: its number stands for nothing any more. */
export async function deleteRole({ tx }: Context, directory: Directory, id: string): Promise<void> {
  const role = await lockRole(tx, id);
  if (!role) throw couldNotFind('role', id);
  if (role.options.immutable === true) throw immutable('delete', 'role', id);
  await removeRole(tx, id);
  directory.rolesChanged(tx);
}

export type Inference = { prior: Role; implies: Role[] };

export async function listRoleInferences({ tx, caller }: Context, priorId?: string): Promise<Inference[]> {
  demandReading(caller, priorId === undefined ? 'identity:list_role_inference_rules' : 'identity:list_implied_roles');
  const inferences = (await listInferences(tx)).filter((each) => priorId === undefined || each.priorId === priorId);
  const roles = new Map((await listRolesById(tx, inferences.flatMap((each) => [each.priorId, each.impliedId]))).map((role) => [role.id, role]));
  const byPrior = Map.groupBy(inferences, (each) => each.priorId);
  return [...byPrior].map(([id, each]) => ({ prior: roles.get(id)!, implies: each.map(({ impliedId }) => roles.get(impliedId)!) }));
}

function nameTaken(error: unknown, { name }: NewRole): unknown {
  return error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('role', `Duplicate entry found with name ${name}`) : error;
}
