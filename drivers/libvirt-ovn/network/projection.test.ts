import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkSpec, RouterSpec, SecurityGroupSpec } from '../../driver.ts';
import { networkOf } from './addresses.ts';
import { networkRows } from './networks.ts';
import { portRows } from './ports.ts';
import { floatingIpRows, routerRows } from './routers.ts';
import { matchOf } from './security-groups.ts';
import type { Table, WantedRow } from './northbound.ts';

type Rule = SecurityGroupSpec['rules'][number];
const rule = (more: Partial<Rule>): Rule => ({
  id: 'r', direction: 'ingress', version: 4, protocol: null, portMin: null, portMax: null, remote: { kind: 'any' }, ...more,
});
const of = (rows: WantedRow[], table: Table): Record<string, unknown>[] => rows.filter((row) => row.table === table).map(({ columns }) => ({ ...columns }));

test('rules are said as OVN says them', () => {
  const says = (more: Partial<Rule>): string => matchOf('g', rule(more));
  assert.deepEqual(
    [
      says({}), says({ direction: 'egress', version: 6 }),
      says({ protocol: 'tcp', portMin: 22, portMax: 22 }), says({ protocol: '17', portMin: 1, portMax: 9 }), says({ protocol: 'sctp' }),
      says({ protocol: 'icmp', portMin: 8, portMax: 0 }), says({ version: 6, protocol: 'ipv6-icmp', portMin: 128 }), says({ version: 6, protocol: 'icmp' }),
      says({ protocol: 'gre' }), says({ protocol: '89' }), says({ protocol: 'any' }),
      says({ remote: { kind: 'cidr', cidr: '10.1.2.3/16' } }), says({ direction: 'egress', version: 6, remote: { kind: 'cidr', cidr: 'fd00:0:0::1/32' } }),
      says({ remote: { kind: 'cidr', cidr: '0.0.0.0/0' } }), says({ remote: { kind: 'group', id: 'a-b' } }),
      says({ direction: 'egress', version: 6, remote: { kind: 'group', id: 'a-b' } }),
    ],
    [
      'outport == @g && ip4', 'inport == @g && ip6',
      'outport == @g && ip4 && tcp && tcp.dst == 22', 'outport == @g && ip4 && udp && udp.dst >= 1 && udp.dst <= 9', 'outport == @g && ip4 && sctp',
      'outport == @g && ip4 && icmp4 && icmp4.type == 8 && icmp4.code == 0', 'outport == @g && ip6 && icmp6 && icmp6.type == 128', 'outport == @g && ip6 && icmp6',
      'outport == @g && ip4 && ip.proto == 47', 'outport == @g && ip4 && ip.proto == 89', 'outport == @g && ip4',
      'outport == @g && ip4 && ip4.src == 10.1.0.0/16', 'inport == @g && ip6 && ip6.dst == fd00::/32',
      'outport == @g && ip4', 'outport == @g && ip4 && ip4.src == $group_a_b_ip4',
      'inport == @g && ip6 && ip6.dst == $group_a_b_ip6',
    ],
  );
});

test('a rule that cannot be said is refused, never left out (ATTACKS 29)', () => {
  const impossible: Partial<Rule>[] = [
    { protocol: 'tcp || 1' }, { protocol: '256' }, { protocol: '-1' }, { protocol: 'gre', portMin: 1, portMax: 2 }, { portMin: 1, portMax: 2 },
    { protocol: 'tcp', portMin: 9, portMax: 1 }, { protocol: 'tcp', portMin: 1, portMax: 65_536 }, { protocol: 'tcp', portMin: 1.5, portMax: 2 },
    { protocol: 'icmp', portMin: 256 }, { remote: { kind: 'cidr', cidr: '10.0.0.0/33' } }, { remote: { kind: 'cidr', cidr: '10.0.0.0/' } },
    { remote: { kind: 'cidr', cidr: 'fd00::/8' } }, { version: 6, remote: { kind: 'cidr', cidr: '10.0.0.0/8' } },
    { remote: { kind: 'cidr', cidr: '0.0.0.0/0 || 1' } }, { remote: { kind: 'cidr', cidr: '' } }, { version: 6, remote: { kind: 'cidr', cidr: 'fe80::1%eth0/64' } },
  ];
  for (const more of impossible) assert.throws(() => matchOf('g', rule(more)), { kind: 'invalid' }, JSON.stringify(more));
});

test('networks are named by their first address', () => {
  assert.deepEqual(
    ['10.0.0.77/26', '10.0.0.1', '255.255.255.255/1', '0.0.0.0/0', 'fd00:1:2:3:4:5:6:7/64', '::1/128', '::ffff:10.0.0.1/120', '::/0', 'fd00::8000:0/97'].map(networkOf),
    ['10.0.0.64/26', '10.0.0.1/32', '128.0.0.0/1', '0.0.0.0/0', 'fd00:1:2:3::/64', '::1/128', '::ffff:a00:0/120', '::/0', 'fd00::8000:0/97'],
  );
});

const network: NetworkSpec = {
  kind: 'network', id: 'n', projectId: 'p', generation: 1, adminUp: true, mtu: 1442, physicalNetwork: null,
  subnets: [
    {
      id: 's4', version: 4, cidr: '10.0.0.0/24', gateway: '10.0.0.1', dhcp: true, dnsServers: ['9.9.9.9', '1.1.1.1'],
      hostRoutes: [{ destination: '10.8.0.0/16', nextHop: '10.0.0.8' }],
    },
    { id: 's6', version: 6, cidr: 'fd00::/64', gateway: 'fd00::1', dhcp: true, dnsServers: ['fd00::9'], hostRoutes: [] },
  ],
  servicePort: { mac: 'FA:16:3E:00:00:02', addresses: [{ subnetId: 's4', address: '10.0.0.2' }] },
};

test("a guest's lease says where the metadata, the other networks and the world are", () => {
  assert.deepEqual(of(networkRows(network), 'DHCP_Options').map(({ options }) => options), [
    {
      server_id: '10.0.0.2', server_mac: 'fa:16:3e:00:00:02', lease_time: '86400', mtu: '1442', router: '10.0.0.1', dns_server: '{9.9.9.9, 1.1.1.1}',
      classless_static_route: '{169.254.169.254/32,10.0.0.2, 10.8.0.0/16,10.0.0.8, 0.0.0.0/0,10.0.0.1}',
    },
    { server_id: 'fa:16:3e:00:00:02', dns_server: '{fd00::9}' },
  ]);
});

test('a name server or route with something behind it is no address (ATTACKS 32)', () => {
  const [subnet] = network.subnets;
  assert.ok(subnet);
  for (const bad of ['9.9.9.9}, router=1.1.1.1', '9.9.9.9\n', 'fd00::9', ''])
    assert.throws(() => networkRows({ ...network, subnets: [{ ...subnet, dnsServers: [bad] }] }), { kind: 'invalid' }, JSON.stringify(bad));
  assert.throws(
    () => networkRows({ ...network, subnets: [{ ...subnet, hostRoutes: [{ destination: '10.0.0.0/8', nextHop: '10.0.0.8}' }] }] }), { kind: 'invalid' },
  );
});

test('a port may use its addresses and the pairs that were allowed to it', () => {
  const port = {
    kind: 'port' as const, id: 'p', projectId: 'p', generation: 1, networkId: 'n', adminUp: true, mac: 'fa:16:3e:00:00:03',
    addresses: [{ subnetId: 's4', address: '10.0.0.3' }], portSecurity: true, securityGroups: [], hostId: null,
    allowedAddressPairs: [{ mac: 'fa:16:3e:00:00:03', address: '10.0.0.99' }, { mac: '00:00:5e:00:01:01', address: '10.1.0.0/16' }],
  };
  const [secured, open] = [portRows(port, { leaseOf: () => undefined }), portRows({ ...port, portSecurity: false, securityGroups: ['web'] }, { leaseOf: () => undefined })].map((rows) => rows[0]);
  assert.deepEqual(
    { security: secured?.columns['port_security' as never], addresses: secured?.columns['addresses' as never], groups: secured?.heldBy.slice(1).map(({ key }) => key) },
    {
      security: ['fa:16:3e:00:00:03 10.0.0.3 10.0.0.99', '00:00:5e:00:01:01 10.1.0.0/16'],
      addresses: ['fa:16:3e:00:00:03 10.0.0.3', 'unknown'], groups: ['guarded_ports'],
    },
  );
  assert.deepEqual({ security: open?.columns['port_security' as never], groups: open?.heldBy.slice(1) }, { security: [], groups: [] });
  const optionsOf = (more: Partial<typeof port> | { hostId: string; otherHosts?: string[] }) => of(portRows({ ...port, ...more }, { leaseOf: () => undefined }), 'Logical_Switch_Port')[0]?.['options'];
  assert.deepEqual([optionsOf({}), optionsOf({ hostId: 'h1' }), optionsOf({ hostId: 'h1', otherHosts: ['h2'] })], [{}, { 'requested-chassis': 'h1' }, { 'requested-chassis': 'h1,h2', 'activation-strategy': 'rarp' }]);
  assert.throws(() => optionsOf({ hostId: 'h1', otherHosts: ['h2,h3'] }), { kind: 'invalid' });
});

test('a router shares its outer address with every network inside, and announces those of IPv6', () => {
  const router: RouterSpec = {
    kind: 'router', id: 'r', projectId: 'p', generation: 1, adminUp: true,
    interfaces: [{ portId: 'i', networkId: 'n', mac: 'fa:16:3e:00:00:01', addresses: ['10.0.0.1/24', 'fd00::1/64'] }],
    gateway: { portId: 'g', networkId: 'x', mac: 'fa:16:3e:00:00:ff', addresses: ['192.0.2.5/24'], nextHops: ['192.0.2.1'], snat: true },
    routes: [{ destination: '10.7.0.9/16', nextHop: '10.0.0.7' }],
  };
  const rows = routerRows(router, { announcedBy: () => ({ mtu: 1400, subnets6: [{ cidr: 'fd00::/64', dhcp: false }] }), gatewayHosts: ['h1', 'h2'] });
  assert.deepEqual(of(rows, 'NAT').map((row) => [row['type'], row['external_ip'], row['logical_ip']]), [['snat', '192.0.2.5', '10.0.0.0/24']]);
  assert.deepEqual(of(rows, 'Logical_Router_Static_Route').map((row) => [row['ip_prefix'], row['nexthop'], row['output_port']]), [
    ['0.0.0.0/0', '192.0.2.1', 'router-port-g'], ['10.7.0.0/16', '10.0.0.7', null],
  ]);
  assert.deepEqual(of(rows, 'Logical_Router_Port').map((row) => row['ipv6_ra_configs']), [{ send_periodic: 'true', address_mode: 'slaac', mtu: '1400' }, {}]);
  assert.deepEqual(of(rows, 'Gateway_Chassis').map((row) => String(row['chassis_name'])).sort(), ['h1', 'h2']);
  const hostsOf = (more: Partial<RouterSpec>): string[] =>
    of(routerRows({ ...router, ...more }, { announcedBy: () => undefined, gatewayHosts: ['h1', 'h2', 'h3'] }), 'Gateway_Chassis').map((row) => String(row['chassis_name'])).sort();
  assert.deepEqual([hostsOf({ gatewayHosts: ['h2', 'h3', 'gone'] }), hostsOf({ gatewayHosts: ['h2', 'h3'], ha: false }).length, hostsOf({ ha: true })], [['h2', 'h3'], 1, ['h1', 'h2', 'h3']]);
});

test('a network that shares a physical one is told its VLAN', () => {
  const outside = { ...network, physicalNetwork: 'external', subnets: [], servicePort: null };
  const tagOf = (spec: NetworkSpec): unknown => of(networkRows(spec), 'Logical_Switch_Port')[0]?.['tag'];
  assert.deepEqual([tagOf(outside), tagOf({ ...outside, vlan: 101 })], [null, 101]);
});

test('a network in several places is a switch with a port for each', () => {
  const several = { ...network, physicalNetwork: 'hall1', vlan: 101, otherPlaces: [{ physicalNetwork: 'hall2', vlan: 102 }, { physicalNetwork: 'hall3', vlan: null }], subnets: [], servicePort: null };
  assert.deepEqual(of(networkRows(several), 'Logical_Switch_Port').map((row) => [row['type'], row['options'], row['tag']]), [
    ['localnet', { network_name: 'hall1' }, 101], ['localnet', { network_name: 'hall2' }, 102], ['localnet', { network_name: 'hall3' }, null],
  ]);
});

test('what bounds a floating address comes before what bounds the way out, and is counted where it is translated', () => {
  const bounds = { limits: [{ direction: 'ingress' as const, kbps: 1000, burstKbps: 0 }], dscp: 10 };
  const floating = {
    kind: 'floating-ip' as const, id: 'f', projectId: 'p', generation: 1, routerId: 'r', externalAddress: '192.0.2.9', internalAddress: '10.0.0.9', portId: 'p',
    qos: { ...bounds, networkId: 'x', gatewayPortId: 'g' },
  };
  const router: RouterSpec = {
    kind: 'router', id: 'r', projectId: 'p', generation: 1, adminUp: true, interfaces: [], routes: [],
    gateway: { portId: 'g', networkId: 'x', mac: 'fa:16:3e:00:00:ff', addresses: ['192.0.2.5/24'], nextHops: [], snat: true, qos: bounds },
  };
  const said = (rows: WantedRow[]) => of(rows, 'QoS').map((row) => [row['direction'], row['priority'], row['match'], row['bandwidth'], row['action']]);
  assert.deepEqual(said(floatingIpRows(floating)), [
    ['from-lport', 2003, 'inport == "g" && ip4.src == 192.0.2.9 && is_chassis_resident("cr-router-port-g")', {}, { dscp: 10 }],
    ['to-lport', 2003, 'outport == "g" && ip4.dst == 192.0.2.9 && is_chassis_resident("cr-router-port-g")', { rate: 1000, burst: 800 }, {}],
  ]);
  assert.deepEqual(said(routerRows(router, { announcedBy: () => undefined, gatewayHosts: [] })), [
    ['from-lport', 2002, 'inport == "g"', {}, { dscp: 10 }],
    ['to-lport', 2002, 'outport == "g"', { rate: 1000, burst: 800 }, {}],
  ]);
  assert.deepEqual(floatingIpRows({ ...floating, internalAddress: null, portId: null }).map(({ table }) => table), ['QoS', 'QoS']);
  assert.throws(() => floatingIpRows({ ...floating, externalAddress: '192.0.2.9 || 1' }), { kind: 'invalid' });
});

test('of several ways out each shares its own address, and all are taken by turns where that is wished for', () => {
  const way = (portId: string, host: number) => ({ portId, networkId: 'x', mac: `fa:16:3e:00:00:0${host}`, addresses: [`192.0.2.${host}/24`], nextHops: ['192.0.2.1'] });
  const router: RouterSpec = {
    kind: 'router', id: 'r', projectId: 'p', generation: 1, adminUp: true, routes: [],
    interfaces: [{ portId: 'i', networkId: 'n', mac: 'fa:16:3e:00:00:01', addresses: ['10.0.0.1/24'] }],
    gateway: { ...way('g', 5), snat: true }, otherGateways: [way('h', 6)],
  };
  const rowsOf = (more: Partial<RouterSpec>) => routerRows({ ...router, ...more }, { announcedBy: () => undefined, gatewayHosts: ['h1'] });
  const routes = (rows: WantedRow[]) => of(rows, 'Logical_Router_Static_Route').map((row) => [row['nexthop'], row['output_port']]);

  assert.deepEqual(of(rowsOf({}), 'NAT').map((row) => [row['external_ip'], row['logical_ip']]), [['192.0.2.5', '10.0.0.0/24'], ['192.0.2.6', '10.0.0.0/24']]);
  assert.deepEqual(rowsOf({}).flatMap((row) => row.heldBy.filter(({ table }) => table === 'NAT').map(({ key }) => [row.key, key])), [
    ['router-port-g', 'snat/r/10.0.0.0/24'], ['router-port-h', 'snat/r/h/10.0.0.0/24'],
  ], 'each where its address is');
  assert.deepEqual(of(rowsOf({ gateway: { ...way('g', 5), snat: false } }), 'NAT'), []);
  assert.deepEqual(routes(rowsOf({})), [['192.0.2.1', 'router-port-g']]);
  const watched = rowsOf({ ecmp: true, bfd: true });
  assert.deepEqual(routes(watched), [['192.0.2.1', 'router-port-g'], ['192.0.2.1', 'router-port-h']]);
  assert.equal(new Set(watched.map(({ table, key }) => `${table} ${key}`)).size, watched.length);
  assert.deepEqual(of(watched, 'BFD').map((row) => [row['logical_port'], row['dst_ip']]), [['router-port-g', '192.0.2.1'], ['router-port-h', '192.0.2.1']]);
});

test('a way out is on the hosts that are named for it, in their order', () => {
  const router: RouterSpec = {
    kind: 'router', id: 'r', projectId: 'p', generation: 1, adminUp: true, interfaces: [], routes: [], gatewayHosts: ['c', 'gone', 'a'], inOrder: true,
    gateway: { portId: 'g', networkId: 'o', mac: 'fa:16:3e:00:00:09', addresses: ['192.0.2.9/24'], nextHops: [], snat: true },
  };
  const chassis = (more: Partial<RouterSpec>) => of(routerRows({ ...router, ...more }, { announcedBy: () => undefined, gatewayHosts: ['a', 'b', 'c'] }), 'Gateway_Chassis').map((row) => [row['chassis_name'], row['priority']]);
  assert.deepEqual(chassis({}), [['c', 100], ['a', 99]]);
  assert.deepEqual(chassis({ ha: false }), [['c', 100]]);
  assert.deepEqual(chassis({ gatewayHosts: [] }), []);
});
