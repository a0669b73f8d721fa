/** What a stored object is when it is downloaded: its own bytes, or those of the objects that it names. */
import { createHash } from 'node:crypto';
import { limits } from '../../contract/object-store/capabilities.ts';
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import type { ObjectBodies, Span } from './bodies.ts';
import { getContainer } from './containers.ts';
import type { Download } from './downloads.ts';
import { headerOf, type IncomingHeaders } from './header-text.ts';
import { rangeOfSegment, segmentObject, type ManifestSegment } from './manifests.ts';
import { blobsOf, listObjects, readBlobs, type StoredObject } from './objects.ts';
import { decoded, splitPath } from './paths.ts';
import { spansOf } from './ranges.ts';
import type { Visit } from './visits.ts';

/** A part of something larger. */
type Segment = { length: number; read(span: Span): AsyncGenerator<Buffer> };

/** Manifests that name manifests, and so on. */
const mostLevels = 10;
const mostPages = 100;
const pageSize = 10_000;

/** `asManifest`: what is kept of it, and not what it stands for; `raw`: as a client would put it again. `partAsked`: which segment of a manifest's is wished, if one is. */
export async function downloadOf(bodies: ObjectBodies, here: Visit, object: StoredObject, { asManifest = false, level = 0, partAsked }: { asManifest?: boolean | 'raw'; level?: number; partAsked?: () => number | undefined } = {}): Promise<Download> {
  const own = { contentType: object.contentType, modifiedAt: object.writtenAt, headers: shownHeaders(object) };
  const ownBytes = { ...own, sizeBytes: object.sizeBytes, etag: object.etag, read: (span?: Span) => readOwn(bodies, here, object, span) };
  switch (object.kind) {
    case 'slo':
      if (asManifest === 'raw') return { ...own, ...asItWasPut(await manifestOf(bodies, here, object)) };
      if (asManifest) return { ...ownBytes, sizeBytes: object.usedBytes, etag: String(object.facts['manifestMd5']), contentType: 'application/json; charset=utf-8' };
      return { ...own, headers: { ...own.headers, 'x-manifest-etag': String(object.facts['manifestMd5']) }, sizeBytes: object.sizeBytes, etag: `"${object.etag}"`, part: await partOf(partAsked?.(), () => segmentsOfManifest(bodies, here, object, level)), read: (span) => readSegments(() => segmentsOfManifest(bodies, here, object, level), span) };
    case 'dlo': {
      if (asManifest) return { ...ownBytes, sizeBytes: object.usedBytes };
      const { segments, etag } = await segmentsByPrefix(bodies, here, object, level);
      const sizeBytes = segments.reduce((sum, { length }) => sum + length, 0);
      // swift/common/middleware/dlo.py: of many segments one range is enough work.
      return { ...own, sizeBytes, etag: `"${etag}"`, inOneRange: true, read: (span) => readSegments(async () => segments, span) };
    }
    case 'plain':
    case 'parts':
    case 'symlink':
      return ownBytes;
    default:
      return object.kind satisfies never;
  }
}

/** swift/common/middleware/slo.py, convert_segment_listing */
function asItWasPut(segments: readonly ManifestSegment[]): Pick<Download, 'sizeBytes' | 'etag' | 'read'> {
  const wishes = segments.map((segment) => ('data' in segment ? segment : { etag: segment.hash, path: segment.name, ...(segment.range === undefined ? {} : { range: segment.range }), size_bytes: segment.bytes }));
  const bytes = Buffer.from(JSON.stringify(wishes));
  return {
    sizeBytes: bytes.length,
    etag: createHash('md5').update(bytes).digest('hex'),
    async *read(span) {
      yield span ? bytes.subarray(span.first, span.last + 1) : bytes;
    },
  };
}

async function partOf(number: number | undefined, open: () => Promise<readonly Segment[]>): Promise<Download['part']> {
  if (number === undefined) return undefined;
  const segments = await open();
  const segment = segments[number - 1];
  const first = segments.slice(0, number - 1).reduce((sum, { length }) => sum + length, 0);
  return { count: segments.length, span: segment && { first, last: first + segment.length - 1 } };
}

/** Whether a manifest itself is asked for, and in which form. */
export function manifestWish({ 'multipart-manifest': wish, format }: Readonly<Record<string, string | undefined>>): boolean | 'raw' {
  if (wish !== 'get') return false;
  return format === 'raw' ? 'raw' : true;
}

/** By its number, from 1: swift/common/request_helpers.py, get_valid_part_num. */
export function partNumberIn({ 'part-number': text }: Readonly<Record<string, string | undefined>>, headers: IncomingHeaders): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\s*\+?\d{1,15}\s*$/.test(text) || Number(text) === 0) throw badRequest('Part number must be an integer greater than 0');
  if (spansOf(headerOf(headers, 'range'), limits.max_file_size) !== undefined) throw badRequest('Range requests are not supported with part number queries');
  return Number(text);
}

export function shownHeaders({ headers, kind, deleteAt }: StoredObject): Record<string, string> {
  return { ...headers, ...(kind === 'slo' ? { 'x-static-large-object': 'True' } : {}), ...(deleteAt === null ? {} : { 'x-delete-at': String(Math.floor(deleteAt.getTime() / 1000)) }) };
}

export async function manifestOf(bodies: ObjectBodies, here: Visit, object: StoredObject): Promise<ManifestSegment[]> {
  const pieces: Buffer[] = [];
  for await (const piece of readOwn(bodies, here, object)) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString()) as ManifestSegment[];
}

async function* readOwn(bodies: ObjectBodies, here: Visit, object: StoredObject, span?: Span): AsyncGenerator<Buffer> {
  yield* readBlobs(bodies, object.blob ? [object.blob] : await here.read((context) => blobsOf(context, object)), span);
}

async function* readSegments(open: () => Promise<readonly Segment[]>, span?: Span): AsyncGenerator<Buffer> {
  let begin = 0;
  for (const segment of await open()) {
    const [first, last] = [Math.max((span?.first ?? 0) - begin, 0), Math.min((span?.last ?? Infinity) - begin, segment.length - 1)];
    if (first <= last) yield* segment.read({ first, last });
    begin += segment.length;
    if (span && begin > span.last) return;
  }
}

async function segmentsOfManifest(bodies: ObjectBodies, here: Visit, object: StoredObject, level: number): Promise<Segment[]> {
  if (level >= mostLevels) throw segmentConflict();
  return (await manifestOf(bodies, here, object)).map((segment): Segment => {
    if ('data' in segment) {
      const bytes = Buffer.from(segment.data, 'base64');
      return { length: bytes.length, read: async function* ({ first, last }) { yield bytes.subarray(first, last + 1); } };
    }
    const part = segment.range === undefined ? { first: 0, last: segment.bytes - 1 } : rangeOfSegment(segment.range);
    return {
      length: part.last - part.first + 1,
      async *read({ first, last }) {
        const found = await here.read((context) => segmentObject(context, here, segment.name));
        // What was written there since is not what the manifest means.
        if (typeof found === 'string' || found.etag !== segment.hash || found.sizeBytes !== segment.bytes) throw segmentConflict();
        const download = await downloadOf(bodies, here, found, { level: level + 1 });
        yield* download.read({ first: part.first + first, last: part.first + last });
      },
    };
  });
}

/** All that is in a container under a prefix, in order: swift/common/middleware/dlo.py. */
async function segmentsByPrefix(bodies: ObjectBodies, here: Visit, object: StoredObject, level: number): Promise<{ segments: Segment[]; etag: string }> {
  if (level >= mostLevels) throw segmentConflict();
  const { container: containerName, object: prefix } = splitPath(decoded(object.headers['x-object-manifest'] ?? ''));
  const hash = createHash('md5');
  const segments: Segment[] = [];
  let after: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const found = await here.read(async (context) => {
      const container = await getContainer(context, containerName);
      if (!here.admits(container, 'read')) throw new Fault(403, 'AccessDenied', explanationOf(403));
      return listObjects(context, container, { prefix, after, limit: pageSize });
    });
    for (const each of found) {
      if (each.subdir !== null) continue;
      const { name, sizeBytes, etag } = each;
      hash.update(etag);
      after = name;
      segments.push({
        length: sizeBytes,
        async *read(span) {
          const segment = await here.read((context) => segmentObject(context, here, `${containerName}/${name}`));
          if (typeof segment === 'string' || segment.etag !== etag) throw segmentConflict();
          yield* (await downloadOf(bodies, here, segment, { level: level + 1, asManifest: segment.kind === 'dlo' })).read(span);
        },
      });
    }
    if (found.length < pageSize) return { segments, etag: hash.digest('hex') };
  }
  throw new Fault(409, 'Conflict', `More than ${mostPages * pageSize} objects are below ${containerName}/${prefix}.`);
}

function segmentConflict(): Fault {
  return new Fault(409, 'Conflict', explanationOf(409));
}
