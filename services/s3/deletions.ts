/** Objects and versions that are deleted: one, or up to a thousand by one request. */
import { buckets } from '../../contract/s3/buckets.ts';
import { objects } from '../../contract/s3/objects.ts';
import { Fault } from '../../kit/fault.ts';
import type { Answer } from '../../kit/http/implement.ts';
import type { AccountContext } from '../object-store/accounts.ts';
import { getContainer, type Container } from '../object-store/containers.ts';
import { headerOf } from '../object-store/header-text.ts';
import { deleteObject, findVersion, takeTurn } from '../object-store/objects.ts';
import { deleteKeepingOlder } from '../object-store/older-versions.ts';
import { textsOf } from '../object-store/visits.ts';
import { emptyAnswer, xmlAnswer } from './answers.ts';
import { takeText, type BodyRequest, type S3Parts } from './incoming.ts';
import { enter, type Here } from './places.ts';
import { everyKey } from './policies.ts';
import { refused, translated } from './refusals.ts';
import { childrenOf, malformed, parse, textOf } from './xml.ts';

const mostAtOnce = 1000;
const mostBytes = 2 * 1024 * 1024;

export async function deleteOne(request: BodyRequest, bucket: string, key: string): Promise<Answer<Buffer>> {
  const { versionId: version } = textsOf(request);
  const here = await enter(request, bucket, { operation: objects.delete, list: 'write', action: version === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion', key });
  const expected = expectedOf((name) => headerOf(request.headers, { ETag: 'if-match', LastModifiedTime: 'x-amz-if-match-last-modified-time', Size: 'x-amz-if-match-size' }[name]));
  const deleted = await here.commit(async (context) => {
    const container = await getContainer(context, here.container.name);
    await demandExpected(context, container, { key, version }, expected);
    return remove(context, { here, container, key, version, mayEndRetention: mayEndRetention(request, here) });
  });
  return emptyAnswer(204, { ...(deleted.version === undefined ? {} : { 'x-amz-version-id': deleted.version }), ...(deleted.isMarker ? { 'x-amz-delete-marker': 'true' } : {}) });
}

export async function deleteMany(parts: S3Parts, request: BodyRequest, bucket: string): Promise<Answer<Buffer>> {
  const here = await enter(request, bucket, { operation: buckets.post, list: 'write', action: 's3:DeleteObject', key: everyKey });
  const root = parse(await takeText(parts, request, mostBytes), 'Delete');
  const isQuiet = textOf(root, 'Quiet') === 'true';
  const wished = childrenOf(root, 'Object').map((each) => {
    const [key, version] = [childrenOf(each, 'Key')[0]?.text, textOf(each, 'VersionId')];
    if (key === undefined || key === '') throw malformed();
    return { key, version: version === '' ? undefined : version, expected: expectedOf((name) => textOf(each, name)) };
  });
  if (wished.length === 0 || wished.length > mostAtOnce) throw malformed();
  // In one transaction, so that the audit has one entry.
  const { done, problems } = await here.commit(async (context) => {
    const done: object[] = [];
    const problems: { Key: string; VersionId: string | undefined; Code: string; Message: string }[] = [];
    const container = await getContainer(context, here.container.name);
    for (const { key, version, expected } of wished)
      try {
        if (Buffer.byteLength(key) > 1024 || key.includes('\0')) throw refused('KeyTooLongError');
        await demandExpected(context, container, { key, version }, expected);
        const deleted = await remove(context, { here, container, key, version, mayEndRetention: mayEndRetention(request, here) });
        done.push({ Key: key, VersionId: version, ...(deleted.isMarker ? { DeleteMarker: true, DeleteMarkerVersionId: deleted.version } : {}) });
      } catch (error) {
        // Refused before anything was asked of the database that could fail: the transaction stands.
        const fault = translated(error);
        if (!(fault instanceof Fault)) throw error;
        problems.push({ Key: key, VersionId: version, Code: fault.code, Message: fault.message });
      }
    return { done, problems };
  });
  return xmlAnswer('DeleteResult', { Deleted: isQuiet ? [] : (done as never[]), Error: problems });
}

type Removed = { version: string | undefined; isMarker: boolean };

async function remove(context: AccountContext, { here, container, key, version, mayEndRetention }: { here: Here; container: Container; key: string; version: string | undefined; mayEndRetention: boolean }): Promise<Removed> {
  if (version === undefined && (await deleteKeepingOlder(context, here, container, key).catch(unlessMissing))) return { version: undefined, isMarker: false };
  const { object, marker } = await deleteObject(context, container, key, version, { mayEndRetention });
  if (container.versioning === 'off') return { version: undefined, isMarker: false };
  return { version: marker ?? version ?? object?.version, isMarker: marker !== undefined || object?.isMarker === true };
}

/** At this door what is not there is deleted as well as any. */
function unlessMissing(error: unknown): boolean {
  if (error instanceof Fault && error.code === 'NoSuchObject') return true;
  throw error;
}

type Expected = { etag: string | undefined; modifiedAt: number | undefined; sizeBytes: number | undefined };

/** What an object has to be to be deleted: API_DeleteObject, API_ObjectIdentifier. */
function expectedOf(said: (name: 'ETag' | 'LastModifiedTime' | 'Size') => string | undefined): Expected {
  const [etag, modified, size] = [said('ETag'), said('LastModifiedTime'), said('Size')];
  const modifiedAt = modified === undefined ? undefined : Date.parse(modified);
  if (Number.isNaN(modifiedAt)) throw refused('InvalidArgument', 'The time of the last modification is no moment');
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw refused('InvalidArgument', 'The size is no number of bytes');
  return { etag: etag?.replaceAll('"', '').trim(), modifiedAt, sizeBytes: size === undefined ? undefined : Number(size) };
}

async function demandExpected(context: AccountContext, container: Container, { key, version }: { key: string; version: string | undefined }, { etag, modifiedAt, sizeBytes }: Expected): Promise<void> {
  if (etag === undefined && modifiedAt === undefined && sizeBytes === undefined) return;
  await takeTurn(context, container, key);
  const there = await findVersion(context, container, key, version);
  if (!there || (there.isMarker && version === undefined)) throw refused('NoSuchKey');
  // Headers say the moment by the second, rounded up.
  const isSame = (etag === undefined || etag === '*' || etag === there.etag) && (modifiedAt === undefined || Math.abs(modifiedAt - there.writtenAt.getTime()) < 1_000) && (sizeBytes === undefined || sizeBytes === there.sizeBytes);
  if (!isSame || there.isMarker) throw refused('PreconditionFailed');
}

/** With the right to change the bucket itself, and with the word for it. */
export function mayEndRetention({ headers }: Pick<BodyRequest, 'headers'>, { isOwner }: Pick<Here, 'isOwner'>): boolean {
  return isOwner && headerOf(headers, 'x-amz-bypass-governance-retention')?.toLowerCase() === 'true';
}

