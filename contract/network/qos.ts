import { Type, type TProperties } from 'typebox';
import { operations } from '../contract.ts';
import { description, links, listQuery, name, owner, showQuery, shownOwner, shownStandard, standardFilters, strict, tagFilters, text, wishRules } from './attributes.ts';

const whole = Type.Union([Type.Integer({ minimum: 0, maximum: 2147483647 }), Type.String({ pattern: '^\\d{1,9}$' })]);
const direction = Type.Enum(['ingress', 'egress']);
const anyDirection = Type.Enum(['ingress', 'egress', 'any']);
/** neutron_lib/constants.py, VALID_DSCP_MARKS. */
const marks = [0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 44, 46, 48, 56];
const mark = Type.Union([Type.Enum(marks), Type.Enum(marks.map(String))]);

/** By the type of rule: what it shows, and what it is made of. */
const kinds = {
  bandwidth_limit: {
    shown: { max_kbps: Type.Integer(), max_burst_kbps: Type.Integer(), direction },
    required: { max_kbps: whole },
    optional: { max_burst_kbps: Type.Optional(whole), direction: Type.Optional(direction) },
  },
  dscp_marking: { shown: { dscp_mark: Type.Integer() }, required: { dscp_mark: mark }, optional: {} },
  minimum_bandwidth: { shown: { min_kbps: Type.Integer(), direction }, required: { min_kbps: whole }, optional: { direction: Type.Optional(direction) } },
  packet_rate_limit: {
    shown: { max_kpps: Type.Integer(), max_burst_kpps: Type.Integer(), direction },
    required: { max_kpps: whole },
    optional: { max_burst_kpps: Type.Optional(whole), direction: Type.Optional(direction) },
  },
  minimum_packet_rate: { shown: { min_kpps: Type.Integer(), direction: anyDirection }, required: { min_kpps: whole }, optional: { direction: Type.Optional(anyDirection) } },
} as const;

export type QosRuleType = keyof typeof kinds;
export const qosRuleTypes = Object.keys(kinds) as QosRuleType[];

// Managers write; the handlers ask, as who may not is told so only of what he sees: neutron/pecan_wsgi/hooks/policy_enforcement.py.
const Rule = Type.Object({
  id: Type.String(), qos_policy_id: Type.String(), type: Type.Enum(qosRuleTypes), max_kbps: Type.Optional(Type.Integer()), max_burst_kbps: Type.Optional(Type.Integer()),
  direction: Type.Optional(anyDirection), dscp_mark: Type.Optional(Type.Integer()), min_kbps: Type.Optional(Type.Integer()),
  max_kpps: Type.Optional(Type.Integer()), max_burst_kpps: Type.Optional(Type.Integer()), min_kpps: Type.Optional(Type.Integer()),
});

const Policy = Type.Object({ ...shownOwner, ...shownStandard, name: Type.String(), shared: Type.Boolean(), is_default: Type.Boolean(), rules: Type.Array(Rule), tags: Type.Array(Type.String()) });
const settable = { name: Type.Optional(name), description: Type.Optional(description), shared: Type.Optional(Type.Boolean()), is_default: Type.Optional(Type.Boolean()) };
const NewPolicy = Type.Object({ ...owner, ...settable }, strict);

export const qosPolicies = operations({
  list: {
    method: 'GET', path: '/qos/policies', summary: 'List QoS policies', stability: 'stable',
    access: { rule: 'get_policy', who: 'reader', adminEverywhere: true },
    query: listQuery([...standardFilters, ...tagFilters, 'shared', 'is_default']),
    status: 200,
    response: Type.Object({ policies: Type.Array(Type.Partial(Policy)), policies_links: Type.Optional(links) }),
    list: { resource: 'qos_policy', show: 'show', parameter: 'policy_id' },
  },
  create: {
    method: 'POST', path: '/qos/policies', summary: 'Create QoS policies', stability: 'stable',
    access: { rule: 'create_policy', who: 'reader', judged: true, adminEverywhere: true },
    body: Type.Object({ policy: Type.Optional(NewPolicy), policies: Type.Optional(Type.Array(NewPolicy, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ policy: Type.Optional(Policy), policies: Type.Optional(Type.Array(Policy)) }),
  },
  show: {
    method: 'GET', path: '/qos/policies/{policy_id}', summary: 'Show a QoS policy with its rules', stability: 'stable',
    access: { rule: 'get_policy', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ policy: Type.Partial(Policy) }),
  },
  update: {
    method: 'PUT', path: '/qos/policies/{policy_id}', summary: 'Update a QoS policy', stability: 'stable',
    access: { rule: 'update_policy', who: 'reader', judged: true, adminEverywhere: true },
    body: Type.Object({ policy: Type.Object(settable, strict) }, strict),
    status: 200,
    response: Type.Object({ policy: Policy }),
  },
  delete: {
    method: 'DELETE', path: '/qos/policies/{policy_id}', summary: 'Delete a QoS policy that nothing uses', stability: 'stable',
    access: { rule: 'delete_policy', who: 'reader', judged: true, adminEverywhere: true },
    status: 204,
  },
});

function rulesOf<const T extends QosRuleType, S extends TProperties, R extends TProperties, O extends TProperties>(type: T, { shown, required, optional }: { shown: S; required: R; optional: O }) {
  const key = `${type}_rule` as `${T}_rule`;
  const keys = `${type}_rules` as `${T}_rules`;
  const path = `/qos/policies/{policy_id}/${keys}` as const;
  const one = Type.Object({ id: Type.String(), ...shown });
  const under = <K extends string, V extends TProperties[string]>(under: K, value: V) => Type.Object({ [under]: value } as Record<K, V>, strict);
  const wish = under(key, Type.Object({ ...required, ...optional }, strict));
  const change = under(key, Type.Partial(Type.Object({ ...required, ...optional }), strict));
  const after = { after: { qos_policy: 'policy_id' } };
  return {
    rules: operations({
      list: {
        method: 'GET', path, summary: `List the ${type} rules of a QoS policy`, stability: 'stable', access: { rule: `get_policy_${key}`, who: 'reader', adminEverywhere: true },
        query: showQuery, status: 200, response: under(keys, Type.Array(Type.Partial(one))), list: after,
      },
      create: {
        method: 'POST', path, summary: `Create a ${type} rule of a QoS policy`, stability: 'stable', access: { rule: `create_policy_${key}`, who: 'reader', judged: true, adminEverywhere: true }, body: wish, status: 201, response: under(key, one),
      },
      show: {
        method: 'GET', path: `${path}/{rule_id}`, summary: `Show a ${type} rule of a QoS policy`, stability: 'stable', access: { rule: `get_policy_${key}`, who: 'reader', adminEverywhere: true },
        query: showQuery, status: 200, response: under(key, Type.Partial(one)),
      },
      update: {
        method: 'PUT', path: `${path}/{rule_id}`, summary: `Update a ${type} rule of a QoS policy`, stability: 'stable', access: { rule: `update_policy_${key}`, who: 'reader', judged: true, adminEverywhere: true },
        body: change, status: 200, response: under(key, one),
      },
      delete: { method: 'DELETE', path: `${path}/{rule_id}`, summary: `Delete a ${type} rule of a QoS policy`, stability: 'stable', access: { rule: `delete_policy_${key}`, who: 'reader', judged: true, adminEverywhere: true }, status: 204 },
    }),
    /** The same rules without their policy in the path. */
    alias: operations({
      show: {
        method: 'GET', path: `/qos/alias_${keys}/{rule_id}`, summary: `Show a ${type} rule, whatever its policy`, stability: 'stable', access: { rule: `get_alias_${key}`, who: 'reader', adminEverywhere: true },
        query: showQuery, status: 200, response: under(key, Type.Partial(one)),
      },
      update: {
        method: 'PUT', path: `/qos/alias_${keys}/{rule_id}`, summary: `Update a ${type} rule, whatever its policy`, stability: 'stable', access: { rule: `update_alias_${key}`, who: 'reader', judged: true, adminEverywhere: true },
        body: change, status: 200, response: under(key, one),
      },
      delete: { method: 'DELETE', path: `/qos/alias_${keys}/{rule_id}`, summary: `Delete a ${type} rule, whatever its policy`, stability: 'stable', access: { rule: `delete_alias_${key}`, who: 'reader', judged: true, adminEverywhere: true }, status: 204 },
    }),
  };
}

export const { rules: bandwidthLimitRules, alias: bandwidthLimitAliases } = rulesOf('bandwidth_limit', kinds.bandwidth_limit);
export const { rules: dscpMarkingRules, alias: dscpMarkingAliases } = rulesOf('dscp_marking', kinds.dscp_marking);
export const { rules: minimumBandwidthRules, alias: minimumBandwidthAliases } = rulesOf('minimum_bandwidth', kinds.minimum_bandwidth);
// neutron has no alias of these.
export const { rules: packetRateLimitRules } = rulesOf('packet_rate_limit', kinds.packet_rate_limit);
export const { rules: minimumPacketRateRules, alias: minimumPacketRateAliases } = rulesOf('minimum_packet_rate', kinds.minimum_packet_rate);

const RuleType = Type.Object({
  type: Type.Enum(qosRuleTypes),
  drivers: Type.Optional(Type.Array(Type.Object({ name: Type.String(), supported_parameters: Type.Array(Type.Object({ parameter_name: Type.String(), parameter_type: Type.String(), parameter_values: Type.Unknown() })) }))),
});

export const qosRuleTypeList = operations({
  list: {
    method: 'GET', path: '/qos/rule-types', summary: 'List the types of rules that are enforced', stability: 'stable',
    access: { rule: 'get_rule_type', who: 'reader' },
    query: Type.Object({ fields: Type.Optional(Type.Array(text(64), { maxItems: 64 })), type: Type.Optional(Type.Array(text(64), { maxItems: 64 })), all_supported: Type.Optional(text(8)), all_rules: Type.Optional(text(8)) }),
    status: 200,
    response: Type.Object({ rule_types: Type.Array(RuleType) }),
  },
  show: {
    method: 'GET', path: '/qos/rule-types/{rule_type}', summary: 'Show what enforces a type of rules', stability: 'stable',
    access: { rule: 'get_rule_type', who: 'admin' },
    status: 200,
    response: Type.Object({ rule_type: RuleType }),
  },
});
