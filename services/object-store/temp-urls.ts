/** Addresses that are good for one thing until a moment, signed by a key of the account or container: swift/common/middleware/tempurl.py. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { BlockList, isIPv6 } from 'node:net';
import type { Headers } from './accounts.ts';

/** What an address says of itself. */
export type Signed = { filename: string | undefined; isInline: boolean; expires: Date };

/** What was signed. */
export type SignedWish = { method: string; account: string; container: string; object: string };

type Query = Readonly<Record<string, string | undefined>>;
type Keys = { account: Headers; container: Headers };

/** The names in such an address; what else is in it counts for nothing. */
export const ofTempUrl = /^(temp_url_(sig|expires|prefix|ip_range)|filename|inline)$/;

export function isTempUrl(query: Query): boolean {
  return query['temp_url_sig'] !== undefined || query['temp_url_expires'] !== undefined;
}

/** For what it is good: all of the account, or the one container whose key it was. Undefined: for nothing. */
export function verifiedTempUrl(query: Query, wish: SignedWish, { keys, now, address, paths }: { keys: Keys; now: Date; address: string; /** Where the service is, for those who sign. */ paths: readonly string[] }): (Signed & { scope: 'account' | 'container' }) | undefined {
  const { temp_url_sig: given = '', temp_url_prefix: prefix, temp_url_ip_range: range, filename, inline } = query;
  const expires = expiryOf(query['temp_url_expires']);
  const signature = signatureOf(given);
  if (expires === undefined || expires * 1000 <= now.getTime() || signature === undefined) return undefined;
  if (prefix !== undefined && !wish.object.startsWith(prefix)) return undefined;
  if (wish.object === '' && prefix !== '') return undefined;
  if (range !== undefined && range !== '' && !isWithin(range, address)) return undefined;
  const methods = wish.method === 'HEAD' ? ['HEAD', 'GET', 'POST', 'PUT'] : [wish.method];
  for (const { key, scope } of keysOf(keys))
    for (const start of paths)
      for (const method of methods) {
        const path = `${prefix === undefined ? '' : 'prefix:'}${start}/${wish.account}/${wish.container}/${prefix ?? wish.object}`;
        const text = `${range === undefined || range === '' ? '' : `ip=${range}\n`}${method}\n${expires}\n${path}`;
        const right = createHmac(signature.algorithm, key).update(text).digest();
        if (right.length === signature.bytes.length && timingSafeEqual(right, signature.bytes)) return { scope, filename, isInline: inline !== undefined, expires: new Date(expires * 1000) };
      }
  return undefined;
}

export const digests = ['sha1', 'sha256', 'sha512'] as const;

/** Hexadecimal, or `<algorithm>:<base64>`. */
export function signatureOf(text: string): { algorithm: (typeof digests)[number]; bytes: Buffer } | undefined {
  const [, named, rest = ''] = /^(sha1|sha256|sha512):(.+)$/.exec(text) ?? [];
  if (named !== undefined) return { algorithm: named as (typeof digests)[number], bytes: Buffer.from(rest, 'base64url') };
  const algorithm = /^[0-9a-f]+$/i.test(text) ? ({ 40: 'sha1', 64: 'sha256', 128: 'sha512' } as const)[text.length as 40] : undefined;
  return algorithm === undefined ? undefined : { algorithm, bytes: Buffer.from(text, 'hex') };
}

/** Seconds, or a time by ISO 8601. */
function expiryOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const time = /^\d{4}-\d\d-\d\dT?(\d\d:\d\d:\d\dZ)?$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : Math.floor(time / 1000);
}

export function keysOf({ account, container }: Keys): { key: string; scope: 'account' | 'container' }[] {
  return (['account', 'container'] as const).flatMap((scope) =>
    ['', '-2'].flatMap((which) => {
      const key = { account, container }[scope][`x-${scope}-meta-temp-url-key${which}`];
      return key === undefined || key === '' ? [] : [{ key, scope }];
    }),
  );
}

function isWithin(range: string, address: string): boolean {
  const [network = '', bits] = range.split('/');
  const family = isIPv6(network) ? 'ipv6' : 'ipv4';
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  try {
    const list = new BlockList();
    list.addSubnet(network, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
    return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  } catch {
    // What is no network has nobody in it.
    return false;
  }
}
