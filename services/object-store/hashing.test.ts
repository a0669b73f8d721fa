import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { FileHashes } from './hashing.ts';

/** More than is hashed without a thread. */
const longBytes = 3 * 2 ** 20 + 17;

test('files that are written at the same time have the hashes of their own bytes, whatever becomes of another one', async (t) => {
  const folder = folderOf(t);
  const all = [1, longBytes, 2 ** 20, 2 ** 20 + 1, longBytes].map((length, index) => ({ path: join(folder, String(index)), bytes: Buffer.alloc(length, `bytes of ${index}, `) }));
  {
    using refused = new FileHashes(join(folder, 'refused'));
    await writeFile(join(folder, 'refused'), all[1]!.bytes);
    refused.wrote(all[1]!.bytes);
  }

  const hashed = await Promise.all(all.map(({ path, bytes }) => written(path, bytes)));

  assert.deepEqual(hashed, all.map(({ bytes }) => ({ md5: createHash('md5').update(bytes).digest('hex'), sha256: createHash('sha256').update(bytes).digest('hex') })));
});

test('a file that lost bytes while it was hashed, or all of them, has no hash, and others have theirs after it', async (t) => {
  const folder = folderOf(t);
  const bytes = Buffer.alloc(longBytes, 'bytes');
  await writeFile(join(folder, 'short'), bytes.subarray(0, 100));

  for (const name of ['short', 'missing']) {
    using hashes = new FileHashes(join(folder, name));
    hashes.wrote(bytes);
    await assert.rejects(hashes.digest(), { message: 'A file cannot be hashed' });
  }

  assert.equal((await written(join(folder, 'whole'), bytes)).md5, createHash('md5').update(bytes).digest('hex'));
});

async function written(path: string, bytes: Buffer): Promise<{ md5: string; sha256: string }> {
  await using file = await open(path, 'wx');
  using hashes = new FileHashes(path);
  for (let at = 0; at < bytes.length; at += 65_536) {
    const chunk = bytes.subarray(at, at + 65_536);
    await file.write(chunk);
    hashes.wrote(chunk);
  }
  return await hashes.digest();
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'test-hashing-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
