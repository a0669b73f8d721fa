import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { Fault } from '../../../kit/fault.ts';
import { readDisk } from '../../../kit/qcow2.ts';
import { convertForeign } from './convert.ts';
import { inMemory } from './disk-file.ts';
import { content, foreignSizeBytes, hostileForeign, sound, soundVmdk } from './foreign-corpus.ts';
import type { ForeignFormat } from './foreign-formats.ts';
import { inspect } from './inspection.ts';
import { inspectInJail } from './jail.ts';

const maxVirtualSizeBytes = 2 ** 44;
const limits = { maxBytes: 2 ** 30, maxVirtualSizeBytes };
const formats = Object.keys(sound) as ForeignFormat[];

for (const { name, declared, bytes, reason } of hostileForeign)
  test(`a ${declared} is refused when it ${name} (ATTACKS 3)`, () => {
    const started = performance.now();
    const inspection = inspect(inMemory(bytes), { declared, maxVirtualSizeBytes });
    assert.equal(inspection.verdict, 'unsafe');
    assert.match('reason' in inspection ? inspection.reason : '', reason);
    assert.ok(performance.now() - started < 1000);
  });

for (const format of formats)
  test(`a sound ${format} passes in the jail, and becomes a qcow2 with what is in it`, async (t) => {
    const { from, to } = await folder(t);
    await writeFile(from, sound[format]());
    assert.deepEqual(await inspectInJail(from, { declared: format, maxVirtualSizeBytes }), { verdict: 'safe', format: 'foreign', virtualSizeBytes: foreignSizeBytes });

    await convertForeign(from, to, { format, limits });
    assert.deepEqual(await Array.fromAsync(readDisk(to, 'qcow2'), ({ offset, bytes }) => [offset, bytes.subarray(0, content.length).toString(), bytes.subarray(content.length).every((byte) => byte === 0)]), [[2 ** 20, content.toString(), true]]);
  });

test('a VMDK that was written as a stream is read by the directory at its end', async (t) => {
  const { from, to } = await folder(t);
  const text = '# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\ncreateType="streamOptimized"\nRW 8192 SPARSE "disk.vmdk"\n';
  const header = soundVmdk({ text, change: (file) => { file.writeUInt32LE(3, 4); file.writeUInt32LE(0x30001, 8); file.writeUInt16LE(1, 77); } });
  const packed = deflateSync(Buffer.concat([content, Buffer.alloc(65536 - content.length)]));
  const grain = Buffer.alloc(Math.ceil((12 + packed.length) / 512) * 512);
  grain.writeBigUInt64LE(2048n, 0);
  grain.writeUInt32LE(packed.length, 8);
  packed.copy(grain, 12);
  const file = Buffer.concat([header.subarray(0, 256 * 512), grain, header.subarray(0, 512), Buffer.alloc(512)]);
  file.writeBigUInt64LE(0xffff_ffff_ffff_ffffn, 56);
  await writeFile(from, file);

  assert.deepEqual(await inspectInJail(from, { declared: 'vmdk', maxVirtualSizeBytes }), { verdict: 'safe', format: 'foreign', virtualSizeBytes: foreignSizeBytes });
  await convertForeign(from, to, { format: 'vmdk', limits });
  const [chunk] = await Array.fromAsync(readDisk(to, 'qcow2'));
  assert.deepEqual([chunk?.offset, chunk?.bytes.subarray(0, content.length)], [2 ** 20, content]);

  // What is packed there is not what it says to be: a bomb, or nothing.
  file.fill(7, 256 * 512 + 14, 256 * 512 + 40);
  await writeFile(from, file);
  await assert.rejects(convertForeign(from, to, { format: 'vmdk', limits }), { status: 415, message: /cannot be unpacked/ });
  await assert.rejects(convertForeign(from, to, { format: 'vmdk', limits: { maxBytes: 10, maxVirtualSizeBytes } }), { status: 415 });
});

test('whatever is changed in or cut from a disk of another maker, it ends with a verdict, and converting it with a disk or a refusal', async (t) => {
  const { from, to } = await folder(t);
  // Where the tables are; what is between is data.
  const places: Record<ForeignFormat, fc.Arbitrary<number>> = {
    vmdk: fc.oneof(fc.nat(80), fc.nat({ max: 1023 }), fc.integer({ min: 21 * 512, max: 23 * 512 })),
    vhd: fc.nat(2047),
    vdi: fc.nat(540),
    vhdx: fc.oneof(fc.integer({ min: 65536, max: 65636 }), fc.integer({ min: 196608, max: 196700 }), fc.integer({ min: 2 ** 20, max: 2 ** 20 + 140 }), fc.integer({ min: 2 ** 20 + 65536, max: 2 ** 20 + 65560 }), fc.integer({ min: 2 ** 21, max: 2 ** 21 + 40 })),
  };
  for (const format of formats) {
    const whole = sound[format]();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(places[format], fc.nat(255)), { maxLength: 8 }), fc.oneof(fc.constant(whole.length), fc.nat(whole.length)), async (changes, length) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        const inspection = inspect(inMemory(bytes.subarray(0, length)), { declared: format, maxVirtualSizeBytes: 2 ** 30 });
        if (inspection.verdict === 'unsafe') return;
        await writeFile(from, bytes.subarray(0, length));
        await convertForeign(from, to, { format, limits: { maxBytes: 2 ** 24, maxVirtualSizeBytes: 2 ** 30 } }).catch((error: unknown) => {
          if (!(error instanceof Fault)) throw error;
        });
      }),
      { numRuns: 60 },
    );
  }
});

async function folder(t: { after(work: () => Promise<void>): void }) {
  const path = await mkdtemp(join(tmpdir(), 'foreign-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return { from: join(path, 'from'), to: join(path, 'to') };
}
