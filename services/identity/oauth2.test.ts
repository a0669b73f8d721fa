import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityFixture } from './fixture.ts';

async function withClient(t: Parameters<typeof identityFixture>[0]) {
  const fixture = await identityFixture(t);
  const alice = await fixture.person('alice', 'member');
  const made = await fixture.ask('POST', `/users/${alice.id}/application_credentials`, { token: alice.token, body: { application_credential: { name: 'client' } } });
  const { id, secret } = made.body.application_credential as { id: string; secret: string };
  const ask = async (form: Record<string, string>, { client, type = 'application/x-www-form-urlencoded' }: { client?: [string, string]; type?: string } = {}) => {
    const authorization = client && `Basic ${Buffer.from(client.join(':')).toString('base64')}`;
    const reply = await fixture.door.app.inject({
      method: 'POST',
      url: '/identity/v3/OS-OAUTH2/token',
      headers: { 'content-type': type, ...(authorization === undefined ? {} : { authorization }) },
      payload: type.includes('json') ? JSON.stringify(form) : new URLSearchParams(form).toString(),
    });
    return { status: reply.statusCode, headers: reply.headers, body: reply.json() };
  };
  return { ...fixture, alice, id, secret, token: ask };
}

const grant = { grant_type: 'client_credentials' };

test('a client that shows an application credential by basic authentication, or in the form, gets a token for it', async (t) => {
  const { token, id, secret, alice, ask, admin } = await withClient(t);

  const { status, body, headers } = await token(grant, { client: [id, secret] });

  assert.equal(status, 200);
  assert.deepEqual({ ...body, access_token: '' }, { access_token: '', token_type: 'Bearer', expires_in: body.expires_in });
  assert.ok(body.expires_in > 3_000 && body.expires_in <= 3_600, `${body.expires_in}`);
  assert.equal(headers['cache-control'], 'no-store');
  const shown = (await ask('GET', '/auth/tokens', { token: admin, headers: { 'x-subject-token': body.access_token } })).body.token;
  assert.deepEqual([shown.methods, shown.user.id, shown.project.id, shown.application_credential.restricted], [['application_credential'], alice.id, alice.projectId, true]);
  assert.equal((await token({ ...grant, client_id: id, client_secret: secret })).status, 200);
});

test('who is not the client, or asks for another grant, is refused in the words of RFC 6749', async (t) => {
  const { token, id, secret, alice, ask, admin } = await withClient(t);
  const refusal = async (form: Record<string, string>, more?: Parameters<typeof token>[1]) => {
    const { status, body, headers } = await token(form, more);
    assert.deepEqual(Object.keys(body), ['error', 'error_description']);
    return [status, body.error, 'www-authenticate' in headers];
  };

  assert.deepEqual(await refusal({}, { client: [id, secret] }), [400, 'invalid_request', false]);
  assert.deepEqual(await refusal(grant, { client: [id, secret], type: 'application/json' }), [400, 'invalid_request', false]);
  assert.deepEqual(await refusal({ grant_type: 'password' }, { client: [id, secret] }), [400, 'unsupported_grant_type', false]);
  assert.deepEqual(await refusal(grant), [401, 'invalid_client', true]);
  assert.deepEqual(await refusal({ ...grant, client_id: id }), [401, 'invalid_client', true]);
  assert.deepEqual(await refusal(grant, { client: [id, `${secret}x`] }), [401, 'invalid_client', true]);
  assert.deepEqual(await refusal(grant, { client: ['nobody', secret] }), [401, 'invalid_client', true]);
  assert.equal((await token({ ...grant, more: 'x'.repeat(70_000) }, { client: [id, secret] })).status, 413);
  await ask('PATCH', `/users/${alice.id}`, { token: admin, body: { user: { enabled: false } } });
  assert.deepEqual(await refusal(grant, { client: [id, secret] }), [401, 'invalid_client', true]);
});
