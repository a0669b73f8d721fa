/** What every store of bytes does alike, wherever it keeps them. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { TestCloud } from '../../test/cloud.ts';
import { Damaged, pieceBytes, TooLarge } from './bodies.ts';
import { scrubBytes, sweepBytes } from './housekeeping.ts';
import { objectStoreInvariants } from './object-store.invariants.ts';
import { swift, type Ask } from './object-store.fixture.ts';
import { unlessIdle } from './patience.ts';
import { mostInRow } from './small-bodies.ts';

export type Store = {
  /** A cloud whose objects have their bytes there. */
  start(t: TestContext): Promise<{ cloud: TestCloud; /** All that it keeps, and all that is on its way there. */ kept(): Promise<string[]>; /** Other bytes in the place of those that were brought. */ replace(file: string, change: (bytes: Buffer) => Buffer): Promise<void>; /** By the clock that says how long bytes have lain. */ now(): Date }>;
};

const system = { kind: 'system', reason: 'the test looks' } as const;
const id = 'a'.repeat(32);
/** More than is kept in rows. */
const hello = 'hello'.padEnd(mostInRow + 1, '!');

export function testBodies(name: string, store: Store): void {
  test(`${name}: bytes are read as they came, whole and in part, and never as others`, async (t) => {
    const { bodies, replace } = await start(t, store);
    const bytes = patterned(2 * pieceBytes + 1000);
    const body = await bodies.receive(chunksOf(bytes, 7777), { id, limitBytes: bytes.length });
    await bodies.keep(body.file);
    await bodies.keep(body.file);

    assert.ok((await all(bodies.read(body))).equals(bytes));
    for (const [first, last] of [[0, 0], [pieceBytes - 1, pieceBytes], [10, 2 * pieceBytes + 999], [2 * pieceBytes, 2 * pieceBytes + 5]] as const)
      assert.ok((await all(bodies.read(body, { first, last }))).equals(bytes.subarray(first, last + 1)), `${first}-${last}`);
    assert.deepEqual([await bodies.isWhole(body, body.sha256), await bodies.sizeOf(id)], [true, bytes.length]);

    await replace(id, (there) => {
      there[pieceBytes + 5]! ^= 1;
      return there;
    });
    assert.equal((await all(bodies.read(body, { first: 0, last: 9 }))).length, 10);
    await assert.rejects(all(bodies.read(body)), Damaged);
    assert.equal(await bodies.isWhole(body, body.sha256), false);
    await replace(id, () => bytes.subarray(0, 100));
    await assert.rejects(all(bodies.read(body)), Damaged);
    await bodies.remove(id);
    await bodies.remove(id);
    await assert.rejects(all(bodies.read(body)), Damaged);
    assert.deepEqual([await bodies.isWhole(body, body.sha256), await bodies.sizeOf(id)], [false, undefined]);
  });

  test(`${name}: what is long, and what is nothing, comes back as it came; whoever reads a part of it takes no more`, async (t) => {
    const { bodies, kept } = await start(t, store);
    const bytes = patterned(21 * 1024 * 1024 + 3);
    const long = await bodies.receive(chunksOf(bytes, 1_000_003), { id, limitBytes: bytes.length });
    const nothing = await bodies.receive([], { id: 'b'.repeat(32), limitBytes: 0 });
    for (const { file } of [long, nothing]) await bodies.keep(file);

    assert.ok(await bodies.isWhole(long, long.sha256));
    assert.ok(await bodies.isWhole(nothing, nothing.sha256));
    for await (const piece of bodies.read(long)) {
      assert.ok(piece.equals(bytes.subarray(0, piece.length)));
      break;
    }
    assert.ok((await all(bodies.read(long, { first: bytes.length - 5, last: bytes.length - 1 }))).equals(bytes.subarray(-5)));
    assert.deepEqual([await kept(), await bodies.incomingBefore(new Date(8.64e15))], [[id], []]);
  });

  test(`${name}: an upload that breaks off, or is more than it may be, leaves nothing`, async (t) => {
    const { bodies, kept } = await start(t, store);
    const broken = async function* (before: number) {
      yield* chunksOf(Buffer.alloc(before), 1024 * 1024);
      throw new Error('the client went away');
    };

    for (const before of [4, 20 * 1024 * 1024]) await assert.rejects(bodies.receive(broken(before), { id, limitBytes: 2 * before }), /went away/);
    await assert.rejects(bodies.receive(chunksOf(Buffer.alloc(200), 50), { id, limitBytes: 100 }), TooLarge);

    assert.deepEqual([await kept(), await bodies.incomingBefore(new Date(8.64e15))], [[], []]);
  });

  test(`${name}: whoever sends nothing any more is not waited for, and whoever is slow is (FAILURES 34)`, async (t) => {
    const { bodies, kept } = await start(t, store);
    const slow = async function* () {
      for (const part of ['a', 'b', 'c']) {
        await new Promise((resolve) => void setTimeout(resolve, 10));
        yield Buffer.from(part);
      }
    };
    const silent = async function* () {
      yield Buffer.from('some');
      await new Promise(() => undefined);
    };

    assert.equal((await bodies.receive(unlessIdle(slow(), 10_000), { id, limitBytes: 100 })).sizeBytes, 3);
    await bodies.remove(id);
    await assert.rejects(bodies.receive(unlessIdle(silent(), 50), { id, limitBytes: 100 }), { status: 408 });

    assert.deepEqual(await kept(), []);
  });

  test(`${name}: what a crash left is swept up: bytes that nobody owns go, those that somebody owns stay`, async (t) => {
    const { cloud, alice, bodies, kept, now } = await start(t, store);
    const { database } = cloud.cloud.region;
    await alice('PUT', '/box');
    await alice('PUT', '/box/o', { body: hello });
    // A process died in the middle of an upload, another one after its own, and one between its transaction and what follows it.
    const midway = dyingUpload(20 * 1024 * 1024);
    const dying = bodies.receive(midway.chunks, { id: 'c'.repeat(32), limitBytes: 1e9 });
    t.after(async () => {
      midway.end();
      await assert.rejects(dying);
    });
    await midway.died;
    await bodies.receive([Buffer.alloc(mostInRow + 1)], { id, limitBytes: 1e9 });
    const owned = await bodies.receive([Buffer.from(hello)], { id: 'b'.repeat(32), limitBytes: 1e9 });
    const [before] = await database.read(system, (tx) => tx.rows<{ file: string }>`select file from object_store.blob`);
    await database.transaction(system, (tx) => tx.run`update object_store.blob set file = ${owned.file}`);
    await bodies.remove(before!.file);

    const sweep = (minutes: number) => sweepBytes({ ...cloud.cloud.region, clock: { ...cloud.clock, now: () => new Date(now().getTime() + minutes * 60_000) } });
    await sweep(5);
    assert.equal((await bodies.incomingBefore(new Date(8.64e15))).length, 3);
    await sweep(60);

    assert.deepEqual([await bodies.incomingBefore(new Date(8.64e15)), await kept()], [[], [owned.file]]);
    assert.equal((await alice('GET', '/box/o')).text, hello);
  });

  test(`${name}: bytes that rot are found before anybody reads them, told by doctor, and mended by the next upload of the right ones`, async (t) => {
    const { cloud, alice, replace, findings } = await start(t, store);
    await alice('PUT', '/box');
    await alice('PUT', '/box/o', { body: hello });
    assert.deepEqual(await findings(), []);
    const [blob] = await cloud.cloud.region.database.read(system, (tx) => tx.rows<{ file: string }>`select file from object_store.blob`);
    await replace(blob!.file, () => Buffer.from(hello.replace('e', 'a')));

    await scrubBytes(cloud.cloud.region);

    assert.match((await findings()).join(), /^The bytes \w{64} of the project \w+ \(file \w{32}\) are damaged; in box\/o$/);
    assert.equal((await alice('GET', '/box/o')).status, 500);
    await alice('PUT', '/box/again', { body: hello });
    assert.deepEqual([await findings(), (await alice('GET', '/box/o')).text], [[], hello]);
  });

  test(`${name}: doctor finds objects without their bytes, and counts that are not so (FAILURES I12)`, async (t) => {
    const { cloud, alice, bodies, findings } = await start(t, store);
    const { database } = cloud.cloud.region;
    await alice('PUT', '/box');
    await alice('PUT', '/box/o', { body: hello });
    const file = (await database.read(system, (tx) => tx.one<{ file: string }>`select file from object_store.blob`))!.file;
    await bodies.remove(file);
    await database.transaction(system, (tx) => tx.run`update object_store.container set objects = objects + 2`);

    const found = await findings();
    assert.equal(found.length, 2);
    assert.match(found.join('\n'), /should be 8193 bytes in the file \w+, and there is no such file\nThe container box .* said to hold 3 objects of 8193 bytes, and holds 1 of 8193/);
  });

  test(`${name}: what is small is in its row only, is verified like all else, and mended like it`, async (t) => {
    const { cloud, alice, kept, findings } = await start(t, store);
    const { database } = cloud.cloud.region;
    const small = 'small'.padEnd(mostInRow, '.');
    await alice('PUT', '/box');
    await alice('PUT', '/box/o', { body: small });
    await alice('PUT', '/box/empty');

    assert.deepEqual([(await alice('GET', '/box/o')).text, (await alice('GET', '/box/o', { headers: { range: 'bytes=1-3' } })).text, (await alice('GET', '/box/empty')).text], [small, 'mal', '']);
    assert.deepEqual([await kept(), await findings()], [[], []]);
    await database.transaction(system, (tx) => tx.run`update object_store.blob set bytes = overlay(bytes placing 'X'::bytea from 5) where size_bytes > 0`);
    assert.equal((await alice('GET', '/box/o')).status, 500);
    await scrubBytes(cloud.cloud.region);
    assert.match((await findings()).join(), /^The bytes \w{64} of the project \w+ \(file row:\w{32}\) are damaged; in box\/o$/);
    await alice('PUT', '/box/again', { body: small });
    assert.deepEqual([await findings(), (await alice('GET', '/box/o')).text], [[], small]);

    for (const object of ['o', 'again', 'empty']) await alice('DELETE', `/box/${object}`);
    await sweepBytes(cloud.cloud.region);
    assert.deepEqual(await database.read(system, (tx) => tx.rows`select from object_store.blob`), []);
  });

  test(`${name}: objects come, are read in part and go through the door, and nothing of them stays`, async (t) => {
    const { cloud, alice, kept } = await start(t, store);
    const bytes = patterned(9 * 1024 * 1024);
    await alice('PUT', '/box');
    for (const object of ['a', 'b']) assert.equal((await alice('PUT', `/box/${object}`, { body: bytes })).status, 201);

    assert.ok((await alice('GET', '/box/a')).bytes.equals(bytes));
    assert.ok((await alice('GET', '/box/b', { headers: { range: 'bytes=5000000-5000099' } })).bytes.equals(bytes.subarray(5_000_000, 5_000_100)));
    assert.equal((await kept()).length, 1);
    for (const object of ['a', 'b']) await alice('DELETE', `/box/${object}`);
    await sweepBytes(cloud.cloud.region);
    assert.deepEqual(await kept(), []);
  });
}

/** Its schedules rest: what is done in time is done by the test. */
async function start(t: TestContext, store: Store) {
  const started = await store.start(t);
  const { cloud } = started;
  await cloud.settle();
  await cloud.rest();
  const alice: Ask = swift(cloud, cloud.alice);
  const findings = async () => (await Promise.all(objectStoreInvariants(cloud.cloud.region).map(({ check }) => check()))).flat().map(({ message }) => message);
  return { ...started, alice, findings, bodies: cloud.cloud.region.bodies };
}

/** Its bytes come up to a point, and then neither more nor an end: who brought them is no more. */
function dyingUpload(bytes: number): { chunks: AsyncGenerator<Uint8Array>; died: Promise<void>; end(): void } {
  const [died, end] = [Promise.withResolvers<void>(), Promise.withResolvers<never>()];
  const chunks = async function* () {
    yield* chunksOf(Buffer.alloc(bytes), 1024 * 1024);
    died.resolve();
    await end.promise;
  };
  return { chunks: chunks(), died: died.promise, end: () => end.reject(new Error('the test is over')) };
}

/** No part of it is like another one. */
function patterned(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);
  return bytes;
}

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let begin = 0; begin < bytes.length; begin += size) yield bytes.subarray(begin, begin + size);
}

async function all(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const piece of pieces) read.push(piece);
  return Buffer.concat(read);
}
