import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityFixture, type Parsed } from './fixture.ts';

async function withService(t: Parameters<typeof identityFixture>[0]) {
  const fixture = await identityFixture(t);
  const service = await fixture.make('/services', { service: { type: 'compute-test' } });
  const register = (more: object = {}) =>
    fixture.ask('POST', '/registered_limits', { token: fixture.admin, body: { registered_limits: [{ service_id: service.id, resource_name: 'cores', default_limit: 10, ...more }] } });
  const limit = (...wanted: object[]) => fixture.ask('POST', '/limits', { token: fixture.admin, body: { limits: wanted.map((each) => ({ service_id: service.id, resource_name: 'cores', ...each })) } });
  return { ...fixture, service, register, limit };
}

test('what everybody may have is said once for each resource, service and region, and changed while nobody has another limit', async (t) => {
  const { ask, admin, service, register, limit, person } = await withService(t);
  const { projectId, token } = await person('alice', 'member');

  const made = await register({ region_id: 'here', description: 'd' });
  assert.equal(made.status, 201);
  const [registered] = made.body.registered_limits;
  assert.deepEqual({ ...registered, id: '' }, { id: '', service_id: service.id, region_id: 'here', resource_name: 'cores', default_limit: 10, description: 'd', links: { self: `http://cloud.test/identity/v3/registered_limits/${registered.id}` } });
  assert.equal((await register({ region_id: 'here' })).status, 409);
  assert.equal((await register()).status, 201);
  assert.equal((await register({ service_id: 'nothing' })).status, 400);
  assert.equal((await register({ region_id: 'nowhere', resource_name: 'x' })).status, 400);
  assert.equal((await register({ default_limit: -2, resource_name: 'x' })).status, 400);
  const path = `/registered_limits/${registered.id}`;
  assert.equal((await ask('PATCH', path, { token: admin, body: { registered_limit: { default_limit: 20 } } })).body.registered_limit.default_limit, 20);
  assert.deepEqual((await ask('GET', '/registered_limits?region_id=here', { token })).body.registered_limits.map((each: { id: string }) => each.id), [registered.id]);
  assert.equal((await ask('GET', path, { token })).status, 200);

  assert.equal((await limit({ region_id: 'here', project_id: projectId, resource_limit: 5 })).status, 201);

  assert.equal((await ask('PATCH', path, { token: admin, body: { registered_limit: { default_limit: 30 } } })).status, 403);
  assert.equal((await ask('DELETE', path, { token: admin })).status, 403);
  assert.equal((await ask('DELETE', path, { token })).status, 403);
});

test('a project or a domain has a limit of its own, and sees only that', async (t) => {
  const { ask, admin, register, limit, person, make } = await withService(t);
  const alice = await person('alice', 'member');
  const bob = await person('bob', 'member');
  assert.equal((await limit({ project_id: alice.projectId, resource_limit: 5 })).status, 403);
  await register();

  const made = await limit({ project_id: alice.projectId, resource_limit: 5 }, { project_id: bob.projectId, resource_limit: -1, description: 'all' });
  assert.equal(made.status, 201);
  const [ofAlice, ofBob] = made.body.limits;
  assert.deepEqual([ofAlice.project_id, ofAlice.domain_id, ofAlice.resource_limit, ofBob.resource_limit], [alice.projectId, null, 5, -1]);
  assert.equal((await limit({ project_id: alice.projectId, resource_limit: 6 })).status, 409);
  assert.equal((await limit({ project_id: 'nothing', resource_limit: 6 })).status, 400);
  assert.equal((await limit({ resource_limit: 6 })).status, 400);
  const domain = await make('/domains', { domain: { name: 'acme' } });
  assert.equal((await limit({ project_id: domain.id, resource_limit: 6 })).body.limits[0].domain_id, domain.id);

  const seen = async (token: string) => (await ask('GET', '/limits', { token })).body.limits.map((each: { id: string }) => each.id);
  assert.deepEqual(await seen(alice.token), [ofAlice.id]);
  assert.equal((await seen(admin)).length, 3);
  assert.equal((await ask('GET', `/limits/${ofAlice.id}`, { token: alice.token })).status, 200);
  assert.equal((await ask('GET', `/limits/${ofBob.id}`, { token: alice.token })).status, 403);
  assert.equal((await ask('PATCH', `/limits/${ofAlice.id}`, { token: admin, body: { limit: { resource_limit: 0 } } })).body.limit.resource_limit, 0);
  assert.equal((await ask('DELETE', `/limits/${ofAlice.id}`, { token: admin })).status, 204);
  assert.equal((await ask('GET', `/limits/${ofAlice.id}`, { token: admin })).status, 404);
  assert.deepEqual((await ask('GET', '/limits/model', { token: alice.token })).body.model.name, 'flat');
});

test('the projects above and below one are shown with their limits when that is asked for', async (t) => {
  const { ask, admin, register, limit, make } = await withService(t);
  const parent = await make('/projects', { project: { name: 'parent', domain_id: 'default' } });
  const child = await make('/projects', { project: { name: 'child', parent_id: parent.id } });
  await register();
  const [made] = (await limit({ project_id: parent.id, resource_limit: 5 })).body.limits;
  const { links, ...plain } = made;
  const show = async (id: string, query: string) => (await ask('GET', `/projects/${id}?${query}`, { token: admin })).body.project;

  assert.deepEqual((await show(child.id, 'parents_as_list&include_limits')).parents.map(({ project }: Parsed) => [project.id, project.limits]), [[parent.id, [plain]]]);
  assert.deepEqual((await show(parent.id, 'subtree_as_list&include_limits')).subtree.map(({ project }: Parsed) => [project.id, project.limits]), [[child.id, []]]);
  assert.equal('limits' in (await show(child.id, 'parents_as_list')).parents[0].project, false);
  assert.ok(links.self);
});

test('with two strict levels no project has more than its domain, and none lies below another', async (t) => {
  const { ask, admin, register, limit, make } = await withService(t);
  const set = (model: string, domain = 'default') => ask('PUT', `/domains/${domain}/config`, { token: admin, body: { config: { unified_limit: { enforcement_model: model } } } });
  const domain = await make('/domains', { domain: { name: 'acme' } });
  const project = await make('/projects', { project: { name: 'p', domain_id: domain.id } });
  const below = await make('/projects', { project: { name: 'below', parent_id: project.id } });
  await register();
  assert.equal((await set('strict_two_level')).status, 403);
  assert.equal((await set('strict_two_level', domain.id)).status, 403);
  await ask('DELETE', `/projects/${below.id}`, { token: admin });

  assert.equal((await set('strict_two_level')).status, 201);

  assert.equal((await ask('GET', '/limits/model', { token: admin })).body.model.name, 'strict_two_level');
  assert.equal((await ask('POST', '/projects', { token: admin, body: { project: { name: 'deep', parent_id: project.id } } })).status, 403);
  assert.equal((await limit({ project_id: project.id, resource_limit: 11 })).status, 403);
  const both = await limit({ project_id: project.id, resource_limit: 15 }, { domain_id: domain.id, resource_limit: 20 });
  assert.equal(both.status, 201);
  const [ofProject, ofDomain] = both.body.limits;
  assert.equal((await ask('PATCH', `/limits/${ofProject.id}`, { token: admin, body: { limit: { resource_limit: 21 } } })).status, 403);
  assert.equal((await ask('PATCH', `/limits/${ofDomain.id}`, { token: admin, body: { limit: { resource_limit: 14 } } })).status, 403);
  assert.equal((await ask('PATCH', `/limits/${ofDomain.id}`, { token: admin, body: { limit: { resource_limit: 15 } } })).status, 200);
});
