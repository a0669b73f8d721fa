/** A router: its ports and their peers on the switches, its routes, and the address that its networks share outside. */
import { createHash } from 'node:crypto';
import { DriverError, type FloatingIpSpec, type RouterSpec } from '../../driver.ts';
import { address, cidr, mac, networkOf, versionOf } from './addresses.ts';
import type { Announced } from './networks.ts';
import { routerName, routerPortName, switchName, TAG, type WantedRow } from './northbound.ts';

/** `announcedBy` knows what each interface's network says of itself; `gatewayHosts` are those that reach the physical networks. */
export function routerRows(
  router: RouterSpec,
  { announcedBy, gatewayHosts }: { announcedBy: (networkId: string) => Announced | undefined; gatewayHosts: readonly string[] },
): WantedRow[] {
  const name = routerName(router.id);
  const rows: WantedRow[] = [
    {
      table: 'Logical_Router',
      key: name,
      columns: {
        name,
        enabled: router.adminUp,
        // A router that learns only what it asked for cannot be filled with what guests say (neutron, ovn_client.py, create_router).
        options: { always_learn_from_arp_request: 'false', dynamic_neigh_routers: 'true' },
        external_ids: {},
      },
      heldBy: [],
    },
  ];
  for (const port of router.interfaces) {
    const networks = port.addresses.map(writtenInterface);
    rows.push(...portRows(router, port, networks, {
      ipv6_ra_configs: announcements(announcedBy(port.networkId), networks),
      external_ids: { [TAG.network]: port.networkId },
    }, {}));
  }
  if (router.gateway) rows.push(...gatewayRows(router, router.gateway, gatewayHosts));
  for (const { destination, nextHop } of router.routes) {
    const { version } = cidr(destination);
    if (versionOf(address(nextHop)) !== version) throw new DriverError('invalid', `${destination} cannot be reached by ${nextHop}`);
    rows.push(routeRow(router.id, networkOf(destination), nextHop, null));
  }
  return rows;
}

export function floatingIpRows(floating: FloatingIpSpec): WantedRow[] {
  return [
    {
      table: 'NAT',
      key: `floating-ip/${floating.id}`,
      columns: {
        type: 'dnat_and_snat',
        external_ip: address(floating.externalAddress),
        logical_ip: address(floating.internalAddress),
        // Translated where the router's gateway is: it needs no bridge to the physical network on the guest's host.
        external_mac: null,
        logical_port: null,
        external_ids: { 'intercloud:port': floating.portId },
      },
      heldBy: [{ table: 'Logical_Router', key: routerName(floating.routerId), column: 'nat' }],
    },
  ];
}

/** What a router port says in its router advertisements; nothing without an IPv6 address (RFC 4861). */
export function announcements(network: Announced | undefined, networks: string[]): Record<string, string> {
  const subnets = networks.filter((text) => versionOf(text) === 6).map(networkOf);
  if (subnets.length === 0) return {};
  const known = network?.subnets6.filter((subnet) => subnets.includes(subnet.cidr)) ?? [];
  return {
    send_periodic: 'true',
    address_mode: known.find((subnet) => subnet.ipv6Mode)?.ipv6Mode?.replace('-', '_') ?? (known.some((subnet) => subnet.dhcp) ? 'dhcpv6_stateful' : 'slaac'),
    ...(network && { mtu: String(network.mtu) }),
  };
}

type RouterPort = RouterSpec['interfaces'][number];
type RouterPortColumns = { ipv6_ra_configs: Record<string, string>; external_ids: Record<string, string> };

function portRows(
  router: RouterSpec,
  port: Pick<RouterPort, 'portId' | 'networkId' | 'mac'>,
  networks: string[],
  columns: RouterPortColumns,
  options: Record<string, string>,
): WantedRow[] {
  const name = routerPortName(port.portId);
  if (networks.length === 0) throw new DriverError('invalid', `The router port ${port.portId} has no address`);
  return [
    {
      table: 'Logical_Router_Port',
      key: name,
      columns: { name, mac: mac(port.mac), networks, enabled: router.adminUp, ...columns },
      heldBy: [{ table: 'Logical_Router', key: routerName(router.id), column: 'ports' }],
    },
    {
      table: 'Logical_Switch_Port',
      key: port.portId,
      columns: {
        name: port.portId, type: 'router', addresses: ['router'], port_security: [], enabled: true,
        options: { 'router-port': name, ...options }, external_ids: {},
      },
      heldBy: [{ table: 'Logical_Switch', key: switchName(port.networkId), column: 'ports' }],
    },
  ];
}

function gatewayRows(router: RouterSpec, gateway: NonNullable<RouterSpec['gateway']>, gatewayHosts: readonly string[]): WantedRow[] {
  const portName = routerPortName(gateway.portId);
  const rows = portRows(router, gateway, gateway.addresses.map(writtenInterface), { ipv6_ra_configs: {}, external_ids: {} }, {
    // The gateway's host tells the physical network where the router's addresses are now.
    'nat-addresses': 'router',
  });
  ordered(gatewayHosts, router.id).forEach((host, place) =>
    rows.push({
      table: 'Gateway_Chassis',
      key: `${portName}_${host}`,
      columns: { name: `${portName}_${host}`, chassis_name: host, priority: Math.max(1, 100 - place), external_ids: {} },
      heldBy: [{ table: 'Logical_Router_Port', key: portName, column: 'gateway_chassis' }],
    }),
  );
  for (const nextHop of gateway.nextHops)
    rows.push(routeRow(router.id, versionOf(address(nextHop)) === 4 ? '0.0.0.0/0' : '::/0', nextHop, portName));
  const outside = gateway.addresses.map((text) => cidr(text)).find(({ version }) => version === 4);
  if (gateway.snat && outside) {
    const inside = new Set(router.interfaces.flatMap((port) => port.addresses).filter((text) => versionOf(text) === 4).map(networkOf));
    for (const network of inside)
      rows.push({
        table: 'NAT',
        key: `snat/${router.id}/${network}`,
        columns: { type: 'snat', external_ip: outside.address, logical_ip: network, external_mac: null, logical_port: null, external_ids: {} },
        heldBy: [{ table: 'Logical_Router', key: routerName(router.id), column: 'nat' }],
      });
  }
  return rows;
}

function routeRow(routerId: string, destination: string, nextHop: string, outputPort: string | null): WantedRow {
  return {
    table: 'Logical_Router_Static_Route',
    key: `route/${routerId}/${destination}/${nextHop}`,
    columns: { ip_prefix: destination, nexthop: nextHop, output_port: outputPort, external_ids: {} },
    heldBy: [{ table: 'Logical_Router', key: routerName(routerId), column: 'static_routes' }],
  };
}

function writtenInterface(text: string): string {
  const { address: host, prefix } = cidr(text);
  return `${host}/${prefix}`;
}

/** Every router prefers another host, and the same one whoever asks. */
function ordered(hosts: readonly string[], routerId: string): string[] {
  const weight = (host: string): string => createHash('sha256').update(`${routerId} ${host}`).digest('hex');
  return [...hosts].sort((a, b) => (weight(a) < weight(b) ? -1 : 1)).slice(0, 5);
}
