import { securityGroupRules as ruleContract, securityGroups as contract } from '../../contract/network/security-groups.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { createRule, deleteRule, getRule, ruleListing, type SecurityGroupRule } from './security-group-rules.ts';
import {
  createSecurityGroup, deleteSecurityGroup, ensureDefaultGroup, getSecurityGroup, hasDefaultGroup, securityGroupListing, updateSecurityGroup, type SecurityGroup,
} from './security-groups.ts';
import { selectRules, selectSecurityGroups } from './security-groups.store.ts';

export const securityGroups = implement(contract, {
  async list(request) {
    await ensureOneToSee(request);
    return request.read(async (tx) => {
      const page = await pageOf(tx, securityGroupListing, request.query, request.otherQuery, request.caller);
      return listAnswer(request, 'security_groups', page, await selectSecurityGroups(tx, page.tail), shown);
    });
  },
  async create(request) {
    if (request.body.security_group) return { security_group: shown(await createSecurityGroup(request, request.body.security_group)) };
    const made: SecurityGroup[] = [];
    for (const wish of request.body.security_groups ?? []) made.push(await createSecurityGroup(request, wish));
    return { security_groups: made.map(shown) };
  },
  show: async (request) => ({ security_group: chosen(shown(await getSecurityGroup(request, request.params.security_group_id)), request.query.fields) }),
  update: async (request) => ({ security_group: shown(await updateSecurityGroup(request, request.params.security_group_id, request.body.security_group)) }),
  async delete(request) {
    await deleteSecurityGroup(request, request.params.security_group_id);
    return undefined;
  },
});

export const securityGroupRules = implement(ruleContract, {
  async list(request) {
    await ensureOneToSee(request);
    return request.read(async (tx) => {
      const page = await pageOf(tx, ruleListing, request.query, request.otherQuery, request.caller);
      return listAnswer(request, 'security_group_rules', page, await selectRules(tx, page.tail), shownRule);
    });
  },
  async create(request) {
    if (request.body.security_group_rule) return { security_group_rule: shownRule(await createRule(request, request.body.security_group_rule)) };
    const made: SecurityGroupRule[] = [];
    for (const wish of request.body.security_group_rules ?? []) made.push(await createRule(request, wish));
    return { security_group_rules: made.map(shownRule) };
  },
  show: async (request) => ({ security_group_rule: chosen(shownRule(await getRule(request, request.params.rule_id)), request.query.fields) }),
  async delete(request) {
    await deleteRule(request, request.params.rule_id);
    return undefined;
  },
});

type Looking = Omit<Context, 'tx'> & { query: object; read<T>(work: (tx: Context['tx']) => Promise<T>): Promise<T>; commit<T>(work: (tx: Context['tx']) => Promise<T>): Promise<T> };

/** Of the project that is asked about, which for others than administrators is their own: neutron/db/securitygroups_db.py, get_security_groups, get_security_group_rules. */
async function ensureOneToSee(request: Looking): Promise<void> {
  const { project_id: [project] = [], tenant_id: [tenant] = [] } = request.query as { project_id?: string[]; tenant_id?: string[] };
  const { projectId: own, isAdmin } = request.caller;
  const projectId = project || tenant || own;
  if (projectId === null || (projectId !== own && !isAdmin) || (await request.read((tx) => hasDefaultGroup({ tx }, projectId)))) return;
  await request.commit(async (tx) => void (await ensureDefaultGroup({ ...request, tx }, projectId)));
}

function shown({ is_default: _default, security_group_rules, created_at, updated_at, ...group }: SecurityGroup) {
  return {
    ...group,
    tenant_id: group.project_id,
    security_group_rules: security_group_rules.map(shownRule),
    created_at: seconds(created_at),
    updated_at: seconds(updated_at),
  };
}

function shownRule(rule: SecurityGroupRule) {
  return { ...rule, tenant_id: rule.project_id };
}
