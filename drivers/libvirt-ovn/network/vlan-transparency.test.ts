import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { NetworkSpec, PortSpec } from '../../driver.ts';
import { eventually, isRoot, startOvn } from './ovn.fixture.ts';

const network = (generation: number, vlanTransparent?: boolean): NetworkSpec => ({
  kind: 'network', id: 'net1', projectId: 'p', generation, adminUp: true, mtu: 1442, physicalNetwork: null, servicePort: null, ...(vlanTransparent && { vlanTransparent }),
  subnets: [{ id: 's1', version: 4, cidr: '10.0.1.0/24', gateway: '10.0.1.1', dhcp: false, dnsServers: [], hostRoutes: [] }],
});
const macOf = (host: number) => `fa:16:3e:00:01:${host}`;
const port = (host: number): PortSpec => ({
  kind: 'port', id: `p${host}`, projectId: 'p', generation: 1, networkId: 'net1', adminUp: true, mac: macOf(host), addresses: [{ subnetId: 's1', address: `10.0.1.${host}` }], portSecurity: false, allowedAddressPairs: [],
  securityGroups: [], hostId: null,
});

test('guests have VLANs of their own on a network that lets them, and on no other', { skip: !isRoot && 'needs root', timeout: 180_000 }, async (t) => {
  const { driver, guest } = await startOvn(t, { externalNumber: 48 });
  await driver.ensure([network(1), port(11), port(12)]);
  const [p11, p12] = await Promise.all([11, 12].map((host) => guest({ portId: `p${host}`, mac: macOf(host), addresses: [`10.0.1.${host}/24`] })));
  const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const isHeard = async (): Promise<boolean> => {
    // Nobody there answers in the VLAN: that it is heard is enough.
    const hearing = p12!.run('python3', file('./vlan-hearing.py'), 'eth0', '7', '3').then(() => true, () => false);
    await p11!.run('python3', file('./vlan-ping.py'), 'eth0', '7', macOf(11), '10.7.0.11', macOf(12), '10.7.0.12').catch(() => undefined);
    return hearing;
  };
  assert.deepEqual(await eventually(() => driver.portsUp(['p11', 'p12']), ['p11', 'p12']), ['p11', 'p12']);
  await driver.barrier();
  assert.equal(await eventually(() => p11!.reaches('10.0.1.12'), true), true);
  assert.equal(await isHeard(), false);

  await driver.ensure([network(2, true)]);
  await driver.barrier();
  assert.equal(await eventually(isHeard, true, 20_000), true);
  assert.equal(await p11!.reaches('10.0.1.12'), true);
  assert.deepEqual(await driver.compare([network(2, true), port(11), port(12)]), []);
});
