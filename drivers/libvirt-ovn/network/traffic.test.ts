import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkResource, RouterSpec, TrafficCounter } from '../../driver.ts';
import { run } from '../command.ts';
import { eventually, isRoot, startOvn } from './ovn.fixture.ts';
import { counterRows } from './traffic.ts';

const counters: TrafficCounter[] = [
  { direction: 'egress', source: '10.0.0.0/8', destination: null },
  { direction: 'egress', source: '10.0.1.0/24', destination: null },
  { direction: 'egress', source: '10.0.1.12/32', destination: '172.29.41.0/24' },
  { direction: 'ingress', source: null, destination: '10.0.1.0/24' },
  { direction: 'ingress', source: null, destination: '0.0.0.0/0' },
];

const gateway = { portId: 'gateway', networkId: 'outside', mac: 'fa:16:3e:00:00:ff', addresses: ['172.29.41.10/24'], nextHops: ['172.29.41.1'], snat: true };
const router = (more: Partial<RouterSpec> = {}): RouterSpec => ({
  kind: 'router', id: 'router1', projectId: 'p', generation: 1, adminUp: true, routes: [], gateway, counters,
  interfaces: [{ portId: 'inside', networkId: 'net1', mac: 'fa:16:3e:00:00:01', addresses: ['10.0.1.1/24'] }],
  ...more,
});

test('of counters the narrower comes first, and each is about one way out', () => {
  const rows = counterRows(router(), gateway).map(({ columns }) => columns as { priority: number; match: string; action: string });
  assert.deepEqual(rows.toSorted((one, other) => other.priority - one.priority).map(({ priority, match }) => [priority, match]), [
    [158, 'outport == "router-port-gateway" && ip4.src == 10.0.1.12/32 && ip4.dst == 172.29.41.0/24'],
    [125, 'outport == "router-port-gateway" && ip4.src == 10.0.1.0/24'],
    [125, 'inport == "router-port-gateway" && ip4.dst == 10.0.1.0/24'],
    [109, 'outport == "router-port-gateway" && ip4.src == 10.0.0.0/8'],
    [101, 'inport == "router-port-gateway" && ip4'],
  ]);
  assert.deepEqual([...new Set(rows.map(({ action }) => action))], ['allow']);
});

test('the switch counts what passes a router’s way out, each packet once', { skip: !isRoot && 'needs root', timeout: 120_000 }, async (t) => {
  const { driver, guest, layout, programs } = await startOvn(t, { externalNumber: 41 });
  const port = (host: number): NetworkResource => ({
    kind: 'port', id: `p${host}`, projectId: 'p', generation: 1, networkId: 'net1', adminUp: true, mac: `fa:16:3e:00:01:${host}`, addresses: [{ subnetId: 's1', address: `10.0.1.${host}` }], portSecurity: false, allowedAddressPairs: [],
    securityGroups: [], hostId: null,
  });
  const resources: NetworkResource[] = [
    { kind: 'network', id: 'net1', projectId: 'p', generation: 1, adminUp: true, mtu: 1442, physicalNetwork: null, servicePort: null, subnets: [{ id: 's1', version: 4, cidr: '10.0.1.0/24', gateway: '10.0.1.1', dhcp: false, dnsServers: [], hostRoutes: [] }] },
    { kind: 'network', id: 'outside', projectId: 'p', generation: 1, adminUp: true, mtu: 1500, physicalNetwork: 'external', servicePort: null, subnets: [{ id: 's2', version: 4, cidr: '172.29.41.0/24', gateway: '172.29.41.1', dhcp: false, dnsServers: [], hostRoutes: [] }] },
    router(), port(11), port(12),
  ];
  await driver.ensure(resources);
  const [p11, p12] = await Promise.all([11, 12].map((host) => guest({ portId: `p${host}`, mac: `fa:16:3e:00:01:${host}`, addresses: [`10.0.1.${host}/24`], gateway: '10.0.1.1' })));
  await driver.barrier();
  assert.equal(await eventually(() => p11!.reaches('172.29.41.1'), true), true, 'counting keeps nobody from going out');
  const counted = async () => {
    const traffic = await driver.traffic();
    return counters.map(({ direction, source, destination }) => traffic.find((each) => each.direction === direction && each.source === source && each.destination === destination)!).map(({ packets, bytes }) => ({ packets, bytes }));
  };
  // The switch's datapath has counted them; its flows are told now and then.
  const settled = async () => {
    await run(programs.program('ovs-appctl'), ['-t', `${layout.runDirectory}/vswitchd.ctl`, 'revalidator/wait']);
    return counted();
  };
  const before = await settled();
  await p11!.run('ping', '-c', '20', '-i', '0.05', '-s', '1000', '172.29.41.1');
  await p12!.run('ping', '-c', '7', '-i', '0.05', '172.29.41.1');
  const grown = (await settled()).map(({ packets, bytes }, at) => ({ packets: packets - before[at]!.packets, bytes: bytes - before[at]!.bytes }));
  assert.deepEqual(grown.map(({ packets }) => packets), [0, 20, 7, 27, 0]);
  assert.deepEqual([grown[1]!.bytes, grown[2]!.bytes], [20 * (1000 + 8 + 20 + 14), 7 * (56 + 8 + 20 + 14)]);
  assert.deepEqual([...new Set((await driver.traffic()).map(({ routerId, hostId }) => `${routerId} ${hostId}`))], ['router1 host-1']);
  assert.deepEqual(await driver.compare(resources), []);

  const { counters: _none, ...silent } = router({ generation: 2 });
  await driver.ensure([silent]);
  assert.deepEqual(await driver.traffic(), []);
  assert.deepEqual(await driver.compare([...resources.filter(({ kind }) => kind !== 'router'), silent]), []);
});
