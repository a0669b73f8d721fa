/** What is kept of an object besides its bytes, by the name of its parameter: grants, tags, retention, hold; and what is known of it. */
import { objects as contract } from '../../contract/s3/objects.ts';
import type { Answer } from '../../kit/http/implement.ts';
import { getContainer } from '../object-store/containers.ts';
import { headerOf } from '../object-store/header-text.ts';
import { isHeld, retentionOf } from '../object-store/locks.ts';
import { hasNoLists, listsNotSupported } from '../object-store/ownership.ts';
import { blobsOf, findVersion, noteFacts, takeTurn, type StoredObject } from '../object-store/objects.ts';
import { httpDateOf } from '../object-store/timestamps.ts';
import { textsOf } from '../object-store/visits.ts';
import { emptyAnswer, textAnswer, xmlAnswer } from './answers.ts';
import { elementOf } from './checksums.ts';
import { mayEndRetention } from './deletions.ts';
import { checksumOf } from './descriptions.ts';
import { versionAt } from './fetching.ts';
import { aclDocument, grantsOfObject, readGrants, wishedGrants } from './grants.ts';
import { takeText, type BodyRequest, type S3Parts } from './incoming.ts';
import { enter, enterAsOwner, type Here } from './places.ts';
import type { Action } from './policies.ts';
import { demandGrantable } from './public-access.ts';
import { notImplemented, refused } from './refusals.ts';
import { demandLonger, legalHoldDocument, objectLockOf, readLegalHold, readRetention, retentionDocument } from './retentions.ts';
import { readTags, tagsDocument, tagsOf } from './tags.ts';

type Facts = StoredObject['facts'];
type Note = {
  /** By which name a policy lets others do it; without it is the owner's. */
  actions?: { show: Action; change: Action };
  show(object: StoredObject, here: Here, request: BodyRequest): Promise<Answer<Buffer>> | Answer<Buffer>;
  /** The facts that change, of a document that came; a fact that is undefined goes. */
  change?(text: string, object: StoredObject, here: Here, request: BodyRequest): Record<string, unknown>;
  remove?: Record<string, undefined>;
};

const mostBytes = 256 * 1024;
const xml = (text: string, headers?: Record<string, string>) => textAnswer(text, 'application/xml', headers);

const notes: Readonly<Record<string, Note>> = {
  acl: {
    show: (object, here) => xml(aclDocument(here.projectId, hasNoLists(here.container) ? [] : grantsOfObject(object))),
    change(text, _object, { container, projectId }, { headers }) {
      if (hasNoLists(container)) throw listsNotSupported();
      return { grants: demandGrantable(container, wishedGrants(headers, projectId) ?? readGrants(text, projectId)) };
    },
  },
  tagging: {
    actions: { show: 's3:GetObjectTagging', change: 's3:PutObjectTagging' },
    show: (object) => xml(tagsDocument(tagsOf(object))),
    change: (text) => ({ tags: readTags(text, 'object') }),
    remove: { tags: undefined },
  },
  retention: {
    show(object, here) {
      demandLockable(here);
      const retention = retentionOf(object);
      if (!retention) throw refused('NoSuchObjectLockConfiguration');
      return xml(retentionDocument(retention));
    },
    change(text, object, here, request) {
      demandLockable(here);
      const retention = readRetention(text, request.now);
      demandLonger(object, retention, { now: request.now, mayEnd: mayEndRetention(request, here) });
      return { retention };
    },
  },
  'legal-hold': {
    show(object, here) {
      demandLockable(here);
      return xml(legalHoldDocument(isHeld(object)));
    },
    change(text, _object, here) {
      demandLockable(here);
      return { legalHold: readLegalHold(text) ? true : undefined };
    },
  },
  attributes: { actions: { show: 's3:GetObject', change: 's3:PutObject' }, show: attributes },
};

const absent = ['torrent', 'restore', 'select', 'renameObject', 'encryption'];

export function noteIn(query: Readonly<Record<string, unknown>>): { name: string; note: Note } | undefined {
  for (const name of absent) if (name in query) throw notImplemented(`The operation ${name} on an object`);
  const name = Object.keys(notes).find((each) => each in query);
  return name === undefined ? undefined : { name, note: notes[name]! };
}

export async function showNote(_parts: S3Parts, request: BodyRequest, bucket: string, key: string, { note }: { note: Note }): Promise<Answer<Buffer>> {
  const here = note.actions ? await enter(request, bucket, { operation: contract.get, list: 'read', action: note.actions.show, key }) : await enterAsOwner(request, bucket, contract.get);
  return note.show(await versionAt(here, key, textsOf(request)['versionId']), here, request);
}

export async function changeNote(parts: S3Parts, request: BodyRequest, bucket: string, key: string, { name, note }: { name: string; note: Note }): Promise<Answer<Buffer>> {
  const here = note.actions ? await enter(request, bucket, { operation: contract.put, list: 'write', action: note.actions.change, key }) : await enterAsOwner(request, bucket, contract.put);
  const { change } = note;
  if (!change) throw notImplemented(`To change ${name} of an object`);
  const text = await takeText(parts, request, mostBytes);
  const version = await rewrite(here, key, textsOf(request)['versionId'], (object) => change(text, object, here, request));
  return emptyAnswer(200, here.container.versioning === 'off' ? {} : { 'x-amz-version-id': version });
}

export async function removeNote(request: BodyRequest, bucket: string, key: string, { note }: { note: Note }): Promise<Answer<Buffer>> {
  const here = await enter(request, bucket, { operation: contract.delete, list: 'write', action: 's3:DeleteObjectTagging', key });
  const { remove } = note;
  if (!remove) throw refused('MethodNotAllowed');
  await rewrite(here, key, textsOf(request)['versionId'], () => remove);
  return emptyAnswer(204);
}

/** Resolves to the version that it was done to. */
async function rewrite(here: Here, key: string, version: string | undefined, change: (object: StoredObject) => Record<string, unknown>): Promise<string> {
  return here.commit(async (context) => {
    const container = await getContainer(context, here.container.name);
    await takeTurn(context, container, key);
    const object = await findVersion(context, container, key, version);
    if (!object || object.isMarker) throw refused(version === undefined ? 'NoSuchKey' : object ? 'MethodNotAllowed' : 'NoSuchVersion');
    const facts: Facts = Object.fromEntries(Object.entries({ ...object.facts, ...change(object) }).filter(([, value]) => value !== undefined));
    await noteFacts(context, object, facts);
    return object.version;
  });
}

function demandLockable({ container }: Pick<Here, 'container'>): void {
  if (!objectLockOf(container)) throw refused('InvalidRequest', 'Bucket is missing Object Lock Configuration');
}

/** API_GetObjectAttributes. */
async function attributes(object: StoredObject, here: Here, request: BodyRequest): Promise<Answer<Buffer>> {
  const wished = (headerOf(request.headers, 'x-amz-object-attributes') ?? '').split(',').map((each) => each.trim()).filter((each) => each !== '');
  const known = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'];
  if (wished.length === 0 || wished.some((each) => !known.includes(each))) throw refused('InvalidArgument', 'Invalid attribute name specified.');
  const checksum = checksumOf(object);
  const sizes = object.kind === 'parts' && wished.includes('ObjectParts') ? await here.read((context) => blobsOf(context, object)) : undefined;
  return xmlAnswer(
    'GetObjectAttributesResponse',
    {
      ...(wished.includes('ETag') ? { ETag: object.etag } : {}),
      ...(wished.includes('Checksum') && checksum ? { Checksum: { [elementOf(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type } } : {}),
      ...(sizes ? { ObjectParts: { PartsCount: sizes.length } } : {}),
      ...(wished.includes('StorageClass') ? { StorageClass: 'STANDARD' } : {}),
      ...(wished.includes('ObjectSize') ? { ObjectSize: object.sizeBytes } : {}),
    },
    { 'last-modified': httpDateOf(object.writtenAt), ...(here.container.versioning === 'off' ? {} : { 'x-amz-version-id': object.version }) },
  );
}
