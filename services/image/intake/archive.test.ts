import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { archiveOfTwo, description, hostileArchives, soundArchive } from './archive-corpus.ts';
import { soundQcow2 } from './corpus.ts';
import { inMemory } from './disk-file.ts';
import { foreignSizeBytes, soundVmdk } from './foreign-corpus.ts';
import { inspect } from './inspection.ts';
import { inspectInJail } from './jail.ts';

const order = { declared: 'ova:vmdk', maxVirtualSizeBytes: 2 ** 44 };

for (const { name, bytes, reason } of hostileArchives)
  test(`an OVA is refused when it ${name}`, () => {
    const started = performance.now();
    const inspection = inspect(inMemory(bytes), order);
    assert.equal(inspection.verdict, 'unsafe');
    assert.match('reason' in inspection ? inspection.reason : '', reason);
    assert.ok(performance.now() - started < 1000);
  });

test('a sound OVA passes in the jail, which tells where its disks are', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'archive-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'machine.ova');

  const whole = soundArchive();
  await writeFile(path, whole);
  assert.deepEqual(await inspectInJail(path, order), { verdict: 'safe', format: 'archive', virtualSizeBytes: foreignSizeBytes, disks: [{ offset: whole.indexOf(soundVmdk()), bytes: soundVmdk().length }] });

  await writeFile(path, archiveOfTwo());
  const inspection = await inspectInJail(path, order);
  assert.deepEqual('disks' in inspection && inspection.disks.map(({ bytes }) => bytes), [soundVmdk().length, soundVmdk().length]);
});

test('the disks of an OVA are judged as what they are said to be', () => {
  const ofQcow2 = soundArchive({ disk: soundQcow2() });
  assert.equal(inspect(inMemory(ofQcow2), { ...order, declared: 'ova:qcow2' }).verdict, 'safe');
  assert.equal(inspect(inMemory(ofQcow2), order).verdict, 'unsafe');
  // An empty disk beside it is none of the archive's.
  assert.equal(inspect(inMemory(soundArchive({ ovf: description({ disks: ['fileRef="file1"', ''] }) })), order).verdict, 'safe');
});

test('whatever is changed in or cut from an OVA, it ends with a verdict', () => {
  const whole = soundArchive();
  const disk = whole.indexOf(soundVmdk());
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.oneof(fc.nat(disk + 2048), fc.nat(whole.length - 1)), fc.nat(255)), { maxLength: 8 }), fc.oneof(fc.constant(whole.length), fc.nat(whole.length)), (changes, length) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      assert.ok(['safe', 'unsafe'].includes(inspect(inMemory(bytes.subarray(0, length)), order).verdict));
    }),
    { numRuns: 300 },
  );
});
