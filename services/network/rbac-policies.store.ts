import type { SharedKind, SharingAction } from '../../contract/network/rbac-policies.ts';
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type RbacPolicy = {
  id: string;
  /** Whose the object is. */
  project_id: string;
  /** Whose the policy is. */
  maker_project_id: string;
  object_type: SharedKind;
  object_id: string;
  action: SharingAction;
  /** A project, or '*' for all. */
  target_tenant: string;
  counted: boolean;
};

const columns = sql`r.id, r.project_id, r.maker_project_id, r.object_type, r.object_id, r.action, r.target_tenant, r.counted`;

const tables: Record<SharedKind, Sql> = {
  network: sql`network.network`,
  subnetpool: sql`network.subnet_pool`,
  security_group: sql`network.security_group`,
  address_scope: sql`network.address_scope`,
  address_group: sql`network.address_group`,
  qos_policy: sql`network.qos_policy`,
};

/** Of an object with these targets: whether whoever asks is one of them. The scope says who asks, in the database as in its policies. */
export const sharedWithReader = (targets: Sql): Sql => sql`(${targets} && array['*', kit.scope()])`;

export function selectRbacPolicies(tx: Transaction, tail: Sql): Promise<RbacPolicy[]> {
  return tx.rows<RbacPolicy>(sql`select ${columns} from network.rbac_policy r where ${tail}`);
}

/** Until the end of the transaction nobody else changes it. */
export async function lockRbacPolicy(tx: Transaction, id: string): Promise<RbacPolicy | undefined> {
  return (await selectRbacPolicies(tx, sql`r.id = ${id} for update`))[0];
}

/** False when there is one like it. */
export async function insertRbacPolicy(tx: Transaction, policy: RbacPolicy, now: Date): Promise<boolean> {
  const made = await tx.run`
    insert into network.rbac_policy (id, project_id, maker_project_id, object_type, object_id, action, target_tenant, counted, created_at)
    values (${policy.id}, ${policy.project_id}, ${policy.maker_project_id}, ${policy.object_type}, ${policy.object_id}, ${policy.action}, ${policy.target_tenant}, ${policy.counted}, ${now})
    on conflict on constraint one_policy_of_a_target do nothing`;
  return made === 1;
}

/** False when there is one of that target. */
export async function setTarget(tx: Transaction, { id, object_id, action }: RbacPolicy, target: string): Promise<boolean> {
  const changed = await tx.run`
    update network.rbac_policy set target_tenant = ${target} where id = ${id}
    and not exists (select from network.rbac_policy o where o.object_id = ${object_id} and o.action = ${action} and o.target_tenant = ${target} and o.id <> ${id})`;
  return changed === 1;
}

export async function deleteRbacPolicyRows(tx: Transaction, ids: readonly string[]): Promise<void> {
  await tx.run`delete from network.rbac_policy where id = any(${[...ids]}::text[])`;
}

/** Whose the object is, among those that may be changed; held until the end of the transaction. */
export async function lockShared(tx: Transaction, kind: SharedKind, id: string): Promise<{ project_id: string } | undefined> {
  return tx.one<{ project_id: string }>(sql`select project_id from ${tables[kind]} where id = ${id} for update`);
}

/** Repeats on the object, and on what hangs on it, whom its policies name. */
export async function repeatTargets(tx: Transaction, kind: SharedKind, id: string, now: Date): Promise<void> {
  const targets = (action: SharingAction) =>
    sql`coalesce((select array_agg(p.target_tenant order by p.target_tenant) from network.rbac_policy p where p.object_id = ${id} and p.action = ${action}), '{}')`;
  const shared = targets('access_as_shared');
  if (kind === 'network') {
    const external = targets('access_as_external');
    await tx.run(sql`update network.network set shared_with = ${shared}, external_to = ${external}, revision_number = revision_number + 1, updated_at = ${now} where id = ${id}`);
    await tx.run(sql`update network.subnet set network_shared_with = ${shared}, network_external_to = ${external} where network_id = ${id}`);
  } else {
    await tx.run(sql`update ${tables[kind]} set shared_with = ${shared} where id = ${id}`);
    if (kind === 'security_group') await tx.run(sql`update network.security_group_rule set group_shared_with = ${shared} where security_group_id = ${id}`);
  }
}

/** Whom any policy lets use the object, whosever that is. */
export async function targetsOf(tx: Transaction, objectId: string): Promise<string[]> {
  return (await tx.rows<{ target: string }>`select target from network.targets_of(${objectId}) target`).map(({ target }) => target);
}

export async function scopeOfPool(tx: Transaction, poolId: string): Promise<string | null> {
  return (await tx.one<{ id: string | null }>`select address_scope_id as id from network.subnet_pool where id = ${poolId}`)?.id ?? null;
}

/** Projects that have something of theirs on a shared object; of a network, others than its owner's. */
export async function usersOfShared(tx: Transaction, kind: SharedKind, id: string): Promise<string[]> {
  return (await tx.rows<{ project: string }>`select project from network.users_of_shared(${kind}, ${id}) project`).map(({ project }) => project);
}

/** Projects whose routers or floating addresses have something of this network. */
export async function usersOfExternal(tx: Transaction, networkId: string): Promise<string[]> {
  return (await tx.rows<{ project: string }>`select project from network.users_of_external(${networkId}) project`).map(({ project }) => project);
}
