/** Security groups as Nova shows them: what comes in. nova/api/openstack/compute/security_groups.py, nova/network/security_group_api.py */
import { isIP } from 'node:net';
import { securityGroupProxies as contract, securityGroupRuleProxies as rulesContract } from '../../contract/compute/proxies.ts';
import { badRequest, Fault, forbidden, notFound } from '../../kit/fault.ts';
import { implement, type Context, type Request } from '../../kit/http/implement.ts';
import { projectSecurityGroups, securityGroupNames } from '../network/project-networking.ts';
import { createRule, deleteRule, type SecurityGroupRule } from '../network/security-group-rules.ts';
import { createSecurityGroup, deleteSecurityGroup, ensureDefaultGroup, getSecurityGroup, hasDefaultGroup, updateSecurityGroup, type SecurityGroup } from '../network/security-groups.ts';
import { truth } from './words.ts';

export const securityGroupProxies = implement(contract, {
  async list(request) {
    const { limit, offset = 0, all_tenants: all } = request.query;
    const { projectId, isAdmin } = request.caller;
    const everyone = isAdmin && all !== undefined && (all === '' || truth(all));
    if (projectId !== null && !(await request.read((tx) => hasDefaultGroup({ tx }, projectId))))
      await request.commit(async (tx) => void (await ensureDefaultGroup({ ...request, tx }, projectId)));
    return request.read(async (tx) => {
      const groups = await projectSecurityGroups({ tx }, everyone ? null : (projectId ?? ''));
      return { security_groups: await showGroups({ tx }, groups.slice(offset, limit === undefined ? undefined : offset + limit)) };
    });
  },
  async create(request) {
    const { name, description } = request.body.security_group;
    const group = await createSecurityGroup(request, { name, description }).catch(inNovasWords('Quota exceeded, too many security groups.'));
    return { security_group: await showGroup(request, group) };
  },
  async show(request) {
    return { security_group: await showGroup(request, await groupOf(request, request.params.group_id)) };
  },
  async update(request) {
    await groupOf(request, request.params.group_id);
    const { name, description } = request.body.security_group;
    return { security_group: await showGroup(request, await updateSecurityGroup(request, request.params.group_id, { name, description }).catch(inNovasWords(''))) };
  },
  async delete(request) {
    const group = await groupOf(request, request.params.group_id);
    if (group.is_default) throw badRequest('Unable to delete system group \'default\'');
    await deleteSecurityGroup(request, group.id).catch(inNovasWords(''));
  },
});

export const securityGroupRuleProxies = implement(rulesContract, {
  async create(request) {
    const wish = request.body.security_group_rule;
    const parent = await groupOf(request, String(wish.parent_group_id ?? ''));
    const source = wish.group_id === undefined || wish.group_id === null ? null : await groupOf(request, String(wish.group_id));
    const rule = readRule(wish, source);
    if (!rule) throw badRequest('Not enough parameters to build a valid rule.');
    const made = await createRule(request, { security_group_id: parent.id, direction: 'ingress', ...rule }).catch(inNovasWords('Quota exceeded, too many security group rules.'));
    return { security_group_rule: asRule(made, new Map(source ? [[source.id, { name: source.name, projectId: source.project_id }]] : []))! };
  },
  async delete(request) {
    demandId(request.params.rule_id);
    await deleteRule(request, request.params.rule_id).catch(inNovasWords(''));
  },
});

export async function showGroups(context: Pick<Context, 'tx'>, groups: readonly SecurityGroup[]) {
  const sources = groups.flatMap(({ security_group_rules: rules }) => rules.flatMap(({ remote_group_id: id }) => id ?? []));
  const names = await securityGroupNames(context, [...new Set(sources)]);
  return groups.map((group) => ({
    id: group.id,
    name: group.name,
    tenant_id: group.project_id,
    description: group.description,
    rules: group.security_group_rules.filter(({ direction }) => direction === 'ingress').flatMap((rule) => asRule(rule, names) ?? []),
  }));
}

async function showGroup(context: Pick<Context, 'tx'>, group: SecurityGroup) {
  return (await showGroups(context, [group]))[0]!;
}

/** Undefined when it lets a group in that is not there any more. */
function asRule(rule: SecurityGroupRule, sources: ReadonlyMap<string, { name: string; projectId: string }>) {
  const { id, security_group_id: parent, protocol, port_range_min: from, port_range_max: to, remote_group_id: sourceId, remote_ip_prefix: cidr, ethertype } = rule;
  const source = sourceId === null ? undefined : sources.get(sourceId);
  if (sourceId !== null && !source) return undefined;
  const everyPort = protocol !== null && from === null && to === null;
  const whole = everyPort && ['tcp', 'udp'].includes(protocol.toLowerCase()) ? { from_port: 1, to_port: 65535 } : { from_port: -1, to_port: -1 };
  return {
    id,
    parent_group_id: parent,
    ip_protocol: protocol,
    ...(everyPort ? whole : { from_port: from, to_port: to }),
    group: source ? { name: source.name, tenant_id: source.projectId } : {},
    ip_range: source ? {} : { cidr: cidr ?? (ethertype === 'IPv6' ? '::/0' : '0.0.0.0/0') },
  };
}

async function groupOf(context: Pick<Context, 'tx'>, id: string): Promise<SecurityGroup> {
  demandId(id);
  return getSecurityGroup(context, id).catch(inNovasWords(''));
}

function demandId(id: string): void {
  if (!/^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(id)) throw badRequest('Security group id should be uuid');
}

type RuleBody = Request<typeof rulesContract.create>['body']['security_group_rule'];

/** Undefined: too little was said. nova/network/security_group_api.py, _new_ingress_rule */
function readRule({ ip_protocol: protocol, from_port: from = null, to_port: to = null, cidr }: RuleBody, source: SecurityGroup | null) {
  const upper = (protocol ?? '').toUpperCase();
  const prefix = source ? null : readCidr(cidr ?? '0.0.0.0/0');
  const whole = source !== null && from === null && to === null && ['TCP', 'UDP', 'ICMP'].includes(upper);
  if (!protocol || (!whole && (from === null || to === null))) {
    if (!source) return undefined;
    return { ethertype: 'IPv4', remote_group_id: source.id };
  }
  const [first, last] = whole ? (upper === 'ICMP' ? [-1, -1] : [1, 65535]) : [Number(from), Number(to)];
  if (!Number.isInteger(first) || !Number.isInteger(last)) throw badRequest(`Invalid input received: ${upper === 'ICMP' ? 'Type and Code must be integers for ICMP protocol type' : 'To and From ports must be integers'}`);
  if (!['TCP', 'UDP', 'ICMP'].includes(upper)) throw badRequest(`Invalid IP protocol ${protocol}.`);
  const wrong = (why: string) => badRequest(`Invalid port range ${first}:${last}. ${why}`);
  if (upper !== 'ICMP' && first > last) throw wrong('Former value cannot be greater than the later');
  if (upper !== 'ICMP' && (first < 1 || last > 65535)) throw wrong(`Valid ${upper} ports should be between 1-65535`);
  if (upper === 'ICMP' && (first < -1 || first > 255 || last < -1 || last > 255)) throw wrong('For ICMP, the type:code must be valid');
  return {
    ethertype: prefix?.includes(':') ? 'IPv6' : 'IPv4',
    protocol: protocol.toLowerCase(),
    port_range_min: first === -1 ? null : first,
    port_range_max: last === -1 ? null : last,
    ...(source ? { remote_group_id: source.id } : { remote_ip_prefix: prefix }),
  };
}

function readCidr(text: string): string {
  const [address = '', length, more] = text.split('/');
  const family = isIP(address);
  const bits = length === undefined ? (family === 6 ? 128 : 32) : Number(length);
  if (family === 0 || more !== undefined || !Number.isInteger(bits) || length === '' || bits < 0 || bits > (family === 6 ? 128 : 32)) throw badRequest(`${text} is not a valid IP network.`);
  if (bits === 0 && address !== '0.0.0.0' && address !== '::') throw badRequest(`Bad prefix for network in cidr ${text}`);
  return `${address}/${bits}`;
}

/** Nova tells what Neutron refuses by its own statuses. */
function inNovasWords(overQuota: string) {
  return (error: unknown): never => {
    if (!(error instanceof Fault)) throw error;
    if (error.code === 'OverQuota') throw forbidden(overQuota);
    if (error.status === 404) throw notFound(error.message);
    if (error.status === 409) throw badRequest(error.message);
    throw error;
  };
}
