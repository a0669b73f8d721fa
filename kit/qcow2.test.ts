import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { contentDigest } from '../drivers/driver.fixtures.ts';
import { readDisk, writeQcow2 } from './qcow2.ts';

const run = promisify(execFile);
const withQemu = { skip: (await isQemuHere()) ? false : 'qemu-img is not installed' };

const SIZE = 5 * 2 ** 30 + 512;
const CHUNKS = [
  { offset: 0, bytes: randomBytes(512) },
  { offset: 65_530, bytes: Buffer.from('across two clusters') },
  { offset: 2 ** 29, bytes: randomBytes(200_000) },
  { offset: 65_530 + 7, bytes: Buffer.from('TWO') },
  { offset: 2 ** 30, bytes: Buffer.alloc(100_000) },
  { offset: SIZE - 5, bytes: Buffer.from('ended') },
];

test('a written disk reads as it was written, the later over the earlier', async (t) => {
  const path = join(await folderFor(t), 'disk.qcow2');

  const size = await writeQcow2(path, SIZE, CHUNKS);

  assert.equal((await readFile(path)).length, size);
  assert.ok(size < 2 ** 21, `a sparse disk is a small file: ${size}`);
  const all = new Map<number, Buffer>();
  for await (const { offset, bytes } of readDisk(path, 'qcow2')) all.set(offset, bytes);
  assert.deepEqual([...all.keys()], [0, 65_536, 2 ** 29, 2 ** 29 + 65_536, 2 ** 29 + 131_072, 2 ** 29 + 196_608, 5 * 2 ** 30].toSorted((a, b) => a - b));
  assert.equal(all.get(0)?.toString('latin1', 65_530), 'across');
  assert.equal(all.get(65_536)?.toString('latin1', 0, 13), ' TWO clusters');
  assert.deepEqual(all.get(2 ** 29)?.subarray(0, 65_536), CHUNKS[2]?.bytes.subarray(0, 65_536));
});

test('QEMU finds nothing wrong with a written disk, and reads the same from it', withQemu, async (t) => {
  const folder = await folderFor(t);
  const [path, raw] = [join(folder, 'disk.qcow2'), join(folder, 'disk.raw')];

  // Small enough to be read in full as a raw file.
  await writeQcow2(path, 2 ** 23 + 512, [...CHUNKS.slice(0, 2), { offset: 2 ** 22, bytes: randomBytes(300_000) }]);
  await run('qemu-img', ['check', path]);
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, raw]);

  assert.equal((await readFile(raw)).length, 2 ** 23 + 512);
  assert.equal(await contentDigest(path, 'qcow2'), await contentDigest(raw, 'raw'));
});

for (const [kind, options] of [
  ['compressed', ['-c']],
  ['of small clusters', ['-o', 'cluster_size=4096']],
  ['of the old version', ['-o', 'compat=0.10']],
  ['compressed with large clusters', ['-c', '-o', 'cluster_size=1M']],
] as const)
  test(`a disk that QEMU made is read: ${kind}`, withQemu, async (t) => {
    const folder = await folderFor(t);
    const [path, raw] = [join(folder, 'disk.qcow2'), join(folder, 'disk.raw')];
    const bytes = Buffer.alloc(2 ** 22);
    bytes.write('the guest '.repeat(20_000), 300_000);
    randomBytes(70_000).copy(bytes, 2 ** 21);
    await writeFile(raw, bytes);

    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', ...options, raw, path]);

    assert.equal(await contentDigest(path, 'qcow2'), await contentDigest(raw, 'raw'));
  });

test('a disk with a backing file is not read', withQemu, async (t) => {
  const folder = await folderFor(t);
  const [path, secret] = [join(folder, 'disk.qcow2'), join(folder, 'secret.raw')];
  await writeFile(secret, Buffer.alloc(2 ** 20, 'secret'));
  await run('qemu-img', ['create', '-f', 'qcow2', '-b', secret, '-F', 'raw', path]);

  await assert.rejects(contentDigest(path, 'qcow2'), /backing file/);
});

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'qcow2-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function isQemuHere(): Promise<boolean> {
  try {
    await run('qemu-img', ['--version']);
    return true;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return false;
    throw cause;
  }
}
