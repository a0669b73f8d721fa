import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock, type Clock } from '../../kit/clock.ts';
import { adminPassword, identityFixture, type IdentityFixture, type Parsed } from './fixture.ts';
import { oauthParameters, signatureOf } from './oauth1-signature.ts';

type Pair = { id: string; secret: string };

test('a request is signed as in the example of the standard', () => {
  // RFC 5849, section 1.2: "Jane" gets her printer's temporary credentials; HMAC-SHA1 over section 3.4.1.
  const parameters = {
    oauth_consumer_key: 'dpf43f3p2l4k3l03',
    oauth_token: 'nnch734d00sl2jdk',
    oauth_signature_method: 'HMAC-SHA1',
    oauth_timestamp: '137131202',
    oauth_nonce: 'chapoH',
  };
  const signature = signatureOf({ method: 'GET', url: 'http://photos.example.net/photos', query: [['file', 'vacation.jpg'], ['size', 'original']] }, parameters, { consumer: 'kd94hf93k423kf44', token: 'pfkkdhi9sl3r4s00' });

  assert.equal(signature, 'MdpQcU8iPSUjWoN/UDMsK2sui9I=');
  assert.equal(signatureOf({ method: 'GET', url: 'http://x', query: [] }, { ...parameters, oauth_signature_method: 'PLAINTEXT' }, { consumer: '', token: '' }), undefined);
});

test('a header that is none is no OAuth, whatever it holds', () => {
  assert.deepEqual({ ...oauthParameters('OAuth realm="",a="b%20c", oauth_nonce="1"') }, { realm: '', a: 'b c', oauth_nonce: '1' });
  for (const wrong of [undefined, '', 'Basic abc', 'OAuth a=b', 'OAuth a="%zz"', 'OAuth']) assert.equal(oauthParameters(wrong), undefined, String(wrong));
  assert.equal(({} as { polluted?: string }).polluted, undefined, oauthParameters('OAuth __proto__="polluted"') ? 'parsed' : 'refused');
});

let count = 0;

/** What a consumer does, with its own secret. */
function consumerOf({ ask }: IdentityFixture, clock: Pick<Clock, 'now'>, consumer: Pair) {
  const signed = (path: string, { token, more = {}, at = clock.now(), secret = consumer.secret, url }: { token?: Pair; more?: Record<string, string>; at?: Date; secret?: string; url?: string } = {}) => {
    const parameters: Record<string, string> = {
      oauth_consumer_key: consumer.id,
      oauth_signature_method: 'HMAC-SHA1',
      oauth_timestamp: String(Math.floor(at.getTime() / 1000)),
      oauth_nonce: `nonce${++count}`,
      oauth_version: '1.0',
      ...(token ? { oauth_token: token.id } : {}),
      ...more,
    };
    const signature = signatureOf({ method: 'POST', url: url ?? `http://cloud.test/identity/v3${path}`, query: [] }, parameters, { consumer: secret, token: token?.secret ?? '' })!;
    return { authorization: `OAuth ${Object.entries({ ...parameters, oauth_signature: signature }).map(([name, value]) => `${name}="${encodeURIComponent(value)}"`).join(', ')}` };
  };
  return {
    signed,
    askForToken: (projectId: string, options?: Parameters<typeof signed>[1]) => ask('POST', '/OS-OAUTH1/request_token', { headers: { ...signed('/OS-OAUTH1/request_token', options), 'requested-project-id': projectId } }),
    redeem: (token: Pair, verifier: string, options?: Parameters<typeof signed>[1]) => ask('POST', '/OS-OAUTH1/access_token', { headers: signed('/OS-OAUTH1/access_token', { token, more: { oauth_verifier: verifier }, ...options }) }),
    logIn: (token: Pair, options?: Parameters<typeof signed>[1]) => ask('POST', '/auth/tokens', { headers: signed('/auth/tokens', { token, ...options }), body: { auth: { identity: { methods: ['oauth1'], oauth1: {} } } } }),
  };
}

const pairOf = ({ body }: { body: Parsed }): Pair => {
  const form = new URLSearchParams(String(body));
  return { id: form.get('oauth_token')!, secret: form.get('oauth_token_secret')! };
};

/** The administrator, who alone authorizes consumers unless told otherwise, and a consumer. */
async function scene(fixture: IdentityFixture) {
  const { ask, admin, login, make } = fixture;
  const consumer: Pair = await make('/OS-OAUTH1/consumers', { consumer: { description: 'a printer' } });
  const me = (await ask('GET', '/auth/tokens', { token: admin, headers: { 'x-subject-token': admin } })).body.token;
  const authorize = (id: string, roles: object[], token = admin) => ask('PUT', `/OS-OAUTH1/authorize/${id}`, { token, body: { roles } });
  const again = () => login({ methods: ['password'], password: { user: { id: me.user.id, password: adminPassword } } }, { project: { id: me.project.id } });
  return { consumer, userId: String(me.user.id), projectId: String(me.project.id), authorize, again };
}

test('a consumer is kept with a secret that is told once, and goes with all that it was given', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, admin, person, parts } = fixture;
  const alice = await person('alice', 'manager');

  const made = await ask('POST', '/OS-OAUTH1/consumers', { token: admin, body: { consumer: { description: 'a printer', colour: 'red' } } });

  assert.equal(made.status, 201);
  const { secret, ...consumer } = made.body.consumer;
  assert.match(secret, /^[0-9a-f]{32}$/);
  const path = `/OS-OAUTH1/consumers/${consumer.id}`;
  assert.deepEqual(consumer, { colour: 'red', id: consumer.id, description: 'a printer', links: { self: `http://cloud.test/identity/v3${path}` } });
  assert.deepEqual((await ask('GET', path, { token: admin })).body.consumer, consumer);
  assert.deepEqual((await ask('GET', '/OS-OAUTH1/consumers', { token: admin })).body.consumers, [consumer]);
  assert.equal((await ask('PATCH', path, { token: admin, body: { consumer: { description: 'another' } } })).body.consumer.description, 'another');
  for (const wrong of [{}, { secret: 'mine' }, { id: 'other', description: 3 }]) assert.equal((await ask('PATCH', path, { token: admin, body: { consumer: wrong } })).status, 400, JSON.stringify(wrong));
  const stored = await parts.database.read({ kind: 'system', reason: 'test' }, (tx) => tx.rows`select *, encode(sealed, 'escape') as text from identity.consumer`);
  assert.ok(!JSON.stringify(stored).includes(secret));
  for (const method of ['GET', 'DELETE'] as const) assert.equal((await ask(method, path, { token: alice.token })).status, 403);
  assert.equal((await ask('DELETE', path, { token: admin })).status, 204);
  assert.equal((await ask('GET', path, { token: admin })).status, 404);
});

test('a consumer acts for a user with the roles that the user authorized, and until the user takes it back', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const { ask, admin, identity, role } = fixture;
  const { consumer, userId, projectId, authorize } = await scene(fixture);
  const program = consumerOf(fixture, clock, consumer);

  const asked = await program.askForToken(projectId);
  assert.equal(asked.status, 201);
  assert.match(String(asked.headers['content-type']), /^application\/x-www-form-urlencoded/);
  const request = pairOf(asked);
  const { oauth_verifier: verifier } = (await authorize(request.id, [{ name: 'member' }])).body.token;
  assert.match(verifier, /^[A-Za-z0-9]{8}$/);
  assert.equal((await program.redeem(request, 'wrong123')).status, 401);
  const redeemed = await program.redeem(request, verifier);
  assert.equal(redeemed.status, 201);
  assert.equal((await program.redeem(request, verifier)).status, 404, 'it is used up');
  const access = pairOf(redeemed);
  const reply = await program.logIn(access);

  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  const { methods, user, project, roles, 'OS-OAUTH1': oauth } = reply.body.token;
  assert.deepEqual([methods, user.id, project.id, roles.map(({ name }: Parsed) => name), oauth], [['oauth1'], userId, projectId, ['member', 'reader'], { access_token_id: access.id, consumer_id: consumer.id }]);
  const token = String(reply.headers['x-subject-token']);
  const path = `/users/${userId}/OS-OAUTH1/access_tokens`;
  const shown = { id: access.id, consumer_id: consumer.id, authorizing_user_id: userId, project_id: projectId, expires_at: '2026-03-02T12:00:00.000000Z', links: { self: `http://cloud.test/identity/v3${path}/${access.id}`, roles: `http://cloud.test/identity/v3${path}/${access.id}/roles` } };
  assert.deepEqual((await ask('GET', path, { token: admin })).body.access_tokens, [shown]);
  assert.deepEqual((await ask('GET', `${path}/${access.id}`, { token: admin })).body.access_token, shown);
  assert.deepEqual((await ask('GET', `${path}/${access.id}/roles`, { token: admin })).body.roles.map(({ name }: Parsed) => name), ['member']);
  assert.equal((await ask('GET', `${path}/${access.id}/roles/${await role('member')}`, { token: admin })).body.role.name, 'member');
  assert.equal((await ask('GET', `${path}/${access.id}/roles/${await role('reader')}`, { token: admin })).status, 404);
  // It leads to nothing that stays (ATTACKS 13).
  assert.equal((await ask('POST', '/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id: token } } } } })).status, 403);
  assert.equal((await ask('POST', `/users/${userId}/application_credentials`, { token, body: { application_credential: { name: 'x' } } })).status, 403);
  assert.equal((await ask('POST', '/OS-TRUST/trusts', { token, body: { trust: { trustor_user_id: userId, trustee_user_id: userId, impersonation: true, project_id: projectId, roles: [{ name: 'reader' }] } } })).status, 403);
  assert.equal((await ask('DELETE', `${path}/${access.id}`, { token: admin })).status, 204);
  assert.equal(await identity.authenticate(token), undefined);
  assert.equal((await program.logIn(access)).status, 401);
});

test('a signature of a consumer is taken once, in its time, with its own secret and for its address only', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const { ask } = fixture;
  const { consumer, projectId } = await scene(fixture);
  const program = consumerOf(fixture, clock, consumer);
  const ago = (seconds: number) => ({ at: new Date(clock.now().getTime() - seconds * 1000) });
  const headers = { ...program.signed('/OS-OAUTH1/request_token'), 'requested-project-id': projectId };

  assert.deepEqual([(await ask('POST', '/OS-OAUTH1/request_token', { headers })).status, (await ask('POST', '/OS-OAUTH1/request_token', { headers })).status], [201, 401]);
  assert.equal((await program.askForToken(projectId, ago(590))).status, 201);
  for (const seconds of [620, -620]) assert.equal((await program.askForToken(projectId, ago(seconds))).status, 401);
  assert.equal((await program.askForToken(projectId, { secret: 'guessed' })).status, 401);
  assert.equal((await program.askForToken(projectId, { url: 'http://cloud.test/identity/v3/auth/tokens' })).status, 401);
  assert.equal((await program.askForToken('nowhere')).status, 404);
  assert.equal((await consumerOf(fixture, clock, { id: 'nobody', secret: consumer.secret }).askForToken(projectId)).status, 404);
  assert.equal((await ask('POST', '/OS-OAUTH1/request_token', { headers: { authorization: 'OAuth oauth_consumer_key="x"' } })).status, 400);
  assert.equal((await ask('POST', '/OS-OAUTH1/request_token')).status, 401);
});

test('nobody authorizes roles that they have not, nor with what was handed on to them', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const { ask, make, login, admin, person } = fixture;
  const { consumer, userId, projectId, authorize, again } = await scene(fixture);
  const program = consumerOf(fixture, clock, consumer);
  const request = pairOf(await program.askForToken(projectId));
  await make('/roles', { role: { name: 'operator' } });
  const robot = (await ask('POST', `/users/${userId}/application_credentials`, { token: admin, body: { application_credential: { name: 'robot', unrestricted: true } } })).body.application_credential;
  const byRobot = await login({ methods: ['application_credential'], application_credential: { id: robot.id, secret: robot.secret } });
  const alice = await person('alice', 'manager');

  assert.equal((await authorize(request.id, [{ name: 'operator' }])).status, 401);
  assert.equal((await authorize(request.id, [{ name: 'member' }], byRobot)).status, 403);
  assert.equal((await authorize(request.id, [{ name: 'member' }], alice.token)).status, 403);
  assert.equal((await authorize('unknown', [{ name: 'member' }])).status, 404);
  assert.equal((await program.redeem(request, 'abcd1234')).status, 401, 'nobody has authorized it');
  clock.advance(8 * 3_600_000 + 1_000);
  assert.equal((await authorize(request.id, [{ name: 'member' }], await again())).status, 401, 'it has ended');
});
