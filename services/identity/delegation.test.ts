import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { manualClock } from '../../kit/clock.ts';
import { identityFixture } from './fixture.ts';

const byCredential = (id: string, secret: string) => ({ methods: ['application_credential'], application_credential: { id, secret } });

test('an application credential shows its secret once and gives the roles that were asked for', async (t) => {
  const { ask, login, person, role, identity, parts } = await identityFixture(t);
  const alice = await person('alice', 'member');
  const path = `/users/${alice.id}/application_credentials`;

  const made = await ask('POST', path, { token: alice.token, body: { application_credential: { name: 'robot', roles: [{ name: 'reader' }], expires_at: '2099-01-02T03:04:05.000000' } } });

  assert.equal(made.status, 201);
  const { secret, ...shown } = made.body.application_credential;
  assert.deepEqual(shown, {
    id: shown.id,
    name: 'robot',
    description: null,
    user_id: alice.id,
    project_id: alice.projectId,
    system: null,
    roles: [{ id: await role('reader'), name: 'reader', domain_id: null }],
    expires_at: '2099-01-02T03:04:05.000000',
    unrestricted: false,
    links: { self: `http://cloud.test/identity/v3${path}/${shown.id}` },
  });
  assert.deepEqual((await ask('GET', path, { token: alice.token })).body.application_credentials, [shown]);
  assert.deepEqual((await ask('GET', `${path}/${shown.id}`, { token: alice.token })).body.application_credential, shown);
  const stored = await parts.database.read({ kind: 'system', reason: 'test' }, (tx) => tx.rows`select * from identity.application_credential`);
  assert.ok(!JSON.stringify(stored).includes(secret));
  const token = await login(byCredential(shown.id, secret));
  assert.deepEqual([...(await identity.authenticate(token))!.roles], ['reader']);
  const byName = await login({ methods: ['application_credential'], application_credential: { name: 'robot', user: { name: 'alice', domain: { id: 'default' } }, secret } });
  const seen = (await ask('GET', '/auth/tokens', { token: byName, headers: { 'x-subject-token': byName } })).body.token;
  assert.deepEqual([seen.methods, seen.project.id, seen.application_credential], [['application_credential'], alice.projectId, { id: shown.id, name: 'robot', restricted: true }]);
  assert.equal((await ask('POST', path, { token: alice.token, body: { application_credential: { name: 'robot' } } })).status, 409);
});

test('a repeated request with the same key never tells the secret again (ATTACKS 36, FAILURES 26)', async (t) => {
  const { ask, person, parts } = await identityFixture(t);
  const alice = await person('alice', 'member');
  const again = { token: alice.token, body: { application_credential: { name: 'robot' } }, headers: { 'idempotency-key': 'once' } };

  const { body } = await ask('POST', `/users/${alice.id}/application_credentials`, again);

  const kept = await parts.database.read({ kind: 'system', reason: 'test' }, (tx) => tx.rows`select * from kit.idempotency`);
  assert.equal(kept.length, 1);
  assert.ok(!JSON.stringify(kept).includes(body.application_credential.secret));
});

test('a token got by an application credential cannot leave its project or its roles', async (t) => {
  const { ask, admin, login, person, role, identity } = await identityFixture(t);
  const alice = await person('alice', 'manager');
  const other = await person('other');
  await ask('PUT', `/projects/${other.projectId}/users/${alice.id}/roles/${await role('manager')}`, { token: admin });
  const { id, secret } = (await ask('POST', `/users/${alice.id}/application_credentials`, { token: alice.token, body: { application_credential: { name: 'robot', roles: [{ name: 'reader' }] } } })).body.application_credential;
  const token = await login(byCredential(id, secret));
  const attempt = (identityPart: object, scope?: object | 'unscoped') => ask('POST', '/auth/tokens', { body: { auth: { identity: identityPart, ...(scope ? { scope } : {}) } } });

  const proof = { methods: ['token'], token: { id: token } };
  for (const scope of [{ project: { id: other.projectId } }, { project: { id: alice.projectId } }, { domain: { id: 'default' } }, { system: { all: true } }, 'unscoped' as const])
    assert.equal((await attempt(proof, scope)).status, 403, JSON.stringify(scope));
  for (const scope of [{ project: { id: other.projectId } }, { domain: { id: 'default' } }]) assert.equal((await attempt(byCredential(id, secret), scope)).status, 401);

  const child = await login(proof);
  const grandchild = await login({ methods: ['token'], token: { id: child } });
  for (const each of [child, grandchild]) {
    const caller = (await identity.authenticate(each))!;
    assert.deepEqual([caller.projectId, [...caller.roles]], [alice.projectId, ['reader']]);
  }
  // With the credential its whole offspring ends.
  assert.equal((await ask('DELETE', `/users/${alice.id}/application_credentials/${id}`, { token: alice.token })).status, 204);
  for (const each of [token, child, grandchild]) assert.equal(await identity.authenticate(each), undefined);
  assert.equal((await attempt(byCredential(id, secret))).status, 401);
});

test('a restricted credential manages no credentials; an unrestricted one makes none that can do more', async (t) => {
  const { ask, login, person } = await identityFixture(t);
  const alice = await person('alice', 'manager');
  const path = `/users/${alice.id}/application_credentials`;
  const create = (token: string, body: object) => ask('POST', path, { token, body: { application_credential: body } });
  const restricted = (await create(alice.token, { name: 'restricted' })).body.application_credential;
  const unrestricted = (await create(alice.token, { name: 'unrestricted', unrestricted: true, roles: [{ name: 'member' }] })).body.application_credential;
  const weak = await login(byCredential(restricted.id, restricted.secret));
  const strong = await login(byCredential(unrestricted.id, unrestricted.secret));

  assert.equal((await create(weak, { name: 'child' })).status, 403);
  assert.equal((await create(await login({ methods: ['token'], token: { id: weak } }), { name: 'child' })).status, 403);
  assert.equal((await ask('DELETE', `${path}/${unrestricted.id}`, { token: weak })).status, 403);
  const same = await create(strong, { name: 'same' });
  assert.equal(same.status, 201);
  assert.deepEqual(
    same.body.application_credential.roles.map(({ name }: { name: string }) => name),
    ['member', 'reader'],
  );
  assert.equal((await create(strong, { name: 'wider', roles: [{ name: 'manager' }] })).status, 400);
  assert.equal((await create(alice.token, { name: 'admin', roles: [{ name: 'admin' }] })).status, 400);
});

test('a credential never outlives what its maker may do', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const { ask, admin, login, person, role, identity } = await identityFixture(t, { clock });
  const alice = await person('alice', 'member', 'manager');
  const create = async (body: object) => (await ask('POST', `/users/${alice.id}/application_credentials`, { token: alice.token, body: { application_credential: body } })).body.application_credential;
  const short = await create({ name: 'short', expires_at: '2026-03-01T12:10:00' });
  const chosen = await create({ name: 'chosen', secret: 'my own secret' });
  const token = await login(byCredential(short.id, short.secret));
  assert.equal((await identity.authenticate(token))!.expiresAt.toISOString(), '2026-03-01T12:10:00.000Z');
  assert.ok(await login(byCredential(chosen.id, 'my own secret')));

  clock.advance(600_000);

  const attempt = async (id: string, secret: string) => (await ask('POST', '/auth/tokens', { body: { auth: { identity: byCredential(id, secret) } } })).status;
  assert.equal(await identity.authenticate(token), undefined);
  assert.equal(await attempt(short.id, short.secret), 401);
  assert.equal(await attempt(chosen.id, 'another secret'), 401);
  const used = await login(byCredential(chosen.id, 'my own secret'));
  assert.equal((await ask('DELETE', `/projects/${alice.projectId}/users/${alice.id}/roles/${await role('manager')}`, { token: admin })).status, 204);
  assert.equal(await identity.authenticate(used), undefined);
  assert.equal(await attempt(chosen.id, 'my own secret'), 401);
});

test("nobody makes, sees or deletes another user's credentials, but administrators see and delete them", async (t) => {
  const { ask, admin, person } = await identityFixture(t);
  const [alice, bob] = [await person('alice', 'member'), await person('bob', 'manager')];
  const path = `/users/${alice.id}/application_credentials`;
  const { id } = (await ask('POST', path, { token: alice.token, body: { application_credential: { name: 'robot' } } })).body.application_credential;

  for (const token of [bob.token]) {
    assert.equal((await ask('GET', path, { token })).status, 403);
    assert.equal((await ask('GET', `${path}/${id}`, { token })).status, 403);
    assert.equal((await ask('DELETE', `${path}/${id}`, { token })).status, 403);
    assert.equal((await ask('POST', path, { token, body: { application_credential: { name: 'x' } } })).status, 403);
    // It is theirs whatever user the path names.
    assert.equal((await ask('GET', `/users/${bob.id}/application_credentials/${id}`, { token })).status, 403);
    assert.equal((await ask('DELETE', `/users/${bob.id}/application_credentials/${id}`, { token })).status, 403);
  }
  assert.equal((await ask('POST', path, { token: admin, body: { application_credential: { name: 'x' } } })).status, 403);
  assert.equal((await ask('GET', `${path}/${id}`, { token: admin })).status, 200);
  assert.equal((await ask('DELETE', `${path}/${id}`, { token: admin })).status, 204);
});

const ladder = ['reader', 'member', 'manager'] as const;
type Rung = (typeof ladder)[number];
const upTo = (role: Rung) => ladder.slice(0, ladder.indexOf(role) + 1);

const delegate = fc.record({ do: fc.constant('delegate' as const), token: fc.nat(2), role: fc.option(fc.constantFrom(...ladder)), unrestricted: fc.boolean() });
const use = fc.record({ do: fc.constant('use' as const), credential: fc.nat(1) });

/** What may happen to one user with roles in two projects; tokens and credentials are counted from the newest, for long chains. */
const step = fc.oneof(
  fc.record({ do: fc.constant('grant' as const), role: fc.constantFrom(...ladder), project: fc.nat(1) }),
  fc.record({ do: fc.constant('revoke' as const), role: fc.constantFrom(...ladder), project: fc.nat(1) }),
  fc.record({ do: fc.constant('log in' as const), project: fc.nat(1) }),
  fc.record({ do: fc.constant('rescope' as const), token: fc.nat(2), project: fc.option(fc.nat(1)) }),
  delegate,
  delegate,
  use,
  use,
);

test('no chain of tokens and credentials ever leads to a right that the user does not have, or that was not handed on', async (t) => {
  const { ask, admin, person, role, identity } = await identityFixture(t);
  const roleIds = new Map(await Promise.all(ladder.map(async (name) => [name, await role(name)] as const)));
  let count = 0;
  let rights = 0;

  const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40, size: 'max' }), async (steps) => {
    const [user, second] = [await person(`user${++count}`, 'manager'), await person(`second${count}`)];
    const projects = [user.projectId, second.projectId];
    const granted = [new Set<Rung>(['manager']), new Set<Rung>()];
    // Each with the most that it may do, whatever the user may do later.
    const tokens: { token: string; limit: readonly string[]; only: number | undefined }[] = [{ token: user.token, limit: ladder, only: undefined }];
    const credentials: { id: string; secret: string; limit: readonly string[]; only: number }[] = [];
    const get = async (proof: object, scope: object | undefined, limit: readonly string[], only: number | undefined) => {
      const reply = await ask('POST', '/auth/tokens', { body: { auth: { identity: proof, ...(scope ? { scope } : {}) } } });
      if (reply.status === 201) tokens.push({ token: String(reply.headers['x-subject-token']), limit, only });
    };
    const inProject = (project: number | null) => (project === null ? undefined : { project: { id: projects[project] } });

    for (const each of steps) {
      switch (each.do) {
        case 'grant':
        case 'revoke': {
          const path = `/projects/${projects[each.project]}/users/${user.id}/roles/${roleIds.get(each.role)}`;
          await ask(each.do === 'grant' ? 'PUT' : 'DELETE', path, { token: admin });
          granted[each.project]![each.do === 'grant' ? 'add' : 'delete'](each.role);
          break;
        }
        case 'log in':
          await get({ methods: ['password'], password: { user: { id: user.id, password: user.password } } }, inProject(each.project), ladder, undefined);
          break;
        case 'rescope': {
          const from = tokens.at(-1 - (each.token % tokens.length))!;
          await get({ methods: ['token'], token: { id: from.token } }, inProject(each.project), from.limit, from.only);
          break;
        }
        case 'delegate': {
          const from = tokens.at(-1 - (each.token % tokens.length))!;
          const caller = await identity.authenticate(from.token);
          const wish = { name: `credential ${credentials.length} ${steps.indexOf(each)}`, unrestricted: each.unrestricted, ...(each.role === null ? {} : { roles: [{ name: each.role }] }) };
          const reply = await ask('POST', `/users/${user.id}/application_credentials`, { token: from.token, body: { application_credential: wish } });
          if (reply.status !== 201) break;
          const project = projects.indexOf(caller!.projectId!);
          // Who has proved to be the user may also name a role that was granted after the token.
          const held = each.role === null || from.only !== undefined ? [...caller!.roles] : [...granted[project]!].flatMap(upTo);
          const limit = held.filter((name) => each.role === null || upTo(each.role).includes(name as Rung));
          credentials.push({ ...reply.body.application_credential, limit, only: project });
          break;
        }
        case 'use': {
          const credential = credentials.at(-1 - (each.credential % Math.max(credentials.length, 1)));
          if (credential) await get(byCredential(credential.id, credential.secret), undefined, credential.limit, credential.only);
        }
      }
      for (const { token, limit, only } of tokens) {
        const caller = await identity.authenticate(token);
        if (!caller || caller.projectId === null) continue;
        const project = projects.indexOf(caller.projectId);
        const has = [...granted[project]!].flatMap(upTo);
        for (const name of caller.roles) {
          rights += 1;
          assert.ok(has.includes(name as Rung), `${name} in ${project} was not granted`);
          assert.ok(limit.includes(name), `${name} was not handed on`);
        }
        assert.ok(only === undefined || only === project, 'it left its project');
      }
    }
  });

  await fc.assert(property, { numRuns: 40 });
  assert.ok(rights > 500, `only ${rights} rights were looked at`);
});
