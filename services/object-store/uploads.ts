/** Bytes on their way in: what a request says of them, and what becomes of them on the disk. */
import { limits } from '../../contract/object-store/capabilities.ts';
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import { TooLarge, type ObjectBodies, type Received } from './bodies.ts';
import { guessedType } from './content-types.ts';
import { unlessIdle } from './patience.ts';
import { headerOf, isTrue, type IncomingHeaders } from './header-text.ts';
import { metadataOf } from './metadata.ts';
import type { ObjectKind } from './objects.ts';
import { decoded, splitPath } from './paths.ts';
import type { StoreRequest } from './visits.ts';

/** How many bytes are to come; undefined: nobody knows before they are there. */
export function lengthOf(headers: IncomingHeaders): number | undefined {
  const length = headerOf(headers, 'content-length');
  if (length === undefined) {
    if (!/(^|,\s*)chunked$/i.test(headerOf(headers, 'transfer-encoding') ?? '')) throw new Fault(411, 'LengthRequired', 'Missing Content-Length header.');
    return undefined;
  }
  if (!/^\d{1,15}$/.test(length)) throw badRequest('Invalid Content-Length header value');
  if (Number(length) > limits.max_file_size) throw tooLarge();
  return Number(length);
}

/** Takes the request's bytes in. Whoever gets them makes a row of them, or removes their file. */
export async function receive(bodies: ObjectBodies, { random, signal }: Pick<StoreRequest, 'random' | 'signal'>, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined, limitBytes: number = limits.max_file_size): Promise<Received> {
  try {
    return await bodies.receive(unlessIdle(bytes ?? nothing(), idleMs), { id: random.uuid().replaceAll('-', ''), limitBytes });
  } catch (error) {
    if (error instanceof TooLarge) throw tooLarge();
    if (signal.aborted) throw new Fault(499, 'ClientDisconnect', explanationOf(499), { cause: error });
    throw error;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // An object without bytes is an object all the same.
}

/** swift/proxy/server.py, client_timeout: whoever sends nothing for so long sends no more. */
const idleMs = 60_000;

/** Headers that are kept with an object, besides its metadata: swift/obj/server.py, allowed_headers. */
const kept = ['content-disposition', 'content-encoding', 'x-object-manifest', 'cache-control', 'content-language', 'expires', 'x-robots-tag'];

/** What is said of an object, and lasts until it is said anew. */
export function describedBy(headers: IncomingHeaders, now: Date): { headers: Record<string, string>; deleteAt: Date | null } {
  const said = kept.flatMap((name): [string, string][] => {
    const value = headerOf(headers, name);
    return value === undefined || value === '' ? [] : [[name, value]];
  });
  return { headers: { ...metadataOf(headers, 'object'), ...Object.fromEntries(said) }, deleteAt: deleteAtOf(headers, now) };
}

/** What names its segments by their beginning is a manifest, whatever its own bytes are. */
export function kindOf(headers: Readonly<Record<string, string>>): ObjectKind {
  const manifest = headers['x-object-manifest'];
  if (manifest === undefined) return 'plain';
  const { container, object } = splitPath(decoded(manifest));
  if (container === '' || object === '' || /[?&]/.test(manifest)) throw badRequest('X-Object-Manifest must be in the format container/prefix');
  return 'dlo';
}

/** As it is said, or guessed from the name. */
export function contentTypeOf(headers: IncomingHeaders, name: string): string {
  const given = headerOf(headers, 'content-type');
  return given === undefined || given === '' || isTrue(headerOf(headers, 'x-detect-content-type')) ? guessedType(name) : given;
}

/** swift/common/constraints.py, check_delete_headers. */
function deleteAtOf(headers: IncomingHeaders, now: Date): Date | null {
  const [after, at] = [headerOf(headers, 'x-delete-after'), headerOf(headers, 'x-delete-at')];
  if (after !== undefined) {
    if (!/^\s*[+-]?\d+\s*$/.test(after)) throw badRequest('Non-integer X-Delete-After');
    const seconds = Math.floor(now.getTime() / 1000) + Number(after);
    if (seconds * 1000 <= now.getTime()) throw badRequest('X-Delete-After in past');
    return moment(seconds);
  }
  if (at === undefined || at === '') return null;
  if (!/^\s*[+-]?\d+\s*$/.test(at)) throw badRequest('Non-integer X-Delete-At');
  if (Number(at) * 1000 <= now.getTime()) throw badRequest('X-Delete-At in past');
  return moment(Number(at));
}

/** Swift's timestamps have ten digits before the point. */
function moment(seconds: number): Date {
  return new Date(Math.min(seconds, 9_999_999_999) * 1000);
}

/** A write that is to replace nothing. */
export function mustBeNew(headers: IncomingHeaders): boolean {
  const given = headerOf(headers, 'if-none-match');
  if (given === undefined) return false;
  if (given.trim() !== '*') throw badRequest('If-None-Match only supports *');
  return true;
}

export function checkObjectName(name: string): void {
  const length = Buffer.byteLength(name);
  if (length > limits.max_object_name_length) throw badRequest(`Object name length of ${length} longer than ${limits.max_object_name_length}`);
}

export function tooLarge(message = 'Your request is too large.'): Fault {
  return new Fault(413, 'RequestEntityTooLarge', message);
}

