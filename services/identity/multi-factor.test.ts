import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../kit/clock.ts';
import { identityFixture, type IdentityFixture } from './fixture.ts';
import { passcodeAt } from './totp.ts';

const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

type Person = Awaited<ReturnType<IdentityFixture['person']>>;

const password = ({ id, password }: Pick<Person, 'id' | 'password'>) => ({ methods: ['password'], password: { user: { id, password } } });
const passcode = ({ id }: Pick<Person, 'id'>, code: string) => ({ methods: ['totp'], totp: { user: { id, passcode: code } } });
const both = (who: Person, code: string) => ({ ...password(who), ...passcode(who, code), methods: ['password', 'totp'] });

/** Alice has a device that makes passcodes. */
async function withDevice(fixture: IdentityFixture, name = 'alice'): Promise<Person> {
  const alice = await fixture.person(name, 'member');
  const made = await fixture.ask('POST', '/credentials', { token: alice.token, body: { credential: { type: 'totp', blob: secret, user_id: alice.id } } });
  assert.equal(made.status, 201);
  return alice;
}

const attempt = ({ ask }: IdentityFixture, identity: object, headers: Record<string, string> = {}) => ask('POST', '/auth/tokens', { body: { auth: { identity } }, headers });

test('passcodes are those of the standard', () => {
  // RFC 6238, appendix B, whose secret is these digits; of its eight digits the last six.
  for (const [seconds, code] of [[59, '287082'], [1_111_111_109, '081804'], [1_111_111_111, '050471'], [1_234_567_890, '005924'], [2_000_000_000, '279037']] as const) assert.equal(passcodeAt(secret, new Date(seconds * 1000)), code);
  assert.equal(passcodeAt('not base 32!', new Date(0)), undefined);
});

test('a passcode lets its user in once, in its half minute and the next (ATTACKS 20, FAILURES 38)', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const alice = await withDevice(fixture);
  const bob = await fixture.person('bob', 'member');
  const code = (secondsAgo: number) => passcodeAt(secret, new Date(clock.now().getTime() - secondsAgo * 1000))!;

  const reply = await attempt(fixture, passcode(alice, code(0)));

  assert.deepEqual([reply.status, reply.body.token.methods, reply.body.token.user.id], [201, ['totp'], alice.id]);
  assert.equal((await attempt(fixture, passcode(alice, code(0)))).status, 401, 'it was used');
  const together = code(30);
  assert.deepEqual((await Promise.all([1, 2, 3].map(() => attempt(fixture, passcode(alice, together))))).map(({ status }) => status).sort((one, other) => one - other), [201, 401, 401]);
  assert.equal((await attempt(fixture, passcode(alice, code(60)))).status, 401, 'a minute old');
  assert.equal((await attempt(fixture, passcode(alice, code(-30)))).status, 401, 'not yet');
  assert.equal((await attempt(fixture, passcode(bob, code(0)))).status, 401, 'he has no device');
  for (const wrong of ['', '000000000000', 'abcdef', '\u{1F600}12345']) assert.equal((await attempt(fixture, passcode(alice, wrong))).status, 401, wrong);
  assert.equal((await attempt(fixture, { methods: ['totp'] })).status, 400);
  clock.advance(90_000);
  assert.equal((await attempt(fixture, passcode(alice, code(0)))).status, 201);
});

test('wrong passcodes lock their user out as wrong passwords do, and one that was used is a wrong one (ATTACKS 20)', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const [alice, free] = [await withDevice(fixture), await withDevice(fixture, 'free')];
  const code = () => passcodeAt(secret, clock.now())!;
  const wrong = (right: string) => String((Number(right) + 1) % 1_000_000).padStart(6, '0');
  await fixture.ask('PUT', '/domains/default/config', { token: fixture.admin, body: { config: { security_compliance: { lockout_failure_attempts: 2, lockout_duration: 60 } } } });
  await fixture.ask('PATCH', `/users/${free.id}`, { token: fixture.admin, body: { user: { options: { ignore_lockout_failure_attempts: true } } } });
  const enter = async (who: { id: string }, given: string) => (await attempt(fixture, passcode(who, given))).status;

  assert.equal(await enter(alice, code()), 201);
  assert.equal(await enter(alice, code()), 401, 'used before');
  assert.equal(await enter(alice, wrong(code())), 401);
  clock.advance(30_000);
  assert.equal(await enter(alice, code()), 401, 'locked out');
  assert.equal((await attempt(fixture, { methods: ['password'], password: { user: { id: alice.id, password: alice.password } } })).status, 401, 'by password too');
  for (let times = 0; times < 4; times++) assert.equal(await enter(free, wrong(code())), 401);
  assert.equal(await enter(free, code()), 201, 'this one never is');
  clock.advance(61_000);

  assert.equal(await enter(alice, code()), 201);
});

test('who must show more than a password is told by what to go on, and goes on by a receipt', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const { ask, admin } = fixture;
  const alice = await withDevice(fixture);
  const rules = { multi_factor_auth_enabled: true, multi_factor_auth_rules: [['password', 'totp'], ['password', 'telepathy', 'totp']] };
  assert.deepEqual((await ask('PATCH', `/users/${alice.id}`, { token: admin, body: { user: { options: rules } } })).body.user.options, rules);
  const code = () => passcodeAt(secret, clock.now())!;

  const first = await attempt(fixture, password(alice));

  assert.equal(first.status, 401);
  assert.equal(first.headers['x-subject-token'], undefined);
  const receipt = String(first.headers['openstack-auth-receipt']);
  assert.deepEqual(first.body, {
    receipt: { methods: ['password'], user: { id: alice.id, name: 'alice', domain: { id: 'default', name: 'Default' } }, expires_at: '2026-03-01T12:05:00.000000Z', issued_at: '2026-03-01T12:00:00.000000Z' },
    required_auth_methods: [['password', 'totp'], ['password', 'totp']],
  });
  assert.equal((await attempt(fixture, passcode(alice, '000000'), { 'openstack-auth-receipt': receipt })).status, 401);
  const second = await attempt(fixture, passcode(alice, code()), { 'openstack-auth-receipt': receipt });
  assert.deepEqual([second.status, second.body.token.methods], [201, ['password', 'totp']]);
  // A token that was got with both leads on without them.
  const token = String(second.headers['x-subject-token']);
  assert.equal((await attempt(fixture, { methods: ['token'], token: { id: token } })).status, 201);
  clock.advance(60_000);
  assert.equal((await attempt(fixture, both(alice, code()))).status, 201, 'both at once need no receipt');
});

test('a receipt is no token, no longer good than five minutes, for nobody else, and ends with the password', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const { ask, admin, identity } = fixture;
  const [alice, bob] = [await withDevice(fixture), await fixture.person('bob', 'member')];
  await ask('PATCH', `/users/${alice.id}`, { token: admin, body: { user: { options: { multi_factor_auth_rules: [['password', 'totp']] } } } });
  const receipt = async () => ({ 'openstack-auth-receipt': String((await attempt(fixture, password(alice))).headers['openstack-auth-receipt']) });
  const code = () => passcodeAt(secret, clock.now())!;
  const old = await receipt();

  assert.equal(await identity.authenticate(old['openstack-auth-receipt']), undefined);
  assert.equal((await attempt(fixture, { methods: ['token'], token: { id: old['openstack-auth-receipt'] } })).status, 404);
  assert.equal((await attempt(fixture, passcode(alice, code()), { 'openstack-auth-receipt': alice.token })).status, 401, 'nor is a token a receipt');
  clock.advance(60_000);
  assert.equal((await attempt(fixture, password(bob), old)).status, 401);
  clock.advance(250_000);
  assert.equal((await attempt(fixture, passcode(alice, code()), old)).status, 401, 'five minutes have passed');
  const before = await receipt();
  await ask('PATCH', `/users/${alice.id}`, { token: admin, body: { user: { password: 'another password' } } });
  clock.advance(60_000);
  assert.equal((await attempt(fixture, passcode(alice, code()), before)).status, 401, 'the password was another');
});

test('rules that name only what nobody can do lock nobody out, and neither do rules that are off', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, admin } = fixture;
  const alice = await fixture.person('alice', 'member');
  const set = (options: object) => ask('PATCH', `/users/${alice.id}`, { token: admin, body: { user: { options } } });

  await set({ multi_factor_auth_rules: [['telepathy']] });
  assert.equal((await attempt(fixture, password(alice))).status, 201);
  await set({ multi_factor_auth_rules: [['password', 'totp']], multi_factor_auth_enabled: false });
  assert.equal((await attempt(fixture, password(alice))).status, 201);
  await set({ multi_factor_auth_enabled: null });
  assert.equal((await attempt(fixture, password(alice))).status, 401);
  await set({ multi_factor_auth_rules: null });
  assert.equal((await attempt(fixture, password(alice))).status, 201);
  for (const wrong of [[[]], [['password', 'password']], ['password'], 'password', [[1]]]) assert.equal((await set({ multi_factor_auth_rules: wrong })).status, 400, JSON.stringify(wrong));
});
