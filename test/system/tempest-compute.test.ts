import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTempest, testsOf } from '../tempest/run.ts';
import { startWholeCloud } from './whole-cloud.ts';

test('servers pass what tempest asks of every OpenStack cloud', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated' });
  t.after(() => cloud.reset());
  // Lists are filtered by one of two images.
  await cloud.openstack(['image', 'create', '--public', '--disk-format', 'raw', '--container-format', 'bare', 'another'], { input: '\0'.repeat(1 << 20) });
  const wanted = [...testsOf('./compute-interop.txt'), ...testsOf('./compute-more.txt')];

  const { passed, failed, skipped } = await runTempest(cloud, wanted, {
    // That a server's metadata can be changed is what tempest takes for Xen's alone.
    settings: { 'compute-feature-enabled': { resize: true, xenapi_apis: true } },
  });

  assert.deepEqual({ failed, skipped }, { failed: [], skipped: [] });
  assert.deepEqual(passed.toSorted(), wanted.toSorted());
  assert.equal((await cloud.intercloud(['doctor'])).code, 0);
});
