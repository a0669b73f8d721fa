/** The store behind its Swift door, on a whole cloud in this process. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCloud, type Person, type TestCloud } from '../../test/cloud.ts';

test('an object is written, listed, read and deleted', async (t) => {
  const cloud = await startCloud(t);
  const alice = swift(cloud, cloud.alice);

  assert.equal((await alice('PUT', '/box')).status, 201);
  assert.equal((await alice('PUT', '/box')).status, 202);
  const put = await alice('PUT', '/box/a/b.txt', { body: 'hello', headers: { 'x-object-meta-colour': 'blue' } });

  assert.deepEqual([put.status, put.headers['etag']], [201, '5d41402abc4b2a76b9719d911017c592']);
  const got = await alice('GET', '/box/a/b.txt');
  assert.deepEqual([got.status, got.text, got.headers['x-object-meta-colour'], got.headers['content-type']], [200, 'hello', 'blue', 'text/plain']);
  assert.equal((await alice('GET', '/box')).text, 'a/b.txt\n');
  assert.deepEqual((await alice('GET', '/box?delimiter=/&format=json')).json, [{ subdir: 'a/' }]);
  const head = await alice('HEAD', '');
  assert.deepEqual([head.headers['x-account-container-count'], head.headers['x-account-object-count'], head.headers['x-account-bytes-used']], ['1', '1', '5']);
  assert.equal((await alice('DELETE', '/box')).status, 409);
  assert.equal((await alice('DELETE', '/box/a/b.txt')).status, 204);
  assert.equal((await alice('GET', '/box/a/b.txt')).status, 404);
  assert.equal((await alice('DELETE', '/box')).status, 204);
});

type Reply = { status: number; headers: Record<string, unknown>; text: string; json: unknown };
type Asked = { body?: string | Buffer; headers?: Record<string, string> };

/** Asks as a person, or as nobody, below an account: the person's own without. */
function swift(cloud: TestCloud, person: Person | undefined, owner: Person | undefined = person) {
  return async (method: string, path: string, { body, headers = {} }: Asked = {}): Promise<Reply> => {
    const reply = await cloud.door.app.inject({
      method: method as 'GET',
      url: `/object-store/v1/AUTH_${owner?.projectId}${path}`,
      headers: { ...(person ? { 'x-auth-token': await person.token() } : {}), ...(body === undefined && method === 'PUT' ? { 'content-length': '0' } : {}), ...headers },
      ...(body === undefined ? {} : { payload: body }),
    });
    return { status: reply.statusCode, headers: reply.headers, text: reply.payload, json: String(reply.headers['content-type']).includes('json') ? JSON.parse(reply.payload) : undefined };
  };
}
