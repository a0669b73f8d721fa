/** Rules with which security groups begin, as the operator wants them: neutron/db/securitygroups_db.py. */
import { conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { emit } from '../../kit/events/events.ts';
import { sql } from '../../kit/postgres/database.ts';
import { addressGroupNoun } from './address-groups.ts';
import { defaultRuleTable, deleteDefaultRule, insertDefaultRule, lockDefaultRules, parentGroup, remoteGroupOf, selectDefaultRules, type DefaultRule } from './default-security-group-rules.store.ts';
import { byBoolean, byNumber, byText, byTextOrNothing, type Listing } from './listing.ts';
import { getRow } from './noun.ts';
import { meaningOf, parsedRule, type RuleWish } from './security-group-rules.ts';
import { getSecurityGroup } from './security-groups.ts';

export type { DefaultRule } from './default-security-group-rules.store.ts';
export type DefaultRuleWish = Omit<RuleWish, 'security_group_id'> & { used_in_default_sg: boolean; used_in_non_default_sg: boolean };

export const defaultRuleListing: Listing = {
  collection: 'default_security_group_rules',
  table: defaultRuleTable,
  filters: {
    id: byText(sql`r.id`),
    description: byText(sql`r.description`),
    direction: byText(sql`r.direction`),
    ethertype: byText(sql`r.ethertype`),
    protocol: byTextOrNothing(sql`r.protocol`),
    port_range_min: byNumber(sql`r.port_range_min`),
    port_range_max: byNumber(sql`r.port_range_max`),
    remote_group_id: byTextOrNothing(remoteGroupOf),
    remote_address_group_id: byTextOrNothing(sql`r.remote_address_group_id`),
    remote_ip_prefix: byTextOrNothing(sql`r.remote_ip_prefix`),
    used_in_default_sg: byBoolean(sql`r.used_in_default_sg`),
    used_in_non_default_sg: byBoolean(sql`r.used_in_non_default_sg`),
  },
  sorts: { id: sql`r.id`, direction: sql`r.direction`, ethertype: sql`r.ethertype` },
};

export async function getDefaultRule({ tx }: Pick<Context, 'tx'>, id: string): Promise<DefaultRule> {
  return (await selectDefaultRules(tx, sql`r.id = ${id}`))[0] ?? notThere(id);
}

export async function createDefaultRule(context: Context, wish: DefaultRuleWish): Promise<DefaultRule> {
  const { tx, random } = context;
  const { used_in_default_sg, used_in_non_default_sg } = wish;
  const rule: DefaultRule = { ...parsedRule(wish), id: random.uuid(), description: wish.description ?? '', used_in_default_sg, used_in_non_default_sg };
  if (rule.remote_group_id !== null && rule.remote_group_id !== parentGroup) await getSecurityGroup(context, rule.remote_group_id);
  if (rule.remote_address_group_id !== null) await getRow(context, addressGroupNoun, rule.remote_address_group_id);
  await lockDefaultRules(tx);
  const beside = await selectDefaultRules(tx, sql`r.used_in_default_sg and ${used_in_default_sg} or r.used_in_non_default_sg and ${used_in_non_default_sg}`);
  const same = beside.find((each) => meaningOf(each) === meaningOf(rule));
  if (same) throw conflict(`Default Security group rule already exists. Rule id is ${same.id}.`, 'DefaultSecurityGroupRuleExists');
  await insertDefaultRule(tx, rule);
  await tell(context, 'create', rule.id);
  return getDefaultRule(context, rule.id);
}

export async function removeDefaultRule(context: Context, id: string): Promise<void> {
  if (!(await deleteDefaultRule(context.tx, id))) notThere(id);
  await tell(context, 'delete', id);
}

function tell({ tx, now, requestId }: Context, verb: 'create' | 'delete', id: string): Promise<unknown> {
  return emit(tx, { now: () => now }, { type: `default_security_group_rule.${verb}.end`, resource: 'default_security_group_rule', resourceId: id, requestId, payload: {} });
}

function notThere(id: string): never {
  throw notFound(`Default Security Group rule ${id} does not exist`, 'DefaultSecurityGroupRuleNotFound');
}
