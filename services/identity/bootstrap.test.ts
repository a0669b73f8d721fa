import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identity as contract } from '../../contract/identity/service.ts';
import { identityFixture, type Parsed } from './fixture.ts';
import { bootstrapIdentity } from './identity.ts';

test('starting again changes nothing but the addresses of the cloud itself', async (t) => {
  const { parts, ask, admin, make, loginAs } = await identityFixture(t);
  const region = 'here';
  const { id: serviceId } = await make('/services', { service: { type: 'other', name: 'theirs' } });
  const theirs = await make('/endpoints', { endpoint: { service_id: serviceId, interface: 'public', url: 'http://other.test/$(project_id)s', region_id: region } });
  const [adminUser] = (await ask('GET', '/users?name=admin', { token: admin })).body.users;
  await ask('POST', `/users/${adminUser.id}/password`, { body: { user: { original_password: 'a password for the tests', password: 'changed' } } });
  const token = await loginAs('admin', 'changed', 'admin');
  const inventory = async () => Promise.all(['/users', '/projects', '/domains', '/roles', '/role_assignments', '/services', '/regions'].map(async (path) => (await ask('GET', path, { token })).body));
  const before = await inventory();

  await Promise.all([1, 2].map(() => bootstrapIdentity(parts, { adminPassword: 'ignored', region, base: 'https://moved.test:8443/', services: [contract, { ...contract, type: 'volumev3', name: 'cinder', catalogPath: '/volume/v3/{project_id}' }] })));

  const after = await inventory();
  assert.deepEqual(after.slice(0, 5), before.slice(0, 5));
  const endpoints = (await ask('GET', '/endpoints', { token })).body.endpoints;
  assert.deepEqual(new Set(endpoints.map(({ url }: Parsed) => url)), new Set(['https://moved.test:8443/identity', 'https://moved.test:8443/volume/v3/$(project_id)s', theirs.url]));
  assert.equal(endpoints.length, 7);
  assert.ok(await loginAs('admin', 'changed', 'admin'));
});
