import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Operations } from '../../contract/contract.ts';
import { identity as contract } from '../../contract/identity/service.ts';
import { manualClock } from '../../kit/clock.ts';
import { adminPassword, identityFixture, type IdentityFixture } from './fixture.ts';

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

/** Lists of what nothing shows one by one: what changes each, and what is told then. */
const wholes: Record<string, { path: string; change: string; told: string }> = {
  'scopes.projects': { path: '/auth/projects', change: 'grant to alice', told: 'other' },
  'scopes.domains': { path: '/auth/domains', change: 'grant in the domain', told: 'home' },
  'scopes.system': { path: '/auth/system', change: 'grant in the system', told: 'all' },
  'scopes.catalog': { path: '/auth/catalog', change: 'add an endpoint', told: 'http://there.test' },
  'projectTags.list': { path: '/projects/{project}/tags', change: 'tag', told: 'blue' },
  'users.listProjects': { path: '/users/{user}/projects', change: 'grant to alice', told: 'other' },
  'users.listGroups': { path: '/users/{user}/groups', change: 'join', told: 'crew' },
  'groups.listUsers': { path: '/groups/{group}/users', change: 'join', told: 'alice' },
  'roles.listImplied': { path: '/roles/{role}/implies', change: 'rename the implied role', told: 'viewer' },
  'roles.listInferences': { path: '/role_inferences', change: 'rename the implied role', told: 'viewer' },
  'projectUserGrants.list': { path: '/projects/{project}/users/{user}/roles', change: 'grant to alice', told: 'manager' },
  'projectGroupGrants.list': { path: '/projects/{project}/groups/{group}/roles', change: 'grant to the group', told: 'manager' },
  'domainUserGrants.list': { path: '/domains/{domain}/users/{user}/roles', change: 'grant in the domain', told: 'manager' },
  'domainGroupGrants.list': { path: '/domains/{domain}/groups/{group}/roles', change: 'grant in the domain', told: 'manager' },
  'inheritedDomainUserGrants.list': { path: '/OS-INHERIT/domains/{domain}/users/{user}/roles/inherited_to_projects', change: 'grant for what is below', told: 'manager' },
  'inheritedDomainGroupGrants.list': { path: '/OS-INHERIT/domains/{domain}/groups/{group}/roles/inherited_to_projects', change: 'grant for what is below', told: 'manager' },
  'endpointGroups.listEndpoints': { path: '/OS-EP-FILTER/endpoint_groups/{endpointGroup}/endpoints', change: 'add an endpoint', told: 'http://there.test' },
  'endpointGroups.listProjects': { path: '/OS-EP-FILTER/endpoint_groups/{endpointGroup}/projects', change: 'give the group of endpoints', told: 'other' },
  'projectEndpoints.list': { path: '/OS-EP-FILTER/projects/{project}/endpoints', change: 'give the endpoint', told: 'public' },
  'projectEndpoints.listGroups': { path: '/OS-EP-FILTER/projects/{project}/endpoint_groups', change: 'give the group of endpoints', told: 'public ones' },
  'projectEndpoints.listProjects': { path: '/OS-EP-FILTER/endpoints/{endpoint}/projects', change: 'give the endpoint', told: 'other' },
  'policyEndpoints.list': { path: '/policies/{policy}/OS-ENDPOINT-POLICY/endpoints', change: 'use the document', told: 'public' },
  'systemUserGrants.list': { path: '/system/users/{user}/roles', change: 'grant in the system', told: 'manager' },
  'systemGroupGrants.list': { path: '/system/groups/{group}/roles', change: 'grant in the system', told: 'manager' },
  'accessRules.list': { path: '/users/{user}/access_rules', change: 'narrow a credential', told: '/v2.1/servers' },
  'ec2Credentials.list': { path: '/users/{user}/credentials/OS-EC2', change: 'make a key', told: 'secret' },
  'revocationEvents.list': { path: '/OS-REVOKE/events', change: 'forbid the user', told: 'issued_before' },
  'roleAssignments.list': { path: '/role_assignments?group.id={group}', change: 'grant to the group', told: 'scope' },
};

test('every list of identity that is told as a whole is tried here', () => {
  const declared = Object.entries(contract.nouns).flatMap(([noun, operations]) => Object.entries(operations as Operations).flatMap(([name, { list }]) => (list && 'after' in list ? [`${noun}.${name}`] : [])));

  assert.deepEqual(Object.keys(wholes).toSorted(), declared.toSorted());
});

for (const [name, { path, change, told }] of Object.entries(wholes))
  test(`whoever watches ${name} is told when they ${change}`, { timeout: 30_000 }, async (t) => {
    const clock = manualClock(new Date());
    const fixture = await identityFixture(t, { clock });
    const { ask, admin, make, person, role } = fixture;
    const alice = await person('alice', 'member');
    const ids: Record<string, string> = { user: alice.id, role: await role('admin') };
    for (const [one, title] of [['project', 'other'], ['domain', 'home'], ['group', 'crew']] as const) ids[one] = (await make(`/${one}s`, { [one]: { name: title } })).id;
    ids['endpoint'] = (await ask('GET', '/endpoints?interface=public', { token: admin })).body.endpoints[0].id;
    ids['endpointGroup'] = (await make('/OS-EP-FILTER/endpoint_groups', { endpoint_group: { name: 'public ones', filters: { interface: 'public' } } })).id;
    ids['policy'] = (await make('/policies', { policy: { type: 'text/plain', blob: 'b' } })).id;
    const put = async (below: string, roleName: string) => assert.equal((await ask('PUT', `${below}/roles/${await role(roleName)}`, { token: admin })).status, 204);
    const changes: Record<string, () => Promise<unknown>> = {
      'grant to alice': () => put(`/projects/${ids['project']}/users/${alice.id}`, 'manager'),
      'grant to the group': () => put(`/projects/${ids['project']}/groups/${ids['group']}`, 'manager'),
      'grant in the domain': () => Promise.all([put(`/domains/${ids['domain']}/users/${alice.id}`, 'manager'), put(`/domains/${ids['domain']}/groups/${ids['group']}`, 'manager')]),
      'give the group of endpoints': () => ask('PUT', `/OS-EP-FILTER/endpoint_groups/${ids['endpointGroup']}/projects/${ids['project']}`, { token: admin }),
      'give the endpoint': () => ask('PUT', `/OS-EP-FILTER/projects/${ids['project']}/endpoints/${ids['endpoint']}`, { token: admin }),
      'use the document': () => ask('PUT', `/policies/${ids['policy']}/OS-ENDPOINT-POLICY/endpoints/${ids['endpoint']}`, { token: admin }),
      'grant for what is below': () =>
        Promise.all(['users', 'groups'].map(async (each) => ask('PUT', `/OS-INHERIT/domains/${ids['domain']}/${each}/${ids[each.slice(0, -1)]}/roles/${await role('manager')}/inherited_to_projects`, { token: admin }))),
      'grant in the system': () => Promise.all([put(`/system/users/${alice.id}`, 'manager'), put(`/system/groups/${ids['group']}`, 'manager')]),
      'add an endpoint': async () => make('/endpoints', { endpoint: { service_id: (await make('/services', { service: { type: 't' } })).id, interface: 'public', url: 'http://there.test' } }),
      tag: () => ask('PUT', `/projects/${ids['project']}/tags/blue`, { token: admin }),
      'narrow a credential': () => ask('POST', `/users/${alice.id}/application_credentials`, { token: alice.token, body: { application_credential: { name: 'c', access_rules: [{ service: 'compute', method: 'GET', path: '/v2.1/servers' }] } } }),
      'make a key': () => ask('POST', `/users/${alice.id}/credentials/OS-EC2`, { token: admin, body: { tenant_id: alice.projectId } }),
      'forbid the user': async () => {
        await ask('PATCH', `/users/${alice.id}`, { token: admin, body: { user: { enabled: false } } });
        // No event says it: it is told with the next sign of life.
        const passing = setInterval(() => clock.advance(15_000), 20);
        t.after(() => clearInterval(passing));
      },
      join: () => ask('PUT', `/groups/${ids['group']}/users/${alice.id}`, { token: admin }),
      'rename the implied role': async () => ask('PATCH', `/roles/${await role('manager')}`, { token: admin, body: { role: { name: 'viewer', options: { immutable: false } } } }),
    };
    const next = await watch(t, fixture, /^\/auth\/|access_rules$/.test(path) ? alice.token : admin, path.replaceAll(/\{(\w+)\}/g, (_, each: string) => ids[each] ?? assert.fail(each)));

    await changes[change]!();

    for (let found = false; !found; ) {
      const { event, data } = await next();
      assert.equal(event, 'changed');
      found = JSON.stringify(data).includes(told);
    }
  });

test('a watch of what is granted below a project ends when the project does', { timeout: 30_000 }, async (t) => {
  const fixture = await identityFixture(t);
  const { ask, admin, make, person } = fixture;
  const alice = await person('alice', 'member');
  const project = await make('/projects', { project: { name: 'short-lived' } });
  const next = await watch(t, fixture, admin, `/projects/${project.id}/users/${alice.id}/roles`);

  assert.equal((await ask('DELETE', `/projects/${project.id}`, { token: admin })).status, 204);

  assert.deepEqual(await next(), { event: 'deleted', data: { project_id: project.id, user_id: alice.id } });
  await assert.rejects(next(), /the list ended/);
});

test('a watch ends with the token that it was asked for with', { timeout: 30_000 }, async (t) => {
  const fixture = await identityFixture(t);
  const { ask, admin, make, loginAs } = fixture;
  const token = await loginAs('admin', adminPassword, 'admin');
  const next = await watch(t, fixture, token, '/regions');

  assert.equal((await ask('DELETE', '/auth/tokens', { token: admin, headers: { 'x-subject-token': token } })).status, 204);
  await make('/regions', { region: { id: 'there' } });

  await assert.rejects(next(), /the list ended/);
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
        if (found === ': still here') continue;
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
