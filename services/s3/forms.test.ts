/** Files that pages send by a form, on a whole cloud in this process. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { dateOf, keyOf, s3, scopeOf, send, signatureOf, type Ask, type Key, type Reply } from './s3.fixture.ts';

type Conditions = readonly unknown[];
type Fields = Readonly<Record<string, string>>;

test('a page sends a file by a form that its maker has signed', async (t) => {
  const { cloud, key, alice } = await start(t);
  const conditions = [{ bucket: 'box' }, ['starts-with', '$key', 'in/'], { 'x-amz-meta-colour': 'grün' }, ['starts-with', '$Content-Type', 'image/'], ['content-length-range', 1, 100], { acl: 'public-read' }, ['starts-with', '$tagging', '']];
  const tagging = '<Tagging><TagSet><Tag><Key>of</Key><Value>a page</Value></Tag></TagSet></Tagging>';

  const sent = await post(cloud, { fields: { key: 'in/${filename}', 'X-Amz-Meta-Colour': 'grün', 'Content-Type': 'image/png', acl: 'public-read', tagging, ...signedFields(cloud, key, conditions) }, file: 'the bytes', filename: 'C:\\pictures\\cat.png' });

  assert.deepEqual([sent.status, sent.text, sent.headers['etag'], sent.headers['location']], [204, '', `"${md5('the bytes')}"`, 'http://cloud.example/box/in/cat.png']);
  const got = await alice('GET', '/box/in/cat.png');
  assert.deepEqual([got.text, got.headers['content-type'], Buffer.from(got.headers['x-amz-meta-colour'] ?? '', 'latin1').toString('utf8'), got.headers['x-amz-tagging-count']], ['the bytes', 'image/png', 'grün', '1']);
  assert.match((await alice('GET', '/box/in/cat.png?acl')).text, /AllUsers/);
});

test('a form says what its page is shown when the file is there', async (t) => {
  const { cloud, key } = await start(t);
  const answers = async (fields: Fields) => {
    const conditions = [{ bucket: 'box' }, { key: 'a b' }, ...Object.entries(fields).map(([name, value]) => ['eq', `$${name}`, value])];
    return post(cloud, { fields: { key: 'a b', ...fields, ...signedFields(cloud, key, conditions) } });
  };

  assert.equal((await answers({ success_action_status: '200' })).status, 200);
  assert.equal((await answers({ success_action_status: '404' })).status, 204);
  const made = await answers({ success_action_status: '201' });
  assert.deepEqual([made.status, made.headers['content-type']], [201, 'application/xml']);
  assert.match(made.text, /<PostResponse .*<Location>http:\/\/cloud.example\/box\/a%20b<\/Location><Bucket>box<\/Bucket><Key>a b<\/Key><ETag>&#34;[0-9a-f]{32}&#34;<\/ETag>/);
  const moved = await answers({ success_action_redirect: 'https://page.example/thanks?to=me' });
  assert.deepEqual([moved.status, moved.headers['location']], [303, `https://page.example/thanks?to=me&bucket=box&key=a+b&etag=%22${md5('x')}%22`]);
  assert.equal((await answers({ success_action_redirect: 'javascript:alert(1)' })).status, 204);
});

test('a form that is not as its policy says keeps nothing', async (t) => {
  const { cloud, key, alice } = await start(t);
  const usual = [{ bucket: 'box' }, ['starts-with', '$key', 'in/'], ['content-length-range', 2, 5]];
  const refusals: [what: string, status: number, code: string, Parameters<typeof signedFields>[2], Fields, file?: string, more?: object][] = [
    ['another key', 403, 'AccessDenied', usual, { key: 'out/a' }],
    ['a field that the policy does not name', 403, 'AccessDenied', usual, { key: 'in/a', acl: 'public-read' }],
    ['another bucket', 403, 'AccessDenied', [{ bucket: 'other' }, ['starts-with', '$key', '']], { key: 'in/a' }],
    ['no bucket at all', 403, 'AccessDenied', [['starts-with', '$key', '']], { key: 'in/a' }],
    ['too much', 400, 'EntityTooLarge', usual, { key: 'in/a' }, '123456'],
    ['too little', 400, 'EntityTooSmall', usual, { key: 'in/a' }, '1'],
    ['no key', 400, 'InvalidArgument', usual, {}],
    ['a key too long', 400, 'KeyTooLongError', usual, { key: `in/${'a'.repeat(1024)}` }],
    ['a key that is no text', 400, 'InvalidArgument', usual, { key: 'in/\0' }],
    ['what ends a header', 400, 'InvalidArgument', [...usual, ['starts-with', '$content-type', '']], { key: 'in/a', 'content-type': 'text/plain\nset-cookie: a=b' }],
    ['a policy that has ended', 403, 'AccessDenied', usual, { key: 'in/a' }, undefined, { expiration: '2020-01-01T00:00:00.000Z' }],
    ['a policy without an end', 400, 'InvalidPolicyDocument', usual, { key: 'in/a' }, undefined, { expiration: undefined }],
    ['an end in other words', 400, 'InvalidPolicyDocument', usual, { key: 'in/a' }, undefined, { expiration: 'tomorrow' }],
    ['a policy without conditions', 400, 'InvalidPolicyDocument', usual, { key: 'in/a' }, undefined, { conditions: undefined }],
    ['an empty condition', 400, 'InvalidPolicyDocument', [{}], { key: 'in/a' }],
    ['a range of one number', 400, 'InvalidPolicyDocument', [...usual, ['content-length-range', 0]], { key: 'in/a' }],
    ['a range below nothing', 400, 'InvalidPolicyDocument', [...usual, ['content-length-range', -1, 0]], { key: 'in/a' }],
    ['an unknown comparison', 400, 'InvalidPolicyDocument', [...usual, ['ends-with', '$key', 'a']], { key: 'in/a' }],
  ];
  for (const [what, status, code, conditions, fields, file = 'abc', more = {}] of refusals) {
    const answer = await post(cloud, { fields: { ...fields, ...signedFields(cloud, key, conditions, more) }, file });
    assert.deepEqual([what, answer.status, codeIn(answer)], [what, status, code]);
  }
  assert.doesNotMatch((await alice('GET', '/box')).text, /<Contents>/);
});

test('a form must be signed by a key, and be a form', async (t) => {
  const { cloud, key } = await start(t);
  const conditions = [{ bucket: 'box' }, { key: 'a' }];
  const signed: Fields = { key: 'a', ...signedFields(cloud, key, conditions) };
  const { 'x-amz-signature': _, ...unsigned } = signed;
  const policy = signed['policy'] ?? '';
  const refusals: [what: string, status: number, code: string, Parameters<typeof post>[1]][] = [
    ['a wrong signature', 403, 'SignatureDoesNotMatch', { fields: { ...signed, 'x-amz-signature': '0'.repeat(64) } }],
    ['a policy that was changed', 403, 'SignatureDoesNotMatch', { fields: { ...signed, policy: `${policy}=` } }],
    ['an unknown key', 403, 'InvalidAccessKeyId', { fields: { ...signed, 'x-amz-credential': `nobody/${scopeOf(dateOf(cloud))}` } }],
    ['a key for another service', 400, 'InvalidArgument', { fields: { ...signed, 'x-amz-credential': `${key.access}/20260301/us-east-1/ec2/aws4_request` } }],
    ['no signature', 400, 'InvalidArgument', { fields: unsigned }],
    ['an older signature that is wrong', 403, 'SignatureDoesNotMatch', { fields: { key: 'a', AWSAccessKeyId: key.access, policy, signature: 'bm9uZQ==' } }],
    ['one field twice', 400, 'InvalidArgument', { fields: signed, body: `--${boundary}\r\nContent-Disposition: form-data; name="Key"\r\n\r\nb` }],
    ['no file', 400, 'InvalidArgument', { fields: signed, file: null }],
    ['a form that breaks off', 400, 'MalformedPOSTRequest', { fields: signed, end: '' }],
    ['another beginning', 400, 'MalformedPOSTRequest', { fields: {}, body: 'no form' }],
    ['fields of 21 KB', 400, 'MaxPostPreDataLengthExceeded', { fields: { 'x-ignore-this': 'a'.repeat(21 * 1024), ...signed } }],
  ];
  for (const [what, status, code, form] of refusals) {
    const answer = await post(cloud, form);
    assert.deepEqual([what, answer.status, codeIn(answer)], [what, status, code]);
  }
  const older = policyText(conditions);
  assert.equal((await post(cloud, { fields: { key: 'a', AWSAccessKeyId: key.access, policy: older, signature: createHmac('sha1', key.secret).update(older).digest('base64') } })).status, 204);
});

test('without a signature a form reaches only what everybody may write, and is counted as nobody', async (t) => {
  const { cloud, alice } = await start(t);
  const { projectId } = cloud.alice;
  await alice('PUT', '/open', { headers: { 'x-amz-acl': 'public-read-write' } });

  assert.equal((await post(cloud, { bucket: `${projectId}:open`, fields: { key: 'a' } })).status, 204);
  assert.equal((await send(cloud, 'GET', `/${projectId}:open/a`, { headers: { host: 'cloud.example' } })).text, 'x');
  const answer = await post(cloud, { bucket: `${projectId}:box`, fields: { key: 'a' } });
  assert.deepEqual([answer.status, codeIn(answer)], [403, 'AccessDenied']);
});

const boundary = 'a-boundary';

async function start(t: TestContext): Promise<{ cloud: TestCloud; key: Key; alice: Ask }> {
  const cloud = await startCloud(t);
  const key = await keyOf(cloud.alice);
  const alice = s3(cloud, key);
  await alice('PUT', '/box');
  return { cloud, key, alice };
}

/** `file`: null for none; `body`: what stands before the file; `end`: after it. */
function post(cloud: TestCloud, { bucket = 'box', fields, file = 'x', filename = 'a.txt', body = '', end = `\r\n--${boundary}--\r\n` }: { bucket?: string; fields: Fields; file?: string | null; filename?: string; body?: string; end?: string }): Promise<Reply> {
  const parts = Object.entries(fields).map(([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
  const last = file === null ? `--${boundary}--\r\n` : `${body === '' ? '' : `${body}\r\n`}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\nContent-Type: text/html\r\n\r\n${file}${end}`;
  const text = parts.join('') + last;
  return send(cloud, 'POST', `/${bucket}`, { body: text, headers: { host: 'cloud.example', 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': String(Buffer.byteLength(text)) } });
}

function policyText(conditions: Conditions, more: object = {}): string {
  return Buffer.from(JSON.stringify({ expiration: '2100-01-01T00:00:00.000Z', conditions, ...more })).toString('base64');
}

/** As clients make them: with conditions of their own on what they sign with. */
function signedFields(cloud: TestCloud, { access, secret }: Key, conditions: Conditions, more: object = {}): Fields {
  const date = dateOf(cloud);
  const fields = { 'x-amz-algorithm': 'AWS4-HMAC-SHA256', 'x-amz-credential': `${access}/${scopeOf(date)}`, 'x-amz-date': date };
  const policy = policyText([...conditions, ...Object.entries(fields).map(([name, value]) => ({ [name]: value }))], more);
  return { ...fields, policy, 'x-amz-signature': signatureOf(secret, date, policy) };
}

function codeIn({ text }: Reply): string | undefined {
  return /<Code>(\w+)</.exec(text)?.[1];
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
