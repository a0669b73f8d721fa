/** Two machines with real hosts, as two namespaces of this one: the second joins by its command, and guests of both are on one network. */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../supervisor/free-port.ts';
import { until } from '../joined-hosts.ts';
import { ssh } from './dialogue.ts';
import { run, startWholeCloud } from './whole-cloud.ts';

const skip = process.getuid?.() === 0 ? false : 'real machines need root';
const env = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, LANG: 'C.UTF-8' };
const [machine, link] = [`ic-rack-${process.pid}`, `icr${process.pid}`];

test('a machine joins a cloud of real hosts by one command, and its guests are on the networks of all', { skip, timeout: 600_000 }, async (t) => {
  const undo = [() => command('ip', 'netns', 'delete', machine)];
  t.after(async () => {
    const left: unknown[] = [];
    for (const each of undo.toReversed()) await each().catch((error: unknown) => left.push(error));
    assert.deepEqual(left, []);
  });
  await command('ip', 'netns', 'add', machine);
  await command('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', machine);
  await command('ip', 'address', 'add', '10.213.77.1/24', 'dev', link);
  await command('ip', 'link', 'set', link, 'up');
  for (const set of ['link set lo up', 'address add 10.213.77.2/24 dev eth0', 'link set eth0 up']) await command('ip', '-n', machine, ...set.split(' '));
  const cloud = await startWholeCloud({ driver: 'libvirt-ovn' });
  const folder = dirname(cloud.stateDir);
  const state = join(folder, 'rack');
  const there = async (...args: string[]) => command('nsenter', `--net=/run/netns/${machine}`, cloud.program, ...args, '--state', state);
  const here = async (...args: string[]) => {
    const { code, out, err } = await cloud.intercloud(args);
    assert.equal(code, 0, `${out}${err}\n${cloud.logs()}`);
    return out;
  };
  const ask = async (...args: string[]) => (await cloud.openstack(args)).trim();
  undo.push(() => cloud.reset().then(() => ''));

  assert.match((await cloud.intercloud(['host', 'token', 'rack-1'])).err, /need one IPv4 address of this machine/);
  const invited = JSON.parse(await here('host', 'token', 'rack-1', '--listen', '10.213.77.1', '--port', String(await freePort()), '-f', 'json')) as { url: string; token: string };
  undo.push(() => there('reset', '--yes'));
  await there('host', 'join', invited.url, '--token', invited.token);
  await until(async () => (await ask('compute', 'service', 'list', '--host', 'rack-1', '-f', 'value', '-c', 'State')) === 'up', 60_000);

  const key = join(folder, 'key');
  await command('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key);
  await ask('keypair', 'create', '--public-key', `${key}.pub`, 'key');
  await ask('network', 'create', 'net');
  await ask('subnet', 'create', '--network', 'net', '--subnet-range', '10.20.0.0/24', 'subnet');
  await ask('router', 'create', 'router');
  await ask('router', 'set', '--external-gateway', 'public', 'router');
  await ask('router', 'add', 'subnet', 'router', 'subnet');
  await ask('security', 'group', 'create', 'open');
  for (const rule of [['--protocol', 'icmp'], ['--protocol', 'tcp', '--dst-port', '22']]) await ask('security', 'group', 'rule', 'create', ...rule, 'open');
  const first = (await ask('compute', 'service', 'list', '--service', 'nova-compute', '-f', 'value', '-c', 'Host')).split('\n').find((name) => name !== 'rack-1')!;
  for (const [name, host] of [['near', first], ['far', 'rack-1']] as const) {
    await ask('--os-compute-api-version', '2.74', 'server', 'create', '--host', host, '--flavor', 'm1.nano', '--image', 'cirros', '--network', 'net', '--security-group', 'open', '--key-name', 'key', '--wait', name);
    assert.deepEqual(await cloud.ask(['server', 'show', name, '-c', 'status', '-c', 'OS-EXT-SRV-ATTR:host']), { status: 'ACTIVE', 'OS-EXT-SRV-ATTR:host': host });
  }
  const [near, far] = await Promise.all(['near', 'far'].map(async (name) => {
    const { addresses } = await cloud.ask<{ addresses: { net: string[] } }>(['server', 'show', name, '-c', 'addresses']);
    const floating = await ask('floating', 'ip', 'create', 'public', '-f', 'value', '-c', 'floating_ip_address');
    await ask('server', 'add', 'floating', 'ip', name, floating);
    return { own: addresses.net[0]!, floating };
  }));

  // By the first machine's router and the tunnel, with the key that the joined host's metadata service gave.
  const said = (address: string, what: string) => ssh(key, address, what, 15_000).catch((error: unknown) => String(error));
  await until(async () => (await said(far!.floating, 'hostname')).trim() === 'far', 120_000);
  await until(async () => (await said(near!.floating, `ping -c 3 -W 5 ${far!.own}`)).includes(' 0% packet loss'), 60_000);
  assert.match(await ssh(key, far!.floating, `ping -c 3 -W 5 ${near!.own}`), / 0% packet loss/);
  await here('doctor');

  await ask('server', 'delete', '--wait', 'far', 'near');
  await until(async () => (JSON.parse(await here('host', 'show', 'rack-1', '-f', 'json')) as { servers: number }).servers === 0, 30_000);
  await here('host', 'remove', 'rack-1');
  await there('reset', '--yes');
  undo.pop();
  assert.deepEqual((await command('ip', '-n', machine, '-br', 'link')).split('\n').filter(Boolean).map((line) => line.split(/[ @]/)[0]), ['lo', 'eth0']);
});

async function command(...words: string[]): Promise<string> {
  const { code, out, err } = await run(words, { env, timeoutMs: 300_000 });
  assert.equal(code, 0, `${words.join(' ')}: ${out}${err}`);
  return out;
}
