/** A port: where a guest is plugged in, the addresses that it may use, and the groups that guard it. */
import { DriverError, type PortSpec } from '../../driver.ts';
import { address, cidr, mac, reverseName } from './addresses.ts';
import { portDhcp, type LeaseOf } from './dhcp.ts';
import { portGroupName, switchName, TAG, type Holder, type WantedRow } from './northbound.ts';
import { qosRows } from './qos.ts';
import { GUARDED } from './security-groups.ts';

/** `leaseOf` knows what each subnet tells its guests. */
export function portRows(port: PortSpec, { leaseOf }: { leaseOf: LeaseOf }): WantedRow[] {
  const own = mac(port.mac);
  const localIps = port.localIps ?? [];
  const taken = new Set(port.takenAddresses);
  const answered = [...port.addresses.map((fixed) => fixed.address).filter((each) => !taken.has(each)), ...localIps.map((local) => local.address)];
  const addresses = [[own, ...answered.map((each) => address(each))].join(' ')];
  const pairs = port.allowedAddressPairs.map((pair) => ({ mac: mac(pair.mac), address: writtenPair(pair.address) }));
  // A switch learns the addresses of a port that may use others than it was given, and then answers for none itself: for what is translated nobody else would.
  const translated = localIps.some(({ translatedTo }) => translatedTo !== null);
  if (!translated && (!port.portSecurity || pairs.some((pair) => pair.mac !== own))) addresses.push('unknown');
  const subnetIds = [...new Set(port.addresses.map((fixed) => fixed.subnetId))];
  const dhcp = portDhcp(port, subnetIds, leaseOf);
  const groups = port.portSecurity ? [GUARDED, ...port.securityGroups.map(portGroupName)] : [];
  return [
    {
      table: 'Logical_Switch_Port',
      key: port.id,
      columns: {
        name: port.id,
        type: '',
        addresses,
        port_security: port.portSecurity ? allowed(own, port.addresses.map((fixed) => fixed.address), pairs) : [],
        enabled: port.adminUp,
        parent_name: port.trunk?.parentId ?? null,
        tag: port.trunk ? vlan(port.trunk.tag) : null,
        options: bindingOptions(port),
        external_ids: { [TAG.network]: port.networkId, [TAG.subnets]: subnetIds.join(' '), ...(dhcp.quiet !== '' && { [TAG.quiet]: dhcp.quiet }) },
      },
      heldBy: [
        { table: 'Logical_Switch', key: switchName(port.networkId), column: 'ports' },
        ...[...new Set(groups)].map((key): Holder => ({ table: 'Port_Group', key, column: 'ports' })),
      ],
      dhcp: dhcp.keys,
    },
    ...dhcp.rows,
    ...dnsRows(port),
    ...localIpRows(port),
    ...qosRows(port.qos, { key: port.id, portId: port.id, networkId: port.networkId }),
  ];
}

/** neutron/plugins/ml2/drivers/ovn: the first is in force, and another opens when its guest announces itself there. */
function bindingOptions({ hostId, otherHosts = [] }: PortSpec): Record<string, string> {
  if (hostId === null) return {};
  if ([hostId, ...otherHosts].some((host) => host.includes(','))) throw new DriverError('invalid', `${hostId} is no host`);
  return { 'requested-chassis': [hostId, ...otherHosts].join(','), ...(otherHosts.length > 0 && { 'activation-strategy': 'rarp' }) };
}

function dnsRows(port: PortSpec): WantedRow[] {
  const [whole] = port.dnsNames ?? [];
  if (whole === undefined || port.addresses.length === 0) return [];
  const addresses = port.addresses.map((fixed) => address(fixed.address));
  const records = Object.fromEntries([...(port.dnsNames ?? []).map((name) => [label(name), addresses.join(' ')]), ...addresses.map((each) => [reverseName(each), label(whole)])]) as Record<string, string>;
  return [{ table: 'DNS', key: `port/${port.id}`, columns: { records, external_ids: {} }, heldBy: [{ table: 'Logical_Switch', key: switchName(port.networkId), column: 'dns_records' }] }];
}

/** Balanced over one: whoever asks for the address is told the port's MAC address, and what he sends there is translated on his side. */
function localIpRows({ id, networkId, localIps = [] }: PortSpec): WantedRow[] {
  return localIps.flatMap((local): WantedRow[] => {
    if (local.translatedTo === null) return [];
    const name = `local-ip-${id}-${address(local.address)}`;
    return [{ table: 'Load_Balancer', key: name, columns: { name, vips: { [address(local.address)]: address(local.translatedTo) }, external_ids: {} }, heldBy: [{ table: 'Logical_Switch', key: switchName(networkId), column: 'load_balancer' }] }];
  });
}

function label(name: string): string {
  if (!/^[a-z0-9.-]{1,253}$/.test(name)) throw new DriverError('invalid', `${JSON.stringify(name)} is no name`);
  return name;
}

function vlan(tag: number): number {
  if (!Number.isInteger(tag) || tag < 1 || tag > 4094) throw new DriverError('invalid', `${tag} is no VLAN`);
  return tag;
}

function allowed(own: string, fixed: string[], pairs: { mac: string; address: string }[]): string[] {
  const byMac = new Map<string, Set<string>>([[own, new Set(fixed)]]);
  for (const pair of pairs) byMac.set(pair.mac, (byMac.get(pair.mac) ?? new Set()).add(pair.address));
  return [...byMac].map(([from, addresses]) => [from, ...addresses].join(' '));
}

function writtenPair(text: string): string {
  const { address: host, prefix, version } = cidr(text);
  return prefix === (version === 4 ? 32 : 128) ? host : `${host}/${prefix}`;
}
