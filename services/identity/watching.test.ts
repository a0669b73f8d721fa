import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { identityFixture, type IdentityFixture } from './fixture.ts';

const lists: [path: string, one: string, body: (fixture: IdentityFixture) => Promise<object>][] = [
  ['/domains', 'domain', async () => ({ name: 'd', enabled: false })],
  ['/projects', 'project', async () => ({ name: 'p', domain_id: 'default' })],
  ['/users', 'user', async () => ({ name: 'u', domain_id: 'default' })],
  ['/groups', 'group', async () => ({ name: 'g', domain_id: 'default' })],
  ['/roles', 'role', async () => ({ name: 'r' })],
  ['/regions', 'region', async () => ({ id: 'there' })],
  ['/services', 'service', async () => ({ type: 't' })],
  ['/endpoints', 'endpoint', async ({ make }) => ({ service_id: (await make('/services', { service: { type: 't' } })).id, interface: 'public', url: 'http://there.test' })],
];

for (const [path, one, body] of lists)
  test(`whoever watches ${path} sees one made, changed and deleted`, async (t) => {
    const fixture = await identityFixture(t);
    const { ask, admin, make } = fixture;
    const wish = await body(fixture);
    const next = await watch(t, fixture, admin, path);

    const { id } = await make(path, { [one]: wish });
    const made = await next();
    assert.deepEqual([made.event, made.data[one].id], [`identity.${one}.created`, id]);
    assert.equal((await ask('PATCH', `${path}/${id}`, { token: admin, body: { [one]: { description: 'changed' } } })).status, 200);
    assert.equal((await next()).event, `identity.${one}.updated`);
    assert.equal((await ask('DELETE', `${path}/${id}`, { token: admin })).status, 204);

    assert.deepEqual(await next(), { event: 'deleted', data: { id } });
  });

test('a user watches their own application credentials and nobody else\'s, and no list that they may not read', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, person } = fixture;
  const alice = await person('alice', 'member');
  const bob = await person('bob', 'member');
  const credentials = (id: string) => `/users/${id}/application_credentials`;
  const next = await watch(t, fixture, alice.token, credentials(alice.id));

  for (const each of [bob, alice]) assert.equal((await ask('POST', credentials(each.id), { token: each.token, body: { application_credential: { name: 'c' } } })).status, 201);

  const { event, data } = await next();
  assert.deepEqual([event, data.application_credential.user_id], ['identity.application_credential.created', alice.id]);
  for (const path of [credentials(bob.id), '/users', '/domains']) assert.equal((await open(t, fixture, alice.token, path)).status, 403, path);
});

test('what goes with a domain or a service is told one by one', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, admin, make } = fixture;
  const { id: domainId } = await make('/domains', { domain: { name: 'd', enabled: false } });
  const user = await make('/users', { user: { name: 'u', domain_id: domainId } });
  const service = await make('/services', { service: { type: 't' } });
  const endpoint = await make('/endpoints', { endpoint: { service_id: service.id, interface: 'public', url: 'http://there.test' } });
  const nextUser = await watch(t, fixture, admin, '/users');
  const nextEndpoint = await watch(t, fixture, admin, '/endpoints');

  assert.equal((await ask('DELETE', `/domains/${domainId}`, { token: admin })).status, 204);
  assert.equal((await ask('DELETE', `/services/${service.id}`, { token: admin })).status, 204);

  assert.deepEqual(await nextUser(), { event: 'deleted', data: { id: user.id } });
  assert.deepEqual(await nextEndpoint(), { event: 'deleted', data: { id: endpoint.id } });
});

type Told = { event: string; data: ReturnType<typeof JSON.parse> };

async function open(t: TestContext, { door }: IdentityFixture, token: string, path: string): Promise<Response> {
  if (!door.app.server.listening) await door.listen({ host: '127.0.0.1', port: 0 });
  const address = door.app.server.address();
  assert.ok(address !== null && typeof address === 'object');
  const leaving = new AbortController();
  t.after(() => leaving.abort());
  return fetch(`http://127.0.0.1:${address.port}/identity/v3${path}`, { headers: { 'x-auth-token': token, accept: 'text/event-stream' }, signal: leaving.signal });
}

/** What is told from now on, one by one. */
async function watch(t: TestContext, fixture: IdentityFixture, token: string, path: string): Promise<() => Promise<Told>> {
  const response = await open(t, fixture, token, path);
  assert.equal(response.status, 200);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const block = async () => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const found = text.slice(0, end);
        text = text.slice(end + 2);
        return found;
      }
      const { value, done } = await reader.read();
      assert.ok(!done, 'the list ended');
      text += value;
    }
  };
  assert.equal(await block(), ': watching');
  return async () => {
    const fields = Object.fromEntries((await block()).split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
    return { event: String(fields['event']), data: JSON.parse(String(fields['data'])) };
  };
}
