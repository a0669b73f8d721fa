/** What bounds and marks the traffic of ports: neutron/services/qos/qos_plugin.py, neutron/objects/qos/. */
import type { QosRuleType } from '../../contract/network/qos.ts';
import { conflict, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import { mark, tell } from './changes.ts';
import { byBoolean, byText, standardFilters, standardSorts, tagFilters, type Listing } from './listing.ts';
import { deleteRow, getRow, insertRow, lockedRow, selectRows, updateRow, type Noun } from './noun.ts';
import { demandAdmin, ownerOf } from './owners.ts';
import { sharedWithReader } from './rbac-policies.store.ts';
import { shareWithAll, stopSharing } from './sharing.ts';

export type QosRule = { id: string; type: QosRuleType; max_kbps?: number; max_burst_kbps?: number; direction?: 'ingress' | 'egress' | 'any'; dscp_mark?: number; min_kbps?: number; max_kpps?: number; max_burst_kpps?: number; min_kpps?: number };
export type QosPolicy = {
  id: string; project_id: string; name: string; description: string; is_default: boolean; shared: boolean; rules: QosRule[]; tags: string[]; revision_number: number; created_at: Date; updated_at: Date;
};
type PolicyWish = { name?: string; description?: string; shared?: boolean; is_default?: boolean };
type RuleWish = Record<string, unknown>;

export const qosPolicyNoun: Noun<QosPolicy> = {
  resource: 'policy',
  table: sql`network.qos_policy`,
  columns: sql`r.id, r.project_id, r.name, r.description, r.is_default, ${sharedWithReader(sql`r.shared_with`)} as shared, r.rules, r.tags, r.revision_number, r.created_at, r.updated_at`,
  notThere: (id) => notFound(`QoS policy ${id} could not be found.`, 'QosPolicyNotFound'),
};

export const qosPolicyListing: Listing = {
  collection: 'policies',
  table: qosPolicyNoun.table,
  filters: { ...standardFilters(), ...tagFilters, name: byText(sql`r.name`), shared: byBoolean(sharedWithReader(sql`r.shared_with`)), is_default: byBoolean(sql`r.is_default`) },
  sorts: { ...standardSorts, name: sql`r.name` },
};

/** What the engine carries out; a policy with another rule cannot be given to anything. */
export const enforcedRuleTypes: readonly QosRuleType[] = ['bandwidth_limit', 'dscp_marking'];

export async function createQosPolicy(context: Context, wish: PolicyWish & { project_id?: string; tenant_id?: string }): Promise<QosPolicy> {
  const { tx, now, random } = context;
  demandAdmin(context, 'create_policy', wish, wish.shared === true ? ['shared'] : []);
  const project_id = ownerOf(context, wish);
  if (wish.is_default === true) await demandNoOtherDefault(tx, project_id);
  const id = random.uuid();
  await insertRow(tx, qosPolicyNoun, { id, project_id, name: wish.name ?? '', description: wish.description ?? '', is_default: wish.is_default ?? false, created_at: now, updated_at: now });
  await shareWithAll(context, { kind: 'qos_policy', id, project_id }, { access_as_shared: wish.shared });
  const policy = await getRow(context, qosPolicyNoun, id);
  await tell(context, 'qos_policy', 'create', policy, { name: policy.name });
  return policy;
}

export async function updateQosPolicy(context: Context, id: string, wish: PolicyWish): Promise<QosPolicy> {
  const before = await lockedRow(context, qosPolicyNoun, id, 'update');
  demandAdmin(context, 'update_policy', wish, ['shared']);
  if (wish.is_default === true && !before.is_default) await demandNoOtherDefault(context.tx, before.project_id);
  await shareWithAll(context, { kind: 'qos_policy', id, project_id: before.project_id }, { access_as_shared: wish.shared });
  return change(context, before, { name: wish.name, description: wish.description, is_default: wish.is_default });
}

export async function deleteQosPolicy(context: Context, id: string): Promise<void> {
  const policy = await lockedRow(context, qosPolicyNoun, id, 'delete');
  const use = await context.tx.one<{ kind: string; id: string }>`select kind, id from network.use_of_qos_policy(${id}) limit 1`;
  if (use) throw conflict(`QoS Policy ${id} is used by ${use.kind} ${use.id}.`, 'QosPolicyInUse');
  await deleteRow(context.tx, qosPolicyNoun, id);
  await stopSharing(context, id);
  await tell(context, 'qos_policy', 'delete', policy, { name: policy.name });
}

/** Of the policy that has this rule, whichever it is. */
export async function policyOfRule({ tx }: Pick<Context, 'tx'>, ruleId: string): Promise<string> {
  const [policy] = await selectRows(tx, qosPolicyNoun, sql`r.rules @> ${sql.json([{ id: ruleId }])}::jsonb`);
  if (!policy) throw ruleNotThere(ruleId, 'None');
  return policy.id;
}

export function rulesOfType({ rules }: QosPolicy, type: QosRuleType): QosRule[] {
  return rules.filter((rule) => rule.type === type);
}

export function ruleOf(policy: QosPolicy, type: QosRuleType, id: string): QosRule {
  const rule = policy.rules.find((each) => each.id === id && each.type === type);
  if (!rule) throw ruleNotThere(id, policy.id);
  return rule;
}

/** What a rule says that its wish does not. */
const unsaid: Record<QosRuleType, Partial<QosRule>> = {
  bandwidth_limit: { max_burst_kbps: 0, direction: 'egress' }, dscp_marking: {}, minimum_bandwidth: { direction: 'egress' }, packet_rate_limit: { max_burst_kpps: 0, direction: 'egress' }, minimum_packet_rate: { direction: 'egress' },
};

export async function createQosRule(context: Context, policyId: string, type: QosRuleType, wish: RuleWish): Promise<QosRule> {
  const before = await lockedRow(context, qosPolicyNoun, policyId, 'update');
  const rule = checked(before, { id: context.random.uuid(), type, ...unsaid[type], ...numbers(wish) });
  if (!enforcedRuleTypes.includes(type)) await demandUnused(context, policyId, type);
  await change(context, before, { rules: [...before.rules, rule] });
  return rule;
}

export async function updateQosRule(context: Context, policyId: string, type: QosRuleType, id: string, wish: RuleWish): Promise<QosRule> {
  const before = await lockedRow(context, qosPolicyNoun, policyId, 'update');
  const rule = checked(before, { ...ruleOf(before, type, id), ...numbers(wish) });
  await change(context, before, { rules: before.rules.map((each) => (each.id === id ? rule : each)) });
  return rule;
}

export async function deleteQosRule(context: Context, policyId: string, type: QosRuleType, id: string): Promise<void> {
  const before = await lockedRow(context, qosPolicyNoun, policyId, 'update');
  ruleOf(before, type, id);
  await change(context, before, { rules: before.rules.filter((each) => each.id !== id) });
}

/** A policy that a port, a network, a floating address or a router may be given: seen by whoever gives it, and all of it enforced. */
export async function usablePolicy(context: Context, id: string, refuse: (type: QosRuleType) => Error): Promise<void> {
  const policy = await getRow(context, qosPolicyNoun, id);
  const other = policy.rules.find(({ type }) => !enforcedRuleTypes.includes(type));
  if (other) throw refuse(other.type);
}

/** What an operator put on a project's network or port is not the project's to take off, unless it may use the policy itself: neutron/core_extensions/qos.py, _check_policy_change_permission. */
export async function demandRemovable({ tx }: Pick<Context, 'tx'>, id: string | null): Promise<void> {
  if (id !== null && (await selectRows(tx, qosPolicyNoun, sql`r.id = ${id}`)).length === 0) throw forbidden(`Failed to remove provided policy ${id} because you are not authorized.`, 'PolicyRemoveAuthorizationError');
}

/** What networks of a project have that say nothing: neutron_lib's qos_default. */
export async function defaultQosPolicy(tx: Transaction, projectId: string): Promise<string | null> {
  return (await selectRows(tx, qosPolicyNoun, sql`r.project_id = ${projectId} and r.is_default`))[0]?.id ?? null;
}

/** Whose traffic changes with the policy, or with what has it. */
async function markThoseUnder({ tx, now }: Pick<Context, 'tx' | 'now'>, policyId: string): Promise<void> {
  const [ports, outside] = await Promise.all([
    tx.rows<{ id: string }>`select id from network.ports_under(${policyId}) id`,
    tx.rows<Outside>`select kind, id from network.outside_under(${policyId})`,
  ]);
  await mark(tx, now, 'port', ports.map(({ id }) => id));
  await markOutside({ tx, now }, outside);
}

/** Floating addresses and ways out of routers that have no policy of their own. */
export async function markOutsideOf({ tx, now }: Pick<Context, 'tx' | 'now'>, networkId: string): Promise<void> {
  await markOutside({ tx, now }, await tx.rows<Outside>`select kind, id from network.outside_of(${networkId})`);
}

type Outside = { kind: 'floating-ip' | 'router'; id: string };

async function markOutside({ tx, now }: Pick<Context, 'tx' | 'now'>, outside: readonly Outside[]): Promise<void> {
  for (const kind of ['floating-ip', 'router'] as const) await mark(tx, now, kind, outside.filter((each) => each.kind === kind).map(({ id }) => id));
}

async function change(context: Context, before: QosPolicy, { rules, ...values }: { name?: string | undefined; description?: string | undefined; is_default?: boolean | undefined; rules?: QosRule[] }): Promise<QosPolicy> {
  const { tx, now } = context;
  await updateRow(tx, qosPolicyNoun, before.id, { ...values, ...(rules ? { rules: sql.json(rules) } : {}), revision_number: before.revision_number + 1, updated_at: now });
  if (rules) await markThoseUnder(context, before.id);
  const policy = await getRow(context, qosPolicyNoun, before.id);
  await tell(context, 'qos_policy', 'update', policy);
  return policy;
}

/** One rule of a type in a direction, and no least that is above the most: neutron/objects/qos/qos_policy_validator.py. */
function checked(policy: QosPolicy, rule: QosRule): QosRule {
  const others = policy.rules.filter(({ id }) => id !== rule.id);
  const same = others.find((other) => other.type === rule.type && other.direction === rule.direction);
  if (same) throw conflict(`Rule ${rule.type} conflicts with rule ${same.id} which already exists in QoS Policy ${policy.id}.`, 'QoSRulesConflict');
  const mixed = rule.type !== 'minimum_packet_rate' ? undefined : others.find((other) => other.type === rule.type && (other.direction === 'any' || rule.direction === 'any'));
  if (mixed) throw conflict(`Unable to add the rule with value ${rule.direction} to the policy ${policy.id} as the existing rule of type ${mixed.type} has value ${mixed.direction}.`, 'QoSRuleParameterConflict');
  const bounds = [...others, rule].filter(({ direction }) => direction === rule.direction);
  const [most, least] = [bounds.find(({ type }) => type === 'bandwidth_limit')?.max_kbps, bounds.find(({ type }) => type === 'minimum_bandwidth')?.min_kbps];
  if (most !== undefined && least !== undefined && most < least) {
    const [value, type, existing] = rule.type === 'bandwidth_limit' ? [most, 'minimum_bandwidth', least] : [least, 'bandwidth_limit', most];
    throw conflict(`Unable to add the rule with value ${value} to the policy ${policy.id} as the existing rule of type ${type} has value ${existing}.`, 'QoSRuleParameterConflict');
  }
  return rule;
}

async function demandUnused({ tx }: Context, policyId: string, type: QosRuleType): Promise<void> {
  const use = await tx.one<{ kind: string; id: string }>`select kind, id from network.use_of_qos_policy(${policyId}) limit 1`;
  if (use?.kind === 'network') throw conflict(`Rule ${type} is not supported by network ${use.id}`, 'QosRuleNotSupportedByNetwork');
  if (use) throw conflict(`Rule ${type} is not supported by ${use.kind} ${use.id}`, 'QosRuleNotSupported');
}

async function demandNoOtherDefault(tx: Transaction, projectId: string): Promise<void> {
  if ((await defaultQosPolicy(tx, projectId)) !== null) throw conflict(`A default QoS policy exists for project ${projectId}.`, 'QoSPolicyDefaultAlreadyExists');
}

const ruleNotThere = (id: string, policyId: string) => notFound(`QoS rule ${id} for policy ${policyId} could not be found.`, 'QosRuleNotFound');

/** Numbers may come as text. */
const numbers = (wish: RuleWish) => Object.fromEntries(Object.entries(wish).map(([name, value]) => [name, name === 'direction' ? value : Number(value)])) as Partial<QosRule>;
