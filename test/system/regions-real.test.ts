/** Two regions of real machines on one machine: engines, networks and addresses of each are its own, also where they are the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { run, startWholeCloud } from './whole-cloud.ts';

const skip = process.getuid?.() === 0 ? false : 'real machines need root';

test('two regions with real hosts stand side by side, and one goes without the other', { skip, timeout: 900_000 }, async (t) => {
  const cloud = await startWholeCloud({ driver: 'libvirt-ovn' });
  t.after(() => cloud.reset());
  const added = await cloud.intercloud(['region', 'add', 'two'], { timeoutMs: 400_000 });
  assert.equal(added.code, 0, `${added.err}\n${cloud.logs()}`);

  const addresses = await Promise.all(['RegionOne', 'two'].map((region) => bootIn(region)));
  for (const address of addresses) await untilItAnswers(address);
  const doctor = await cloud.intercloud(['doctor']);
  assert.equal(doctor.code, 0, doctor.out);

  await cloud.openstack(['--os-region-name', 'two', 'server', 'delete', '--wait', 'web']);
  const removed = await cloud.intercloud(['region', 'remove', 'two']);
  assert.equal(removed.code, 0, removed.err);
  await untilItAnswers(addresses[0]!);

  /** The same network, with the same addresses, as in the other; resolves to where the machine is reached from outside. */
  async function bootIn(region: string): Promise<string> {
    const there = async (...args: string[]) => (await cloud.openstack(['--os-region-name', region, ...args])).trim();
    await there('network', 'create', 'net');
    await there('subnet', 'create', '--network', 'net', '--subnet-range', '10.20.0.0/24', 'subnet');
    await there('router', 'create', 'router');
    await there('router', 'set', '--external-gateway', 'public', 'router');
    await there('router', 'add', 'subnet', 'router', 'subnet');
    await there('security', 'group', 'create', 'ping');
    await there('security', 'group', 'rule', 'create', '--protocol', 'icmp', 'ping');
    assert.equal(await there('server', 'create', '--flavor', 'm1.nano', '--image', 'cirros', '--network', 'net', '--security-group', 'ping', '--wait', 'web', '-f', 'value', '-c', 'status'), 'ACTIVE');
    const address = await there('floating', 'ip', 'create', 'public', '-f', 'value', '-c', 'floating_ip_address');
    await there('server', 'add', 'floating', 'ip', 'web', address);
    return address;
  }
});

async function untilItAnswers(address: string): Promise<void> {
  const deadline = performance.now() + 120_000;
  while ((await run(['ping', '-c', '1', '-W', '2', address], { env: { PATH: process.env['PATH'] ?? '' }, timeoutMs: 10_000 })).code !== 0) {
    assert.ok(performance.now() < deadline, `${address} does not answer`);
    await pause(500);
  }
}
