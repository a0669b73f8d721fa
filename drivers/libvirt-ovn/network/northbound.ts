/** The tables and columns of OVN's northbound database that the region's network is projected onto: ovn-nb(5). */
import type { NetworkResourceRef } from '../../driver.ts';
import type { Row } from '../ovsdb-values.ts';

export const NORTHBOUND = {
  NB_Global: { nb_cfg: 'number', hv_cfg: 'number', sb_cfg: 'number' },
  Logical_Switch: { name: 'text', ports: 'uuids', acls: 'uuids', qos_rules: 'uuids', load_balancer: 'uuids', dns_records: 'uuids', other_config: 'map', external_ids: 'map' },
  Logical_Switch_Port: {
    name: 'text', type: 'text', options: 'map', addresses: 'texts', port_security: 'texts', up: 'boolean?', enabled: 'boolean?',
    parent_name: 'text?', tag: 'number?', dhcpv4_options: 'uuid?', dhcpv6_options: 'uuid?', external_ids: 'map',
  },
  Logical_Router: { name: 'text', ports: 'uuids', static_routes: 'uuids', policies: 'uuids', nat: 'uuids', load_balancer: 'uuids', enabled: 'boolean?', options: 'map', external_ids: 'map' },
  Logical_Router_Port: {
    name: 'text', mac: 'text', networks: 'texts', enabled: 'boolean?', ipv6_ra_configs: 'map', gateway_chassis: 'uuids', external_ids: 'map',
  },
  Logical_Router_Static_Route: { ip_prefix: 'text', nexthop: 'text', output_port: 'text?', bfd: 'uuid?', external_ids: 'map' },
  Logical_Router_Policy: { priority: 'number', match: 'text', action: 'text', external_ids: 'map' },
  BFD: { logical_port: 'text', dst_ip: 'text', external_ids: 'map' },
  Gateway_Chassis: { name: 'text', chassis_name: 'text', priority: 'number', external_ids: 'map' },
  NAT: { type: 'text', external_ip: 'text', logical_ip: 'text', external_mac: 'text?', logical_port: 'text?', gateway_port: 'uuid?', options: 'map', external_ids: 'map' },
  Load_Balancer: { name: 'text', vips: 'map', protocol: 'text?', external_ids: 'map' },
  Port_Group: { name: 'text', ports: 'uuids', acls: 'uuids', external_ids: 'map' },
  ACL: { direction: 'text', priority: 'number', match: 'text', action: 'text', log: 'boolean', name: 'text?', severity: 'text?', meter: 'text?', external_ids: 'map' },
  Meter: { name: 'text', unit: 'text', fair: 'boolean?', bands: 'uuids', external_ids: 'map' },
  Meter_Band: { action: 'text', rate: 'number', burst_size: 'number', external_ids: 'map' },
  QoS: { direction: 'text', priority: 'number', match: 'text', action: 'numberMap', bandwidth: 'numberMap', external_ids: 'map' },
  DNS: { records: 'map', external_ids: 'map' },
  DHCP_Options: { cidr: 'text', options: 'map', external_ids: 'map' },
} as const;

export type Northbound = typeof NORTHBOUND;
export type Table = Exclude<keyof Northbound, 'NB_Global'>;
export type NorthboundRow<T extends Table = Table> = Row<Northbound[T]>;

/** Columns that hold other rows, one or many. What they should hold is said by the rows that are held, not by the one that holds. */
export const HOLDING: { [T in Table]?: Partial<Record<string, Table>> } = {
  Logical_Switch: { ports: 'Logical_Switch_Port', acls: 'ACL', qos_rules: 'QoS', load_balancer: 'Load_Balancer', dns_records: 'DNS' },
  Logical_Router: { ports: 'Logical_Router_Port', static_routes: 'Logical_Router_Static_Route', policies: 'Logical_Router_Policy', nat: 'NAT', load_balancer: 'Load_Balancer' },
  Logical_Router_Port: { gateway_chassis: 'Gateway_Chassis' },
  Logical_Router_Static_Route: { bfd: 'BFD' },
  NAT: { gateway_port: 'Logical_Router_Port' },
  Port_Group: { ports: 'Logical_Switch_Port', acls: 'ACL' },
  Meter: { bands: 'Meter_Band' },
};

/** Tables whose rows live without being held; rows of the others go when nothing holds them. */
export const ROOTS: ReadonlySet<Table> = new Set<Table>(['Logical_Switch', 'Logical_Router', 'Port_Group', 'DHCP_Options', 'Load_Balancer', 'DNS', 'Meter', 'BFD']);

const NAMED: ReadonlySet<Table> = new Set<Table>([
  'Logical_Switch', 'Logical_Switch_Port', 'Logical_Router', 'Logical_Router_Port', 'Gateway_Chassis', 'Port_Group', 'Load_Balancer', 'Meter',
]);

/** Written into a row's external_ids. */
export const TAG = {
  kind: 'intercloud:kind',
  id: 'intercloud:id',
  generation: 'intercloud:generation',
  /** What tells a row without a name from the others of its table. */
  row: 'intercloud:row',
  /** The network that a port of a switch or router is on. */
  network: 'intercloud:network',
  /** A port's subnets, by which it finds its DHCP options. */
  subnets: 'intercloud:subnets',
  /** On a port: versions of DHCP that are not answered on it. */
  quiet: 'intercloud:quiet',
  /** On a port's own DHCP options: what they are beyond the subnet's. */
  extra: 'intercloud:extra',
  /** On a switch: what router ports announce about it. */
  announced: 'intercloud:announced',
  /** On a router's policy: what it counts. */
  counter: 'intercloud:counter',
} as const;

/** What owns rows that belong to no resource: the rule that drops what no group allows. */
export type Owner = NetworkResourceRef | { kind: 'region'; id: 'defaults' };

export type Holder = { table: Table; key: string; column: string };

/** A row as it should be. Columns that it does not name are not ours. */
export type WantedRow = {
  [T in Table]: {
    table: T;
    /** The row's name, or what is written under `TAG.row`. */
    key: string;
    columns: Partial<Omit<NorthboundRow<T>, '_uuid'>>;
    heldBy: Holder[];
    /** Columns with the uuid of the first of these rows of DHCP_Options that exists. */
    dhcp?: { dhcpv4_options: string[]; dhcpv6_options: string[] };
  };
}[Table];

/** A resource's rows; the first of them stands for it. */
export type Projected = { owner: Owner; generation: number; rows: WantedRow[] };

export function keyOf(table: Table, row: NorthboundRow): string | undefined {
  return NAMED.has(table) && 'name' in row ? (row.name ?? undefined) : row.external_ids[TAG.row];
}

export function isNamed(table: Table): boolean {
  return NAMED.has(table);
}

// Names of rows, where one resource's projection refers to another's

export function switchName(networkId: string): string {
  return `network-${networkId}`;
}

export function routerName(routerId: string): string {
  return `router-${routerId}`;
}

export function routerPortName(portId: string): string {
  return `router-port-${portId}`;
}

/** The logical port of a network at which each host's metadata service is plugged in. */
export function servicePortName(networkId: string): string {
  return `service-${networkId}`;
}

/** Also the stem of the address sets that OVN makes of a group's members: `$<name>_ip4`, `$<name>_ip6`. */
export function portGroupName(securityGroupId: string): string {
  return `group_${securityGroupId.replace(/[^A-Za-z0-9]/g, '_')}`;
}
