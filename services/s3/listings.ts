/** Lists of a bucket: objects (both versions of the operation), versions, and uploads under way. */
import type { Answer } from '../../kit/http/implement.ts';
import { listUploads, type Upload } from '../object-store/multipart-uploads.ts';
import { findVersion, listObjects, listVersions, type ListedObject } from '../object-store/objects.ts';
import { textsOf } from '../object-store/visits.ts';
import type { StoreRequest } from '../object-store/visits.ts';
import { quoted, timeText, xmlAnswer } from './answers.ts';
import { checksumOf } from './descriptions.ts';
import { ownerOf } from './grants.ts';
import type { Here } from './places.ts';
import { refused } from './refusals.ts';
import type { Content } from './xml.ts';

const mostKeys = 1000;
/** Behind every name that begins like this. */
const last = '\u{10ffff}';

type Query = Record<string, string | undefined>;

/** ListObjects: goes on after a marker. */
export async function listFirst(request: StoreRequest, here: Here): Promise<Answer<Buffer>> {
  const query = textsOf(request);
  const { prefix = '', delimiter = '', marker = '' } = query;
  const page = await objectsPage(here, { prefix, delimiter, after: marker, limit: limitOf(query, 'max-keys') });
  const encode = encodingOf(query);
  return xmlAnswer('ListBucketResult', {
    Name: here.container.name,
    Prefix: encode(prefix),
    Marker: encode(marker),
    MaxKeys: limitOf(query, 'max-keys'),
    Delimiter: delimiter === '' ? null : encode(delimiter),
    EncodingType: query['encoding-type'],
    IsTruncated: page.isTruncated,
    // Amazon tells it with a delimiter only: without, it is the last key.
    NextMarker: page.isTruncated && delimiter !== '' ? encode(page.last) : null,
    Contents: page.objects.map((each) => contentOf(each, here, encode, true)),
    CommonPrefixes: page.prefixes.map((each) => ({ Prefix: encode(each) })),
  });
}

/** ListObjectsV2: goes on by a token. */
export async function listSecond(request: StoreRequest, here: Here): Promise<Answer<Buffer>> {
  const query = textsOf(request);
  const { prefix = '', delimiter = '', 'start-after': startAfter = '', 'continuation-token': token } = query;
  const after = token === undefined ? startAfter : continued(token);
  const page = await objectsPage(here, { prefix, delimiter, after, limit: limitOf(query, 'max-keys') });
  const encode = encodingOf(query);
  return xmlAnswer('ListBucketResult', {
    Name: here.container.name,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? null : encode(delimiter),
    StartAfter: startAfter === '' ? null : encode(startAfter),
    ContinuationToken: token,
    EncodingType: query['encoding-type'],
    KeyCount: page.objects.length + page.prefixes.length,
    MaxKeys: limitOf(query, 'max-keys'),
    IsTruncated: page.isTruncated,
    NextContinuationToken: page.isTruncated ? Buffer.from(page.last).toString('base64url') : null,
    Contents: page.objects.map((each) => contentOf(each, here, encode, query['fetch-owner'] === 'true')),
    CommonPrefixes: page.prefixes.map((each) => ({ Prefix: encode(each) })),
  });
}

export async function listAllVersions(request: StoreRequest, here: Here): Promise<Answer<Buffer>> {
  const query = textsOf(request);
  const { prefix = '', delimiter = '', 'key-marker': keyMarker = '', 'version-id-marker': versionMarker = '' } = query;
  if (keyMarker === '' && versionMarker !== '') throw refused('InvalidArgument', 'A version-id marker cannot be specified without a key marker.');
  const limit = limitOf(query, 'max-keys');
  const marker = versionMarker === '' ? undefined : await here.read((context) => findVersion(context, here.container, keyMarker, versionMarker));
  // Where the one that it is to go on behind was deleted meanwhile, it goes on with all that are left of that name.
  const id = versionMarker === '' ? undefined : (marker?.id ?? Number.MAX_SAFE_INTEGER);
  const page = await grouped(
    (name, after) => here.read((context) => listVersions(context, here.container, { prefix, name, id: after, limit: mostKeys })),
    { prefix, delimiter, limit, from: { name: keyMarker, id }, idOf: (each) => each.id },
  );
  const encode = encodingOf(query);
  const entry = (each: Exclude<ListedObject, { subdir: string }>) => ({
    Key: encode(each.name),
    VersionId: each.version,
    IsLatest: each.isLatest,
    LastModified: timeText(each.writtenAt),
    ...(each.isMarker ? {} : { ETag: quoted(each.etag), Size: each.sizeBytes, StorageClass: 'STANDARD' }),
    Owner: ownerOf(here.projectId),
  });
  const end = page.end;
  return xmlAnswer('ListVersionsResult', {
    Name: here.container.name,
    Prefix: encode(prefix),
    KeyMarker: encode(keyMarker),
    VersionIdMarker: versionMarker,
    MaxKeys: limit,
    Delimiter: delimiter === '' ? null : encode(delimiter),
    EncodingType: query['encoding-type'],
    IsTruncated: page.isTruncated,
    ...(page.isTruncated && end ? { NextKeyMarker: encode(end.name), ...(end.item ? { NextVersionIdMarker: end.item.version } : {}) } : {}),
    Version: page.items.filter(({ isMarker }) => !isMarker).map(entry),
    DeleteMarker: page.items.filter(({ isMarker }) => isMarker).map(entry),
    CommonPrefixes: page.prefixes.map((each) => ({ Prefix: encode(each) })),
  });
}

export async function listUploadsUnderWay(request: StoreRequest, here: Here): Promise<Answer<Buffer>> {
  const query = textsOf(request);
  const { prefix = '', delimiter = '', 'key-marker': keyMarker = '', 'upload-id-marker': idMarker = '' } = query;
  const limit = limitOf(query, 'max-uploads');
  const page = await grouped<Upload, string>(
    (name, id) => here.read((context) => listUploads(context, here.container, { prefix, name, id, limit: mostKeys })),
    { prefix, delimiter, limit, from: { name: keyMarker, id: keyMarker === '' || idMarker === '' ? undefined : idMarker }, idOf: ({ id }) => id },
  );
  const encode = encodingOf(query);
  return xmlAnswer('ListMultipartUploadsResult', {
    Bucket: here.container.name,
    KeyMarker: encode(keyMarker),
    UploadIdMarker: idMarker,
    ...(page.isTruncated && page.end ? { NextKeyMarker: encode(page.end.name), NextUploadIdMarker: page.end.item?.id ?? '' } : {}),
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? null : encode(delimiter),
    EncodingType: query['encoding-type'],
    MaxUploads: limit,
    IsTruncated: page.isTruncated,
    Upload: page.items.map(({ id, name, startedAt }) => ({ Key: encode(name), UploadId: id, Initiator: ownerOf(here.projectId), Owner: ownerOf(here.projectId), StorageClass: 'STANDARD', Initiated: timeText(startedAt) })),
    CommonPrefixes: page.prefixes.map((each) => ({ Prefix: encode(each) })),
  });
}

type ObjectsPage = { objects: Exclude<ListedObject, { subdir: string }>[]; prefixes: string[]; isTruncated: boolean; last: string };

async function objectsPage(here: Here, { prefix, delimiter, after, limit }: { prefix: string; delimiter: string; after: string; limit: number }): Promise<ObjectsPage> {
  const found = limit === 0 ? [] : await here.read((context) => listObjects(context, here.container, { prefix, delimiter, after, limit: limit + 1 }));
  const shown = found.slice(0, limit);
  const end = shown.at(-1);
  return {
    objects: shown.flatMap((each) => (each.subdir === null ? [each] : [])),
    prefixes: shown.flatMap((each) => (each.subdir === null ? [] : [each.subdir])),
    isTruncated: found.length > limit,
    last: end === undefined ? '' : (end.subdir ?? end.name),
  };
}

type Grouped<T> = { items: T[]; prefixes: string[]; isTruncated: boolean; end: { name: string; item: T | undefined } | undefined };

/** What has the delimiter behind the prefix is one entry, up to it; the list goes on behind all of those. */
async function grouped<T extends { name: string }, Id>(
  next: (name: string, id: Id | undefined) => Promise<T[]>,
  { prefix, delimiter, limit, from, idOf }: { prefix: string; delimiter: string; limit: number; from: { name: string; id: Id | undefined }; idOf(item: T): Id },
): Promise<Grouped<T>> {
  const result: Grouped<T> = { items: [], prefixes: [], isTruncated: false, end: undefined };
  let place = delimiter !== '' && from.id === undefined && from.name.startsWith(prefix) && from.name.endsWith(delimiter) ? { name: from.name + last, id: undefined } : from;
  while (limit > 0) {
    const found = await next(place.name, place.id);
    let jumped = false;
    for (const item of found) {
      const at = delimiter === '' ? -1 : item.name.indexOf(delimiter, prefix.length);
      if (result.items.length + result.prefixes.length >= limit) return { ...result, isTruncated: true };
      if (at < 0) {
        result.items.push(item);
        result.end = { name: item.name, item };
        place = { name: item.name, id: idOf(item) };
        continue;
      }
      const group = item.name.slice(0, at + delimiter.length);
      result.prefixes.push(group);
      result.end = { name: group, item: undefined };
      place = { name: group + last, id: undefined };
      jumped = true;
      break;
    }
    if (!jumped && found.length < mostKeys) return result;
  }
  return result;
}

function contentOf(each: Exclude<ListedObject, { subdir: string }>, { projectId }: Here, encode: (text: string) => string, withOwner: boolean): Content {
  const checksum = checksumOf(each);
  return {
    Key: encode(each.name),
    LastModified: timeText(each.writtenAt),
    ETag: quoted(each.etag),
    ChecksumAlgorithm: checksum?.algorithm,
    ChecksumType: checksum?.type,
    Size: each.sizeBytes,
    Owner: withOwner ? ownerOf(projectId) : null,
    StorageClass: 'STANDARD',
  };
}

export function limitOf(query: Query, name: string): number {
  const given = query[name];
  if (given === undefined || given === '') return mostKeys;
  if (!/^\d{1,10}$/.test(given) || Number(given) > 2_147_483_647) throw refused('InvalidArgument', `Provided ${name} not an integer or within integer range`);
  return Math.min(Number(given), mostKeys);
}

function encodingOf(query: Query): (text: string) => string {
  const { 'encoding-type': type } = query;
  if (type === undefined || type === '') return (text) => text;
  if (type !== 'url') throw refused('InvalidArgument', 'Invalid Encoding Method specified in Request');
  return (text) => encodeURIComponent(text).replaceAll('%2F', '/').replaceAll(/[!'()]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

function continued(token: string): string {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  if (token === '' || text.includes('\ufffd') || text.includes('\0')) throw refused('InvalidArgument', 'The continuation token provided is incorrect');
  return text;
}
