/** Objects: what is kept under a name, and its older versions where the container keeps them. */
import { forbidden, notFound } from '../../kit/fault.ts';
import { UnknownOutcome } from '../../kit/postgres/database.ts';
import type { AccountContext } from './accounts.ts';
import type { ObjectBodies, Received, Span } from './bodies.ts';
import type { Container } from './containers.store.ts';
import type { NameRange } from './names.store.ts';
import { isLocked } from './locks.ts';
import { claimKeeping } from './spending.ts';
import {
  deleteLatestRow,
  deleteObjectRow,
  deleteVersionRow,
  demoteLatest,
  forgetExpiry,
  insertBlob,
  insertObject,
  insertPieces,
  listObjectRows,
  listVersionRows,
  lockName,
  promote,
  promoteNewest,
  selectBlob,
  selectExpiredObject,
  selectObject,
  selectPieces,
  updateFacts,
  updateObjectRow,
  type Blob,
  type ListedObject,
  type NewObject,
  type Piece,
  type StoredObject,
} from './objects.store.ts';

export type { Blob, ListedObject, ObjectKind, Piece, StoredObject } from './objects.store.ts';

export const noSuchObject = () => notFound('The resource could not be found.', 'NoSuchObject');

/** The version of what was written while a container kept none. */
export const nullVersion = 'null';

/** What is to be under a name from now on. */
export type Content = Pick<NewObject, 'contentType' | 'headers'> &
  Partial<Pick<NewObject, 'kind' | 'facts' | 'deleteAt'>> & {
    /** Of which bytes: just brought, a blob that the project has, or several in order. */
    body: { received: Received } | { sha256: string } | { pieces: readonly Pick<Piece, 'number' | 'sha256' | 'sizeBytes'>[] } | undefined;
    /** How many bytes a download has. */
    sizeBytes: number;
    etag: string;
  };

/** The newest one of the name, or the one of a version; undefined where there is none, or where it is deleted. */
export async function findObject({ tx, now }: AccountContext, { id }: Pick<Container, 'id'>, name: string, version?: string): Promise<StoredObject | undefined> {
  const found = await selectObject(tx, id, name, { version, now });
  return found?.isMarker === true ? undefined : found;
}

export async function getObject(context: AccountContext, container: Pick<Container, 'id'>, name: string, version?: string): Promise<StoredObject> {
  const found = await findObject(context, container, name, version);
  if (!found) throw noSuchObject();
  return found;
}

/** The marker of a deletion too, for who shows versions. */
export function findVersion({ tx, now }: AccountContext, { id }: Pick<Container, 'id'>, name: string, version?: string): Promise<StoredObject | undefined> {
  return selectObject(tx, id, name, { version, now });
}

/** Of one name one at a time is written: for who looks at what is there before he writes. Until the end of the transaction. */
export async function takeTurn({ tx }: AccountContext, { id }: Pick<Container, 'id'>, name: string): Promise<void> {
  await lockName(tx, id, name);
}

export type Written = {
  id: number;
  version: string;
  /** The file that the bytes are in: for `keeping`. */
  file: string | undefined;
};

/** Writes the newest version of the name; what was there stays as an older one where the container keeps those. */
export async function writeObject(context: AccountContext, container: Pick<Container, 'id' | 'versioning'>, name: string, content: Content): Promise<Written> {
  const { tx, projectId, now } = context;
  const { body, sizeBytes, etag, contentType, headers, kind = 'plain', facts = {}, deleteAt = null } = content;
  const bytes = await bytesOf(context, body);
  const version = nextVersion(context, container);
  // In this order, and together: each way to the database and back costs more than what is done there.
  const [, file, , , id] = await Promise.all([
    lockName(tx, container.id, name),
    body !== undefined && 'received' in body ? insertBlob(tx, projectId, body.received, now) : undefined,
    makeRoom(context, container, name),
    claimKeeping(context, { bytes: bytes.usedBytes }),
    insertObject(tx, projectId, {
      containerId: container.id,
      name,
      version,
      isMarker: false,
      kind,
      sha256: bytes.sha256,
      sizeBytes,
      usedBytes: bytes.usedBytes,
      etag,
      contentType,
      headers,
      facts,
      writtenAt: now,
      deleteAt,
    }),
  ]);
  if (body !== undefined && 'pieces' in body) await insertPieces(tx, projectId, id, body.pieces);
  return { id, version, file };
}

async function bytesOf({ tx, projectId }: AccountContext, body: Content['body']): Promise<{ sha256: string | null; usedBytes: number }> {
  if (body === undefined) return { sha256: null, usedBytes: 0 };
  if ('received' in body) return { sha256: body.received.sha256, usedBytes: body.received.sizeBytes };
  if ('pieces' in body) return { sha256: null, usedBytes: body.pieces.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
  const blob = await selectBlob(tx, projectId, body.sha256);
  if (!blob) throw noSuchObject();
  return { sha256: blob.sha256, usedBytes: blob.sizeBytes };
}

function nextVersion({ random }: AccountContext, { versioning }: Pick<Container, 'versioning'>): string {
  return versioning === 'enabled' ? random.uuid().replaceAll('-', '') : nullVersion;
}

/** Nothing of the name is the newest any more. */
async function makeRoom({ tx }: AccountContext, { id, versioning }: Pick<Container, 'id' | 'versioning'>, name: string): Promise<void> {
  if (versioning === 'off') await deleteLatestRow(tx, id, name);
  else await Promise.all([versioning === 'suspended' ? deleteVersionRow(tx, id, name, nullVersion) : undefined, demoteLatest(tx, id, name)]);
}

/** The same again, for another place in the account. */
export async function contentOf({ tx }: AccountContext, { id, kind, sha256, sizeBytes, etag, contentType, headers, facts, deleteAt }: StoredObject): Promise<Content> {
  const body = kind === 'parts' ? { pieces: await selectPieces(tx, id) } : sha256 === null ? undefined : { sha256 };
  return { body, kind, sizeBytes, etag, contentType, headers, facts, deleteAt };
}

export type Deleted = { /** What is gone. */ object: StoredObject | undefined; /** The marker that was made. */ marker: string | undefined };

/**
 * Deletes a name: where the container keeps versions by a marker, else for good. With a version: that one, for good; when it
 * was the newest the one before it takes its place, unless nothing is to.
 */
export async function deleteObject(context: AccountContext, container: Pick<Container, 'id' | 'versioning'>, name: string, version?: string, { isReplaced = true, mayEndRetention = false }: { isReplaced?: boolean; /** With the right to pass over a retention that its governors may end. */ mayEndRetention?: boolean } = {}): Promise<Deleted> {
  const { tx, now } = context;
  await lockName(tx, container.id, name);
  const object = await selectObject(tx, container.id, name, { version, now });
  if (version !== undefined || container.versioning === 'off') {
    // What has expired and is still there goes with it.
    if (version === undefined) await deleteLatestRow(tx, container.id, name);
    else if (object) {
      demandUnlocked(object, { now, mayEndRetention });
      await deleteObjectRow(tx, object.id);
    }
    if (object?.isLatest === true && version !== undefined && isReplaced) await promoteNewest(tx, container.id, name);
    return { object, marker: undefined };
  }
  return { object, marker: await insertMarker(context, container, name) };
}

async function insertMarker(context: AccountContext, container: Pick<Container, 'id' | 'versioning'>, name: string): Promise<string> {
  const { tx, projectId, now } = context;
  const version = nextVersion(context, container);
  await makeRoom(context, container, name);
  await insertObject(tx, projectId, { containerId: container.id, name, version, isMarker: true, kind: 'plain', sha256: null, sizeBytes: 0, usedBytes: 0, etag: '', contentType: 'application/x-deleted;swift_versions_deleted=1', headers: {}, facts: {}, writtenAt: now, deleteAt: null });
  return version;
}

function demandUnlocked(object: Pick<StoredObject, 'facts'>, options: Parameters<typeof isLocked>[1]): void {
  if (isLocked(object, options)) throw forbidden('Access Denied because object protected by object lock.', 'ObjectLocked');
}

/** Its time is over: it is gone for good, or what the container keeps of it is a version like others. */
export async function expireObject(context: AccountContext, container: Pick<Container, 'id' | 'versioning'>, { id, name }: Pick<StoredObject, 'id' | 'name'>): Promise<void> {
  const { tx, now } = context;
  await lockName(tx, container.id, name);
  const expired = await selectExpiredObject(tx, id, now);
  if (!expired || isLocked(expired, { now })) return;
  if (expired.version === nullVersion) return void (await deleteObjectRow(tx, id));
  // What was to expire is the name's link to it: swift/common/middleware/versioned_writes/object_versioning.py.
  if (expired.isLatest) await demoteLatest(tx, container.id, name);
  await forgetExpiry(tx, id);
}

/** Nothing is the newest of the name any more, and all its versions are kept; false: it had none that is kept so. swift/common/middleware/versioned_writes/object_versioning.py, `version-id=null` */
export async function leaveNameEmpty({ tx, now }: AccountContext, { id }: Pick<Container, 'id'>, name: string): Promise<boolean> {
  await lockName(tx, id, name);
  const latest = await selectObject(tx, id, name, { now });
  if (!latest || latest.version === nullVersion) return false;
  await demoteLatest(tx, id, name);
  return true;
}

/** An older version is what the name stands for from now on. */
export async function makeCurrent(context: AccountContext, container: Pick<Container, 'id'>, name: string, version: string): Promise<StoredObject> {
  const { tx } = context;
  await lockName(tx, container.id, name);
  const object = await getObject(context, container, name, version);
  if (object.isLatest) return object;
  await demoteLatest(tx, container.id, name);
  await promote(tx, object.id);
  if (object.deleteAt !== null) await forgetExpiry(tx, object.id);
  return object;
}

/** Other headers for the same bytes. */
export async function updateObject({ tx, now }: AccountContext, object: Pick<StoredObject, 'id' | 'facts'>, changed: Pick<StoredObject, 'kind' | 'headers' | 'contentType' | 'deleteAt' | 'writtenAt' | 'facts'>): Promise<void> {
  if (changed.deleteAt !== null) demandUnlocked(object, { now });
  await updateObjectRow(tx, object.id, changed);
}

/** Other facts only: what doors note of it. */
export async function noteFacts({ tx }: AccountContext, { id }: Pick<StoredObject, 'id'>, facts: StoredObject['facts']): Promise<void> {
  await updateFacts(tx, id, facts);
}

export function listObjects({ tx, now }: AccountContext, { id }: Pick<Container, 'id'>, range: NameRange): Promise<ListedObject[]> {
  return listObjectRows(tx, id, range, now);
}

/** Of each name the newest first; markers too. `name` and `id` are those of the last one of the page before. */
export function listVersions({ tx }: AccountContext, { id: containerId }: Pick<Container, 'id'>, page: Parameters<typeof listVersionRows>[2]): ReturnType<typeof listVersionRows> {
  return listVersionRows(tx, containerId, page);
}

/** The blobs that an object's own bytes are, in order; none for what has no bytes. */
export async function blobsOf({ tx, projectId }: AccountContext, { id, kind, sha256 }: Pick<StoredObject, 'id' | 'kind' | 'sha256'>): Promise<Blob[]> {
  if (kind === 'parts') return selectPieces(tx, id);
  const blob = sha256 === null ? undefined : await selectBlob(tx, projectId, sha256);
  return blob ? [blob] : [];
}

/** The bytes of these blobs one after another, or a span of them; each piece is verified before it is handed out. */
export async function* readBlobs(bodies: ObjectBodies, blobs: readonly Blob[], span?: Span): AsyncGenerator<Buffer> {
  let begin = 0;
  for (const blob of blobs) {
    const [first, last] = span ? [Math.max(span.first - begin, 0), Math.min(span.last - begin, blob.sizeBytes - 1)] : [0, blob.sizeBytes - 1];
    if (first <= last) yield* bodies.read(blob, { first, last });
    begin += blob.sizeBytes;
    if (span && begin > span.last) return;
  }
}

/** Runs the transaction that makes somebody own these bytes; afterwards their file has its place, or is gone where it was not wanted. */
export async function keeping<T extends { file: string | undefined }>(bodies: ObjectBodies, { file }: Pick<Received, 'file'>, transaction: () => Promise<T>): Promise<T> {
  return keepingAll(bodies, [file], async () => {
    const done = await transaction();
    return { ...done, files: [done.file] };
  });
}

/** The same for several; `files` are those that the rows name. */
export async function keepingAll<T extends { files: readonly (string | undefined)[] }>(bodies: ObjectBodies, brought: readonly string[], transaction: () => Promise<T>): Promise<T> {
  let done: T;
  try {
    done = await transaction();
  } catch (error) {
    // Nobody knows whether there are rows: the next sweep will.
    if (!(error instanceof UnknownOutcome)) for (const file of brought) await bodies.remove(file);
    throw error;
  }
  const owned = new Set(done.files);
  for (const file of brought) await (owned.has(file) ? bodies.keep(file) : bodies.remove(file));
  return done;
}
