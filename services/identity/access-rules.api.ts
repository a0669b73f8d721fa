/** The door of access rules. keystone/api/users.py, UserAccessRule… */
import { accessRules as contract } from '../../contract/identity/access-rules.ts';
import { implement } from '../../kit/http/implement.ts';
import { deleteAccessRule, getAccessRule, listAccessRules, type StoredRule } from './access-rules.ts';
import { announce } from './announcements.ts';
import { pageOf } from './pages.ts';
import type { IdentityParts } from './parts.ts';
import { claimsOf } from './tokens.ts';

export function accessRulesDoor({ tokens }: IdentityParts) {
  return implement(contract, {
    async list(request) {
      const { user_id: userId } = request.params;
      const { items, rest } = pageOf(request, await listAccessRules(request, claimsOf(tokens, request.caller), userId, request.query));
      return { access_rules: items.map((rule) => ruleView(rule, userId, request)), ...rest };
    },
    async show(request) {
      const { user_id: userId, access_rule_id: id } = request.params;
      return { access_rule: ruleView(await getAccessRule(request, claimsOf(tokens, request.caller), userId, id), userId, request) };
    },
    async delete(request) {
      const { user_id: userId, access_rule_id: id } = request.params;
      await deleteAccessRule(request, claimsOf(tokens, request.caller), userId, id);
      await announce(request, 'access_rule', 'deleted', id, { user_id: userId });
    },
  });
}

function ruleView({ id, service, method, path }: StoredRule, userId: string, { url }: { url(path: string): string }) {
  return { id, service, method, path, links: { self: url(`/users/${userId}/access_rules/${id}`) } };
}
