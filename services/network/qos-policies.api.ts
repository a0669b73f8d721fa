import {
  bandwidthLimitAliases as bandwidthLimitAliasContract, bandwidthLimitRules as bandwidthLimitContract, dscpMarkingAliases as dscpMarkingAliasContract, dscpMarkingRules as dscpMarkingContract,
  minimumBandwidthAliases as minimumBandwidthAliasContract, minimumBandwidthRules as minimumBandwidthContract, minimumPacketRateAliases as minimumPacketRateAliasContract,
  minimumPacketRateRules as minimumPacketRateContract, packetRateLimitRules as packetRateLimitContract, qosPolicies as contract, qosRuleTypeList as ruleTypeContract, qosRuleTypes, type QosRuleType,
} from '../../contract/network/qos.ts';
import { notFound } from '../../kit/fault.ts';
import { implement, type Context, type Judged } from '../../kit/http/implement.ts';
import { hasRight } from '../../kit/http/right.ts';
import { denied } from '../../kit/policy/policy.ts';
import { booleanOf, chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { getRow, selectRows } from './noun.ts';
import {
  createQosPolicy, createQosRule, deleteQosPolicy, deleteQosRule, enforcedRuleTypes, policyOfRule, qosPolicyListing, qosPolicyNoun, ruleOf, rulesOfType, updateQosPolicy, updateQosRule, type QosPolicy, type QosRule,
} from './qos-policies.ts';

export const qosPolicies = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, qosPolicyListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'policies', page, await selectRows(request.tx, qosPolicyNoun, page.tail), shown);
  },
  async create(request) {
    demandManager(request, 'create_policy');
    if (request.body.policy) return { policy: shown(await createQosPolicy(request, request.body.policy)) };
    const made: QosPolicy[] = [];
    for (const wish of request.body.policies ?? []) made.push(await createQosPolicy(request, wish));
    return { policies: made.map(shown) };
  },
  show: async (request) => ({ policy: chosen(shown(await getRow(request, qosPolicyNoun, request.params.policy_id)), request.query.fields) }),
  async update(request) {
    await demandManagerOf(request, 'update_policy');
    return { policy: shown(await updateQosPolicy(request, request.params.policy_id, request.body.policy)) };
  },
  async delete(request) {
    await demandManagerOf(request, 'delete_policy');
    await deleteQosPolicy(request, request.params.policy_id);
    return undefined;
  },
});

type Asked = Context & Judged & { params: { policy_id: string; rule_id: string }; query: { fields?: string[] }; body: Record<string, Record<string, unknown>> };

const demandManager = ({ caller, policy }: Asking, rule: string) => {
  if (!hasRight({ rule, who: 'manager' }, caller, policy)) throw denied(rule, 'the role manager');
};

type Asking = Pick<Asked, 'caller' | 'policy'>;

/** Of this policy, or of this rule of it: who does not see it learns only that it is not there. */
async function demandManagerOf(request: Asking & Pick<Context, 'tx'> & { params: { policy_id: string; rule_id?: string } }, rule: string, type?: QosRuleType): Promise<void> {
  const policy = await getRow(request, qosPolicyNoun, request.params.policy_id);
  if (type !== undefined) ruleOf(policy, type, request.params.rule_id ?? '');
  demandManager(request, rule);
}

/** The same operations for each type of rule. */
const handlersFor = (type: QosRuleType, place: 'policy' | 'alias' = 'policy') => {
  const key = `${type}_rule`;
  return {
    list: async (request: Asked) => ({ [`${key}s`]: rulesOfType(await getRow(request, qosPolicyNoun, request.params.policy_id), type).map((rule) => chosen(shownRule(rule), request.query.fields)) }),
    async create(request: Asked) {
      demandManager(request, `create_policy_${key}`);
      return { [key]: shownRule(await createQosRule(request, request.params.policy_id, type, request.body[key] ?? {})) };
    },
    show: async (request: Asked) => ({ [key]: chosen(shownRule(ruleOf(await getRow(request, qosPolicyNoun, request.params.policy_id), type, request.params.rule_id)), request.query.fields) }),
    async update(request: Asked) {
      await demandManagerOf(request, `update_${place}_${key}`, type);
      return { [key]: shownRule(await updateQosRule(request, request.params.policy_id, type, request.params.rule_id, request.body[key] ?? {})) };
    },
    async delete(request: Asked) {
      await demandManagerOf(request, `delete_${place}_${key}`, type);
      await deleteQosRule(request, request.params.policy_id, type, request.params.rule_id);
      return undefined;
    },
  };
};

const aliasesFor = (type: QosRuleType) => {
  const { show, update, delete: remove } = handlersFor(type, 'alias');
  const found = async (request: Asked): Promise<Asked> => ({ ...request, params: { ...request.params, policy_id: await policyOfRule(request, request.params.rule_id) } });
  return { show: async (request: Asked) => show(await found(request)), update: async (request: Asked) => update(await found(request)), delete: async (request: Asked) => remove(await found(request)) };
};

// The replies' names are made of the type's, which the compiler cannot follow; the contract's schemas are held against them in tests.
export const bandwidthLimitRules = implement(bandwidthLimitContract, handlersFor('bandwidth_limit') as never);
export const bandwidthLimitAliases = implement(bandwidthLimitAliasContract, aliasesFor('bandwidth_limit') as never);
export const dscpMarkingRules = implement(dscpMarkingContract, handlersFor('dscp_marking') as never);
export const dscpMarkingAliases = implement(dscpMarkingAliasContract, aliasesFor('dscp_marking') as never);
export const minimumBandwidthRules = implement(minimumBandwidthContract, handlersFor('minimum_bandwidth') as never);
export const minimumBandwidthAliases = implement(minimumBandwidthAliasContract, aliasesFor('minimum_bandwidth') as never);
export const packetRateLimitRules = implement(packetRateLimitContract, handlersFor('packet_rate_limit') as never);
export const minimumPacketRateRules = implement(minimumPacketRateContract, handlersFor('minimum_packet_rate') as never);
export const minimumPacketRateAliases = implement(minimumPacketRateAliasContract, aliasesFor('minimum_packet_rate') as never);

export const qosRuleTypeList = implement(ruleTypeContract, {
  // One engine enforces: what any does, `all_supported`, is what all do. neutron/services/qos/drivers/manager.py, supported_rule_types.
  list({ query: { type: wanted, all_rules: everything, all_supported: anyEngine } }) {
    const [isEverything] = [everything, anyEngine].map((flag) => flag !== undefined && booleanOf(flag));
    const types = isEverything ? qosRuleTypes : enforcedRuleTypes;
    return Promise.resolve({ rule_types: types.filter((type) => !wanted || wanted.includes(type)).map((type) => ({ type })) });
  },
  async show({ params }) {
    const type = enforcedRuleTypes.find((each) => each === params.rule_type);
    if (!type) throw notFound(`Rule type ${params.rule_type} could not be found.`, 'QosRuleTypeNotFound');
    return { rule_type: { type, drivers: [{ name: 'ovn', supported_parameters: parameters[type] ?? [] }] } };
  },
});

const range = (parameter_name: string) => ({ parameter_name, parameter_type: 'range', parameter_values: { start: 0, end: 2147483647 } });
const parameters: Partial<Record<QosRuleType, { parameter_name: string; parameter_type: string; parameter_values: unknown }[]>> = {
  bandwidth_limit: [range('max_kbps'), range('max_burst_kbps'), { parameter_name: 'direction', parameter_type: 'choices', parameter_values: ['ingress', 'egress'] }],
  dscp_marking: [{ parameter_name: 'dscp_mark', parameter_type: 'choices', parameter_values: [0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 44, 46, 48, 56] }],
};

const shown = ({ created_at, updated_at, rules, ...policy }: QosPolicy) => ({
  ...policy, tenant_id: policy.project_id, rules: rules.map((rule) => ({ ...rule, qos_policy_id: policy.id })), created_at: seconds(created_at), updated_at: seconds(updated_at),
});

const shownRule = ({ type: _type, ...rule }: QosRule) => rule;
