import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, refusal } from './network.fixture.ts';

test('a limit below what is used is set only by who insists, and those of projects are listed', async (t) => {
  const { admin, alice, lan } = await networkFixture(t);
  await lan();
  await lan(alice, '10.1.0.0/24');
  assert.deepEqual(ok(await admin('GET', '/quotas')).quotas, []);

  const set = (quota: object) => admin('PUT', '/quotas/alice-project', { quota });
  assert.deepEqual(refusal(await set({ network: 1, subnet: 7 })), [400, 'HTTPBadRequest']);
  assert.equal(ok(await set({ network: 2, port: -1, check_limit: true })).quota.network, 2);
  assert.equal(ok(await set({ network: 1, force: true })).quota.network, 1);
  assert.deepEqual(refusal(await alice('POST', '/networks', { network: {} })), [409, 'OverQuota']);

  const defaults = ok(await admin('GET', '/quotas/alice-project/default')).quota;
  assert.deepEqual(ok(await admin('GET', '/quotas')).quotas, [{ ...defaults, network: 1, port: -1, project_id: 'alice-project', tenant_id: 'alice-project' }]);
  assert.deepEqual(refusal(await alice('GET', '/quotas')), [403, 'PolicyNotAuthorized']);
  ok(await admin('DELETE', '/quotas/alice-project'), 204);
  assert.deepEqual(ok(await admin('GET', '/quotas')).quotas, []);
});

test('of those who make ports in one project at once as many do as fit, and what was refused leaves nothing (ATTACKS 43)', async (t) => {
  const { alice, admin, lan, findings } = await networkFixture(t);
  const { network } = await lan();
  ok(await admin('PUT', '/quotas/alice-project', { quota: { port: 5 } }));

  const answers = await Promise.all(Array.from({ length: 9 }, () => alice('POST', '/ports', { port: { network_id: network.id } })));

  assert.deepEqual(answers.map(({ status }) => status).toSorted((one, other) => one - other), [201, 201, 201, 201, 201, 409, 409, 409, 409]);
  assert.deepEqual(answers.find(({ status }) => status === 409)!.body.NeutronError, { type: 'OverQuota', message: "Quota exceeded for resources: ['port'].", detail: '' });
  assert.deepEqual(await findings(), []);
});
