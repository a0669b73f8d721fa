import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkResource, NetworkSpec, PortSpec, RouterSpec, SecurityGroupSpec } from '../../driver.ts';
import { run } from '../command.ts';
import { eventually, HOST, isRoot, startOvn } from './ovn.fixture.ts';
import { GUARDED } from './security-groups.ts';

const needsRoot = { skip: !isRoot && 'needs root', timeout: 180_000 };

const network = (id: string, number: number): NetworkSpec => ({
  kind: 'network', id, generation: 1, adminUp: true, mtu: 1442, physicalNetwork: null,
  subnets: [
    { id: `${id}-v4`, version: 4, cidr: `10.0.${number}.0/24`, gateway: `10.0.${number}.1`, dhcp: true, dnsServers: ['9.9.9.9'], hostRoutes: [] },
    { id: `${id}-v6`, version: 6, cidr: `fd00:${number}::/64`, gateway: `fd00:${number}::1`, dhcp: true, dnsServers: [], hostRoutes: [] },
  ],
  servicePort: {
    mac: `fa:16:3e:00:0${number}:02`,
    addresses: [{ subnetId: `${id}-v4`, address: `10.0.${number}.2` }, { subnetId: `${id}-v6`, address: `fd00:${number}::2` }],
  },
});

const port = (id: string, networkNumber: number, host: number, more: Partial<PortSpec> = {}): PortSpec => ({
  kind: 'port', id, generation: 1, networkId: `net${networkNumber}`, adminUp: true, mac: `fa:16:3e:00:0${networkNumber}:${host}`,
  addresses: [
    { subnetId: `net${networkNumber}-v4`, address: `10.0.${networkNumber}.${host}` },
    { subnetId: `net${networkNumber}-v6`, address: `fd00:${networkNumber}::${host}` },
  ],
  portSecurity: true, allowedAddressPairs: [], securityGroups: ['default'], hostId: HOST, ...more,
});

const group = (rules: SecurityGroupSpec['rules'], generation = 1, id = 'default'): SecurityGroupSpec => ({
  kind: 'security-group', id, generation, stateful: true, rules,
});

const egress: SecurityGroupSpec['rules'] = [4, 6].map((version) => ({
  id: `egress${version}`, direction: 'egress', version: version as 4 | 6, protocol: null, portMin: null, portMax: null, remote: { kind: 'any' },
}));
const allow = (id: string, protocol: string, port: number | null = null): SecurityGroupSpec['rules'][number] => ({
  id, direction: 'ingress', version: 4, protocol, portMin: port, portMax: port, remote: { kind: 'any' },
});

const external = (number: number): NetworkSpec => ({
  kind: 'network', id: 'outside', generation: 1, adminUp: true, mtu: 1500, physicalNetwork: 'external', servicePort: null,
  subnets: [{ id: 'outside-v4', version: 4, cidr: `172.29.${number}.0/24`, gateway: `172.29.${number}.1`, dhcp: false, dnsServers: [], hostRoutes: [] }],
});

const router = (number: number): RouterSpec => ({
  kind: 'router', id: 'router1', generation: 1, adminUp: true,
  interfaces: [1, 2].map((at) => ({
    portId: `inside${at}`, networkId: `net${at}`, mac: `fa:16:3e:00:0${at}:01`, addresses: [`10.0.${at}.1/24`, `fd00:${at}::1/64`],
  })),
  gateway: {
    portId: 'gateway', networkId: 'outside', mac: 'fa:16:3e:00:00:ff', addresses: [`172.29.${number}.10/24`], nextHops: [`172.29.${number}.1`], snat: true,
  },
  routes: [],
});

const topology = (number: number): NetworkResource[] => [
  // Least first: the order in which resources are named says nothing.
  { kind: 'floating-ip', id: 'fip1', generation: 1, routerId: 'router1', externalAddress: `172.29.${number}.111`, internalAddress: '10.0.1.11', portId: 'p11' },
  port('p11', 1, 11), port('p12', 1, 12), port('p21', 2, 21),
  router(number), group(egress), network('net1', 1), network('net2', 2), external(number),
];

test('packets go where routers, floating addresses and security groups say, and nowhere else', needsRoot, async (t) => {
  const { driver, guest, daemons } = await startOvn(t, { externalNumber: 11 });
  const started = performance.now();
  await driver.ensure(topology(11));
  t.diagnostic(`topology in the database ${Math.round(performance.now() - started)} ms`);
  const [p11, p12, p21] = await Promise.all([
    guest({ portId: 'p11', mac: 'fa:16:3e:00:01:11', addresses: ['10.0.1.11/24', 'fd00:1::11/64'], gateway: '10.0.1.1' }),
    guest({ portId: 'p12', mac: 'fa:16:3e:00:01:12', addresses: ['10.0.1.12/24', 'fd00:1::12/64'], gateway: '10.0.1.1' }),
    guest({ portId: 'p21', mac: 'fa:16:3e:00:02:21', addresses: ['10.0.2.21/24', 'fd00:2::21/64'], gateway: '10.0.2.1' }),
  ]);
  assert.deepEqual(await eventually(() => driver.portsUp(['p11', 'p12', 'p21', 'unknown']), ['p11', 'p12', 'p21']), ['p11', 'p12', 'p21']);
  const barrier = performance.now();
  await driver.barrier();
  t.diagnostic(`barrier ${Math.round(performance.now() - barrier)} ms`);

  const outside = { reaches: (address: string) => run('ping', ['-c', '2', '-i', '0.2', '-W', '1', address]).then(() => true, () => false) };
  assert.deepEqual(
    { neighbour: await p11.reaches('10.0.1.12'), routed: await p11.reaches('10.0.2.21'), floating: await outside.reaches('172.29.11.111') },
    { neighbour: false, routed: false, floating: false },
    'the group allows nothing in',
  );
  assert.equal(await p21.reaches('172.29.11.1'), true, 'out through the shared address, and the answer back');
  assert.equal(await p21.reaches('10.0.1.1'), true, "the router's own address");
  assert.equal(await p12.reaches('fd00:1::1'), true, "the router's own IPv6 address");

  await driver.ensure([group([...egress, allow('ping', 'icmp'), allow('ssh', 'tcp', 22)], 2)]);
  const acl = performance.now();
  await driver.barrier();
  t.diagnostic(`rules on the host after ${Math.round(performance.now() - acl)} ms`);
  assert.deepEqual(
    { neighbour: await p11.reaches('10.0.1.12'), routed: await p11.reaches('10.0.2.21'), floating: await outside.reaches('172.29.11.111') },
    { neighbour: true, routed: true, floating: true },
    'icmp is allowed now',
  );
  assert.equal(await p11.reaches('fd00:1::12'), false, 'only in IPv4');

  const listening = [22, 23].map((tcp) => p11.run('timeout', '8', 'nc', '-l', '-k', '-p', String(tcp)).catch(String));
  const connects = (tcp: number): Promise<boolean> =>
    run('nc', ['-z', '-w', '1', '172.29.11.111', String(tcp)]).then(() => true, () => false);
  assert.equal(await eventually(() => connects(22), true), true, 'ssh');
  assert.equal(await connects(23), false, 'telnet');

  const controller = daemons.find(({ name }) => name === 'ovn-controller');
  const flowing = p11.run('ping', '-i', '0.1', '-c', '30', '-W', '1', '10.0.2.21');
  await controller?.stop();
  await controller?.start();
  await driver.barrier();
  assert.match(await flowing, /30 packets transmitted, (29|30) received/, 'a restart of the controller is not felt');
  assert.equal(await p11.reaches('10.0.1.12'), true);
  await Promise.all(listening);
});

test('a guest that would use the address of another is not heard', needsRoot, async (t) => {
  const { driver, guest } = await startOvn(t, { externalNumber: 12 });
  await driver.ensure([
    network('net1', 1), group([...egress, allow('ping', 'icmp')]), port('p11', 1, 11),
    port('p12', 1, 12, { allowedAddressPairs: [{ mac: 'fa:16:3e:00:01:12', address: '10.0.1.77' }] }),
  ]);
  const thief = await guest({ portId: 'p12', mac: 'fa:16:3e:00:01:12', addresses: ['10.0.1.12/24', '10.0.1.66/24', '10.0.1.77/24'] });
  await guest({ portId: 'p11', mac: 'fa:16:3e:00:01:11', addresses: ['10.0.1.11/24'] });
  await eventually(() => driver.portsUp(['p11', 'p12']), ['p11', 'p12']);
  await driver.barrier();

  const asking = (source: string): Promise<boolean> =>
    thief.run('ping', '-c', '2', '-i', '0.2', '-W', '1', '-I', source, '10.0.1.11').then(() => true, () => false);
  assert.deepEqual(
    { own: await asking('10.0.1.12'), stolen: await asking('10.0.1.66'), allowed: await asking('10.0.1.77') },
    { own: true, stolen: false, allowed: true },
  );
});

test('what was edited, deleted or added by others is found, mended and then gone from the comparison', needsRoot, async (t) => {
  const { driver, northbound } = await startOvn(t, { externalNumber: 13 });
  const wanted = topology(13);
  await driver.ensure(wanted);
  assert.deepEqual(await driver.compare(wanted), []);

  await northbound.transact([
    { op: 'update', table: 'Logical_Switch_Port', where: [['name', '==', 'p11']], row: { port_security: ['set', []] } },
    { op: 'delete', table: 'Logical_Switch', where: [['name', '==', 'network-net2']] },
    { op: 'insert', table: 'ACL', 'uuid-name': 'hole', row: { direction: 'to-lport', priority: 2000, match: `outport == @${GUARDED}`, action: 'allow' } },
    { op: 'mutate', table: 'Port_Group', where: [['name', '==', GUARDED]], mutations: [['acls', 'insert', ['set', [['named-uuid', 'hole']]]]] },
    { op: 'update', table: 'NAT', where: [['type', '==', 'snat']], row: { external_ip: '172.29.13.99' } },
  ]);

  const found = await driver.compare(wanted);
  assert.deepEqual(
    found.map(({ kind, resource }) => `${kind} ${resource.kind} ${resource.id}`).sort(),
    ['differs port p11', 'differs router router1', 'differs security-group defaults', 'missing network net2', 'missing port p21'].sort(),
  );
  assert.deepEqual(await driver.reconcile(wanted), found, 'what is mended is what was found');
  assert.deepEqual(await driver.compare(wanted), []);
  await driver.barrier();

  const less = wanted.filter((resource) => resource.kind !== 'floating-ip' && resource.id !== 'p21');
  assert.deepEqual(
    (await driver.reconcile(less)).map(({ kind, resource }) => `${kind} ${resource.kind} ${resource.id}`).sort(),
    ['unwanted floating-ip fip1', 'unwanted port p21'],
  );
  assert.deepEqual(await driver.compare(less), []);
});

test('an intent that is older than one that was seen is refused, also of what was removed', needsRoot, async (t) => {
  const { driver } = await startOvn(t, { externalNumber: 14 });
  await driver.ensure([{ ...network('net1', 1), generation: 5 }]);

  await assert.rejects(driver.ensure([{ ...network('net1', 1), generation: 4 }]), { kind: 'stale' });
  await assert.rejects(driver.remove([{ kind: 'network', id: 'net1', generation: 4 }]), { kind: 'stale' });
  await driver.remove([{ kind: 'network', id: 'net1', generation: 6 }]);
  await assert.rejects(driver.ensure([{ ...network('net1', 1), generation: 5 }]), { kind: 'stale' });
  await assert.rejects(driver.ensure([group([], 1), port('p11', 1, 11)]), { kind: 'missing' });
  assert.deepEqual(await driver.compare([]), [], 'the refused call wrote nothing at all');
});

test("a port follows its subnet's DHCP, whichever changes", needsRoot, async (t) => {
  const { driver, guest } = await startOvn(t, { externalNumber: 15 });
  const net = network('net1', 1);
  const quiet: NetworkSpec = { ...net, subnets: net.subnets.map((subnet) => ({ ...subnet, dhcp: false })) };
  await driver.ensure([quiet, group([]), port('p11', 1, 11)]);
  await driver.ensure([{ ...net, generation: 2 }]);
  assert.deepEqual(await driver.compare([{ ...net, generation: 2 }, group([]), port('p11', 1, 11)]), []);

  // A group without a rule allows nothing, but an address comes all the same.
  const p11 = await guest({ portId: 'p11', mac: 'fa:16:3e:00:01:11', addresses: [] });
  await eventually(() => driver.portsUp(['p11']), ['p11']);
  const offer = await p11.run('busybox', 'udhcpc', '-f', '-q', '-n', '-i', 'eth0', '-s', '/bin/true', '-t', '5', '-T', '1').then(
    () => 'lease', String,
  );
  assert.equal(offer, 'lease');

  await driver.ensure([{ ...quiet, generation: 3 }]);
  assert.deepEqual(await driver.compare([{ ...quiet, generation: 3 }, group([]), port('p11', 1, 11)]), []);
});

test('a thousand ports are one transaction', needsRoot, async (t) => {
  const { driver } = await startOvn(t, { externalNumber: 16 });
  const ports = Array.from({ length: 1_000 }, (_, at): PortSpec => ({
    ...port(`many-${at}`, 1, 11),
    mac: `fa:16:3e:10:${(at >> 8).toString(16).padStart(2, '0')}:${(at & 255).toString(16).padStart(2, '0')}`,
    addresses: [{ subnetId: 'net1-v4', address: `10.0.${100 + (at >> 8)}.${at & 255}` }],
  }));
  await driver.ensure([network('net1', 1), group(egress)]);

  const timed = async (what: string, task: () => Promise<unknown>): Promise<void> => {
    const from = performance.now();
    await task();
    t.diagnostic(`${what}: ${Math.round(performance.now() - from)} ms`);
  };
  const all = [network('net1', 1), group(egress), ...ports];
  await timed('1,000 ports in one ensure', () => driver.ensure(ports));
  await timed('until the host has them', () => driver.barrier({ timeoutMs: 60_000 }));
  await timed('the same again', () => driver.ensure(ports));
  await timed('compare', async () => assert.deepEqual(await driver.compare(all), []));
  await timed('one more port', () => driver.ensure([port('one-more', 1, 12)]));
  await timed('remove one', () => driver.remove([{ kind: 'port', id: 'one-more', generation: 1 }]));
  await timed('remove a thousand', () => driver.remove(ports.map(({ id }) => ({ kind: 'port', id, generation: 1 }))));
  assert.deepEqual(await driver.compare([network('net1', 1), group(egress)]), []);
});
