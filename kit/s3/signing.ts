/**
 * Signatures of version 4: what is signed of a request, and by what. Whoever asks a store and whoever is one agree about it
 * here. sigv4-auth-using-authorization-header of the object store's reference.
 */
import { createHash, createHmac } from 'node:crypto';

export type Key = { access: string; secret: string };
export type Scope = { day: string; region: string; service: string };

export const algorithm = 'AWS4-HMAC-SHA256';

type Signing = {
  method: string;
  /** Each part of it encoded in the one way. */
  path: string;
  query: readonly (readonly [string, string])[];
  /** Those that are signed, in the order in which they are named. */
  headers: readonly (readonly [string, string])[];
  payload: string;
  date: string;
  scope: Scope;
};

/** The headers that a request is sent with besides its own ones; what begins with `x-amz-` is signed too. */
export function signed({ access, secret }: Key, request: { method: string; path: string; query: Signing['query']; host: string; headers?: Readonly<Record<string, string>>; payload: string; region: string; now: Date }): Record<string, string> {
  const { method, path, query, host, headers = {}, payload, region, now } = request;
  const date = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const scope = { day: date.slice(0, 8), region, service: 's3' };
  const all: Record<string, string> = { ...headers, host, 'x-amz-content-sha256': payload, 'x-amz-date': date };
  const names = Object.keys(all).filter((name) => name === 'host' || name.startsWith('x-amz-')).toSorted();
  const text = stringToSign({ method, path, query, headers: names.map((name) => [name, all[name]!]), payload, date, scope });
  const signature = createHmac('sha256', signingKey(secret, scope)).update(text, 'utf8').digest('hex');
  return { ...all, authorization: `${algorithm} Credential=${access}/${scopeText(scope)}, SignedHeaders=${names.join(';')}, Signature=${signature}` };
}

export function stringToSign({ method, path, query, headers, payload, date, scope }: Signing): string {
  const request = [method, path, canonicalQuery(query), headers.map(([name, value]) => `${name}:${value}\n`).join(''), headers.map(([name]) => name).join(';'), payload].join('\n');
  return [algorithm, date, scopeText(scope), createHash('sha256').update(request, 'utf8').digest('hex')].join('\n');
}

export function scopeText({ day, region, service }: Scope): string {
  return `${day}/${region}/${service}/aws4_request`;
}

export function canonicalQuery(query: Signing['query']): string {
  return query
    .map(([name, value]) => [encoded(name), encoded(value)] as const)
    .toSorted(([one, value], [other, otherValue]) => (one < other ? -1 : one > other ? 1 : value < otherValue ? -1 : value > otherValue ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

export function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

function signingKey(secret: string, { day, region, service }: Scope): Buffer {
  return [day, region, service, 'aws4_request'].reduce((key, part) => createHmac('sha256', key).update(part, 'utf8').digest(), Buffer.from(`AWS4${secret}`));
}
