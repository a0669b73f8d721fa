import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serialised } from './serial.ts';

test('work about one key is done in the order in which it was asked for, one at a time', async () => {
  const serial = serialised<string>();
  const seen: string[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];

  const both = gates.map((gate, index) =>
    serial.run('web', async () => {
      seen.push(`start ${index}`);
      await gate.promise;
      seen.push(`end ${index}`);
    }),
  );
  gates[1]?.resolve();
  gates[0]?.resolve();
  await Promise.all(both);

  assert.deepEqual(seen, ['start 0', 'end 0', 'start 1', 'end 1']);
});

test('different keys do not wait for each other', async () => {
  const serial = serialised<string>();
  const gate = Promise.withResolvers<void>();

  const waiting = serial.run('slow', () => gate.promise);
  assert.equal(await serial.run('quick', () => 'done'), 'done');

  gate.resolve();
  await waiting;
});

test('work that fails is told to whoever asked, and the next goes on', async () => {
  const serial = serialised<string>();

  const failing = serial.run('web', () => {
    throw new Error('no room');
  });
  const next = serial.run('web', () => 'done');

  await assert.rejects(failing, /no room/);
  assert.equal(await next, 'done');
});

test('work about several keys waits for each of them, and two such cannot block each other', async () => {
  const serial = serialised<string>();
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();

  const all = [
    serial.run('a', () => gate.promise.then(() => seen.push('a'))),
    serial.runAll(['b', 'a'], () => seen.push('b and a')),
    serial.runAll(['a', 'b', 'a'], () => seen.push('a and b')),
    serial.run('b', () => seen.push('b')),
  ];
  gate.resolve();
  await Promise.all(all);

  assert.deepEqual(seen, ['a', 'b and a', 'a and b', 'b']);
});

test('work done alone waits for all before it, and all after it wait', async () => {
  const serial = serialised<string>();
  const seen: string[] = [];
  const [first, alone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];

  const all = [
    serial.run('a', () => first.promise.then(() => seen.push('a'))),
    serial.runAlone(() => alone.promise.then(() => seen.push('alone'))),
    serial.run('b', () => seen.push('b')),
  ];
  alone.resolve();
  first.resolve();
  await Promise.all(all);

  assert.deepEqual(seen, ['a', 'alone', 'b']);
});

test('nothing is remembered when nothing runs', async () => {
  const serial = serialised<number>();

  await Promise.allSettled([
    ...Array.from({ length: 100 }, (_, key) =>
      serial.run(key % 7, () => {
        if (key % 3 === 0) throw new Error('refused');
      }),
    ),
    serial.runAll([1, 2, 3], () => undefined),
    serial.runAlone(() => undefined),
  ]);
  await Promise.resolve();

  assert.equal(serial.size, 0);
});
