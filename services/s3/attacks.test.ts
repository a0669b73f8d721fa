/** Attacks that object stores have had, tried at the door of S3. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { swift } from '../object-store/object-store.fixture.ts';
import { keyOf, s3, send, type Ask } from './s3.fixture.ts';

test('who one is comes from a token or a signature, and never from headers (ATTACKS 18)', async (t) => {
  const { alice, cloud } = await start(t);
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: 'hello' });
  const claimed = { host: 'cloud.example', 'x-user-id': cloud.alice.userId, 'x-project-id': cloud.alice.projectId, 'x-tenant-id': cloud.alice.projectId, 'x-roles': 'admin,member', 'x-identity-status': 'Confirmed', 'x-is-admin-project': 'True', 'x-service-token': 'x', 'x-forwarded-for': '127.0.0.1' };

  for (const method of ['GET', 'PUT', 'DELETE']) assert.equal((await send(cloud, method, `/s3/${cloud.alice.projectId}:box/o`, { headers: { ...claimed, 'content-length': '0' } })).status, 403, method);
  assert.equal((await alice('GET', '/box/o')).text, 'hello');
});

test('parts that were never completed count, so that nobody keeps more than his quota by them (ATTACKS 11)', async (t) => {
  const { alice, cloud } = await start(t);
  await swift(cloud, cloud.alice)('PUT', '/box', { headers: { 'x-container-meta-quota-bytes': '100' } });
  const begin = async (key: string) => /<UploadId>(\w+)</.exec((await alice('POST', `/box/${key}?uploads`)).text)?.[1];
  const [one, other] = [await begin('one'), await begin('other')];

  assert.equal((await alice('PUT', `/box/one?partNumber=1&uploadId=${one}`, { body: 'x'.repeat(80) })).status, 200);
  assert.match((await alice('PUT', `/box/other?partNumber=1&uploadId=${other}`, { body: 'x'.repeat(80) })).text, /<Code>QuotaExceeded</);
  assert.match((await alice('PUT', '/box/o', { body: 'x'.repeat(80) })).text, /<Code>QuotaExceeded</);
  await alice('DELETE', `/box/one?uploadId=${one}`);
  assert.equal((await alice('PUT', '/box/o', { body: 'x'.repeat(80) })).status, 200);
});

test('no pattern, name or list takes long, however it is made (ATTACKS 40)', async (t) => {
  const { alice, cloud } = await start(t);
  await alice('PUT', '/box');
  const key = 'a'.repeat(1000);
  await alice('PUT', `/box/${key}`, { body: 'x' });
  await alice('PUT', '/box?policy', { body: JSON.stringify({ Statement: { Effect: 'Allow', Principal: '*', Action: 's3:*', Resource: `arn:aws:s3:::box/${'*a'.repeat(200)}*b` } }) });
  const before = process.cpuUsage().user;

  assert.equal((await s3(cloud, undefined)('GET', `/${cloud.alice.projectId}:box/${key}`)).status, 403);
  assert.equal((await alice('PUT', `/box/${'a'.repeat(1025)}`, { body: 'x' })).status, 400);
  assert.match((await alice('POST', '/box?delete', { body: `<Delete>${'<Object><Key>o</Key></Object>'.repeat(1001)}</Delete>` })).text, /<Code>MalformedXML</);
  assert.ok(process.cpuUsage().user - before < 2_000_000, 'it took seconds');
});

test('what users note of an object is as little as the store says, by any door (ATTACKS 44)', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  const many = Object.fromEntries(Array.from({ length: 91 }, (_, index) => [`x-amz-meta-${index}`, 'x']));

  for (const headers of [{ 'x-amz-meta-a': 'x'.repeat(257) }, { [`x-amz-meta-${'n'.repeat(129)}`]: 'x' }, many]) assert.equal((await alice('PUT', '/box/o', { body: 'x', headers })).status, 400);
  assert.equal((await alice('GET', '/box/o')).status, 404);
});

async function start(t: Parameters<typeof startCloud>[0]): Promise<{ cloud: TestCloud; alice: Ask }> {
  const cloud = await startCloud(t);
  return { cloud, alice: s3(cloud, await keyOf(cloud.alice)) };
}
