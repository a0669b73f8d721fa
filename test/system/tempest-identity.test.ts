import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTempest, testsOf } from '../tempest/run.ts';
import { startWholeCloud } from './whole-cloud.ts';

test('identity passes what tempest asks of every OpenStack cloud', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated' });
  t.after(() => cloud.reset());
  const wanted = [...testsOf('./identity-interop.txt'), ...testsOf('./identity-administration.txt')];

  const { passed, failed, skipped } = await runTempest(cloud, wanted, {
    settings: {
      // A password is refused when it is one of the user's last two.
      identity: { user_unique_last_password_count: 2, user_lockout_failure_attempts: 0 },
      'identity-feature-enabled': { security_compliance: true, application_credentials: true, access_rules: false, trust: false, federation: false },
    },
  });

  assert.deepEqual({ failed, skipped }, { failed: [], skipped: [] });
  assert.deepEqual(passed.toSorted(), wanted.toSorted());
});
