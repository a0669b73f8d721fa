/**
 * Files that pages send by a form: RESTObjectPOST and sigv4-HTTPPOSTConstructPolicy of the object store's reference. Who signed
 * the form, and for what it may be used, is said in its fields; the last of them is the file.
 */
import { Fault } from '../../kit/fault.ts';
import { Answer, type Arriving } from '../../kit/http/implement.ts';
import { algorithm } from '../../kit/s3/signing.ts';
import type { Signers } from '../identity/signers.ts';
import { firstOf, isForm, partsOf } from '../object-store/form-parts.ts';
import { encoded, type IncomingHeaders } from '../object-store/header-text.ts';
import { emptyAnswer, quoted, textAnswer, withHeaders } from './answers.ts';
import { demandKnown } from './descriptions.ts';
import { demandWithin, readFormPolicy, type Bounds } from './form-policies.ts';
import type { BodyRequest, S3Parts } from './incoming.ts';
import { demandKeyLength, putObject } from './puts.ts';
import { refused } from './refusals.ts';
import { credentialOf, demandSignature } from './signatures.ts';
import { readTags } from './tags.ts';
import { document } from './xml.ts';

const mostFieldsBytes = 20 * 1024;
const fileField = 'file';

/** The file of a form, whose bytes are still to come, and what came before it. */
export class FormFile implements AsyncIterable<Uint8Array> {
  /** By their names in small letters. */
  readonly fields: ReadonlyMap<string, string>;
  readonly bytes: AsyncIterable<Uint8Array>;

  constructor(fields: ReadonlyMap<string, string>, bytes: AsyncIterable<Uint8Array>) {
    this.fields = fields;
    this.bytes = bytes;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.bytes[Symbol.asyncIterator]();
  }
}

/** The form in a request's body, with the token of whoever signed it. Undefined: it is none. */
export async function openedForm({ signers }: { signers: Signers }, { method, address, headers }: Arriving, body: AsyncIterable<Uint8Array>): Promise<{ token: string | undefined; body: FormFile } | undefined> {
  if (method !== 'POST' || address.includes('?') || !isForm(headers)) return undefined;
  const file = await fileIn(body, headers);
  return { token: await signerOf(signers, file.fields), body: file };
}

export async function takeForm(parts: S3Parts, request: BodyRequest, bucket: string, { fields }: FormFile): Promise<Answer<Buffer>> {
  const key = fields.get('key') || missing('key');
  const bounds = boundsOf(fields, bucket, request.now);
  if (key.includes('\0')) throw refused('InvalidArgument', 'A key cannot have this character in it.');
  demandKeyLength(key);
  const headers = headersOf(fields, request.headers);
  demandKnown(headers);
  const made = await putObject(parts, { ...request, headers }, bucket, key, bounds);
  return told(request, { bucket, key, etag: made.headers['etag'] ?? '', fields, made });
}

async function fileIn(body: AsyncIterable<Uint8Array>, headers: IncomingHeaders): Promise<FormFile> {
  const fields = new Map<string, string>();
  let left = mostFieldsBytes;
  try {
    for await (const part of partsOf(body, headers)) {
      const name = part.name?.toLowerCase() ?? '';
      if (name === fileField) return new FormFile(expanded(fields, part.filename ?? ''), wellFormed(part.read()));
      const value = await firstOf(part.read(), left + 1);
      left -= name.length + value.length;
      if (left < 0) throw refused('MaxPostPreDataLengthExceeded');
      // One of two would be looked at, and the other used.
      if (fields.has(name)) throw refused('InvalidArgument', `POST requires exactly one value of the field ${name.slice(0, 60)}.`);
      fields.set(name, value.toString('utf8'));
    }
  } catch (error) {
    throw asMalformed(error);
  }
  throw refused('InvalidArgument', 'POST requires exactly one file upload per request.');
}

/** `${filename}` in a field is the name of the file, as the page's reader has it. */
function expanded(fields: ReadonlyMap<string, string>, filename: string): ReadonlyMap<string, string> {
  // Some browsers send the whole path.
  const name = filename.replace(/^.*[/\\]/s, '');
  return new Map([...fields].map(([field, value]) => [field, field === 'policy' ? value : value.replaceAll('${filename}', () => name)]));
}

async function* wellFormed(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    throw asMalformed(error);
  }
}

function asMalformed(error: unknown): unknown {
  return error instanceof Fault && error.code === 'badRequest' ? refused('MalformedPOSTRequest', undefined, { cause: error }) : error;
}

/** Nobody's where nothing of it is signed. */
async function signerOf(signers: Signers, fields: ReadonlyMap<string, string>): Promise<string | undefined> {
  const names = ['x-amz-algorithm', 'x-amz-credential', 'x-amz-date', 'x-amz-signature'] as const;
  const older = ['awsaccesskeyid', 'signature'] as const;
  const isOlder = older.some((name) => fields.has(name));
  if (!isOlder && ![...names, 'policy'].some((name) => fields.has(name))) return undefined;
  const demanded = (name: string) => fields.get(name) ?? missing(name);
  const policy = demanded('policy');
  if (isOlder) return olderSignerOf(signers, policy, { access: demanded(older[0]), signature: demanded(older[1]) });
  const [given, credential, , signature] = names.map(demanded) as [string, string, string, string];
  if (given !== algorithm) throw refused('InvalidArgument', 'x-amz-algorithm only supports "AWS4-HMAC-SHA256"');
  const { access, scope } = credentialOf(credential, 'InvalidArgument');
  const signer = await signers.find(access, scope);
  if (!signer) throw refused('InvalidAccessKeyId');
  demandSignature({ stringToSign: policy, signature }, signer.key);
  return signer.token;
}

/** Version 2, which many pages still have: the key itself signs the policy, so it is for identity to look. */
async function olderSignerOf(signers: Signers, policy: string, { access, signature }: { access: string; signature: string }): Promise<string> {
  if (!signers.findOlder) throw refused('InvalidRequest', 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.');
  const signer = await signers.findOlder(access, { text: policy, signature });
  if (!signer) throw refused('InvalidAccessKeyId');
  if (!signer.isRight) throw refused('SignatureDoesNotMatch');
  return signer.token;
}

function missing(name: string): never {
  throw refused('InvalidArgument', `Bucket POST must contain a field named '${name}'. If it is specified, please check the order of the fields.`);
}

/** How many bytes the file may have, by the policy that was signed, which all of the form must follow. */
function boundsOf(fields: ReadonlyMap<string, string>, bucket: string, now: Date): Bounds {
  const policy = fields.get('policy');
  if (policy === undefined) return {};
  return demandWithin(readFormPolicy(policy), new Map([...fields, ['bucket', bucket]]), now);
}

/** What a request by PUT would say in headers. */
const asHeaders = /^(cache-control|content-(type|disposition|encoding|language|md5)|expires|x-amz-(meta-.*|(checksum|object-lock|grant|server-side-encryption)-.*|acl|tagging|storage-class|sdk-checksum-algorithm|server-side-encryption|website-redirect-location))$/s;
const kept = ['referer', 'user-agent', 'origin'];

function headersOf(fields: ReadonlyMap<string, string>, headers: IncomingHeaders): IncomingHeaders {
  const said = [...fields].filter(([name]) => asHeaders.test(name));
  const [acl, tags] = [fields.get('acl'), fields.get('tagging')];
  const all = Object.fromEntries([...said, ...(acl === undefined ? [] : [['x-amz-acl', acl] as const]), ...(tags === undefined ? [] : [['x-amz-tagging', new URLSearchParams(readTags(tags, 'object')).toString()] as const])]);
  for (const [name, value] of Object.entries(all)) if (!/^[\x21-\x7e]+$/.test(name) || /[^\P{Cc}\t]/u.test(value)) throw refused('InvalidArgument', `The value of the field ${JSON.stringify(name.slice(0, 60))} cannot be kept as a header.`);
  return { ...Object.fromEntries(kept.map((name) => [name, headers[name]])), ...encoded(all) };
}

function told({ base, address }: Pick<BodyRequest, 'base' | 'address'>, { bucket, key, etag, fields, made }: { bucket: string; key: string; etag: string; fields: ReadonlyMap<string, string>; made: Answer<Buffer> }): Answer<Buffer> {
  const page = pageOf(fields.get('success_action_redirect') ?? fields.get('redirect'));
  const { 'content-length': _, ...headers } = made.headers;
  if (page) {
    for (const [name, value] of Object.entries({ bucket, key, etag: quoted(etag) })) page.searchParams.append(name, value);
    return emptyAnswer(303, { ...headers, location: page.href });
  }
  const location = `${base}${address.replace(/\/$/, '')}/${key.split('/').map(encodeURIComponent).join('/')}`;
  const all = { ...headers, location };
  switch (fields.get('success_action_status')) {
    case '200':
      return emptyAnswer(200, all);
    case '201':
      return withHeaders(new Answer(textAnswer(document('PostResponse', { Location: location, Bucket: bucket, Key: key, ETag: quoted(etag) }), 'application/xml').body, { status: 201 }), { ...all, 'content-type': 'application/xml' });
    default:
      return emptyAnswer(204, all);
  }
}

/** One that cannot be read is passed over, as the reference says. */
function pageOf(text: string | undefined): URL | undefined {
  const page = text === undefined ? null : URL.parse(text);
  return page && /^https?:$/.test(page.protocol) ? page : undefined;
}
