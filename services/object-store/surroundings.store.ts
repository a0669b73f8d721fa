/** Where somebody comes to: an account, a container in it, an object in that. In one statement each: the way to the database costs more. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Headers } from './accounts.store.ts';
import { containerColumns, type Container } from './containers.store.ts';
import type { Blob, StoredObject } from './objects.store.ts';

/** Of an account that was deleted there is nothing to see. */
export type Surroundings = { account: Headers | undefined; container: Container | undefined; isDeleted: boolean };

type Row = Omit<Container, 'id'> & { id: number | null; account: Headers | null; isDeleted: boolean };

/** What is asked before anything of an account: the container, and what the account says. */
export async function selectSurroundings(tx: Transaction, projectId: string, name: string | undefined): Promise<Surroundings> {
  return surroundings(await tx.one<Row>`
    select a.headers as account, a.deleted_at is not null as "isDeleted", ${containerColumns}
    from (select ${projectId}::text as project_id) p
    left join object_store.account a on a.project_id = p.project_id
    left join object_store.container c on c.project_id = p.project_id and c.name = ${name ?? ''}`);
}

export type WishedObject = {
  container: string;
  object: string;
  version: string | undefined;
  /** With the blob that its bytes are, where they are one. */
  toRead: boolean;
  now: Date;
};

type ObjectRow = Omit<StoredObject, 'id' | 'name' | 'headers' | 'facts' | 'blob'> & { objectId: number | null; objectName: string; objectHeaders: Headers; objectFacts: StoredObject['facts'] };
type BlobRow = Pick<Blob, 'bytes' | 'sums'> & { file: string | null; blobBytes: number };

/** The same with the object there: the newest one, unless it has expired, or the one of this version; a marker too. */
export async function selectSurroundingsOfObject(tx: Transaction, projectId: string, { container, object, version, toRead, now }: WishedObject): Promise<Surroundings & { object: StoredObject | undefined }> {
  const row = await tx.one<Row & ObjectRow & Partial<BlobRow>>`
    select a.headers as account, a.deleted_at is not null as "isDeleted", ${containerColumns},
      o.id as "objectId", o.container_id as "containerId", o.name as "objectName", o.version, o.is_latest as "isLatest", o.is_marker as "isMarker", o.kind, o.sha256,
      o.size_bytes as "sizeBytes", o.used_bytes as "usedBytes", o.etag, o.content_type as "contentType", o.headers as "objectHeaders", o.facts as "objectFacts",
      o.written_at as "writtenAt", o.delete_at as "deleteAt"${toRead ? sql`, b.file, b.bytes, b.size_bytes as "blobBytes", b.sums` : sql``}
    from (select ${projectId}::text as project_id) p
    left join object_store.account a on a.project_id = p.project_id
    left join object_store.container c on c.project_id = p.project_id and c.name = ${container}
    left join object_store.object o on o.container_id = c.id and o.name = ${object}
      and ${version === undefined ? sql`o.is_latest` : sql`o.version = ${version}`} and (o.delete_at is null or o.delete_at > ${now}${version === undefined ? sql`` : sql` or o.version <> 'null'`})
    ${toRead ? sql`left join object_store.blob b on o.kind <> 'parts' and b.project_id = o.project_id and b.sha256 = o.sha256` : sql``}`;
  const found = surroundings(row);
  if (!row || found.isDeleted || row.objectId === null) return { ...found, object: undefined };
  const { objectId, containerId, objectName, version: kept, isLatest, isMarker, kind, sha256, sizeBytes, usedBytes, etag, contentType, objectHeaders, objectFacts, writtenAt, deleteAt } = row;
  return { ...found, object: { id: objectId, containerId, name: objectName, version: kept, isLatest, isMarker, kind, sha256, sizeBytes, usedBytes, etag, contentType, headers: objectHeaders, facts: objectFacts, writtenAt, deleteAt, blob: blobIn(row) } };
}

function blobIn({ sha256, file, bytes, blobBytes, sums }: Pick<StoredObject, 'sha256'> & Partial<BlobRow>): Blob | undefined {
  return file === undefined || file === null || sha256 === null || blobBytes === undefined || sums === undefined ? undefined : { sha256, file, bytes: bytes ?? null, sizeBytes: blobBytes, sums };
}

function surroundings(row: Row | undefined): Surroundings {
  if (!row || row.isDeleted) return { account: undefined, container: undefined, isDeleted: row !== undefined };
  const { account, isDeleted, id, projectId, name, headers, versioning, facts, createdAt, updatedAt } = row;
  return { isDeleted, account: account ?? undefined, container: id === null ? undefined : { id, projectId, name, headers, versioning, facts, createdAt, updatedAt } };
}
