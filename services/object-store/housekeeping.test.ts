/** What becomes of bytes and counts in time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { deleteExpired, foldUsage, sweepBytes } from './housekeeping.ts';
import { swift, type Ask } from './object-store.fixture.ts';

const system = { kind: 'system', reason: 'the test looks' } as const;

test('a project keeps the same bytes once, and as long as anything has them', async (t) => {
  const { cloud, alice } = await start(t);
  const bob = swift(cloud, cloud.bob);
  for (const ask of [alice, bob]) await ask('PUT', '/box');
  for (const name of ['a', 'b']) await alice('PUT', `/box/${name}`, { body: 'the same' });
  await bob('PUT', '/box/a', { body: 'the same' });
  const blobs = () => cloud.cloud.region.database.read(system, (tx) => tx.rows<{ file: string }>`select file from object_store.blob`);
  assert.equal((await blobs()).length, 2);

  await alice('DELETE', '/box/a');
  await sweepBytes(cloud.cloud.region);
  assert.equal((await alice('GET', '/box/b')).text, 'the same');
  const [one] = await blobs();
  await alice('DELETE', '/box/b');
  await sweepBytes(cloud.cloud.region);

  assert.deepEqual([(await blobs()).length, (await bob('GET', '/box/a')).text, one !== undefined], [1, 'the same', true]);
});

test('counts are right before they are folded, afterwards, and when many write at once', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/box');
  const usage = async () => {
    const { headers } = await alice('HEAD', '/box');
    const account = await alice('HEAD', '');
    return [headers['x-container-object-count'], headers['x-container-bytes-used'], account.headers['x-account-object-count'], account.headers['x-account-bytes-used']].map(Number);
  };
  await Promise.all(Array.from({ length: 20 }, (_, index) => alice('PUT', `/box/${index % 10}`, { body: 'x'.repeat(1 + (index % 10)) })));
  await alice('DELETE', '/box/9');

  assert.deepEqual(await usage(), [9, 45, 9, 45]);
  await foldUsage(cloud.cloud.region);
  assert.deepEqual(await usage(), [9, 45, 9, 45]);
  await alice('PUT', '/box/0', { body: 'xxx' });
  assert.deepEqual(await usage(), [9, 47, 9, 47]);
  for (let index = 0; index < 9; index++) await alice('DELETE', `/box/${index}`);
  await alice('DELETE', '/box');
  await foldUsage(cloud.cloud.region);
  const account = await alice('HEAD', '');
  assert.deepEqual(['container-count', 'object-count', 'bytes-used'].map((name) => account.headers[`x-account-${name}`]), ['0', '0', '0']);
});

test('a version is there after the name that it was written under has expired', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/box', { headers: { 'x-versions-enabled': 'true' } });
  const { headers } = await alice('PUT', '/box/o', { body: 'hello', headers: { 'x-delete-after': '10' } });
  const seen = async () => [(await alice('GET', '/box/o')).status, (await alice('GET', `/box/o?version-id=${headers['x-object-version-id']}`)).text];

  (cloud.clock as unknown as { advance(ms: number): void }).advance(11_000);

  assert.deepEqual(await seen(), [404, 'hello']);
  await deleteExpired(cloud.cloud.region);
  assert.deepEqual(await seen(), [404, 'hello']);
  assert.equal((await alice('PUT', `/box/o?version-id=${headers['x-object-version-id']}`)).status, 201);
  assert.deepEqual(await seen(), [200, 'hello']);
});

test('what has expired is not there any more, and soon takes no room either', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: 'hello', headers: { 'x-delete-after': '10' } });
  assert.equal((await alice('GET', '/box/o')).status, 200);

  (cloud.clock as unknown as { advance(ms: number): void }).advance(11_000);

  assert.deepEqual([(await alice('GET', '/box/o')).status, (await alice('GET', '/box')).text], [404, '']);
  await alice('PUT', '/brief');
  await alice('PUT', '/brief/o', { headers: { 'x-delete-after': '1' } });
  (cloud.clock as unknown as { advance(ms: number): void }).advance(2_000);
  assert.equal((await alice('DELETE', '/brief')).status, 204);
  await deleteExpired(cloud.cloud.region);
  assert.equal((await alice('HEAD', '/box')).headers['x-container-object-count'], '0');
  assert.equal((await alice('PUT', '/box/p', { headers: { 'x-delete-at': '1' } })).status, 400);
});

type Test = Parameters<typeof startCloud>[0];

/** Its schedules rest: what is done in time is done by the test. */
async function start(t: Test): Promise<{ cloud: TestCloud; alice: Ask }> {
  const cloud = await startCloud(t);
  await cloud.settle();
  await cloud.rest();
  return { cloud, alice: swift(cloud, cloud.alice) };
}
