/** A security group: a group of ports with rules, above one rule for all of them that drops what no group allows. */
import { DriverError, type SecurityGroupSpec } from '../../driver.ts';
import { networkOf } from './addresses.ts';
import { portGroupName, type WantedRow } from './northbound.ts';

/** The ports that are under security groups, with or without one. */
export const GUARDED = 'guarded_ports';

const FORBID = 1_003;
const ALLOW = 1_002;
/** Only to be told of: what it drops would be dropped anyway. */
const DROP_TOLD = 1_001;
const DROP = 1_000;

/** Whoever sends much must not fill the host's log: neutron/conf/services/logging.py. */
const METER = 'acl_log_meter';
const unlogged = { log: false, name: null, severity: null, meter: null };

type Rule = SecurityGroupSpec['rules'][number];

/** What holds for every guarded port, whatever its groups say. */
export function defaultRows(): WantedRow[] {
  const rules: [direction: string, priority: number, match: string, action: string][] = [
    ['to-lport', DROP, `outport == @${GUARDED} && ip`, 'drop'],
    ['from-lport', DROP, `inport == @${GUARDED} && ip`, 'drop'],
    // No rule lets a guest give out addresses: neutron/agent/linux/iptables_firewall.py, "Prevent DHCP Spoofing by VM".
    ['from-lport', FORBID, `inport == @${GUARDED} && ip4 && udp.src == 67 && udp.dst == 68`, 'drop'],
    ['from-lport', FORBID, `inport == @${GUARDED} && ip6 && udp.src == 547 && udp.dst == 546`, 'drop'],
    // A guest that may not speak at all still gets its address, and finds its neighbours.
    ['from-lport', ALLOW, `inport == @${GUARDED} && ip4 && udp.src == 68 && udp.dst == 67`, 'allow'],
    ['from-lport', ALLOW, `inport == @${GUARDED} && ip6 && udp.src == 546 && udp.dst == 547`, 'allow'],
    ['from-lport', ALLOW, `inport == @${GUARDED} && (nd || nd_rs)`, 'allow'],
    ['to-lport', ALLOW, `outport == @${GUARDED} && (nd || nd_ra)`, 'allow'],
  ];
  const held = { table: 'Port_Group', key: GUARDED, column: 'acls' } as const;
  return [
    { table: 'Port_Group', key: GUARDED, columns: { name: GUARDED, external_ids: {} }, heldBy: [] },
    { table: 'Meter', key: METER, columns: { name: METER, unit: 'pktps', fair: true, external_ids: {} }, heldBy: [] },
    { table: 'Meter_Band', key: METER, columns: { action: 'drop', rate: 100, burst_size: 25, external_ids: {} }, heldBy: [{ table: 'Meter', key: METER, column: 'bands' }] },
    ...rules.map(([direction, priority, match, action], at): WantedRow => ({
      table: 'ACL',
      key: `guarded/${at}`,
      columns: { direction, priority, match, action, ...unlogged, external_ids: {} },
      heldBy: [held],
    })),
  ];
}

export function securityGroupRows(group: SecurityGroupSpec): WantedRow[] {
  const name = portGroupName(group.id);
  const { accept, drop } = group.log ?? {};
  return [
    { table: 'Port_Group', key: name, columns: { name, external_ids: {} }, heldBy: [] },
    ...group.rules.map((rule): WantedRow => ({
      table: 'ACL',
      key: `rule/${rule.id}`,
      columns: {
        direction: rule.direction === 'ingress' ? 'to-lport' : 'from-lport',
        priority: ALLOW,
        match: matchOf(name, rule),
        action: group.stateful ? 'allow-related' : 'allow-stateless',
        ...loggedIn(accept),
        external_ids: {},
      },
      heldBy: [{ table: 'Port_Group', key: name, column: 'acls' }],
    })),
    ...(drop === undefined ? [] : ([['to-lport', 'outport'], ['from-lport', 'inport']] as const).map(([direction, port]): WantedRow => ({
      table: 'ACL',
      key: `dropped/${group.id}/${direction}`,
      columns: { direction, priority: DROP_TOLD, match: `${port} == @${name} && ip`, action: 'drop', ...loggedIn(drop), external_ids: {} },
      heldBy: [{ table: 'Port_Group', key: name, column: 'acls' }],
    }))),
  ];
}

/** As neutron/services/logapi/drivers/ovn: the host writes the name of the log with each packet. */
function loggedIn(log: string | undefined) {
  return log === undefined ? unlogged : { log: true, name: `log-${log}`, severity: 'info', meter: METER };
}

/** In OVN's words; `invalid` for a rule that cannot be said, which is never left out in silence. */
export function matchOf(groupName: string, rule: Rule): string {
  const terms = [rule.direction === 'ingress' ? `outport == @${groupName}` : `inport == @${groupName}`, `ip${rule.version}`];
  const peer = `ip${rule.version}.${rule.direction === 'ingress' ? 'src' : 'dst'}`;
  if (rule.remote.kind === 'cidr') {
    const network = networkOf(rule.remote.cidr);
    if (network.includes(':') !== (rule.version === 6)) throw new DriverError('invalid', `The rule ${rule.id} mixes IPv${rule.version} with ${network}`);
    // Every address: OVN refuses a mask of nothing in some versions, and it says no more than the version does.
    if (!network.endsWith('/0')) terms.push(`${peer} == ${network}`);
  } else if (rule.remote.kind === 'group') {
    // OVN makes these sets of the members' addresses, and keeps them.
    terms.push(`${peer} == $${portGroupName(rule.remote.id)}_ip${rule.version}`);
  }
  return [...terms, ...protocolTerms(rule)].join(' && ');
}

function protocolTerms(rule: Rule): string[] {
  const { portMin, portMax } = rule;
  const number = protocolNumber(rule);
  if (number === null) {
    if (portMin !== null || portMax !== null) throw new DriverError('invalid', `The rule ${rule.id} has ports but no protocol`);
    return [];
  }
  if (number === 1 || number === 58) {
    const icmp = rule.version === 4 ? 'icmp4' : 'icmp6';
    const terms = [icmp];
    if (portMin !== null) terms.push(`${icmp}.type == ${whole(rule, portMin, 255)}`);
    if (portMax !== null) terms.push(`${icmp}.code == ${whole(rule, portMax, 255)}`);
    return terms;
  }
  const withPorts = WITH_PORTS[number];
  if (withPorts === undefined) {
    if (portMin !== null || portMax !== null) throw new DriverError('invalid', `The rule ${rule.id} has ports, which protocol ${number} cannot be asked for`);
    return [`ip.proto == ${number}`];
  }
  const low = whole(rule, portMin ?? portMax ?? 0, 65_535);
  const high = whole(rule, portMax ?? portMin ?? 65_535, 65_535);
  if (low > high) throw new DriverError('invalid', `The rule ${rule.id} has no port between ${low} and ${high}`);
  if (portMin === null && portMax === null) return [withPorts];
  if (low === high) return [withPorts, `${withPorts}.dst == ${low}`];
  return [withPorts, `${withPorts}.dst >= ${low}`, `${withPorts}.dst <= ${high}`];
}

function whole(rule: Rule, value: number, most: number): number {
  if (!Number.isInteger(value) || value < 0 || value > most) throw new DriverError('invalid', `The rule ${rule.id} has the impossible number ${value}`);
  return value;
}

function protocolNumber(rule: Rule): number | null {
  const name = rule.protocol?.toLowerCase() ?? 'any';
  if (name === 'any') return null;
  const number = /^\d{1,3}$/.test(name) ? Number(name) : PROTOCOLS[name];
  if (number === undefined || number > 255) throw new DriverError('invalid', `The rule ${rule.id} names the unknown protocol ${JSON.stringify(name)}`);
  return number;
}

const WITH_PORTS: Record<number, 'tcp' | 'udp' | 'sctp' | undefined> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };

// neutron-lib, neutron_lib/constants.py, IP_PROTOCOL_MAP
const PROTOCOLS: Record<string, number | undefined> = {
  ah: 51, dccp: 33, egp: 8, esp: 50, gre: 47, hopopt: 0, icmp: 1, icmpv6: 58, igmp: 2, ip: 4, ipip: 4, 'ipv6-encap': 41, 'ipv6-frag': 44,
  'ipv6-icmp': 58, 'ipv6-nonxt': 59, 'ipv6-opts': 60, 'ipv6-route': 43, ospf: 89, pgm: 113, rsvp: 46, sctp: 132, tcp: 6,
  udp: 17, udplite: 136, vrrp: 112,
};
