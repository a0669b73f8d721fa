import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { fileBlobStore } from '../blobs.ts';
import { inMemory } from './disk-file.ts';
import { inspect } from './inspection.ts';
import { inspectInJail, InspectionFailed, jailed, jailStrength } from './jail.ts';
import { cluster, hostile, soundQcow2 } from './corpus.ts';
import { expandQcow2 } from './expand.ts';
import { receive, type AcceptedBytes } from './intake.ts';

const maxVirtualSizeBytes = 2 ** 44;

for (const { name, declared, bytes, reason } of hostile)
  test(`an image said to be ${declared} is refused when it ${name} (ATTACKS 1, 2, 4)`, () => {
    const started = performance.now();
    const inspection = inspect(inMemory(bytes), { declared, maxVirtualSizeBytes });
    assert.equal(inspection.verdict, 'unsafe');
    assert.match('reason' in inspection ? inspection.reason : '', reason);
    assert.ok(performance.now() - started < 1000);
  });

test('a qcow2 becomes the raw disk that is in it, compressed or not, with holes where it is zero', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'expand-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [from, to] = [join(folder, 'qcow2'), join(folder, 'raw')];
  const packed = deflateRawSync(Buffer.alloc(cluster, 'packed '));
  const file = soundQcow2({ content: Buffer.from('plain'), virtualSize: 5 * cluster - 512 });
  // In one cluster of the file after the plain one: the disk's last, and one that says that it is zero.
  const table = 4 * cluster;
  file.writeBigUInt64BE((1n << 62n) | (BigInt(Math.ceil((100 + packed.length) / 512) - 1) << 54n) | BigInt(5 * cluster + 4096 + 100), table + 4 * 8);
  file.writeBigUInt64BE(BigInt(5 * cluster) | 1n, table + 2 * 8);
  packed.copy(file, 5 * cluster + 4096 + 100);
  await writeFile(from, file);

  for (let twice = 0; twice < 2; twice++) await expandQcow2(from, to);
  const raw = await readFile(to);
  assert.equal(raw.length, 5 * cluster - 512);
  assert.equal(raw.subarray(0, 5).toString(), 'plain');
  assert.ok(raw.subarray(cluster, 4 * cluster).every((byte) => byte === 0));
  assert.deepEqual(raw.subarray(4 * cluster), Buffer.alloc(cluster, 'packed ').subarray(0, cluster - 512));
  assert.ok((await stat(to)).blocks * 512 < 3 * cluster);
});

test('a sound image passes, and its disk has the size that it says', () => {
  assert.deepEqual(inspect(inMemory(soundQcow2()), { declared: 'qcow2', maxVirtualSizeBytes }), { verdict: 'safe', format: 'qcow2', virtualSizeBytes: 2 ** 30 });
  assert.deepEqual(inspect(inMemory(Buffer.alloc(512)), { declared: 'raw', maxVirtualSizeBytes }), { verdict: 'safe', format: 'raw', virtualSizeBytes: 512 });
});

test('whatever is changed in or cut from an image, the inspection ends with a verdict', () => {
  const sound = soundQcow2();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.oneof(fc.nat(112), fc.nat(sound.length - 1)), fc.nat(255)), { maxLength: 12 }), fc.nat(sound.length), (changes, length) => {
      const bytes = Buffer.from(sound);
      for (const [at, value] of changes) bytes[at] = value;
      const inspection = inspect(inMemory(bytes.subarray(0, length)), { declared: 'qcow2', maxVirtualSizeBytes });
      // What passes has no name of another file.
      if (inspection.verdict === 'safe') assert.equal(bytes.readBigUInt64BE(8), 0n);
    }),
    { numRuns: 300 },
  );
});

test('the jail judges as the inspection does', async (t) => {
  const { folder } = await workplace(t);
  const path = join(folder, 'image');

  await writeFile(path, soundQcow2());
  assert.deepEqual(await inspectInJail(path, { declared: 'qcow2', maxVirtualSizeBytes }), { verdict: 'safe', format: 'qcow2', virtualSizeBytes: 2 ** 30 });

  const [first] = hostile;
  await writeFile(path, first!.bytes);
  assert.equal((await inspectInJail(path, { declared: 'qcow2', maxVirtualSizeBytes })).verdict, 'unsafe');
});

test('an inspection that takes too long is killed, and the image is not used (ATTACKS 6)', async (t) => {
  const { folder } = await workplace(t);
  await writeFile(join(folder, 'image'), soundQcow2());
  await assert.rejects(inspectInJail(join(folder, 'image'), { declared: 'qcow2', maxVirtualSizeBytes }, { timeoutMs: 1 }), InspectionFailed);
});

test('many images that come at once are all judged, a few at a time', async (t) => {
  const { folder } = await workplace(t);
  await writeFile(join(folder, 'image'), soundQcow2());
  const order = { declared: 'qcow2', maxVirtualSizeBytes };
  const outcomes = await Promise.allSettled([...Array.from({ length: 6 }, () => inspectInJail(join(folder, 'image'), order)), inspectInJail(join(folder, 'missing'), order)]);
  assert.deepEqual(outcomes.map(({ status }) => status), [...Array.from({ length: 6 }, () => 'fulfilled'), 'rejected']);
});

const probe = `
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
const outcome = {};
for (const [name, attempt] of Object.entries({
  read: () => readFileSync('/etc/passwd'),
  write: () => writeFileSync('escaped', ''),
  run: () => execFileSync('true'),
})) try { attempt(); outcome[name] = 'done'; } catch (error) { outcome[name] = error.code; }
connect(Number(process.argv[2]), '127.0.0.1', () => { outcome.connect = 'done'; report(); }).on('error', (error) => { outcome.connect = error.code; report(); });
function report() { console.log(JSON.stringify(outcome)); process.exit(0); }
`;

for (const walls of ['all that there are', 'only Node’s'])
  test(`what is in the jail reads no file, writes none, starts nothing and reaches nobody, behind ${walls}`, async (t) => {
    const { folder } = await workplace(t);
    await writeFile(join(folder, 'probe.mjs'), probe);
    const strength = walls === 'only Node’s' ? { namespaces: false, limits: false } : await jailStrength();
    const [program = '', ...parameters] = jailed(join(folder, 'probe.mjs'), '9', strength);
    const { stdout } = await promisify(execFile)(program, parameters, { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
    assert.deepEqual(JSON.parse(stdout), { read: 'ERR_ACCESS_DENIED', write: 'ERR_ACCESS_DENIED', run: 'ERR_ACCESS_DENIED', connect: 'ERR_ACCESS_DENIED' });
  });

test('the strength of the jail is known', async () => {
  const strength = await jailStrength();
  assert.deepEqual(Object.keys(strength).sort(), ['limits', 'namespaces']);
});

test('accepted bytes get the name of their hash and can be written by nobody (ATTACKS 10)', async (t) => {
  const { blobs, intake, claimed } = await workplace(t);

  const accepted = await receive(intake, chunks(soundQcow2()), { upload: 'one', declared: 'qcow2' });

  assert.deepEqual(claimed, [accepted]);
  assert.deepEqual({ sizeBytes: accepted.sizeBytes, virtualSizeBytes: accepted.virtualSizeBytes, format: accepted.format }, { sizeBytes: 6 * 65_536, virtualSizeBytes: 2 ** 30, format: 'qcow2' });
  assert.equal((await stat(await blobs.path(accepted.sha256))).mode & 0o777, 0o444);
  assert.deepEqual(await blobs.list(), [accepted.sha256]);
});

test('refused bytes leave nothing behind', async (t) => {
  const { folder, blobs, intake, claimed } = await workplace(t);
  await assert.rejects(receive(intake, chunks(hostile[0]!.bytes), { upload: 'one', declared: 'qcow2' }), { status: 415, message: /external file/ });
  await assert.rejects(receive({ ...intake, limits: { maxBytes: 1000, maxVirtualSizeBytes } }, chunks(soundQcow2()), { upload: 'two', declared: 'qcow2' }), { status: 413 });
  await assert.rejects(receive(intake, broken(), { upload: 'three', declared: 'qcow2' }), /gone away/);

  assert.deepEqual({ claimed, blobs: await blobs.list(), incoming: await readdir(join(folder, 'blobs', 'incoming')) }, { claimed: [], blobs: [], incoming: [] });
});

test('bytes that were set aside come back when somebody brings them again', async (t) => {
  const { folder, blobs, intake } = await workplace(t);
  const { sha256 } = await receive(intake, chunks(soundQcow2()), { upload: 'one', declared: 'qcow2' });

  const aside = await blobs.setAside(sha256);
  await assert.rejects(blobs.path(sha256), { kind: 'missing' });
  await aside!.restore();
  await blobs.path(sha256);

  // A crash in between: the next opening of the store finds them.
  await blobs.setAside(sha256);
  await (await fileBlobStore(join(folder, 'blobs'))).path(sha256);
});

test('no name leads out of the blob store', async (t) => {
  const { blobs } = await workplace(t);
  assert.throws(() => blobs.incomingPath('../../etc/passwd'), { kind: 'invalid' });
  await assert.rejects(blobs.path('../../etc/passwd'), { kind: 'invalid' });
});

async function workplace(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'intake-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const blobs = await fileBlobStore(join(folder, 'blobs'));
  const claimed: AcceptedBytes[] = [];
  return { folder, blobs, claimed, intake: { blobs, claim: (bytes: AcceptedBytes) => Promise.resolve(void claimed.push(bytes)) } };
}

async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(100);
  throw new Error('the client has gone away');
}
