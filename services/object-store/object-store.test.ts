/** The store behind its Swift door, on a whole cloud in this process. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { accountPath, swift, type Ask } from './object-store.fixture.ts';

test('an object is written, listed, read and deleted', async (t) => {
  const { alice } = await start(t);

  assert.equal((await alice('PUT', '/box')).status, 201);
  assert.equal((await alice('PUT', '/box')).status, 202);
  const put = await alice('PUT', '/box/a/b.txt', { body: 'hello', headers: { 'x-object-meta-colour': 'bl\u00c3\u00bce', 'content-type': 'text/plain' } });

  assert.deepEqual([put.status, put.headers['etag']], [201, md5('hello')]);
  const got = await alice('GET', '/box/a/b.txt');
  assert.deepEqual([got.status, got.text, got.headers['x-object-meta-colour'], got.headers['content-type']], [200, 'hello', 'bl\u00c3\u00bce', 'text/plain']);
  assert.equal((await alice('GET', '/box')).text, 'a/b.txt\n');
  assert.deepEqual((await alice('GET', '/box?delimiter=/&format=json')).json, [{ subdir: 'a/' }]);
  const head = await alice('HEAD', '');
  assert.deepEqual(['container-count', 'object-count', 'bytes-used'].map((name) => head.headers[`x-account-${name}`]), ['1', '1', '5']);
  assert.equal((await alice('DELETE', '/box')).status, 409);
  assert.equal((await alice('DELETE', '/box/a/b.txt')).status, 204);
  assert.equal((await alice('GET', '/box/a/b.txt')).status, 404);
  assert.equal((await alice('DELETE', '/box')).status, 204);
});

test('an object of JSON, of no type and with a slash at its end is kept as it came', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');

  await alice('PUT', '/box/list', { body: '{"b" : 1}', headers: { 'content-type': 'application/json' } });
  await alice('PUT', '/box/folder/', { headers: { 'content-type': 'no type at all' } });

  assert.equal((await alice('GET', '/box/list')).text, '{"b" : 1}');
  assert.equal((await alice('GET', '/box/folder/')).headers['content-type'], 'no type at all');
  assert.equal((await alice('GET', '/box/folder')).status, 404);
});

test('a list goes by prefix, delimiter, markers, path and backwards, and is written as text, JSON or XML', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  for (const name of ['a', 'b/1', 'b/2', 'b/c/3', 'b0', 'd/', 'é']) await alice('PUT', `/box/${encodeURIComponent(name)}`, { body: name });
  const names = async (query: string) => (await alice('GET', `/box?${query}`)).text.split('\n').slice(0, -1);

  assert.deepEqual(await names(''), ['a', 'b/1', 'b/2', 'b/c/3', 'b0', 'd/', 'é']);
  assert.deepEqual(await names('delimiter=/'), ['a', 'b/', 'b0', 'd/', 'é']);
  assert.deepEqual(await names('delimiter=/&limit=2'), ['a', 'b/']);
  assert.deepEqual(await names('delimiter=/&marker=b/&limit=2'), ['b0', 'd/']);
  assert.deepEqual(await names('delimiter=/&reverse=true'), ['é', 'd/', 'b0', 'b/', 'a']);
  assert.deepEqual(await names('prefix=b/&delimiter=/'), ['b/1', 'b/2', 'b/c/']);
  assert.deepEqual(await names('path=b'), ['b/1', 'b/2']);
  assert.deepEqual(await names('path='), ['a', 'b0', 'd/', 'é']);
  assert.deepEqual(await names('marker=b/1&end_marker=d/'), ['b/2', 'b/c/3', 'b0']);
  assert.deepEqual(await names('marker=d/&end_marker=b/1&reverse=on'), ['b0', 'b/c/3', 'b/2']);
  assert.equal((await alice('GET', '/box?limit=10001')).status, 412);
  assert.match((await alice('GET', '/box?format=xml&prefix=a')).text, /^<\?xml version="1.0" encoding="UTF-8"\?>\n<container name="box"><object><name>a<\/name><hash>/);
});

test('ranges, several too, and conditions are as HTTP says', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: '0123456789', headers: { 'content-type': 'text/plain' } });
  const get = (headers: Record<string, string>) => alice('GET', '/box/o', { headers });

  const part = await get({ range: 'bytes=2-4' });
  assert.deepEqual([part.status, part.text, part.headers['content-range']], [206, '234', 'bytes 2-4/10']);
  assert.equal((await get({ range: 'bytes=-3' })).text, '789');
  assert.equal((await get({ range: 'bytes=20-' })).status, 416);
  const several = await get({ range: 'bytes=0-1,8-' });
  assert.equal(several.status, 206);
  assert.match(several.text, /Content-Range: bytes 0-1\/10\r\n\r\n01\r\n--/);
  assert.equal(Number(several.headers['content-length']), several.bytes.length);
  assert.equal((await get({ 'if-none-match': md5('0123456789') })).status, 304);
  assert.equal((await get({ 'if-match': 'other' })).status, 412);
  assert.equal((await get({ range: 'bytes=2-4', 'if-range': '"other"' })).text, '0123456789');
  assert.equal((await alice('PUT', '/box/o', { body: 'x', headers: { 'if-none-match': '*' } })).status, 412);
  assert.equal((await alice('PUT', '/box/p', { body: 'x', headers: { etag: md5('y') } })).status, 422);
});

test('who is of no list comes to nothing of another project, and who is comes to what the list says', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: 'hello' });
  const [bob, nobody] = [swift(cloud, cloud.bob, cloud.alice), swift(cloud, undefined, cloud.alice)];
  const asked = async (ask: Ask) => Promise.all([ask('GET', '/box/o'), ask('GET', '/box'), ask('PUT', '/box/p', { body: 'x' }), ask('POST', '/box'), ask('GET', '')]).then((all) => all.map(({ status }) => status));

  assert.deepEqual([await asked(bob), await asked(nobody)], [[403, 403, 403, 403, 403], [401, 401, 401, 401, 401]]);
  await alice('POST', '/box', { headers: { 'x-container-read': '.r:*' } });
  assert.deepEqual([await asked(bob), await asked(nobody)], [[200, 403, 403, 403, 403], [200, 401, 401, 401, 401]]);
  await alice('POST', '/box', { headers: { 'x-container-read': '.r:*,.rlistings', 'x-container-write': `${cloud.bob.projectId}:${cloud.bob.userId}` } });
  assert.deepEqual([await asked(bob), await asked(nobody)], [[200, 200, 201, 403, 403], [200, 200, 401, 401, 401]]);
  assert.equal((await bob('HEAD', '/box')).headers['x-container-read'], undefined);
  await alice('POST', '/box', { headers: { 'x-container-read': '.r:*,.r:-.thief.example', 'x-container-write': '' } });
  assert.deepEqual([(await nobody('GET', '/box/o', { headers: { referer: 'http://a.thief.example/x' } })).status, (await bob('PUT', '/box/p', { body: 'x' })).status], [401, 403]);
});

test('an address that is signed is good for what was signed until its moment', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/box', { headers: { 'x-container-meta-temp-url-key': 'of the box' } });
  await alice('POST', '', { headers: { 'x-account-meta-temp-url-key': 'of all' } });
  await alice('PUT', '/box/o', { body: 'hello', headers: { 'x-object-meta-secret': 'x' } });
  const nobody = swift(cloud, undefined, cloud.alice);
  const expires = Math.floor(cloud.clock.now().getTime() / 1000) + 60;
  const signed = (key: string, text: string, algorithm = 'sha256') => `temp_url_sig=${createHmac(algorithm, key).update(text).digest('hex')}&temp_url_expires=${expires}`;
  const path = `${accountPath(cloud.alice)}/box/o`;
  const get = async (query: string) => (await nobody('GET', `/box/o?${query}`)).status;

  for (const algorithm of ['sha1', 'sha256', 'sha512']) assert.equal(await get(signed('of all', `GET\n${expires}\n${path}`, algorithm)), 200, algorithm);
  assert.equal(await get(signed('of the box', `GET\n${expires}\n${path.replace('/object-store', '')}`)), 200);
  assert.equal(await get(signed('of nothing', `GET\n${expires}\n${path}`)), 401);
  assert.equal((await nobody('PUT', `/box/o?${signed('of all', `GET\n${expires}\n${path}`)}`, { body: 'x' })).status, 401);
  assert.equal(await get(`${signed('of all', `GET\n${expires}\nprefix:${path.slice(0, -1)}`)}&temp_url_prefix=`), 200);
  assert.equal(await get(`${signed('of all', `ip=127.0.0.0/8\nGET\n${expires}\n${path}`)}&temp_url_ip_range=127.0.0.0/8`), 200);
  assert.equal(await get(`${signed('of all', `ip=10.0.0.0/8\nGET\n${expires}\n${path}`)}&temp_url_ip_range=10.0.0.0/8`), 401);
  const shown = await nobody('GET', `/box/o?${signed('of all', `GET\n${expires}\n${path}`)}&filename=it`);
  assert.deepEqual([shown.headers['content-disposition'], shown.headers['x-object-meta-secret']], [`attachment; filename="it"; filename*=UTF-8''it`, undefined]);
});

test('a copy within an account has the same bytes and what is said anew, and takes no second file', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/box');
  await alice('PUT', '/other');
  await alice('PUT', '/box/o', { body: 'hello', headers: { 'x-object-meta-colour': 'blue', 'content-type': 'text/x-mine' } });

  const copied = await alice('COPY', '/box/o', { headers: { destination: 'other/o%20o', 'x-object-meta-shape': 'round' } });

  assert.deepEqual([copied.status, copied.headers['x-copied-from']], [201, 'box/o']);
  const got = await alice('GET', '/other/o%20o');
  assert.deepEqual([got.text, got.headers['x-object-meta-colour'], got.headers['x-object-meta-shape'], got.headers['content-type']], ['hello', 'blue', 'round', 'text/x-mine']);
  const fresh = await alice('PUT', '/box/p', { headers: { 'x-copy-from': '/box/o', 'x-fresh-metadata': 'true' } });
  assert.deepEqual([fresh.status, Object.keys(fresh.headers).filter((name) => name.startsWith('x-object-meta-'))], [201, []]);
  assert.equal((await alice('HEAD', '/box/p')).headers['x-object-meta-colour'], undefined);
  assert.equal((await alice('PUT', '/box/q', { headers: { 'x-copy-from': '/box/none' } })).status, 404);
  assert.equal(await countBlobs(cloud), 1);
});

test('a large object is its segments, in whole and in part, and goes with them when that is wished', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  for (const [name, body] of [['s1', 'hello '], ['s2', 'wide '], ['s3', 'world']] as const) await alice('PUT', `/box/${name}`, { body });
  const manifest = [{ path: '/box/s1', etag: md5('hello '), size_bytes: 6 }, { path: 'box/s2', range: '0-3' }, { path: '/box/s3' }, { data: Buffer.from('!').toString('base64') }];

  const put = await alice('PUT', '/box/large?multipart-manifest=put', { body: JSON.stringify(manifest), headers: { 'content-type': 'text/plain' } });

  assert.equal(put.status, 201);
  const got = await alice('GET', '/box/large');
  assert.deepEqual([got.text, got.headers['x-static-large-object'], got.headers['etag'], got.headers['content-length']], ['hello wideworld!', 'True', put.headers['etag'], '16']);
  assert.equal((await alice('GET', '/box/large', { headers: { range: 'bytes=4-11' } })).text, 'o widewo');
  assert.equal(((await alice('GET', '/box/large?multipart-manifest=get')).json as unknown[]).length, 4);
  assert.equal((await alice('PUT', '/box/large?multipart-manifest=put', { body: JSON.stringify(manifest), headers: { 'if-none-match': '*' } })).status, 412);
  const bad = await alice('PUT', '/box/bad?multipart-manifest=put', { body: JSON.stringify([{ path: '/box/s1', etag: 'other' }, { path: '/box/none' }]) });
  assert.deepEqual([bad.status, bad.text], [400, 'Errors:\n/box/s1, Etag Mismatch\n/box/none, 404 Not Found']);
  await alice('PUT', '/box/s3', { body: 'other' });
  assert.equal((await alice('GET', '/box/large', { headers: { range: 'bytes=10-' } })).status, 409);
  const deleted = await alice('DELETE', '/box/large?multipart-manifest=delete', { headers: { accept: 'application/json' } });
  assert.deepEqual(deleted.json, { 'Number Deleted': 4, 'Number Not Found': 0, 'Response Body': '', 'Response Status': '200 OK', Errors: [] });
  assert.equal((await alice('GET', '/box')).text, '');
});

test('an object that names a prefix is all that lies there', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  for (const part of ['1', '2', '3']) await alice('PUT', `/box/parts/${part}`, { body: `part ${part};` });
  await alice('PUT', '/box/all', { headers: { 'x-object-manifest': 'box/parts/' } });

  const got = await alice('GET', '/box/all');

  assert.deepEqual([got.text, got.headers['content-length'], got.headers['etag']], ['part 1;part 2;part 3;', '21', `"${md5(['1', '2', '3'].map((part) => md5(`part ${part};`)).join(''))}"`]);
  assert.equal((await alice('GET', '/box/all', { headers: { range: 'bytes=5-12' } })).text, '1;part 2');
});

test('what is written anew goes to another container, and comes back', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/old');
  await alice('PUT', '/box', { headers: { 'x-versions-location': 'old' } });
  for (const body of ['one', 'two', 'three']) {
    await alice('PUT', '/box/o', { body });
    (cloud.clock as unknown as { advance(ms: number): void }).advance(1000);
  }

  assert.equal((await alice('GET', '/old')).text.split('\n').length, 3);
  assert.equal((await alice('DELETE', '/box/o')).status, 204);
  assert.equal((await alice('GET', '/box/o')).text, 'two');
  assert.equal((await alice('DELETE', '/box/o')).status, 204);
  assert.equal((await alice('GET', '/box/o')).text, 'one');
  assert.equal((await alice('DELETE', '/box/o')).status, 204);
  assert.deepEqual([(await alice('GET', '/box/o')).status, (await alice('GET', '/old')).text], [404, '']);
});

test('a container that keeps versions shows each, deletes by a marker, and makes an older one the newest', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box', { headers: { 'x-versions-enabled': 'true' } });
  const [one = '', two = ''] = [await alice('PUT', '/box/o', { body: 'one' }), await alice('PUT', '/box/o', { body: 'two!' })].map(({ headers }) => headers['x-object-version-id']);

  assert.equal((await alice('DELETE', '/box/o')).status, 204);

  assert.equal((await alice('GET', '/box/o')).status, 404);
  assert.equal((await alice('GET', `/box/o?version-id=${one}`)).text, 'one');
  const listed = (await alice('GET', '/box?versions&format=json')).json as { version_id: string; is_latest: boolean; bytes: number; content_type: string }[];
  assert.deepEqual(listed.map(({ is_latest, bytes }) => [is_latest, bytes]), [[true, 0], [false, 4], [false, 3]]);
  assert.deepEqual([(await alice('GET', '/box')).text, (await alice('HEAD', '/box')).headers['x-container-object-count'], (await alice('HEAD', '/box')).headers['x-container-bytes-used']], ['', '0', '7']);
  assert.equal((await alice('PUT', `/box/o?version-id=${two}`)).status, 201);
  assert.equal((await alice('GET', '/box/o')).text, 'two!');
  for (const { version_id } of listed) assert.equal((await alice('DELETE', `/box/o?version-id=${version_id}`)).status, 204);
  assert.equal((await alice('DELETE', '/box')).status, 204);
});

test('versions are listed as JSON alone, either way round, and shown to who may write the account', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/box', { headers: { 'x-versions-enabled': 'true', 'x-container-read': `${cloud.bob.projectId}:*` } });
  const [one = ''] = [await alice('PUT', '/box/a', { body: '1' }), await alice('PUT', '/box/a', { body: '22' }), await alice('PUT', '/box/b', { body: '333' })].map(({ headers }) => headers['x-object-version-id']);
  const sizesOf = async (query: string) => ((await alice('GET', `/box?versions${query}`)).json as { bytes: number }[]).map(({ bytes }) => bytes);

  assert.deepEqual([await sizesOf(''), await sizesOf('&reverse=on'), await sizesOf(`&reverse=on&marker=a&version_marker=${one}`), await sizesOf('&reverse=on&marker=b')], [[2, 1, 3], [3, 1, 2], [2], [1, 2]]);
  assert.equal((await alice('GET', '/box?versions', { headers: { accept: 'text/plain' } })).status, 406);
  const bob = swift(cloud, cloud.bob, cloud.alice);
  assert.deepEqual([(await bob('GET', '/box/a')).status, (await bob('GET', `/box/a?version-id=${one}`)).status], [200, 403]);
  await alice('POST', '/box', { headers: { 'x-versions-enabled': 'false' } });
  assert.equal((await alice('PUT', '/box/c')).headers['x-object-version-id'], undefined);
  assert.equal((await alice('PUT', '/box/c?version-id=null')).status, 400);
});

test('a link shows what it stands for, in its own account or another, as long as that may be read', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: 'hello' });
  const bob = swift(cloud, cloud.bob);
  await bob('PUT', '/bobs');
  await bob('PUT', '/bobs/link', { headers: { 'x-symlink-target': 'box/o', 'x-symlink-target-account': `AUTH_${cloud.alice.projectId}` } });

  assert.equal((await alice('PUT', '/box/link', { headers: { 'x-symlink-target': 'box/o' } })).status, 201);

  assert.deepEqual([(await alice('GET', '/box/link')).text, (await alice('GET', '/box/link?symlink=get')).text], ['hello', '']);
  assert.equal((await bob('GET', '/bobs/link')).status, 403);
  await alice('POST', '/box', { headers: { 'x-container-read': `${cloud.bob.projectId}:*` } });
  assert.equal((await bob('GET', '/bobs/link')).text, 'hello');
  assert.equal((await alice('POST', '/box/link', { headers: { 'x-object-meta-a': 'b' } })).status, 307);
  assert.equal((await alice('PUT', '/box/static', { headers: { 'x-symlink-target': 'box/o', 'x-symlink-target-etag': md5('other') } })).status, 409);
  for (const [name, target] of [['l1', 'link'], ['l2', 'l1']]) await alice('PUT', `/box/${name}`, { headers: { 'x-symlink-target': `box/${target}` } });
  assert.deepEqual([(await alice('GET', '/box/l1')).text, (await alice('GET', '/box/l2')).status], ['hello', 409]);
});

test('a copy of a link is what it stands for, and what is noted at a link stays with it', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: 'hello' });
  for (const name of ['o', 'missing']) await alice('PUT', `/box/to-${name}`, { headers: { 'x-symlink-target': `box/${name}` } });

  assert.equal((await alice('PUT', '/box/bytes', { headers: { 'x-copy-from': 'box/to-o' } })).status, 201);
  assert.equal((await alice('COPY', '/box/to-o?symlink=get', { headers: { destination: 'box/link' } })).status, 201);
  assert.equal((await alice('POST', '/box/to-o', { headers: { 'x-object-meta-a': 'b' } })).status, 307);

  const [bytes, link, noted, missing] = [await alice('GET', '/box/bytes'), await alice('GET', '/box/link'), await alice('HEAD', '/box/to-o?symlink=get'), await alice('GET', '/box/to-missing')];
  assert.deepEqual([bytes.text, bytes.headers['content-location'], link.text], ['hello', undefined, 'hello']);
  assert.match(String(link.headers['content-location']), /box\/o$/);
  assert.equal(noted.headers['x-object-meta-a'], 'b');
  assert.deepEqual([missing.status, /box\/missing$/.test(String(missing.headers['content-location']))], [404, true]);
  assert.equal((await alice('POST', '/box/to-o', { headers: { 'x-symlink-target': 'box/p' } })).status, 400);
});

test('an object is deleted for its expiry only when that is its expiry', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  assert.equal((await alice('PUT', '/box/o', { headers: { 'x-delete-at': '1'.repeat(100) } })).status, 201);
  assert.equal((await alice('HEAD', '/box/o')).headers['x-delete-at'], '9999999999');

  const statuses = [];
  for (const moment of ['soon', '9999999998', '9999999999', '9999999999']) statuses.push((await alice('DELETE', '/box/o', { headers: { 'x-if-delete-at': moment } })).status);

  assert.deepEqual(statuses, [400, 412, 204, 409]);
});

test('what is noted under a name with low lines is read under one with hyphens, as by every gateway', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box', { headers: { 'x-container-meta-test_note': 'kept' } });
  assert.equal((await alice('HEAD', '/box')).headers['x-container-meta-test-note'], 'kept');
  await alice('POST', '/box', { headers: { 'x-remove-container-meta-test_note': 'x' } });
  assert.equal((await alice('HEAD', '/box')).headers['x-container-meta-test-note'], undefined);
});

test('accounts and containers hold no more than their limits', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/box', { headers: { 'x-container-meta-quota-bytes': '10', 'x-container-meta-quota-count': '2' } });
  await alice('PUT', '/free');

  const statuses = [await alice('PUT', '/box/a', { body: '12345678' }), await alice('PUT', '/box/b', { body: '123' }), await alice('PUT', '/box/b', { body: '12' }), await alice('PUT', '/box/c')].map(({ status }) => status);

  assert.deepEqual(statuses, [201, 413, 201, 413]);
  assert.equal((await alice('POST', '', { headers: { 'x-account-meta-quota-bytes': '12' } })).status, 403);
  assert.equal((await swift(cloud, cloud.admin, cloud.alice)('POST', '', { headers: { 'x-account-meta-quota-bytes': '12' } })).status, 204);
  assert.deepEqual([(await alice('PUT', '/free/o', { body: '123' })).status, (await alice('HEAD', '')).headers['x-account-quota-bytes']], [413, '12']);
});

test('pages of other origins read what a container lets them', async (t) => {
  const { cloud, alice } = await start(t);
  await alice('PUT', '/box', { headers: { 'x-container-meta-access-control-allow-origin': 'http://page.example', 'x-container-read': '.r:*' } });
  await alice('PUT', '/box/o', { body: 'hello', headers: { 'x-object-meta-colour': 'blue' } });
  const nobody = swift(cloud, undefined, cloud.alice);

  const got = await nobody('GET', '/box/o', { headers: { origin: 'http://page.example' } });
  const before = await nobody('OPTIONS', '/box/o', { headers: { origin: 'http://page.example', 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-auth-token' } });

  assert.equal(got.headers['access-control-allow-origin'], 'http://page.example');
  assert.match(got.headers['access-control-expose-headers'] ?? '', /x-object-meta-colour/);
  assert.deepEqual([before.status, before.headers['access-control-allow-headers']], [200, 'x-auth-token']);
  assert.equal((await nobody('GET', '/box/o', { headers: { origin: 'http://thief.example' } })).headers['access-control-allow-origin'], undefined);
  assert.equal((await nobody('OPTIONS', '/box/o', { headers: { origin: 'http://thief.example', 'access-control-request-method': 'GET' } })).status, 401);
  assert.equal((await nobody('OPTIONS', '/box/o', { headers: { origin: 'http://page.example' } })).status, 401);
});

type Test = Parameters<typeof startCloud>[0];

test('a large object is had by the numbers of its segments, and its manifest as it was put', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box');
  for (const [name, body] of [['s1', 'hello '], ['s2', 'world']] as const) await alice('PUT', `/box/${name}`, { body });
  await alice('PUT', '/box/link', { headers: { 'x-symlink-target': 'box/s2' } });
  await alice('PUT', '/box/large?multipart-manifest=put', { body: JSON.stringify([{ path: '/box/s1' }, { path: '/box/link' }]) });

  const second = await alice('GET', '/box/large?part-number=2');
  const head = await alice('HEAD', '/box/large?part-number=1');
  const third = await alice('GET', '/box/large?part-number=3');
  const raw = await alice('GET', '/box/large?multipart-manifest=get&format=raw');

  assert.deepEqual([second.status, second.text, second.headers['content-range'], second.headers['x-parts-count']], [206, 'world', 'bytes 6-10/11', '2']);
  assert.deepEqual([head.status, head.headers['content-length'], head.headers['content-range']], [206, '6', 'bytes 0-5/11']);
  assert.deepEqual([third.status, third.text, third.headers['content-range']], [416, 'The requested part number is not satisfiable', 'bytes */11']);
  assert.equal((await alice('GET', '/box/large?part-number=0')).status, 400);
  assert.equal((await alice('GET', '/box/large?part-number=1', { headers: { range: 'bytes=0-1' } })).status, 400);
  assert.deepEqual(JSON.parse(raw.text), [{ etag: md5('hello '), path: '/box/s1', size_bytes: 6 }, { etag: md5('world'), path: '/box/link', size_bytes: 5 }]);
  assert.equal(raw.headers['etag'], md5(raw.text));
  assert.equal((await alice('GET', '/box/large')).headers['x-manifest-etag'], (await alice('GET', '/box/large?multipart-manifest=get')).headers['etag']);
});

test('where versions are kept, what is not there is deleted by a marker, and a name is left without its versions', async (t) => {
  const { alice } = await start(t);
  await alice('PUT', '/box', { headers: { 'x-versions-enabled': 'true' } });
  await alice('PUT', '/box/o', { body: 'hello' });

  const missing = await alice('DELETE', '/box/none');
  const left = await alice('DELETE', '/box/o?version-id=null');

  const listed = (await alice('GET', '/box?versions')).json as { name: string; version_id: string }[];
  assert.deepEqual([missing.status, missing.headers['x-object-version-id']], [404, listed.find(({ name }) => name === 'none')?.version_id]);
  assert.deepEqual([left.status, (await alice('GET', '/box/o')).status, listed.map(({ name }) => name)], [204, 404, ['none', 'o']]);
  assert.equal((await alice('GET', '/box/o?version-id=bad')).status, 400);
});

test('the store is where Swift alone would be too, and says what is wrong with a name', async (t) => {
  const { alice, cloud } = await start(t);
  const short = swift(cloud, cloud.alice, cloud.alice, '/v1');

  const put = await short('PUT', '/box');
  await short('PUT', '/box/o');
  await short('PUT', '/box/link', { headers: { 'x-symlink-target': 'box/o' } });

  assert.deepEqual([put.status, (await alice('GET', '/box')).text], [201, 'link\no\n']);
  const locationOf = async (ask: Ask) => (await ask('GET', '/box/link')).headers['content-location'];
  assert.deepEqual(await Promise.all([alice, short].map(locationOf)), ['/object-store/v1', '/v1'].map((start) => `${start}/AUTH_${cloud.alice.projectId}/box/o`));
  for (const ask of [alice, short]) {
    const nul = await ask('PUT', '/abc%00def');
    assert.deepEqual([nul.status, nul.text], [412, 'Invalid UTF8 or contains NULL']);
    assert.deepEqual([(await ask('PUT', `/${'x'.repeat(2048)}`)).status, (await ask('GET', '/box/%ff')).headers['x-trans-id']?.slice(0, 2)], [400, 'tx']);
  }
});

async function start(t: Test): Promise<{ cloud: TestCloud; alice: Ask }> {
  const cloud = await startCloud(t);
  return { cloud, alice: swift(cloud, cloud.alice) };
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

async function countBlobs({ cloud }: TestCloud): Promise<number> {
  const rows = await cloud.region.database.read({ kind: 'system', reason: 'the test counts' }, (tx) => tx.rows`select from object_store.blob`);
  return rows.length;
}
