import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAllowed, isMatch } from './access-rules.ts';
import { identityFixture, type IdentityFixture } from './fixture.ts';

type Person = Awaited<ReturnType<IdentityFixture['person']>>;

const byCredential = ({ id, secret }: { id: string; secret: string }) => ({ methods: ['application_credential'], application_credential: { id, secret } });
const rule = (method: string, path: string, service = 'identity') => ({ service, method, path });

async function credentialWith({ ask }: IdentityFixture, { id, token }: Person, body: object) {
  return ask('POST', `/users/${id}/application_credentials`, { token, body: { application_credential: body } });
}

test('a pattern takes one part of a path, several or none, as it says', () => {
  for (const [pattern, path, expected] of [
    ['/v3/users', '/v3/users', true],
    ['/v3/users', '/v3/users/', false],
    ['/v3/users', '/v3/usersx', false],
    ['/v3/users/*', '/v3/users/a', true],
    ['/v3/users/*', '/v3/users/', false],
    ['/v3/users/*', '/v3/users/a/b', false],
    ['/v3/users/{user_id}/x', '/v3/users/a/x', true],
    ['/v3/**', '/v3/a/b/c', true],
    ['/v3/**', '/v3/', true],
    ['/v3/**', '/v4/a', false],
    ['/v3/a.c', '/v3/abc', false],
    ['/v3/(', '/v3/(', true],
  ] as const)
    assert.equal(isMatch(path, pattern), expected, `${pattern} ${path}`);
});

test('no pattern keeps the door busy (ATTACKS 40)', () => {
  const began = performance.now();

  assert.equal(isMatch('/'.repeat(2_000), `/${'**a'.repeat(40)}`), false);

  assert.ok(performance.now() - began < 1_000);
});

test('whatever is matched is matched as a regular expression of the same meaning would', () => {
  const part = fc.constantFrom('a', 'b', '/', '*', '**', '{x}', '.');
  const letter = fc.constantFrom('a', 'b', '/', '.');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), fc.array(letter, { maxLength: 10 }), (parts, letters) => {
      const [pattern, path] = [parts.join(''), letters.join('')];
      const text = (pattern.match(/\{[^}]*\}|\*\*|\*|[^{}*]/g) ?? []).map((token) => (token === '**' ? '.*' : token === '*' || token.startsWith('{') ? '[^/]+' : token === '.' ? '\\.' : token)).join('');
      assert.equal(isMatch(path, pattern), new RegExp(`^${text}$`).test(path), `${pattern} ${path}`);
    }),
    { numRuns: 2_000 },
  );
});

test('a rule is for its service and method, with the path as the service or as the cloud has it', () => {
  const rules = [rule('GET', '/v2.1/servers', 'compute')];
  const asked = { service: 'compute', root: '/compute', method: 'GET', path: '/compute/v2.1/servers' };

  assert.ok(isAllowed(rules, asked));
  assert.ok(isAllowed([rule('GET', '/compute/v2.1/servers', 'compute')], asked));
  for (const other of [{ service: 'network', root: '/network' }, { method: 'POST' }, { method: 'HEAD' }, { path: '/compute/v2.1/servers/x' }]) assert.ok(!isAllowed(rules, { ...asked, ...other }), JSON.stringify(other));
  assert.ok(!isAllowed([], asked));
});

test('a credential with access rules is good for what they say and for nothing else, and so are its tokens', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, login, person, another } = fixture;
  const alice = await person('alice', 'member');

  const made = await credentialWith(fixture, alice, { name: 'robot', access_rules: [rule('GET', '/v3/auth/projects'), rule('GET', `/v3/users/${alice.id}/application_credentials/**`)] });

  assert.equal(made.status, 201);
  const { access_rules: rules, ...credential } = made.body.application_credential;
  assert.deepEqual(rules.map(({ path }: { path: string }) => path).sort(), ['/v3/auth/projects', `/v3/users/${alice.id}/application_credentials/**`]);
  const token = await login(byCredential(credential));
  const child = await login({ methods: ['token'], token: { id: token } });
  for (const each of [token, child]) {
    assert.equal((await ask('GET', '/auth/projects', { token: each })).status, 200);
    assert.equal((await ask('GET', `/users/${alice.id}/application_credentials/${credential.id}`, { token: each })).status, 200);
    assert.equal((await ask('GET', '/auth/domains', { token: each })).status, 401);
    assert.equal((await ask('GET', `/users/${alice.id}/application_credentials`, { token: each })).status, 401);
    assert.equal((await ask('DELETE', `/users/${alice.id}/application_credentials/${credential.id}`, { token: each })).status, 401);
  }
  // A process that has never seen them knows them too; who asks for nothing in particular gets nothing.
  const asked = { service: 'identity', root: '/identity', method: 'GET', path: '/identity/v3/auth/projects' };
  assert.equal((await another().authenticate(token, asked))?.userId, alice.id);
  assert.equal(await another().authenticate(token, { ...asked, method: 'POST' }), undefined);
  assert.equal(await another().authenticate(token), undefined);
});

test('who validates a token without knowing of access rules is told that it is none', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, admin, login, person } = fixture;
  const alice = await person('alice', 'member');
  const { body } = await credentialWith(fixture, alice, { name: 'robot', access_rules: [rule('GET', '/v2.1/servers', 'compute')] });
  const token = await login(byCredential(body.application_credential));
  const validate = (headers: Record<string, string>) => ask('GET', '/auth/tokens', { token: admin, headers: { 'x-subject-token': token, ...headers } });

  assert.equal((await validate({})).status, 404);
  assert.equal((await validate({ 'openstack-identity-access-rules': '0.5' })).status, 404);
  const seen = await validate({ 'openstack-identity-access-rules': '1.0' });
  assert.deepEqual(seen.body.token.application_credential.access_rules, body.application_credential.access_rules);
});

test('rules are kept once for a user, are shown to them, and go when no credential has them', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, person } = fixture;
  const [alice, bob] = [await person('alice', 'member'), await person('bob', 'member')];
  const same = rule('GET', '/v2.1/servers', 'compute');
  const one = (await credentialWith(fixture, alice, { name: 'one', access_rules: [same] })).body.application_credential;
  const path = `/users/${alice.id}/access_rules`;

  const list = (await ask('GET', path, { token: alice.token })).body.access_rules;

  assert.deepEqual(list, [{ ...one.access_rules[0], links: { self: `http://cloud.test/identity/v3${path}/${one.access_rules[0].id}` } }]);
  const [{ id }] = list;
  const two = (await credentialWith(fixture, alice, { name: 'two', access_rules: [same, { id }, rule('POST', '/v2.1/servers', 'compute')] })).body.application_credential;
  assert.equal(two.access_rules.length, 2);
  assert.deepEqual((await ask('GET', `${path}?method=GET`, { token: alice.token })).body.access_rules, list);
  assert.deepEqual((await ask('GET', `${path}/${id}`, { token: alice.token })).body.access_rule, list[0]);
  assert.equal((await ask('DELETE', `${path}/${id}`, { token: alice.token })).status, 403, 'it is in use');
  assert.equal((await ask('GET', path, { token: bob.token })).status, 403);
  assert.equal((await ask('GET', `/users/${bob.id}/access_rules/${id}`, { token: bob.token })).status, 404);
  assert.equal((await credentialWith(fixture, bob, { name: 'x', access_rules: [{ id }] })).status, 404, "another's rule");
  for (const name of [one.id, two.id]) await ask('DELETE', `/users/${alice.id}/application_credentials/${name}`, { token: alice.token });
  assert.equal((await ask('DELETE', `${path}/${id}`, { token: alice.token })).status, 204);
  assert.equal((await ask('GET', `${path}/${id}`, { token: alice.token })).status, 404);
  for (const wrong of [{ method: 'GET' }, rule('FETCH', '/x'), rule('GET', 'x'), { ...rule('GET', '/x'), colour: 'red' }]) assert.equal((await credentialWith(fixture, alice, { name: 'wrong', access_rules: [wrong] })).status, 400, JSON.stringify(wrong));
});

test('a user goes with all their rules and credentials', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, admin, person, login, identity } = fixture;
  const alice = await person('alice', 'member');
  const made = (await credentialWith(fixture, alice, { name: 'one', access_rules: [rule('GET', '/**')] })).body.application_credential;
  const token = await login(byCredential(made));

  assert.equal((await ask('DELETE', `/users/${alice.id}`, { token: admin })).status, 204);

  assert.equal(await identity.authenticate(token, { service: 'identity', root: '/identity', method: 'GET', path: '/identity/v3/x' }), undefined);
});

test('what a limited credential makes is limited as it is (ATTACKS 13)', async (t) => {
  const fixture = await identityFixture(t);
  const { login, person } = fixture;
  const alice = await person('alice', 'member');
  const own = rule('POST', `/v3/users/${alice.id}/application_credentials`);
  const parent = (await credentialWith(fixture, alice, { name: 'parent', unrestricted: true, access_rules: [own], expires_at: '2099-01-01T00:00:00' })).body.application_credential;
  const token = await login(byCredential(parent));
  const make = (body: object) => credentialWith(fixture, { ...alice, token }, body);

  const silent = await make({ name: 'silent' });

  assert.equal(silent.status, 201);
  assert.deepEqual([silent.body.application_credential.access_rules, silent.body.application_credential.expires_at], [parent.access_rules, '2099-01-01T00:00:00.000000']);
  assert.equal((await make({ name: 'same', access_rules: [own] })).status, 201);
  assert.equal((await make({ name: 'wider', access_rules: [own, rule('GET', '/**')] })).status, 403);
  assert.equal((await make({ name: 'longer', expires_at: '2099-01-02T00:00:00' })).status, 403);
  assert.equal((await make({ name: 'shorter', expires_at: '2098-01-02T00:00:00' })).status, 201);
});
