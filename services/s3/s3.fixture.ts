/** Asks the store as Amazon's clients do: signed, without a socket in between. */
import { createHash, createHmac } from 'node:crypto';
import type { Person, TestCloud } from '../../test/cloud.ts';

export type Key = { access: string; secret: string };
export type Reply = { status: number; headers: Record<string, string>; text: string; bytes: Buffer };
export type Asked = { body?: string | Buffer | undefined; headers?: Record<string, string>; /** What is signed as the body's hash. */ payload?: string };
export type Ask = (method: string, address: string, asked?: Asked) => Promise<Reply>;

const host = 'cloud.example';
const region = 'us-east-1';

export async function keyOf(person: Person): Promise<Key> {
  const { body } = await person.identity.ec2Credentials.create({ params: { user_id: person.userId }, body: { tenant_id: person.projectId } });
  return { access: body.credential.access, secret: body.credential.secret };
}

/** Path-style at the root of the cloud's address; without a key as nobody. */
export function s3(cloud: TestCloud, key: Key | undefined): Ask {
  return async (method, address, { body, headers = {}, payload } = {}) => {
    const hash = payload ?? createHash('sha256').update(body ?? '').digest('hex');
    const plain = { host, ...(body === undefined && (method === 'PUT' || method === 'POST') ? { 'content-length': '0' } : {}), ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }), ...headers };
    return send(cloud, method, key ? address : `/s3${address}`, { body, headers: key ? signed(key, { method, address, headers: { ...plain, 'x-amz-content-sha256': hash, 'x-amz-date': dateOf(cloud) } }) : plain });
  };
}

export async function send(cloud: TestCloud, method: string, url: string, { body, headers = {} }: Asked): Promise<Reply> {
  const reply = await cloud.door.app.inject({ method: method as 'GET', url, headers, ...(body === undefined ? {} : { payload: body }) });
  return { status: reply.statusCode, headers: reply.headers as Record<string, string>, text: reply.payload, bytes: reply.rawPayload };
}

export function signed({ access, secret }: Key, { method, address, headers }: { method: string; address: string; headers: Record<string, string> }): Record<string, string> {
  const date = headers['x-amz-date']!;
  const scope = scopeOf(date);
  const names = Object.keys(headers).toSorted();
  const text = stringToSign({ method, address, headers, names, payload: headers['x-amz-content-sha256']!, date });
  return { ...headers, authorization: `AWS4-HMAC-SHA256 Credential=${access}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signatureOf(secret, date, text)}` };
}

export function presigned({ access, secret }: Key, { method, address, seconds, date }: { method: string; address: string; seconds: number; date: string }): string {
  const query = { 'X-Amz-Algorithm': 'AWS4-HMAC-SHA256', 'X-Amz-Credential': `${access}/${scopeOf(date)}`, 'X-Amz-Date': date, 'X-Amz-Expires': String(seconds), 'X-Amz-SignedHeaders': 'host' };
  const full = `${address}?${new URLSearchParams(query).toString()}`;
  return `${full}&X-Amz-Signature=${signatureOf(secret, date, stringToSign({ method, address: full, headers: { host }, names: ['host'], payload: 'UNSIGNED-PAYLOAD', date }))}`;
}

export function dateOf({ clock }: Pick<TestCloud, 'clock'>): string {
  return clock.now().toISOString().replaceAll(/[-:]|\.\d+/g, '');
}

export function signatureOf(secret: string, date: string, text: string): string {
  return hmac(keyFor(secret, date), text).toString('hex');
}

export function keyFor(secret: string, date: string): Buffer {
  return [date.slice(0, 8), region, 's3', 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`));
}

export function scopeOf(date: string): string {
  return `${date.slice(0, 8)}/${region}/s3/aws4_request`;
}

function stringToSign({ method, address, headers, names, payload, date }: { method: string; address: string; headers: Record<string, string>; names: string[]; payload: string; date: string }): string {
  const [path = '', query = ''] = address.split('?');
  const canonicalQuery = query.split('&').filter((each) => each !== '').map((each) => (each.includes('=') ? each : `${each}=`)).toSorted().join('&');
  const request = [method, path, canonicalQuery, ...names.map((name) => `${name}:${Buffer.from(headers[name] ?? '', 'latin1').toString('utf8')}`), '', names.join(';'), payload].join('\n');
  return ['AWS4-HMAC-SHA256', date, scopeOf(date), createHash('sha256').update(request).digest('hex')].join('\n');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
