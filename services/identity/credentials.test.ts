import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { manualClock } from '../../kit/clock.ts';
import { identityFixture, type IdentityFixture, type Parsed } from './fixture.ts';

type Person = Awaited<ReturnType<IdentityFixture['person']>>;

const byCredential = ({ id, secret }: { id: string; secret: string }) => ({ methods: ['application_credential'], application_credential: { id, secret } });

test('credentials of every type are kept, shown to their owner and changed by their owner', async (t) => {
  const { ask, person, admin } = await identityFixture(t);
  const alice = await person('alice', 'member');
  const body = { credential: { type: 'cert', blob: 'a certificate', user_id: alice.id, purpose: 'mail' } };

  const made = await ask('POST', '/credentials', { token: alice.token, body });

  const { credential } = made.body;
  assert.deepEqual([made.status, credential], [201, { purpose: 'mail', id: credential.id, type: 'cert', blob: 'a certificate', user_id: alice.id, project_id: null, links: { self: `http://cloud.test/identity/v3/credentials/${credential.id}` } }]);
  const path = `/credentials/${credential.id}`;
  for (const token of [alice.token, admin]) assert.deepEqual((await ask('GET', path, { token })).body.credential, credential);
  const changed = (await ask('PATCH', path, { token: alice.token, body: { credential: { blob: 'another', project_id: alice.projectId } } })).body.credential;
  assert.deepEqual(changed, { ...credential, blob: 'another', project_id: alice.projectId });
  assert.deepEqual((await ask('GET', `/credentials?type=cert&user_id=${alice.id}`, { token: admin })).body.credentials, [changed]);
  assert.deepEqual((await ask('GET', '/credentials?type=ec2', { token: alice.token })).body.credentials, []);
  assert.equal((await ask('DELETE', path, { token: alice.token })).status, 204);
  assert.equal((await ask('GET', path, { token: admin })).status, 404);
  const keyPair = (await ask('POST', '/credentials', { token: alice.token, body: { credential: { type: 'ec2', user_id: alice.id, project_id: alice.projectId, blob: '{"access": "old", "secret": "old"}' } } })).body.credential;
  const renewed = await ask('PATCH', `/credentials/${keyPair.id}`, { token: alice.token, body: { credential: { blob: '{"access": "new", "secret": "new"}' } } });
  assert.deepEqual([renewed.status, renewed.body.credential.blob], [200, '{"access": "new", "secret": "new"}']);
  for (const wrong of [{ type: 'ec2', blob: '{"access": "a"}' }, { type: 'ec2', blob: 'no JSON', project_id: alice.projectId }, { type: 'ec2', blob: '{}', project_id: alice.projectId }, { type: 'ec2', blob: '[]', project_id: alice.projectId }, { type: 'cert' }])
    assert.equal((await ask('POST', '/credentials', { token: alice.token, body: { credential: { user_id: alice.id, ...wrong } } })).status, 400, JSON.stringify(wrong));
});

test("nobody sees, takes, makes or gives away another's credentials (ATTACKS 16)", async (t) => {
  const { ask, person } = await identityFixture(t);
  const [alice, bob] = [await person('alice', 'manager'), await person('bob', 'manager')];
  const make = (token: string, userId: string) => ask('POST', '/credentials', { token, body: { credential: { type: 'totp', blob: 'GEZDGNBVGY3TQOJQ', user_id: userId } } });
  const { id } = (await make(alice.token, alice.id)).body.credential;

  assert.equal((await make(bob.token, alice.id)).status, 403);
  for (const method of ['GET', 'DELETE'] as const) assert.equal((await ask(method, `/credentials/${id}`, { token: bob.token })).status, 403);
  assert.equal((await ask('PATCH', `/credentials/${id}`, { token: bob.token, body: { credential: { user_id: bob.id } } })).status, 403);
  assert.equal((await ask('PATCH', `/credentials/${id}`, { token: alice.token, body: { credential: { user_id: bob.id } } })).status, 403);
  assert.deepEqual((await ask('GET', '/credentials', { token: bob.token })).body.credentials, []);
  assert.deepEqual((await ask('GET', `/credentials?user_id=${alice.id}`, { token: bob.token })).body.credentials, []);
  assert.equal((await ask('GET', `/credentials/${'f'.repeat(32)}`, { token: bob.token })).status, 403, 'whether it exists is nobody’s business');
});

test('secrets lie sealed in the database, and are sealed anew by newer keys without a pause (ATTACKS 36)', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const { ask, person, parts, identity, loginAs } = fixture;
  const alice = await person('alice', 'member');
  const made = (await ask('POST', '/credentials', { token: alice.token, body: { credential: { type: 'cert', blob: 'canary of a certificate', user_id: alice.id } } })).body.credential;
  const everything = () => parts.database.read({ kind: 'system', reason: 'test' }, async (tx) => [await tx.rows`select encode(sealed, 'escape') as sealed, sealing_key_id::int as key from identity.credential`, await tx.rows`select * from kit.audit`, await tx.rows`select * from kit.event`, await tx.rows`select secret, sealed from identity.token_key`]);
  const [before] = (await everything()) as [Parsed[]];
  assert.ok(!JSON.stringify(await everything()).includes('canary'));
  const rotate = () => identity.schedules.find(({ name }) => name === 'identity.keys')!.run(undefined as never, new AbortController().signal);

  await rotate();
  assert.equal(((await everything())[0] as Parsed[])[0].key, before[0].key, 'the key is new enough');
  clock.advance(31 * 24 * 3_600_000);
  await rotate();

  const [after, , , keys] = (await everything()) as [Parsed[], Parsed[], Parsed[], Parsed[]];
  assert.notEqual(after[0].key, before[0].key);
  assert.equal(keys.length, 2, 'the key of tokens was replaced too');
  assert.ok(keys.every(({ sealed }) => sealed));
  const token = await loginAs('alice', alice.password);
  assert.equal((await ask('GET', `/credentials/${made.id}`, { token })).body.credential.blob, 'canary of a certificate');
  clock.advance(2 * 3_600_000);
  await rotate();
  const left = await parts.database.read({ kind: 'system', reason: 'test' }, (tx) => tx.rows<{ id: number }>`select id::int from identity.sealing_key`);
  assert.deepEqual(left.map(({ id }) => id), [after[0].key]);
});

/** Made by the user's own token, for their project. */
async function ec2Key({ ask }: IdentityFixture, { id, projectId, token }: Person): Promise<Parsed> {
  const reply = await ask('POST', `/users/${id}/credentials/OS-EC2`, { token, body: { tenant_id: projectId } });
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body.credential;
}

test('a key for signing is made, shown and deleted by its user, and is a credential like others', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, person, admin } = fixture;
  const [alice, bob] = [await person('alice', 'member'), await person('bob', 'member')];

  const key = await ec2Key(fixture, alice);

  const path = `/users/${alice.id}/credentials/OS-EC2`;
  assert.deepEqual(key, { access: key.access, secret: key.secret, user_id: alice.id, tenant_id: alice.projectId, trust_id: null, links: { self: `http://cloud.test/identity/v3${path}/${key.access}` } });
  assert.deepEqual((await ask('GET', path, { token: alice.token })).body.credentials, [key]);
  assert.deepEqual((await ask('GET', `${path}/${key.access}`, { token: alice.token })).body.credential, key);
  const general = (await ask('GET', `/credentials?type=ec2`, { token: alice.token })).body.credentials[0];
  assert.deepEqual([general.id, JSON.parse(general.blob)], [createHash('sha256').update(key.access).digest('hex'), { access: key.access, secret: key.secret }]);
  assert.equal((await ask('GET', path, { token: bob.token })).status, 403);
  assert.equal((await ask('GET', `${path}/${key.access}`, { token: bob.token })).status, 403);
  assert.equal((await ask('DELETE', `/users/${bob.id}/credentials/OS-EC2/${key.access}`, { token: bob.token })).status, 403);
  assert.equal((await ask('POST', path, { token: bob.token, body: { tenant_id: bob.projectId } })).status, 403);
  assert.equal((await ask('GET', `${path}/nothing`, { token: admin })).status, 404);
  assert.equal((await ask('POST', path, { token: alice.token, body: { tenant_id: 'nowhere' } })).status, 404);
  assert.equal((await ask('DELETE', `${path}/${key.access}`, { token: alice.token })).status, 204);
  assert.equal((await ask('GET', `${path}/${key.access}`, { token: alice.token })).status, 404);
});

const encode = (text: string) => encodeURIComponent(text).replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const compact = (moment: Date) => moment.toISOString().replaceAll(/[-:]|\.\d+/g, '');

/** As boto signs for the second version. */
function signedTwo({ access, secret }: Parsed, now: Date, more: Record<string, string> = {}) {
  const params: Record<string, string> = { AWSAccessKeyId: access, Action: 'DescribeInstances', SignatureVersion: '2', SignatureMethod: 'HmacSHA256', Timestamp: now.toISOString().replace(/\.\d+Z/, 'Z'), Name: 'a b/c', ...more };
  const query = Object.keys(params).sort().map((name) => `${encode(name)}=${encode(params[name]!)}`).join('&');
  return { access, host: 'cloud.test:8773', verb: 'POST', path: '/services/Cloud', params, signature: hmac(secret, `POST\ncloud.test:8773\n/services/Cloud\n${query}`).toString('base64') };
}

/** As botocore signs for the fourth version. */
function signedFour({ access, secret }: Parsed, now: Date, { service = 'ec2', action = 'DescribeInstances' } = {}) {
  const bodyHash = createHash('sha256').update(`Action=${action}`).digest('hex');
  const [date, day] = [compact(now), compact(now).slice(0, 8)];
  const scope = `${day}/here/${service}/aws4_request`;
  const request = `POST\n/\n\nhost:cloud.test\nx-amz-date:${date}\n\nhost;x-amz-date\n${bodyHash}`;
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${createHash('sha256').update(request).digest('hex')}`;
  const key = scope.split('/').reduce((chain, part) => hmac(chain, part), Buffer.from(`AWS4${secret}`));
  const signature = hmac(key, text).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${access}/${scope}, SignedHeaders=host;x-amz-date, Signature=${signature}`;
  return { request: { access, host: 'cloud.test', verb: 'POST', path: '/', params: { Action: action }, headers: { Host: 'cloud.test', 'X-Amz-Date': date, Authorization: authorization }, body_hash: bodyHash, signature }, text };
}

test('who signed a request is found by a service, in every version of signatures', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const { ask, person, admin, identity } = fixture;
  const [alice, service] = [await person('alice', 'member'), await person('nova', 'service')];
  const key = await ec2Key(fixture, alice);
  const one = { access: key.access, params: { Action: 'DescribeInstances', SignatureVersion: '1', Timestamp: '2026-03-01T12:00:00Z' } };
  const signedOne = { ...one, signature: createHmac('sha1', key.secret).update('ActionDescribeInstancesSignatureVersion1Timestamp2026-03-01T12:00:00Z').digest('base64') };

  for (const credentials of [signedOne, signedTwo(key, clock.now()), signedFour(key, clock.now()).request]) {
    for (const token of [admin, service.token]) {
      const reply = await ask('POST', '/ec2tokens', { token, body: { credentials } });
      assert.equal(reply.status, 200, JSON.stringify(reply.body));
      const { methods, user, project, roles } = reply.body.token;
      assert.deepEqual([methods, user.id, project.id, roles.map(({ name }: Parsed) => name)], [['ec2credential'], alice.id, alice.projectId, ['member', 'reader']]);
      assert.equal((await identity.authenticate(String(reply.headers['x-subject-token'])))?.userId, alice.id);
    }
  }
  // Some sign the host without its port.
  const signed = signedTwo(key, clock.now());
  const query = Object.keys(signed.params).sort().map((name) => `${encode(name)}=${encode(signed.params[name]!)}`).join('&');
  const withoutPort = { ...signed, signature: hmac(key.secret, `POST\ncloud.test\n/services/Cloud\n${query}`).toString('base64') };
  assert.equal((await ask('POST', '/ec2tokens', { token: admin, body: { ec2Credentials: withoutPort } })).status, 200);
});

test('nobody but a service exchanges a signature for a token (ATTACKS 12)', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, person, parts } = fixture;
  const [alice, bob] = [await person('alice', 'manager'), await person('bob', 'manager')];
  const credentials = signedTwo(await ec2Key(fixture, alice), parts.clock.now());

  for (const path of ['/ec2tokens', '/s3tokens']) {
    assert.equal((await ask('POST', path, { body: { credentials } })).status, 401);
    for (const { token } of [alice, bob]) assert.equal((await ask('POST', path, { token, body: { credentials } })).status, 403);
  }
});

test('what was signed for the object store is no signature for another service (ATTACKS 12)', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, person, admin, parts } = fixture;
  const key = await ec2Key(fixture, await person('alice', 'member'));
  const stored = signedFour(key, parts.clock.now(), { service: 's3' });
  const computed = signedFour(key, parts.clock.now());
  const toStore = ({ text, request }: typeof stored) => ask('POST', '/s3tokens', { token: admin, body: { credentials: { access: key.access, signature: request.signature, token: Buffer.from(text).toString('base64') } } });

  assert.equal((await ask('POST', '/ec2tokens', { token: admin, body: { credentials: stored.request } })).status, 401);
  assert.equal((await toStore(computed)).status, 401);
  const right = await toStore(stored);
  assert.equal(right.status, 200);
  assert.equal(right.headers['x-subject-token'], undefined, 'who asks is given no token');
});

test('a signature is good for five minutes, whichever way the clocks differ, and only once where it changes something (ATTACKS 15, FAILURES 38)', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const { ask, person, admin } = fixture;
  const key = await ec2Key(fixture, await person('alice', 'member'));
  const at = (minutes: number) => new Date(clock.now().getTime() + minutes * 60_000);
  const send = async (credentials: object) => (await ask('POST', '/ec2tokens', { token: admin, body: { credentials } })).status;

  for (const minutes of [-4, 4]) assert.deepEqual([await send(signedTwo(key, at(minutes))), await send(signedFour(key, at(minutes)).request)], [200, 200]);
  for (const minutes of [-6, 6, -60 * 24 * 365]) assert.deepEqual([await send(signedTwo(key, at(minutes))), await send(signedFour(key, at(minutes)).request)], [401, 401]);
  const { Timestamp: _left, ...undated } = signedTwo(key, clock.now()).params;
  const query = Object.keys(undated).sort().map((name) => `${encode(name)}=${encode(undated[name]!)}`).join('&');
  assert.equal(await send({ ...signedTwo(key, clock.now()), params: undated, signature: hmac(key.secret, `POST\ncloud.test:8773\n/services/Cloud\n${query}`).toString('base64') }), 401, 'without a date');
  // A fresh date beside the signed one does not count.
  const old = signedFour(key, at(-6)).request;
  assert.equal(await send({ ...old, params: { ...old.params, Timestamp: clock.now().toISOString() } }), 401);

  const [reading, changing] = [signedTwo(key, clock.now(), { Name: 'x' }), signedTwo(key, clock.now(), { Action: 'RunInstances' })];
  assert.deepEqual([await send(reading), await send(reading)], [200, 200]);
  assert.deepEqual([await send(changing), await send(changing)], [200, 401]);
  const together = signedFour(key, clock.now(), { action: 'TerminateInstances' }).request;
  assert.deepEqual((await Promise.all([1, 2, 3, 4].map(() => send(together)))).sort((one, other) => one - other), [200, 401, 401, 401]);
});

test('a wrong signature, key or parameter is refused, and so is one whose user, project or role is gone', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const { ask, person, admin, role } = fixture;
  const alice = await person('alice', 'member');
  const key = await ec2Key(fixture, alice);
  const send = async (credentials: object) => (await ask('POST', '/ec2tokens', { token: admin, body: { credentials } })).status;
  const signed = signedTwo(key, clock.now());
  const { signature: _none, ...unsigned } = signed;

  assert.equal(await send({ ...signed, params: { ...signed.params, Action: 'TerminateInstances' } }), 401);
  assert.equal(await send({ ...signed, verb: 'GET' }), 401);
  assert.equal(await send({ ...signed, access: 'nobody' }), 404);
  assert.equal(await send(unsigned), 401);
  assert.equal(await send(signedTwo({ ...key, secret: 'guessed' }, clock.now())), 401);
  assert.equal(await send({ access: key.access, signature: 'x', params: {} }), 401);
  assert.equal(await send({}), 401);
  assert.equal((await ask('POST', '/ec2tokens', { token: admin, body: {} })).status, 400);
  assert.equal(await send(signed), 200);
  const path = `/projects/${alice.projectId}/users/${alice.id}/roles/${await role('member')}`;
  await ask('DELETE', path, { token: admin });
  assert.equal(await send(signed), 401, 'no role is left');
  await ask('PUT', path, { token: admin });
  await ask('PATCH', `/users/${alice.id}`, { token: admin, body: { user: { enabled: false } } });
  assert.equal(await send(signed), 401, 'the user is disabled');
});

test('signatures of the object store are taken in both of its forms, while they are fresh', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const fixture = await identityFixture(t, { clock });
  const { ask, person, admin } = fixture;
  const alice = await person('alice', 'member');
  const key = await ec2Key(fixture, alice);
  const send = async (text: string, secret = key.secret) =>
    (await ask('POST', '/s3tokens', { token: admin, body: { credentials: { access: key.access, token: Buffer.from(text).toString('base64url'), signature: createHmac('sha1', secret).update(text).digest('base64') } } })).status;
  const seconds = clock.now().getTime() / 1000;

  assert.equal(await send(`GET\n\n\n${clock.now().toUTCString()}\n/bucket/object`), 200);
  assert.equal(await send('PUT\n\n\n\nx-amz-date:Sun, 01 Mar 2026 12:10:00 GMT\n/bucket/object'), 200);
  assert.equal(await send(`GET\n\n\n${seconds + 60}\n/bucket/object`), 200, 'an address that ends in a minute');
  assert.equal(await send(`GET\n\n\n${seconds - 1}\n/bucket/object`), 401, 'an address that has ended');
  assert.equal(await send('GET\n\n\nSun, 01 Mar 2026 11:00:00 GMT\n/bucket/object'), 401, 'an hour old');
  assert.equal(await send('GET\n\n\n\n/bucket/object'), 401, 'without a date');
  assert.equal(await send(`GET\n\n\n${clock.now().toUTCString()}\n/bucket/object`, 'guessed'), 401);
});

test('a restricted application credential makes no key for signing, and an unrestricted one makes none that can do more (ATTACKS 13)', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, admin, login, person, role, identity, parts } = fixture;
  const [alice, other] = [await person('alice', 'manager'), await person('other')];
  await ask('PUT', `/projects/${other.projectId}/users/${alice.id}/roles/${await role('manager')}`, { token: admin });
  const credential = async (body: object) => (await ask('POST', `/users/${alice.id}/application_credentials`, { token: alice.token, body: { application_credential: body } })).body.application_credential;
  const [weak, strong] = [await credential({ name: 'weak', roles: [{ name: 'member' }] }), await credential({ name: 'strong', roles: [{ name: 'member' }], unrestricted: true })];
  const path = `/users/${alice.id}/credentials/OS-EC2`;
  const make = (token: string, tenant: string) => ask('POST', path, { token, body: { tenant_id: tenant } });
  const general = (token: string, project: string | null) =>
    ask('POST', '/credentials', { token, body: { credential: { type: 'ec2', user_id: alice.id, project_id: project, blob: JSON.stringify({ access: `chosen ${project}`, secret: 'chosen', app_cred_id: 'none' }) } } });
  const [byWeak, byStrong] = [await login(byCredential(weak)), await login(byCredential(strong))];

  assert.equal((await make(byWeak, alice.projectId)).status, 403);
  assert.equal((await general(byWeak, alice.projectId)).status, 403);
  for (const each of [make, general]) assert.equal((await each(byStrong, other.projectId)).status, 403, 'another project');
  assert.equal((await ask('POST', '/credentials', { token: byStrong, body: { credential: { type: 'totp', user_id: alice.id, blob: 'GEZDGNBVGY3TQOJQ' } } })).status, 403, 'a secret of no project');

  const made = [(await make(byStrong, alice.projectId)).body.credential, JSON.parse((await general(byStrong, alice.projectId)).body.credential.blob)];
  assert.equal(made[1].app_cred_id, strong.id, 'what is written there counts for nothing');
  for (const key of made) {
    const reply = await ask('POST', '/ec2tokens', { token: admin, body: { credentials: signedTwo(key, parts.clock.now(), { Name: key.access }) } });
    const token = String(reply.headers['x-subject-token']);
    assert.deepEqual([...(await identity.authenticate(token))!.roles].sort(), ['member', 'reader'], 'not manager');
    assert.equal((await ask('POST', '/auth/tokens', { body: { auth: { identity: { methods: ['token'], token: { id: token } }, scope: { project: { id: other.projectId } } } } })).status, 403);
  }
  // With the application credential its keys are gone.
  await ask('DELETE', `/users/${alice.id}/application_credentials/${strong.id}`, { token: alice.token });
  assert.deepEqual((await ask('GET', path, { token: alice.token })).body.credentials, []);
});

test('a token got by a signature stays in its project, and ends with the key', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, admin, person, role, identity, login, parts } = fixture;
  const [alice, other] = [await person('alice', 'member'), await person('other')];
  await ask('PUT', `/projects/${other.projectId}/users/${alice.id}/roles/${await role('manager')}`, { token: admin });
  const key = await ec2Key(fixture, alice);
  const token = String((await ask('POST', '/ec2tokens', { token: admin, body: { credentials: signedTwo(key, parts.clock.now()) } })).headers['x-subject-token']);
  const proof = { methods: ['token'], token: { id: token } };

  for (const scope of [{ project: { id: other.projectId } }, { domain: { id: 'default' } }, { system: { all: true } }])
    assert.ok([401, 403].includes((await ask('POST', '/auth/tokens', { body: { auth: { identity: proof, scope } } })).status), JSON.stringify(scope));
  const child = await login(proof);
  assert.equal((await identity.authenticate(child))?.projectId, alice.projectId);
  assert.equal((await ask('POST', `/users/${alice.id}/credentials/OS-EC2`, { token, body: { tenant_id: other.projectId } })).status, 403);
  await ask('DELETE', `/users/${alice.id}/credentials/OS-EC2/${key.access}`, { token: alice.token });
  for (const each of [token, child]) assert.equal(await identity.authenticate(each), undefined);
});

test('a key made by a trust gives what the trust gives, to its trustee, and ends with it', async (t) => {
  const fixture = await identityFixture(t);
  const { ask, admin, person, identity, login, parts } = fixture;
  const [alice, bob] = [await person('alice', 'manager'), await person('bob', 'member')];
  const trust = (await ask('POST', '/OS-TRUST/trusts', { token: alice.token, body: { trust: { trustor_user_id: alice.id, trustee_user_id: bob.id, project_id: alice.projectId, impersonation: true, roles: [{ name: 'member' }] } } })).body.trust;
  const token = await login({ methods: ['password'], password: { user: { id: bob.id, password: bob.password } } }, { 'OS-TRUST:trust': { id: trust.id } });

  const key = (await ask('POST', `/users/${alice.id}/credentials/OS-EC2`, { token, body: { tenant_id: alice.projectId } })).body.credential;

  assert.equal(key.trust_id, trust.id);
  const send = () => ask('POST', '/ec2tokens', { token: admin, body: { credentials: signedTwo(key, parts.clock.now()) } });
  const reply = await send();
  assert.deepEqual([reply.body.token['OS-TRUST:trust'].id, reply.body.token.user.id], [trust.id, alice.id]);
  assert.deepEqual([...(await identity.authenticate(String(reply.headers['x-subject-token'])))!.roles].sort(), ['member', 'reader']);
  assert.equal((await ask('POST', `/users/${alice.id}/credentials/OS-EC2`, { token, body: { tenant_id: bob.projectId } })).status, 403);
  await ask('DELETE', `/OS-TRUST/trusts/${trust.id}`, { token: alice.token });
  assert.equal((await send()).status, 404);
});
