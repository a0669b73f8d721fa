import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkResource, RouterSpec } from '../../driver.ts';
import { run } from '../command.ts';
import { eventually, isRoot, startOvn } from './ovn.fixture.ts';

test('a router answers outside for addresses inside, and networks have the numbers that they are given', { skip: !isRoot && 'needs root', timeout: 120_000 }, async (t) => {
  const { driver, guest, layout, programs } = await startOvn(t, { externalNumber: 42 });
  // Whoever is outside takes all of this for neighbours.
  await run('ip', ['address', 'add', 'fd42::1/32', 'dev', layout.externalInterface, 'nodad']);
  const router = (generation: number, proxied?: string[]): RouterSpec => ({
    kind: 'router', id: 'router1', projectId: 'p', generation, adminUp: true, routes: [], ...(proxied && { proxied }),
    gateway: { portId: 'gateway', networkId: 'outside', mac: 'fa:16:3e:00:00:ff', addresses: ['172.29.42.10/24', 'fd42::10/64'], nextHops: ['172.29.42.1', 'fd42::1'], snat: true },
    interfaces: [{ portId: 'inside', networkId: 'net1', mac: 'fa:16:3e:00:00:01', addresses: ['fd42:0:1::1/64'] }],
  });
  const rest: NetworkResource[] = [
    { kind: 'network', id: 'net1', projectId: 'p', generation: 1, adminUp: true, mtu: 1442, physicalNetwork: null, tunnel: 4711, servicePort: null, subnets: [{ id: 's1', version: 6, cidr: 'fd42:0:1::/64', gateway: 'fd42:0:1::1', dhcp: false, dnsServers: [], hostRoutes: [] }] },
    { kind: 'network', id: 'outside', projectId: 'p', generation: 1, adminUp: true, mtu: 1500, physicalNetwork: 'external', servicePort: null, subnets: [{ id: 's2', version: 6, cidr: 'fd42::/64', gateway: 'fd42::1', dhcp: false, dnsServers: [], hostRoutes: [] }] },
    ...[11, 12].map((host): NetworkResource => ({
      kind: 'port', id: `p${host}`, projectId: 'p', generation: 1, networkId: 'net1', adminUp: true, mac: `fa:16:3e:00:01:${host}`, addresses: [{ subnetId: 's1', address: `fd42:0:1::${host}` }], portSecurity: false, allowedAddressPairs: [],
      securityGroups: [], hostId: null,
    })),
  ];
  await driver.ensure([...rest, router(1)]);
  const [p11, p12] = await Promise.all([11, 12].map((host) => guest({ portId: `p${host}`, mac: `fa:16:3e:00:01:${host}`, addresses: [`fd42:0:1::${host}/64`], gateway: 'fd42:0:1::1' })));
  await driver.barrier();
  const answers = (host: number) => run('ping', ['-6', '-c', '3', '-i', '0.2', '-W', '1', `fd42:0:1::${host}`]).then(() => true, () => false);
  assert.deepEqual([await answers(11), await answers(12)], [false, false], 'nobody outside answers for them');

  await driver.ensure([router(2, ['fd42:0:1::11'])]);
  await driver.barrier();
  assert.equal(await eventually(() => answers(11), true, 15_000), true);
  assert.equal(await answers(12), false);
  // A guest has further addresses, of router advertisements, for which nobody answers.
  const asItself = () => p11!.run('ping', '-c', '3', '-i', '0.2', '-W', '1', '-I', 'fd42:0:1::11', 'fd42::1').then(() => true, () => false);
  assert.equal(await eventually(asItself, true), true, 'and as itself');
  assert.equal(await eventually(() => p12!.reaches('fd42:0:1::11'), true), true, 'neighbours inside reach it as before');
  assert.deepEqual(await driver.compare([...rest, router(2, ['fd42:0:1::11'])]), []);
  const number = await run(programs.program('ovn-sbctl'), ['--no-leader-only', `--db=unix:${layout.sbSocket}`, '--bare', '--columns=tunnel_key', 'find', 'Datapath_Binding', 'external_ids:name=network-net1']);
  assert.equal(number.trim(), '4711');

  await driver.ensure([router(3)]);
  await driver.barrier();
  await run('ip', ['-6', 'neighbour', 'flush', 'dev', layout.externalInterface]);
  assert.equal(await eventually(() => answers(11), false), false);
});
