/**
 * Requests signed by version 4, in the `Authorization` header or in the address:
 * sigv4-auth-using-authorization-header and sigv4-query-string-auth of the object store's reference.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Arriving } from '../../kit/http/implement.ts';
import { algorithm, encoded, stringToSign, type Scope } from '../../kit/s3/signing.ts';
import { refused } from './refusals.ts';

export type Signed = {
  access: string;
  scope: Scope;
  /** As it was signed: `20260301T120000Z`. */
  date: string;
  signature: string;
  /** The address itself is signed, and good until then. */
  isPresigned: boolean;
  stringToSign: string;
};

/** How far the clock of a client may be off. */
const skewMs = 15 * 60_000;
const longestSeconds = 7 * 24 * 3600;

/** Who says that he has signed it, and what he must have signed. Undefined: nobody says so. */
export function signedBy({ method, address, headers }: Arriving, now: Date): Signed | undefined {
  const [path, text] = splitAt(address, '?');
  const query = parametersOf(text);
  const authorization = one(headers['authorization']);
  const inQuery = query.find(([name]) => name === 'X-Amz-Algorithm')?.[1];
  if (authorization !== undefined && inQuery !== undefined) throw refused('InvalidArgument', 'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified');
  if (authorization?.startsWith('AWS ') === true || query.some(([name]) => name === 'AWSAccessKeyId')) throw refused('InvalidRequest', 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.');
  if (authorization !== undefined) return inHeader({ method, path, query, headers, authorization, now });
  return inQuery === undefined ? undefined : inAddress({ method, path, query, headers, now });
}

/** Refuses where the key did not make the signature. */
export function demandSignature({ stringToSign, signature }: Pick<Signed, 'stringToSign' | 'signature'>, key: Buffer): void {
  const right = createHmac('sha256', key).update(stringToSign, 'utf8').digest();
  const given = Buffer.from(/^[0-9a-f]{64}$/.test(signature) ? signature : '', 'hex');
  if (given.length !== right.length || !timingSafeEqual(given, right)) throw refused('SignatureDoesNotMatch');
}

/** Whether a request that comes to the root of the cloud's address is for this door. */
export function isForStore(url: string, authorization: string | undefined): boolean {
  if (authorization !== undefined) return /^AWS4-HMAC-SHA256 .*Credential=[^,]*\/s3\/aws4_request/.test(authorization) || authorization.startsWith('AWS ');
  return /[?&](X-Amz-Credential=[^&]*(%2F|\/)s3(%2F|\/)aws4_request|AWSAccessKeyId=)/i.test(url);
}

type Asked = { method: string; path: string; query: [string, string][]; headers: Arriving['headers']; now: Date };

function inHeader({ authorization, ...asked }: Asked & { authorization: string }): Signed {
  const [, given = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(authorization) ?? [];
  if (given !== algorithm) throw refused('InvalidArgument', 'Unsupported Authorization Type');
  const parts = new Map(rest.split(',').map((each) => splitAt(each.trim(), '=')));
  const [credential, names, signature] = [parts.get('Credential'), parts.get('SignedHeaders'), parts.get('Signature')];
  if (credential === undefined || names === undefined || signature === undefined) throw refused('AuthorizationHeaderMalformed');
  const { access, scope } = credentialOf(credential, 'AuthorizationHeaderMalformed');
  const moment = momentOf(one(asked.headers['x-amz-date'])) ?? momentOf(one(asked.headers['date']));
  if (!moment) throw refused('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header');
  if (Math.abs(asked.now.getTime() - moment.time) > skewMs) throw refused('RequestTimeTooSkewed');
  if (!moment.text.startsWith(scope.day)) throw refused('AuthorizationHeaderMalformed', 'The authorization header is malformed; the date of the credential is not that of the request.');
  const signedNames = names.toLowerCase().split(';');
  // What decides about the request must be signed with it.
  const mustBe = ['host', ...Object.keys(asked.headers).filter((name) => name.startsWith('x-amz-'))];
  if (mustBe.some((name) => !signedNames.includes(name))) throw refused('AccessDenied', 'There were headers present in the request which were not signed');
  const payload = one(asked.headers['x-amz-content-sha256']);
  if (payload === undefined) throw refused('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  if (!/^([0-9a-fA-F]{64}|UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]{1,60})$/.test(payload)) throw refused('InvalidArgument', 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.');
  return { access, scope, date: moment.text, signature, isPresigned: false, stringToSign: textOf(asked, { date: moment.text, scope, signedNames, payload }) };
}

function inAddress(asked: Asked): Signed {
  const found = (name: string) => asked.query.find(([each]) => each === name)?.[1];
  const [credential, date, expires, names, signature] = ['Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature'].map((name) => found(`X-Amz-${name}`));
  if (found('X-Amz-Algorithm') !== algorithm) throw refused('AuthorizationQueryParametersError', 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"');
  if (credential === undefined || date === undefined || expires === undefined || names === undefined || signature === undefined) throw refused('AuthorizationQueryParametersError', 'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.');
  const { access, scope } = credentialOf(credential, 'AuthorizationQueryParametersError');
  const moment = momentOf(date);
  if (!moment || !date.startsWith(scope.day)) throw refused('AuthorizationQueryParametersError', 'X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd\'T\'HHmmss\'Z\'"');
  if (!/^\d{1,7}$/.test(expires) || Number(expires) < 1 || Number(expires) > longestSeconds) throw refused('AuthorizationQueryParametersError', 'X-Amz-Expires must be a number of seconds from 1 to 604800');
  if (moment.time - asked.now.getTime() > skewMs) throw refused('AccessDenied', 'Request is not yet valid');
  if (asked.now.getTime() > moment.time + Number(expires) * 1000) throw refused('AccessDenied', 'Request has expired');
  const signedNames = names.toLowerCase().split(';');
  const mustBe = ['host', ...Object.keys(asked.headers).filter((name) => name.startsWith('x-amz-') && name !== 'x-amz-content-sha256')];
  if (mustBe.some((name) => !signedNames.includes(name))) throw refused('AccessDenied', 'There were headers present in the request which were not signed');
  const payload = (signedNames.includes('x-amz-content-sha256') ? one(asked.headers['x-amz-content-sha256']) : undefined) ?? found('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD';
  const query = asked.query.filter(([name]) => name !== 'X-Amz-Signature');
  return { access, scope, date: moment.text, signature, isPresigned: true, stringToSign: textOf({ ...asked, query }, { date: moment.text, scope, signedNames, payload }) };
}

function textOf({ method, path, query, headers }: Asked, { date, scope, signedNames, payload }: { date: string; scope: Scope; signedNames: readonly string[]; payload: string }): string {
  // Node reads bytes as Latin-1; what was signed are the bytes.
  const signedHeaders = signedNames.map((name) => [name, Buffer.from(one(headers[name]) ?? '', 'latin1').toString('utf8').trim().replaceAll(/ +/g, ' ')] as const);
  return stringToSign({ method, path: canonicalPath(path), query, headers: signedHeaders, payload, date, scope });
}

export function credentialOf(text: string, reason: 'AuthorizationHeaderMalformed' | 'AuthorizationQueryParametersError' | 'InvalidArgument'): Pick<Signed, 'access' | 'scope'> {
  const parts = text.split('/');
  const [end, service = '', region = '', day = '', ...access] = parts.toReversed();
  // What was signed for another service is for nobody here (ATTACKS 12).
  if (end !== 'aws4_request' || service !== 's3' || !/^\d{8}$/.test(day) || access.length === 0) throw refused(reason, 'The Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/s3/aws4_request".');
  return { access: access.toReversed().join('/'), scope: { day, region, service } };
}

function momentOf(text: string | undefined): { text: string; time: number } | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  return Number.isNaN(time) ? undefined : { text: /^\d{8}T/.test(text) ? text : new Date(time).toISOString().replaceAll(/[-:]|\.\d+/g, ''), time };
}

/** Each part decoded once and encoded in the one way: clients differ in what they leave as it is. */
function canonicalPath(path: string): string {
  return path.split('/').map((part) => encoded(decodedText(part))).join('/');
}

function parametersOf(text: string): [string, string][] {
  return text === '' ? [] : text.split('&').filter((each) => each !== '').map((each) => splitAt(each, '=').map((part) => decodedText(part.replaceAll('+', ' '))) as [string, string]);
}

function decodedText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw refused('InvalidURI', undefined, { cause });
  }
}

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}
