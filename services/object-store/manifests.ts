/** Manifests of large objects that name their segments one by one: swift/common/middleware/slo.py. */
import { createHash } from 'node:crypto';
import { limits, manifestLimits, symlinkLimits } from '../../contract/object-store/capabilities.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import type { AccountContext } from './accounts.ts';
import type { Span } from './bodies.ts';
import { findContainer } from './containers.ts';
import { findObject, type StoredObject } from './objects.ts';
import { splitPath } from './paths.ts';
import { spansOf } from './ranges.ts';
import { targetOf } from './symlinks.ts';
import { httpDateOf, listedTimeOf } from './timestamps.ts';
import { tooLarge } from './uploads.ts';
import { projectOf, type Visit } from './visits.ts';

/** As it is kept. */
export type ManifestSegment =
  | { data: string }
  | { name: string; bytes: number; hash: string; content_type: string; last_modified: string; range?: string; sub_slo?: true };

type Wished = { data: string } | { path: string; etag: string | null; size: number | undefined; range: string | undefined };

/** What is wrong with which segment. */
export type Problem = [path: string, reason: string];

export type Manifest = { segments: ManifestSegment[]; sizeBytes: number; etag: string };

export async function readWholeBody(body: AsyncIterable<Uint8Array> | undefined, mostBytes: number, words: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > mostBytes) throw tooLarge(words);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads what the client sent; refuses what is no manifest, saying all that is wrong. */
export function parseManifest(text: string, { container, object }: { container: string; object: string }): Wished[] {
  const parsed = parsedJson(text);
  if (!Array.isArray(parsed)) throw badRequest('Manifest must be a list.\n');
  const errors: string[] = [];
  const wished = parsed.map((each, index) => {
    const found = wishOf(each, { isLast: index === parsed.length - 1, own: `${container}/${object}` });
    if (typeof found === 'string') errors.push(`Index ${index}: ${found}\n`);
    return found;
  });
  if (wished.length > 0 && wished.every((each) => typeof each === 'object' && 'data' in each)) errors.push('Inline data segments require at least one object-backed segment.\n');
  if (errors.length > 0) throw badRequest(errors.join(''));
  if (wished.filter((each) => typeof each === 'object' && 'path' in each).length > manifestLimits.max_manifest_segments) throw tooLarge(`Number of object-backed segments must be <= ${manifestLimits.max_manifest_segments}`);
  return wished as Wished[];
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Fault(400, 'badRequest', 'Manifest must be valid JSON.\n', { cause });
  }
}

/** The wish, or what is wrong with it. */
function wishOf(given: unknown, { isLast, own }: { isLast: boolean; own: string }): Wished | string {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return 'not a JSON object';
  const segment = given as Record<string, unknown>;
  const kind = 'path' in segment ? 'path' : 'data' in segment ? 'data' : undefined;
  if (kind === undefined) return "expected keys to include one of b'path' or b'data'";
  const allowed = kind === 'path' ? ['path', 'range', 'etag', 'size_bytes'] : ['data'];
  const extraneous = Object.keys(segment).filter((key) => !allowed.includes(key));
  if (extraneous.length > 0) return `extraneous keys ${extraneous.toSorted().map((key) => JSON.stringify(key)).join(', ')}`;
  if (kind === 'data') return inlineOf(segment['data']);
  const { path, etag = null, size_bytes: size, range } = segment;
  if (typeof path !== 'string') return '"path" must be a string';
  if (etag !== null && typeof etag !== 'string') return '"etag" must be a string or null (if provided)';
  const bare = path.replace(/^\/+/, '');
  if (!bare.replace(/\/+$/, '').includes('/')) return 'path does not refer to an object. Path must be of the form /container/object.';
  const known = size === undefined || size === null ? undefined : Number(size);
  if (known !== undefined && (!Number.isSafeInteger(known) || !['number', 'string'].includes(typeof size))) return 'invalid size_bytes';
  if (known !== undefined && known < 1 && !isLast) return 'too small; each segment must be at least 1 byte.';
  if (bare === own) return 'manifest must not include itself as a segment';
  if (range === undefined || range === null || range === '') return { path, etag, size: known, range: undefined };
  if (typeof range !== 'string' || !/^\s*(\d+-\d*|-\d+)\s*(,.*)?$/.test(range)) return 'invalid range';
  if (range.includes(',')) return 'multiple ranges (only one allowed)';
  const spans = spansOf(`bytes=${range}`, known ?? limits.max_file_size);
  if (spans === undefined) return 'invalid range';
  if (known !== undefined && spans.length !== 1) return 'unsatisfiable range';
  return { path, etag, size: known, range };
}

function inlineOf(data: unknown): Wished | string {
  if (typeof data !== 'string' || !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(data) || data.replaceAll(/\s/g, '').replace(/=+$/, '').length % 4 === 1) return 'data must be valid base64';
  const bytes = Buffer.from(data, 'base64');
  return bytes.length < 1 ? 'too small; each segment must be at least 1 byte.' : { data: bytes.toString('base64') };
}

/** Looks at every segment that is named. */
export async function resolveManifest(context: AccountContext, here: Visit, wished: readonly Wished[]): Promise<Manifest | { problems: Problem[] }> {
  const problems: Problem[] = [];
  const segments: ManifestSegment[] = [];
  const etag = createHash('md5');
  let sizeBytes = 0;
  const found = await Promise.all(wished.map(async (each) => ('data' in each ? undefined : segmentObject(context, here, each.path))));
  for (const [index, each] of wished.entries()) {
    if ('data' in each) {
      const bytes = Buffer.from(each.data, 'base64');
      segments.push({ data: each.data });
      sizeBytes += bytes.length;
      etag.update(createHash('md5').update(bytes).digest('hex'));
      continue;
    }
    const object = found[index];
    const problem = (reason: string) => problems.push([encodeURI(each.path), reason]);
    if (object === undefined || typeof object === 'string') {
      problem(object ?? '404 Not Found');
      continue;
    }
    const spans = each.range === undefined ? undefined : spansOf(`bytes=${each.range}`, object.sizeBytes);
    const span = spans?.[0];
    if (spans !== undefined && !span) problem('Unsatisfiable Range');
    const isWhole = span === undefined || (span.first === 0 && span.last === object.sizeBytes - 1);
    const length = span === undefined ? object.sizeBytes : span.last - span.first + 1;
    if (length < 1 && index !== wished.length - 1) problem('Too small; each segment must be at least 1 byte.');
    if (each.size !== undefined && each.size !== object.sizeBytes) problem('Size Mismatch');
    if (each.etag !== null && each.etag.replaceAll('"', '') !== object.etag) problem('Etag Mismatch');
    const range = isWhole ? {} : { range: `${span.first}-${span.last}` };
    segments.push({ name: `/${each.path.replace(/^\/+/, '')}`, bytes: object.sizeBytes, hash: object.etag, content_type: object.contentType, last_modified: listedTimeOf(new Date(httpDateOf(object.writtenAt))), ...range, ...(object.kind === 'slo' ? { sub_slo: true as const } : {}) });
    sizeBytes += length;
    etag.update('range' in range ? `${object.etag}:${range.range};` : object.etag);
  }
  return problems.length > 0 ? { problems } : { segments, sizeBytes, etag: etag.digest('hex') };
}

/** The object that a path in a manifest names, itself or through links within the account, or why it cannot be had. */
export async function segmentObject(context: AccountContext, here: Visit, path: string, links = 0): Promise<StoredObject | string> {
  const { container: containerName, object: name } = splitPath(path);
  const container = await findContainer(context, containerName);
  if (!container) return '404 Not Found';
  if (!here.admits(container, 'read')) return '403 Forbidden';
  const found = await findObject(context, container, name);
  if (found?.kind !== 'symlink') return found ?? '404 Not Found';
  const target = targetOf(found);
  if (links >= symlinkLimits.symloop_max) return '409 Conflict';
  return projectOf(target.account) === here.projectId ? segmentObject(context, here, `${target.container}/${target.object}`, links + 1) : '403 Forbidden';
}

export function rangeOfSegment(range: string): Span {
  const [first = 0, last = 0] = range.split('-').map(Number);
  return { first, last };
}
