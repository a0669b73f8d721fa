import {
  bandwidthLimitAliases as bandwidthLimitAliasContract, bandwidthLimitRules as bandwidthLimitContract, dscpMarkingAliases as dscpMarkingAliasContract, dscpMarkingRules as dscpMarkingContract,
  minimumBandwidthAliases as minimumBandwidthAliasContract, minimumBandwidthRules as minimumBandwidthContract, qosPolicies as contract, qosRuleTypeList as ruleTypeContract, type QosRuleType,
} from '../../contract/network/qos.ts';
import { notFound } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
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
    if (request.body.policy) return { policy: shown(await createQosPolicy(request, request.body.policy)) };
    const made: QosPolicy[] = [];
    for (const wish of request.body.policies ?? []) made.push(await createQosPolicy(request, wish));
    return { policies: made.map(shown) };
  },
  show: async (request) => ({ policy: chosen(shown(await getRow(request, qosPolicyNoun, request.params.policy_id)), request.query.fields) }),
  update: async (request) => ({ policy: shown(await updateQosPolicy(request, request.params.policy_id, request.body.policy)) }),
  async delete(request) {
    await deleteQosPolicy(request, request.params.policy_id);
    return undefined;
  },
});

type Asked = Context & { params: { policy_id: string; rule_id: string }; query: { fields?: string[] }; body: Record<string, Record<string, unknown>> };

/** The same operations for each type of rule. */
const handlersFor = (type: QosRuleType) => {
  const key = `${type}_rule`;
  return {
    list: async (request: Asked) => ({ [`${key}s`]: rulesOfType(await getRow(request, qosPolicyNoun, request.params.policy_id), type).map((rule) => chosen(shownRule(rule), request.query.fields)) }),
    create: async (request: Asked) => ({ [key]: shownRule(await createQosRule(request, request.params.policy_id, type, request.body[key] ?? {})) }),
    show: async (request: Asked) => ({ [key]: chosen(shownRule(ruleOf(await getRow(request, qosPolicyNoun, request.params.policy_id), type, request.params.rule_id)), request.query.fields) }),
    update: async (request: Asked) => ({ [key]: shownRule(await updateQosRule(request, request.params.policy_id, type, request.params.rule_id, request.body[key] ?? {})) }),
    async delete(request: Asked) {
      await deleteQosRule(request, request.params.policy_id, type, request.params.rule_id);
      return undefined;
    },
  };
};

const aliasesFor = (type: QosRuleType) => {
  const { show, update, delete: remove } = handlersFor(type);
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

export const qosRuleTypeList = implement(ruleTypeContract, {
  list: ({ query }) => Promise.resolve({ rule_types: enforcedRuleTypes.filter((type) => !query.type || query.type.includes(type)).map((type) => ({ type })) }),
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
