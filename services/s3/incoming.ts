/** Bytes on their way in: signed and checked as the request says, and kept only where all of it is true. */
import { hash } from 'node:crypto';
import { limits } from '../../contract/object-store/capabilities.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Signers } from '../identity/signers.ts';
import type { ObjectBodies, Received } from '../object-store/bodies.ts';
import { headerOf as header } from '../object-store/header-text.ts';
import { receive } from '../object-store/uploads.ts';
import type { StoreRequest } from '../object-store/visits.ts';
import { chunkedKindOf, unchunked } from './aws-chunks.ts';
import { algorithmNamed, algorithms, hasherOf, headerOf, lengthOf, type Algorithm } from './checksums.ts';
import type { Bounds } from './form-policies.ts';
import { proven } from './identification.ts';
import { refused } from './refusals.ts';

export type S3Parts = { bodies: ObjectBodies; signers: Signers; clock: Clock; region: string };
export type BodyRequest = StoreRequest & { readonly address: string; readonly method: string; readonly body: AsyncIterable<Uint8Array> | undefined };

export type Arrived = { received: Received; /** In base64, where one was sent or wished. */ checksum: { algorithm: Algorithm; value: string } | undefined };

/** Whoever gets these bytes makes a row of them, or removes their file. `bounds`: of what does not say how much it is. */
export async function takeIn(parts: S3Parts, request: BodyRequest, { fallback, bounds }: { fallback?: Algorithm | undefined; bounds?: Bounds | undefined } = {}): Promise<Arrived> {
  const { headers } = request;
  const payload = header(headers, 'x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD';
  const kind = chunkedKindOf(payload);
  const { least, most } = bounds ? { least: bounds.least ?? 0, most: Math.min(bounds.most ?? limits.max_file_size, limits.max_file_size) } : exactly(expectedBytes(request, kind !== undefined));
  const md5 = digestOf(header(headers, 'content-md5'));
  const trailers = new Map<string, string>();
  const algorithm = wishedAlgorithm(request) ?? fallback;
  const hasher = algorithm && hasherOf(algorithm);
  const plain = kind ? await chunksOf(parts, request, { kind, decodedBytes: least, trailers }) : (request.body ?? []);
  const received = await receive(parts.bodies, request, hasher ? observed(plain, (bytes) => hasher.update(bytes)) : plain, bounds ? most : limits.max_file_size);
  try {
    if (received.sizeBytes < least || received.sizeBytes > most) throw refused(bounds ? 'EntityTooSmall' : 'IncompleteBody');
    if (/^[0-9a-f]{64}$/i.test(payload) && payload.toLowerCase() !== received.sha256) throw refused('XAmzContentSHA256Mismatch');
    if (md5 !== undefined && md5 !== received.md5) throw wrongMd5();
    if (!hasher) return { received, checksum: undefined };
    const value = hasher.digest().toString('base64');
    const told = header(headers, headerOf(algorithm)) ?? trailers.get(headerOf(algorithm));
    if (told !== undefined && told !== value) throw refused('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
    return { received, checksum: { algorithm, value } };
  } catch (error) {
    await parts.bodies.remove(received.file);
    throw error;
  }
}

/** For documents, which are small. */
export async function takeText(parts: S3Parts, request: BodyRequest, mostBytes: number): Promise<string> {
  const payload = header(request.headers, 'x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD';
  const kind = chunkedKindOf(payload);
  const md5 = digestOf(header(request.headers, 'content-md5'));
  const trailers = new Map<string, string>();
  const plain = kind ? await chunksOf(parts, request, { kind, decodedBytes: expectedBytes(request, true), trailers }) : (request.body ?? []);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of plain) {
    size += chunk.length;
    if (size > mostBytes) throw refused('EntityTooLarge', 'The document is too large.');
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (/^[0-9a-f]{64}$/i.test(payload) && payload.toLowerCase() !== hash('sha256', bytes)) throw refused('XAmzContentSHA256Mismatch');
  if (md5 !== undefined && md5 !== hash('md5', bytes)) throw wrongMd5();
  for (const [algorithm, value] of [...algorithms.map((each) => [each, header(request.headers, headerOf(each)) ?? trailers.get(headerOf(each))] as const)]) {
    if (value === undefined) continue;
    const hasher = hasherOf(algorithm);
    hasher.update(bytes);
    if (hasher.digest().toString('base64') !== value) throw refused('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
  }
  return bytes.toString('utf8');
}

async function chunksOf(parts: S3Parts, request: BodyRequest, more: { kind: NonNullable<ReturnType<typeof chunkedKindOf>>; decodedBytes: number; trailers: Map<string, string> }): Promise<AsyncIterable<Uint8Array>> {
  const proof = await proven(parts, request);
  if (!proof) throw refused('AccessDenied', 'What comes in signed chunks must be signed itself.');
  return unchunked(request.body ?? nothing(), { ...more, proof, announced: announcedBy(request) });
}

function expectedBytes({ headers }: Pick<StoreRequest, 'headers'>, isChunked: boolean): number {
  const length = header(headers, isChunked ? 'x-amz-decoded-content-length' : 'content-length');
  if (length === undefined || !/^\d{1,15}$/.test(length)) throw refused('MissingContentLength');
  return Number(length);
}

function exactly(size: number): { least: number; most: number } {
  if (size > limits.max_file_size) throw refused('EntityTooLarge');
  return { least: size, most: size };
}

function digestOf(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const bytes = Buffer.from(given, 'base64');
  if (bytes.length !== 16 || bytes.toString('base64') !== given.trim()) throw refused('InvalidDigest', 'The Content-MD5 you specified was invalid.');
  return bytes.toString('hex');
}

/** What is said to follow the body. */
function announcedBy({ headers }: Pick<StoreRequest, 'headers'>): string[] {
  return (header(headers, 'x-amz-trailer') ?? '').split(',').map((each) => each.trim().toLowerCase()).filter((each) => each !== '');
}

/** One at most: as a header, as a trailer that is to come, or by its name. */
function wishedAlgorithm({ headers }: Pick<StoreRequest, 'headers'>): Algorithm | undefined {
  const given = algorithms.filter((each) => header(headers, headerOf(each)) !== undefined);
  const strange = Object.keys(headers).find((name) => name.startsWith('x-amz-checksum-') && !['algorithm', 'type', 'mode', ...algorithms.map((each) => each.toLowerCase())].includes(name.slice('x-amz-checksum-'.length)));
  if (strange !== undefined) throw refused('InvalidRequest', 'The algorithm type you specified in x-amz-checksum- header is invalid.');
  const announced = announcedBy({ headers }).map((each) => algorithms.find((algorithm) => headerOf(algorithm) === each));
  if (announced.includes(undefined)) throw refused('InvalidRequest', 'The value specified in the x-amz-trailer header is not supported');
  const all = new Set([...given, ...announced]);
  if (all.size > 1) throw refused('InvalidRequest', 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.');
  for (const algorithm of given) {
    const value = header(headers, headerOf(algorithm)) ?? '';
    if (Buffer.from(value, 'base64').length !== lengthOf(algorithm)) throw refused('InvalidRequest', `Value for ${headerOf(algorithm)} header is invalid.`);
  }
  const [found] = all;
  const named = header(headers, 'x-amz-sdk-checksum-algorithm') ?? header(headers, 'x-amz-checksum-algorithm');
  if (named === undefined) return found;
  const algorithm = algorithmNamed(named);
  if (algorithm === undefined) throw refused('InvalidRequest', 'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]');
  if (found !== undefined && found !== algorithm) throw refused('InvalidRequest', 'Value for x-amz-sdk-checksum-algorithm header is invalid.');
  return algorithm;
}

const wrongMd5 = () => refused('BadDigest', 'The Content-MD5 you specified did not match what we received.');

async function* observed(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, see: (bytes: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    see(chunk);
    yield chunk;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // An object without bytes is an object all the same.
}
