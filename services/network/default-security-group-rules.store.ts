import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { SecurityGroupRule } from './security-groups.store.ts';

export type DefaultRule = Pick<SecurityGroupRule, 'id' | 'direction' | 'ethertype' | 'protocol' | 'port_range_min' | 'port_range_max' | 'remote_group_id' | 'remote_address_group_id' | 'remote_ip_prefix' | 'normalized_cidr' | 'description'> & {
  used_in_default_sg: boolean;
  used_in_non_default_sg: boolean;
};

/** Stands for the group that the rule is made in. */
export const parentGroup = 'PARENT';

export const defaultRuleTable = sql`network.default_security_group_rule`;
export const remoteGroupOf = sql.raw(`case when r.of_members then '${parentGroup}' else r.remote_group_id end`);

export function selectDefaultRules(tx: Transaction, tail: Sql): Promise<DefaultRule[]> {
  return tx.rows<DefaultRule>`
    select r.id, r.direction, r.ethertype, r.protocol, r.port_range_min, r.port_range_max, ${remoteGroupOf} as remote_group_id, r.remote_address_group_id, r.remote_ip_prefix,
      r.normalized_cidr::text as normalized_cidr, r.description, r.used_in_default_sg, r.used_in_non_default_sg
    from network.default_security_group_rule r where ${tail}`;
}

/** One at a time, so that no two become the same. */
export async function lockDefaultRules(tx: Transaction): Promise<void> {
  await tx.run`lock table network.default_security_group_rule in share row exclusive mode`;
}

export async function insertDefaultRule(tx: Transaction, rule: DefaultRule): Promise<void> {
  const ofMembers = rule.remote_group_id === parentGroup;
  await tx.run`
    insert into network.default_security_group_rule (id, direction, ethertype, protocol, port_range_min, port_range_max, of_members, remote_group_id, remote_address_group_id, remote_ip_prefix,
      normalized_cidr, description, used_in_default_sg, used_in_non_default_sg)
    values (${rule.id}, ${rule.direction}, ${rule.ethertype}, ${rule.protocol}, ${rule.port_range_min}, ${rule.port_range_max}, ${ofMembers}, ${ofMembers ? null : rule.remote_group_id},
      ${rule.remote_address_group_id}, ${rule.remote_ip_prefix}, ${rule.normalized_cidr}::cidr, ${rule.description}, ${rule.used_in_default_sg}, ${rule.used_in_non_default_sg})`;
}

export async function deleteDefaultRule(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.run`delete from network.default_security_group_rule where id = ${id}`) === 1;
}

export async function isNamedByDefaultRule(tx: Transaction, addressGroupId: string): Promise<boolean> {
  return (await tx.one`select 1 from network.default_security_group_rule where remote_address_group_id = ${addressGroupId} limit 1`) !== undefined;
}
