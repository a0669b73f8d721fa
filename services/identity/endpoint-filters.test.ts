import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { identityFixture } from './fixture.ts';

type Named = { id: string; name: string };
type Service = { type: string; endpoints: { interface: string }[] };

/** A service with a public and an internal endpoint, besides identity itself. */
async function withEndpoints(t: TestContext) {
  const fixture = await identityFixture(t);
  const { make, ask, loginAs, person } = fixture;
  const service = await make('/services', { service: { type: 'thing', name: 'thing' } });
  const endpoint = (face: string, region: string) => make('/endpoints', { endpoint: { service_id: service.id, interface: face, region_id: region, url: `http://${face}.test` } });
  await make('/regions', { region: { id: 'there', parent_region_id: 'here' } });
  const [open, inner] = [await endpoint('public', 'here'), await endpoint('internal', 'there')];
  const alice = await person('alice', 'member');
  const catalog = async () => {
    const token = await loginAs('alice', alice.password, 'alice');
    const { body } = await ask('GET', '/auth/catalog', { token });
    return body.catalog.map(({ type, endpoints }: Service) => `${type}: ${endpoints.map((each) => each.interface).toSorted().join()}`).toSorted();
  };
  return { ...fixture, service, open, inner, alice, catalog };
}

test('a project that is given an endpoint sees only that in its catalog', async (t) => {
  const { ask, admin, open, alice, catalog } = await withEndpoints(t);
  const path = `/OS-EP-FILTER/projects/${alice.projectId}/endpoints`;
  assert.deepEqual(await catalog(), ['identity: admin,internal,public', 'thing: internal,public']);

  assert.equal((await ask('PUT', `${path}/${open.id}`, { token: admin })).status, 204);

  assert.deepEqual(await catalog(), ['thing: public']);
  assert.equal((await ask('PUT', `${path}/${open.id}`, { token: admin })).status, 409);
  assert.equal((await ask('GET', `${path}/${open.id}`, { token: admin })).status, 204);
  assert.equal((await ask('HEAD', `${path}/${open.id}`, { token: admin })).status, 204);
  assert.deepEqual((await ask('GET', path, { token: admin })).body.endpoints.map(({ id }: Named) => id), [open.id]);
  assert.deepEqual((await ask('GET', `/OS-EP-FILTER/endpoints/${open.id}/projects`, { token: admin })).body.projects.map(({ id }: Named) => id), [alice.projectId]);
  assert.equal((await ask('PUT', `${path}/${open.id}`, { token: alice.token })).status, 403);
  assert.equal((await ask('PUT', `${path}/nothing`, { token: admin })).status, 404);
  assert.equal((await ask('DELETE', `${path}/${open.id}`, { token: admin })).status, 204);
  assert.equal((await ask('DELETE', `${path}/${open.id}`, { token: admin })).status, 404);
  assert.equal((await catalog()).length, 2);
});

test('a group of endpoints is what its filters match, also for the projects that it is given to', async (t) => {
  const { ask, admin, make, service, open, inner, alice, catalog } = await withEndpoints(t);
  const group = await make('/OS-EP-FILTER/endpoint_groups', { endpoint_group: { name: 'inner', filters: { interface: 'internal', service_id: service.id } } });
  const path = `/OS-EP-FILTER/endpoint_groups/${group.id}`;
  const given = `${path}/projects/${alice.projectId}`;

  assert.deepEqual((await ask('GET', `${path}/endpoints`, { token: admin })).body.endpoints.map(({ id }: Named) => id), [inner.id]);
  assert.equal((await ask('PUT', given, { token: admin })).status, 204);
  assert.deepEqual(await catalog(), ['thing: internal']);
  for (const there of [path, given]) assert.equal((await ask('HEAD', there, { token: admin })).status, 200);
  assert.deepEqual((await ask('GET', given, { token: admin })).body.project_endpoint_group.project_id, alice.projectId);
  assert.deepEqual((await ask('GET', `${path}/projects`, { token: admin })).body.projects.map(({ id }: Named) => id), [alice.projectId]);
  assert.deepEqual((await ask('GET', `/OS-EP-FILTER/projects/${alice.projectId}/endpoint_groups`, { token: admin })).body.endpoint_groups.map(({ id }: Named) => id), [group.id]);
  assert.deepEqual((await ask('GET', `/OS-EP-FILTER/projects/${alice.projectId}/endpoints`, { token: admin })).body.endpoints.map(({ id }: Named) => id), [inner.id]);
  assert.equal((await ask('PATCH', path, { token: admin, body: { endpoint_group: { filters: { region_id: 'here', service_id: service.id } } } })).status, 200);
  assert.deepEqual(await catalog(), ['thing: public']);
  assert.deepEqual((await ask('GET', `${path}/endpoints`, { token: admin })).body.endpoints.map(({ id }: Named) => id), [open.id]);
  for (const filters of [{}, { colour: 'blue' }, { interface: 'secret' }]) assert.equal((await ask('POST', '/OS-EP-FILTER/endpoint_groups', { token: admin, body: { endpoint_group: { name: 'x', filters } } })).status, 400);
  assert.deepEqual((await ask('GET', '/OS-EP-FILTER/endpoint_groups?name=inner', { token: admin })).body.endpoint_groups.map(({ name }: Named) => name), ['inner']);

  assert.equal((await ask('DELETE', given, { token: admin })).status, 204);
  assert.equal((await ask('GET', given, { token: admin })).status, 404);
  assert.equal((await ask('DELETE', path, { token: admin })).status, 204);
  assert.equal((await ask('GET', path, { token: admin })).status, 404);
});

test('a policy document is for an endpoint, a service, or a service in a region and those below it', async (t) => {
  const { ask, admin, make, service, open, inner } = await withEndpoints(t);
  const document = (blob: string) => make('/policies', { policy: { type: 'application/json', blob, colour: 'blue' } });
  const [one, two, three] = [await document('1'), await document('2'), await document('3')];
  const associate = async (id: string, path: string) => {
    const full = `/policies/${id}/OS-ENDPOINT-POLICY/${path}`;
    assert.equal((await ask('GET', full, { token: admin })).status, 404);
    assert.equal((await ask('PUT', full, { token: admin })).status, 204);
    assert.equal((await ask('GET', full, { token: admin })).status, 204);
    return full;
  };
  const of = async (id: string) => (await ask('GET', `/endpoints/${id}/OS-ENDPOINT-POLICY/policy`, { token: admin })).body.policy?.blob;
  const endpoints = async (id: string) => (await ask('GET', `/policies/${id}/OS-ENDPOINT-POLICY/endpoints`, { token: admin })).body.endpoints.map((each: Named) => each.id).toSorted();

  assert.equal(await of(open.id), undefined);
  await associate(one.id, `services/${service.id}`);
  assert.deepEqual([await of(open.id), await of(inner.id)], ['1', '1']);
  await associate(two.id, `services/${service.id}/regions/here`);
  assert.deepEqual([await of(open.id), await of(inner.id)], ['2', '2']);
  const last = await associate(three.id, `endpoints/${inner.id}`);
  assert.deepEqual([await of(open.id), await of(inner.id)], ['2', '3']);
  const both = [open.id, inner.id].toSorted(byText);
  assert.deepEqual([await endpoints(one.id), await endpoints(two.id), await endpoints(three.id)], [both, both, [inner.id]]);
  assert.equal((await ask('DELETE', last, { token: admin })).status, 204);
  assert.equal(await of(inner.id), '2');

  assert.equal((await ask('PATCH', `/policies/${one.id}`, { token: admin, body: { policy: { blob: 'new' } } })).body.policy.blob, 'new');
  assert.equal((await ask('GET', `/policies/${one.id}`, { token: admin })).body.policy.colour, 'blue');
  assert.equal((await ask('GET', '/policies?type=application/json', { token: admin })).body.policies.length, 3);
  assert.equal((await ask('DELETE', `/policies/${two.id}`, { token: admin })).status, 204);
  assert.equal(await of(inner.id), 'new');
});

function byText(one: string, other: string): number {
  return one < other ? -1 : 1;
}
