/** Who signed a request: the one way in besides a token. */
import type { Clock } from '../../kit/clock.ts';
import type { Arriving } from '../../kit/http/implement.ts';
import type { Signers } from '../identity/signers.ts';
import { isForm } from '../object-store/form-parts.ts';
import { refused } from './refusals.ts';
import { demandSignature, isForStore, signedBy, type Signed } from './signatures.ts';

export type Proven = Signed & { /** Signs the pieces of what comes with the request. */ key: Buffer; token: string };

/** Undefined: it is not signed. */
export async function proven({ signers, clock }: { signers: Signers; clock: Clock }, request: Arriving): Promise<Proven | undefined> {
  const signed = signedBy(request, clock.now());
  if (!signed) return undefined;
  const signer = await signers.find(signed.access, signed.scope);
  if (!signer) throw refused('InvalidAccessKeyId');
  demandSignature(signed, signer.key);
  return { ...signed, ...signer };
}

/** The token of whoever signed it. */
export async function identified(parts: { signers: Signers; clock: Clock }, request: Arriving): Promise<string | undefined> {
  if (request.method === 'OPTIONS') return ofPreflight(parts, request);
  return (await proven(parts, request))?.token;
}

/** A page asks before it sends what is signed for another method: the key says whose rules it asks for, and tells nothing else. */
async function ofPreflight({ signers }: { signers: Signers }, { address }: Arriving): Promise<string | undefined> {
  const credential = new URLSearchParams(address.split('?')[1] ?? '').get('X-Amz-Credential');
  if (credential === null) return undefined;
  const [access = '', day = '', region = ''] = credential.split('/');
  return (await signers.find(access, { day, region, service: 's3' }))?.token;
}

/** The path at which a request of this door's is served, whatever the host and path it was sent to. */
export function routeOf({ method, url, headers }: { method: string; url: string; headers: { host?: string | undefined; authorization?: string | undefined } }, servicePath: string): string {
  const bucket = bucketOfHost(headers.host ?? '');
  if (bucket !== undefined) return `${servicePath}/${bucket}${url}`;
  if (url === servicePath || url.startsWith(`${servicePath}/`) || url.startsWith(`${servicePath}?`)) return url;
  return isForStore(url, headers.authorization) || namesProject(url) || (method === 'POST' && isForm(headers) && /^\/[^/?]+$/.test(url)) ? `${servicePath}${url}` : url;
}

/** `/<project id>:<bucket>`, as whoever signs nothing must say it. */
function namesProject(url: string): boolean {
  return /^\/(AUTH_)?[0-9a-f]{8}(-?[0-9a-f]{4}){4}[0-9a-f]{8}(:|%3a)[^/?]/i.test(url);
}

/** `photos.s3.example.org`: the bucket is what stands before the name of the store, which begins with `s3`. */
function bucketOfHost(host: string): string | undefined {
  const [, bucket] = /^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3(?:[.-][a-z0-9-]+)*(?::\d+)?$/i.exec(host) ?? [];
  return bucket?.toLowerCase();
}
