import assert from 'node:assert/strict';
import test from 'node:test';
import { gathering } from './gathering.ts';

test('who asks in one moment is served together, and who asks meanwhile is served next', async () => {
  const served: number[][] = [];
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const ask = gathering<number>(async (items) => {
    served.push([...items]);
    begun.resolve();
    if (served.length === 1) await gate.promise;
  }, { most: 3, atOnce: 1 });

  const first = [ask(1), ask(2)];
  await begun.promise;
  const later = [ask(3), ask(4), ask(5), ask(6)];
  gate.resolve();
  await Promise.all([...first, ...later]);

  assert.deepEqual(served, [[1, 2], [3, 4, 5], [6]]);
});

test('nobody bears the failure of another who was served with him', async () => {
  const ask = gathering<string>(async (items) => {
    if (items.includes('bad')) throw new Error('bad');
  }, { most: 10, atOnce: 2 });

  const ends = await Promise.allSettled([ask('good'), ask('bad'), ask('better')]);

  assert.deepEqual(ends.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']);
});
