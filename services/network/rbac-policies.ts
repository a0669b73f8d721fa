/** neutron/db/rbac_db_mixin.py. */
import type { SharedKind, SharingAction } from '../../contract/network/rbac-policies.ts';
import { badRequest, conflict, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { tell } from './changes.ts';
import { byText, type Listing } from './listing.ts';
import { ownerOf } from './owners.ts';
import { claim } from './quotas.ts';
import { isDefaultNetwork } from './networks.store.ts';
import { insertRbacPolicy, lockRbacPolicy, lockShared, repeatTargets, scopeOfPool, selectRbacPolicies, setTarget, targetsOf, type RbacPolicy } from './rbac-policies.store.ts';
import { demandUnneeded, withdraw } from './sharing.ts';

export type { RbacPolicy } from './rbac-policies.store.ts';

export type NewPolicyWish = { project_id?: string; tenant_id?: string; object_type: SharedKind; object_id: string; action: string; target_tenant: string };

export const rbacPolicyListing: Listing = {
  collection: 'rbac_policies',
  table: sql`network.rbac_policy`,
  filters: {
    id: byText(sql`r.id`),
    project_id: byText(sql`r.maker_project_id`),
    tenant_id: byText(sql`r.maker_project_id`),
    object_type: byText(sql`r.object_type`),
    object_id: byText(sql`r.object_id`),
    action: byText(sql`r.action`),
    target_tenant: byText(sql`r.target_tenant`),
  },
  sorts: {
    id: sql`r.id`, project_id: sql`r.maker_project_id`, tenant_id: sql`r.maker_project_id`, object_type: sql`r.object_type`, object_id: sql`r.object_id`, action: sql`r.action`, target_tenant: sql`r.target_tenant`,
  },
};

/** Who owns an object does not see whom administrators let use it. */
export const visiblePolicies = ({ caller }: Pick<Context, 'caller'>) => (caller.isAdmin ? sql`true` : sql`r.maker_project_id = ${caller.projectId ?? ''}`);

export async function getRbacPolicy(context: Pick<Context, 'tx' | 'caller'>, id: string): Promise<RbacPolicy> {
  const [policy] = await selectRbacPolicies(context.tx, sql`r.id = ${id} and ${visiblePolicies(context)}`);
  return policy ?? notThere(id);
}

export async function createRbacPolicy(context: Context, wish: NewPolicyWish): Promise<RbacPolicy> {
  const { tx, now, random } = context;
  const projectId = ownerOf(context, wish);
  const action = actionOf(wish);
  demandRightToAll(context, 'create_rbac_policy', wish.target_tenant);
  const object = await lockShared(tx, wish.object_type, wish.object_id);
  if (!object)
    throw badRequest(`Invalid input for operation: ${wish.object_type} ${wish.object_id} is not among what project ${projectId} may share.`, 'InvalidInput');
  if (wish.object_type === 'subnetpool') await demandScopeFor(context, wish.object_id, wish.target_tenant);
  await claim(tx, projectId, { rbac_policy: 1 });
  const policy: RbacPolicy = {
    id: random.uuid(), project_id: object.project_id, maker_project_id: projectId, object_type: wish.object_type, object_id: wish.object_id, action, target_tenant: wish.target_tenant, counted: true,
  };
  if (!(await insertRbacPolicy(tx, policy, now))) throw alreadyThere();
  await repeatTargets(tx, policy.object_type, policy.object_id, now);
  await tell(context, 'rbac_policy', 'create', policy, { object_type: policy.object_type, object_id: policy.object_id });
  return policy;
}

export async function updateRbacPolicy(context: Context, id: string, wish: { target_tenant?: string }): Promise<RbacPolicy> {
  const { tx } = context;
  const policy = await lockedPolicy(context, id);
  const target = wish.target_tenant ?? policy.target_tenant;
  if (target === policy.target_tenant) return policy;
  demandRightToAll(context, 'update_rbac_policy', target);
  if (target !== '*') {
    await demandNotDefault(context, policy);
    // Who alone goes out there may be named in place of all; what is shared with all may not be taken back so (neutron/objects/rbac_db.py).
    await demandUnneeded(context, policy, stillUsed, policy.action === 'access_as_external' ? target : undefined);
  }
  if (!(await setTarget(tx, policy, target))) throw alreadyThere();
  await repeatTargets(tx, policy.object_type, policy.object_id, context.now);
  await tell(context, 'rbac_policy', 'update', policy);
  return { ...policy, target_tenant: target };
}

export async function deleteRbacPolicy(context: Context, id: string): Promise<void> {
  const policy = await lockedPolicy(context, id);
  await demandNotDefault(context, policy);
  await withdraw(context, policy, stillUsed);
}

/** Who is to take addresses of a pool must see the scope in which they are: neutron/objects/subnetpool.py, validate_rbac_policy_create. */
async function demandScopeFor({ tx }: Context, poolId: string, target: string): Promise<void> {
  const scopeId = await scopeOfPool(tx, poolId);
  if (scopeId === null || (await targetsOf(tx, scopeId)).some((each) => each === '*' || each === target)) return;
  throw badRequest(`Invalid input for operation: Failed to create RBAC policy on object ${poolId} because target project doesn't have access to associated address scope.`, 'InvalidInput');
}

/** What is everybody's way out, whatever they have, stays it: neutron/db/external_net_db.py, _validate_ext_not_in_use_by_project. */
async function demandNotDefault({ tx }: Context, policy: RbacPolicy): Promise<void> {
  if (policy.action === 'access_as_external' && policy.target_tenant === '*' && (await isDefaultNetwork(tx, policy.object_id)))
    throw inUse(policy, 'Default external networks must be shared to everyone.');
}

/** With its object, which is held until the end of the transaction: nobody begins to use it meanwhile. */
async function lockedPolicy(context: Context, id: string): Promise<RbacPolicy> {
  const { tx } = context;
  const known = await getRbacPolicy(context, id);
  await lockShared(tx, known.object_type, known.object_id);
  return (await lockRbacPolicy(tx, id)) ?? notThere(id);
}

function actionOf({ object_type, action }: NewPolicyWish): SharingAction {
  const known: SharingAction[] = object_type === 'network' ? ['access_as_external', 'access_as_shared'] : ['access_as_shared'];
  const found = known.find((each) => each === action);
  if (!found)
    throw badRequest(`Invalid input for operation: Invalid action '${action}' for object type '${object_type}'. Valid actions: ${known.map((each) => `'${each}'`).join(', ')}.`, 'InvalidInput');
  return found;
}

/** For all projects only administrators may: neutron/conf/policies/rbac.py. */
function demandRightToAll({ caller }: Context, rule: string, target: string): void {
  if (target === '*' && !caller.isAdmin) throw forbidden(`(rule:${rule} and rule:${rule}:target_tenant) is disallowed by policy`, 'PolicyNotAuthorized');
}

function notThere(id: string): never {
  throw notFound(`RBAC policy with ID ${id} not found`, 'RbacPolicyNotFound');
}

const alreadyThere = () => conflict('An RBAC policy already exists with those values.', 'DuplicateRbacPolicy');
const stillUsed = (policy: RbacPolicy) => inUse(policy, policy.action === 'access_as_external' ? 'There are routers attached to this network that depend on this policy for access.' : 'Projects that it names have something of theirs on it.');
const inUse = ({ object_id }: RbacPolicy, details: string) => conflict(`RBAC policy on object ${object_id} cannot be removed because other objects depend on it.\nDetails: ${details}`, 'RbacPolicyInUse');
