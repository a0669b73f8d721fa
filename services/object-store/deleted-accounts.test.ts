/** Accounts that those who run accounts delete. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCloud } from '../../test/cloud.ts';
import { emptyDeletedAccounts } from './deleted-accounts.ts';
import { sweepBytes } from './housekeeping.ts';
import { swift } from './object-store.fixture.ts';

const system = { kind: 'system', reason: 'the test looks' } as const;

test('an account that its operator deletes is gone for everybody at once, then with all that was in it, and may begin anew', async (t) => {
  const cloud = await startCloud(t);
  const [alice, operator] = [swift(cloud, cloud.alice), swift(cloud, cloud.admin, cloud.alice)];
  await alice('PUT', '/box', { headers: { 'x-versions-enabled': 'true', 'x-container-read': '.r:*' } });
  for (const body of ['one', 'two']) await alice('PUT', '/box/o', { body });
  assert.deepEqual([(await alice('DELETE', '')).status, (await swift(cloud, cloud.bob, cloud.alice)('DELETE', '')).status], [403, 403], 'nobody deletes his own');

  assert.equal((await operator('DELETE', '')).status, 204);

  const nobody = swift(cloud, undefined, cloud.alice);
  const after = await Promise.all([alice('GET', ''), alice('GET', '/box/o'), alice('PUT', '/new'), operator('PUT', ''), operator('DELETE', ''), nobody('GET', '/box/o')]);
  assert.deepEqual(after.map(({ status }) => status), [410, 404, 404, 403, 404, 401]);
  assert.equal(after[0]?.headers['x-account-status'], 'Deleted');
  const { region } = cloud.cloud;
  await emptyDeletedAccounts(region);
  await sweepBytes(region);
  const left = await region.database.read(system, (tx) => tx.one`
    select (select count(*) from object_store.object)::int as objects, (select count(*) from object_store.blob)::int as blobs, (select count(*) from object_store.account)::int as accounts`);
  assert.deepEqual(left, { objects: 0, blobs: 0, accounts: 0 });
  assert.deepEqual([(await operator('PUT', '')).status, (await operator('PUT', '')).status, (await alice('PUT', '/box')).status], [201, 202, 201]);
  assert.equal((await alice('HEAD', '')).headers['x-account-object-count'], '0');
});

test('an account in which something is to be kept for longer is not deleted', async (t) => {
  const cloud = await startCloud(t);
  const [alice, operator] = [swift(cloud, cloud.alice), swift(cloud, cloud.admin, cloud.alice)];
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: 'kept' });
  const note = (facts: string) => cloud.cloud.region.database.transaction(system, async (tx) => {
    await tx.run`update object_store.container set facts = '{"objectLock": {}}'`;
    await tx.run`update object_store.object set facts = ${facts}::jsonb`;
  });

  for (const facts of [{ legalHold: true }, { retention: { mode: 'COMPLIANCE', until: new Date(cloud.clock.now().getTime() + 1000).toISOString() } }]) {
    await note(JSON.stringify(facts));
    assert.equal((await operator('DELETE', '')).status, 409);
    assert.equal((await alice('GET', '/box/o')).text, 'kept');
  }
  await note(JSON.stringify({ retention: { mode: 'COMPLIANCE', until: cloud.clock.now().toISOString() } }));
  assert.equal((await operator('DELETE', '')).status, 204);
});
