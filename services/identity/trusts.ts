/** Trusts: a user lets another act for them, in one project, with some of their roles. keystone/api/trusts.py, keystone/trust/core.py */
import { forbidden, type Fault } from '../../kit/fault.ts';
import { ConstraintViolation, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { demand, type Context } from './access.ts';
import { demandWithin, excessOf, type Excess, type Rights, type Wish } from './delegation.ts';
import { enabledUser } from './enabled.ts';
import { listEffectiveRoles } from './grants.store.ts';
import { pageConditions, rowsFor, type PageQuery } from './pages.ts';
import { alreadyThere, couldNotFind, expiresInThePast, forbiddenAction, invalid } from './refusals.ts';
import { momentOf, mostRedelegations, rightsOfToken, rightsOfTrust } from './rights.ts';
import { listRolesById, listRolesWithImplied, type Role } from './roles.store.ts';
import type { Claims } from './token-format.ts';
import { deleteTrust as removeTrust, insertTrust, listPedigree, listTrusts as selectTrusts, lockTrust, trustsOfTrustee, trustsOfTrustor, type Trust } from './trusts.store.ts';
import { findUser, type User } from './users.store.ts';
import { findProject } from './projects.store.ts';

export type { Trust } from './trusts.store.ts';

export type TrustQuery = PageQuery & { trustor_user_id?: string; trustee_user_id?: string };

export type TrustWish = Pick<Trust, 'id' | 'trustorId' | 'trusteeId' | 'projectId' | 'impersonation' | 'expiresAt' | 'remainingUses' | 'extra'> & {
  roles: readonly { id?: string; name?: string }[];
  allowRedelegation: boolean;
  redelegationCount: number | undefined;
};

export async function listTrusts(context: Context, claims: Claims, query: TrustQuery): Promise<Trust[]> {
  const { trustor_user_id: trustor, trustee_user_id: trustee } = query;
  const conditions: Sql[] = pageConditions(query);
  if (trustor !== undefined) {
    demand(context, 'identity:list_trusts_for_trustor', { trust: { trustor_user_id: trustor } });
    conditions.push(trustsOfTrustor(trustor));
  } else if (trustee !== undefined) demand(context, 'identity:list_trusts_for_trustee', { trust: { trustee_user_id: trustee } });
  else demand(context, 'identity:list_trusts');
  if (trustee !== undefined) conditions.push(trustsOfTrustee(trustee));
  demandNoCredential(claims);
  return selectTrusts(context.tx, conditions, rowsFor(query));
}

/** What is there comes before who may see it: keystone/api/trusts.py, _build_trust_target_enforcement. */
export async function getTrust(context: Context, claims: Claims, id: string, rule = 'identity:get_trust'): Promise<Trust> {
  const found = await trustForUse(context.tx, context.now, id);
  if (!found) throw couldNotFind('trust', id);
  demand(context, rule, targetOf(found.trust));
  demandNoCredential(claims);
  return found.trust;
}

export async function createTrust(context: Context, claims: Claims, wish: TrustWish): Promise<Trust> {
  const { tx, caller, now } = context;
  demand(context, 'identity:create_trust', { trust: { trustor_user_id: wish.trustorId } });
  demandNoCredential(claims);
  if (wish.projectId !== null && wish.roles.length === 0) throw forbiddenAction('At least one role should be specified');
  if (caller.userId !== wish.trustorId) throw forbiddenAction('The authenticated user should match the trustor');
  if (!(await findUser(tx, wish.trusteeId))) throw couldNotFind('user', wish.trusteeId);
  const rights = await rightsOfToken(tx, claims);
  const roles = await delegableRoles(tx, rights.ownerId, wish);
  const parent = claims.trustId === undefined ? undefined : await parentForRedelegation(context, claims.trustId);
  const expiresAt = wish.expiresAt ?? parent?.expiresAt ?? null;
  if (wish.expiresAt !== null && momentOf(wish.expiresAt)! <= now) throw expiresInThePast();
  const { roles: _names, allowRedelegation: _allowed, redelegationCount: _count, ...rest } = wish;
  const trust: Trust = { ...rest, expiresAt, redelegatedTrustId: parent?.id ?? null, redelegationCount: redelegationsOf(wish, parent), roleIds: [...new Set(roles.map(({ id }) => id))] };
  const wanted: Wish = { ...rightsOfTrust(trust, rights.ownerId, await roleNumbers(tx, trust)), kind: 'trust' };
  demandWithin(wanted, rights, refusalOf(rights, parent));
  await insertTrust(tx, trust).catch((error: unknown) => {
    throw error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('trust', 'Duplicate entry found') : error;
  });
  return trust;
}

/** Also those that were handed on from it; their ids. */
export async function deleteTrust(context: Context, claims: Claims, id: string): Promise<string[]> {
  const found = await trustForUse(context.tx, context.now, id);
  if (!found) throw couldNotFind('trust', id);
  demand(context, 'identity:delete_trust', targetOf(found.trust));
  demandNoCredential(claims);
  return removeTrust(context.tx, id);
}

/** By id. A role that is gone is left out. */
export async function rolesOfTrusts(tx: Transaction, trusts: readonly Trust[]): Promise<Map<string, Role>> {
  const roles = await listRolesById(tx, trusts.flatMap(({ roleIds }) => roleIds));
  return new Map(roles.map((role) => [role.id, role]));
}

/** Undefined: it is not there, has ended or has been used up. Refuses when what it was handed on from no longer allows it. */
export async function trustForUse(tx: Transaction, now: Date, id: string): Promise<{ trust: Trust; owner: User } | undefined> {
  const pedigree = await listPedigree(tx, id);
  const [trust, first] = [pedigree[0], pedigree.at(-1)];
  if (!trust || !first || !isUsable(trust, now)) return undefined;
  const owner = await findUser(tx, first.trustorId);
  if (!owner) return undefined;
  for (const [index, parent] of pedigree.slice(1).entries()) {
    const child = pedigree[index]!;
    if (!isUsable(parent, now)) return undefined;
    const wish: Wish = { ...rightsOfTrust(child, owner.id, await roleNumbers(tx, child)), kind: 'trust' };
    const excess = excessOf(wish, rightsOfTrust(parent, owner.id, await roleNumbers(tx, parent)));
    if (excess !== undefined) throw redelegationRefused(excess, parent);
    if (!(await enabledUser(tx, { id: parent.trusteeId }))) throw forbidden('One of the trust agents is disabled or deleted', 'Forbidden');
  }
  return { trust, owner };
}

function isUsable({ expiresAt, remainingUses }: Trust, now: Date): boolean {
  const end = momentOf(expiresAt);
  return (end === null || end > now) && (remainingUses === null || remainingUses > 0);
}

// Even an unrestricted one: it is for one project, and a trust would let it out. keystone/api/trusts.py, _check_application_credential
function demandNoCredential({ applicationCredential }: Claims): void {
  if (applicationCredential) throw forbiddenAction("Using method 'application_credential' is not allowed for managing trusts.");
}

function targetOf({ trustorId, trusteeId }: Trust) {
  return { trust: { trustor_user_id: trustorId, trustee_user_id: trusteeId } };
}

/** Those of the trustor's that were named, by id or by name. */
async function delegableRoles(tx: Transaction, ownerId: string, { projectId, roles }: TrustWish): Promise<{ id: string }[]> {
  if (projectId !== null && !(await findProject(tx, projectId))) throw couldNotFind('project', projectId);
  const held = projectId === null ? [] : await listEffectiveRoles(tx, ownerId, { kind: 'project', id: projectId });
  return roles.map((wanted) => {
    const role = held.find(({ id, name }) => (wanted.id === undefined ? name === wanted.name : id === wanted.id));
    if (!role) throw couldNotFind('role', wanted.id ?? wanted.name ?? '');
    return role;
  });
}

/** Nobody uses it up or deletes it until this transaction has ended. */
async function parentForRedelegation({ tx, now }: Context, id: string): Promise<Trust> {
  await lockTrust(tx, id);
  const found = await trustForUse(tx, now, id);
  if (!found) throw couldNotFind('trust', id);
  return found.trust;
}

// keystone/trust/core.py, create_trust
function redelegationsOf({ allowRedelegation, redelegationCount: wanted, remainingUses }: TrustWish, parent: Trust | undefined): number {
  if (parent && remainingUses !== null) throw forbidden(`Field "remaining_uses" is set to ${remainingUses} while it must not be set in order to redelegate a trust`, 'Forbidden');
  if (!allowRedelegation || wanted === 0) return 0;
  if (wanted !== undefined && wanted > mostRedelegations) throw forbidden(`Requested redelegation depth of ${wanted} is greater than allowed ${mostRedelegations}`, 'Forbidden');
  if (remainingUses !== null) throw invalid('remaining_uses must not be set if redelegation is allowed');
  if (!parent) return wanted ?? mostRedelegations;
  const left = Math.max(parent.redelegationCount - 1, 0);
  if (wanted !== undefined && wanted !== left) throw forbidden('Modifying "redelegation_count" upon redelegation is forbidden. Omitting this parameter is advised.', 'Forbidden');
  return left;
}

async function roleNumbers(tx: Transaction, { roleIds }: Trust): Promise<Set<number>> {
  return new Set((await listRolesWithImplied(tx, roleIds)).map(({ number }) => number));
}

function refusalOf(rights: Rights, parent: Trust | undefined): (excess: Excess) => Fault {
  return (excess) => {
    if (parent) return redelegationRefused(excess, parent);
    if (excess === 'kind') return forbiddenAction('Redelegation allowed for delegated by trust only');
    return forbidden(`A trust cannot give more than the token that it is made with (${excess}${excess === 'place' ? `: it is for ${JSON.stringify(rights.place)}` : ''})`, 'Forbidden');
  };
}

// keystone/trust/core.py, _validate_redelegation
function redelegationRefused(excess: Excess, parent: Trust): Fault {
  switch (excess) {
    case 'depth':
    case 'kind':
      return forbidden(`Remaining redelegation depth of ${parent.redelegationCount} out of allowed range of [0..${mostRedelegations}]`, 'Forbidden');
    case 'end':
      return forbidden('Requested expiration time is more than redelegated trust can provide', 'Forbidden');
    case 'roles':
      return forbidden('Some of requested roles are not in redelegated trust', 'Forbidden');
    case 'impersonation':
      return forbidden(`Impersonation is not allowed because redelegated trust does not specify impersonation. Redelegated trust id: ${parent.id}`, 'Forbidden');
    case 'owner':
    case 'place':
    case 'access rules':
      return forbidden('A trust that is handed on is for the project of the one before', 'Forbidden');
    default:
      return excess satisfies never;
  }
}

