/** Hosts on other machines as a user has them: the commands of both machines, real processes, the stock client. */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../supervisor/free-port.ts';
import { until } from '../joined-hosts.ts';
import { startWholeCloud } from './whole-cloud.ts';

type Process = { name: string; pid: number; state: string };
type Host = { name: string; status: string; seen_at: string | null; servers: number; key_sha256: string | null };

test('a machine joins by one command, carries servers, and is found again after a restart of either side', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated', asOrdinaryUser: true, args: ['--hosts', '1'] });
  const state = join(dirname(cloud.stateDir), 'rack-1');
  const there = (args: string[]) => cloud.intercloud(args, { state });
  t.after(async () => {
    // Its folder is in that of the cloud, and goes with it.
    await there(['reset', '--yes']);
    await cloud.reset();
  });
  const port = String(await freePort());
  const well = async (ran: ReturnType<typeof cloud.intercloud>) => {
    const { code, out, err } = await ran;
    assert.equal(code, 0, `${out}${err}\n${cloud.logs()}`);
    return out;
  };
  const host = async () => JSON.parse(await well(cloud.intercloud(['host', 'show', 'rack-1', '-f', 'json']))) as Host;
  const status = async (name: string) => (await cloud.openstack(['server', 'show', name, '-f', 'value', '-c', 'status'])).trim();
  const isUp = async () => (await cloud.openstack(['compute', 'service', 'list', '--host', 'rack-1', '-f', 'value', '-c', 'State'])).trim() === 'up';

  const invited = JSON.parse(await well(cloud.intercloud(['host', 'token', 'rack-1', '--port', port, '-f', 'json']))) as { url: string; token: string };
  assert.equal((await host()).status, 'invited');
  await well(there(['host', 'join', invited.url, '--token', invited.token]));

  await t.test('it is a host of the region, and its token is worth nothing any more', async () => {
    await until(isUp, 60_000);
    const { status: joined, key_sha256: key } = await host();
    assert.deepEqual([joined, key?.length], ['joined', 64]);
    const again = await cloud.intercloud(['host', 'join', invited.url, '--token', invited.token], { state: join(dirname(state), 'thief') });
    assert.deepEqual([again.code, /This token is not valid/.test(again.err)], [1, true], again.err);
    assert.match((await there(['host', 'list'])).err, /holds the host rack-1 of the region RegionOne/);
  });

  await t.test('servers are made on it', async () => {
    await cloud.openstack(['compute', 'service', 'set', '--disable', 'host-1', 'nova-compute']);
    await cloud.openstack(['server', 'create', '--flavor', 'm1.nano', '--image', 'cirros', '--network', 'public', '--wait', 'far']);
    const shown = await cloud.ask(['server', 'show', 'far', '-c', 'status', '-c', 'OS-EXT-SRV-ATTR:host']);
    assert.deepEqual(shown, { status: 'ACTIVE', 'OS-EXT-SRV-ATTR:host': 'rack-1' });
    assert.equal((await host()).servers, 1);
    assert.match(await cloud.openstack(['console', 'log', 'show', 'far']), /login/);
    assert.match((await cloud.intercloud(['host', 'remove', 'rack-1'])).err, /Host rack-1 has 1 servers/);
  });

  await t.test('while it is away its servers are left alone, and it comes back by itself', async () => {
    await well(there(['down']));
    await until(async () => (await cloud.openstack(['console', 'log', 'show', 'far']).catch(() => 'away')) === 'away');
    assert.equal(await status('far'), 'ACTIVE');
    await well(there(['up']));
    const processes = (JSON.parse(await well(cloud.intercloud(['status', '-f', 'json']))) as { processes: Process[] }).processes;
    process.kill(processes.find(({ name }) => name === 'gate')!.pid, 'SIGKILL');
    await until(async () => (await cloud.openstack(['console', 'log', 'show', 'far']).catch(() => 'away')) !== 'away', 60_000);
    assert.equal(await status('far'), 'ACTIVE');
    await well(cloud.intercloud(['doctor']));
  });

  await t.test('the cloud starts again with it', async () => {
    await well(cloud.intercloud(['down']));
    await well(cloud.intercloud(['up']));
    await until(isUp, 60_000);
    await cloud.openstack(['server', 'reboot', '--hard', '--wait', 'far']);
    await cloud.openstack(['server', 'delete', '--wait', 'far']);
    await until(async () => (await host()).servers === 0, 30_000);
    await well(cloud.intercloud(['host', 'remove', 'rack-1']));
    const left = JSON.parse(await well(cloud.intercloud(['host', 'list', '-f', 'json']))) as { name: string; status: string }[];
    assert.deepEqual(left.filter(({ status }) => status !== 'first machine'), []);
  });
});
