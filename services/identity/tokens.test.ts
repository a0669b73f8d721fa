import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../kit/clock.ts';
import { adminPassword, identityFixture, type IdentityFixture, type Parsed } from './fixture.ts';

const passwordOf = (user: object) => ({ methods: ['password'], password: { user } });
const byName = (name: string, password: string) => passwordOf({ name, domain: { id: 'default' }, password });

test('a password gives a token that says who it is, what they may do and where the services are', async (t) => {
  const { ask, parts } = await identityFixture(t);

  const reply = await ask('POST', '/auth/tokens', { body: { auth: { identity: byName('admin', adminPassword), scope: { project: { name: 'admin', domain: { name: 'Default' } } } } } });

  assert.equal(reply.status, 201);
  const token = String(reply.headers['x-subject-token']);
  assert.ok(token.length <= 300, `${token.length} characters`);
  const { user, project, roles, catalog, audit_ids: auditIds, expires_at: expiresAt, issued_at: issuedAt, ...rest } = reply.body.token;
  assert.deepEqual(rest, { methods: ['password'], is_domain: false });
  assert.deepEqual(user, { domain: { id: 'default', name: 'Default' }, id: user.id, name: 'admin', password_expires_at: null });
  assert.deepEqual([project.name, project.domain], ['admin', { id: 'default', name: 'Default' }]);
  assert.deepEqual(
    roles.map(({ name }: { name: string }) => name),
    ['admin', 'manager', 'member', 'reader'],
  );
  assert.deepEqual(
    catalog.map(({ type, name, endpoints }: Parsed) => [type, name, endpoints.map((each: Parsed) => [each.interface, each.region, each.url])]),
    [['identity', 'keystone', [['public', 'here', 'http://cloud.test/identity'], ['internal', 'here', 'http://cloud.test/identity'], ['admin', 'here', 'http://cloud.test/identity']]]],
  );
  assert.match(auditIds[0], /^[\w-]{22}$/);
  assert.match(issuedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  assert.equal(Date.parse(expiresAt) - Date.parse(issuedAt), 3_600_000);
  assert.ok(Math.abs(Date.parse(issuedAt) - parts.clock.now().getTime()) < 60_000);
});

test('a token is shown to its owner and to administrators with the same content, and without the catalog when asked', async (t) => {
  const { ask, admin, person } = await identityFixture(t);
  const [alice, bob] = [await person('alice', 'member'), await person('bob', 'admin')];

  const own = await ask('GET', '/auth/tokens?nocatalog', { token: alice.token, headers: { 'x-subject-token': alice.token } });
  const byAdmin = await ask('GET', '/auth/tokens?nocatalog', { token: admin, headers: { 'x-subject-token': alice.token } });
  const check = await ask('HEAD', '/auth/tokens', { token: alice.token, headers: { 'x-subject-token': alice.token } });
  const foreign = await ask('GET', '/auth/tokens', { token: alice.token, headers: { 'x-subject-token': bob.token } });
  const unknown = await ask('GET', '/auth/tokens', { token: admin, headers: { 'x-subject-token': 'A'.repeat(200) } });

  assert.equal(own.status, 200);
  assert.equal(own.body.token.catalog, undefined);
  assert.equal(own.headers['x-subject-token'], alice.token);
  assert.deepEqual(byAdmin.body, own.body);
  assert.deepEqual([check.status, check.body], [200, undefined]);
  assert.equal(foreign.status, 403);
  assert.equal(unknown.status, 404);
  assert.ok(!JSON.stringify(unknown.body).includes('AAAA'), 'the refusal repeats no secret');
});

test('whatever was wrong, the refusal is the same (ATTACKS 20)', async (t) => {
  const { ask, person, make, admin } = await identityFixture(t);
  const alice = await person('alice', 'member');
  await make('/projects', { project: { name: 'foreign', domain_id: 'default' } });
  const { id: disabled } = await make('/users', { user: { name: 'disabled', domain_id: 'default', password: 'x', enabled: false } });
  await make('/users', { user: { name: 'passwordless', domain_id: 'default' } });
  const project = (name: string) => ({ project: { name, domain: { id: 'default' } } });

  const wrongs: [object, object?][] = [
    [byName('alice', 'wrong')],
    [byName('nobody', 'x')],
    [passwordOf({ name: 'alice', domain: { name: 'nowhere' }, password: alice.password })],
    [passwordOf({ id: 'f'.repeat(32), password: 'x' })],
    [passwordOf({ id: disabled, password: 'x' })],
    [byName('passwordless', '')],
    [byName('alice', alice.password), project('foreign')],
    [byName('alice', alice.password), project('no such project')],
    [byName('alice', alice.password), { system: { all: true } }],
    [byName('alice', alice.password), { domain: { id: 'default' } }],
    [{ methods: ['telepathy'] }],
    [{ methods: ['application_credential'], application_credential: { id: 'x', secret: 'y' } }],
    [{ methods: ['password', 'token'], password: byName('alice', alice.password).password, token: { id: admin } }],
  ];
  const refusals = await Promise.all(wrongs.map(([identity, scope]) => ask('POST', '/auth/tokens', { body: { auth: { identity, ...(scope ? { scope } : {}) } } })));

  for (const { status, body, headers } of refusals)
    assert.deepEqual([status, body, headers['x-subject-token']], [401, { error: { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' } }, undefined]);
});

test('a token that is none is not found as a proof', async (t) => {
  const { ask, person } = await identityFixture(t);
  const alice = await person('alice', 'member');

  for (const id of ['x', `${alice.token.slice(0, -2)}AA`]) {
    const { status, body } = await ask('POST', '/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id } } } } });
    assert.deepEqual([status, body], [404, { error: { code: 404, title: 'Not Found', message: 'Failed to validate token' } }]);
  }
});

test('a body without what its method needs is a bad request, and a long password is refused unread (ATTACKS 21)', async (t) => {
  const { ask } = await identityFixture(t);
  const send = async (body: object) => (await ask('POST', '/auth/tokens', { body })).status;

  assert.equal(await send({}), 400);
  assert.equal(await send({ auth: {} }), 400);
  assert.equal(await send({ auth: { identity: { methods: [] } } }), 400);
  assert.equal(await send({ auth: { identity: { methods: ['password'] } } }), 400);
  assert.equal(await send({ auth: { identity: byName('admin', 'x'.repeat(5000)) } }), 400);
  assert.equal(await send({ auth: { identity: byName('admin', 'x'.repeat(1_000_000)) } }), 413);
  assert.equal(await send({ auth: { identity: byName('admin', adminPassword), scope: { project: { id: 'x' }, domain: { id: 'default' } } } }), 400);
});

test('a token leads from no scope to any scope that its owner has, and lives no longer than the first one', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const { ask, login, loginAs, person } = await identityFixture(t, { clock });
  const alice = await person('alice', 'member');
  const unscoped = await login(byName('alice', alice.password), 'unscoped');
  clock.advance(600_000);

  const scoped = await ask('POST', '/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id: unscoped } }, scope: { project: { id: alice.projectId } } } } });

  const first = (await ask('GET', '/auth/tokens', { token: unscoped, headers: { 'x-subject-token': unscoped } })).body.token;
  const second = scoped.body.token;
  assert.equal(first.project, undefined);
  assert.equal(first.catalog, undefined);
  assert.equal(second.project.id, alice.projectId);
  assert.deepEqual(second.methods, ['password', 'token']);
  assert.equal(second.expires_at, first.expires_at);
  assert.equal(second.audit_ids[1], first.audit_ids[0]);
  // Without a scope the user's own default project is meant.
  const byDefault = await ask('GET', '/auth/tokens', { token: alice.token, headers: { 'x-subject-token': alice.token } });
  assert.equal(byDefault.body.token.project.id, alice.projectId);
  assert.equal((await ask('GET', '/auth/projects', { token: unscoped })).body.projects[0].id, alice.projectId);
  assert.equal((await ask('GET', '/auth/catalog', { token: unscoped })).status, 403);
  assert.equal((await ask('GET', '/auth/catalog', { token: alice.token })).body.catalog[0].type, 'identity');
  assert.deepEqual((await ask('GET', '/auth/system', { token: unscoped })).body.system, []);
  // Issued an hour ago, it is worth nothing.
  clock.advance(3_000_000);
  assert.equal((await ask('GET', '/auth/projects', { token: unscoped })).status, 401);
  const later = await loginAs('admin', adminPassword, 'admin');
  const expired = { 'x-subject-token': unscoped };
  assert.equal((await ask('GET', '/auth/tokens', { token: later, headers: expired })).status, 404);
  assert.equal((await ask('GET', '/auth/tokens?allow_expired=1', { token: later, headers: expired })).status, 200);
});

test('domain and system scopes carry the roles that were granted there', async (t) => {
  const { ask, login } = await identityFixture(t);
  const show = async (token: string) => (await ask('GET', '/auth/tokens', { token, headers: { 'x-subject-token': token } })).body.token;

  const domain = await show(await login(byName('admin', adminPassword), { domain: { name: 'Default' } }));
  const systemToken = await login(byName('admin', adminPassword), { system: { all: true } });
  const system = await show(systemToken);

  assert.deepEqual(domain.domain, { id: 'default', name: 'Default' });
  assert.equal(domain.roles.length, 4);
  assert.deepEqual(system.system, { all: true });
  assert.equal(system.project, undefined);
  const narrowed = await ask('POST', '/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id: systemToken } }, scope: { project: { name: 'admin', domain: { id: 'default' } } } } } });
  assert.equal(narrowed.status, 403);
});

test('a changed byte anywhere makes a token worthless', async (t) => {
  const { identity, admin } = await identityFixture(t);
  const bytes = Buffer.from(admin, 'base64url');
  assert.ok(await identity.authenticate(admin));

  for (const index of bytes.keys()) {
    const forged = Buffer.from(bytes);
    forged[index]! ^= 1;
    assert.equal(await identity.authenticate(forged.toString('base64url')), undefined, `byte ${index}`);
  }
  assert.equal(await identity.authenticate(''), undefined);
  assert.equal(await identity.authenticate('x'.repeat(100_000)), undefined);
});

/** Whatever ends somebody's rights, with what it takes to do it. */
const endings: Record<string, (fixture: IdentityFixture, alice: { id: string; projectId: string; token: string; password: string }) => Promise<{ status: number }>> = {
  'the token is revoked': ({ ask }, { token }) => ask('DELETE', '/auth/tokens', { token, headers: { 'x-subject-token': token } }),
  'the user is disabled': ({ ask, admin }, { id }) => ask('PATCH', `/users/${id}`, { token: admin, body: { user: { enabled: false } } }),
  'the user is deleted': ({ ask, admin }, { id }) => ask('DELETE', `/users/${id}`, { token: admin }),
  'the user changes the password': ({ ask }, { id, password }) => ask('POST', `/users/${id}/password`, { body: { user: { original_password: password, password: 'another' } } }),
  'an administrator changes the password': ({ ask, admin }, { id }) => ask('PATCH', `/users/${id}`, { token: admin, body: { user: { password: 'another' } } }),
  'the project is disabled': ({ ask, admin }, { projectId }) => ask('PATCH', `/projects/${projectId}`, { token: admin, body: { project: { enabled: false } } }),
  'the project is deleted': ({ ask, admin }, { projectId }) => ask('DELETE', `/projects/${projectId}`, { token: admin }),
  'the role is taken away': async ({ ask, admin, role }, { id, projectId }) => ask('DELETE', `/projects/${projectId}/users/${id}/roles/${await role('member')}`, { token: admin }),
};

for (const [what, end] of Object.entries(endings))
  test(`when ${what}, its tokens are refused at once here and within a second elsewhere`, async (t) => {
    const fixture = await identityFixture(t);
    const { identity, another, person, parts } = fixture;
    const [alice, bob] = [await person('alice', 'member'), await person('bob', 'member')];
    const elsewhere = another();
    assert.ok(await elsewhere.authenticate(alice.token));

    const { status } = await end(fixture, alice);
    const ended = Date.now();

    assert.ok(status < 300, `status ${status}`);
    assert.equal(await identity.authenticate(alice.token), undefined);
    while (await elsewhere.authenticate(alice.token)) {
      assert.ok(Date.now() - ended < 1_000, 'still valid after a second');
      await parts.clock.after(5);
    }
    assert.ok(await identity.authenticate(bob.token), 'others are not concerned');
    assert.ok(await elsewhere.authenticate(bob.token), 'others are not concerned');
  });

test('a process that is not woken still refuses what was revoked more than a second ago (ATTACKS 17)', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const { identity, parts, ask, person } = await identityFixture(t, { clock });
  const alice = await person('alice', 'member');
  const claims = identity.tokens.verify(alice.token)!;
  assert.ok(await identity.authenticate(alice.token));
  // Somebody else's row, whose wake was lost.
  await parts.database.transaction({ kind: 'system', reason: 'test' }, (tx) => tx.run`insert into identity.revocation (subject, at) values (${`token:${claims.auditId}`}, ${clock.now()})`);

  clock.advance(1_000);

  assert.equal(await identity.authenticate(alice.token), undefined);
  assert.equal((await ask('GET', '/auth/projects', { token: alice.token })).status, 401);
});

test('a role that is taken away and given back leaves old tokens dead and new ones alive', async (t) => {
  const { ask, admin, person, role, login, identity } = await identityFixture(t);
  const alice = await person('alice', 'member');
  const unscoped = await login(byName('alice', alice.password), 'unscoped');
  const path = `/projects/${alice.projectId}/users/${alice.id}/roles/${await role('member')}`;
  await ask('DELETE', path, { token: admin });
  await ask('PUT', path, { token: admin });

  const again = await login({ methods: ['token'], token: { id: unscoped } }, { project: { id: alice.projectId } });

  assert.equal(await identity.authenticate(alice.token), undefined);
  assert.ok((await identity.authenticate(again))?.roles.has('member'));
});

test('a deleted role is gone from tokens that were issued with it', async (t) => {
  const { ask, admin, make, person, role, identity, loginAs } = await identityFixture(t);
  const extra = await make('/roles', { role: { name: 'extra' } });
  const alice = await person('alice', 'member');
  await ask('PUT', `/projects/${alice.projectId}/users/${alice.id}/roles/${extra.id}`, { token: admin });
  const token = await loginAs('alice', alice.password);
  assert.deepEqual([...(await identity.authenticate(token))!.roles].sort(), ['extra', 'member', 'reader']);

  assert.equal((await ask('DELETE', `/roles/${extra.id}`, { token: admin })).status, 204);

  assert.deepEqual([...(await identity.authenticate(token))!.roles].sort(), ['member', 'reader']);
  assert.equal((await ask('DELETE', `/roles/${await role('admin')}`, { token: admin })).status, 403, 'the roles of the cloud itself stay');
});

test('keys rotate without a token being refused', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const { identity, another, parts, person, loginAs } = await identityFixture(t, { clock });
  const alice = await person('alice', 'member');
  await parts.database.transaction({ kind: 'system', reason: 'test' }, (tx) => identity.directory.rotateKey(tx, clock.now()));
  clock.advance(20_000);
  await identity.authenticate(alice.token);

  const fresh = await loginAs('alice', alice.password);

  const [before, after] = [alice.token, fresh].map((token) => Buffer.from(token, 'base64url').readUInt16BE(1));
  assert.notEqual(before, after);
  const elsewhere = another();
  assert.ok(await elsewhere.authenticate(alice.token));
  assert.ok(await elsewhere.authenticate(fresh));
});

test('a long name outside ASCII fits into a token', async (t) => {
  const { identity, make, ask, admin, role, loginAs } = await identityFixture(t);
  const name = '\u{1F600}'.repeat(127);
  const user = await make('/users', { user: { name, domain_id: 'default', password: 'long' } });
  const project = await make('/projects', { project: { name: 'short', domain_id: 'default' } });
  await ask('PUT', `/projects/${project.id}/users/${user.id}/roles/${await role('reader')}`, { token: admin });

  const token = await loginAs(name, 'long', 'short');

  assert.equal((await identity.authenticate(token))?.userName, name);
});

test('a token that is issued while its user is disabled is never valid afterwards (ATTACKS 17)', async (t) => {
  const { ask, admin, identity, person } = await identityFixture(t);
  const alice = await person('alice', 'member');
  const body = { auth: { identity: byName('alice', alice.password) } };
  const disable = (enabled: boolean) => ask('PATCH', `/users/${alice.id}`, { token: admin, body: { user: { enabled } } });
  let issued = 0;

  for (let round = 0; round < 15; round++) {
    const [disabled, ...logins] = await Promise.all([disable(false), ...Array.from({ length: 6 }, () => ask('POST', '/auth/tokens', { body }))]);
    assert.equal(disabled.status, 200);
    const tokens = logins.filter(({ status }) => status === 201).map(({ headers }) => String(headers['x-subject-token']));
    issued += tokens.length;
    await disable(true);
    for (const token of tokens) assert.equal(await identity.authenticate(token), undefined);
  }

  assert.ok(issued > 0, 'no login was in time');
});
