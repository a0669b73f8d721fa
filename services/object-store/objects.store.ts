import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Headers } from './accounts.store.ts';
import type { Body, Received } from './bodies.ts';
import { listing, successorOf, type NameRange } from './names.store.ts';

export type ObjectKind = 'plain' | 'parts' | 'slo' | 'dlo' | 'symlink';

/** A blob of the project, as far as it is needed to read it. */
export type Blob = Body & { sha256: string };

export type StoredObject = {
  id: number;
  containerId: number;
  name: string;
  /** `null`: written while the container kept no versions. */
  version: string;
  isLatest: boolean;
  isMarker: boolean;
  kind: ObjectKind;
  sha256: string | null;
  sizeBytes: number;
  usedBytes: number;
  etag: string;
  contentType: string;
  headers: Headers;
  facts: Readonly<Record<string, unknown>>;
  writtenAt: Date;
  deleteAt: Date | null;
  /** Where it was read with the object. */
  blob?: Blob | undefined;
};

export type NewObject = Pick<StoredObject, 'containerId' | 'name' | 'version' | 'isMarker' | 'kind' | 'sha256' | 'sizeBytes' | 'usedBytes' | 'etag' | 'contentType' | 'headers' | 'facts' | 'writtenAt' | 'deleteAt'>;

const columns = sql`c.id, c.container_id as "containerId", c.name, c.version, c.is_latest as "isLatest", c.is_marker as "isMarker", c.kind, c.sha256,
  c.size_bytes as "sizeBytes", c.used_bytes as "usedBytes", c.etag, c.content_type as "contentType", c.headers, c.facts, c.written_at as "writtenAt", c.delete_at as "deleteAt"`;

/** The newest one, unless it has expired, or the one of this version; a marker too. */
export function selectObject(tx: Transaction, containerId: number, name: string, { version, now }: { version?: string | undefined; now: Date }): Promise<StoredObject | undefined> {
  return tx.one<StoredObject>`
    select ${columns} from object_store.object c
    where c.container_id = ${containerId} and c.name = ${name} and ${version === undefined ? sql`c.is_latest` : sql`c.version = ${version}`} and (c.delete_at is null or c.delete_at > ${now}${version === undefined ? sql`` : sql` or c.version <> 'null'`})`;
}

/** Undefined: it is gone, or it was given more time. */
export function selectExpiredObject(tx: Transaction, id: number, now: Date): Promise<StoredObject | undefined> {
  return tx.one<StoredObject>`select ${columns} from object_store.object c where c.id = ${id} and c.delete_at <= ${now}`;
}

/** Of one name one at a time is written: whoever comes second sees what the first one did. */
export function lockName(tx: Transaction, containerId: number, name: string): Promise<number> {
  return tx.run`select pg_advisory_xact_lock(hashtext('object_store.object'), hashtext(${`${containerId} ${name}`}))`;
}

/** The blob's row, which is locked until the end: the project's own where it has these bytes already. */
export async function insertBlob(tx: Transaction, projectId: string, { sha256, md5, sizeBytes, file, bytes = null, sums }: Received, now: Date): Promise<string> {
  const kept = await tx.one<{ file: string }>`
    insert into object_store.blob (project_id, sha256, md5, size_bytes, file, bytes, sums, stored_at) values (${projectId}, ${sha256}, ${md5}, ${sizeBytes}, ${file}, ${bytes}, ${sums}, ${now})
    on conflict (project_id, sha256) do update set
      -- Good bytes take the place of damaged ones.
      file = case when blob.damaged_at is null then blob.file else excluded.file end,
      bytes = case when blob.damaged_at is null then blob.bytes else excluded.bytes end,
      sums = case when blob.damaged_at is null then blob.sums else excluded.sums end,
      damaged_at = null
    returning file`;
  return kept!.file;
}

export function selectBlob(tx: Transaction, projectId: string, sha256: string): Promise<Blob | undefined> {
  return tx.one<Blob>`select sha256, file, bytes, size_bytes as "sizeBytes", sums from object_store.blob where project_id = ${projectId} and sha256 = ${sha256}`;
}

/** For who shows what a part has. */
export function selectBlobWithMd5(tx: Transaction, projectId: string, sha256: string): Promise<{ sha256: string; sizeBytes: number; md5: string } | undefined> {
  return tx.one`select sha256, size_bytes as "sizeBytes", md5 from object_store.blob where project_id = ${projectId} and sha256 = ${sha256}`;
}

/** The new one is the newest. */
export async function insertObject(tx: Transaction, projectId: string, object: NewObject): Promise<number> {
  const { containerId, name, version, isMarker, kind, sha256, sizeBytes, usedBytes, etag, contentType, headers, facts, writtenAt, deleteAt } = object;
  const made = await tx.one<{ id: number }>`
    insert into object_store.object (project_id, container_id, name, version, is_latest, is_marker, kind, sha256, size_bytes, used_bytes, etag, content_type, headers, facts, written_at, delete_at)
    values (${projectId}, ${containerId}, ${name}, ${version}, true, ${isMarker}, ${kind}, ${sha256}, ${sizeBytes}, ${usedBytes}, ${etag}, ${contentType}, ${sql.json(headers)}::jsonb, ${sql.json(facts)}::jsonb, ${writtenAt}, ${deleteAt})
    returning id`;
  return made!.id;
}

/** The newest one stays as an older version. */
export function demoteLatest(tx: Transaction, containerId: number, name: string): Promise<number> {
  return tx.run`update object_store.object set is_latest = false where container_id = ${containerId} and name = ${name} and is_latest`;
}

/** The newest one that is left is the newest. */
export function promoteNewest(tx: Transaction, containerId: number, name: string): Promise<number> {
  return tx.run`
    update object_store.object set is_latest = true
    where id = (select id from object_store.object where container_id = ${containerId} and name = ${name} order by id desc limit 1)
      and not exists (select from object_store.object where container_id = ${containerId} and name = ${name} and is_latest)`;
}

/** This one is the newest, after the newest was none any more. */
export function promote(tx: Transaction, id: number): Promise<number> {
  return tx.run`update object_store.object set is_latest = true where id = ${id}`;
}

/** It stays. */
export function forgetExpiry(tx: Transaction, id: number): Promise<number> {
  return tx.run`update object_store.object set delete_at = null where id = ${id}`;
}

export function deleteObjectRow(tx: Transaction, id: number): Promise<number> {
  return tx.run`delete from object_store.object where id = ${id}`;
}

/** Of this version; for `null` there is at most one. */
export function deleteVersionRow(tx: Transaction, containerId: number, name: string, version: string): Promise<number> {
  return tx.run`delete from object_store.object where container_id = ${containerId} and name = ${name} and version = ${version}`;
}

export function deleteLatestRow(tx: Transaction, containerId: number, name: string): Promise<number> {
  return tx.run`delete from object_store.object where container_id = ${containerId} and name = ${name} and is_latest`;
}

export function updateObjectRow(tx: Transaction, id: number, { kind, headers, contentType, deleteAt, writtenAt, facts }: Pick<StoredObject, 'kind' | 'headers' | 'contentType' | 'deleteAt' | 'writtenAt' | 'facts'>): Promise<number> {
  return tx.run`
    update object_store.object set kind = ${kind}, headers = ${sql.json(headers)}::jsonb, facts = ${sql.json(facts)}::jsonb, content_type = ${contentType}, delete_at = ${deleteAt}, written_at = ${writtenAt} where id = ${id}`;
}

export function updateFacts(tx: Transaction, id: number, facts: StoredObject['facts']): Promise<number> {
  return tx.run`update object_store.object set facts = ${sql.json(facts)}::jsonb where id = ${id}`;
}

export type Piece = Blob & { number: number };

export function insertPieces(tx: Transaction, projectId: string, objectId: number, pieces: readonly Pick<Piece, 'number' | 'sha256' | 'sizeBytes'>[]): Promise<number> {
  const all = sql.json(pieces.map(({ number, sha256, sizeBytes }) => ({ number, sha256, size_bytes: sizeBytes })));
  return tx.run`
    insert into object_store.piece (object_id, number, project_id, sha256, size_bytes)
    select ${objectId}, number, ${projectId}, sha256, size_bytes from jsonb_to_recordset(${all}::jsonb) p (number integer, sha256 text, size_bytes bigint)`;
}

/** In their order, as they are to be read. */
export function selectPieces(tx: Transaction, objectId: number): Promise<Piece[]> {
  return tx.rows<Piece>`
    select p.number, p.sha256, p.size_bytes as "sizeBytes", b.file, b.bytes, b.sums from object_store.piece p
    join object_store.blob b on b.project_id = p.project_id and b.sha256 = p.sha256 where p.object_id = ${objectId} order by p.number`;
}

export type ListedObject = { subdir: string } | ({ subdir: null } & Pick<StoredObject, 'id' | 'name' | 'version' | 'isLatest' | 'isMarker' | 'kind' | 'sizeBytes' | 'etag' | 'contentType' | 'facts' | 'writtenAt'>);

const listedColumns = sql`c.id, c.name, c.version, c.is_latest as "isLatest", c.is_marker as "isMarker", c.kind, c.size_bytes as "sizeBytes", c.etag, c.content_type as "contentType", c.facts, c.written_at as "writtenAt"`;

/** The newest of each name, without what is deleted or has expired. */
export function listObjectRows(tx: Transaction, containerId: number, range: NameRange, now: Date): Promise<ListedObject[]> {
  const latest = sql`object_store.object c where c.container_id = ${containerId} and c.is_latest and not c.is_marker and (c.delete_at is null or c.delete_at > ${now})`;
  return tx.rows<ListedObject>(listing(range, { from: latest, columns: listedColumns }));
}

export type VersionRange = { prefix?: string | undefined; name?: string | undefined; id?: number | undefined; before?: string | undefined; /** From the greatest name's oldest on: all the other way round. */ reverse?: boolean | undefined; limit: number };

/** All versions, of each name the newest first; after a name, or after a version of it. */
export function listVersionRows(tx: Transaction, containerId: number, { prefix = '', name = '', id, before = '', reverse = false, limit }: VersionRange): Promise<Exclude<ListedObject, { subdir: string }>[]> {
  const end = successorOf(prefix);
  if (reverse) {
    const below: Sql = name === '' ? sql`true` : id === undefined ? sql`c.name < ${name}` : sql`c.name <= ${name} and (c.name < ${name} or c.id > ${id})`;
    return tx.rows<Exclude<ListedObject, { subdir: string }>>`
      select null::text as subdir, ${listedColumns} from object_store.object c
      where c.container_id = ${containerId} and c.name >= ${prefix} and c.name > ${before} and ${end === undefined ? sql`true` : sql`c.name < ${end}`} and ${below}
      order by c.name desc, c.id limit ${limit}`;
  }
  const behind: Sql = name === '' ? sql`true` : id === undefined ? sql`c.name > ${name}` : sql`(c.name > ${name} or (c.name = ${name} and c.id < ${id}))`;
  return tx.rows<Exclude<ListedObject, { subdir: string }>>`
    select null::text as subdir, ${listedColumns} from object_store.object c
    where c.container_id = ${containerId} and c.name >= ${prefix} and c.name >= ${name} and ${sql.and([end, before].flatMap((each) => (each === undefined || each === '' ? [] : [sql`c.name < ${each}`])))} and ${behind}
    order by c.name, c.id desc limit ${limit}`;
}
