/** Regions of which each has an authority of its own for its certificates: home, one beside it, and one that joins from elsewhere. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { startWholeCloud } from './whole-cloud.ts';

test('home and its regions reach one another by TLS, and so does whoever uses them', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated', args: ['--tls', '--hosts', '1'] });
  const state = join(dirname(cloud.stateDir), 'far');
  t.after(async () => {
    await cloud.intercloud(['reset', '--yes'], { state });
    await cloud.reset();
  });
  /** By way of home: it looks where there is room, copies the image, and passes the request on. */
  const bootAnywhere = async (region: string) => (await cloud.openstack(['--os-region-name', 'anywhere', 'server', 'create', '--flavor', 'm1.nano', '--image', 'cirros', '--availability-zone', region, '--wait', `in-${region}`, '-f', 'value', '-c', 'status'])).trim();

  const added = await cloud.intercloud(['region', 'add', 'two', '--hosts', '1', '-f', 'json']);
  assert.equal(added.code, 0, `${added.err}\n${cloud.logs()}`);
  assert.match((JSON.parse(added.out) as { url: string }).url, /^https:/);
  // What a region that has just begun has left, home asks it within five seconds.
  const deadline = performance.now() + 120_000;
  const bootWhenKnown = async (region: string): Promise<string> =>
    bootAnywhere(region).catch((error: unknown) => {
      if (performance.now() > deadline || !/No valid host/.test(String(error))) throw error;
      return bootWhenKnown(region);
    });
  assert.equal(await bootWhenKnown('two'), 'ACTIVE');

  const { command } = JSON.parse((await cloud.intercloud(['region', 'add', 'far', '--elsewhere', '-f', 'json'])).out) as { command: string };
  const [, ...args] = command.split(' ');
  const own = ['--driver', 'simulated', '--hosts', '1', '--tls', '--port', String(Number(new URL(cloud.url).port) + 7), '-f', 'json'];
  const strange = await cloud.intercloud([...args, ...own], { state });
  assert.deepEqual([strange.code, /was not reached: self-signed certificate/.test(strange.err)], [1, true], strange.err);
  const joined = await cloud.intercloud([...args, ...own, '--home-ca', join(cloud.stateDir, 'tls', 'authority.pem')], { state });
  assert.equal(joined.code, 0, joined.err);

  const trusted = join(cloud.stateDir, 'tls', 'trusted');
  mkdirSync(trusted, { recursive: true });
  copyFileSync(join(state, 'tls', 'authority.pem'), join(trusted, 'far.pem'));
  for (const command of ['down', 'up']) assert.equal((await cloud.intercloud([command])).code, 0);

  assert.equal(await bootAnywhere('far'), 'ACTIVE');
  assert.match(await cloud.openstack(['--os-region-name', 'far', 'server', 'list', '-f', 'value', '-c', 'Name']), /in-far/);
  for (const place of [cloud.stateDir, state]) {
    const doctor = await cloud.intercloud(['doctor'], { state: place });
    assert.equal(doctor.code, 0, doctor.out);
  }
});
