/**
 * Requests signed as Amazon has it, versions 0, 1, 2 and 4, and those of its object store: whether the secret made the
 * signature, and when. keystoneclient/contrib/ec2/utils.py, keystone/api/{ec2tokens,s3tokens}.py
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { unauthorized } from '../../kit/fault.ts';

type Texts = Readonly<Record<string, string | number | boolean>>;

export type Ec2Request = { signature?: string; host?: string; verb?: string; path?: string; params?: Texts; headers?: Texts; body_hash?: string };
export type S3Request = { signature?: string; token?: string };

/** ATTACKS 15: a request is as old as its signature says, or it is refused. keystone's auth_ttl is 15 minutes. */
export const requestLivesMs = 5 * 60_000;
/** The longest that Amazon lets anybody presign an address for. */
const presignedLivesMs = 7 * 24 * 3_600_000;
/** How far the clock of a client of the object store may be off. */
const storeSkewMs = 15 * 60_000;
const storeServices = ['s3', 'iam', 'sts'];

const invalidSignature = () => unauthorized('Invalid EC2 signature.', 'Unauthorized');
const expired = () => unauthorized('Credential is expired', 'Unauthorized');
const noMoment = () => unauthorized('Credential timestamp is invalid', 'Unauthorized');

/** Refuses unless it was signed by the secret, for a service of this cloud, a moment ago. */
export function demandEc2Signature(request: Ec2Request, secret: string, now: Date): void {
  const { signature, host = '' } = request;
  if (signature === undefined || signature === '') throw unauthorized('EC2 signature not supplied.', 'Unauthorized');
  // Some clients sign the name without the port: keystone/api/ec2tokens.py.
  const hosts = host.includes(':') ? [host, host.replace(/:\d*$/, '')] : [host];
  if (!hosts.some((each) => equal(signature, ec2Signature({ ...request, host: each }, secret)))) throw invalidSignature();
  const moment = momentOf(ec2Moment(request));
  if (moment === undefined) throw noMoment();
  if (Math.abs(now.getTime() - moment.getTime()) > requestLivesMs) throw expired();
}

/** Whether doing it twice is more than doing it once. */
export function changesSomething({ verb = '', params = {} }: Ec2Request): boolean {
  const { Action: action } = params;
  return action === undefined ? !['GET', 'HEAD'].includes(verb.toUpperCase()) : !/^(Describe|Get|List)/.test(String(action));
}

export function demandS3Signature({ signature = '', token = '' }: S3Request, secret: string, now: Date): void {
  const signed = Buffer.from(token, 'base64url');
  const isNew = signed.subarray(0, 4).toString('latin1') === 'AWS4';
  const right = isNew ? storeSignature4(signed, secret) : createHmac('sha1', secret).update(signed).digest('base64');
  if (!equal(signature, right)) throw unauthorized('Credential signature mismatch', 'Unauthorized');
  const lines = signed.toString('utf8').split('\n');
  if (isNew) return demandStoreMoment(momentOf(lines[1]), now, presignedLivesMs);
  // The fourth line is the date, or with an address that was signed, the second of its end.
  const [, , , fourth = ''] = lines;
  if (/^\d{1,12}$/.test(fourth)) {
    if (Number(fourth) * 1000 < now.getTime()) throw expired();
    return;
  }
  const date = fourth === '' ? lines.find((line) => line.startsWith('x-amz-date:'))?.slice('x-amz-date:'.length) : fourth;
  demandStoreMoment(momentOf(date), now, storeSkewMs);
}

function demandStoreMoment(moment: Date | undefined, now: Date, livesMs: number): void {
  if (moment === undefined) throw noMoment();
  const age = now.getTime() - moment.getTime();
  if (age > livesMs || age < -storeSkewMs) throw expired();
}

function ec2Signature(request: Ec2Request, secret: string): string {
  const { params = {} } = request;
  switch (params['SignatureVersion']) {
    case '0':
      return hmac('sha1', secret, `${params['Action'] ?? ''}${params['Timestamp'] ?? ''}`).toString('base64');
    case '1':
      return signature1(unsigned(params), secret);
    case '2':
      return signature2(request, secret);
    default:
      return signature4(request, secret);
  }
}

function signature1(params: Texts, secret: string): string {
  const names = Object.keys(params).sort((one, other) => compare(one.toLowerCase(), other.toLowerCase()));
  return hmac('sha1', secret, names.map((name) => `${name}${params[name]}`).join('')).toString('base64');
}

function signature2({ verb = '', host = '', path = '', params = {} }: Ec2Request, secret: string): string {
  const text = [verb, host, path, canonicalQuery({ ...unsigned(params), SignatureMethod: 'HmacSHA256' })].join('\n');
  return hmac('sha256', secret, text).toString('base64');
}

function signature4({ verb = '', path = '', params = {}, headers = {}, body_hash: bodyHash = '' }: Ec2Request, secret: string): string {
  const authorization = headerOf(headers, 'authorization');
  const isInQuery = params['X-Amz-Algorithm'] === 'AWS4-HMAC-SHA256';
  if (authorization === undefined ? !isInQuery : !authorization.startsWith('AWS4-HMAC-SHA256')) throw invalidSignature();
  const part = (name: string) => (authorization === undefined ? String(params[`X-Amz-${name}`] ?? '') : (authorization.split(`${name}=`)[1]?.split(',')[0] ?? ''));
  const [, day = '', region = '', service = '', ...rest] = part('Credential').trim().split('/');
  const moment = ec2Moment({ params, headers }) ?? '';
  // What was signed for the object store is for nobody else: ATTACKS 12.
  if (rest.join('/') !== 'aws4_request' || day === '' || !moment.startsWith(day) || service === 's3') throw invalidSignature();
  const signedHeaders = part('SignedHeaders').trim();
  const canonicalHeaders = signedHeaders
    .split(';')
    .flatMap((name) => {
      const value = headerOf(headers, name);
      // Boto before 2.9.3 signed the name without the port.
      const isOldBoto = /^Boto\/2\.\d\.[0-2]/.test(headerOf(headers, 'user-agent') ?? '');
      return value === undefined ? [] : [`${name}:${name === 'host' && isOldBoto ? value.split(':')[0]! : value}`];
    })
    .join('\n');
  const query = verb.toUpperCase() === 'POST' ? '' : canonicalQuery(unsigned(params));
  const request = [verb.toUpperCase(), path, query, `${canonicalHeaders}\n`, signedHeaders, bodyHash].join('\n');
  const scope = [day, region, service, 'aws4_request'];
  const text = ['AWS4-HMAC-SHA256', moment, scope.join('/'), createHash('sha256').update(request).digest('hex')].join('\n');
  return createHmac('sha256', signingKey(secret, scope)).update(text).digest('hex');
}

function storeSignature4(signed: Buffer, secret: string): string {
  const lines = signed.toString('latin1').split('\n');
  const scope = lines[2]?.split('/') ?? [];
  if (lines.length !== 4 || lines[0] !== 'AWS4-HMAC-SHA256' || scope.length !== 4 || scope[3] !== 'aws4_request' || !storeServices.includes(scope[2]!)) throw invalidSignature();
  return createHmac('sha256', signingKey(secret, scope)).update(signed).digest('hex');
}

function signingKey(secret: string, scope: readonly string[]): Buffer {
  return scope.reduce((key, part) => createHmac('sha256', key).update(part, 'utf8').digest(), Buffer.from(`AWS4${secret}`));
}

/** The moment that the signature covers, and no other that stands beside it. */
function ec2Moment({ params = {}, headers = {} }: Ec2Request): string | undefined {
  const version = params['SignatureVersion'];
  if (version === '0' || version === '1' || version === '2') return params['Timestamp'] === undefined ? undefined : String(params['Timestamp']);
  return headerOf(headers, 'x-amz-date') ?? (params['X-Amz-Date'] === undefined ? undefined : String(params['X-Amz-Date']));
}

/** `20260301T120000Z`, ISO 8601, or as HTTP writes it. */
function momentOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const spread = text.trim().replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const known = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$/.test(spread) ? `${spread}Z` : spread;
  const moment = new Date(known);
  return Number.isNaN(moment.getTime()) ? undefined : moment;
}

function unsigned({ Signature: _old, 'X-Amz-Signature': _new, ...params }: Texts): Texts {
  return params;
}

function canonicalQuery(params: Texts): string {
  return Object.keys(params)
    .sort(compare)
    .map((name) => `${encode(name)}=${encode(String(params[name]))}`)
    .join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

function headerOf(headers: Texts, name: string): string | undefined {
  const found = Object.entries(headers).find(([each]) => each.toLowerCase().trim() === name.toLowerCase());
  return found && String(found[1]).trim();
}

function hmac(hash: string, secret: string, text: string): Buffer {
  return createHmac(hash, secret).update(text, 'utf8').digest();
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function equal(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(first!, second!);
}
