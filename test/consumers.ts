/** Requests that somebody has signed: by the secret of a consumer (OAuth 1.0a), or by a key of a user as Amazon has it. */
import { createHmac } from 'node:crypto';
import { signatureOf } from '../services/identity/oauth1-signature.ts';
import type { TestCloud } from './cloud.ts';
import type { Things } from './things.ts';

type Keys = { consumer: { id: string; secret: string }; token?: { id: string; secret: string }; verifier?: string };
type Given = { id: string; secret: string };

const root = '/identity/v3/OS-OAUTH1';
let count = 0;

export async function requestHeaders(cloud: TestCloud): Promise<Record<string, string>> {
  return signed(cloud, `${root}/request_token`, { consumer: await newConsumer(cloud) });
}

export async function accessHeaders(cloud: TestCloud): Promise<Record<string, string>> {
  return signed(cloud, `${root}/access_token`, await authorized(cloud));
}

/** For the administrator's project. */
export async function requestToken(cloud: TestCloud): Promise<Given> {
  return send(cloud, `${root}/request_token`, await requestHeaders(cloud));
}

/** By which its consumer acts for the administrator. */
export async function accessToken(cloud: TestCloud): Promise<Given> {
  return send(cloud, `${root}/access_token`, await accessHeaders(cloud));
}

/** As boto signs for the second version. */
export async function signedRequest(cloud: TestCloud, things: Things): Promise<unknown> {
  const { access, secret } = await keyOf(cloud, things);
  const params: Record<string, string> = { AWSAccessKeyId: access, Action: 'DescribeInstances', SignatureMethod: 'HmacSHA256', SignatureVersion: '2', Timestamp: cloud.clock.now().toISOString() };
  const query = Object.entries(params).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
  return { credentials: { access, host: 'cloud.example', verb: 'GET', path: '/', params, signature: createHmac('sha256', secret).update(`GET\ncloud.example\n/\n${query}`).digest('base64') } };
}

export async function signedForStore(cloud: TestCloud, things: Things): Promise<unknown> {
  const { access, secret } = await keyOf(cloud, things);
  const text = `GET\n\n\n${cloud.clock.now().toUTCString()}\n/bucket`;
  return { credentials: { access, token: Buffer.from(text).toString('base64url'), signature: createHmac('sha1', secret).update(text).digest('base64') } };
}

async function keyOf({ admin }: TestCloud, things: Things): Promise<{ access: string; secret: string }> {
  return (await admin.identity.ec2Credentials.show({ params: { user_id: things.owner.userId, access: await things.get('signing key') } })).body.credential;
}

async function authorized(cloud: TestCloud): Promise<Keys> {
  const consumer = await newConsumer(cloud);
  const token = await send(cloud, `${root}/request_token`, signed(cloud, `${root}/request_token`, { consumer }));
  const { body } = await cloud.admin.identity.oauthTokens.authorize({ params: { request_token_id: token.id }, body: { roles: [{ name: 'member' }] } });
  return { consumer, token, verifier: body.token.oauth_verifier };
}

async function newConsumer({ admin }: TestCloud): Promise<{ id: string; secret: string }> {
  return (await admin.identity.consumers.create({ body: { consumer: {} } })).body.consumer;
}

async function send({ door }: TestCloud, path: string, headers: Record<string, string>): Promise<Given> {
  const reply = await door.app.inject({ method: 'POST', url: path, headers });
  if (reply.statusCode !== 201) throw new Error(`${path} answers ${reply.statusCode} ${reply.payload}`);
  const form = new URLSearchParams(reply.payload);
  return { id: form.get('oauth_token') ?? '', secret: form.get('oauth_token_secret') ?? '' };
}

function signed({ admin, clock }: TestCloud, path: string, { consumer, token, verifier }: Keys): Record<string, string> {
  const parameters: Record<string, string> = {
    oauth_consumer_key: consumer.id,
    oauth_signature_method: 'HMAC-SHA1',
    oauth_timestamp: String(Math.floor(clock.now().getTime() / 1000)),
    oauth_nonce: `n${++count}`,
    ...(token ? { oauth_token: token.id } : {}),
    ...(verifier === undefined ? { oauth_callback: 'oob' } : { oauth_verifier: verifier }),
  };
  const signature = signatureOf({ method: 'POST', url: `http://cloud.example${path}`, query: [] }, parameters, { consumer: consumer.secret, token: token?.secret ?? '' }) ?? '';
  const list = Object.entries({ ...parameters, oauth_signature: signature }).map(([name, value]) => `${name}="${encodeURIComponent(value)}"`);
  return { authorization: `OAuth ${list.join(', ')}`, 'requested-project-id': admin.projectId };
}
