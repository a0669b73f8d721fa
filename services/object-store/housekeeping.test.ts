/** What becomes of bytes and counts in time, and after a crash. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { Damaged, fileObjectBodies, pieceBytes, TooLarge } from './bodies.ts';
import { deleteExpired, foldUsage, sweepBytes } from './housekeeping.ts';
import { swift, type Ask } from './object-store.fixture.ts';

const system = { kind: 'system', reason: 'the test looks' } as const;
const id = 'a'.repeat(32);

test('bytes are read as they came, whole and in part, and never as others', async (t) => {
  const { bodies, folder } = await startBodies(t);
  const bytes = Buffer.alloc(2 * pieceBytes + 1000, 'abcdefg');
  const body = await bodies.receive(chunksOf(bytes, 7777), { id, limitBytes: bytes.length });
  await bodies.keep(body.file);

  assert.ok((await all(bodies.read(body))).equals(bytes));
  for (const [first, last] of [[0, 0], [pieceBytes - 1, pieceBytes], [10, 2 * pieceBytes + 999], [2 * pieceBytes, 2 * pieceBytes + 5]] as const)
    assert.ok((await all(bodies.read(body, { first, last }))).equals(bytes.subarray(first, last + 1)), `${first}-${last}`);
  assert.ok(await bodies.isWhole(body, body.sha256));

  const path = join(folder, 'aa', 'aa', id);
  const damaged = await readFile(path);
  damaged[pieceBytes + 5]! ^= 1;
  await writeFile(path, damaged, { mode: 0o600 });
  assert.equal((await all(bodies.read(body, { first: 0, last: 9 }))).length, 10);
  await assert.rejects(all(bodies.read(body)), Damaged);
  assert.equal(await bodies.isWhole(body, body.sha256), false);
});

test('an upload that breaks off, or is more than it may be, leaves nothing', async (t) => {
  const { bodies, folder } = await startBodies(t);
  const broken = async function* () {
    yield Buffer.from('some');
    throw new Error('the client went away');
  };

  await assert.rejects(bodies.receive(broken(), { id, limitBytes: 100 }), /went away/);
  await assert.rejects(bodies.receive(chunksOf(Buffer.alloc(200), 50), { id, limitBytes: 100 }), TooLarge);

  assert.deepEqual(await readdir(join(folder, 'incoming')), []);
});

test('what a crash left is swept up: bytes that nobody owns go, those that somebody owns stay', async (t) => {
  const { cloud, alice } = await start(t);
  const { bodies, database } = cloud.cloud.region;
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: 'hello' });
  // A process died after its upload, and another one between its transaction and the file's way to its place.
  await bodies.receive([Buffer.from('nobody owns this')], { id, limitBytes: 100 });
  const owned = await bodies.receive([Buffer.from('hello')], { id: 'b'.repeat(32), limitBytes: 100 });
  await database.transaction(system, (tx) => tx.run`update object_store.blob set file = ${owned.file}`);

  await sweepBytes({ ...cloud.cloud.region, clock: later(cloud, 5) });
  assert.equal((await bodies.incomingBefore(new Date(8.64e15))).length, 2);
  await sweepBytes({ ...cloud.cloud.region, clock: later(cloud, 60) });

  assert.deepEqual(await bodies.incomingBefore(new Date(8.64e15)), []);
  assert.equal((await alice('GET', '/box/o')).text, 'hello');
});

test('a project keeps the same bytes once, and as long as anything has them', async (t) => {
  const { cloud, alice } = await start(t);
  const bob = swift(cloud, cloud.bob);
  for (const ask of [alice, bob]) await ask('PUT', '/box');
  for (const name of ['a', 'b']) await alice('PUT', `/box/${name}`, { body: 'the same' });
  await bob('PUT', '/box/a', { body: 'the same' });
  const blobs = () => cloud.cloud.region.database.read(system, (tx) => tx.rows<{ file: string }>`select file from object_store.blob`);
  assert.equal((await blobs()).length, 2);

  await alice('DELETE', '/box/a');
  await sweepBytes(cloud.cloud.region);
  assert.equal((await alice('GET', '/box/b')).text, 'the same');
  const [one] = await blobs();
  await alice('DELETE', '/box/b');
  await sweepBytes(cloud.cloud.region);

  assert.deepEqual([(await blobs()).length, (await bob('GET', '/box/a')).text, one !== undefined], [1, 'the same', true]);
});

test('counts are right before they are folded, afterwards, and when many write at once', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/box');
  const usage = async () => {
    const { headers } = await alice('HEAD', '/box');
    const account = await alice('HEAD', '');
    return [headers['x-container-object-count'], headers['x-container-bytes-used'], account.headers['x-account-object-count'], account.headers['x-account-bytes-used']].map(Number);
  };
  await Promise.all(Array.from({ length: 20 }, (_, index) => alice('PUT', `/box/${index % 10}`, { body: 'x'.repeat(1 + (index % 10)) })));
  await alice('DELETE', '/box/9');

  assert.deepEqual(await usage(), [9, 45, 9, 45]);
  await foldUsage(cloud.cloud.region);
  assert.deepEqual(await usage(), [9, 45, 9, 45]);
  await alice('PUT', '/box/0', { body: 'xxx' });
  assert.deepEqual(await usage(), [9, 47, 9, 47]);
  for (let index = 0; index < 9; index++) await alice('DELETE', `/box/${index}`);
  await alice('DELETE', '/box');
  await foldUsage(cloud.cloud.region);
  const account = await alice('HEAD', '');
  assert.deepEqual(['container-count', 'object-count', 'bytes-used'].map((name) => account.headers[`x-account-${name}`]), ['0', '0', '0']);
});

test('what has expired is not there any more, and soon takes no room either', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: 'hello', headers: { 'x-delete-after': '10' } });
  assert.equal((await alice('GET', '/box/o')).status, 200);

  (cloud.clock as unknown as { advance(ms: number): void }).advance(11_000);

  assert.deepEqual([(await alice('GET', '/box/o')).status, (await alice('GET', '/box')).text], [404, '']);
  await alice('PUT', '/brief');
  await alice('PUT', '/brief/o', { headers: { 'x-delete-after': '1' } });
  (cloud.clock as unknown as { advance(ms: number): void }).advance(2_000);
  assert.equal((await alice('DELETE', '/brief')).status, 204);
  await deleteExpired(cloud.cloud.region);
  assert.equal((await alice('HEAD', '/box')).headers['x-container-object-count'], '0');
  assert.equal((await alice('PUT', '/box/p', { headers: { 'x-delete-at': '1' } })).status, 400);
});

type Test = Parameters<typeof startCloud>[0];

/** Its schedules rest: what is done in time is done by the test. */
async function start(t: Test): Promise<{ cloud: TestCloud; alice: Ask }> {
  const cloud = await startCloud(t);
  await cloud.settle();
  await cloud.rest();
  return { cloud, alice: swift(cloud, cloud.alice) };
}

async function startBodies(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'test-bodies-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { folder, bodies: await fileObjectBodies(folder) };
}

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let begin = 0; begin < bytes.length; begin += size) yield bytes.subarray(begin, begin + size);
}

async function all(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const piece of pieces) read.push(piece);
  return Buffer.concat(read);
}

/** Files have the time of the machine. */
function later({ clock }: TestCloud, minutes: number): TestCloud['clock'] {
  return { ...clock, now: () => new Date(Date.now() + minutes * 60_000) };
}
