/** Many objects by one request: archives, forms, deletions. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCloud } from '../../test/cloud.ts';
import { accountPath, swift } from './object-store.fixture.ts';

test('the files of an archive become objects, as the distribution packs them', async (t) => {
  const cloud = await startCloud(t);
  const alice = swift(cloud, cloud.alice);
  const folder = mkdtempSync(join(tmpdir(), 'test-archive-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const long = `${'long'.repeat(40)}.txt`;
  mkdirSync(join(folder, 'in', 'box', 'deep'), { recursive: true });
  writeFileSync(join(folder, 'in', 'box', 'deep', long), 'of a long name');
  writeFileSync(join(folder, 'in', 'box', 'a.txt'), 'a'.repeat(1000));
  writeFileSync(join(folder, 'in', 'beside'), 'no container');

  for (const [format, flags] of [['tar', ['--format=gnu']], ['tar.gz', ['-z', '--format=pax']]] as const) {
    const path = join(folder, `out.${format}`);
    assert.equal(spawnSync('tar', [...flags, '-cf', path, '-C', join(folder, 'in'), '.']).status, 0);
    const reply = await alice('PUT', `?extract-archive=${format}`, { body: readFileSync(path), headers: { accept: 'application/json' } });

    assert.deepEqual(reply.json, { 'Number Files Created': 2, 'Response Body': '', 'Response Status': '201 Created', Errors: [] }, format);
    assert.deepEqual([(await alice('GET', '/box')).text, (await alice('GET', `/box/deep/${long}`)).text, (await alice('GET', '/box/a.txt')).text.length], [`a.txt\ndeep/${long}\n`, 'of a long name', 1000]);
  }
  await alice('PUT', '/kept');
  const below = await alice('PUT', '/kept/under?extract-archive=tar', { body: readFileSync(join(folder, 'out.tar')) });
  assert.equal(below.status, 200);
  assert.match((await alice('GET', '/kept')).text, /^under\/beside\nunder\/box\/a.txt\n/);
  assert.equal((await alice('PUT', '?extract-archive=tar', { body: 'this is no archive'.repeat(100) })).status, 400);
  assert.equal((await alice('PUT', '?extract-archive=tar', { body: readFileSync(join(folder, 'out.tar')).subarray(0, 2000) })).status, 400);
  assert.deepEqual(await cloud.cloud.region.bodies.incomingBefore(new Date(8.64e15)), []);
});

test('a form that was signed uploads what it says, and nothing more', async (t) => {
  const cloud = await startCloud(t);
  const [alice, nobody] = [swift(cloud, cloud.alice), swift(cloud, undefined, cloud.alice)];
  await alice('PUT', '/box', { headers: { 'x-container-meta-temp-url-key': 'key' } });
  const expires = String(Math.floor(cloud.clock.now().getTime() / 1000) + 60);
  const form = (key: string, files: readonly string[], { redirect = '' } = {}) => {
    const signed = [`${accountPath(cloud.alice)}/box/in-`, redirect, '10', '2', expires];
    const signature = createHmac('sha256', key).update(signed.join('\n')).digest('hex');
    const fields = Object.entries({ redirect, max_file_size: '10', max_file_count: '2', expires, signature }).map(([name, value]) => `--xx\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
    const parts = files.map((text, index) => `--xx\r\nContent-Disposition: form-data; name="file${index}"; filename="f${index}"\r\nContent-Type: text/plain\r\n\r\n${text}\r\n`);
    return nobody('POST', '/box/in-', { body: `${fields.join('')}${parts.join('')}--xx--\r\n`, headers: { 'content-type': 'multipart/form-data; boundary=xx' } });
  };

  assert.equal((await form('key', ['one', 'two\r\n--x'])).status, 201);

  assert.deepEqual([(await alice('GET', '/box')).text, (await alice('GET', '/box/in-f1')).text], ['in-f0\nin-f1\n', 'two\r\n--x']);
  assert.equal((await form('other', ['one'])).status, 401);
  assert.equal((await form('key', ['much too large'])).status, 400);
  assert.equal((await form('key', ['1', '2', '3'])).status, 400);
  const redirected = await form('key', ['one'], { redirect: 'http://page.example/?a=b' });
  assert.deepEqual([redirected.status, redirected.headers['location']], [303, 'http://page.example/?a=b&status=201&message=']);
});

test('a list of paths is deleted, and what cannot be is told', async (t) => {
  const cloud = await startCloud(t);
  const alice = swift(cloud, cloud.alice);
  for (const box of ['/one', '/two']) await alice('PUT', box);
  for (const path of ['/one/a%20b', '/two/x', '/two/y']) await alice('PUT', path);

  const reply = await alice('POST', '?bulk-delete', { body: '/one/a%20b\n/one\n/two/x\ntwo\n/two/none\n', headers: { accept: 'application/json', 'content-type': 'text/plain' } });

  assert.deepEqual(reply.json, { 'Number Deleted': 3, 'Number Not Found': 1, 'Response Body': '', 'Response Status': '400 Bad Request', Errors: [['/two', '409 Conflict']] });
  assert.deepEqual([(await alice('GET', '')).text, (await alice('GET', '/two')).text], ['two\n', 'y\n']);
  assert.deepEqual(await cloud.diagnose(), []);
});
