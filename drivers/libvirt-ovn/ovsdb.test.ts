import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn, type ChildProcess } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { run, searchPath } from './command.ts';
import { chooseEnginePrograms } from './engine-programs.ts';
import { connectOvsdb, type OvsdbClient } from './ovsdb.ts';
import { uuidSet } from './ovsdb-values.ts';

const programs = await chooseEnginePrograms(join(process.env['INTERCLOUD_CACHE'] ?? '/var/cache/intercloud', 'switch-root'));
const needsServer = { skip: !programs && 'needs ovsdb-server', timeout: 60_000 };

const schema = {
  name: 'Shelf', version: '1.0.0',
  tables: {
    Box: {
      isRoot: true, indexes: [['name']],
      columns: {
        name: { type: 'string' },
        size: { type: { key: 'integer', min: 0, max: 1 } },
        open: { type: 'boolean' },
        labels: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
        words: { type: { key: 'string', min: 0, max: 'unlimited' } },
        beside: { type: { key: { type: 'uuid', refTable: 'Box', refType: 'weak' }, min: 0, max: 'unlimited' } },
      },
    },
  },
};
const SHAPE = { Box: { name: 'text', size: 'number?', open: 'boolean', labels: 'map', words: 'texts', beside: 'uuids' } } as const;

async function startServer(t: TestContext): Promise<{ address: string; start(): Promise<void>; stop(): Promise<void>; connect(): OvsdbClient }> {
  const folder = await mkdtemp(join(tmpdir(), 'ic-ovsdb-'));
  const at = (name: string): string => join(folder, name);
  await writeFile(at('schema'), JSON.stringify(schema));
  assert.ok(programs);
  await run(programs.program('ovsdb-tool'), ['create', at('db'), at('schema')]);
  let child: ChildProcess | undefined;
  const clients: OvsdbClient[] = [];
  const stop = async (): Promise<void> => {
    const ending = child && once(child, 'exit');
    child?.kill();
    await ending;
    child = undefined;
  };
  t.after(async () => {
    for (const client of clients) await client.close();
    await stop();
    await rm(folder, { recursive: true });
  });
  const server = {
    address: `unix:${at('socket')}`,
    async start() {
      child = spawn(programs.program('ovsdb-server'), [at('db'), `--remote=punix:${at('socket')}`, `--unixctl=${at('control')}`, '-vconsole:off'], {
        env: { ...process.env, PATH: searchPath() }, stdio: 'ignore',
      });
      await once(child, 'spawn');
    },
    stop,
    connect() {
      const client = connectOvsdb({ address: server.address, database: 'Shelf', requestTimeoutMs: 5_000 });
      clients.push(client);
      return client;
    },
  };
  await server.start();
  return server;
}

test('a replica follows every kind of column, in either direction', needsServer, async (t) => {
  const { connect } = await startServer(t);
  const [writer, reader] = [connect(), connect()];
  const replica = await reader.monitor(SHAPE);
  const boxes = (): unknown[] => [...replica.rows('Box').values()].map(({ _uuid, beside, ...row }) => ({ ...row, beside: beside.length }));

  await writer.transact([
    { op: 'insert', table: 'Box', 'uuid-name': 'a', row: { name: 'a "quoted" }{ näme', size: 3, labels: ['map', [['k', 'v'], ['x', 'y']]], words: ['set', ['one', 'two']] } },
    { op: 'insert', table: 'Box', row: { name: 'b', open: true, beside: ['set', [['named-uuid', 'a']]] } },
  ]);
  await replica.until(() => replica.rows('Box').size === 2, 5_000);
  assert.deepEqual(boxes().sort((x, y) => JSON.stringify(x) < JSON.stringify(y) ? -1 : 1), [
    { name: 'a "quoted" }{ näme', size: 3, open: false, labels: { k: 'v', x: 'y' }, words: ['one', 'two'], beside: 0 },
    { name: 'b', size: null, open: true, labels: {}, words: [], beside: 1 },
  ]);

  await writer.transact([
    { op: 'update', table: 'Box', where: [['name', '==', 'b']], row: { size: 9, open: false, beside: uuidSet([]), words: 'alone' } },
    { op: 'mutate', table: 'Box', where: [['size', '==', 3]], mutations: [['labels', 'delete', ['set', ['k']]], ['labels', 'insert', ['map', [['z', '1']]]], ['words', 'delete', 'one']] },
    { op: 'update', table: 'Box', where: [['size', '==', 3]], row: { size: ['set', []] } },
  ]);
  await replica.until(() => boxes().some((box) => (box as { size: number }).size === 9), 5_000);
  assert.deepEqual(boxes().sort((x, y) => JSON.stringify(x) < JSON.stringify(y) ? -1 : 1), [
    { name: 'a "quoted" }{ näme', size: null, open: false, labels: { x: 'y', z: '1' }, words: ['two'], beside: 0 },
    { name: 'b', size: 9, open: false, labels: {}, words: ['alone'], beside: 0 },
  ]);

  await writer.transact([{ op: 'delete', table: 'Box', where: [] }]);
  await replica.until(() => replica.rows('Box').size === 0, 5_000);
});

test('what one wrote is in its own replica when the answer comes', needsServer, async (t) => {
  const client = (await startServer(t)).connect();
  const replica = await client.monitor(SHAPE);
  for (let at = 1; at <= 100; at++) {
    await client.transact([{ op: 'insert', table: 'Box', row: { name: `box ${at}` } }]);
    assert.equal(replica.rows('Box').size, at);
  }
});

test('what others wrote before is in a replica that has caught up', needsServer, async (t) => {
  const server = await startServer(t);
  const [writer, reader] = [server.connect(), server.connect()];
  const replica = await reader.monitor(SHAPE);
  for (let at = 1; at <= 100; at++) {
    await writer.transact([{ op: 'insert', table: 'Box', row: { name: `box ${at}` } }]);
    await reader.catchUp();
    assert.equal(replica.rows('Box').size, at);
  }
});

test('a refusal says what and why, and nothing of its transaction is kept', needsServer, async (t) => {
  const client = (await startServer(t)).connect();
  const box = { op: 'insert', table: 'Box', row: { name: 'a' } } as const;
  await assert.rejects(client.transact([box, box]), { kind: 'failed', message: /Shelf refused commit: constraint violation/ });
  await assert.rejects(client.transact([box, { op: 'insert', table: 'Bottle', row: {} }]), { kind: 'failed', message: /insert on Bottle/ });
  const [rows] = await client.transact([{ op: 'select', table: 'Box', where: [], columns: ['name'] }]);
  assert.deepEqual(rows, { rows: [] });
});

test('the client comes back when the server does, and knows what changed meanwhile', needsServer, async (t) => {
  const server = await startServer(t);
  const client = server.connect();
  const replica = await client.monitor(SHAPE);
  await client.transact(['gone', 'kept'].map((name) => ({ op: 'insert', table: 'Box', row: { name } })));

  await server.stop();
  await replica.until(() => false, 200).catch(() => undefined);
  assert.throws(() => replica.rows('Box'), { kind: 'unavailable' }, 'what may be old is not told');
  const asked = client.transact([{ op: 'delete', table: 'Box', where: [['name', '==', 'gone']] }]);
  await server.start();

  await asked;
  await replica.until(() => replica.rows('Box').size === 1, 5_000);
  assert.deepEqual([...replica.rows('Box').values()].map(({ name }) => name), ['kept']);
});

test('a server that does not answer is given up after the deadline', { timeout: 20_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ic-ovsdb-'));
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket)).listen(join(folder, 'socket'));
  await once(silent, 'listening');
  const client = connectOvsdb({ address: `unix:${join(folder, 'socket')}`, database: 'Shelf' });
  t.after(async () => {
    await client.close();
    for (const socket of sockets) socket.destroy();
    silent.close();
    await rm(folder, { recursive: true });
  });

  await assert.rejects(client.transact([], { timeoutMs: 100 }), { kind: 'unavailable' });
  const absent = connectOvsdb({ address: `unix:${join(folder, 'nobody')}`, database: 'Shelf', requestTimeoutMs: 100 });
  await assert.rejects(absent.transact([]), { kind: 'unavailable', message: /Cannot reach/ });
  await absent.close();
});
