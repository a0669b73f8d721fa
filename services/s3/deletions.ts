/** Objects and versions that are deleted: one, or up to a thousand by one request. */
import { buckets } from '../../contract/s3/buckets.ts';
import { objects } from '../../contract/s3/objects.ts';
import { Fault } from '../../kit/fault.ts';
import type { Answer } from '../../kit/http/implement.ts';
import type { AccountContext } from '../object-store/accounts.ts';
import { getContainer, type Container } from '../object-store/containers.ts';
import { headerOf } from '../object-store/header-text.ts';
import { deleteObject, findObject } from '../object-store/objects.ts';
import { deleteKeepingOlder } from '../object-store/older-versions.ts';
import { textsOf } from '../object-store/visits.ts';
import { emptyAnswer, xmlAnswer } from './answers.ts';
import { takeText, type BodyRequest, type S3Parts } from './incoming.ts';
import { enter, type Here } from './places.ts';
import { refused, translated } from './refusals.ts';
import { childrenOf, malformed, parse, textOf } from './xml.ts';

const mostAtOnce = 1000;
const mostBytes = 2 * 1024 * 1024;

export async function deleteOne(request: BodyRequest, bucket: string, key: string): Promise<Answer<Buffer>> {
  const { versionId: version } = textsOf(request);
  const here = await enter(request, bucket, { operation: objects.delete, list: 'write', action: version === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion', key });
  const wanted = headerOf(request.headers, 'if-match');
  const deleted = await here.commit(async (context) => {
    const container = await getContainer(context, here.container.name);
    if (wanted !== undefined) await demandSame(context, container, key, wanted);
    return remove(context, { here, container, key, version, mayEndRetention: mayEndRetention(request, here) });
  });
  return emptyAnswer(204, { ...(deleted.version === undefined ? {} : { 'x-amz-version-id': deleted.version }), ...(deleted.isMarker ? { 'x-amz-delete-marker': 'true' } : {}) });
}

export async function deleteMany(parts: S3Parts, request: BodyRequest, bucket: string): Promise<Answer<Buffer>> {
  const here = await enter(request, bucket, { operation: buckets.post, list: 'write', action: 's3:DeleteObject', key: '*' });
  const root = parse(await takeText(parts, request, mostBytes), 'Delete');
  const isQuiet = textOf(root, 'Quiet') === 'true';
  const wished = childrenOf(root, 'Object').map((each) => {
    const [key, version] = [childrenOf(each, 'Key')[0]?.text, textOf(each, 'VersionId')];
    if (key === undefined || key === '') throw malformed();
    return { key, version };
  });
  if (wished.length === 0 || wished.length > mostAtOnce) throw malformed();
  // In one transaction, so that the audit has one entry.
  const { done, problems } = await here.commit(async (context) => {
    const done: object[] = [];
    const problems: { Key: string; VersionId: string | undefined; Code: string; Message: string }[] = [];
    const container = await getContainer(context, here.container.name);
    for (const { key, version } of wished)
      try {
        if (Buffer.byteLength(key) > 1024 || key.includes('\0')) throw refused('KeyTooLongError');
        const deleted = await remove(context, { here, container, key, version: version === '' ? undefined : version, mayEndRetention: mayEndRetention(request, here) });
        done.push({ Key: key, VersionId: version === '' ? undefined : version, ...(deleted.isMarker ? { DeleteMarker: true, DeleteMarkerVersionId: deleted.version } : {}) });
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

async function demandSame(context: AccountContext, container: Container, key: string, wanted: string): Promise<void> {
  const there = await findObject(context, container, key);
  if (!there) throw refused('NoSuchKey');
  if (wanted.trim() !== '*' && wanted.replaceAll('"', '') !== there.etag) throw refused('PreconditionFailed');
}

/** With the right to change the bucket itself, and with the word for it. */
export function mayEndRetention({ headers }: Pick<BodyRequest, 'headers'>, { isOwner }: Pick<Here, 'isOwner'>): boolean {
  return isOwner && headerOf(headers, 'x-amz-bypass-governance-retention')?.toLowerCase() === 'true';
}

