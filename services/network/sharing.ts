/** Who may use what belongs to another project: neutron/db/rbac_db_mixin.py, and of networks ml2/plugin.py and db/external_net_db.py. */
import type { SharedKind, SharingAction } from '../../contract/network/rbac-policies.ts';
import { conflict } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { tell, type Change } from './changes.ts';
import { release } from './quotas.ts';
import { deleteRbacPolicyRows, insertRbacPolicy, repeatTargets, selectRbacPolicies, usersOfExternal, usersOfShared, type RbacPolicy } from './rbac-policies.store.ts';

export type Shared = { kind: SharedKind; id: string; project_id: string };

/** What `shared` and `router:external` of an object wish for: one policy for all projects, or none. */
export async function shareWithAll(context: Context, { kind, id, project_id }: Shared, wish: { [action in SharingAction]?: boolean | undefined }): Promise<void> {
  const { tx, now, random } = context;
  for (const [action, wanted] of Object.entries(wish) as [SharingAction, boolean | undefined][]) {
    if (wanted === undefined) continue;
    const [known] = await selectRbacPolicies(tx, sql`r.object_id = ${id} and r.action = ${action} and r.target_tenant = '*'`);
    if (wanted === (known !== undefined)) continue;
    if (known) await withdraw(context, known, (inUse) => (action === 'access_as_external' ? stillExternal(inUse.object_id) : kind === 'network' ? stillShared(inUse.object_id) : stillNeeded(inUse.object_id)));
    else {
      const policy: RbacPolicy = { id: random.uuid(), project_id, maker_project_id: project_id, object_type: kind, object_id: id, action, target_tenant: '*', counted: false };
      await insertRbacPolicy(tx, policy, now);
      await repeatTargets(tx, kind, id, now);
      await tell(context, 'rbac_policy', 'create', policy, { object_type: kind, object_id: id });
    }
  }
}

const stillShared = (id: string) => conflict(`Unable to reconfigure sharing settings for network ${id}. Multiple tenants are using it.`, 'InvalidSharedSetting');
const stillNeeded = (id: string) => conflict(`RBAC policy on object ${id} cannot be removed because other objects depend on it.\nDetails: project_id=*`, 'RbacPolicyInUse');
const stillExternal = (id: string) => conflict(`External network ${id} cannot be updated to be made non-external, since it has existing gateway ports.`, 'ExternalNetworkInUse');

/** Takes a policy away, unless somebody who needs it would be left on what he may not use. */
export async function withdraw(context: Change, policy: RbacPolicy, refuse: (policy: RbacPolicy) => Error): Promise<void> {
  const { tx } = context;
  await demandUnneeded(context, policy, refuse);
  await deleteRbacPolicyRows(tx, [policy.id]);
  if (policy.counted) await release(tx, policy.maker_project_id, { rbac_policy: 1 });
  await repeatTargets(tx, policy.object_type, policy.object_id, context.now);
  await tell(context, 'rbac_policy', 'delete', policy, { object_type: policy.object_type, object_id: policy.object_id });
}

export async function demandUnneeded({ tx }: Pick<Context, 'tx'>, policy: RbacPolicy, refuse: (policy: RbacPolicy) => Error, instead?: string): Promise<void> {
  const all = policy.action === 'access_as_external' ? await usersOfExternal(tx, policy.object_id) : await usersOfShared(tx, policy.object_type, policy.object_id);
  // What all may use its owner stops sharing with all only when he does not use it either: neutron/objects/rbac_db.py, _validate_rbac_policy_delete.
  const users = policy.target_tenant === '*' || policy.action === 'access_as_external' ? all : all.filter((project) => project !== policy.project_id);
  const others = await selectRbacPolicies(tx, sql`r.object_id = ${policy.object_id} and r.action = ${policy.action} and r.id <> ${policy.id}`);
  const covered = (project: string) => project === instead || others.some(({ target_tenant }) => target_tenant === '*' || target_tenant === project);
  const needy = users.filter((project) => (policy.target_tenant === '*' || policy.target_tenant === project) && !covered(project));
  // As long as any policy of this kind is left, its owner's routers may stay; with the last one it is no way out any more.
  const left = policy.action === 'access_as_external' && others.length > 0 ? needy.filter((project) => project !== policy.project_id) : needy;
  if (left.length > 0) throw refuse(policy);
}

/** The object is gone, and nobody uses it. */
export async function stopSharing(context: Change, objectId: string): Promise<void> {
  const { tx } = context;
  const policies = await selectRbacPolicies(tx, sql`r.object_id = ${objectId}`);
  if (policies.length === 0) return;
  await deleteRbacPolicyRows(tx, policies.map(({ id }) => id));
  for (const policy of policies) {
    if (policy.counted) await release(tx, policy.maker_project_id, { rbac_policy: 1 });
    await tell(context, 'rbac_policy', 'delete', policy, { object_type: policy.object_type, object_id: objectId });
  }
}
