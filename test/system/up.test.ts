import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { startTestServer } from '../../kit/postgres/testing.ts';
import { freePort } from '../../supervisor/free-port.ts';
import { startWholeCloud, type WholeCloud } from './whole-cloud.ts';

type Status = { state: string; driver: string; processes: { name: string; state: string }[] };

test('a second start finds everything as it was, on another port too', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated' });
  t.after(() => cloud.reset());
  await makeServer(cloud, 'kept');
  const before = await cloud.ask<{ id: string; status: string }>(['server', 'show', 'kept', '-c', 'id', '-c', 'status']);

  assert.match((await cloud.intercloud(['up'])).out, /runs already/);
  assert.equal((await cloud.intercloud(['down'])).code, 0);
  assert.equal((await cloud.intercloud(['status'])).code, 3);
  const port = await freePort();
  assert.equal((await cloud.intercloud(['up', '--port', String(port)])).code, 0);

  assert.deepEqual(await cloud.ask(['server', 'show', 'kept', '-c', 'id', '-c', 'status']), before);
  assert.ok((await cloud.openstack(['catalog', 'show', 'compute'])).includes(`:${port}/`));
  const status = JSON.parse((await cloud.intercloud(['status', '-f', 'json'])).out) as Status;
  assert.deepEqual(new Set(status.processes.map(({ state }) => state)), new Set(['ready']));
});

test('a client gets in by openrc as by clouds.yaml, and the password is nobody else\'s', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated', asOrdinaryUser: true });
  t.after(() => cloud.reset());

  const { out } = await cloud.intercloud(['openrc']);
  const settings = Object.fromEntries([...out.matchAll(/^export (OS_\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value])) as Record<string, string>;

  assert.match(await cloud.openstack(['token', 'issue', '-f', 'value', '-c', 'project_id'], { env: { ...settings, OS_CLOUD: '' } }), /^[0-9a-f]{32}$/m);
  const password = join(cloud.stateDir, 'secrets', 'admin-password');
  assert.equal(statSync(password).mode & 0o777, 0o600);
  assert.equal(statSync(join(dirname(cloud.stateDir), '.config/openstack/clouds.yaml')).mode & 0o777, 0o600);
  for (const log of ['supervisor', 'api', 'worker', 'agent']) assert.ok(!readFileSync(join(cloud.stateDir, 'log', `${log}.log`), 'utf8').includes(readFileSync(password, 'utf8').trim()), log);
});

test('with --tls the stock client trusts the cloud\'s own authority', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated', args: ['--tls'] });
  t.after(() => cloud.reset());

  assert.ok((await cloud.openstack(['catalog', 'show', 'compute'])).includes('https://127.0.0.1'));
  await assert.rejects(fetch(cloud.url.replace('http:', 'https:')), 'a client that does not know the authority');
});

test("an operator's certificate is served, with a key that only the operator can read", async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated', args: ['--tls'] });
  t.after(() => cloud.reset());
  const [certificate, key, authority] = ['server.pem', 'server.key', 'authority.pem'].map((name) => readFileSync(join(cloud.stateDir, 'tls', name)));
  const own = { certificate: join(dirname(cloud.stateDir), 'own.pem'), key: join(dirname(cloud.stateDir), 'own.key') };
  writeFileSync(own.certificate, certificate!);
  writeFileSync(own.key, key!, { mode: 0o600 });
  assert.equal((await cloud.intercloud(['down'])).code, 0);

  const { code, err } = await cloud.intercloud(['up', '--tls-cert', own.certificate, '--tls-key', own.key]);

  assert.equal(code, 0, err);
  assert.equal(statSync(join(cloud.stateDir, 'tls', 'server.key')).mode & 0o777, 0o600);
  const status = await new Promise((resolve, reject) => {
    get(`${cloud.url.replace('http:', 'https:')}/identity/v3`, { ca: authority }, (reply) => resolve(reply.resume().statusCode)).on('error', reject);
  });
  assert.equal(status, 200);
});

test('any PostgreSQL serves by its URL', async (t) => {
  const server = await startTestServer({ durable: true });
  // The API's account comes through the folder of the socket.
  for (const folder of [server.dataDir, server.socketDir]) chmodSync(folder, 0o755);
  const url = `postgres://postgres@${encodeURIComponent(server.socketDir)}:${server.port}/postgres`;
  const clouds: WholeCloud[] = [];
  t.after(async () => {
    for (const each of clouds) await each.reset();
    await server.stop();
  });
  const cloud = await startWholeCloud({ driver: 'simulated', args: ['--database', url] });
  clouds.push(cloud);

  assert.ok(!existsSync(join(cloud.stateDir, 'postgres', 'cluster')));
  // The URL may hold a password.
  assert.equal(statSync(join(cloud.stateDir, 'cloud.json')).mode & 0o007, 0);
  await makeServer(cloud, 'here');
});

test('several clouds run side by side, and a busy port is named', async (t) => {
  const [one, other] = [await startWholeCloud({ driver: 'simulated', asOrdinaryUser: true }), await startWholeCloud({ driver: 'simulated', asOrdinaryUser: true })];
  t.after(() => Promise.all([one.reset(), other.reset()]));
  await one.openstack(['network', 'create', 'mine']);

  assert.deepEqual(await other.ask(['network', 'list', '--internal']), []);
  const { code, err } = await one.intercloud(['up', '--port', new URL(other.url).port]);
  assert.equal(code, 1);
  assert.match(err, /runs already/);
  await one.intercloud(['down']);
  const busy = await one.intercloud(['up', '--port', new URL(other.url).port]);
  assert.equal(busy.code, 1);
  assert.match(busy.err, /Port \d+ of 127\.0\.0\.1 is in use.*\n.*--port/);
});

async function makeServer({ openstack }: WholeCloud, name: string): Promise<void> {
  await openstack(['network', 'create', 'net']);
  await openstack(['subnet', 'create', '--network', 'net', '--subnet-range', '10.20.0.0/24', 'subnet']);
  await openstack(['server', 'create', '--flavor', 'm1.nano', '--image', 'cirros', '--network', 'net', '--wait', name]);
}
