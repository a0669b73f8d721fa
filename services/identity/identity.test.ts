import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Compile } from 'typebox/compile';
import { identity as contract } from '../../contract/identity/service.ts';
import type { Operation } from '../../contract/contract.ts';
import { identityFixture, type IdentityFixture, type Parsed } from './fixture.ts';

/** Checks each reply against the schema that the contract promises for it. */
function checked(fixture: IdentityFixture, token: string) {
  const operations = Object.values(contract.nouns).flatMap((noun) => Object.values(noun) as Operation[]);
  return async (method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object) => {
    const reply = await fixture.ask(method, path, { token, ...(body ? { body } : {}) });
    const plain = path.split('?')[0]!;
    const operation = operations.find((each) => each.method === method && new RegExp(`^${each.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(plain));
    assert.ok(operation, `${method} ${plain} is no operation`);
    if (reply.status < 300) {
      assert.equal(reply.status, operation.status, `${method} ${path}`);
      if (typeof operation.response === 'object') {
        const schema = Compile(operation.response);
        assert.ok(schema.Check(reply.body), `${method} ${path}: ${JSON.stringify([...schema.Errors(reply.body)].slice(0, 2))}`);
      } else assert.equal(reply.body, undefined, `${method} ${path}`);
    }
    return reply;
  };
}

test('clients find the version at the catalog address and below it, without a token', async (t) => {
  const { door } = await identityFixture(t);
  const inject = (url: string) => door.app.inject({ url, headers: { host: 'cloud.test:8774' } });

  const [root, slash, version] = [await inject('/identity'), await inject('/identity/'), await inject('/identity/v3')];

  assert.deepEqual([root.statusCode, slash.statusCode, version.statusCode], [300, 300, 200]);
  assert.equal(root.json().versions.values[0].links[0].href, 'http://cloud.test:8774/identity/v3/');
  assert.equal(version.json().version.id, 'v3.14');
});

test('domains, projects and their tags are made, found, changed and deleted as keystone does', async (t) => {
  const fixture = await identityFixture(t);
  const ask = checked(fixture, fixture.admin);
  const { domain } = (await ask('POST', '/domains', { domain: { name: 'acme', description: 'A company', colour: 'red' } })).body;
  assert.deepEqual(domain, { id: domain.id, name: 'acme', description: 'A company', enabled: true, tags: [], options: {}, colour: 'red', links: { self: `http://cloud.test/identity/v3/domains/${domain.id}` } });
  assert.equal((await ask('POST', '/domains', { domain: { name: 'acme' } })).status, 409);
  assert.deepEqual((await ask('GET', '/domains?name=acme')).body.domains, [domain]);

  const { project: parent } = (await ask('POST', '/projects', { project: { name: 'parent', domain_id: domain.id, tags: ['a', 'b'] } })).body;
  const { project: child } = (await ask('POST', '/projects', { project: { name: 'child', parent_id: parent.id, domain_id: domain.id } })).body;
  assert.deepEqual([parent.parent_id, child.parent_id, child.domain_id, child.is_domain], [domain.id, parent.id, domain.id, false]);
  assert.equal((await ask('POST', '/projects', { project: { name: 'child', domain_id: domain.id } })).status, 409);
  assert.equal((await ask('POST', '/projects', { project: { name: 'x', domain_id: 'nowhere' } })).status, 404);
  assert.equal((await ask('POST', '/projects', { project: { name: ' ', domain_id: domain.id } })).status, 400);
  assert.equal((await ask('PATCH', `/projects/${parent.id}`, { project: { enabled: false } })).status, 403, 'its child is enabled');
  assert.equal((await ask('PATCH', `/projects/${parent.id}`, { project: { enabled: 'FALSE' } })).status, 400);
  assert.equal((await ask('DELETE', `/projects/${parent.id}`)).status, 403, 'it is no leaf');
  assert.equal((await ask('PATCH', `/projects/${child.id}`, { project: { parent_id: domain.id } })).status, 403);
  assert.deepEqual((await ask('GET', `/projects/${child.id}?parents_as_ids`)).body.project.parents, { [parent.id]: { [domain.id]: null } });
  assert.deepEqual((await ask('GET', `/projects/${parent.id}?subtree_as_ids`)).body.project.subtree, { [child.id]: null });
  assert.deepEqual((await ask('GET', '/projects?tags=a,b')).body.projects, [parent]);
  assert.equal((await ask('PUT', `/projects/${child.id}/tags/x`)).status, 201);
  assert.deepEqual((await ask('GET', `/projects/${child.id}/tags`)).body.tags, ['x']);
  assert.equal((await ask('GET', `/projects/${child.id}/tags/y`)).status, 404);
  const { project: renamed } = (await ask('PATCH', `/projects/${child.id}`, { project: { name: 'renamed', description: null, options: { immutable: true }, size: 3 } })).body;
  assert.deepEqual([renamed.name, renamed.description, renamed.options, renamed.size, renamed.tags], ['renamed', null, { immutable: true }, 3, ['x']]);
  assert.equal((await ask('DELETE', `/projects/${child.id}`)).status, 403, 'it is immutable');
  await ask('PATCH', `/projects/${child.id}`, { project: { options: { immutable: false } } });
  assert.equal((await ask('DELETE', `/projects/${child.id}`)).status, 204);
  const gone = await ask('GET', `/projects/${child.id}`);
  assert.deepEqual([gone.status, gone.body], [404, { error: { code: 404, title: 'Not Found', message: `Could not find project: ${child.id}.` } }]);

  assert.equal((await ask('DELETE', `/domains/${domain.id}`)).status, 403, 'it is enabled');
  await ask('PATCH', `/domains/${domain.id}`, { domain: { enabled: false } });
  assert.equal((await ask('DELETE', `/domains/${domain.id}`)).status, 204);
  assert.equal((await ask('GET', `/projects/${parent.id}`)).status, 404);
});

test('users and groups are made, found, changed and deleted as keystone does, and no reply has a password (ATTACKS 36)', async (t) => {
  const fixture = await identityFixture(t);
  const ask = checked(fixture, fixture.admin);

  const made = await ask('POST', '/users', { user: { name: 'eve', domain_id: 'default', password: 'canary-secret', email: 'eve@example.org', description: 'E', nickname: 'e' } });

  const { user } = made.body;
  assert.deepEqual(user, { id: user.id, name: 'eve', domain_id: 'default', enabled: true, email: 'eve@example.org', description: 'E', nickname: 'e', password_expires_at: null, options: {}, links: { self: `http://cloud.test/identity/v3/users/${user.id}` } });
  assert.match(user.id, /^[0-9a-f]{32}$/);
  assert.equal((await ask('POST', '/users', { user: { name: 'eve', domain_id: 'default' } })).status, 409);
  assert.equal((await ask('POST', '/users', { user: { name: 'eve2', enabled: 'false' } })).status, 400);
  const polluted = await fixture.door.app.inject({ method: 'POST', url: '/identity/v3/users', headers: { 'x-auth-token': fixture.admin, 'content-type': 'application/json' }, payload: '{"user": {"name": "pollute", "__proto__": {"isAdmin": true}, "links": 1, "id": "mine"}}' });
  assert.equal(polluted.statusCode, 201);
  assert.notEqual(polluted.json().user.id, 'mine');
  assert.equal(({} as { isAdmin?: boolean }).isAdmin, undefined);
  assert.deepEqual((await ask('GET', '/users?name__icontains=EV')).body.users, [user]);
  assert.deepEqual((await ask('GET', '/users?name__contains=%25')).body.users, []);
  const first = await ask('GET', '/users?limit=1');
  assert.equal(first.body.users.length, 1);
  const second = await fixture.door.app.inject({ url: first.body.links.next, headers: { host: 'cloud.test', 'x-auth-token': fixture.admin } });
  assert.notEqual(second.json().users[0].id, first.body.users[0].id);

  const { group } = (await ask('POST', '/groups', { group: { name: 'crew', domain_id: 'default' } })).body;
  assert.equal((await ask('HEAD', `/groups/${group.id}/users/${user.id}`)).status, 404);
  assert.equal((await ask('PUT', `/groups/${group.id}/users/${user.id}`)).status, 204);
  assert.equal((await ask('HEAD', `/groups/${group.id}/users/${user.id}`)).status, 204);
  assert.deepEqual((await ask('GET', `/groups/${group.id}/users`)).body.users, [user]);
  assert.deepEqual((await ask('GET', `/users/${user.id}/groups`)).body.groups, [group]);
  assert.equal((await ask('PATCH', `/groups/${group.id}`, { group: { description: 'new' } })).body.group.description, 'new');

  const { user: changed } = (await ask('PATCH', `/users/${user.id}`, { user: { name: 'eva', email: null, password: 'canary-other' } })).body;
  assert.deepEqual([changed.name, 'email' in changed], ['eva', false]);
  assert.equal((await ask('POST', `/users/${user.id}/password`, { user: { original_password: 'canary-secret', password: 'x' } })).status, 401);
  assert.equal((await ask('POST', `/users/${user.id}/password`, { user: { original_password: 'canary-other', password: 'canary-third' } })).status, 204);
  assert.ok(await fixture.loginAs('eva', 'canary-third'));
  assert.equal((await ask('DELETE', `/users/${user.id}`)).status, 204);
  assert.equal((await ask('DELETE', `/users/${user.id}`)).status, 404);
  const everything = await fixture.parts.database.read({ kind: 'system', reason: 'test' }, async (tx) => [await tx.rows`select * from identity."user"`, await tx.rows`select * from kit.audit`, await tx.rows`select * from kit.event`]);
  assert.ok(everything.every((rows) => rows.length > 0));
  assert.ok(!JSON.stringify([made.body, changed, everything]).includes('canary'));
});

test('roles reach users through groups and implication, and end with the membership', async (t) => {
  const fixture = await identityFixture(t);
  const ask = checked(fixture, fixture.admin);
  const { person, role, loginAs, identity } = fixture;
  const alice = await person('alice');
  const { group } = (await ask('POST', '/groups', { group: { name: 'crew', domain_id: 'default' } })).body;
  const member = await role('member');
  const grants = `/projects/${alice.projectId}/groups/${group.id}/roles`;
  await ask('PUT', `/groups/${group.id}/users/${alice.id}`);

  assert.equal((await ask('HEAD', `${grants}/${member}`)).status, 404);
  assert.equal((await ask('PUT', `${grants}/${member}`)).status, 204);
  assert.equal((await ask('PUT', `${grants}/${member}`)).status, 204, 'twice is once');
  assert.equal((await ask('HEAD', `${grants}/${member}`)).status, 204);
  assert.equal((await ask('PUT', `${grants}/unknown`)).status, 404);
  assert.deepEqual((await ask('GET', grants)).body.roles.map(({ name }: Parsed) => name), ['member']);
  assert.deepEqual((await ask('GET', `/users/${alice.id}/projects`)).body.projects.map(({ id }: Parsed) => id), [alice.projectId]);

  const token = await loginAs('alice', alice.password);
  assert.deepEqual([...(await identity.authenticate(token))!.roles], ['member', 'reader']);
  const direct = (await ask('GET', `/role_assignments?scope.project.id=${alice.projectId}&include_names`)).body.role_assignments;
  assert.deepEqual(direct, [
    {
      role: { id: member, name: 'member' },
      group: { id: group.id, name: 'crew', domain: { id: 'default', name: 'Default' } },
      scope: { project: { id: alice.projectId, name: 'alice', domain: { id: 'default', name: 'Default' } } },
      links: { assignment: `http://cloud.test/identity/v3/projects/${alice.projectId}/groups/${group.id}/roles/${member}` },
    },
  ]);
  const effective = (await ask('GET', `/role_assignments?scope.project.id=${alice.projectId}&effective`)).body.role_assignments;
  assert.deepEqual(new Set(effective.map((each: Parsed) => [each.user.id, each.role.id].join())), new Set([[alice.id, member].join(), [alice.id, await role('reader')].join()]));
  assert.equal((await ask('GET', `/role_assignments?user.id=a&group.id=b`)).status, 400);
  assert.deepEqual((await ask('GET', '/role_assignments?scope.system=all')).body.role_assignments.map((each: Parsed) => each.scope), [{ system: { all: true } }]);
  const inferences = (await ask('GET', '/role_inferences')).body.role_inferences.map((each: Parsed) => [each.prior_role.name, each.implies.map(({ name }: Parsed) => name)]);
  assert.deepEqual(new Map(inferences), new Map([['admin', ['manager']], ['manager', ['member']], ['member', ['reader']], ['renter', ['manager']]]));

  assert.equal((await ask('DELETE', `/groups/${group.id}/users/${alice.id}`)).status, 204);
  assert.equal(await identity.authenticate(token), undefined);
  assert.equal((await ask('DELETE', `${grants}/${member}`)).status, 204);
  assert.equal((await ask('DELETE', `${grants}/${member}`)).status, 404);
  const system = `/system/users/${alice.id}/roles/${await role('reader')}`;
  assert.equal((await ask('PUT', system)).status, 204);
  const reader = await fixture.login({ methods: ['password'], password: { user: { id: alice.id, password: alice.password } } }, { system: { all: true } });
  assert.equal((await checked(fixture, reader)('GET', '/users')).status, 200, 'a reader of the system reads');
  assert.equal((await checked(fixture, reader)('POST', '/users', { user: { name: 'x' } })).status, 403, 'and does not write');
});

test('services, endpoints and regions are kept, and show in the catalog', async (t) => {
  const fixture = await identityFixture(t);
  const ask = checked(fixture, fixture.admin);

  const { region } = (await ask('POST', '/regions', { region: { id: 'there', parent_region_id: 'here' } })).body;
  const { service } = (await ask('POST', '/services', { service: { type: 'volumev3', name: 'cinder' } })).body;
  const { endpoint } = (await ask('POST', '/endpoints', { endpoint: { service_id: service.id, interface: 'public', region_id: 'there', url: 'http://volume.test/v3/$(project_id)s' } })).body;

  const catalogOf = async () => (await ask('GET', '/auth/catalog')).body.catalog.find(({ type }: Parsed) => type === 'volumev3');
  const caller = (await fixture.identity.authenticate(fixture.admin))!;
  assert.deepEqual((await catalogOf()).endpoints, [{ id: endpoint.id, interface: 'public', region: 'there', region_id: 'there', url: `http://volume.test/v3/${caller.projectId}` }]);
  assert.deepEqual(region, { id: 'there', description: '', parent_region_id: 'here', links: { self: 'http://cloud.test/identity/v3/regions/there' } });
  assert.equal((await ask('PATCH', '/regions/here', { region: { parent_region_id: 'there' } })).status, 400, 'a circle');
  assert.equal((await ask('DELETE', '/regions/there')).status, 403, 'it has endpoints');
  assert.equal((await ask('POST', '/endpoints', { endpoint: { service_id: service.id, interface: 'private', url: 'http://x' } })).status, 400);
  assert.equal((await ask('POST', '/endpoints', { endpoint: { service_id: 'x', interface: 'public', url: 'http://x' } })).status, 400);
  assert.equal((await ask('POST', '/endpoints', { endpoint: { service_id: service.id, interface: 'public', url: 'http://x/$(admin_token)s' } })).status, 400);
  await ask('PATCH', `/endpoints/${endpoint.id}`, { endpoint: { enabled: false } });
  assert.deepEqual((await catalogOf()).endpoints, []);
  await ask('PATCH', `/services/${service.id}`, { service: { enabled: false } });
  assert.equal(await catalogOf(), undefined);
  assert.deepEqual((await ask('GET', `/endpoints?service_id=${service.id}`)).body.endpoints.length, 1);
  assert.equal((await ask('DELETE', `/services/${service.id}`)).status, 204);
  assert.equal((await ask('GET', `/endpoints/${endpoint.id}`)).status, 404);
  assert.equal((await ask('DELETE', '/regions/there')).status, 204);
});

test('people see themselves and their project, and nothing of others, whatever they say in headers (ATTACKS 18, 33)', async (t) => {
  const fixture = await identityFixture(t);
  const [alice, bob] = [await fixture.person('alice', 'manager'), await fixture.person('bob', 'member')];
  const ask = checked(fixture, alice.token);
  const { group } = (await fixture.ask('POST', '/groups', { token: fixture.admin, body: { group: { name: 'crew' } } })).body;

  for (const path of [`/users/${alice.id}`, `/users/${alice.id}/projects`, `/users/${alice.id}/groups`, `/projects/${alice.projectId}`, `/projects/${alice.projectId}/tags`, '/domains/default', '/regions', '/auth/projects', '/auth/domains', '/auth/system', '/auth/catalog'])
    assert.equal((await ask('GET', path)).status, 200, path);
  for (const path of [
    '/users', '/projects', '/domains', '/groups', '/roles', '/role_assignments', '/role_inferences', '/services', '/endpoints',
    `/users/${bob.id}`, `/users/${bob.id}/projects`, `/users/${bob.id}/groups`, `/users/unknown`,
    `/projects/${bob.projectId}`, `/projects/${bob.projectId}/tags`, '/projects/unknown', '/domains/unknown', `/groups/${group.id}`, `/groups/${group.id}/users`,
    `/projects/${alice.projectId}/users/${alice.id}/roles`, `/system/users/${alice.id}/roles`,
  ])
    assert.deepEqual((await ask('GET', path)).body.error.code, 403, path);
  const refused = await ask('POST', '/users', { user: { name: 'x' } });
  assert.deepEqual(refused.body, { error: { code: 403, title: 'Forbidden', message: 'You are not authorized to perform the requested action: identity:create_user.' } });
  // Whoever says so in a header is still nobody (ATTACKS 18).
  const spoofed = await fixture.ask('GET', '/users', { headers: { 'x-roles': 'admin', 'x-user-id': alice.id, 'x-identity-status': 'Confirmed', 'x-is-admin-project': 'true' } });
  assert.equal(spoofed.status, 401);
});

test('a role of a domain cannot pass for the administrator', async (t) => {
  const fixture = await identityFixture(t);

  const reply = await fixture.ask('POST', '/roles', { token: fixture.admin, body: { role: { name: 'admin', domain_id: 'default' } } });

  assert.equal(reply.status, 403);
});

test('what must always be true is true', async (t) => {
  const { identity, person } = await identityFixture(t);
  await person('alice', 'member');

  for (const invariant of identity.invariants) assert.deepEqual(await invariant.check(), []);
});

test('users who change their password may choose neither the present one nor the one before it', async (t) => {
  const { ask, person, loginAs } = await identityFixture(t);
  const alice = await person('alice', 'member');
  const change = (from: string, to: string) => ask('POST', `/users/${alice.id}/password`, { body: { user: { original_password: from, password: to } } });

  assert.equal((await change(alice.password, alice.password)).status, 400);
  assert.equal((await change(alice.password, 'second')).status, 204);
  const refused = await change('second', alice.password);
  assert.deepEqual([refused.status, refused.body.error.message], [
    400,
    'The new password cannot be identical to a previous password. The total number which includes the new password must be unique is 2.',
  ]);
  // Who does not know the present password learns nothing about the ones before.
  assert.equal((await change('wrong', alice.password)).status, 401);
  assert.equal((await change('second', 'third')).status, 204);
  assert.equal((await change('third', alice.password)).status, 204);
  assert.ok(await loginAs('alice', alice.password));
});

test('an application credential ends at the microsecond that was asked for', async (t) => {
  const { ask, person } = await identityFixture(t);
  const alice = await person('alice', 'member');
  const make = (name: string, expires_at: string) => ask('POST', `/users/${alice.id}/application_credentials`, { token: alice.token, body: { application_credential: { name, expires_at } } });

  const { body } = await make('a', '2099-11-22T10:43:06.551591');
  assert.equal(body.application_credential.expires_at, '2099-11-22T10:43:06.551591');
  const shown = await ask('GET', `/users/${alice.id}/application_credentials/${body.application_credential.id}`, { token: alice.token });
  assert.equal(shown.body.application_credential.expires_at, '2099-11-22T10:43:06.551591');
  assert.equal((await make('b', '2099-11-22T10:43:06Z')).body.application_credential.expires_at, '2099-11-22T10:43:06.000000');
  assert.equal((await make('c', '2099-13-22T10:43:06Z')).status, 400);
  assert.equal((await make('d', '2000-01-01T00:00:00Z')).status, 400);
});

test('a token that is no longer valid is not found, whoever asks about it', async (t) => {
  const { ask, person, loginAs } = await identityFixture(t);
  const alice = await person('alice', 'member');
  const subject = { 'x-subject-token': await loginAs('alice', alice.password) };

  assert.equal((await ask('GET', '/auth/tokens', { token: alice.token, headers: subject })).status, 200);
  assert.equal((await ask('DELETE', '/auth/tokens', { token: alice.token, headers: subject })).status, 204);

  for (const method of ['GET', 'HEAD', 'DELETE'] as const) assert.equal((await ask(method, '/auth/tokens', { token: alice.token, headers: subject })).status, 404, method);
});

test('an endpoint may name a region that nobody made, and a region be put where its id says', async (t) => {
  const fixture = await identityFixture(t);
  const ask = checked(fixture, fixture.admin);
  const { service } = (await ask('POST', '/services', { service: { type: 't' } })).body;
  const endpoint = { service_id: service.id, interface: 'public', url: 'http://there.test' };

  assert.equal((await ask('POST', '/endpoints', { endpoint: { ...endpoint, region: 'there' } })).body.endpoint.region_id, 'there');
  assert.equal((await ask('GET', '/regions/there')).status, 200);
  assert.equal((await ask('POST', '/endpoints', { endpoint: { ...endpoint, region_id: 'nowhere' } })).status, 400);
  assert.equal((await ask('PUT', '/regions/far', { region: { description: 'away' } })).body.region.id, 'far');
  assert.equal((await ask('PUT', '/regions/far', { region: {} })).status, 409);
  assert.equal((await ask('PUT', '/regions/near', { region: { id: 'far' } })).status, 400);
  assert.equal((await ask('POST', '/domains', { domain: { name: 'd'.repeat(65) } })).status, 400);
});

test('an application credential may have a role that came after the token, unless a credential asks for it', async (t) => {
  const { ask, person, role, admin, login } = await identityFixture(t);
  const alice = await person('alice', 'reader');
  const make = (token: string, name: string, more: object) => ask('POST', `/users/${alice.id}/application_credentials`, { token, body: { application_credential: { name, ...more } } });
  const { body } = await make(alice.token, 'narrow', { unrestricted: true });
  const { id, secret } = body.application_credential;
  const narrow = await login({ methods: ['application_credential'], application_credential: { id, secret } });

  await ask('PUT', `/projects/${alice.projectId}/users/${alice.id}/roles/${await role('member')}`, { token: admin });

  assert.equal((await make(narrow, 'wide', { roles: [{ name: 'member' }] })).status, 400);
  const wide = await make(alice.token, 'wide', { roles: [{ name: 'member' }] });
  assert.deepEqual([wide.status, wide.body.application_credential.roles[0].name], [201, 'member']);
});
