/** Requests signed with an access key, in a region that has its home elsewhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApi } from '../cloud.ts';
import { createClient } from '../contract/client.ts';
import { federation } from '../contract/intercloud/federation.ts';
import type { ManualClock } from '../kit/clock.ts';
import { keyOf, s3, type Ask, type Key } from '../services/s3/s3.fixture.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import { inTime, until } from './patience.ts';
import { addRegion, type TestRegion } from './several-regions.ts';

test('a region serves its own buckets to whoever signs with an access key of home, and nobody else', async (t) => {
  const { cloud, two, key, there } = await start(t);

  assert.deepEqual(await statusesOf(there, ['PUT /box', 'PUT /box/o', 'GET /box/o', 'GET /']), [200, 200, 200, 200]);

  assert.equal((await s3(cloud, key)('GET', '/box')).status, 404, 'what is in a region is nowhere else');
  assert.match((await at(cloud, two, { ...key, secret: 'wrong' })('GET', '/box')).text, /<Code>SignatureDoesNotMatch/);
  assert.match((await at(cloud, two, { ...key, access: 'nobody' })('GET', '/box')).text, /<Code>InvalidAccessKeyId/);
  const other = await at(cloud, two, await keyOf(cloud.bob))('GET', `/${cloud.alice.projectId}%3Abox/o`);
  assert.match(other.text, /<Code>AccessDenied/);
});

test('a region that is cut off, and begins anew meanwhile, serves whoever has signed there before', async (t) => {
  const { cloud, two, key, there } = await start(t);
  const late = at(cloud, two, await keyOf(cloud.bob));
  assert.deepEqual(await statusesOf(there, ['PUT /box']), [200]);

  two.cutOff();

  assert.deepEqual(await statusesOf(there, ['GET /box']), [200]);
  const again = two.open();
  t.after(async () => {
    await again.cloud.stop();
    await again.close();
  });
  await inTime(cloud, again.cloud.start());
  const door = createApi(again.cloud);
  t.after(() => door.drain());
  assert.deepEqual(await statusesOf(s3({ ...cloud, door }, key), ['GET /box']), [200], 'it was written down');

  const refused = await late('GET', '/');
  assert.deepEqual([refused.status, /<Code>(\w+)/.exec(refused.text)?.[1]], [503, 'ServiceUnavailable']);
  two.comeBack();
  (cloud.clock as ManualClock).advance(1_000);
  assert.deepEqual(await statusesOf(late, ['GET /']), [200]);
});

test('an access key that was taken back is nobody’s in a region too, as soon as that hears of it', async (t) => {
  const { cloud, key, there } = await start(t);
  assert.deepEqual(await statusesOf(there, ['PUT /box']), [200]);

  await cloud.alice.identity.ec2Credentials.delete({ params: { user_id: cloud.alice.userId, access: key.access } });

  await until(cloud, async () => /<Code>InvalidAccessKeyId/.test((await there('GET', '/box')).text));
});

test('a region asks who signs for itself only, and only who has its key reads the answer', async (t) => {
  const { cloud, two, key } = await start(t);
  const three = await addRegion(t, cloud, 'three');
  const asThree = createClient(federation, { base: 'http://cloud.example', fetch: cloud.fetch, token: three.token });
  const ask = { params: { region: two.name }, body: { access: key.access, day: '20260301', signed_region: 'us-east-1' } };

  await assert.rejects(asThree.signers.find(ask), { status: 404 });
  await assert.rejects(cloud.alice.federation.signers.find(ask), { status: 403 });

  const { body } = await createClient(federation, { base: 'http://cloud.example', fetch: cloud.fetch, token: two.token }).signers.find(ask);
  assert.doesNotMatch(Buffer.from(body.sealed ?? '', 'base64url').toString('latin1'), /token|key/);
});

async function start(t: Parameters<typeof startCloud>[0]): Promise<{ cloud: TestCloud; two: TestRegion; key: Key; there: Ask }> {
  const cloud = await startCloud(t);
  const two = await addRegion(t, cloud, 'two');
  const key = await keyOf(cloud.alice);
  return { cloud, two, key, there: at(cloud, two, key) };
}

function at(cloud: TestCloud, { door }: TestRegion, key: Key): Ask {
  return s3({ ...cloud, door }, key);
}

async function statusesOf(ask: Ask, requests: readonly string[]): Promise<number[]> {
  const statuses: number[] = [];
  for (const each of requests) {
    const [method = '', address = ''] = each.split(' ');
    statuses.push((await ask(method, address)).status);
  }
  return statuses;
}
