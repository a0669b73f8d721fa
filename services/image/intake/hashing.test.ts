import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { FileSums, shortBytes, sumsOf } from './hashing.ts';

const long = Buffer.alloc(2 * shortBytes + 12_345, 'as long as it takes ');
const expected = (bytes: Buffer) => Object.fromEntries(['md5', 'sha256', 'sha512'].map((algorithm) => [algorithm, createHash(algorithm).update(bytes).digest('hex')]));

test('the sums of a file are the same, however long it is and whether it is being written', async (t) => {
  const path = await newPath(t);
  for (const bytes of [Buffer.alloc(0), Buffer.from('short'), long.subarray(0, shortBytes), long.subarray(0, shortBytes + 1), long]) {
    await writeFile(path, bytes);
    assert.deepEqual(await sumsOf(path), { ...expected(bytes), sizeBytes: bytes.length });
    assert.deepEqual(await written(path, bytes), expected(bytes));
  }
});

test('more files at once than there are threads have their sums too', async (t) => {
  const paths = await Promise.all(Array.from({ length: 12 }, () => newPath(t)));
  assert.deepEqual(await Promise.all(paths.map((path) => written(path, long))), paths.map(() => expected(long)));
});

test('a file that is no longer wanted, or that is not what was written, has no sums', async (t) => {
  const path = await newPath(t);
  await writeFile(path, long);
  await assert.rejects(sumsOf(path, AbortSignal.abort()), { name: 'AbortError' });
  const given = new AbortController();
  const under = sumsOf(path, given.signal);
  setImmediate(() => given.abort());
  await assert.rejects(under, /ended|abort/i);

  await using sums = new FileSums(path);
  sums.wrote(long);
  sums.wrote(Buffer.from('not in the file'));
  await assert.rejects(sums.digest(), /shorter than what was written/);
});

async function written(path: string, bytes: Buffer): Promise<unknown> {
  await using file = await open(path, 'w');
  await using sums = new FileSums(path);
  for (let at = 0; at < bytes.length; at += 65_536) {
    const chunk = bytes.subarray(at, at + 65_536);
    await file.writeFile(chunk);
    sums.wrote(chunk);
  }
  return await sums.digest();
}

async function newPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sums-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'file');
}
