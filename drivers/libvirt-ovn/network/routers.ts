/** A router: its ports and their peers on the switches, its routes, and the address that its networks share outside. */
import { DriverError, gatewayOrder, type FloatingIpSpec, type PortForwardingSpec, type RouterSpec, type WayOut } from '../../driver.ts';
import { address, cidr, mac, networkOf, versionOf } from './addresses.ts';
import { counterRows } from './traffic.ts';
import type { Announced } from './networks.ts';
import { routerName, routerPortName, switchName, TAG, type WantedRow } from './northbound.ts';
import { qosRows } from './qos.ts';

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
  if (router.gateway) {
    rows.push(...qosRows(router.gateway.qos, { key: router.gateway.portId, portId: router.gateway.portId, networkId: router.gateway.networkId }));
    [router.gateway, ...(router.otherGateways ?? [])].forEach((way, place) => rows.push(...gatewayRows(router, way, { gatewayHosts, place }), ...counterRows(router, way)));
  }
  if (router.gateway) for (const proxied of router.proxied ?? []) rows.push(proxyRow(router.id, proxied));
  for (const { destination, nextHop } of router.routes) {
    const { version } = cidr(destination);
    if (versionOf(address(nextHop)) !== version) throw new DriverError('invalid', `${destination} cannot be reached by ${nextHop}`);
    rows.push(routeRow(router.id, networkOf(destination), nextHop, null));
  }
  return rows;
}

/** Translated into itself: OVN answers outside for what it translates, where the way out is. Without conntrack, which would take an answer for the first packet of a connection. */
function proxyRow(routerId: string, proxied: string): WantedRow {
  return {
    table: 'NAT',
    key: `proxy/${routerId}/${address(proxied)}`,
    columns: { type: 'dnat_and_snat', external_ip: address(proxied), logical_ip: address(proxied), external_mac: null, logical_port: null, options: { stateless: 'true' }, external_ids: {} },
    heldBy: [{ table: 'Logical_Router', key: routerName(routerId), column: 'nat' }],
  };
}

export function floatingIpRows(floating: FloatingIpSpec): WantedRow[] {
  const rows = limitRows(floating);
  if (floating.internalAddress === null) return rows;
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
        external_ids: { 'intercloud:port': floating.portId ?? '' },
      },
      heldBy: [{ table: 'Logical_Router', key: routerName(floating.routerId), column: 'nat' }],
    },
    ...rows,
  ];
}

/** Where the address is translated, on the host of the router's way out alone; that port (`cr-`) is OVN's own. */
function limitRows({ id, externalAddress, qos }: FloatingIpSpec): WantedRow[] {
  if (!qos) return [];
  const here = `is_chassis_resident("cr-${routerPortName(qos.gatewayPortId)}")`;
  const only = { egress: `ip4.src == ${address(externalAddress)} && ${here}`, ingress: `ip4.dst == ${address(externalAddress)} && ${here}` };
  return qosRows(qos, { key: `floating-ip/${id}`, portId: qos.gatewayPortId, networkId: qos.networkId, only });
}

/** Balanced over one: where the router's gateway is for who comes from outside, on the guest's own switch for who is inside. */
export function portForwardingRows(forwarding: PortForwardingSpec): WantedRow[] {
  const name = `forwarding-${forwarding.id}`;
  const { externalPorts, internalPorts } = forwarding;
  const ports = [externalPorts.first, externalPorts.last, internalPorts.first, internalPorts.last];
  if (ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535)) throw new DriverError('invalid', `${ports.join(', ')} are no ports`);
  const [outside, inside] = [address(forwarding.externalAddress), address(forwarding.internalAddress)];
  const moving = internalPorts.last > internalPorts.first ? 1 : 0;
  const vips: Record<string, string> = {};
  for (let step = 0; step <= externalPorts.last - externalPorts.first; step++) vips[`${outside}:${externalPorts.first + step}`] = `${inside}:${internalPorts.first + moving * step}`;
  return [
    {
      table: 'Load_Balancer',
      key: name,
      columns: { name, vips, protocol: forwarding.protocol, external_ids: {} },
      heldBy: [
        { table: 'Logical_Router', key: routerName(forwarding.routerId), column: 'load_balancer' },
        ...forwarding.networkIds.map((id) => ({ table: 'Logical_Switch', key: switchName(id), column: 'load_balancer' }) as const),
      ],
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

/** `place`: the first, 0, is the router's own. */
function gatewayRows(router: RouterSpec, gateway: WayOut, { gatewayHosts, place }: { gatewayHosts: readonly string[]; place: number }): WantedRow[] {
  const portName = routerPortName(gateway.portId);
  const outside = gateway.addresses.map((text) => cidr(text)).find(({ version }) => version === 4);
  const inside = router.gateway?.snat && outside ? [...new Set(router.interfaces.flatMap((port) => port.addresses).filter((text) => versionOf(text) === 4).map(networkOf))] : [];
  const keyOfNat = (network: string) => (place === 0 ? `snat/${router.id}/${network}` : `snat/${router.id}/${gateway.portId}/${network}`);
  const rows = portRows(router, gateway, gateway.addresses.map(writtenInterface), { ipv6_ra_configs: {}, external_ids: {} }, {
    // The gateway's host tells the physical network where the router's addresses are now.
    'nat-addresses': 'router',
  });
  // With several ways out OVN looks for the one that has the outer address, and of two on one network takes either: it is told.
  if (router.otherGateways) rows[0]!.heldBy.push(...inside.map((network) => ({ table: 'NAT', key: keyOfNat(network), column: 'gateway_port' }) as const));
  const allowed = (router.gatewayHosts ?? gatewayHosts).filter((host) => gatewayHosts.includes(host));
  (router.inOrder ? allowed : gatewayOrder(allowed, place === 0 ? router.id : gateway.portId)).slice(0, router.ha === false ? 1 : undefined).forEach((host, at) =>
    rows.push({
      table: 'Gateway_Chassis',
      key: `${portName}_${host}`,
      columns: { name: `${portName}_${host}`, chassis_name: host, priority: Math.max(1, 100 - at), external_ids: {} },
      heldBy: [{ table: 'Logical_Router_Port', key: portName, column: 'gateway_chassis' }],
    }),
  );
  if (place === 0 || router.ecmp) for (const nextHop of gateway.nextHops) rows.push(...wayRows(router, portName, nextHop, place));
  for (const network of inside)
    rows.push({
      table: 'NAT',
      key: keyOfNat(network),
      columns: { type: 'snat', external_ip: outside!.address, logical_ip: network, external_mac: null, logical_port: null, external_ids: {} },
      heldBy: [{ table: 'Logical_Router', key: routerName(router.id), column: 'nat' }],
    });
  return rows;
}

/** Routes of one destination by several hops are taken by turns (ovn-nb(5)); one whose BFD is down is taken by nobody. */
function wayRows(router: RouterSpec, portName: string, nextHop: string, place: number): WantedRow[] {
  const route = routeRow(router.id, versionOf(address(nextHop)) === 4 ? '0.0.0.0/0' : '::/0', nextHop, portName, place === 0 ? '' : `/${portName}`);
  if (!router.bfd) return [route];
  return [
    route,
    {
      table: 'BFD',
      key: `bfd/${portName}/${nextHop}`,
      columns: { logical_port: portName, dst_ip: address(nextHop), external_ids: {} },
      heldBy: [{ table: 'Logical_Router_Static_Route', key: route.key, column: 'bfd' }],
    },
  ];
}

function routeRow(routerId: string, destination: string, nextHop: string, outputPort: string | null, besides = ''): WantedRow {
  return {
    table: 'Logical_Router_Static_Route',
    key: `route/${routerId}/${destination}/${nextHop}${besides}`,
    columns: { ip_prefix: destination, nexthop: nextHop, output_port: outputPort, external_ids: {} },
    heldBy: [{ table: 'Logical_Router', key: routerName(routerId), column: 'static_routes' }],
  };
}

function writtenInterface(text: string): string {
  const { address: host, prefix } = cidr(text);
  return `${host}/${prefix}`;
}
