/** Roles, and which implies which. keystone/assignment/core.py */
import { ConstraintViolation, sql } from '../../kit/postgres/database.ts';
import { forbidden } from '../../kit/fault.ts';
import { demand, type Context } from './access.ts';
import type { Directory } from './directory.ts';
import { findDomain } from './domains.store.ts';
import { nameConditions, pageConditions, rowsFor, type PageQuery } from './pages.ts';
import { alreadyThere, couldNotFind, immutable, impliedRoleNotFound, invalid, notAllowed } from './refusals.ts';
import {
  deleteImpliedRole as removeImpliedRole,
  deleteRole as removeRole,
  findRole,
  hasImpliedRole,
  insertImpliedRole,
  insertRole,
  listHeirsOfRole,
  listInferences,
  listRoles as selectRoles,
  listRolesById,
  lockRole,
  updateRole as storeRole,
  type NewRole,
  type Role,
} from './roles.store.ts';
import { roleSubject } from './tokens.ts';

export type { Role, NewRole } from './roles.store.ts';

/** The door, every policy and the database of other services know these by name. */
const prohibited = ['admin'];
const reserved = ['admin', 'manager', 'member', 'reader', 'service'];

export function listRoles(context: Context, query: PageQuery & { domain_id?: string; name?: string }): Promise<Role[]> {
  demand(context, query.domain_id ? 'identity:list_domain_roles' : 'identity:list_roles');
  // keystone/api/roles.py: without the filter, only roles of no domain.
  const place = query.domain_id === undefined ? sql`domain_id is null` : sql`domain_id = ${query.domain_id}`;
  return selectRoles(context.tx, [place, ...pageConditions(query), ...nameConditions(query)], rowsFor(query));
}

export async function getRole(context: Context, id: string): Promise<Role> {
  return demandRole(context, await findRole(context.tx, id), id, 'get');
}

export async function createRole(context: Context, directory: Directory, role: NewRole): Promise<NewRole> {
  demand(context, ruleFor('create', role), { role: targetOf(role) });
  // The name alone is what policies look at: another "admin" in a domain would be an administrator of everything.
  if (role.domainId !== null && reserved.includes(role.name)) throw forbidden(`The role name ${role.name} is used by the cloud and cannot belong to a domain.`);
  if (role.domainId !== null && !(await findDomain(context.tx, role.domainId))) throw couldNotFind('domain', role.domainId);
  const number = await insertRole(context.tx, role).catch((error: unknown) => {
    throw nameTaken(error, role);
  });
  directory.rolesChanged(context.tx, { ...role, number });
  return role;
}

export async function updateRole(context: Context, directory: Directory, id: string, change: Partial<NewRole>): Promise<NewRole> {
  const { tx } = context;
  const before = demandRole(context, await lockRole(tx, id), id, 'update');
  if (before.options.immutable === true && change.options?.immutable !== false) throw immutable('update', 'role', id);
  if (change.domainId !== undefined && change.domainId !== before.domainId) throw invalid('Update of `domain_id` is not allowed.');
  if (before.domainId !== null && change.name !== undefined && reserved.includes(change.name)) throw forbidden(`The role name ${change.name} is used by the cloud and cannot belong to a domain.`);
  const after = { ...before, ...change, id, options: { ...before.options, ...change.options }, extra: { ...before.extra, ...change.extra } };
  await storeRole(tx, after, (error) => nameTaken(error, after));
  directory.rolesChanged(tx, after);
  return after;
}

/** It stands for nothing any more in the tokens that carry it; where it implied others, those tokens end. */
export async function deleteRole(context: Context, directory: Directory, id: string): Promise<void> {
  const { tx, now } = context;
  const [found, implied] = await Promise.all([lockRole(tx, id), inferences(tx, id)]);
  const role = demandRole(context, found, id, 'delete');
  if (role.options.immutable === true) throw immutable('delete', 'role', id);
  if (implied.length > 0) await directory.revoke(tx, [roleSubject(role.number), ...(await listHeirsOfRole(tx, id))], now);
  await removeRole(tx, id);
  directory.rolesChanged(tx, { ...role, name: undefined });
}

export type Inference = { prior: Role; implies: Role[] };

export async function listImpliedRoles(context: Context, priorId: string): Promise<Inference> {
  const prior = await findRole(context.tx, priorId);
  demand(context, 'identity:list_implied_roles', prior ? { prior_role: targetOf(prior) } : {});
  if (!prior) throw couldNotFind('role', priorId);
  return (await inferences(context.tx, priorId))[0] ?? { prior, implies: [] };
}

export function listRoleInferences(context: Context): Promise<Inference[]> {
  demand(context, 'identity:list_role_inference_rules');
  return inferences(context.tx);
}

export type ImpliedRole = { prior: Role; implied: Role };

export async function getImpliedRole(context: Context, priorId: string, impliedId: string, rule = 'identity:get_implied_role'): Promise<ImpliedRole> {
  const pair = await demandPair(context, priorId, impliedId, rule);
  if (!(await hasImpliedRole(context.tx, priorId, impliedId))) throw impliedRoleNotFound(priorId, impliedId);
  return pair;
}

export async function createImpliedRole(context: Context, priorId: string, impliedId: string): Promise<ImpliedRole> {
  const pair = await demandPair(context, priorId, impliedId, 'identity:create_implied_role');
  // keystone.conf, prohibited_implied_role: what an administrator may must be granted by name.
  if (prohibited.includes(pair.implied.name)) throw notAllowed(`${impliedId} cannot be an implied roles.`);
  if (pair.prior.domainId === null && pair.implied.domainId !== null) throw notAllowed('Global role cannot imply a domain-specific role');
  if (!(await insertImpliedRole(context.tx, priorId, impliedId))) throw alreadyThere('implied_role', 'Duplicate entry');
  return pair;
}

/** Tokens that were issued while it was so end: they carry the implied role. */
export async function deleteImpliedRole(context: Context, directory: Directory, priorId: string, impliedId: string): Promise<void> {
  const { tx, now } = context;
  const { prior } = await demandPair(context, priorId, impliedId, 'identity:delete_implied_role');
  const heirs = await listHeirsOfRole(tx, priorId);
  if (!(await removeImpliedRole(tx, priorId, impliedId))) throw impliedRoleNotFound(priorId, impliedId);
  await directory.revoke(tx, [roleSubject(prior.number), ...heirs], now);
}

async function demandPair(context: Context, priorId: string, impliedId: string, rule: string): Promise<ImpliedRole> {
  const [prior, implied] = await Promise.all([findRole(context.tx, priorId), findRole(context.tx, impliedId)]);
  demand(context, rule, { ...(prior ? { prior_role: targetOf(prior) } : {}), ...(implied ? { implied_role: targetOf(implied) } : {}) });
  if (!prior) throw couldNotFind('role', priorId);
  if (!implied) throw couldNotFind('role', impliedId);
  return { prior, implied };
}

async function inferences(tx: Context['tx'], priorId?: string): Promise<Inference[]> {
  const rules = (await listInferences(tx)).filter((each) => priorId === undefined || each.priorId === priorId);
  if (rules.length === 0) return [];
  const roles = new Map((await listRolesById(tx, rules.flatMap((each) => [each.priorId, each.impliedId]))).map((role) => [role.id, role]));
  return [...Map.groupBy(rules, (each) => each.priorId)].map(([id, each]) => ({ prior: roles.get(id)!, implies: each.map(({ impliedId }) => roles.get(impliedId)!) }));
}

/** That there is none is said before the rule is asked. keystone/common/rbac_enforcer/enforcer.py, _extract_member_target_data */
function demandRole(context: Context, role: Role | undefined, id: string, verb: 'get' | 'update' | 'delete'): Role {
  if (!role) throw couldNotFind('role', id);
  demand(context, ruleFor(verb, role), { role: targetOf(role) });
  return role;
}

function ruleFor(verb: string, { domainId }: Pick<Role, 'domainId'>): string {
  return `identity:${verb}_${domainId === null ? 'role' : 'domain_role'}`;
}

function targetOf({ id, name, domainId }: Pick<Role, 'id' | 'name' | 'domainId'>): Record<string, unknown> {
  return { id, name, domain_id: domainId };
}

function nameTaken(error: unknown, { name }: NewRole): unknown {
  return error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('role', `Duplicate entry found with name ${name}`) : error;
}
