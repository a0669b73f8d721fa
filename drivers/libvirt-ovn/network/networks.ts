/** A network: a switch, its DHCP options, its bridge to a physical network and its service port. */
import { createHash } from 'node:crypto';
import { DriverError, type NetworkSpec, type SubnetSpec } from '../../driver.ts';
import { address, cidr, mac, networkOf, versionOf } from './addresses.ts';
import { servicePortName, switchName, TAG, type WantedRow } from './northbound.ts';

export const METADATA_ADDRESS = '169.254.169.254';
const LEASE_SECONDS = '86400'; // neutron/conf/common.py, dhcp_lease_duration

/** What router ports announce about a network to its guests; written on its switch, so that a router alone can be projected. */
export type Announced = { mtu: number; subnets6: ({ cidr: string } & Pick<SubnetSpec, 'dhcp' | 'ipv6Mode'>)[] };

export function networkRows(network: NetworkSpec): WantedRow[] {
  const name = switchName(network.id);
  const ports = { table: 'Logical_Switch', key: name, column: 'ports' } as const;
  const rows: WantedRow[] = [
    {
      table: 'Logical_Switch',
      key: name,
      columns: { name, other_config: { ...(network.tunnel && { 'requested-tnl-key': String(network.tunnel) }), ...(network.vlanTransparent && { 'vlan-passthru': 'true' }) }, external_ids: { [TAG.announced]: JSON.stringify(announced(network)) } },
      heldBy: [],
    },
  ];
  // As neutron has it: a port of the switch for each, and a host has those whose physical network it has.
  for (const { physicalNetwork, vlan, key } of placesOf(network))
    rows.push({
      table: 'Logical_Switch_Port',
      key,
      columns: { name: key, type: 'localnet', tag: vlan, addresses: ['unknown'], port_security: [], enabled: true, options: { network_name: physicalNetwork }, external_ids: {} },
      heldBy: [ports],
    });
  if (network.servicePort)
    rows.push({
      table: 'Logical_Switch_Port',
      key: servicePortName(network.id),
      columns: {
        name: servicePortName(network.id), type: 'localport', port_security: [], enabled: true, options: {}, external_ids: {},
        addresses: [[mac(network.servicePort.mac), ...network.servicePort.addresses.map((fixed) => address(fixed.address))].join(' ')],
      },
      heldBy: [ports],
    });
  for (const subnet of network.subnets) if (subnet.dhcp && subnet.ipv6Mode !== 'slaac') rows.push(dhcpRow(network, subnet));
  if (!network.adminUp)
    for (const direction of ['from-lport', 'to-lport'])
      rows.push({
        table: 'ACL',
        key: `network-down/${network.id}/${direction}`,
        columns: { direction, priority: 32_767, match: '1', action: 'drop', external_ids: {} },
        heldBy: [{ table: 'Logical_Switch', key: name, column: 'acls' }],
      });
  return rows;
}

function placesOf({ id, physicalNetwork, vlan = null, otherPlaces = [] }: NetworkSpec): { physicalNetwork: string; vlan: number | null; key: string }[] {
  if (physicalNetwork === null) return [];
  const others = otherPlaces.map((place) => ({ ...place, key: `physical-${id}-${place.physicalNetwork}-${place.vlan ?? 0}` }));
  return [{ physicalNetwork, vlan, key: `physical-${id}` }, ...others];
}

export function announced(network: NetworkSpec): Announced {
  const subnets6 = network.subnets.filter((subnet) => subnet.version === 6);
  return { mtu: network.mtu, subnets6: subnets6.map((subnet) => ({ cidr: networkOf(subnet.cidr), dhcp: subnet.dhcp, ...(subnet.ipv6Mode && { ipv6Mode: subnet.ipv6Mode }) })) };
}

/** Keys of the rows in DHCP_Options that ports on these subnets may use. */
export function dhcpKeys(subnetIds: readonly string[], version: 4 | 6): string[] {
  return subnetIds.map((id) => `dhcp${version}/${id}`);
}

function dhcpRow(network: NetworkSpec, subnet: SubnetSpec): WantedRow {
  const range = cidr(subnet.cidr, subnet.version);
  const serverMac = network.servicePort ? mac(network.servicePort.mac) : inventedMac(network.id);
  const options = subnet.version === 4 ? optionsV4(network, subnet, serverMac, range.address) : optionsV6(network, subnet, serverMac);
  return {
    table: 'DHCP_Options',
    key: `dhcp${subnet.version}/${subnet.id}`,
    columns: { cidr: networkOf(subnet.cidr), options, external_ids: {} },
    heldBy: [],
  };
}

function optionsV4(network: NetworkSpec, subnet: SubnetSpec, serverMac: string, fallback: string): Record<string, string> {
  const service = network.servicePort?.addresses.find((fixed) => fixed.subnetId === subnet.id)?.address;
  const gateway = subnet.gateway;
  const routes: string[] = [];
  if (service) routes.push(`${METADATA_ADDRESS}/32,${address(service)}`);
  for (const route of subnet.hostRoutes) routes.push(`${networkOf(route.destination)},${address(route.nextHop)}`);
  // A client that is told classless routes does not look at the router option (RFC 3442).
  if (gateway && routes.length > 0) routes.push(`0.0.0.0/0,${address(gateway)}`);
  return {
    server_id: address(service ?? gateway ?? fallback),
    server_mac: serverMac,
    lease_time: LEASE_SECONDS,
    mtu: String(network.mtu),
    ...(gateway && { router: address(gateway) }),
    ...(network.domain && { domain_name: `"${domain(network.domain)}"` }),
    ...(subnet.dnsServers.length > 0 && { dns_server: `{${subnet.dnsServers.map((server) => addressV(server, 4)).join(', ')}}` }),
    ...(routes.length > 0 && { classless_static_route: `{${routes.join(', ')}}` }),
  };
}

function optionsV6(network: NetworkSpec, subnet: SubnetSpec, serverMac: string): Record<string, string> {
  return {
    server_id: serverMac,
    // Only what is not in the announcement; the address is the guest's own.
    ...(network.domain && { domain_search: `"${domain(network.domain)}"` }),
    ...(subnet.ipv6Mode === 'dhcpv6-stateless' && { dhcpv6_stateless: 'true' }),
    ...(subnet.dnsServers.length > 0 && { dns_server: `{${subnet.dnsServers.map((server) => addressV(server, 6)).join(', ')}}` }),
  };
}

function domain(name: string): string {
  if (!/^[a-z0-9.-]{1,253}$/.test(name)) throw new DriverError('invalid', `${JSON.stringify(name)} is no domain`);
  return name;
}

function addressV(text: string, version: 4 | 6): string {
  if (versionOf(address(text)) !== version) throw new DriverError('invalid', `${text} is no IPv${version} address`);
  return text;
}

/** OVN answers DHCP in the name of some MAC address; without a service port any that no port has will do. */
function inventedMac(networkId: string): string {
  const digits = createHash('sha256').update(networkId).digest('hex').slice(0, 10);
  return `02:${digits.match(/../g)?.join(':')}`;
}
