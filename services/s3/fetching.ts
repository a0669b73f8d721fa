/** Objects on their way out: API_GetObject, API_HeadObject. */
import { objects as contract } from '../../contract/s3/objects.ts';
import { Answer } from '../../kit/http/implement.ts';
import { nobody } from '../../kit/http/caller.ts';
import type { ObjectBodies, Span } from '../object-store/bodies.ts';
import { downloadAnswer, headAnswer, type Download } from '../object-store/downloads.ts';
import { headerOf } from '../object-store/header-text.ts';
import { blobsOf, findVersion, type StoredObject } from '../object-store/objects.ts';
import { downloadOf } from '../object-store/reading.ts';
import { follow } from '../object-store/symlinks.ts';
import { textsOf } from '../object-store/visits.ts';
import { quoted, withHeaders, type Bytes } from './answers.ts';
import { headersFor } from './descriptions.ts';
import type { BodyRequest, S3Parts } from './incoming.ts';
import { enter, type Here } from './places.ts';
import { refused } from './refusals.ts';

export type Found = { here: Here; object: StoredObject };

/** The newest one, or the one of a version; refuses markers of deletions. */
export async function findOne(request: BodyRequest, bucket: string, key: string, operation: typeof contract.get | typeof contract.head): Promise<Found> {
  const { versionId: version } = textsOf(request);
  const here = await enter(request, bucket, { operation, list: 'read', action: version === undefined ? 's3:GetObject' : 's3:GetObjectVersion', key, permission: 'READ' });
  return { here, object: await versionAt(here, key, version) };
}

export async function versionAt(here: Here, key: string, version: string | undefined): Promise<StoredObject> {
  const object = await here.read((context) => findVersion(context, here.container, key, version));
  if (!object) throw refused(version === undefined ? 'NoSuchKey' : 'NoSuchVersion');
  if (!object.isMarker) return object;
  const headers = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': object.version };
  throw version === undefined ? refused('NoSuchKey', undefined, { headers }) : refused('MethodNotAllowed', undefined, { headers: { ...headers, allow: 'DELETE' } });
}

export async function showObject(parts: S3Parts, request: BodyRequest, bucket: string, key: string): Promise<Answer<Bytes>> {
  const found = await findOne(request, bucket, key, contract.get);
  const { download, part } = await prepared(parts.bodies, request, found);
  const range = headerOf(request.headers, 'range');
  // Of several ranges Amazon sends all.
  const headers = { ...request.headers, ...(part ? { range: `bytes=${part.span.first}-${part.span.last}` } : range?.includes(',') === true ? { range: undefined } : {}) };
  const answer = await downloadAnswer({ ...request, headers }, download);
  return withHeaders<Bytes>(answer, { ...overrides(request), ...(part ? { 'x-amz-mp-parts-count': String(part.count) } : {}) });
}

export async function showHead(parts: S3Parts, request: BodyRequest, bucket: string, key: string): Promise<Answer<undefined>> {
  const found = await findOne(request, bucket, key, contract.head);
  const { download, part } = await prepared(parts.bodies, request, found);
  const answer = withHeaders(headAnswer(request, download), overrides(request));
  if (!part) return answer;
  const { first, last } = part.span;
  return new Answer(undefined, { status: 206, headers: { ...answer.headers, 'content-length': String(last - first + 1), 'content-range': `bytes ${first}-${last}/${download.sizeBytes}`, 'x-amz-mp-parts-count': String(part.count) } });
}

type Part = { span: Span; count: number };

async function prepared(bodies: ObjectBodies, request: BodyRequest, { here, object: asked }: Found): Promise<{ download: Download; part: Part | undefined }> {
  const { here: there, object } = asked.kind === 'symlink' ? await follow(request, here, asked) : { here, object: asked };
  const plain = await downloadOf(bodies, there, object);
  const { partNumber } = textsOf(request);
  const part = partNumber === undefined ? undefined : await partOf({ here, object }, partNumber);
  // The checksum is of all of it.
  const withChecksum = headerOf(request.headers, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED' && part === undefined && headerOf(request.headers, 'range') === undefined;
  return { part, download: { ...plain, etag: quoted(plain.etag), headers: headersFor(object, { isVersioned: here.container.versioning !== 'off', withChecksum }) } };
}

/** Where a part of it lies. */
async function partOf({ here, object }: Found, number: string): Promise<Part> {
  if (!/^\d{1,5}$/.test(number) || Number(number) < 1 || Number(number) > 10_000) throw refused('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive');
  const sizes = object.kind === 'parts' ? (await here.read((context) => blobsOf(context, object))).map(({ sizeBytes }) => sizeBytes) : [object.sizeBytes];
  if (Number(number) > sizes.length) throw refused('InvalidRange', 'The requested partnumber is not satisfiable');
  const first = sizes.slice(0, Number(number) - 1).reduce((sum, size) => sum + size, 0);
  return { span: { first, last: first + sizes[Number(number) - 1]! - 1 }, count: sizes.length };
}

/** What the address says to call it. */
function overrides(request: BodyRequest): Record<string, string> {
  const query = textsOf(request);
  const wished = ['content-type', 'content-language', 'expires', 'cache-control', 'content-disposition', 'content-encoding'].flatMap((name): [string, string][] => {
    const value = query[`response-${name}`];
    return value === undefined || value === '' ? [] : [[name, value]];
  });
  if (wished.length > 0 && request.caller === nobody) throw refused('InvalidRequest', 'Request specific response headers cannot be used for anonymous GET requests.');
  if (wished.some(([, value]) => /[^\t\u0020-\u007e\u0080-\u00ff]/.test(value))) throw refused('InvalidArgument', 'Header value cannot be represented using ISO-8859-1.');
  return Object.fromEntries(wished);
}
