import { defaultSecurityGroupRules as contract } from '../../contract/network/default-security-group-rules.ts';
import { implement } from '../../kit/http/implement.ts';
import { createDefaultRule, defaultRuleListing, getDefaultRule, removeDefaultRule, type DefaultRule } from './default-security-group-rules.ts';
import { selectDefaultRules } from './default-security-group-rules.store.ts';
import { chosen, listAnswer, pageOf } from './listing.ts';

export const defaultSecurityGroupRules = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, defaultRuleListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'default_security_group_rules', page, await selectDefaultRules(request.tx, page.tail), shown);
  },
  async create(request) {
    if (request.body.default_security_group_rule) return { default_security_group_rule: shown(await createDefaultRule(request, request.body.default_security_group_rule)) };
    const made: DefaultRule[] = [];
    for (const wish of request.body.default_security_group_rules ?? []) made.push(await createDefaultRule(request, wish));
    return { default_security_group_rules: made.map(shown) };
  },
  show: async (request) => ({ default_security_group_rule: chosen(shown(await getDefaultRule(request, request.params.rule_id)), request.query.fields) }),
  async delete(request) {
    await removeDefaultRule(request, request.params.rule_id);
    return undefined;
  },
});

const shown = ({ normalized_cidr: _normalized, ...rule }: DefaultRule) => rule;
