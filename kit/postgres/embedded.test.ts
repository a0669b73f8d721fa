import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { createLog } from '../log.ts';
import { openDatabase } from './database.ts';
import { applicationRole, ensureDatabase, startEmbeddedPostgres } from './embedded.ts';

const system = { kind: 'system', reason: 'test' } as const;

test('acknowledged writes survive kill -9 of the server, and callers only notice a delay', async (t) => {
  const { options } = await makeDirectory(t);
  let server = await startEmbeddedPostgres(options);
  t.after(() => server.stop());
  await ensureDatabase(server, 'shop');
  const database = openDatabase({ ...at(server), applicationName: 'test', max: 4, waitMs: 20_000 });
  t.after(() => database.close());
  await database.transaction(system, (tx) => tx.script('create schema shop; create table shop.chair (id int primary key)'));

  const acknowledged: number[] = [];
  const unknown: number[] = [];
  let next = 0;
  let writing = true;
  const writers = Array.from({ length: 4 }, async () => {
    while (writing) {
      const id = next++;
      try {
        await database.transaction(system, (tx) => tx.run`insert into shop.chair (id) values (${id})`);
        acknowledged.push(id);
      } catch (error) {
        assert.equal((error as Error).name, 'UnknownOutcome');
        unknown.push(id);
      }
    }
  });
  for (let kills = 0; kills < 2; kills++) {
    const enough = acknowledged.length + 100;
    while (acknowledged.length < enough) await new Promise(setImmediate);
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
    server = await startEmbeddedPostgres(options);
  }
  const enough = acknowledged.length + 100;
  while (acknowledged.length < enough) await new Promise(setImmediate);
  writing = false;
  await Promise.all(writers);

  const rows = await database.read(system, (tx) => tx.rows<{ id: number }>`select id from shop.chair`);
  const present = new Set(rows.map(({ id }) => id));
  assert.deepEqual(acknowledged.filter((id) => !present.has(id)), []);
  // Each row that is there was acknowledged, or reported as not known.
  assert.equal(present.size, acknowledged.length + unknown.filter((id) => present.has(id)).length);
  t.diagnostic(`${acknowledged.length} acknowledged, ${unknown.length} of unknown outcome`);
});

test('who listens tries in vain one attempt at a time, and has one connection when the server is back', async (t) => {
  const { options } = await makeDirectory(t);
  let server = await startEmbeddedPostgres({ ...options, durable: false });
  t.after(() => server.stop());
  await ensureDatabase(server, 'shop');
  let failed = 0;
  let sixFailed = (): void => undefined;
  const enough = new Promise<void>((resolve) => (sixFailed = resolve));
  const destination = { write: (line: string) => void (line.includes('cannot listen') && ++failed === 6 && sixFailed()) };
  const database = openDatabase({ ...at(server), applicationName: 'listener', waitMs: 20_000, log: createLog({ name: 'test', level: 'warn', destination }) });
  t.after(() => database.close());
  let woken = (): void => undefined;
  await database.listen('news', () => woken());
  await database.holdLock(1, 2);

  process.kill(server.pid, 'SIGKILL');
  await enough;
  const back = new Promise<void>((resolve) => (woken = resolve));
  server = await startEmbeddedPostgres({ ...options, durable: false });
  await back;

  const held = await database.read(system, (tx) => tx.rows<{ pid: number }>`
    select pid from pg_stat_activity where application_name = 'listener session'`);
  assert.equal(held.length, 1);
  // One after another, ever later: some more while the server started, never twice as many each time.
  assert.ok(failed < 15, `${failed} attempts`);
});

test('a server goes with its parent, also by kill -9, and the next one starts on its data', async (t) => {
  const { options } = await makeDirectory(t);
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(new URL('embedded.ts', import.meta.url).href)};
    const { pid } = await startEmbeddedPostgres(${JSON.stringify({ ...options, durable: false })});
    process.stdout.write(String(pid));`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [pid] = await once(parent.stdout, 'data');
  parent.kill('SIGKILL');

  const server = await startEmbeddedPostgres({ ...options, durable: false });
  t.after(() => server.stop());

  assert.notEqual(server.pid, Number(String(pid)));
  await ensureDatabase(server, 'shop');
});

test('a second program on the same data is refused at once by name, and the first goes on', async (t) => {
  const { options } = await makeDirectory(t);
  const server = await startEmbeddedPostgres({ ...options, durable: false });
  t.after(() => server.stop());

  await assert.rejects(
    startEmbeddedPostgres({ ...options, durable: false, predecessorGoneWithinMs: 100 }),
    new RegExp(`process ${server.pid} is serving it`),
  );
  await ensureDatabase(server, 'shop');
});

test('only its user can reach the server, by a socket that also fits when the path is long', async (t) => {
  const { directory, options } = await makeDirectory(t);
  const dataDir = join(directory, 'x'.repeat(120));
  await mkdir(dataDir);
  const server = await startEmbeddedPostgres({ ...options, dataDir, durable: false });
  t.after(() => server.stop());

  assert.ok(server.socketDir.startsWith(options.runtimeDir));
  assert.equal((await stat(server.socketDir)).mode & 0o777, 0o700);
  await ensureDatabase(server, 'shop');
  const database = openDatabase({ ...at(server), applicationName: 'test' });
  t.after(() => database.close());
  assert.equal(await database.isReady(), true);
});

async function makeDirectory(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'embedded-'));
  // After the server's own hook, which is registered later.
  t.after(async () => t.after(() => rm(directory, { recursive: true, force: true })));
  return { directory, options: { dataDir: join(directory, 'data'), runtimeDir: directory } };
}

function at({ socketDir, port }: { socketDir: string; port: number }) {
  return { host: socketDir, port, user: applicationRole, database: 'shop' };
}
