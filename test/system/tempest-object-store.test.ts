import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTempest, testsOf } from '../tempest/run.ts';
import { startWholeCloud } from './whole-cloud.ts';

test('objects pass what tempest asks of every OpenStack cloud, and the rest that it has for them', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated' });
  t.after(() => cloud.reset());
  const wanted = [...testsOf('./object-store-interop.txt'), ...testsOf('./object-store-more.txt')];

  const { passed, failed, skipped } = await runTempest(cloud, wanted);

  assert.deepEqual({ failed, skipped }, { failed: [], skipped: [] });
  assert.deepEqual(passed.toSorted(), wanted.toSorted());
  assert.equal((await cloud.intercloud(['doctor'])).code, 0);
});
