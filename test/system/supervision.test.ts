import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { run, startWholeCloud, type WholeCloud } from './whole-cloud.ts';

type Process = { name: string; pid: number; state: string; restarts: number };

test('a cloud is started, found, stopped and found again, whatever came in between', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated', asOrdinaryUser: true });
  t.after(() => cloud.reset());
  const { ask, openstack, intercloud } = cloud;
  await openstack(['network', 'create', 'net']);

  await t.test('a second start finds it running', async () => {
    const before = await processesOf(cloud);
    const { code, out } = await intercloud(['up']);
    assert.deepEqual({ code, runs: out.includes('runs already') }, { code: 0, runs: true });
    assert.deepEqual(await processesOf(cloud), before);
  });

  await t.test('starts at the same time make one cloud, and all of them succeed', async () => {
    await intercloud(['down']);
    const all = await Promise.all([1, 2, 3].map(() => intercloud(['up', '-f', 'json'])));
    assert.deepEqual(all.map(({ code }) => code), [0, 0, 0], all.map(({ err }) => err).join('\n'));
    assert.equal(all.filter(({ err }) => err.includes('Start PostgreSQL')).length, 1);
    assert.deepEqual((await processesOf(cloud)).map(({ name }) => name), ['supervisor', 'postgresql', 'api', 'agent', 'worker']);
  });

  await t.test('a start that meets another one changes nothing of it', async () => {
    await intercloud(['down']);
    const first = intercloud(['up']);
    await until(() => intercloud(['status', '-f', 'json']), ({ out }) => out.includes('"starting"'));
    const second = await intercloud(['up', '--port', '1']);
    assert.equal(second.code, 1);
    assert.match(second.err, /runs already, with --port \d+/);
    assert.equal((await first).code, 0);
    assert.equal((await intercloud(['doctor'])).code, 0);
  });

  await t.test('it can be stopped while it starts, and leaves no process', async () => {
    await intercloud(['down']);
    const start = intercloud(['up']);
    await until(() => intercloud(['status', '-f', 'json']), ({ out }) => out.includes('"starting"'));
    assert.equal((await intercloud(['down'])).code, 0);
    const { code, err } = await start;
    assert.deepEqual({ code, told: err.includes('told to stop while it started') }, { code: 1, told: true }, err);
    assert.deepEqual(processesOfFolder(cloud.stateDir), []);
    assert.equal((await intercloud(['up'])).code, 0);
  });

  await t.test('when the supervisor is killed all others end, and the next start finds everything as it was', async () => {
    await kill(cloud, 'supervisor');
    const { code, err } = await intercloud(['up']);
    assert.equal(code, 0, err);
    assert.deepEqual((await ask<{ Name: string }[]>(['network', 'list'])).map(({ Name }) => Name).sort(), ['net', 'public']);
    assert.equal((await intercloud(['doctor'])).code, 0);
  });

  await t.test('when the supervisor is killed, down waits until all others have ended', async () => {
    await kill(cloud, 'supervisor');
    assert.equal((await intercloud(['down'])).code, 0);
    assert.deepEqual(processesOfFolder(cloud.stateDir), []);
    assert.equal((await intercloud(['status'])).code, 3);
  });

  await t.test('a port that another program has is named', async () => {
    const busy = createServer();
    await new Promise<void>((done) => busy.listen({ host: '127.0.0.1', port: Number(new URL(cloud.url).port) }, done));
    const { code, err } = await intercloud(['up']);
    await new Promise((done) => busy.close(done));
    assert.equal(code, 1);
    assert.match(err, /Port \d+ of 127\.0\.0\.1 is in use by another program\n {2}Choose another one: intercloud up --port \d+/);
    assert.deepEqual(processesOfFolder(cloud.stateDir), []);
    assert.equal((await intercloud(['up'])).code, 0);
  });

  await t.test('another user is told whose cloud it is', { skip: process.getuid?.() === 0 ? false : 'only root can be several users' }, async () => {
    const env = { PATH: process.env['PATH'] ?? '', HOME: dirname(cloud.stateDir) };
    const asRoot = await run([cloud.program, 'up', '--state', cloud.stateDir], { env, timeoutMs: 60_000 });
    assert.match(asRoot.err, /belongs to another user \(\d+\), and you are root\n {2}Run the command as that user/);
    const other = ['setpriv', '--reuid', '61991', '--regid', '61991', '--clear-groups', '--'];
    for (const command of ['up', 'status', 'doctor', 'down', 'openrc']) {
      const { code, err } = await run([...other, cloud.program, command, '--state', cloud.stateDir], { env: { ...env, NODE_COMPILE_CACHE: '/nonexistent' }, timeoutMs: 60_000 });
      assert.equal(code, 1);
      assert.match(err, /belongs to another user( \(\d+\))?, and you are user 61991\n {2}Run the command as that user/, command);
    }
  });

  await t.test('a folder too deep for sockets is refused before anything is made', async () => {
    const deep = `${cloud.stateDir}-${'x'.repeat(60)}`;
    const { code, err } = await run([cloud.program, 'up', '--driver', 'simulated', '--state', deep], { env: { PATH: process.env['PATH'] ?? '', HOME: dirname(cloud.stateDir) }, timeoutMs: 60_000 });
    assert.equal(code, 1);
    assert.match(err, /path has \d+ bytes, and sockets in it leave room for \d+/);
    assert.equal(readdirSync(dirname(deep)).some((name) => deep.endsWith(`/${name}`)), false);
  });

  await t.test('the longest folder that is allowed works', async () => {
    const home = dirname(cloud.stateDir);
    const longest = `${home}/${'x'.repeat(65 - home.length - 1)}`;
    const { code, err } = await intercloud(['up', '--driver', 'simulated', '--port', String(Number(new URL(cloud.url).port) + 1)], { state: longest });
    assert.equal(code, 0, err);
    assert.equal((await intercloud(['doctor'], { state: longest })).code, 0);
    assert.equal((await intercloud(['reset', '--yes'], { state: longest })).code, 0);
    assert.deepEqual(processesOfFolder(longest), []);
  });
});

async function processesOf(cloud: WholeCloud): Promise<Process[]> {
  const { out } = await cloud.intercloud(['status', '-f', 'json']);
  return (JSON.parse(out) as { processes: Process[] }).processes;
}

async function kill(cloud: WholeCloud, name: string): Promise<void> {
  const victim = (await processesOf(cloud)).find((each) => each.name === name);
  assert.ok(victim, name);
  process.kill(victim.pid, 'SIGKILL');
}

/** Command lines that name the folder or one in it. */
function processesOfFolder(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(commandLine)
    .filter((line) => line.includes(folder));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}

async function until<T>(ask: () => Promise<T>, wished: (answer: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const answer = await ask();
    if (wished(answer)) return answer;
    assert.ok(tries < 200, JSON.stringify(answer));
  }
}
