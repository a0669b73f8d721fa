/** The store behind its S3 door, on a whole cloud in this process. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { swift } from '../object-store/object-store.fixture.ts';
import { dateOf, keyOf, presigned, s3, send, type Ask, type Key } from './s3.fixture.ts';

test('a bucket is made, filled, listed, read and deleted, and Swift shows the same', async (t) => {
  const { alice, cloud } = await start(t);

  assert.equal((await alice('PUT', '/box')).status, 200);
  assert.match((await alice('PUT', '/box')).text, /<Code>BucketAlreadyOwnedByYou</);
  const put = await alice('PUT', '/box/a/b.txt', { body: 'hello', headers: { 'content-type': 'text/plain', 'x-amz-meta-colour': 'blue', 'x-amz-meta-place': asBytes('Zürich') } });
  assert.deepEqual([put.status, put.headers['etag']], [200, `"${md5('hello')}"`]);

  const got = await alice('GET', '/box/a/b.txt');
  assert.deepEqual([got.status, got.text, got.headers['etag'], got.headers['content-type'], got.headers['x-amz-meta-colour']], [200, 'hello', `"${md5('hello')}"`, 'text/plain', 'blue']);
  assert.equal(got.headers['x-amz-meta-place'], asBytes('Zürich'));
  assert.match(got.headers['x-amz-request-id'] ?? '', /^req-/);
  assert.equal((await alice('GET', '/box/a/b.txt', { headers: { range: 'bytes=1-2' } })).text, 'el');
  assert.equal((await alice('GET', '/box/a/b.txt', { headers: { 'if-none-match': `"${md5('hello')}"` } })).status, 304);
  const other = await swift(cloud, cloud.alice)('GET', '/box/a/b.txt');
  assert.deepEqual([other.text, other.headers['x-object-meta-colour'], other.headers['etag']], ['hello', 'blue', md5('hello')]);
  await swift(cloud, cloud.alice)('PUT', '/box/from-swift', { body: 'too' });
  assert.deepEqual(keysIn(await alice('GET', '/box?list-type=2')), ['a/b.txt', 'from-swift']);
  assert.match((await alice('GET', '/')).text, /<Bucket><Name>box<\/Name>/);
  assert.match((await alice('DELETE', '/box')).text, /<Code>BucketNotEmpty</);
  assert.equal((await alice('DELETE', '/box/a/b.txt')).status, 204);
  assert.equal((await alice('DELETE', '/box/from-swift')).status, 204);
  assert.match((await alice('GET', '/box/a/b.txt')).text, /<Code>NoSuchKey</);
  assert.equal((await alice('DELETE', '/box')).status, 204);
  assert.equal((await alice('HEAD', '/box')).status, 404);
});

test('lists go by prefix, delimiter, markers and tokens', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  for (const key of ['a', 'b/1', 'b/2', 'c', 'd/e/f']) await alice('PUT', `/box/${key}`, { body: key });

  const first = await alice('GET', '/box?delimiter=%2F&list-type=2&max-keys=2');
  assert.deepEqual([keysIn(first), prefixesIn(first), textIn(first, 'IsTruncated'), textIn(first, 'KeyCount')], [['a'], ['b/'], 'true', '2']);
  const second = await alice('GET', `/box?continuation-token=${textIn(first, 'NextContinuationToken')}&delimiter=%2F&list-type=2`);
  assert.deepEqual([keysIn(second), prefixesIn(second), textIn(second, 'IsTruncated')], [['c'], ['d/'], 'false']);
  assert.deepEqual(keysIn(await alice('GET', '/box?marker=b%2F1')), ['b/2', 'c', 'd/e/f']);
  assert.deepEqual(keysIn(await alice('GET', '/box?prefix=b%2F')), ['b/1', 'b/2']);
  assert.match((await alice('GET', '/box?max-keys=many')).text, /<Code>InvalidArgument</);
});

test('an object comes in parts, of which a range and each part can be read', async (t) => {
  const { alice, cloud } = await start(t);
  await alice('PUT', '/box');
  const [one, two] = [Buffer.alloc(5 * 1024 * 1024, 'a'), Buffer.from('the end')];

  const begun = await alice('POST', '/box/big?uploads', { headers: { 'content-type': 'text/plain', 'x-amz-checksum-algorithm': 'CRC64NVME' } });
  const id = textIn(begun, 'UploadId');
  const etags = [];
  for (const [index, body] of [one, two].entries()) etags.push((await alice('PUT', `/box/big?partNumber=${index + 1}&uploadId=${id}`, { body })).headers['etag']);
  assert.deepEqual(etags, [`"${md5(one)}"`, `"${md5(two)}"`]);
  assert.deepEqual([...(await alice('GET', `/box/big?uploadId=${id}`)).text.matchAll(/<PartNumber>(\d)</g)].map(([, number]) => number), ['1', '2']);
  assert.match((await alice('GET', '/box?uploads')).text, new RegExp(`<UploadId>${id}<`));
  assert.equal((await alice('GET', '/box/big')).status, 404);
  const done = await alice('POST', `/box/big?uploadId=${id}`, { body: completion(etags) });

  const etag = `${createHash('md5').update(Buffer.from(md5(one) + md5(two), 'hex')).digest('hex')}-2`;
  assert.deepEqual([done.status, textIn(done, 'ETag'), textIn(done, 'ChecksumType')], [200, `&#34;${etag}&#34;`, 'FULL_OBJECT']);
  assert.equal(textIn(await alice('POST', `/box/big?uploadId=${id}`, { body: completion(etags) }), 'ETag'), `&#34;${etag}&#34;`, 'the same again is answered the same');
  assert.ok((await alice('GET', '/box/big')).bytes.equals(Buffer.concat([one, two])));
  assert.equal((await alice('GET', '/box/big', { headers: { range: `bytes=${one.length - 1}-${one.length + 2}` } })).text, 'athe');
  const part = await alice('GET', '/box/big?partNumber=2');
  assert.deepEqual([part.status, part.text, part.headers['x-amz-mp-parts-count']], [206, 'the end', '2']);
  assert.equal((await swift(cloud, cloud.alice)('HEAD', '/box/big')).headers['etag'], etag);
  assert.equal((await swift(cloud, cloud.alice)('HEAD', '/box')).headers['x-container-bytes-used'], String(one.length + two.length));

  const other = textIn(await alice('POST', '/box/other?uploads'), 'UploadId');
  await alice('PUT', `/box/other?partNumber=1&uploadId=${other}`, { headers: { 'x-amz-copy-source': '/box/big', 'x-amz-copy-source-range': 'bytes=0-3' } });
  await alice('PUT', `/box/other?partNumber=2&uploadId=${other}`, { body: 'x' });
  assert.match((await alice('POST', `/box/other?uploadId=${other}`, { body: completion([`"${md5('aaaa')}"`, `"${md5('x')}"`]) })).text, /<Code>EntityTooSmall</);
  assert.equal((await alice('DELETE', `/box/other?uploadId=${other}`)).status, 204);
  assert.match((await alice('GET', `/box/other?uploadId=${other}`)).text, /<Code>NoSuchUpload</);
});

test('what a bucket keeps versions of is deleted by a marker, shown by its version, and lists as it happened', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: 'zero' });
  await alice('PUT', '/box?versioning', { body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>' });
  const versions = [];
  for (const body of ['one', 'two']) versions.push((await alice('PUT', '/box/o', { body })).headers['x-amz-version-id']);

  const gone = await alice('DELETE', '/box/o');
  assert.equal(gone.headers['x-amz-delete-marker'], 'true');
  assert.deepEqual([(await alice('GET', '/box/o')).status, (await alice('GET', `/box/o?versionId=${versions[0]}`)).text, (await alice('GET', '/box/o?versionId=null')).text], [404, 'one', 'zero']);
  assert.match((await alice('GET', `/box/o?versionId=${gone.headers['x-amz-version-id']}`)).text, /<Code>MethodNotAllowed</);
  const listed = await alice('GET', '/box?versions');
  assert.deepEqual([...listed.text.matchAll(/<VersionId>([^<]+)</g)].map(([, id]) => id), [versions[1], versions[0], 'null', gone.headers['x-amz-version-id']]);
  const page = await alice('GET', '/box?max-keys=2&versions');
  const rest = await alice('GET', `/box?key-marker=${textIn(page, 'NextKeyMarker')}&version-id-marker=${textIn(page, 'NextVersionIdMarker')}&versions`);
  assert.deepEqual([...rest.text.matchAll(/<VersionId>([^<]+)</g)].map(([, id]) => id), [versions[0], 'null']);
  const behindNone = await alice('GET', `/box?key-marker=o&version-id-marker=${'0'.repeat(32)}&versions`);
  assert.equal([...behindNone.text.matchAll(/<VersionId>/g)].length, 4, 'what was deleted since is no end of the list');
  await alice('DELETE', `/box/o?versionId=${gone.headers['x-amz-version-id']}`);
  assert.equal((await alice('GET', '/box/o')).text, 'two');
  const many = await alice('POST', '/box?delete', { body: `<Delete>${[...versions, 'null'].map((id) => `<Object><Key>o</Key><VersionId>${id}</VersionId></Object>`).join('')}</Delete>` });
  assert.equal([...many.text.matchAll(/<Deleted>/g)].length, 3);
  assert.equal((await alice('DELETE', '/box')).status, 204);
});

test('a write can be bound to what is there, and a copy to what it is of', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');

  assert.equal((await alice('PUT', '/box/o', { body: 'one', headers: { 'if-none-match': '*' } })).status, 200);
  assert.match((await alice('PUT', '/box/o', { body: 'two', headers: { 'if-none-match': '*' } })).text, /<Code>PreconditionFailed</);
  assert.equal((await alice('PUT', '/box/o', { body: 'two', headers: { 'if-match': `"${md5('one')}"` } })).status, 200);
  assert.match((await alice('PUT', '/box/o', { body: 'three', headers: { 'if-match': `"${md5('one')}"` } })).text, /<Code>PreconditionFailed</);
  assert.match((await alice('PUT', '/box/none', { body: 'x', headers: { 'if-match': '*' } })).text, /<Code>NoSuchKey</);
  const copied = await alice('PUT', '/box/copy', { headers: { 'x-amz-copy-source': '/box/o', 'x-amz-copy-source-if-match': `"${md5('two')}"`, 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-new': 'yes' } });
  assert.equal(textIn(copied, 'ETag'), `&#34;${md5('two')}&#34;`);
  assert.equal((await alice('HEAD', '/box/copy')).headers['x-amz-meta-new'], 'yes');
  assert.match((await alice('PUT', '/box/copy', { headers: { 'x-amz-copy-source': '/box/o', 'x-amz-copy-source-if-match': '"other"' } })).text, /<Code>PreconditionFailed</);
  assert.match((await alice('PUT', '/box/o', { headers: { 'x-amz-copy-source': '/box/o' } })).text, /<Code>InvalidRequest</);
});

test('a deletion can be bound to what is there, alone and among many', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  for (const name of ['one', 'two', 'three']) await alice('PUT', `/box/${name}`, { body: name });
  const modified = (await alice('HEAD', '/box/one')).headers['last-modified'] ?? '';
  const long = new Date(0).toUTCString();
  const remove = async (name: string, headers: Record<string, string>) => {
    const { status, text } = await alice('DELETE', `/box/${name}`, { headers });
    return textIn({ text }, 'Code') ?? status;
  };

  assert.deepEqual(await Promise.all([remove('one', { 'if-match': '"other"' }), remove('one', { 'x-amz-if-match-size': '4' }), remove('one', { 'x-amz-if-match-last-modified-time': long }), remove('none', { 'if-match': '*' }), remove('one', { 'x-amz-if-match-size': 'x' }), remove('one', { 'x-amz-if-match-last-modified-time': 'x' })]), ['PreconditionFailed', 'PreconditionFailed', 'PreconditionFailed', 'NoSuchKey', 'InvalidArgument', 'InvalidArgument']);
  assert.equal(await remove('one', { 'if-match': `"${md5('one')}"`, 'x-amz-if-match-size': '3', 'x-amz-if-match-last-modified-time': modified }), 204);

  const one = (key: string, expected: string) => `<Object><Key>${key}</Key>${expected}</Object>`;
  const many = await alice('POST', '/box?delete', { body: `<Delete>${one('two', `<ETag>"${md5('two')}"</ETag>`)}${one('three', '<Size>4</Size>')}${one('none', '<ETag>*</ETag>')}${one('gone', '')}</Delete>` });
  assert.deepEqual([...many.text.matchAll(/<Deleted><Key>(\w+)</g)].map(([, key]) => key), ['two', 'gone']);
  assert.deepEqual([...many.text.matchAll(/<Error><Key>(\w+)<\/Key><Code>(\w+)</g)].map(([, key, code]) => [key, code]), [['three', 'PreconditionFailed'], ['none', 'NoSuchKey']]);
  assert.deepEqual([...(await alice('GET', '/box')).text.matchAll(/<Key>(\w+)</g)].map(([, key]) => key), ['three']);
});

test('an address that somebody signed lets its bearer do one thing for a time (ATTACKS 12, 44)', async (t) => {
  const { alice, key, cloud } = await start(t);
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: 'hello' });
  const date = dateOf(cloud);
  const url = presigned(key, { method: 'GET', address: '/box/o', seconds: 60, date });
  const get = (address: string, method = 'GET') => send(cloud, method, address, { headers: { host: 'cloud.example' } });

  assert.equal((await get(url)).text, 'hello');
  assert.match((await get(url, 'DELETE')).text, /<Code>SignatureDoesNotMatch</);
  assert.match((await get(url.replace('/box/o', '/box/p'))).text, /<Code>SignatureDoesNotMatch</);
  assert.match((await get(url.replace('Expires=60', 'Expires=600'))).text, /<Code>SignatureDoesNotMatch</);
  assert.match((await send(cloud, 'GET', url, { headers: { host: 'other.example' } })).text, /<Code>SignatureDoesNotMatch</);
  assert.equal((await send(cloud, 'POST', url.replace('/box/o', '/identity/v3/s3tokens'), { headers: { host: 'cloud.example' } })).status, 403);
  (cloud.clock as unknown as { advance(ms: number): void }).advance(61_000);
  assert.match((await get(url)).text, /<Code>AccessDenied<\/Code><Message>Request has expired/);
});

test('whoever signs wrongly, too late, with a key that is gone, or the old way, is nobody here (ATTACKS 15, 17)', async (t) => {
  const { alice, key, cloud } = await start(t);
  await alice('PUT', '/box');

  assert.match((await s3(cloud, { ...key, secret: 'other' })('GET', '/box')).text, /<Code>SignatureDoesNotMatch</);
  assert.match((await s3(cloud, { ...key, access: 'other' })('GET', '/box')).text, /<Code>InvalidAccessKeyId</);
  assert.match((await send(cloud, 'GET', '/box', { headers: { host: 'cloud.example', authorization: 'AWS access:signature' } })).text, /<Code>InvalidRequest<.*AWS4-HMAC-SHA256/);
  assert.match((await send(cloud, 'GET', '/s3/box', { headers: { host: 'cloud.example' } })).text, /<Code>AccessDenied</);
  const late = { ...cloud, clock: { now: () => new Date(cloud.clock.now().getTime() - 20 * 60_000) } };
  assert.match((await s3(late as TestCloud, key)('GET', '/box')).text, /<Code>RequestTimeTooSkewed</);
  assert.match((await alice('PUT', '/box/o', { body: 'hello', payload: md5('x').repeat(2) })).text, /<Code>XAmzContentSHA256Mismatch</);
  await cloud.alice.identity.ec2Credentials.delete({ params: { user_id: cloud.alice.userId, access: key.access } });
  assert.match((await alice('GET', '/box')).text, /<Code>InvalidAccessKeyId</);
});

async function start(t: Parameters<typeof startCloud>[0]): Promise<{ cloud: TestCloud; alice: Ask; key: Key }> {
  const cloud = await startCloud(t);
  const key = await keyOf(cloud.alice);
  return { cloud, key, alice: s3(cloud, key) };
}

function md5(bytes: string | Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}

function completion(etags: readonly (string | undefined)[]): string {
  return `<CompleteMultipartUpload>${etags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`).join('')}</CompleteMultipartUpload>`;
}

type Text = { text: string };

function textIn({ text }: Text, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
}

function keysIn({ text }: Text): string[] {
  return [...text.matchAll(/<Key>([^<]*)</g)].map(([, key]) => key ?? '');
}

function prefixesIn({ text }: Text): string[] {
  return [...text.matchAll(/<CommonPrefixes><Prefix>([^<]*)</g)].map(([, key]) => key ?? '');
}

/** As a header carries it. */
function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
