/** A cloud of several regions as a user has it: real processes, the stock client. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { dirname, join as pathOf } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startWholeCloud, type WholeCloud } from './whole-cloud.ts';

type Process = { name: string; pid: number; state: string };
type Region = { name: string; status: string; first: boolean; url: string };

test('another region has its own processes and servers, and one identity with the first', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated', asOrdinaryUser: true });
  t.after(() => cloud.reset());
  const added = await cloud.intercloud(['region', 'add', 'two', '--hosts', '2', '-f', 'json']);
  assert.equal(added.code, 0, `${added.err}\n${cloud.logs()}`);
  const { url } = JSON.parse(added.out) as Region;
  const inTwo = (args: string[]) => cloud.openstack(['--os-region-name', 'two', ...args]);

  await t.test('it runs beside the first, and everybody can find it', async () => {
    assert.deepEqual((await processesOf(cloud)).map(({ name, state }) => `${name} ${state}`), ['supervisor', 'postgresql', 'api', 'agent', 'worker', 'two/api', 'two/agent', 'two/worker'].map((name) => `${name} ready`));
    assert.deepEqual((await regionsOf(cloud)).map(({ name, status, first }) => ({ name, status, first })), [{ name: 'RegionOne', status: 'joined', first: true }, { name: 'two', status: 'joined', first: false }]);
    const endpoints = await cloud.ask<{ Region: string; 'Service Type': string; Interface: string; URL: string }[]>(['endpoint', 'list', '--region', 'two']);
    assert.ok(endpoints.some((each) => each['Service Type'] === 'compute' && each.URL.startsWith(url)));
    assert.ok(endpoints.some((each) => each['Service Type'] === 'identity' && each.URL.startsWith(cloud.url)), 'identity is one');
  });

  await t.test('what is made in it is there and nowhere else', async () => {
    await inTwo(['network', 'create', 'net']);
    await inTwo(['subnet', 'create', '--network', 'net', '--subnet-range', '10.20.0.0/24', 'subnet']);
    assert.equal((await inTwo(['server', 'create', '--flavor', 'm1.nano', '--image', 'cirros', '--network', 'net', '--wait', 'there', '-f', 'value', '-c', 'status'])).trim(), 'ACTIVE');
    assert.equal((await inTwo(['server', 'list', '-f', 'value', '-c', 'Name'])).trim(), 'there');
    assert.equal((await cloud.openstack(['server', 'list', '-f', 'value', '-c', 'Name'])).trim(), '');
    assert.equal((await cloud.intercloud(['doctor'])).code, 0, (await cloud.intercloud(['doctor'])).out);
  });

  await t.test('it goes on serving while home does not answer, also after a restart, and hears of revocations when home is back', async () => {
    const [kept, revoked] = [await tokenOf(cloud), await tokenOf(cloud)];
    assert.equal(await statusIn(url, revoked), 200);
    const home = await processOf(cloud, 'api');
    process.kill(home.pid, 'SIGSTOP');
    try {
      await assert.rejects(fetch(`${cloud.url}/identity/v3`, { signal: AbortSignal.timeout(300) }), 'home does not answer');
      assert.equal(await statusIn(url, kept), 200);
      process.kill((await processOf(cloud, 'two/api')).pid, 'SIGKILL');
      await until(async () => (await statusIn(url, kept)) === 200 && (await processOf(cloud, 'two/api')).state === 'ready');
      assert.equal(await statusIn(url, revoked), 200, 'nobody has revoked it yet');
    } finally {
      process.kill(home.pid, 'SIGKILL');
    }
    await until(async () => (await processOf(cloud, 'api')).state === 'ready');

    await cloud.openstack(['token', 'revoke', revoked]);

    await until(async () => (await statusIn(url, revoked)) === 401);
    assert.equal(await statusIn(url, kept), 200);
  });

  await t.test('it is started with the cloud, and found as it was', async () => {
    assert.equal((await cloud.intercloud(['down'])).code, 0);
    const up = await cloud.intercloud(['up']);
    assert.equal(up.code, 0, up.err);
    assert.equal((await inTwo(['server', 'list', '-f', 'value', '-c', 'Name'])).trim(), 'there');
  });

  await t.test('it is removed only when it holds nothing', async () => {
    const refused = await cloud.intercloud(['region', 'remove', 'two']);
    assert.match(refused.err, /two still holds server there \(/);
    assert.equal(refused.code, 1);
    await inTwo(['server', 'delete', '--wait', 'there']);

    const removed = await cloud.intercloud(['region', 'remove', 'two']);

    assert.equal(removed.code, 0, removed.err);
    assert.deepEqual((await regionsOf(cloud)).map(({ name }) => name), ['RegionOne']);
    assert.equal((await cloud.openstack(['endpoint', 'list', '--region', 'two', '-f', 'value'])).trim(), '');
    assert.ok(!(await processesOf(cloud)).some(({ name }) => name.startsWith('two/')));
  });
});

test('a region joins from another state folder by one command, which works once', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated', asOrdinaryUser: true });
  const state = pathOf(dirname(cloud.stateDir), 'far');
  t.after(async () => {
    await cloud.intercloud(['reset', '--yes'], { state });
    await cloud.reset();
  });
  const { command } = JSON.parse((await cloud.intercloud(['region', 'add', 'far', '--elsewhere', '-f', 'json'])).out) as { command: string };
  const [, ...args] = command.split(' ');
  const port = Number(new URL(cloud.url).port) + 7;
  const join = () => cloud.intercloud([...args, '--driver', 'simulated', '--hosts', '1', '--port', String(port), '-f', 'json'], { state });

  // Home has taken it in, and it does not come up.
  const squatter = createServer().listen(port, '127.0.0.1');
  await once(squatter, 'listening');
  const brokenOff = await join();
  assert.match(brokenOff.err, new RegExp(`Port ${port} of 127.0.0.1 is in use`));
  squatter.close();
  const joined = await join();

  assert.equal(joined.code, 0, joined.err);
  assert.match(await cloud.openstack(['--os-region-name', 'far', 'flavor', 'list', '-f', 'value', '-c', 'Name']), /m1\.tiny/);
  const again = await cloud.intercloud([...args, '--driver', 'simulated'], { state: `${state}-too` });
  assert.deepEqual({ code: again.code, told: again.err.includes('This invitation is not valid') }, { code: 1, told: true }, again.err);
  const token = await tokenOf(cloud);
  const { url } = JSON.parse(joined.out) as Region;

  assert.equal((await cloud.intercloud(['down'])).code, 0);
  assert.equal((await cloud.intercloud(['down'], { state })).code, 0);
  assert.equal((await cloud.intercloud(['up'], { state })).code, 0);

  assert.equal(await statusIn(url, token), 200, 'home is down, and it has begun anew');
  assert.equal((await cloud.intercloud(['up'])).code, 0);
});

async function processesOf(cloud: WholeCloud): Promise<Process[]> {
  return (JSON.parse((await cloud.intercloud(['status', '-f', 'json'])).out) as { processes: Process[] }).processes;
}

async function processOf(cloud: WholeCloud, wanted: string): Promise<Process> {
  const found = (await processesOf(cloud)).find(({ name }) => name === wanted);
  assert.ok(found, `there is no process ${wanted}`);
  return found;
}

async function regionsOf(cloud: WholeCloud): Promise<Region[]> {
  return JSON.parse((await cloud.intercloud(['region', 'list', '-f', 'json'])).out) as Region[];
}

async function tokenOf(cloud: WholeCloud): Promise<string> {
  return (await cloud.openstack(['token', 'issue', '-f', 'value', '-c', 'id'])).trim();
}

/** 0: nobody answers there. */
async function statusIn(url: string, token: string): Promise<number> {
  try {
    return (await fetch(`${url}/compute/v2.1/servers`, { headers: { 'x-auth-token': token }, signal: AbortSignal.timeout(5_000) })).status;
  } catch {
    return 0;
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, 'it did not come to that in a minute');
    await pause(50);
  }
}
