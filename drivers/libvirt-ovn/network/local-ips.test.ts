import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { NetworkResource, PortSpec } from '../../driver.ts';
import { eventually, isRoot, startOvn } from './ovn.fixture.ts';

const network: NetworkResource = {
  kind: 'network', id: 'net1', projectId: 'p', generation: 1, adminUp: true, mtu: 1442, physicalNetwork: null, servicePort: null,
  subnets: [{ id: 's1', version: 4, cidr: '10.0.1.0/24', gateway: '10.0.1.1', dhcp: false, dnsServers: [], hostRoutes: [] }],
};
const rule = (direction: 'ingress' | 'egress') => ({ id: direction, direction, version: 4 as const, protocol: null, portMin: null, portMax: null, remote: { kind: 'any' as const } });
const group: NetworkResource = { kind: 'security-group', id: 'sg', projectId: 'p', generation: 1, stateful: true, rules: [rule('ingress'), rule('egress')] };
const macOf = (host: number) => `fa:16:3e:00:01:${host}`;
const port = (host: number, generation: number, more: Partial<PortSpec> = {}): PortSpec => ({
  kind: 'port', id: `p${host}`, projectId: 'p', generation, networkId: 'net1', adminUp: true, mac: macOf(host), addresses: [{ subnetId: 's1', address: `10.0.1.${host}` }], portSecurity: true, allowedAddressPairs: [],
  securityGroups: ['sg'], hostId: null, ...more,
});

test('guests reach a port by an address that it only answers for, until another has it', { skip: !isRoot && 'needs root', timeout: 180_000 }, async (t) => {
  const { driver, guest } = await startOvn(t, { externalNumber: 47 });
  await driver.ensure([network, group, port(11, 1), port(12, 1), port(13, 1)]);
  const [p11, p12, p13] = await Promise.all([11, 12, 13].map((host) => guest({ portId: `p${host}`, mac: macOf(host), addresses: [`10.0.1.${host}/24`] })));
  assert.deepEqual(await eventually(() => driver.portsUp(['p11', 'p12', 'p13']), ['p11', 'p12', 'p13']), ['p11', 'p12', 'p13']);
  await driver.barrier();
  assert.equal(await p11!.reaches('10.0.1.77'), false, 'nobody has it');

  /** Which guest answers at the address. */
  const answering = async (): Promise<string> => {
    await p11!.run('ip', 'neighbour', 'flush', 'dev', 'eth0');
    return p11!.run('nc', '-w', '2', '10.0.1.77', '80').then((said) => said.trim(), () => 'nobody');
  };
  const serve = async (of: typeof p12, word: string) => {
    const { spawn } = await import('node:child_process');
    const server = spawn('ip', ['netns', 'exec', of!.namespace, 'bash', '-c', `while true; do echo ${word} | nc -l -N 80; done`], { stdio: 'ignore', detached: true });
    t.after(async () => {
      const gone = once(server, 'exit');
      process.kill(-server.pid!, 'SIGKILL');
      await gone;
    });
  };
  await Promise.all([serve(p12, 'twelve'), serve(p13, 'thirteen')]);
  const translated = (host: number) => ({ localIps: [{ address: '10.0.1.77', translatedTo: `10.0.1.${host}` }] });
  await driver.ensure([port(12, 2, translated(12))]);
  await driver.barrier();
  assert.equal(await eventually(answering, 'twelve', 20_000), 'twelve');
  assert.equal(await p11!.reaches('10.0.1.77'), true);
  assert.equal(await p11!.reaches('10.0.1.12'), true, 'and by its own, as before');
  assert.deepEqual(await driver.compare([network, group, port(11, 1), port(12, 2, translated(12)), port(13, 1)]), []);

  // One whose guest may send as it likes is no less found.
  await driver.ensure([port(12, 3), port(13, 3, { ...translated(13), portSecurity: false, securityGroups: [] })]);
  await driver.barrier();
  assert.equal(await eventually(answering, 'thirteen', 20_000), 'thirteen');

  // The guest has it itself; of the port whose address it is, it is taken.
  await p12!.run('ip', 'address', 'add', '10.0.1.13/32', 'dev', 'lo');
  await driver.ensure([port(13, 4, { takenAddresses: ['10.0.1.13'] }), port(12, 4, { localIps: [{ address: '10.0.1.13', translatedTo: null }], allowedAddressPairs: [{ mac: macOf(12), address: '10.0.1.13' }] })]);
  await driver.barrier();
  const atThirteen = async () => {
    await p11!.run('ip', 'neighbour', 'flush', 'dev', 'eth0');
    return p11!.run('nc', '-w', '2', '10.0.1.13', '80').then((said) => said.trim(), () => 'nobody');
  };
  assert.equal(await eventually(atThirteen, 'twelve', 20_000), 'twelve');

  await driver.ensure([port(12, 5), port(13, 5)]);
  await driver.barrier();
  assert.equal(await eventually(atThirteen, 'thirteen', 20_000), 'thirteen');
  assert.equal(await eventually(answering, 'nobody', 20_000), 'nobody');
  assert.deepEqual(await driver.compare([network, group, port(11, 1), port(12, 5), port(13, 5)]), []);
});
