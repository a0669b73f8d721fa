import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { formatBlock, parseBlock, parseAddress } from './addresses.ts';
import { addressGroupNoun } from './address-groups.ts';
import { mark, tell } from './changes.ts';
import { byNumber, byText, byTextOrNothing, standardFilters, standardSorts, type Listing } from './listing.ts';
import { getRow } from './noun.ts';
import { ownerOf } from './owners.ts';
import { claim, release } from './quotas.ts';
import { getSecurityGroup, lockedGroup } from './security-groups.ts';
import { deleteRuleRow, findRule, insertRules, touchSecurityGroup, type NewRule, type SecurityGroupRule } from './security-groups.store.ts';

export type { SecurityGroupRule } from './security-groups.store.ts';

export type RuleWish = {
  project_id?: string;
  tenant_id?: string;
  security_group_id: string;
  direction: 'ingress' | 'egress';
  ethertype?: string;
  protocol?: string | number | null;
  port_range_min?: number | string | null;
  port_range_max?: number | string | null;
  remote_group_id?: string | null;
  remote_address_group_id?: string | null;
  remote_ip_prefix?: string | null;
  description?: string;
};

/** neutron_lib/constants.py, IP_PROTOCOL_MAP. */
const protocolNumbers: Record<string, number> = {
  ah: 51, dccp: 33, egp: 8, esp: 50, gre: 47, hopopt: 0, icmp: 1, icmpv6: 58, igmp: 2, ip: 4, ipip: 4, 'ipv6-encap': 41, 'ipv6-frag': 44, 'ipv6-icmp': 58, 'ipv6-nonxt': 59,
  'ipv6-opts': 60, 'ipv6-route': 43, ospf: 89, pgm: 113, rsvp: 46, sctp: 132, tcp: 6, udp: 17, udplite: 136, vrrp: 112,
};
/** Neutron takes ports of DCCP and UDP-Lite too, and lets them pass without looking at them where OVN enforces. */
const withPorts = new Set([6, 17, 132]);
const icmp = new Set([1, 58]);
const onlyIpv6 = new Set(['icmpv6', 'ipv6-icmp', 'ipv6-encap', 'ipv6-frag', 'ipv6-nonxt', 'ipv6-opts', 'ipv6-route', '58', '41', '44', '59', '60', '43']);

export const ruleListing: Listing = {
  collection: 'security_group_rules',
  table: sql`network.security_group_rule`,
  filters: {
    ...standardFilters(),
    security_group_id: byText(sql`r.security_group_id`),
    direction: byText(sql`r.direction`),
    ethertype: byText(sql`r.ethertype`),
    protocol: byTextOrNothing(sql`r.protocol`),
    port_range_min: byNumber(sql`r.port_range_min`),
    port_range_max: byNumber(sql`r.port_range_max`),
    remote_group_id: byTextOrNothing(sql`r.remote_group_id`),
    remote_address_group_id: byTextOrNothing(sql`r.remote_address_group_id`),
    remote_ip_prefix: byTextOrNothing(sql`r.remote_ip_prefix`),
    normalized_cidr: byTextOrNothing(sql`r.normalized_cidr::text`),
  },
  sorts: { ...standardSorts, security_group_id: sql`r.security_group_id`, direction: sql`r.direction`, ethertype: sql`r.ethertype` },
};

export async function getRule({ tx }: Pick<Context, 'tx'>, id: string): Promise<SecurityGroupRule> {
  const rule = await findRule(tx, id);
  if (!rule) throw notFound(`Security group rule ${id} does not exist`, 'SecurityGroupRuleNotFound');
  return rule;
}

export async function createRule(context: Context, wish: RuleWish): Promise<SecurityGroupRule> {
  const { tx, now, random } = context;
  const group = await lockedGroup(context, wish.security_group_id);
  // As Neutron does: a rule that says whose it is must be its group's project's.
  if ((wish.project_id ?? wish.tenant_id) !== undefined) ownerOf(context, wish);
  const rule: NewRule = { ...parsedRule(wish), id: random.uuid(), project_id: group.project_id, security_group_id: group.id, description: wish.description ?? '' };
  if (rule.remote_group_id !== null) await getSecurityGroup(context, rule.remote_group_id);
  if (rule.remote_address_group_id !== null) await getRow(context, addressGroupNoun, rule.remote_address_group_id);
  const same = group.security_group_rules.find((each) => meaningOf(each) === meaningOf(rule));
  if (same) throw conflict(`Security group rule already exists. Rule id is ${same.id}.`, 'SecurityGroupRuleExists');
  await claim(tx, group.project_id, { security_group_rule: 1 });
  await insertRules(tx, [rule], now);
  await touchSecurityGroup(tx, group.id, now);
  await mark(tx, now, 'security-group', [group.id]);
  const made = await getRule(context, rule.id);
  await tell(context, 'security_group_rule', 'create', made, { security_group_id: group.id });
  return made;
}

export async function deleteRule(context: Context, id: string): Promise<void> {
  const { tx, now } = context;
  const { security_group_id: groupId } = await getRule(context, id);
  await lockedGroup(context, groupId);
  const rule = await getRule(context, id);
  await deleteRuleRow(tx, id);
  await release(tx, rule.project_id, { security_group_rule: 1 });
  await touchSecurityGroup(tx, groupId, now);
  await mark(tx, now, 'security-group', [groupId]);
  await tell(context, 'security_group_rule', 'delete', rule, { security_group_id: groupId });
}

type Parsed = Pick<NewRule, 'direction' | 'ethertype' | 'protocol' | 'port_range_min' | 'port_range_max' | 'remote_group_id' | 'remote_address_group_id' | 'remote_ip_prefix' | 'normalized_cidr'>;

/** Refuses whatever the engine could not carry out: a rule that is accepted is in force (ATTACKS 29). */
export function parsedRule(wish: Omit<RuleWish, 'security_group_id'>): Parsed {
  const ethertype = ethertypeOf(wish.ethertype);
  const protocol = protocolOf(wish.protocol);
  const number = protocol === null ? null : numberOf(protocol);
  if (protocol !== null && onlyIpv6.has(protocol) && ethertype !== 'IPv6')
    throw badRequest(`Invalid ethertype ${ethertype} for protocol ${protocol}.`, 'SecurityGroupEthertypeConflictWithProtocol');
  const [min, max] = [numberFrom(wish.port_range_min), numberFrom(wish.port_range_max)];
  const { portMin, portMax } = ports(protocol, number, min, max);
  const prefix = wish.remote_ip_prefix ?? null;
  const groupId = wish.remote_group_id ?? null;
  const addressGroupId = wish.remote_address_group_id ?? null;
  if ([prefix, groupId, addressGroupId].filter((each) => each !== null).length > 1)
    throw badRequest('Only one of remote_ip_prefix, remote_group_id or remote_address_group_id may be provided.', 'SecurityGroupMultipleRemoteEntites');
  const cidr = prefix === null ? null : cidrOf(prefix, ethertype);
  return { direction: wish.direction, ethertype, protocol, port_range_min: portMin, port_range_max: portMax, remote_group_id: groupId, remote_address_group_id: addressGroupId, remote_ip_prefix: prefix, normalized_cidr: cidr };
}

function ethertypeOf(given: string | undefined): 'IPv4' | 'IPv6' {
  switch ((given ?? 'IPv4').toLowerCase()) {
    case 'ipv4':
      return 'IPv4';
    case 'ipv6':
      return 'IPv6';
    default:
      throw badRequest(`Security group rule for ethertype '${given}' not supported. Allowed values are ['IPv4', 'IPv6'].`, 'SecurityGroupRuleInvalidEtherType');
  }
}

function protocolOf(given: string | number | null | undefined): string | null {
  if (given === null || given === undefined) return null;
  const text = String(given).toLowerCase();
  if (text === 'any' || text === '') return null;
  if (text in protocolNumbers && Object.hasOwn(protocolNumbers, text)) return text;
  if (/^\d{1,3}$/.test(text) && Number(text) <= 255) return String(Number(text));
  const names = Object.keys(protocolNumbers).map((name) => `'${name}'`).join(', ');
  throw badRequest(`Security group rule protocol ${text.slice(0, 60)} not supported. Only protocol values [None, ${names}] and integer representations [0 to 255] are supported.`, 'SecurityGroupRuleInvalidProtocol');
}

function numberFrom(given: number | string | null | undefined): number | null {
  return given === null || given === undefined ? null : Number(given);
}

function numberOf(protocol: string): number {
  return protocolNumbers[protocol] ?? Number(protocol);
}

function ports(protocol: string | null, number: number | null, min: number | null, max: number | null): { portMin: number | null; portMax: number | null } {
  if (min === null && max === null) return { portMin: null, portMax: null };
  if (protocol === null || number === null) throw badRequest('Must also specify protocol if port range is given.', 'SecurityGroupProtocolRequiredWithPorts');
  if (icmp.has(number)) {
    for (const [attribute, field, value] of [['port_range_min', 'type', min], ['port_range_max', 'code', max]] as const)
      if (value !== null && (value < 0 || value > 255)) throw badRequest(`Invalid value for ICMP ${field} (${attribute}) ${value}. It must be 0 to 255.`, 'SecurityGroupInvalidIcmpValue');
    if (min === null) throw badRequest(`ICMP code (port-range-max) ${max} is provided but ICMP type (port-range-min) is missing.`, 'SecurityGroupMissingIcmpType');
    return { portMin: min, portMax: max };
  }
  if (!withPorts.has(number))
    throw badRequest(`Ports cannot be specified for protocol ${protocol}. Ports are only supported for tcp, udp, sctp.`, 'SecurityGroupInvalidProtocolForPort');
  for (const port of [min, max]) if (port !== null && (port < 0 || port > 65535)) throw badRequest(`Invalid value for port ${port}`, 'SecurityGroupInvalidPortValue');
  // neutron/db/securitygroups_db.py, _validate_port_range: 0 is none of TCP's and UDP's ports, and one end alone is no range.
  if (min === 0 || max === 0) throw badRequest('Invalid value for port 0', 'SecurityGroupInvalidPortValue');
  if (min === null || max === null || min > max) throw badRequest('For TCP/UDP protocols, port_range_min must be <= port_range_max', 'SecurityGroupInvalidPortRange');
  return { portMin: min, portMax: max };
}

function cidrOf(prefix: string, ethertype: 'IPv4' | 'IPv6'): string {
  const alone = parseAddress(prefix);
  const block = parseBlock(alone ? `${prefix}/${alone.version === 4 ? 32 : 128}` : prefix);
  if (!block) throw badRequest(`Invalid input for remote_ip_prefix. Reason: '${prefix}' is not a valid IP subnet.`, 'HTTPBadRequest');
  if (block.version !== (ethertype === 'IPv4' ? 4 : 6)) throw badRequest(`Conflicting value ethertype ${ethertype} for CIDR ${prefix}`, 'SecurityGroupRuleParameterConflict');
  return formatBlock(block);
}

/** Equal for rules that let the same through: everywhere is the same as no prefix, and a protocol's number as its name. */
export function meaningOf(rule: Parsed): string {
  const everywhere = rule.normalized_cidr === '0.0.0.0/0' || rule.normalized_cidr === '::/0';
  const { direction, ethertype, port_range_min, port_range_max, remote_group_id, remote_address_group_id } = rule;
  return JSON.stringify([direction, ethertype, rule.protocol === null ? null : numberOf(rule.protocol), port_range_min, port_range_max, remote_group_id, remote_address_group_id, everywhere ? null : rule.normalized_cidr]);
}
