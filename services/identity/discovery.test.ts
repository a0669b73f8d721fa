import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identity as contract } from '../../contract/identity/service.ts';
import { identityFixture } from './fixture.ts';

test('whoever looks for versions is told the one there is, and where', async (t) => {
  const { door } = await identityFixture(t);

  const reply = await door.app.inject({ url: '/identity', headers: { host: 'cloud.test' } });

  assert.deepEqual([reply.statusCode, reply.headers['location'], reply.headers['vary']], [300, 'http://cloud.test/identity/v3/', 'Accept']);
  assert.deepEqual(reply.json().versions.values.map(({ id, status }: { id: string; status: string }) => [id, status]), [['v3.14', 'stable']]);
  const one = await door.app.inject({ url: '/identity/v3/', headers: { host: 'cloud.test' } });
  assert.deepEqual([one.statusCode, one.json().version.links], [200, [{ rel: 'self', href: 'http://cloud.test/identity/v3/' }]]);
});

test('a client that prefers a home document gets one that names every path', async (t) => {
  const { door } = await identityFixture(t);
  const home = (accept: string, url = '/identity/v3') => door.app.inject({ url, headers: { accept } });

  const reply = await home('application/json-home');
  assert.deepEqual([reply.statusCode, /^application\/json-home\b/.test(String(reply.headers['content-type']))], [200, true]);
  const resources = reply.json().resources as Record<string, { href?: string; 'href-template'?: string; 'href-vars'?: object }>;
  const promised = new Set(Object.values(contract.nouns).flatMap((noun) => Object.values(noun).map(({ path }) => path as string)));
  assert.deepEqual(new Set(Object.values(resources).map((each) => each.href ?? each['href-template'])), promised);
  assert.deepEqual(resources['https://docs.openstack.org/api/openstack-identity/3/rel/user'], {
    'href-template': '/users/{user_id}',
    'href-vars': { user_id: 'https://docs.openstack.org/api/openstack-identity/3/param/user_id' },
  });
  assert.equal((await home('application/json-home', '/identity')).json().resources['https://docs.openstack.org/api/openstack-identity/3/ext/OS-TRUST/1.0/rel/trusts'].href, '/v3/OS-TRUST/trusts');
  for (const accept of ['application/json, application/json-home', 'application/json-home;q=0.5, application/json', '*/*', 'text/html']) assert.equal('version' in (await home(accept)).json(), true, accept);
  assert.equal('resources' in (await home('application/json;q=0.1, application/json-home')).json(), true);
});
