/** Requests signed as OAuth 1.0a has it: RFC 5849, sections 3.4 and 3.5; of its methods those with HMAC. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export type SignedRequest = {
  method: string;
  /** Scheme, host, port and path, as the client wrote them. */
  url: string;
  query: readonly (readonly [string, string])[];
  authorization: string;
};

/** The parameters of the Authorization header; undefined when it is of another kind. */
export function oauthParameters(authorization: string | undefined): Record<string, string> | undefined {
  const list = /^OAuth\s+(.*)$/is.exec(authorization ?? '')?.[1];
  if (list === undefined) return undefined;
  const parameters: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const part of list.split(',')) {
    const [, name, value] = /^\s*([\w.~-]+)="([^"]*)"\s*$/.exec(part) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const decoded = decode(value);
    if (decoded === undefined) return undefined;
    parameters[name] = decoded;
  }
  return parameters;
}

/** keystone does not look at the time; oauthlib does: oauth1/rfc5849/endpoints/base.py, timestamp_lifetime. */
export const signatureLivesMs = 600_000;

export function isSignedBy({ method, url, query, authorization }: SignedRequest, { consumer, token }: { consumer: string; token: string }): boolean {
  const parameters = oauthParameters(authorization);
  const given = parameters?.['oauth_signature'];
  const right = parameters && signatureOf({ method, url, query }, parameters, { consumer, token });
  return given !== undefined && right !== undefined && equal(right, given);
}

/** Undefined: by a method that is not taken. */
export function signatureOf({ method, url, query }: Omit<SignedRequest, 'authorization'>, parameters: Readonly<Record<string, string>>, { consumer, token }: { consumer: string; token: string }): string | undefined {
  const hash = { 'HMAC-SHA1': 'sha1', 'HMAC-SHA256': 'sha256' }[parameters['oauth_signature_method'] ?? ''];
  if (hash === undefined) return undefined;
  const own = Object.entries(parameters).filter(([name]) => name !== 'oauth_signature' && name.toLowerCase() !== 'realm');
  const pairs = [...own, ...query].map(([name, value]) => [encode(name), encode(value)] as const);
  pairs.sort(([name, value], [otherName, otherValue]) => (name < otherName ? -1 : name > otherName ? 1 : value < otherValue ? -1 : value > otherValue ? 1 : 0));
  const text = [method.toUpperCase(), encode(baseOf(url)), encode(pairs.map((pair) => pair.join('=')).join('&'))].join('&');
  return createHmac(hash, `${encode(consumer)}&${encode(token)}`).update(text).digest('base64');
}

export function isFresh(parameters: Readonly<Record<string, string>>, now: Date): boolean {
  const timestamp = parameters['oauth_timestamp'] ?? '';
  return /^\d{1,12}$/.test(timestamp) && Math.abs(Number(timestamp) * 1000 - now.getTime()) <= signatureLivesMs;
}

/** What must not come twice. */
export function nonceOf(parameters: Readonly<Record<string, string>>): Buffer {
  const [consumer, token, timestamp, nonce] = ['oauth_consumer_key', 'oauth_token', 'oauth_timestamp', 'oauth_nonce'].map((name) => parameters[name] ?? '');
  return createHash('sha256').update(JSON.stringify(['oauth1', consumer, token, timestamp, nonce])).digest();
}

/** RFC 5849, section 3.4.1.2: in lower case, without the port that is meant anyway. */
function baseOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function equal(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(first!, second!);
}
