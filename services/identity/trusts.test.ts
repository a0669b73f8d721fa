import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../kit/clock.ts';
import { identityFixture, type IdentityFixture, type Parsed } from './fixture.ts';

type Person = Awaited<ReturnType<IdentityFixture['person']>>;

const passwordOf = ({ id, password }: Person) => ({ methods: ['password'], password: { user: { id, password } } });
const inTrust = (id: string) => ({ 'OS-TRUST:trust': { id } });

const inOrder = (one: string, other: string) => (one < other ? -1 : 1);

/** Alice with roles in her project, Bob and Carol with none there. */
async function people(fixture: IdentityFixture) {
  const { person, ask } = fixture;
  const [alice, bob, carol] = [await person('alice', 'manager'), await person('bob', 'member'), await person('carol', 'member')];
  const trust = async (from: { id: string; token: string }, to: Person, more: object = {}) =>
    ask('POST', '/OS-TRUST/trusts', { token: from.token, body: { trust: { trustor_user_id: from.id, trustee_user_id: to.id, project_id: alice.projectId, impersonation: true, roles: [{ name: 'member' }], ...more } } });
  const consume = (who: Person, id: string) => ask('POST', '/auth/tokens', { body: { auth: { identity: passwordOf(who), scope: inTrust(id) } } });
  const show = async (token: string) => (await ask('GET', '/auth/tokens?nocatalog', { token, headers: { 'x-subject-token': token } })).body.token;
  return { alice, bob, carol, trust, consume, show };
}

test('a trust lets another act in the name of whoever gave it, with the roles that were given', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, login, identity, role } = fixture;
  const { alice, bob, carol, trust, consume, show } = await people(fixture);

  const made = await trust(alice, bob, { expires_at: '2099-01-02T03:04:05Z', colour: 'red' });

  assert.equal(made.status, 201);
  const given = made.body.trust;
  const self = `http://cloud.test/identity/v3/OS-TRUST/trusts/${given.id}`;
  assert.deepEqual(
    { ...given, roles: given.roles.map(({ name }: Parsed) => name) },
    {
      id: given.id,
      trustor_user_id: alice.id,
      trustee_user_id: bob.id,
      project_id: alice.projectId,
      impersonation: true,
      expires_at: '2099-01-02T03:04:05.000000Z',
      deleted_at: null,
      remaining_uses: null,
      redelegated_trust_id: null,
      redelegation_count: 0,
      roles: ['member'],
      roles_links: { self: `${self}/roles`, next: null, previous: null },
      colour: 'red',
      links: { self },
    },
  );
  const token = await login(passwordOf(bob), inTrust(given.id));
  const caller = (await identity.authenticate(token))!;
  assert.deepEqual([caller.userId, caller.projectId, [...caller.roles].sort()], [alice.id, alice.projectId, ['member', 'reader']]);
  const seen = await show(token);
  assert.deepEqual(seen['OS-TRUST:trust'], { id: given.id, impersonation: true, trustor_user: { id: alice.id }, trustee_user: { id: bob.id } });
  assert.deepEqual([seen.user.name, seen.project.id], ['alice', alice.projectId]);
  assert.equal((await consume(carol, given.id)).status, 403, 'she is not the trustee');
  assert.equal((await consume(alice, given.id)).status, 403, 'nor is the trustor');
  assert.equal((await consume(bob, 'f'.repeat(32))).status, 401);
  const path = `/OS-TRUST/trusts/${given.id}`;
  assert.deepEqual((await ask('GET', path, { token: bob.token })).body.trust, given);
  assert.equal((await ask('GET', path, { token: carol.token })).status, 403);
  assert.deepEqual((await ask('GET', `${path}/roles`, { token: alice.token })).body.roles, given.roles);
  const [member, reader] = [await role('member'), await role('reader')];
  assert.deepEqual((await ask('GET', `${path}/roles/${member}`, { token: alice.token })).body.role, given.roles[0]);
  assert.equal((await ask('HEAD', `${path}/roles/${member}`, { token: bob.token })).status, 200);
  assert.equal((await ask('HEAD', `${path}/roles/${reader}`, { token: bob.token })).status, 404);
});

test('without impersonation the trustee is named, and has the roles all the same', async (t) => {
  const fixture = await identityFixture(t);
  const { alice, bob, trust } = await people(fixture);
  const { id } = (await trust(alice, bob, { impersonation: false })).body.trust;

  const token = await fixture.login(passwordOf(bob), inTrust(id));

  const caller = (await fixture.identity.authenticate(token))!;
  assert.deepEqual([caller.userId, caller.projectId, caller.roles.has('member'), caller.roles.has('manager')], [bob.id, alice.projectId, true, false]);
});

test('lists show trusts to whom they concern, and all of them to administrators', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, admin } = fixture;
  const { alice, bob, carol, trust } = await people(fixture);
  const one = (await trust(alice, bob)).body.trust;
  const other = (await trust(alice, carol)).body.trust;
  const both = [one.id, other.id].sort(inOrder);
  const list = async (query: string, token: string) => {
    const { status, body } = await ask('GET', `/OS-TRUST/trusts${query}`, { token });
    return status === 200 ? body.trusts.map(({ id }: Parsed) => String(id)) : status;
  };

  assert.deepEqual(await list('', admin), both);
  assert.equal(await list('', alice.token), 403);
  assert.deepEqual(await list(`?trustor_user_id=${alice.id}`, alice.token), both);
  assert.deepEqual(await list(`?trustee_user_id=${bob.id}`, bob.token), [one.id]);
  assert.equal(await list(`?trustor_user_id=${alice.id}`, bob.token), 403);
  assert.equal(await list(`?trustee_user_id=${bob.id}`, alice.token), 403);
  assert.equal((await ask('GET', '/OS-TRUST/trusts?limit=1', { token: admin })).body.trusts.length, 1);
});

test('nobody gives what is not theirs to give', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, make, role } = fixture;
  const { alice, bob, trust } = await people(fixture);
  const foreign = await make('/projects', { project: { name: 'foreign', domain_id: 'default' } });

  const tries: [object, number][] = [
    [{ roles: [{ name: 'admin' }] }, 404],
    [{ roles: [{ id: await role('admin') }] }, 404],
    [{ roles: [] }, 403],
    [{ project_id: foreign.id }, 404],
    [{ project_id: 'nowhere' }, 404],
    [{ trustor_user_id: bob.id }, 403],
    [{ trustee_user_id: 'nobody' }, 404],
    [{ expires_at: '2001-01-01T00:00:00Z' }, 400],
    [{ expires_at: 'tomorrow' }, 400],
    [{ remaining_uses: 0 }, 400],
    [{ allow_redelegation: true, redelegation_count: 4 }, 403],
    [{ allow_redelegation: true, remaining_uses: 2 }, 400],
    [{ impersonation: 'yes' }, 400],
  ];
  for (const [more, status] of tries) assert.equal((await trust(alice, bob, more)).status, status, JSON.stringify(more));
  assert.equal((await ask('GET', `/OS-TRUST/trusts?trustor_user_id=${alice.id}`, { token: alice.token })).body.trusts.length, 0);
  const expiring = { expires_at: '2099-01-01T00:00:00Z' };
  assert.equal((await trust(alice, bob, expiring)).status, 201);
  assert.equal((await trust(alice, bob, expiring)).status, 409);
});

test('a trust is used as often as was said, also by many at once, and until it ends', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const { alice, bob, trust, consume } = await people(fixture);
  const { id } = (await trust(alice, bob, { remaining_uses: 3 })).body.trust;

  const replies = await Promise.all(Array.from({ length: 8 }, () => consume(bob, id)));

  assert.equal(replies.filter(({ status }) => status === 201).length, 3);
  assert.ok(replies.every(({ status }) => [201, 401, 403].includes(status)));
  assert.equal((await consume(bob, id)).status, 401);
  assert.equal((await fixture.ask('GET', `/OS-TRUST/trusts/${id}`, { token: alice.token })).status, 404);
  const short = (await trust(alice, bob, { expires_at: '2026-03-01T12:10:00Z' })).body.trust;
  const token = String((await consume(bob, short.id)).headers['x-subject-token']);
  assert.equal((await fixture.identity.authenticate(token))?.expiresAt.toISOString(), '2026-03-01T12:10:00.000Z');
  clock.advance(600_000);
  assert.equal((await consume(bob, short.id)).status, 401);
  assert.equal(await fixture.identity.authenticate(token), undefined);
});

test('a failed login takes no use of a trust', async (t) => {
  const fixture = await identityFixture(t);
  const { alice, bob, carol, trust, consume } = await people(fixture);
  const { id } = (await trust(alice, bob, { remaining_uses: 1 })).body.trust;

  assert.equal((await consume(carol, id)).status, 403);
  assert.equal((await consume({ ...bob, password: 'wrong' }, id)).status, 401);

  assert.equal((await consume(bob, id)).status, 201);
});

test('a trust is handed on no deeper, no wider and no longer than was said (ATTACKS 14)', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, login } = fixture;
  const { alice, bob, carol, trust } = await people(fixture);
  const end = '2099-01-01T00:00:00Z';
  const first = (await trust(alice, bob, { allow_redelegation: true, redelegation_count: 2, expires_at: end })).body.trust;
  assert.equal(first.redelegation_count, 2);
  const fromFirst = { id: alice.id, token: await login(passwordOf(bob), inTrust(first.id)) };
  const carry = (more: object) => trust(fromFirst, carol, { allow_redelegation: true, ...more });

  for (const more of [{ roles: [{ name: 'manager' }] }, { expires_at: '2099-01-02T00:00:00Z' }, { redelegation_count: 2 }, { remaining_uses: 1, allow_redelegation: false }])
    assert.equal((await carry(more)).status, 403, JSON.stringify(more));
  const second = (await carry({ roles: [{ name: 'reader' }] })).body.trust;
  assert.deepEqual([second.redelegated_trust_id, second.redelegation_count, second.expires_at, second.trustor_user_id], [first.id, 1, '2099-01-01T00:00:00.000000Z', alice.id]);

  const bySecond = await login(passwordOf(carol), inTrust(second.id));
  assert.deepEqual([...(await fixture.identity.authenticate(bySecond))!.roles], ['reader']);
  const dave = await fixture.person('dave', 'member');
  const third = await trust({ id: alice.id, token: bySecond }, dave, { allow_redelegation: true, roles: [{ name: 'reader' }] });
  assert.deepEqual([third.status, third.body.trust.redelegation_count], [201, 0]);
  const byThird = await login(passwordOf(dave), inTrust(third.body.trust.id));
  assert.equal((await trust({ id: alice.id, token: byThird }, carol, { roles: [{ name: 'reader' }] })).status, 403, 'the depth is used up');
  // With the first one all of them end.
  assert.equal((await ask('DELETE', `/OS-TRUST/trusts/${first.id}`, { token: alice.token })).status, 204);
  for (const token of [fromFirst.token, bySecond, byThird]) assert.equal(await fixture.identity.authenticate(token), undefined);
  assert.equal((await ask('GET', `/OS-TRUST/trusts?trustor_user_id=${alice.id}`, { token: alice.token })).body.trusts.length, 0);
});

test('who was given no impersonation can give none, and a trust that may not be handed on is not', async (t) => {
  const fixture = await identityFixture(t);
  const { alice, bob, carol, trust } = await people(fixture);
  const named = (await trust(alice, bob, { impersonation: false, allow_redelegation: true })).body.trust;
  const plain = (await trust(alice, bob, { expires_at: '2099-01-01T00:00:00Z' })).body.trust;
  const [asBob, asAlice] = [await fixture.login(passwordOf(bob), inTrust(named.id)), await fixture.login(passwordOf(bob), inTrust(plain.id))];

  const impersonating = await trust({ id: bob.id, token: asBob }, carol, { impersonation: true });
  const notAllowed = await trust({ id: alice.id, token: asAlice }, carol);

  assert.deepEqual([impersonating.status, notAllowed.status], [403, 403]);
  assert.match(impersonating.body.error.message, /Impersonation is not allowed/);
  assert.match(notAllowed.body.error.message, /Remaining redelegation depth of 0/);
});

test('a token of a trust leads to no other token, to no application credential and to no role of the trustee (ATTACKS 13)', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, login } = fixture;
  const { alice, bob, trust } = await people(fixture);
  const { id } = (await trust(alice, bob)).body.trust;
  const token = await login(passwordOf(bob), inTrust(id));
  const proof = { methods: ['token'], token: { id: token } };

  for (const scope of [undefined, 'unscoped', { project: { id: alice.projectId } }, { project: { id: bob.projectId } }, inTrust(id)])
    assert.equal((await ask('POST', '/auth/tokens', { body: { auth: { identity: proof, ...(scope === undefined ? {} : { scope }) } } })).status, 403, JSON.stringify(scope));
  const credentials = `/users/${alice.id}/application_credentials`;
  assert.equal((await ask('POST', credentials, { token, body: { application_credential: { name: 'x' } } })).status, 403);
  assert.equal((await ask('GET', credentials, { token })).status, 403);
  assert.equal((await ask('GET', `/users/${alice.id}/access_rules`, { token })).status, 403);
});

test('an application credential touches no trust, however unrestricted', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, login } = fixture;
  const { alice, bob, trust } = await people(fixture);
  const { id } = (await trust(alice, bob)).body.trust;
  const made = (await ask('POST', `/users/${alice.id}/application_credentials`, { token: alice.token, body: { application_credential: { name: 'robot', unrestricted: true } } })).body.application_credential;

  const token = await login({ methods: ['application_credential'], application_credential: { id: made.id, secret: made.secret } });

  assert.equal((await trust({ id: alice.id, token }, bob)).status, 403);
  for (const [method, path] of [['GET', `?trustor_user_id=${alice.id}`], ['GET', `/${id}`], ['GET', `/${id}/roles`], ['DELETE', `/${id}`]] as const) assert.equal((await ask(method, `/OS-TRUST/trusts${path}`, { token })).status, 403, `${method} ${path}`);
});

type Ending = (fixture: IdentityFixture, who: { alice: Person; bob: Person; carol: Person; trustId: string; firstId: string }) => Promise<{ status: number }>;

/** Whatever ends a trust that was handed on, from Alice by Bob to Carol. */
const endings: Record<string, Ending> = {
  'the trust is deleted': ({ ask }, { alice, trustId }) => ask('DELETE', `/OS-TRUST/trusts/${trustId}`, { token: alice.token }),
  'the trust that it came from is deleted': ({ ask }, { alice, firstId }) => ask('DELETE', `/OS-TRUST/trusts/${firstId}`, { token: alice.token }),
  'the trustor is disabled': ({ ask, admin }, { alice }) => ask('PATCH', `/users/${alice.id}`, { token: admin, body: { user: { enabled: false } } }),
  'the trustor is deleted': ({ ask, admin }, { alice }) => ask('DELETE', `/users/${alice.id}`, { token: admin }),
  'the trustor changes the password': ({ ask }, { alice }) => ask('POST', `/users/${alice.id}/password`, { body: { user: { original_password: alice.password, password: 'another password' } } }),
  'the one between is disabled': ({ ask, admin }, { bob }) => ask('PATCH', `/users/${bob.id}`, { token: admin, body: { user: { enabled: false } } }),
  'the one between is deleted': ({ ask, admin }, { bob }) => ask('DELETE', `/users/${bob.id}`, { token: admin }),
  'the trustee is disabled': ({ ask, admin }, { carol }) => ask('PATCH', `/users/${carol.id}`, { token: admin, body: { user: { enabled: false } } }),
  'the trustee is deleted': ({ ask, admin }, { carol }) => ask('DELETE', `/users/${carol.id}`, { token: admin }),
  'the project is disabled': ({ ask, admin }, { alice }) => ask('PATCH', `/projects/${alice.projectId}`, { token: admin, body: { project: { enabled: false } } }),
  'the project is deleted': ({ ask, admin }, { alice }) => ask('DELETE', `/projects/${alice.projectId}`, { token: admin }),
  'the trustor loses the role': async ({ ask, admin, role }, { alice }) => ask('DELETE', `/projects/${alice.projectId}/users/${alice.id}/roles/${await role('manager')}`, { token: admin }),
  'the domain is disabled': ({ ask, admin }) => ask('PATCH', '/domains/default', { token: admin, body: { domain: { enabled: false } } }),
};

for (const [what, end] of Object.entries(endings))
  test(`when ${what}, tokens of the trust are refused at once here and within a second elsewhere (ATTACKS 17)`, async (t) => {
    const fixture = await identityFixture(t);
    const { identity, another, login, parts } = fixture;
    const { alice, bob, carol, trust, consume } = await people(fixture);
    const first = (await trust(alice, bob, { allow_redelegation: true })).body.trust;
    const second = (await trust({ id: alice.id, token: await login(passwordOf(bob), inTrust(first.id)) }, carol)).body.trust;
    const token = await login(passwordOf(carol), inTrust(second.id));
    const elsewhere = another();
    assert.ok(await elsewhere.authenticate(token));

    const { status } = await end(fixture, { alice, bob, carol, trustId: second.id, firstId: first.id });
    const ended = Date.now();

    assert.ok(status < 300, `status ${status}`);
    assert.equal(await identity.authenticate(token), undefined);
    while (await elsewhere.authenticate(token)) {
      assert.ok(Date.now() - ended < 1_000, 'still valid after a second');
      await parts.clock.after(5);
    }
    if (what !== 'the trustor changes the password') assert.ok([401, 403, 404].includes((await consume(carol, second.id)).status));
  });
