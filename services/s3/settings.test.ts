/** What is kept of buckets and objects besides bytes, who is let in by it, and bodies that come in chunks. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { followLifecycles } from '../object-store/lifecycles.ts';
import { swift } from '../object-store/object-store.fixture.ts';
import { hasherOf } from './checksums.ts';
import { dateOf, keyFor, keyOf, s3, scopeOf, send, signed, type Ask, type Key } from './s3.fixture.ts';

test('bodies in signed chunks are taken, with trailing checksums too, and refused where one byte is another', async (t) => {
  const { alice, cloud, key } = await start(t);
  await alice('PUT', '/box');
  const put = (chunked: Chunked) => send(cloud, 'PUT', '/box/o', chunkedRequest(cloud, key, chunked));
  const bytes = Buffer.alloc(70_000, 'abc');

  assert.equal((await put({ bytes, payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' })).status, 200);
  assert.ok((await alice('GET', '/box/o')).bytes.equals(bytes));
  for (const payload of ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'] as const) {
    const checksum = digest(bytes);
    assert.equal((await put({ bytes, payload, checksum })).headers['x-amz-checksum-crc64nvme'], checksum, payload);
    assert.match((await put({ bytes, payload, checksum: digest(Buffer.from('other')) })).text, /<Code>BadDigest</);
  }
  assert.equal((await alice('GET', '/box/o', { headers: { 'x-amz-checksum-mode': 'ENABLED' } })).headers['x-amz-checksum-crc64nvme'], digest(bytes));
  assert.match((await put({ bytes, payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', change: (body) => body.replace('abcabc', 'abXabc') })).text, /<Code>SignatureDoesNotMatch</);
  assert.match((await put({ bytes, payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', change: (body) => body.slice(0, 40_000) })).text, /<Code>IncompleteBody</);
  assert.match((await put({ bytes, payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', checksum: 'x', change: () => `${'f'.repeat(20_000)}\r\n` })).text, /<Code>IncompleteBody</);
  const unsigned = { bytes, payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', checksum: digest(bytes) } as const;
  assert.match((await put({ ...unsigned, change: (body) => body.replace(/x-amz-checksum.*\r\n/, '') })).text, /<Code>MalformedTrailerError</, 'a checksum that was announced comes');
  assert.match((await put({ ...unsigned, change: (body) => body.replace(/x-amz-checksum/, 'x-amz-meta-a: b\r\nx-amz-checksum') })).text, /<Code>MalformedTrailerError</, 'nothing else does');
  assert.equal((await put({ ...unsigned, change: (body) => body.slice(0, -2) })).status, 200, 'the empty line at the end may be left out');
  assert.ok((await alice('GET', '/box/o')).bytes.equals(bytes), 'what was refused has changed nothing');
});

test('strangers come in by grants, lists and policies, and by nothing else (ATTACKS 33, 44)', async (t) => {
  const { alice, cloud } = await start(t);
  const [bob, nobody] = [s3(cloud, await keyOf(cloud.bob)), s3(cloud, undefined)];
  const { projectId } = cloud.alice;
  await alice('PUT', '/box');
  for (const name of ['private', 'granted', 'open/o']) await alice('PUT', `/box/${name}`, { body: name });
  const box = `/${projectId}:box`;
  const reads = async (ask: Ask) => Promise.all(['private', 'granted', 'open/o'].map(async (name) => (await ask('GET', `${box.replace(':', ask === nobody ? ':' : '%3A')}/${name}`)).status));

  assert.deepEqual([await reads(bob), await reads(nobody)], [[403, 403, 403], [403, 403, 403]]);
  assert.equal((await bob('GET', '/box/private')).status, 404, 'of one’s own there is no such bucket');
  await alice('PUT', '/box/granted?acl', { headers: { 'x-amz-acl': 'authenticated-read' } });
  assert.deepEqual([await reads(bob), await reads(nobody)], [[403, 200, 403], [403, 403, 403]]);
  await alice('PUT', '/box?policy', { body: JSON.stringify({ Statement: { Effect: 'Allow', Principal: '*', Action: 's3:Get*', Resource: 'arn:aws:s3:::box/open/*' } }) });
  assert.deepEqual([await reads(bob), await reads(nobody)], [[403, 200, 200], [403, 403, 200]]);
  assert.equal((await bob('PUT', `/${projectId}%3Abox/open/o`, { body: 'mine' })).status, 403);
  assert.match((await bob('GET', `/${projectId}%3Abox?acl`)).text, /<Code>AccessDenied</);
  await alice('DELETE', '/box?policy');
  await alice('PUT', '/box?acl', { headers: { 'x-amz-acl': 'public-read' } });
  assert.deepEqual([await reads(bob), await reads(nobody)], [[200, 200, 200], [200, 200, 200]]);
  assert.match((await alice('GET', '/box?acl')).text, /AllUsers<\/URI><\/Grantee><Permission>READ</);
  assert.equal((await swift(cloud, undefined, cloud.alice)('GET', '/box/private')).text, 'private', 'Swift lets in the same');
});

test('the public is kept out of a bucket at both doors, by what is written and by what was', async (t) => {
  const { alice, cloud } = await start(t);
  const [bob, nobody, owner, swiftNobody] = [s3(cloud, await keyOf(cloud.bob)), s3(cloud, undefined), swift(cloud, cloud.alice, cloud.alice), swift(cloud, undefined, cloud.alice)];
  const { projectId } = cloud.alice;
  await alice('PUT', '/box');
  assert.match((await alice('GET', '/box?publicAccessBlock')).text, /<Code>NoSuchPublicAccessBlockConfiguration</);
  await alice('PUT', '/box?acl', { headers: { 'x-amz-acl': 'public-read' } });
  await alice('PUT', '/box/o', { body: 'o', headers: { 'x-amz-acl': 'public-read' } });
  await alice('PUT', '/box?policy', { body: JSON.stringify({ Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::box/open/*' }] }) });
  await alice('PUT', '/box/open/o', { body: 'open' });
  const block = (...names: string[]) => alice('PUT', '/box?publicAccessBlock', { body: `<PublicAccessBlockConfiguration>${names.map((name) => `<${name}>true</${name}>`).join('')}</PublicAccessBlockConfiguration>` });
  const reads = async () => [(await bob('GET', `/${projectId}%3Abox/o`)).status, (await nobody('GET', `/${projectId}:box/o`)).status, (await swiftNobody('GET', '/box/o')).status, (await bob('GET', `/${projectId}%3Abox/open/o`)).status];
  assert.deepEqual(await reads(), [200, 200, 200, 200]);

  assert.equal((await block('IgnorePublicAcls')).status, 200);
  assert.deepEqual(await reads(), [403, 403, 401, 200]);
  assert.match((await alice('GET', '/box?publicAccessBlock')).text, /<BlockPublicAcls>false<\/BlockPublicAcls><IgnorePublicAcls>true</);
  await block('IgnorePublicAcls', 'RestrictPublicBuckets');
  assert.deepEqual(await reads(), [403, 403, 401, 403]);
  await block('BlockPublicAcls', 'BlockPublicPolicy');
  assert.deepEqual(await reads(), [200, 200, 200, 200], 'what was written before stays');
  const refused = await Promise.all([
    alice('PUT', '/box?acl', { headers: { 'x-amz-acl': 'authenticated-read' } }),
    alice('PUT', '/box/o?acl', { headers: { 'x-amz-acl': 'public-read' } }),
    alice('PUT', '/box/p', { body: 'p', headers: { 'x-amz-acl': 'public-read' } }),
    alice('POST', '/box/p?uploads', { headers: { 'x-amz-acl': 'public-read' } }),
    alice('PUT', '/box/p', { headers: { 'x-amz-copy-source': '/box/o', 'x-amz-acl': 'public-read' } }),
    alice('PUT', '/box?policy', { body: JSON.stringify({ Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:*', Resource: 'arn:aws:s3:::box/*' }] }) }),
    owner('POST', '/box', { headers: { 'x-container-read': '.r:*' } }),
    owner('PUT', '/box', { headers: { 'x-container-write': '*:*' } }),
  ]);
  assert.deepEqual(refused.map(({ status }) => status), refused.map(() => 403));
  assert.deepEqual(
    await Promise.all([alice('PUT', '/box?acl', { headers: { 'x-amz-grant-read': `id=${cloud.bob.projectId}` } }), alice('PUT', '/box?policy', { body: JSON.stringify({ Statement: [{ Effect: 'Allow', Principal: { AWS: cloud.bob.projectId }, Action: 's3:GetObject', Resource: 'arn:aws:s3:::box/*' }] }) }), owner('POST', '/box', { headers: { 'x-container-write': `${cloud.bob.projectId}:*` } })]).then((replies) => replies.map(({ status }) => status)),
    [200, 204, 204],
  );
  assert.equal((await alice('PUT', '/box?publicAccessBlock', { body: '<PublicAccessBlockConfiguration><BlockPublicAcls>maybe</BlockPublicAcls></PublicAccessBlockConfiguration>' })).status, 400);
  assert.deepEqual([(await alice('DELETE', '/box?publicAccessBlock')).status, (await alice('GET', '/box?publicAccessBlock')).status], [204, 404]);
});

test('where the owner has all of a bucket, lists and grants say nothing and cannot be written, at either door', async (t) => {
  const { alice, cloud } = await start(t);
  const [nobody, owner] = [s3(cloud, undefined), swift(cloud, cloud.alice, cloud.alice)];
  const controls = (name: string) => ({ body: `<OwnershipControls><Rule><ObjectOwnership>${name}</ObjectOwnership></Rule></OwnershipControls>` });
  const code = async (reply: Promise<{ text: string; status: number }>) => /<Code>(\w+)</.exec((await reply).text)?.[1] ?? (await reply).status;
  await alice('PUT', '/box', { headers: { 'x-amz-acl': 'public-read' } });
  await alice('PUT', '/box/o', { body: 'o', headers: { 'x-amz-acl': 'public-read' } });
  assert.equal(await code(alice('GET', '/box?ownershipControls')), 'OwnershipControlsNotFoundError');
  assert.deepEqual([await code(alice('PUT', '/box?ownershipControls', controls('BucketOwnerEnforced'))), await code(alice('PUT', '/box?ownershipControls', controls('ObjectWriter'))), await code(alice('PUT', '/box?ownershipControls', controls('Nobody')))], ['InvalidBucketAclWithObjectOwnership', 'NotImplemented', 'MalformedXML']);
  assert.equal(await code(alice('PUT', '/box?ownershipControls', controls('BucketOwnerPreferred'))), 200);
  await alice('PUT', '/box?acl', { headers: { 'x-amz-acl': 'private' } });
  assert.equal((await nobody('GET', `/${cloud.alice.projectId}:box/o`)).status, 200, 'by its own grants');

  assert.equal(await code(alice('PUT', '/box?ownershipControls', controls('BucketOwnerEnforced'))), 200);

  assert.match((await alice('GET', '/box?ownershipControls')).text, /<Rule><ObjectOwnership>BucketOwnerEnforced</);
  assert.equal((await nobody('GET', `/${cloud.alice.projectId}:box/o`)).status, 403);
  assert.doesNotMatch((await alice('GET', '/box/o?acl')).text, /AllUsers/);
  const acl = (name: string) => ({ headers: { 'x-amz-acl': name } });
  assert.deepEqual(
    [await code(alice('PUT', '/box?acl', acl('private'))), await code(alice('PUT', '/box/o?acl', acl('public-read'))), await code(alice('PUT', '/box/p', acl('private'))), await code(alice('PUT', '/box/p', acl('bucket-owner-full-control'))), await code(alice('PUT', '/box/q', {}))],
    ['AccessControlListNotSupported', 'AccessControlListNotSupported', 'AccessControlListNotSupported', 200, 200],
  );
  assert.equal((await owner('POST', '/box', { headers: { 'x-container-read': `${cloud.bob.projectId}:*` } })).status, 400);
  assert.deepEqual([await code(alice('PUT', '/made', { headers: { 'x-amz-object-ownership': 'BucketOwnerEnforced', 'x-amz-acl': 'public-read' } })), await code(alice('PUT', '/made', { headers: { 'x-amz-object-ownership': 'BucketOwnerEnforced' } })), await code(alice('PUT', '/made?acl', acl('public-read')))], ['InvalidBucketAclWithObjectOwnership', 200, 'AccessControlListNotSupported']);
  assert.deepEqual([await code(alice('DELETE', '/box?ownershipControls')), (await nobody('GET', `/${cloud.alice.projectId}:box/o`)).status], [204, 200]);
});

test('pages of other origins may do what the rules of the bucket say', async (t) => {
  const { alice, cloud } = await start(t);
  await alice('PUT', '/box');
  await alice('PUT', '/box?cors', { body: '<CORSConfiguration><CORSRule><AllowedOrigin>https://*.example.org</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-amz-*</AllowedHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule></CORSConfiguration>' });
  const ask = (origin: string, method = 'PUT', headers = 'x-amz-date') => send(cloud, 'OPTIONS', `/s3/${cloud.alice.projectId}:box/o`, { headers: { host: 'cloud.example', origin, 'access-control-request-method': method, 'access-control-request-headers': headers } });

  const allowed = await ask('https://a.example.org');
  assert.deepEqual([allowed.status, allowed.headers['access-control-allow-origin'], allowed.headers['access-control-max-age']], [200, 'https://a.example.org', '60']);
  assert.deepEqual([(await ask('https://example.com')).status, (await ask('https://a.example.org', 'GET')).status, (await ask('https://a.example.org', 'PUT', 'cookie')).status], [403, 403, 403]);
  assert.equal((await alice('PUT', '/box/o', { body: 'x', headers: { origin: 'https://a.example.org' } })).headers['access-control-allow-origin'], 'https://a.example.org');
});

test('what a lifecycle says goes in its time, and what is locked does not, at no door', async (t) => {
  const { alice, cloud } = await start(t);
  await alice('PUT', '/box', { headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  await alice('PUT', '/box?lifecycle', { body: '<LifecycleConfiguration><Rule><ID>r</ID><Filter><Prefix>old/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>' });
  const until = new Date(cloud.clock.now().getTime() + 10 * 24 * 3_600_000).toISOString();
  for (const name of ['old/a', 'new/a']) await alice('PUT', `/box/${name}`, { body: name });
  const locked = (await alice('PUT', '/box/old/locked', { body: 'locked', headers: { 'x-amz-object-lock-mode': 'COMPLIANCE', 'x-amz-object-lock-retain-until-date': until } })).headers['x-amz-version-id'];
  await alice('POST', '/box/old/upload?uploads');
  const days = async (count: number) => {
    (cloud.clock as unknown as { advance(ms: number): void }).advance(count * 24 * 3_600_000);
    await followLifecycles(cloud.cloud.region);
  };

  await days(2);
  assert.deepEqual([...(await alice('GET', '/box')).text.matchAll(/<Key>([^<]+)</g)].map(([, key]) => key), ['new/a']);
  assert.doesNotMatch((await alice('GET', '/box?uploads')).text, /<Upload>/);
  await days(2);
  assert.deepEqual([...(await alice('GET', '/box?versions')).text.matchAll(/<Version><Key>([^<]+)</g)].map(([, key]) => key), ['new/a', 'old/locked']);
  assert.match((await alice('DELETE', `/box/old/locked?versionId=${locked}`, { headers: { 'x-amz-bypass-governance-retention': 'true' } })).text, /object lock/);
  assert.equal((await swift(cloud, cloud.alice)('DELETE', `/box/old/locked?version-id=${locked}`)).status, 403);
  assert.match((await alice('PUT', `/box/old/locked?retention&versionId=${locked}`, { body: `<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>${until}</RetainUntilDate></Retention>` })).text, /<Code>AccessDenied</);
  await days(8);
  assert.deepEqual([...(await alice('GET', '/box?versions')).text.matchAll(/<Version><Key>([^<]+)</g)].map(([, key]) => key), ['new/a']);
});

test('a document that declares entities, names files or is too deep is refused unread (ATTACKS 22)', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  const bombs = [
    '<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol1 "&lol;&lol;">]><Tagging><TagSet><Tag><Key>&lol1;</Key><Value>x</Value></Tag></TagSet></Tagging>',
    '<!DOCTYPE foo [<!ENTITY xxe SYSTEM "file:///etc/passwd">]><Tagging><TagSet><Tag><Key>a</Key><Value>&xxe;</Value></Tag></TagSet></Tagging>',
    '<Tagging><TagSet><Tag><Key>a</Key><Value>&unknown;</Value></Tag></TagSet></Tagging>',
    `${'<a>'.repeat(10_000)}${'</a>'.repeat(10_000)}`,
    '<Tagging><TagSet></Tagging></TagSet>',
    '<Tagging/><Tagging/>',
    'no XML at all',
    '',
  ];

  for (const body of bombs) assert.match((await alice('PUT', '/box?tagging', { body })).text, /<Code>MalformedXML</, body.slice(0, 60));
  assert.match((await alice('GET', '/box?tagging')).text, /<Code>NoSuchTagSet</);
});

test('documents are what their digests say, as objects are', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: 'hello' });
  const body = '<Delete><Object><Key>o</Key></Object></Delete>';
  const codeOf = async (headers: Record<string, string>) => /<Code>(\w+)/.exec((await alice('POST', '/box?delete', { body, headers })).text)?.[1];

  assert.equal(await codeOf({ 'content-md5': createHash('md5').update('other').digest('base64') }), 'BadDigest');
  assert.equal(await codeOf({ 'content-md5': 'no digest' }), 'InvalidDigest');
  assert.match((await alice('GET', '/box/o', { payload: 'no hash' })).text, /<Code>InvalidArgument</);
  assert.match((await alice('PUT', '/box/p', { body: 'x', headers: { 'x-amz-checksum-md4': 'AAAA' } })).text, /<Code>InvalidRequest</);
  assert.equal((await alice('GET', '/box/o')).text, 'hello');
  assert.equal(await codeOf({ 'content-md5': createHash('md5').update(body).digest('base64') }), undefined);
  assert.equal((await alice('GET', '/box/o')).status, 404);
});

test('what is not offered is refused by its name, and not passed over', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  for (const [method, address, headers] of [
    ['PUT', '/box?website', {}],
    ['GET', '/box?replication', {}],
    ['PUT', '/box/o', { 'x-amz-server-side-encryption': 'AES256' }],
    ['PUT', '/box/o', { 'if-none-match': '"etag"' }],
    ['GET', '/box/o?torrent', {}],
  ] as const)
    assert.match((await alice(method, address, { headers, ...(method === 'PUT' ? { body: '' } : {}) })).text, /<Code>NotImplemented</, address);
  assert.equal((await alice('GET', '/box/o')).status, 404);
});

type Chunked = { bytes: Buffer; payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' | 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER' | 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'; checksum?: string; change?: (body: string) => string };

function chunkedRequest(cloud: TestCloud, key: Key, { bytes, payload, checksum, change = (body) => body }: Chunked): { body: Buffer; headers: Record<string, string> } {
  const date = dateOf(cloud);
  const headers = signed(key, { method: 'PUT', address: '/box/o', headers: { host: 'cloud.example', 'x-amz-date': date, 'x-amz-content-sha256': payload, 'x-amz-decoded-content-length': String(bytes.length), 'content-encoding': 'aws-chunked', ...(checksum === undefined ? {} : { 'x-amz-trailer': 'x-amz-checksum-crc64nvme' }) } });
  const signing = keyFor(key.secret, date);
  let before = /Signature=(\w+)/.exec(headers['authorization'] ?? '')?.[1] ?? '';
  const sign = (algorithm: string, ...hashes: string[]) => (before = createHmac('sha256', signing).update([algorithm, date, scopeOf(date), before, ...hashes].join('\n')).digest('hex'));
  const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
  const isSigned = payload.startsWith('STREAMING-AWS4');
  const chunks = [bytes.subarray(0, 65_536), bytes.subarray(65_536), Buffer.alloc(0)].map((chunk, index, all) => {
    const head = isSigned ? `;chunk-signature=${sign('AWS4-HMAC-SHA256-PAYLOAD', sha256(''), sha256(chunk))}` : '';
    return `${chunk.length.toString(16)}${head}\r\n${chunk.toString('latin1')}${index === all.length - 1 ? '' : '\r\n'}`;
  });
  const trailer = checksum === undefined ? '' : `x-amz-checksum-crc64nvme:${checksum}\r\n`;
  const signature = checksum !== undefined && isSigned ? `x-amz-trailer-signature:${sign('AWS4-HMAC-SHA256-TRAILER', sha256(trailer.replace('\r', '')))}\r\n` : '';
  const body = Buffer.from(change(`${chunks.join('')}${trailer}${signature}\r\n`), 'latin1');
  return { body, headers: { ...headers, 'content-length': String(body.length) } };
}

function digest(bytes: Buffer): string {
  const hash = hasherOf('CRC64NVME');
  hash.update(bytes);
  return hash.digest().toString('base64');
}

async function start(t: Parameters<typeof startCloud>[0]): Promise<{ cloud: TestCloud; alice: Ask; key: Key }> {
  const cloud = await startCloud(t);
  const key = await keyOf(cloud.alice);
  return { cloud, key, alice: s3(cloud, key) };
}
