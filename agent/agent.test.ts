import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { driverSuite } from '../drivers/driver.suite.ts';
import { serverOf } from '../drivers/spec.fixtures.ts';
import { simulatedFixture } from '../drivers/simulated/simulated.fixtures.ts';
import type { SimulatedOptions } from '../drivers/simulated/simulated.ts';
import { createLog } from '../kit/log.ts';
import { calls, type Calls } from './calls.ts';
import { serveDriver, type ServeOptions } from './host.ts';
import { connectDriver, type ConnectOptions } from './remote.ts';

driverSuite('simulated, over the wire', async (t) => {
  const region = await simulatedFixture(t);
  const socketPath = join(region.folder, 'agent.sock');
  let served = await serveDriver(region.driver, { socketPath, log: quiet() });
  let driver = connectDriver({ socketPath });
  t.after(async () => {
    await driver.close();
    await served.close();
  });
  return {
    ...region,
    driver,
    async reopen() {
      await driver.close();
      await served.close();
      served = await serveDriver(await region.reopen(), { socketPath, log: quiet() });
      return (driver = connectDriver({ socketPath }));
    },
  };
});

test('the list of calls is complete, or it does not compile', () => {
  const { ensure: _, ...withoutEnsure } = calls.servers;
  // @ts-expect-error servers.ensure is not in it
  const lacking: Calls = { ...calls, servers: withoutEnsure };
  // @ts-expect-error no driver has it
  const surplus: Calls = { ...calls, hosts: { ...calls.hosts, reboot: calls.hosts.list } };

  assert.ok(lacking && surplus);
});

test('an agent that is killed in the middle of its work loses nothing that it said was done', async (t) => {
  const { folder, hosts, images } = await closedRegion(t);
  const socketPath = join(folder, 'agent.sock');
  const start = () => startAgent(t, [socketPath, join(folder, 'region'), join(folder, 'blobs')]);
  const driver = connectDriver({ socketPath });
  t.after(() => driver.close());
  const specs = Array.from({ length: 200 }, (_, index) => serverOf(hosts[index % hosts.length]!, images[0]));

  const first = await start();
  const done = new Set<string>();
  const calling = specs.map((spec) =>
    driver.servers.ensure(spec).then(
      () => {
        done.add(spec.id);
        if (done.size === 50) first.kill('SIGKILL');
      },
      (cause: unknown) => cause,
    ),
  );
  const errors = (await Promise.all(calling)).filter((cause) => cause !== undefined);
  assert.ok(done.size >= 50 && errors.length > 0, `${done.size} were made and ${errors.length} were not`);
  for (const error of errors) assert.equal((error as { kind?: string }).kind, 'unavailable');
  await assert.rejects(driver.health(), { kind: 'unavailable' });

  const second = await start();
  const found = await driver.servers.list();
  const ids = new Set(found.map(({ id }) => id));
  assert.deepEqual([...done].filter((id) => !ids.has(id)), []);
  assert.ok(found.every(({ power }) => power === 'running'));

  await Promise.all(specs.map((spec) => driver.servers.ensure(spec)));
  assert.equal((await driver.servers.list()).length, specs.length);
  second.kill('SIGTERM');
  assert.deepEqual(await once(second, 'exit'), [0, null]);
});

test('what a driver refuses arrives as it was said, with its request in the log and no secret', async (t) => {
  const lines: string[] = [];
  const log = createLog({ name: 'agent', level: 'debug', destination: { write: (line: string) => void lines.push(line) } });
  const { driver, hosts, images } = await servedRegion(t, { serve: { log }, connect: { requestId: () => 'req-7' } });
  const spec = serverOf(hosts[0]!, images[0]);
  const secret = { ...spec, metadata: { ...spec.metadata, adminPass: 'hunter2', userData: 'aHVudGVyMg==' } };

  await driver.servers.ensure({ ...secret, generation: 2 });
  await assert.rejects(driver.servers.ensure(secret), { name: 'DriverError', kind: 'stale', message: /newer generation than 1/ });

  const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ call }) => call === 'servers.ensure');
  assert.deepEqual(
    logged.map(({ requestId, level, kind, about }) => ({ requestId, level, kind, about })),
    [
      { requestId: 'req-7', level: 'debug', kind: undefined, about: { id: spec.id, generation: 2 } },
      { requestId: 'req-7', level: 'warn', kind: 'stale', about: undefined },
    ],
  );
  assert.doesNotMatch(lines.join(''), /hunter2|aHVudGVyMg/);
});

test('calls about one resource leave one after another, and others do not wait for them (FAILURES 31)', async (t) => {
  const gate = Promise.withResolvers<void>();
  const began: string[] = [];
  const { driver, hosts, images } = await servedRegion(t, {
    region: {
      faults: async ({ method, id }, phase) => {
        if (phase !== 'before' || !method.startsWith('servers.')) return;
        began.push(`${method} ${id}`);
        if (id === slow.id && began.length === 1) await gate.promise;
      },
    },
  });
  const [slow, other] = [serverOf(hosts[0]!, images[0]), serverOf(hosts[0]!, images[0])];

  const calling = [
    driver.servers.ensure(slow),
    driver.servers.consoleLog({ id: slow.id, hostId: slow.hostId }),
    driver.servers.remove({ id: slow.id, hostId: slow.hostId, generation: 2 }),
  ];
  await driver.servers.ensure(other);
  assert.deepEqual(await driver.health(), { status: 'ok', driver: 'simulated', running: 1, waiting: 0 });
  gate.resolve();
  await Promise.all(calling);

  assert.deepEqual(began.filter((call) => call.endsWith(slow.id)), ['ensure', 'consoleLog', 'remove'].map((method) => `servers.${method} ${slow.id}`));
});

test('more calls than may wait are told to come back', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { driver, hosts, images } = await servedRegion(t, {
    serve: { maxRunning: 2, maxWaiting: 3 },
    region: { faults: ({ method }, phase) => (method === 'servers.ensure' && phase === 'before' ? gate.promise : undefined) },
  });

  const calling = Array.from({ length: 10 }, () => driver.servers.ensure(serverOf(hosts[0]!, images[0])));
  const refusals = new Set<unknown>();
  const all = calling.map((call) => call.catch((cause: { kind: string }) => void (refusals.add(cause), refusals.size === 5 && gate.resolve())));
  await Promise.all(all);

  assert.deepEqual([...refusals].map((cause) => (cause as { kind: string }).kind), Array.from({ length: 5 }, () => 'unavailable'));
  assert.equal((await driver.servers.list()).length, 5);
});

test('a caller that waits in vain learns that the outcome is unknown, and its call is not begun later', async (t) => {
  const gate = Promise.withResolvers<void>();
  const began: (string | undefined)[] = [];
  const { driver, hosts, images, region } = await servedRegion(t, {
    serve: { maxRunning: 1 },
    connect: { timeoutMs: 200 },
    region: {
      faults: ({ method, id }, phase) => {
        if (method !== 'servers.ensure' || phase !== 'before') return;
        began.push(id);
        return gate.promise;
      },
    },
  });
  const [begun, queued] = [serverOf(hosts[0]!, images[0]), serverOf(hosts[0]!, images[0])];

  await Promise.all([begun, queued].map((spec) => assert.rejects(driver.servers.ensure(spec), { kind: 'unavailable' })));
  gate.resolve();
  // It takes its turn behind the two: when it is answered, both have ended.
  await driver.hosts.list();

  assert.deepEqual(began, [begun.id]);
  assert.deepEqual((await region.driver.servers.list()).map(({ id }) => id), [begun.id]);
});

test('an agent that stops lets the calls that run end, and takes no more', async (t) => {
  const [began, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { driver, served, hosts, images, socketPath } = await servedRegion(t, {
    region: { faults: ({ method }, phase) => (method === 'servers.ensure' && phase === 'before' ? (began.resolve(), gate.promise) : undefined) },
  });
  const running = driver.servers.ensure(serverOf(hosts[0]!, images[0]));
  await began.promise;

  const stopped = served.close();
  await assert.rejects(driver.servers.list(), { kind: 'unavailable' });
  gate.resolve();

  assert.equal((await running).power, 'running');
  await stopped;
  await assert.rejects(stat(socketPath), { code: 'ENOENT' });
});

test('the socket is its owner\'s alone, and is served once', async (t) => {
  const { socketPath, region } = await servedRegion(t, { serve: { owner: { uid: process.getuid!(), gid: process.getgid!() } } });

  const { mode, uid } = await stat(socketPath);

  assert.equal(mode & 0o777, 0o600);
  assert.equal(uid, process.getuid!());
  await assert.rejects(serveDriver(region.driver, { socketPath, log: quiet() }), { kind: 'unavailable' });
});

test('what is no call is refused: other names, other methods, no JSON, too much of it', async (t) => {
  const { socketPath } = await servedRegion(t);
  const ask = (method: string, path: string, body = '') => post({ socketPath, method, path, body });

  assert.deepEqual(await ask('POST', '/servers/constructor'), { status: 404, kind: 'invalid' });
  assert.deepEqual(await ask('POST', '/simulation/crash'), { status: 404, kind: 'invalid' });
  assert.deepEqual(await ask('POST', '/__proto__/toString'), { status: 404, kind: 'invalid' });
  assert.deepEqual(await ask('GET', '/servers/list'), { status: 404, kind: 'invalid' });
  assert.deepEqual(await ask('POST', '/servers/ensure', '{'), { status: 422, kind: 'invalid' });
  assert.deepEqual(await ask('POST', '/servers/ensure'), { status: 422, kind: 'invalid' });
  assert.deepEqual(await ask('POST', '/servers/ensure', '[]'), { status: 422, kind: 'invalid' });
  assert.deepEqual(await ask('POST', '/networks/ensure', '{}'), { status: 422, kind: 'invalid' });
  assert.deepEqual(await ask('POST', '/servers/list', 'null'), { status: 422, kind: 'invalid' });
});

test('an argument that is too large is not read, and not sent', async (t) => {
  const { socketPath, driver, hosts, images } = await servedRegion(t);
  const spec = serverOf(hosts[0]!, images[0]);

  const sent = request({ socketPath, method: 'POST', path: '/servers/ensure', headers: { 'content-length': 2 ** 30 } });
  sent.flushHeaders();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 422);
  sent.destroy();

  await assert.rejects(driver.servers.ensure({ ...spec, metadata: { ...spec.metadata, userData: 'x'.repeat(2 ** 20) } }), { kind: 'invalid' });
  assert.deepEqual(await driver.servers.list(), []);
});

test('a caller that goes away in the middle of its request does no harm', async (t) => {
  const { socketPath, driver } = await servedRegion(t);

  const socket = connect(socketPath);
  await once(socket, 'connect');
  socket.write('POST /servers/ensure HTTP/1.1\r\nhost: agent\r\ncontent-length: 1000\r\n\r\n{"id":');
  await driver.health();
  socket.destroy();

  assert.deepEqual(await driver.servers.list(), []);
  assert.equal((await driver.health()).running, 0);
});

type Wishes = { region?: Partial<SimulatedOptions>; serve?: Partial<ServeOptions>; connect?: Partial<ConnectOptions> };

async function servedRegion(t: TestContext, wishes: Wishes = {}) {
  const region = await simulatedFixture(t, wishes.region);
  const socketPath = join(region.folder, 'agent.sock');
  const served = await serveDriver(region.driver, { socketPath, log: quiet(), ...wishes.serve });
  const driver = connectDriver({ socketPath, ...wishes.connect });
  t.after(async () => {
    await driver.close();
    await served.close();
  });
  const hosts = (await region.driver.hosts.list()).map(({ id }) => id);
  return { region, served, driver, socketPath, hosts, images: region.images };
}

/** The folder of a region that exists and that nobody has open. */
async function closedRegion(t: TestContext) {
  const { driver, folder, images } = await simulatedFixture(t);
  const hosts = (await driver.hosts.list()).map(({ id }) => id);
  await driver.close();
  return { folder, hosts, images };
}

async function startAgent(t: TestContext, args: string[]): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('agent.fixture.ts', import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  for await (const line of createInterface(child.stdout)) if (line.includes('"serving"')) return child;
  throw new Error('The agent ended before it served');
}

async function post({ body, ...options }: { socketPath: string; method: string; path: string; body: string }) {
  const sent = request(options);
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const { error } = JSON.parse(Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)).toString()) as { error: { kind: string } };
  return { status: response.statusCode, kind: error.kind };
}

function quiet() {
  return createLog({ name: 'agent', level: 'silent' });
}
