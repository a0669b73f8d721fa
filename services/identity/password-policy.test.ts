import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { manualClock } from '../../kit/clock.ts';
import { adminPassword, identityFixture } from './fixture.ts';

const day = 86_400_000;

/** Eve, in the default domain, for which these options are configured. */
async function withPolicy(t: TestContext, options: object, userOptions: object = {}) {
  const clock = manualClock(new Date('2026-01-01T10:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const { ask, loginAs, make } = fixture;
  const admin = () => loginAs('admin', adminPassword, 'admin');
  const set = async (domainId: string, more: object) => {
    const reply = await ask('PUT', `/domains/${domainId}/config`, { token: await admin(), body: { config: { security_compliance: more } } });
    assert.ok([200, 201].includes(reply.status), JSON.stringify(reply.body));
  };
  await set('default', options);
  const eve = await make('/users', { user: { name: 'eve', domain_id: 'default', password: 'first Password 1', options: userOptions } });
  const enter = async (password: string) =>
    ask('POST', '/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: { user: { id: eve.id, password } } } } } });
  const change = (from: string, to: string) => ask('POST', `/users/${eve.id}/password`, { body: { user: { original_password: from, password: to } } });
  const patch = async (user: object) => ask('PATCH', `/users/${eve.id}`, { token: await admin(), body: { user } });
  return { ...fixture, clock, eve, admin, set, enter, change, patch };
}

test('whoever guesses wrongly so many times is locked out for so long, and the right password does not help', async (t) => {
  const { clock, enter, patch } = await withPolicy(t, { lockout_failure_attempts: 3, lockout_duration: 60 });

  for (let times = 0; times < 3; times++) assert.equal((await enter('wrong')).status, 401);
  const locked = await enter('first Password 1');
  assert.deepEqual([locked.status, locked.body.error.message], [401, 'The request you have made requires authentication.']);
  clock.advance(61_000);
  assert.equal((await enter('first Password 1')).status, 201);

  for (let times = 0; times < 3; times++) assert.equal((await enter('wrong')).status, 401);
  assert.equal((await patch({ enabled: true })).status, 200);
  assert.equal((await enter('first Password 1')).status, 201);
});

test('many guesses at once are no more than so many', async (t) => {
  const { enter } = await withPolicy(t, { lockout_failure_attempts: 2, lockout_duration: 60 });

  const replies = await Promise.all([...Array.from({ length: 6 }, (_, index) => `wrong ${index}`), 'first Password 1'].map((password) => enter(password)));

  assert.deepEqual(replies.slice(0, 6).map(({ status }) => status), [401, 401, 401, 401, 401, 401]);
  assert.equal((await enter('first Password 1')).status, 401);
});

test('wrong passwords at the change of a password count too, and a success forgets them', async (t) => {
  const { change, enter } = await withPolicy(t, { lockout_failure_attempts: 2, lockout_duration: 60 });

  assert.equal((await change('wrong', 'second Password 2')).status, 401);
  assert.equal((await enter('first Password 1')).status, 201);
  assert.equal((await enter('wrong')).status, 401);
  assert.equal((await enter('first Password 1')).status, 201);
  for (const _ of [1, 2]) assert.equal((await change('wrong', 'second Password 2')).status, 401);

  assert.equal((await change('first Password 1', 'second Password 2')).status, 401);
});

test('a user with the option is never locked out', async (t) => {
  const { enter } = await withPolicy(t, { lockout_failure_attempts: 1, lockout_duration: 60 }, { ignore_lockout_failure_attempts: true });

  for (const _ of [1, 2, 3]) assert.equal((await enter('wrong')).status, 401);

  assert.equal((await enter('first Password 1')).status, 201);
});

test('a password is good for so many days, and whoever still knows it may change it then', async (t) => {
  const { ask, clock, eve, enter, change, admin } = await withPolicy(t, { password_expires_days: 30 });
  assert.equal(eve.password_expires_at, '2026-01-31T10:00:00.000000');
  const entered = await enter('first Password 1');
  assert.equal(entered.body.token.user.password_expires_at, '2026-01-31T10:00:00.000000');

  clock.advance(30 * day);
  const refused = await enter('first Password 1');
  assert.deepEqual([refused.status, refused.body.error.message], [401, `The password is expired and needs to be changed for user: ${eve.id}.`]);
  assert.equal((await enter('wrong')).body.error.message, 'The request you have made requires authentication.');
  // The administrator's was chosen before there was a rule.
  const listed = async (filter: string) => (await ask('GET', `/users?password_expires_at=${filter}`, { token: await admin() })).body.users.map((each: { name: string }) => each.name);
  assert.deepEqual(await listed('lt:2026-02-01T00:00:00Z'), ['eve']);
  assert.deepEqual(await listed('gt:2026-02-01T00:00:00Z'), []);
  for (const wrong of ['between:2026-02-01T00:00:00Z', 'lt:yesterday']) assert.equal((await ask('GET', `/users?password_expires_at=${wrong}`, { token: await admin() })).status, 400);

  assert.equal((await change('first Password 1', 'second Password 2')).status, 204);
  assert.equal((await enter('second Password 2')).status, 201);
});

test('a user with the option keeps a password for ever', async (t) => {
  const { clock, eve, enter } = await withPolicy(t, { password_expires_days: 30 }, { ignore_password_expiry: true });

  clock.advance(400 * day);

  assert.equal(eve.password_expires_at, null);
  assert.equal((await enter('first Password 1')).status, 201);
});

test('a password that somebody else chose is changed on first use', async (t) => {
  const { enter, change, patch } = await withPolicy(t, { change_password_upon_first_use: true });

  assert.equal((await enter('first Password 1')).status, 401);
  assert.equal((await change('first Password 1', 'second Password 2')).status, 204);
  assert.equal((await enter('second Password 2')).status, 201);
  assert.equal((await patch({ password: 'third Password 3' })).status, 200);
  assert.equal((await enter('third Password 3')).status, 401);
  assert.equal((await patch({ password: 'fourth Password 4', options: { ignore_change_password_upon_first_use: true } })).status, 200);

  assert.equal((await enter('fourth Password 4')).status, 201);
});

test('none of the last passwords is taken again, and the one before them is', async (t) => {
  const { change } = await withPolicy(t, { unique_last_password_count: 3 });
  assert.equal((await change('first Password 1', 'second')).status, 204);
  assert.equal((await change('second', 'third')).status, 204);

  for (const used of ['first Password 1', 'second', 'third']) {
    const refused = await change('third', used);
    assert.deepEqual([refused.status, refused.body.error.message.endsWith('must be unique is 3.')], [400, true], used);
  }
  assert.equal((await change('third', 'fourth')).status, 204);

  assert.equal((await change('fourth', 'first Password 1')).status, 204);
});

test('a password that its user chose stays for so many days, and one that somebody else chose does not', async (t) => {
  const { clock, change, patch } = await withPolicy(t, { minimum_password_age: 2 });
  assert.equal((await change('first Password 1', 'second')).status, 204);

  const refused = await change('second', 'third');
  assert.deepEqual([refused.status, /must be used for 2 day\(s\).*try again in 2 day/.test(refused.body.error.message)], [400, true]);
  clock.advance(2 * day);
  assert.equal((await change('second', 'third')).status, 204);
  assert.equal((await patch({ password: 'fourth' })).status, 200);

  assert.equal((await change('fourth', 'fifth')).status, 204);
});

test('a password is as the regular expression says, and everybody may read what that is', async (t) => {
  const { ask, admin, change, patch, set, person } = await withPolicy(t, { minimum_password_age: 0 });
  await set('default', { password_regex: '^(?=.*\\d)(?=.*[a-zA-Z]).{7,}$', password_regex_description: 'a letter, a digit and seven characters' });

  const short = await change('first Password 1', 'short');
  assert.deepEqual([short.status, short.body.error.message], [400, 'The password does not match the requirements: a letter, a digit and seven characters.']);
  assert.equal((await patch({ password: 'short' })).status, 400);
  assert.equal((await ask('POST', '/users', { token: await admin(), body: { user: { name: 'x', password: 'short' } } })).status, 400);
  assert.equal((await change('first Password 1', 'long enough 1')).status, 204);
  const { token } = await person('reader1', 'reader');
  const { body } = await ask('GET', '/domains/default/config/security_compliance', { token });
  assert.deepEqual(body.config.security_compliance, { password_regex: '^(?=.*\\d)(?=.*[a-zA-Z]).{7,}$', password_regex_description: 'a letter, a digit and seven characters' });
  assert.deepEqual((await ask('GET', '/domains/default/config/security_compliance/password_regex', { token })).body, { config: { password_regex: '^(?=.*\\d)(?=.*[a-zA-Z]).{7,}$' } });
  assert.equal((await ask('GET', '/domains/default/config/security_compliance/lockout_duration', { token })).status, 403);
});

test('a user whose password is locked does not change it', async (t) => {
  const { change, enter } = await withPolicy(t, { minimum_password_age: 0 }, { lock_password: true });

  assert.equal((await change('first Password 1', 'second')).status, 400);

  assert.equal((await enter('first Password 1')).status, 201);
});

test('who does not come for so many days is not let in any more, until somebody enables them again', async (t) => {
  const { clock, enter, patch } = await withPolicy(t, { disable_user_account_days_inactive: 10 });
  clock.advance(9 * day);
  assert.equal((await enter('first Password 1')).status, 201);
  clock.advance(9 * day);
  assert.equal((await enter('first Password 1')).status, 201);
  clock.advance(10 * day);

  assert.equal((await enter('first Password 1')).status, 401);
  assert.equal((await patch({ enabled: true })).status, 200);
  assert.equal((await enter('first Password 1')).status, 201);
});

test('what is configured for a domain comes before what is configured for the cloud', async (t) => {
  const { ask, admin, set, make } = await withPolicy(t, { password_regex: '.{12,}', password_regex_description: 'twelve' });
  const strict = await make('/domains', { domain: { name: 'strict' } });
  await set(strict.id, { password_regex: '.{20,}', password_regex_description: 'twenty' });
  const create = async (domainId: string, password: string) => (await ask('POST', '/users', { token: await admin(), body: { user: { name: password, domain_id: domainId, password } } })).status;

  assert.equal(await create('default', 'thirteen char'), 201);
  assert.equal(await create(strict.id, 'thirteen char'), 400);
  assert.equal(await create(strict.id, 'twenty-one characters'), 201);
});
