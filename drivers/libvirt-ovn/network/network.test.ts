import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DriverError, type NetworkResource, type NetworkSpec, type PortForwardingSpec, type PortSpec, type RouterSpec, type SecurityGroupSpec } from '../../driver.ts';
import { run } from '../command.ts';
import { connectOvsdb } from '../ovsdb.ts';
import { createNetworkDriver } from './network.ts';
import { eventually, HOST, isRoot, startOvn } from './ovn.fixture.ts';
import { GUARDED, matchOf } from './security-groups.ts';

const needsRoot = { skip: !isRoot && 'needs root', timeout: 180_000 };

const network = (id: string, number: number): NetworkSpec => ({
  kind: 'network', id, projectId: 'p', generation: 1, adminUp: true, mtu: 1442, physicalNetwork: null,
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
  kind: 'port', id, projectId: 'p', generation: 1, networkId: `net${networkNumber}`, adminUp: true, mac: `fa:16:3e:00:0${networkNumber}:${host}`,
  addresses: [
    { subnetId: `net${networkNumber}-v4`, address: `10.0.${networkNumber}.${host}` },
    { subnetId: `net${networkNumber}-v6`, address: `fd00:${networkNumber}::${host}` },
  ],
  portSecurity: true, allowedAddressPairs: [], securityGroups: ['default'], hostId: HOST, ...more,
});

const group = (rules: SecurityGroupSpec['rules'], generation = 1, id = 'default'): SecurityGroupSpec => ({
  kind: 'security-group', id, projectId: 'p', generation, stateful: true, rules,
});

const egress: SecurityGroupSpec['rules'] = [4, 6].map((version) => ({
  id: `egress${version}`, direction: 'egress', version: version as 4 | 6, protocol: null, portMin: null, portMax: null, remote: { kind: 'any' },
}));
const allow = (id: string, protocol: string, port: number | null = null): SecurityGroupSpec['rules'][number] => ({
  id, direction: 'ingress', version: 4, protocol, portMin: port, portMax: port, remote: { kind: 'any' },
});

const external = (number: number): NetworkSpec => ({
  kind: 'network', id: 'outside', projectId: 'p', generation: 1, adminUp: true, mtu: 1500, physicalNetwork: 'external', servicePort: null,
  subnets: [{ id: 'outside-v4', version: 4, cidr: `172.29.${number}.0/24`, gateway: `172.29.${number}.1`, dhcp: false, dnsServers: [], hostRoutes: [] }],
});

const router = (number: number): RouterSpec => ({
  kind: 'router', id: 'router1', projectId: 'p', generation: 1, adminUp: true,
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
  { kind: 'floating-ip', id: 'fip1', projectId: 'p', generation: 1, routerId: 'router1', externalAddress: `172.29.${number}.111`, internalAddress: '10.0.1.11', portId: 'p11' },
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

test('a guest that would use the address of another is not heard (ATTACKS 30)', needsRoot, async (t) => {
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
  await driver.barrier();
  assert.equal(await driver.edits(), 0, 'what it has written itself is nobody else’s');

  await northbound.transact([
    { op: 'update', table: 'Logical_Switch_Port', where: [['name', '==', 'p11']], row: { port_security: ['set', []] } },
    { op: 'delete', table: 'Logical_Switch', where: [['name', '==', 'network-net2']] },
    { op: 'insert', table: 'ACL', 'uuid-name': 'hole', row: { direction: 'to-lport', priority: 2000, match: `outport == @${GUARDED}`, action: 'allow' } },
    { op: 'mutate', table: 'Port_Group', where: [['name', '==', GUARDED]], mutations: [['acls', 'insert', ['set', [['named-uuid', 'hole']]]]] },
    { op: 'update', table: 'NAT', where: [['type', '==', 'snat']], row: { external_ip: '172.29.13.99' } },
  ]);

  const found = await driver.compare(wanted);
  const edits = await driver.edits();
  assert.ok(edits > 0);
  assert.deepEqual(
    found.map(({ kind, resource }) => `${kind} ${resource.kind} ${resource.id}`).sort(),
    ['differs port p11', 'differs router router1', 'differs security-group defaults', 'missing network net2', 'missing port p21'].sort(),
  );
  assert.deepEqual(await driver.reconcile(wanted), found, 'what is mended is what was found');
  assert.deepEqual(await driver.compare(wanted), []);
  await driver.barrier();
  assert.equal(await driver.edits(), edits);

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

test('a rule for a group lets in its members, with whatever addresses they have now', needsRoot, async (t) => {
  const { driver, guest } = await startOvn(t, { externalNumber: 17 });
  const fromFriends: SecurityGroupSpec['rules'][number] = { ...allow('friends', 'icmp'), remote: { kind: 'group', id: 'friends' } };
  const friend = (number: number, securityGroups: string[], generation = 1): PortSpec => port(`p1${number}`, 1, 10 + number, { securityGroups, generation });
  await driver.ensure([
    network('net1', 1), group([...egress, fromFriends]), group([], 1, 'friends'), friend(1, ['default']), friend(2, ['default', 'friends']), friend(3, ['default']),
  ]);
  const [, p12, p13] = await Promise.all(
    [11, 12, 13].map((host) => guest({ portId: `p${host}`, mac: `fa:16:3e:00:01:${host}`, addresses: [`10.0.1.${host}/24`] })),
  );
  await eventually(() => driver.portsUp(['p11', 'p12', 'p13']), ['p11', 'p12', 'p13']);
  await driver.barrier();
  assert.deepEqual([await p12?.reaches('10.0.1.11'), await p13?.reaches('10.0.1.11')], [true, false]);

  await driver.ensure([friend(2, ['default'], 2), friend(3, ['default', 'friends'], 2)]);
  await driver.barrier();
  // What was under way before stays so: the flow of the old member's ping is another one each time.
  assert.deepEqual([await p12?.reaches('10.0.1.11'), await p13?.reaches('10.0.1.11')], [false, true]);
});

test('a guest finds its IPv6 address and gateway by router advertisement', needsRoot, async (t) => {
  const { driver, guest } = await startOvn(t, { externalNumber: 18 });
  const net = network('net1', 1);
  const slaac: NetworkSpec = { ...net, subnets: net.subnets.map((subnet) => (subnet.version === 6 ? { ...subnet, dhcp: false } : subnet)) };
  const own = 'fd00:1::f816:3eff:fe00:111'; // RFC 4291, appendix A, of the port's MAC address
  await driver.ensure([
    slaac, group(egress), port('p11', 1, 11, { addresses: [{ subnetId: 'net1-v6', address: own }] }),
    { ...router(18), gateway: null, interfaces: router(18).interfaces.slice(0, 1) },
  ]);
  const p11 = await guest({ portId: 'p11', mac: 'fa:16:3e:00:01:11', addresses: [] });
  await driver.barrier();

  const addresses = async (): Promise<boolean> => (await p11.run('ip', '-6', 'address', 'show', 'dev', 'eth0')).includes(own);
  assert.equal(await eventually(addresses, true, 20_000), true);
  assert.equal(await eventually(() => p11.reaches('fd00:1::1'), true), true);
  assert.match(await p11.run('ip', '-6', 'route', 'show', 'default'), /via fe80:.* mtu 1442|via fe80:/);
});

test('every rule that is accepted is one that the host can apply', needsRoot, async (t) => {
  const { driver, guest, layout, northbound } = await startOvn(t, { externalNumber: 19 });
  const protocols = [null, 'any', 'tcp', 'udp', 'sctp', 'icmp', 'icmpv6', 'ipv6-icmp', 'gre', 'esp', 'ah', 'vrrp', 'ospf', 'udplite', '0', '1', '6', '58', '112', '132', '254'];
  const remotes = { 4: ['0.0.0.0/0', '10.0.0.1', '10.9.8.7/9', '192.168.0.0/32'], 6: ['::/0', 'fd00::1', '2001:db8::/33', '::ffff:10.0.0.1/97'] };
  const ranges: [number | null, number | null][] = [[null, null], [1, 1], [0, 65_535], [8, null], [0, 255], [22, 23]];
  const rules: SecurityGroupSpec['rules'] = [];
  for (const version of [4, 6] as const)
    for (const direction of ['ingress', 'egress'] as const)
      for (const protocol of protocols)
        for (const [portMin, portMax] of ranges)
          for (const remote of [{ kind: 'any' as const }, { kind: 'group' as const, id: 'default' }, ...remotes[version].map((cidr) => ({ kind: 'cidr' as const, cidr }))])
            rules.push({ id: `rule${rules.length}`, direction, version, protocol, portMin, portMax, remote });
  const accepted = rules.filter((rule) => {
    try {
      return matchOf('group_default', rule) !== '';
    } catch (error) {
      assert.equal((error as DriverError).kind, 'invalid');
      return false;
    }
  });
  assert.ok(accepted.length > 1_000 && accepted.length < rules.length);
  await driver.ensure([network('net1', 1), group(accepted), port('p11', 1, 11)]);
  await guest({ portId: 'p11', mac: 'fa:16:3e:00:01:11', addresses: ['10.0.1.11/24'] });
  assert.deepEqual(await eventually(() => driver.portsUp(['p11']), ['p11'], 30_000), ['p11']);
  await driver.barrier({ timeoutMs: 60_000 });

  const complaints = async (): Promise<string[]> =>
    (await readFile(`${layout.runDirectory}/ovn-controller.log`, 'utf8')).split('\n').filter((line) => /pars|syntax|\|ERR\|/i.test(line));
  assert.deepEqual(await complaints(), []);
  // That it would complain:
  await northbound.transact([
    { op: 'insert', table: 'ACL', 'uuid-name': 'odd', row: { direction: 'to-lport', priority: 1, match: 'outport == @group_default && nonsense', action: 'allow' } },
    { op: 'mutate', table: 'Port_Group', where: [['name', '==', 'group_default']], mutations: [['acls', 'insert', ['set', [['named-uuid', 'odd']]]]] },
  ]);
  assert.equal(await eventually(async () => (await complaints()).length > 0, true), true);
  t.diagnostic(`${accepted.length} rules`);
});

test('after four writers at once, and edits by a fifth, one reconciliation ends in the projection for all of them (FAILURES 21)', needsRoot, async (t) => {
  const { driver, layout, northbound } = await startOvn(t, { externalNumber: 20 });
  const clients = Array.from({ length: 4 }, () => connectOvsdb({ address: `unix:${layout.nbSocket}`, database: 'OVN_Northbound' }));
  t.after(() => Promise.all(clients.map((client) => client.close())));
  const writers = await Promise.all(clients.map((client) => createNetworkDriver({ northbound: client, gatewayHosts: () => [HOST] })));
  const wanted = topology(20);
  const settled = await Promise.allSettled(
    writers.flatMap((writer, at) =>
      Array.from({ length: 20 }, async (_, round) => {
        const some = wanted.filter((__, index) => (index + at + round) % 3 !== 0);
        if (round % 5 === 4)
          await northbound.transact([{ op: 'delete', table: round % 2 ? 'Logical_Switch' : 'Port_Group', where: [] }]);
        await (round % 4 === 3 ? writer.reconcile(some) : writer.ensure(wanted));
      }),
    ),
  );
  for (const one of settled) if (one.status === 'rejected') assert.ok(one.reason instanceof DriverError, String(one.reason));

  const from = performance.now();
  await driver.reconcile(wanted);
  t.diagnostic(`converged in ${Math.round(performance.now() - from)} ms; ${settled.filter(({ status }) => status === 'rejected').length} of ${settled.length} calls gave way`);
  for (const each of [driver, ...writers]) assert.deepEqual(await each.compare(wanted), []);
  const [switches] = await northbound.transact([{ op: 'select', table: 'Logical_Switch', where: [], columns: ['name'] }]);
  assert.deepEqual(switches?.rows?.map((row) => row['name']).sort(), ['network-net1', 'network-net2', 'network-outside']);
});

test('the databases and the switch may restart without anyone asking again', needsRoot, async (t) => {
  const { driver, guest, daemons } = await startOvn(t, { externalNumber: 22 });
  const wanted = [network('net1', 1), group([...egress, allow('ping', 'icmp')]), port('p11', 1, 11), port('p12', 1, 12)];
  await driver.ensure(wanted);
  const [p11] = await Promise.all(
    [11, 12].map((host) => guest({ portId: `p${host}`, mac: `fa:16:3e:00:01:${host}`, addresses: [`10.0.1.${host}/24`] })),
  );
  await eventually(() => driver.portsUp(['p11', 'p12']), ['p11', 'p12']);
  await driver.barrier();
  assert.equal(await p11?.reaches('10.0.1.12'), true);

  for (const daemon of daemons) {
    await daemon.stop();
    await daemon.start();
    const inOrder = async (): Promise<unknown> => driver.compare(wanted).catch(String);
    assert.deepEqual(await eventually(inOrder, []), [], daemon.name);
    assert.equal(await eventually(async () => (await p11?.reaches('10.0.1.12')) ?? false, true, 15_000), true, daemon.name);
  }
  await driver.ensure([port('p13', 1, 13)]);
  await driver.barrier();
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

test('a port is bounded and marked as its QoS policy says, and not any more when the policy is gone', needsRoot, async (t) => {
  const { driver, guest } = await startOvn(t, { externalNumber: 15 });
  const policy: PortSpec['qos'] = { limits: [{ direction: 'egress', kbps: 200, burstKbps: 0 }], dscp: 46 };
  await driver.ensure([network('net1', 1), group([...egress, allow('ping', 'icmp')]), port('p11', 1, 11), port('p12', 1, 12)]);
  const [p11, p12] = await Promise.all([
    guest({ portId: 'p11', mac: 'fa:16:3e:00:01:11', addresses: ['10.0.1.11/24'] }),
    guest({ portId: 'p12', mac: 'fa:16:3e:00:01:12', addresses: ['10.0.1.12/24'] }),
  ]);
  await p12.run('nft', 'add table ip seen; add chain ip seen in { type filter hook input priority 0; }; add rule ip seen in ip dscp ef counter');
  const marked = async () => Number(/packets (\d+)/.exec(await p12.run('nft', 'list', 'chain', 'ip', 'seen', 'in'))?.[1]);
  /** Of 100 packets of 1,400 bytes within a second: 1.1 Mbit/s. */
  const answered = async () => {
    const told = await p11.run('ping', '-c', '100', '-i', '0.01', '-s', '1400', '-W', '1', '10.0.1.12').catch(String);
    return Number(/(\d+) received/.exec(told)?.[1] ?? 0);
  };
  assert.equal(await eventually(() => p11.reaches('10.0.1.12'), true), true);
  assert.ok((await answered()) > 90);
  assert.equal(await marked(), 0);

  await driver.ensure([port('p11', 1, 11, { generation: 2, qos: policy })]);
  await driver.barrier();
  const bounded = await answered();
  assert.ok(bounded > 0 && bounded < 60, `${bounded} of 100 were answered`);
  assert.ok((await marked()) > 0);
  assert.deepEqual(await driver.compare([network('net1', 1), group([...egress, allow('ping', 'icmp')]), port('p11', 1, 11, { generation: 2, qos: policy }), port('p12', 1, 12)]), []);

  await driver.ensure([port('p11', 1, 11, { generation: 3 })]);
  await driver.barrier();
  const before = await marked();
  assert.ok((await answered()) > 90);
  assert.equal(await marked(), before);
});

test('what goes through a floating address is bounded by its own policy, and what goes through the way out by the router’s', needsRoot, async (t) => {
  const { driver, guest } = await startOvn(t, { externalNumber: 17 });
  const bounds = (direction: 'ingress' | 'egress') => ({ limits: [{ direction, kbps: 200, burstKbps: 0 }], dscp: null });
  const ping = group([...egress, allow('ping', 'icmp')]);
  await driver.ensure([...topology(17).filter(({ kind }) => kind !== 'security-group'), ping]);
  const at = (id: string, net: number, host: number) => guest({ portId: id, mac: `fa:16:3e:00:0${net}:${host}`, addresses: [`10.0.${net}.${host}/24`], gateway: `10.0.${net}.1` });
  const [, p21] = await Promise.all([at('p11', 1, 11), at('p21', 2, 21)]);
  /** Of 100 packets of 1,400 bytes within a second: 1.1 Mbit/s. */
  const many = ['-c', '100', '-i', '0.01', '-s', '1400', '-W', '1'];
  const received = (told: string) => Number(/(\d+) received/.exec(told)?.[1] ?? 0);
  const fromOutside = async () => received(await run('ping', [...many, '172.29.17.111']).catch(String));
  const toOutside = async () => received(await p21.run('ping', ...many, '172.29.17.1').catch(String));
  assert.equal(await eventually(() => p21.reaches('172.29.17.1'), true), true);
  assert.ok((await eventually(async () => (await fromOutside()) > 90, true)) && (await toOutside()) > 90);

  const floating: NetworkResource = {
    kind: 'floating-ip', id: 'fip1', projectId: 'p', generation: 2, routerId: 'router1', externalAddress: '172.29.17.111', internalAddress: '10.0.1.11', portId: 'p11',
    qos: { ...bounds('ingress'), networkId: 'outside', gatewayPortId: 'gateway' },
  };
  await driver.ensure([floating]);
  await driver.barrier();
  const bounded = await fromOutside();
  assert.ok(bounded > 0 && bounded < 60, `${bounded} of 100 came through the floating address`);
  assert.ok((await toOutside()) > 90, 'what another sends goes as before');

  const way = router(17);
  const wanted = { ...way, generation: 2, gateway: way.gateway && { ...way.gateway, qos: bounds('egress') } };
  await driver.ensure([wanted, { ...floating, generation: 3, qos: null }]);
  await driver.barrier();
  const slow = await toOutside();
  assert.ok(slow > 0 && slow < 60, `${slow} of 100 went out`);
  assert.deepEqual(await driver.compare([...topology(17).filter(({ kind }) => !['security-group', 'router', 'floating-ip'].includes(kind)), ping, wanted, { ...floating, generation: 3, qos: null }]), []);
});

test('what a group lets pass and drops is written down by the host', needsRoot, async (t) => {
  const { driver, guest, layout } = await startOvn(t, { externalNumber: 18 });
  const told: SecurityGroupSpec = { ...group([...egress, allow('ping', 'icmp')]), log: { accept: 'a1', drop: 'd1' } };
  const resources = [network('net1', 1), told, port('p11', 1, 11), port('p12', 1, 12)];
  await driver.ensure(resources);
  assert.deepEqual(await driver.compare(resources), []);
  const [p11] = await Promise.all([11, 12].map((host) => guest({ portId: `p${host}`, mac: `fa:16:3e:00:01:${host}`, addresses: [`10.0.1.${host}/24`] })));
  const written = async (log: string) => (await readFile(join(layout.runDirectory, 'ovn-controller.log'), 'utf8')).split('\n').filter((line) => line.includes(`name="log-${log}"`));
  assert.equal(await eventually(() => p11!.reaches('10.0.1.12'), true), true);
  assert.equal(await eventually(async () => (await written('a1')).some((line) => line.includes('verdict=allow') && line.includes('nw_dst=10.0.1.12')), true), true);
  await p11!.run('nc', '-z', '-w', '1', '10.0.1.12', '23').catch(String);
  assert.equal(await eventually(async () => (await written('d1')).some((line) => line.includes('verdict=drop') && line.includes('tp_dst=23')), true), true);

  await driver.ensure([group([...egress, allow('ping', 'icmp')], 2)]);
  await driver.barrier();
  const before = (await written('d1')).length;
  await p11!.run('nc', '-z', '-w', '1', '10.0.1.12', '24').catch(String);
  assert.equal((await written('d1')).length, before);
  assert.equal(await p11!.reaches('10.0.1.12'), true);
});

test('ports of an external address lead to guests, each to its own, from outside and from inside', needsRoot, async (t) => {
  const { driver, guest } = await startOvn(t, { externalNumber: 16 });
  const forwarding = (id: string, first: number, more: Partial<PortForwardingSpec> = {}): PortForwardingSpec => ({
    kind: 'port-forwarding', id, projectId: 'p', generation: 1, routerId: 'router1', networkIds: ['net1', 'net2'], protocol: 'tcp', externalAddress: '172.29.16.120', internalAddress: '10.0.1.11',
    externalPorts: { first, last: first }, internalPorts: { first: 22, last: 22 }, ...more,
  });
  const forwardings = [
    forwarding('f11', 2211), forwarding('f12', 2212, { internalAddress: '10.0.1.12' }),
    forwarding('run', 9000, { internalAddress: '10.0.1.12', externalPorts: { first: 9000, last: 9002 }, internalPorts: { first: 7000, last: 7002 } }),
  ];
  const wanted = [
    network('net1', 1), network('net2', 2), external(16), router(16), group([...egress, allow('ssh', 'tcp', 22), allow('app', 'tcp', 7001)]), port('p11', 1, 11), port('p12', 1, 12), port('p21', 2, 21), ...forwardings,
  ];
  await driver.ensure(wanted);
  assert.deepEqual(await driver.compare(wanted), []);
  const at = (id: string, net: number, host: number) => guest({ portId: id, mac: `fa:16:3e:00:0${net}:${host}`, addresses: [`10.0.${net}.${host}/24`], gateway: `10.0.${net}.1` });
  const [p11, p12, p21] = await Promise.all([at('p11', 1, 11), at('p12', 1, 12), at('p21', 2, 21)]);
  await eventually(() => driver.portsUp(['p11', 'p12', 'p21']), ['p11', 'p12', 'p21']);
  await driver.barrier();

  const serving = ([[p11, 22, 'eleven'], [p12, 22, 'twelve'], [p12, 7001, 'app']] as const).map(([where, tcp, says]) => where.run('timeout', '15', 'sh', '-c', `while echo ${says} | nc -l -N -p ${tcp} || true; do :; done`).catch(String));
  const heard = (tcp: number): Promise<string> => run('sh', ['-c', `nc -w 1 172.29.16.120 ${tcp} </dev/null`]).then((said) => said.trim(), () => 'nothing');
  assert.equal(await eventually(() => heard(2211), 'eleven'), 'eleven');
  assert.equal(await eventually(() => heard(2212), 'twelve'), 'twelve');
  assert.equal(await eventually(() => heard(9001), 'app'), 'app', 'the second of a run leads to the second');
  assert.equal(await heard(2213), 'nothing', 'a port that nothing was said of');
  const inside = (): Promise<string> => p21.run('sh', '-c', 'nc -w 1 172.29.16.120 2212 </dev/null').then((said) => said.trim(), () => 'nothing');
  assert.equal(await eventually(inside, 'twelve'), 'twelve', 'from another network of the same router');

  await driver.remove([{ kind: 'port-forwarding', id: 'f11', generation: 2 }]);
  await driver.barrier();
  assert.equal(await eventually(() => heard(2211), 'nothing'), 'nothing');
  assert.deepEqual(await driver.compare(wanted.filter(({ id }) => id !== 'f11')), []);
  await Promise.all(serving);
});

test("a guest's port carries others in VLANs, and each is on its own network", needsRoot, async (t) => {
  const { driver, guest } = await startOvn(t, { externalNumber: 17 });
  const wanted = [
    network('net1', 1), network('net2', 2), group([...egress, allow('ping', 'icmp')]), port('p11', 1, 11), port('p21', 2, 21), port('p22', 2, 22, { trunk: { parentId: 'p11', tag: 101 } }), port('p12', 1, 12),
  ];
  await driver.ensure(wanted);
  assert.deepEqual(await driver.compare(wanted), []);
  const at = (id: string, net: number, host: number) => guest({ portId: id, mac: `fa:16:3e:00:0${net}:${host}`, addresses: [`10.0.${net}.${host}/24`] });
  const [carrier] = await Promise.all([at('p11', 1, 11), at('p12', 1, 12), at('p21', 2, 21)]);
  const pings = fileURLToPath(new URL('./vlan-ping.py', import.meta.url));
  const inVlan = (): Promise<boolean> => carrier.run('python3', pings, 'eth0', '101', 'fa:16:3e:00:02:22', '10.0.2.22', 'fa:16:3e:00:02:21', '10.0.2.21').then(() => true, () => false);
  assert.deepEqual(await eventually(() => driver.portsUp(['p11', 'p12', 'p21', 'p22']), ['p11', 'p12', 'p21', 'p22']), ['p11', 'p12', 'p21', 'p22']);
  await driver.barrier();

  assert.equal(await eventually(inVlan, true), true, 'in the VLAN, the other network');
  assert.equal(await carrier.reaches('10.0.1.12'), true, 'without, its own');
  const alone = { ...port('p22', 2, 22), generation: 2 };
  await driver.ensure([alone]);
  await driver.barrier();
  assert.equal(await eventually(inVlan, false), false, 'not on the trunk any more');
  assert.deepEqual(await driver.compare([...wanted.filter(({ id }) => id !== 'p22'), alone]), []);
});

test("a guest is told its port's own DHCP options with its subnet's, whichever changes", needsRoot, async (t) => {
  const { driver, guest, layout } = await startOvn(t, { externalNumber: 18 });
  const net = network('net1', 1);
  const dhcpOptions = [
    { version: 4 as const, name: 'bootfile-name', value: 'http://boot/it' }, { version: 4 as const, name: 'ntp-server', value: '192.0.2.7,192.0.2.8' }, { version: 4 as const, name: 'domain-name', value: 'own.example' },
  ];
  const wanted = [net, group([]), port('p11', 1, 11, { dhcpOptions })];
  await driver.ensure(wanted);
  assert.deepEqual(await driver.compare(wanted), []);
  const p11 = await guest({ portId: 'p11', mac: 'fa:16:3e:00:01:11', addresses: [] });
  await eventually(() => driver.portsUp(['p11']), ['p11']);
  const script = join(dirname(layout.nbSocket), 'told.sh');
  await writeFile(script, '#!/bin/sh\n[ "$1" = bound ] && echo "$ip|$dns|$boot_file$bootfile|$ntpsrv|$domain"\nexit 0\n', { mode: 0o755 });
  const told = (): Promise<string> => p11.run('busybox', 'udhcpc', '-f', '-q', '-n', '-i', 'eth0', '-s', script, '-t', '5', '-T', '1', '-O', 'bootfile', '-O', 'ntpsrv', '-O', 'domain').then((said) => said.trim(), () => 'nothing');
  assert.equal(await eventually(told, '10.0.1.11|9.9.9.9|http://boot/it|192.0.2.7 192.0.2.8|own.example'), '10.0.1.11|9.9.9.9|http://boot/it|192.0.2.7 192.0.2.8|own.example');

  const other: NetworkSpec = { ...net, generation: 2, subnets: net.subnets.map((subnet) => (subnet.version === 4 ? { ...subnet, dnsServers: ['1.1.1.1'] } : subnet)) };
  await driver.ensure([other]);
  assert.deepEqual(await driver.compare([other, ...wanted.slice(1)]), [], 'what the network says anew is what the port would be told with it');
  assert.equal(await eventually(told, '10.0.1.11|1.1.1.1|http://boot/it|192.0.2.7 192.0.2.8|own.example'), '10.0.1.11|1.1.1.1|http://boot/it|192.0.2.7 192.0.2.8|own.example');

  const silent = port('p11', 1, 11, { generation: 3, dhcpOptions: [{ version: 4, name: 'dhcp_disabled', value: 'true' }] });
  await driver.ensure([silent]);
  assert.equal(await eventually(told, 'nothing'), 'nothing');
  await driver.ensure([{ ...net, generation: 4 }]);
  assert.deepEqual(await driver.compare([{ ...net, generation: 4 }, group([]), silent]), []);
});

test("the network's DNS answers for ports, and for their addresses", needsRoot, async (t) => {
  const { driver, guest } = await startOvn(t, { externalNumber: 19 });
  const wanted = [{ ...network('net1', 1), domain: 'cloud.internal' }, group([...egress]), port('p11', 1, 11), port('p12', 1, 12, { dnsNames: ['web.cloud.internal', 'web'] })];
  await driver.ensure(wanted);
  assert.deepEqual(await driver.compare(wanted), []);
  const p11 = await guest({ portId: 'p11', mac: 'fa:16:3e:00:01:11', addresses: ['10.0.1.11/24'], gateway: '10.0.1.1' });
  await p11.run('ip', 'neighbour', 'add', '10.0.1.1', 'lladdr', 'fa:16:3e:00:01:01', 'dev', 'eth0');
  await eventually(() => driver.portsUp(['p11']), ['p11']);
  await driver.barrier();
  // Whichever server is asked: the switch answers before the question leaves it.
  const answers = (kind: string, name: string): Promise<string[]> =>
    p11.run('busybox', 'nslookup', `-type=${kind}`, name, '9.9.9.9').then((said) => said.split('\n').slice(2).flatMap((line) => /(?:Address:|name =)\s*(\S+)/.exec(line)?.[1] ?? []), () => []);

  assert.deepEqual(await eventually(() => answers('a', 'web.cloud.internal'), ['10.0.1.12']), ['10.0.1.12']);
  assert.deepEqual(await answers('aaaa', 'web'), ['fd00:1::12']);
  assert.deepEqual(await answers('ptr', '12.1.0.10.in-addr.arpa'), ['web.cloud.internal']);
  await driver.ensure([port('p12', 1, 12, { generation: 2 })]);
  await driver.barrier();
  assert.deepEqual(await eventually(() => answers('a', 'web.cloud.internal'), []), []);
});

test('a network in a VLAN of the physical one is heard there in that VLAN only', needsRoot, async (t) => {
  const { driver, guest, layout } = await startOvn(t, { externalNumber: 20 });
  const inVlan: NetworkSpec = { ...network('net1', 1), physicalNetwork: 'external', vlan: 101 };
  const wanted = [inVlan, group([...egress, allow('ping', 'icmp')]), port('p11', 1, 11)];
  await driver.ensure(wanted);
  assert.deepEqual(await driver.compare(wanted), []);
  await guest({ portId: 'p11', mac: 'fa:16:3e:00:01:11', addresses: ['10.0.1.11/24'] });
  await eventually(() => driver.portsUp(['p11']), ['p11']);
  await driver.barrier();
  const pings = fileURLToPath(new URL('./vlan-ping.py', import.meta.url));
  const heard = (vlan: number): Promise<boolean> => run('python3', [pings, layout.externalInterface, String(vlan), 'fa:16:3e:00:01:99', '10.0.1.99', 'fa:16:3e:00:01:11', '10.0.1.11'], { timeoutMs: 20_000 }).then(() => true, () => false);
  assert.equal(await eventually(() => heard(101), true), true);
  assert.equal(await heard(102), false);

  const inTwo = [{ ...inVlan, generation: 2, otherPlaces: [{ physicalNetwork: 'external', vlan: 102 }, { physicalNetwork: 'elsewhere', vlan: 103 }] }, ...wanted.slice(1)];
  await driver.ensure(inTwo);
  assert.deepEqual(await driver.compare(inTwo), []);
  await driver.barrier();
  assert.equal(await eventually(() => heard(102), true), true, 'in another too');
  assert.deepEqual([await heard(101), await heard(103)], [true, false]);
  await driver.ensure([{ ...inVlan, generation: 3 }]);
  await driver.barrier();
  assert.equal(await eventually(() => heard(102), false), false);
  assert.equal(await heard(101), true);
});

test('a router with two ways out answers on both, takes both by turns, and none whose next hop is silent', needsRoot, async (t) => {
  const { driver, guest } = await startOvn(t, { externalNumber: 31 });
  const second = { portId: 'gateway2', networkId: 'outside', mac: 'fa:16:3e:00:00:fe', addresses: ['172.29.31.20/24'], nextHops: ['172.29.31.1'] };
  const both = (more: Partial<RouterSpec>): RouterSpec => ({ ...router(31), otherGateways: [second], ...more });
  await driver.ensure([both({}), port('p11', 1, 11), group(egress), network('net1', 1), network('net2', 2), external(31)]);
  const p11 = await guest({ portId: 'p11', mac: 'fa:16:3e:00:01:11', addresses: ['10.0.1.11/24'], gateway: '10.0.1.1' });
  assert.deepEqual(await eventually(() => driver.portsUp(['p11']), ['p11']), ['p11']);
  await driver.barrier();
  // Beyond the next hop: what is on the outer network itself has no way out to take.
  const beyond = '198.18.31.1';
  await run('ip', ['address', 'add', `${beyond}/32`, 'dev', 'lo']);
  t.after(() => run('ip', ['address', 'delete', `${beyond}/32`, 'dev', 'lo']));
  const callers = new Set<string>();
  const listener = createServer((socket) => {
    callers.add(socket.remoteAddress ?? '');
    socket.destroy();
  });
  await once(listener.listen(0, beyond), 'listening');
  t.after(() => listener.close());
  const { port: tcp } = listener.address() as AddressInfo;
  const calls = (count: number) => p11.run('bash', '-c', `for n in {1..${count}}; do nc -z -w 1 ${beyond} ${tcp}; done; true`);
  const answers = (address: string) => run('ping', ['-c', '2', '-i', '0.2', '-W', '1', address]).then(() => true, () => false);

  assert.deepEqual([await answers('172.29.31.10'), await answers('172.29.31.20')], [true, true]);
  await calls(10);
  assert.deepEqual([...callers], ['172.29.31.10'], 'by the first alone');

  await driver.ensure([both({ generation: 2, ecmp: true })]);
  await driver.barrier();
  // Which one a connection takes its own port says: of thirty both have some.
  await calls(30);
  assert.deepEqual([...callers].sort(), ['172.29.31.10', '172.29.31.20']);

  await driver.ensure([both({ generation: 3, ecmp: true, bfd: true })]);
  await driver.barrier();
  callers.clear();
  assert.equal(await eventually(() => p11.reaches(beyond), false), false, 'nobody there speaks BFD');

  await driver.ensure([{ ...router(31), generation: 4 }]);
  await driver.barrier();
  assert.equal(await eventually(() => p11.reaches(beyond), true), true);
  assert.equal(await answers('172.29.31.20'), false, 'the second is gone');
  assert.deepEqual(await driver.compare([{ ...router(31), generation: 4 }, port('p11', 1, 11), group(egress), network('net1', 1), network('net2', 2), external(31)]), []);
});
