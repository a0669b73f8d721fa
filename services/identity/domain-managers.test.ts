/** Who manages a domain: people, groups, projects and roles in it, and nothing beside it. keystone/common/policies, the persona of 2025.1 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { identityFixture, type Parsed } from './fixture.ts';

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

async function withManager(t: TestContext) {
  const fixture = await identityFixture(t);
  const { ask, admin, make, role, login } = fixture;
  const realm = async (name: string) => {
    const domain = await make('/domains', { domain: { name } });
    const [user, group, project] = [
      await make('/users', { user: { name: 'user', domain_id: domain.id, password: 'x' } }),
      await make('/groups', { group: { name: 'group', domain_id: domain.id } }),
      await make('/projects', { project: { name: 'project', domain_id: domain.id } }),
    ];
    return { id: domain.id as string, user: user.id as string, group: group.id as string, project: project.id as string };
  };
  const [own, other] = [await realm('acme'), await realm('globex')];
  const boss = await make('/users', { user: { name: 'boss', domain_id: own.id, password: 'the boss of acme' } });
  await ask('PUT', `/domains/${own.id}/users/${boss.id}/roles/${await role('manager')}`, { token: admin });
  const token = await login({ methods: ['password'], password: { user: { id: boss.id, password: 'the boss of acme' } } }, { domain: { id: own.id } });
  const roles = Object.fromEntries(await Promise.all(['admin', 'manager', 'member', 'reader', 'service'].map(async (name) => [name, await role(name)]))) as Record<string, string>;
  const status = async (method: Method, path: string, body?: object) => (await ask(method, path, { token, ...(body ? { body } : {}) })).status;
  const list = async (path: string) => (Object.values((await ask('GET', path, { token })).body)[0] as Parsed[]).map(({ name }) => String(name)).toSorted();
  return { ...fixture, own, other, boss, token, roles, status, list };
}

test('a domain manager makes, sees, changes and deletes the users, groups and projects of the domain', async (t) => {
  const { ask, own, token, status, list } = await withManager(t);
  const make = async (path: string, body: object) => {
    const reply = await ask('POST', path, { token, body });
    assert.equal(reply.status, 201, JSON.stringify(reply.body));
    return Object.values(reply.body)[0] as Parsed;
  };

  // Without being told where: there.
  const user = await make('/users', { user: { name: 'eve', password: 'x' } });
  const group = await make('/groups', { group: { name: 'crew' } });
  const project = await make('/projects', { project: { name: 'work', tags: ['blue'] } });
  assert.deepEqual([user.domain_id, group.domain_id, project.domain_id], [own.id, own.id, own.id]);
  assert.deepEqual([await list('/users'), await list('/groups'), await list('/projects')], [['boss', 'eve', 'user'], ['crew', 'group'], ['project', 'work']]);

  for (const [method, path, body, expected] of [
    ['PATCH', `/users/${user.id}`, { user: { description: 'x', enabled: false } }, 200],
    ['PATCH', `/groups/${group.id}`, { group: { description: 'x' } }, 200],
    ['PATCH', `/projects/${project.id}`, { project: { description: 'x' } }, 200],
    ['PUT', `/projects/${project.id}/tags/red`, undefined, 201],
    ['PUT', `/groups/${group.id}/users/${user.id}`, undefined, 204],
    ['HEAD', `/groups/${group.id}/users/${user.id}`, undefined, 204],
    ['GET', `/groups/${group.id}/users`, undefined, 200],
    ['GET', `/users/${user.id}/groups`, undefined, 200],
    ['GET', `/users/${user.id}/projects`, undefined, 200],
    ['DELETE', `/groups/${group.id}/users/${user.id}`, undefined, 204],
    ['GET', `/domains/${own.id}`, undefined, 200],
    ['DELETE', `/users/${user.id}`, undefined, 204],
    ['DELETE', `/groups/${group.id}`, undefined, 204],
    ['DELETE', `/projects/${project.id}`, undefined, 204],
  ] as const)
    assert.equal(await status(method, path, body), expected, `${method} ${path}`);
});

test('a domain manager hands out what is for the people of a domain, and neither more nor elsewhere', async (t) => {
  const { own, other, roles, status, ask, token, make } = await withManager(t);

  for (const place of [`/projects/${own.project}`, `/domains/${own.id}`])
    for (const actor of [`users/${own.user}`, `groups/${own.group}`]) {
      for (const name of ['manager', 'member', 'reader']) for (const method of ['PUT', 'HEAD', 'DELETE'] as const) assert.equal(await status(method, `${place}/${actor}/roles/${roles[name]}`), 204, `${method} ${name} of ${actor} at ${place}`);
      for (const name of ['admin', 'service']) assert.equal(await status('PUT', `${place}/${actor}/roles/${roles[name]}`), 403, `${name} of ${actor} at ${place}`);
    }
  assert.equal(await status('PUT', `/OS-INHERIT/domains/${own.id}/users/${own.user}/roles/${roles['member']}/inherited_to_projects`), 204);

  const foreign = await make('/roles', { role: { name: 'local', domain_id: other.id } });
  for (const path of [
    `/projects/${other.project}/users/${own.user}/roles/${roles['member']}`,
    `/projects/${own.project}/users/${other.user}/roles/${roles['member']}`,
    `/domains/${other.id}/users/${other.user}/roles/${roles['member']}`,
    `/domains/${other.id}/groups/${own.group}/roles/${roles['reader']}`,
    `/system/users/${own.user}/roles/${roles['reader']}`,
    `/projects/${own.project}/users/${own.user}/roles/${foreign.id}`,
  ])
    assert.equal(await status('PUT', path), 403, path);

  const seen = (await ask('GET', `/role_assignments?scope.domain.id=${own.id}`, { token })).body.role_assignments as Parsed[];
  assert.ok(seen.length >= 2 && seen.every(({ scope }) => scope.domain?.id === own.id), JSON.stringify(seen));
  const names = ((await ask('GET', '/roles', { token })).body.roles as Parsed[]).map(({ name }) => name);
  assert.ok(['manager', 'member', 'reader'].every((name) => names.includes(name)));
  for (const name of ['manager', 'member', 'reader']) assert.equal(await status('GET', `/roles/${roles[name]}`), 200, name);
  assert.equal(await status('GET', `/roles/${roles['admin']}`), 403);
});

test('a domain manager reaches nothing of another domain and nothing of the cloud', async (t) => {
  const { own, other, status, list } = await withManager(t);

  for (const [method, path, body] of [
    ['GET', `/users/${other.user}`], ['PATCH', `/users/${other.user}`, { user: { enabled: false } }], ['DELETE', `/users/${other.user}`], ['POST', '/users', { user: { name: 'x', domain_id: other.id } }],
    ['GET', `/groups/${other.group}`], ['PATCH', `/groups/${other.group}`, { group: { name: 'x' } }], ['DELETE', `/groups/${other.group}`], ['POST', '/groups', { group: { name: 'x', domain_id: other.id } }],
    ['GET', `/projects/${other.project}`], ['PATCH', `/projects/${other.project}`, { project: { enabled: false } }], ['DELETE', `/projects/${other.project}`], ['POST', '/projects', { project: { name: 'x', domain_id: other.id } }],
    ['PUT', `/groups/${own.group}/users/${other.user}`], ['PUT', `/groups/${other.group}/users/${own.user}`],
    ['GET', `/domains/${other.id}`], ['POST', '/domains', { domain: { name: 'x' } }], ['PATCH', `/domains/${own.id}`, { domain: { name: 'x' } }], ['DELETE', `/domains/${own.id}`],
    ['PUT', `/domains/${own.id}/config`, { config: { identity: { driver: 'sql' } } }],
    ['POST', '/roles', { role: { name: 'x' } }], ['POST', '/roles', { role: { name: 'x', domain_id: own.id } }],
    ['POST', '/services', { service: { type: 'x' } }], ['GET', '/services'], ['GET', '/endpoints'], ['GET', '/policies'], ['GET', '/OS-OAUTH1/consumers'],
    ['POST', '/registered_limits', { registered_limits: [{ service_id: 'x', resource_name: 'y', default_limit: 1 }] }],
  ] as const)
    assert.equal(await status(method, path, body), 403, `${method} ${path}`);
  assert.deepEqual(await list('/domains'), ['acme']);
  for (const path of [`/users?domain_id=${other.id}`, `/groups?domain_id=${other.id}`, `/projects?domain_id=${other.id}`]) assert.deepEqual(await list(path), [], path);
});

test('whoever administers a domain administers nothing that belongs to no domain, and lists what is in theirs', async (t) => {
  const { ask, admin, boss, own, other, role, login } = await withManager(t);
  await ask('PUT', `/domains/${own.id}/users/${boss.id}/roles/${await role('admin')}`, { token: admin });
  const token = await login({ methods: ['password'], password: { user: { id: boss.id, password: 'the boss of acme' } } }, { domain: { id: own.id } });
  for (const user of [own.user, other.user]) await ask('PUT', `/groups/${own.group}/users/${user}`, { token: admin });
  const ids = async (path: string) => (Object.values((await ask('GET', path, { token })).body)[0] as Parsed[]).map(({ id }) => String(id));

  assert.equal((await ask('POST', '/services', { token, body: { service: { type: 'x' } } })).status, 403);
  assert.equal((await ask('GET', '/endpoints', { token })).status, 403);
  assert.equal((await ask('POST', '/OS-OAUTH1/consumers', { token, body: { consumer: {} } })).status, 403);
  assert.equal((await ask('DELETE', '/groups/nothing', { token })).status, 404);
  assert.equal((await ask('PATCH', '/roles/nothing', { token, body: { role: { name: 'x' } } })).status, 404);
  assert.deepEqual(await ids(`/groups/${own.group}/users`), [own.user]);
});
