/** What one port is told by DHCP: its subnet's options, and its own before them. */
import { DriverError, type PortSpec } from '../../driver.ts';
import { address } from './addresses.ts';
import { dhcpKeys } from './networks.ts';
import { TAG, type WantedRow } from './northbound.ts';

/** The subnet's options, when its DHCP is answered. */
export type Lease = { cidr: string; options: Record<string, string> };
export type LeaseOf = (key: string) => Lease | undefined;

type Version = 4 | 6;
type Extra = Record<string, string>;

/** Where ovn-nb(5) has another word than Neutron. */
const WORDS: Record<string, string> = { 'arp-timeout': 'arp_cache_timeout', 'tcp-keepalive': 'tcp_keepalive_interval', 'server-ip-address': 'next_server' };
const QUOTED = new Set(['domain_name', 'domain_search', 'domain_search_list', 'bootfile_name', 'bootfile_name_alt', 'path_prefix', 'wpad', 'tftp_server']);

/** Rows of the port's own, and the keys of those that it is led by. */
export function portDhcp(port: PortSpec, subnetIds: readonly string[], leaseOf: LeaseOf): { rows: WantedRow[]; keys: { dhcpv4_options: string[]; dhcpv6_options: string[] }; quiet: string } {
  const rows: WantedRow[] = [];
  const quiet = new Set<Version>();
  const keysOf = (version: Version): string[] => {
    const options = (port.dhcpOptions ?? []).filter((option) => option.version === version);
    if (options.some(({ name, value }) => name === 'dhcp_disabled' && /^(true|1)$/i.test(value))) {
      quiet.add(version);
      return [];
    }
    const extra = Object.fromEntries(options.filter(({ name }) => name !== 'dhcp_disabled').map((option) => written(option)));
    if (Object.keys(extra).length === 0) return dhcpKeys(subnetIds, version);
    const lease = firstLease(subnetIds, version, leaseOf);
    rows.push({
      table: 'DHCP_Options',
      key: ownKey(port.id, version),
      columns: { ...ownColumns(extra, lease, port, version), external_ids: { [TAG.network]: port.networkId, [TAG.subnets]: subnetIds.join(' '), [TAG.extra]: JSON.stringify(extra) } },
      heldBy: [],
    });
    return lease ? [ownKey(port.id, version)] : [];
  };
  const keys = { dhcpv4_options: keysOf(4), dhcpv6_options: keysOf(6) };
  return { rows, keys, quiet: [...quiet].join(' ') };
}

export function ownKey(portId: string, version: Version): string {
  return `dhcp${version}/port/${portId}`;
}

export function firstLease(subnetIds: readonly string[], version: Version, leaseOf: LeaseOf): Lease | undefined {
  return dhcpKeys(subnetIds, version).map(leaseOf).find((lease) => lease !== undefined);
}

/** Without an answering subnet nothing is led by them; they stay for when there is one. */
export function merged(extra: Extra, lease: Lease | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries({ ...lease?.options, ...extra }).filter(([, value]) => value !== ''));
}

function ownColumns(extra: Extra, lease: Lease | undefined, port: PortSpec, version: Version): Lease {
  const own = port.addresses.find((fixed) => fixed.address.includes(':') === (version === 6))?.address ?? (version === 4 ? '0.0.0.0' : '::');
  return { cidr: lease?.cidr ?? `${address(own)}/${version === 4 ? 32 : 128}`, options: merged(extra, lease) };
}

function written({ version, name, value }: { version: Version; name: string; value: string }): [string, string] {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(name) || /[\n"\\]/.test(value.replace(/^"(.*)"$/, '$1'))) throw new DriverError('invalid', `${JSON.stringify(name)} is no DHCP option with ${JSON.stringify(value)}`);
  const word = name === 'domain-search' ? (version === 4 ? 'domain_search_list' : 'domain_search') : (WORDS[name] ?? name.replaceAll('-', '_'));
  const bare = value.replace(/^"(.*)"$/, '$1');
  if (bare === '') return [word, ''];
  if (QUOTED.has(word)) return [word, `"${bare}"`];
  const many = value.includes(',') && !value.startsWith('{');
  return [word, many || (word.endsWith('classless_static_route') && !value.startsWith('{')) ? `{${value}}` : value];
}
