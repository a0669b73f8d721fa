/** Uploads in parts: API_CreateMultipartUpload and those that follow it. */
import { objects as contract } from '../../contract/s3/objects.ts';
import { limits } from '../../contract/object-store/capabilities.ts';
import type { Answer } from '../../kit/http/implement.ts';
import { getContainer } from '../object-store/containers.ts';
import { headerOf } from '../object-store/header-text.ts';
import { abortUpload, beginUpload, completeUpload, getUpload, listParts, mostParts, putPart, type Upload, type UploadPart } from '../object-store/multipart-uploads.ts';
import { findObject, keeping } from '../object-store/objects.ts';
import { keepOlder } from '../object-store/older-versions.ts';
import { downloadOf } from '../object-store/reading.ts';
import { receive } from '../object-store/uploads.ts';
import { demandRoom } from '../object-store/usage-limits.ts';
import { textsOf } from '../object-store/visits.ts';
import { emptyAnswer, isFault, quoted, timeText, withHeaders, xmlAnswer } from './answers.ts';
import { algorithmNamed, algorithms, checksumOfParts, elementOf, headerOf as checksumHeader, isCyclic, type Algorithm, type Checksum, type ChecksumType } from './checksums.ts';
import { sourceOf } from './copies.ts';
import { checksumOf, demandKnown, describedIn } from './descriptions.ts';
import { ownerOf } from './grants.ts';
import { takeIn, takeText, type BodyRequest, type S3Parts } from './incoming.ts';
import { limitOf } from './listings.ts';
import { enter, type Here } from './places.ts';
import { grantsOfNew } from './public-access.ts';
import { refused } from './refusals.ts';
import { wishedLock } from './retentions.ts';
import { tagsOfHeader } from './tags.ts';
import { childrenOf, malformed, parse, textOf } from './xml.ts';
import { conditionOfWrite } from './write-conditions.ts';

/** What is told of the object's checksum when an upload begins. */
type Wished = { algorithm: Algorithm; type: ChecksumType };

export async function begin(request: BodyRequest, bucket: string, key: string): Promise<Answer<Buffer>> {
  const { headers, now } = request;
  const here = await enterToWrite(request, bucket, key);
  demandKnown(headers);
  const described = describedIn(headers, now);
  const grants = grantsOfNew(here, headers);
  const tags = headerOf(headers, 'x-amz-tagging');
  const wished = wishedChecksum(request);
  const facts = { ...(tags === undefined ? {} : { tags: tagsOfHeader(tags) }), ...(grants.length === 0 ? {} : { grants }), ...(wished ? { checksum: wished } : {}), ...wishedLock(headers, here.container, now) };
  const upload = await here.commit(async (context) => beginUpload(context, { container: await getContainer(context, here.container.name), name: key }, { ...described, facts }));
  const told: Record<string, string> = wished ? { 'x-amz-checksum-algorithm': wished.algorithm, 'x-amz-checksum-type': wished.type } : {};
  return xmlAnswer('InitiateMultipartUploadResult', { Bucket: here.container.name, Key: key, UploadId: upload.id }, told);
}

export async function uploadPart(parts: S3Parts, request: BodyRequest, bucket: string, key: string): Promise<Answer<Buffer>> {
  const { here, id, number, upload } = await part(request, bucket, key);
  const announced = Number(headerOf(request.headers, 'x-amz-decoded-content-length') ?? headerOf(request.headers, 'content-length') ?? 0);
  await here.read((context) => demandRoom(context, here.container, announced, here));
  const { received, checksum } = await takeIn(parts, request, { fallback: wishedOf(upload)?.algorithm });
  const { md5 } = await keeping(parts.bodies, received, () =>
    here.commit(async (context) => {
      const container = await getContainer(context, here.container.name);
      await demandRoom(context, container, received.sizeBytes, here);
      return putPart(context, { container, name: key }, id, { number, body: { received }, facts: checksum ? { checksum } : {} });
    }),
  );
  return emptyAnswer(200, { etag: quoted(md5), ...(checksum ? { [checksumHeader(checksum.algorithm)]: checksum.value } : {}) });
}

/** API_UploadPartCopy. */
export async function copyPart(parts: S3Parts, request: BodyRequest, bucket: string, key: string, text: string): Promise<Answer<Buffer>> {
  const { here, id, number } = await part(request, bucket, key);
  const source = await sourceOf(request, text);
  const download = await downloadOf(parts.bodies, source.here, source.object);
  const range = headerOf(request.headers, 'x-amz-copy-source-range');
  const [, first, last] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(range ?? '') ?? [];
  if (range !== undefined && (first === undefined || last === undefined || Number(first) > Number(last) || Number(last) >= download.sizeBytes)) throw refused('InvalidArgument', 'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy');
  const span = first === undefined ? undefined : { first: Number(first), last: Number(last) };
  const length = span ? span.last - span.first + 1 : download.sizeBytes;
  if (length > limits.max_file_size) throw refused('InvalidRequest', 'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120');
  await here.read((context) => demandRoom(context, here.container, length, here));
  const received = await receive(parts.bodies, request, download.read(span));
  const { md5 } = await keeping(parts.bodies, received, () => here.commit(async (context) => putPart(context, { container: await getContainer(context, here.container.name), name: key }, id, { number, body: { received }, facts: {} })));
  return xmlAnswer('CopyPartResult', { LastModified: timeText(request.now), ETag: quoted(md5) }, source.here.container.versioning === 'off' ? {} : { 'x-amz-copy-source-version-id': source.object.version });
}

export async function showParts(request: BodyRequest, bucket: string, key: string): Promise<Answer<Buffer>> {
  const query = textsOf(request);
  const here = await enter(request, bucket, { operation: contract.get, list: 'write', action: 's3:ListMultipartUploadParts', key });
  const { 'part-number-marker': marker = '0' } = query;
  const limit = limitOf(query, 'max-parts');
  if (!/^\d{1,10}$/.test(marker)) throw refused('InvalidArgument');
  const after = Math.min(Number(marker), mostParts);
  const { upload, found } = await here.read(async (context) => {
    const upload = await getUpload(context, { container: here.container, name: key }, query['uploadId'] ?? '');
    return { upload, found: await listParts(context, upload, { after, limit: limit + 1 }) };
  });
  const shown = found.slice(0, limit);
  const wished = wishedOf(upload);
  return xmlAnswer('ListPartsResult', {
    Bucket: here.container.name,
    Key: key,
    UploadId: upload.id,
    Initiator: ownerOf(here.projectId),
    Owner: ownerOf(here.projectId),
    StorageClass: 'STANDARD',
    PartNumberMarker: after,
    NextPartNumberMarker: shown.at(-1)?.number ?? after,
    MaxParts: limit,
    IsTruncated: found.length > limit,
    ...(wished ? { ChecksumAlgorithm: wished.algorithm, ChecksumType: wished.type } : {}),
    Part: shown.map((each) => {
      const checksum = checksumOf(each);
      return { PartNumber: each.number, LastModified: timeText(each.writtenAt), ETag: quoted(each.md5), Size: each.sizeBytes, ...(checksum ? { [elementOf(checksum.algorithm)]: checksum.value } : {}) };
    }),
  });
}

export async function abort(request: BodyRequest, bucket: string, key: string): Promise<Answer<Buffer>> {
  const here = await enter(request, bucket, { operation: contract.delete, list: 'write', action: 's3:AbortMultipartUpload', key });
  await here.commit((context) => abortUpload(context, { container: here.container, name: key }, textsOf(request)['uploadId'] ?? ''));
  return emptyAnswer(204);
}

const mostBytes = 4 * 1024 * 1024;

export async function complete(parts: S3Parts, request: BodyRequest, bucket: string, key: string): Promise<Answer<Buffer>> {
  const id = textsOf(request)['uploadId'] ?? '';
  const here = await enterToWrite(request, bucket, key);
  const named = childrenOf(parse(await takeText(parts, withoutObjectChecksum(request), mostBytes), 'CompleteMultipartUpload'), 'Part').map((each) => {
    const [number, etag] = [textOf(each, 'PartNumber') ?? '', textOf(each, 'ETag')];
    if (!/^\d{1,5}$/.test(number) || etag === undefined) throw malformed();
    return { number: Number(number), etag: etag.replaceAll('"', ''), checksums: algorithms.map((algorithm) => textOf(each, elementOf(algorithm))) };
  });
  if (named.length === 0 || named.length > mostParts) throw malformed();
  const condition = conditionOfWrite(request.headers);
  let checksum: Checksum | undefined;
  const done = await here.commit(async (context) => {
    const container = await getContainer(context, here.container.name);
    const place = { container, name: key };
    try {
      return await completeUpload(context, place, id, named, {
        async demand() {
          await condition(context, container, key);
          await keepOlder(context, here, container, key);
        },
        finish(upload, found) {
          checksum = wholeChecksum(request, upload, found, named);
          const { checksum: _, ...facts } = upload.facts;
          return { facts: { ...facts, upload: upload.id, ...(checksum ? { checksum } : {}) } };
        },
      });
    } catch (error) {
      if (!isFault(error, 'NoSuchUpload')) throw error;
      // The answer to the first request was lost: the same again is answered the same.
      const object = await findObject(context, container, key);
      if (object?.facts['upload'] !== id) throw error;
      checksum = checksumOf(object);
      return object;
    }
  });
  const body = xmlAnswer('CompleteMultipartUploadResult', { Location: `${request.base}/s3/${encodeURI(`${bucket}/${key}`)}`, Bucket: here.container.name, Key: key, ETag: quoted(done.etag), ...(checksum ? { [elementOf(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type } : {}) });
  return here.container.versioning === 'off' ? body : withHeaders(body, { 'x-amz-version-id': done.version });
}

function enterToWrite(request: BodyRequest, bucket: string, key: string): Promise<Here> {
  return enter(request, bucket, { operation: contract.put, list: 'write', action: 's3:PutObject', key });
}

async function part(request: BodyRequest, bucket: string, key: string): Promise<{ here: Here; id: string; number: number; upload: Upload }> {
  const { uploadId: id, partNumber: number = '' } = textsOf(request);
  if (id === undefined || !/^\d{1,5}$/.test(number) || Number(number) < 1 || Number(number) > mostParts) throw refused('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive');
  const here = await enterToWrite(request, bucket, key);
  const upload = await here.read((context) => getUpload(context, { container: here.container, name: key }, id));
  return { here, id, number: Number(number), upload };
}

function wishedOf({ facts }: Pick<Upload, 'facts'>): Wished | undefined {
  return facts['checksum'] as Wished | undefined;
}

function wishedChecksum({ headers }: BodyRequest): Wished | undefined {
  const [named, type] = [headerOf(headers, 'x-amz-checksum-algorithm'), headerOf(headers, 'x-amz-checksum-type')?.toUpperCase()];
  if (named === undefined) {
    if (type !== undefined) throw refused('InvalidRequest', 'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.');
    return undefined;
  }
  const algorithm = algorithmNamed(named);
  if (algorithm === undefined) throw refused('InvalidRequest', 'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]');
  const wished = type ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE');
  if (wished !== 'FULL_OBJECT' && wished !== 'COMPOSITE') throw refused('InvalidRequest', 'Value for x-amz-checksum-type header is invalid.');
  if ((wished === 'FULL_OBJECT' && !isCyclic(algorithm)) || (wished === 'COMPOSITE' && algorithm === 'CRC64NVME')) throw refused('InvalidRequest', `The ${wished} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`);
  return { algorithm, type: wished };
}

/** Of the object, where all parts have one; refuses where the client has counted another. */
function wholeChecksum({ headers }: BodyRequest, upload: Upload, found: readonly UploadPart[], named: readonly { checksums: (string | undefined)[] }[]): Checksum | undefined {
  for (const [index, each] of found.entries())
    for (const [which, told] of named[index]!.checksums.entries()) {
      const known = checksumOf(each);
      if (told !== undefined && known?.algorithm === algorithms[which] && known?.value !== told) throw refused('InvalidPart');
    }
  const wished = wishedOf(upload);
  if (!wished) return undefined;
  const values = found.map((each) => ({ value: checksumOf(each)?.value, sizeBytes: each.sizeBytes }));
  const known = values.flatMap(({ value, sizeBytes }) => (value === undefined ? [] : [{ value, sizeBytes }]));
  // Parts that were copied from elsewhere have none.
  if (known.length < values.length) return undefined;
  const checksum = checksumOfParts(wished.algorithm, wished.type, known);
  const told = headerOf(headers, checksumHeader(wished.algorithm));
  if (told !== undefined && told !== checksum.value) throw refused('BadDigest', `The ${wished.algorithm} you specified did not match the calculated checksum.`);
  return checksum;
}

/** There it is about the object, and not about the document that comes. */
function withoutObjectChecksum(request: BodyRequest): BodyRequest {
  const named = algorithms.map((each) => checksumHeader(each));
  return { ...request, headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => !named.includes(name))) };
}
