import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Headers } from './accounts.store.ts';

export type Upload = {
  id: string;
  containerId: number;
  name: string;
  contentType: string;
  headers: Headers;
  facts: Readonly<Record<string, unknown>>;
  startedAt: Date;
};

export type UploadPart = { number: number; sha256: string; sizeBytes: number; md5: string; facts: Readonly<Record<string, unknown>>; writtenAt: Date };

const columns = sql`u.id, u.container_id as "containerId", u.name, u.content_type as "contentType", u.headers, u.facts, u.started_at as "startedAt"`;
const partColumns = sql`p.number, p.sha256, p.size_bytes as "sizeBytes", p.md5, p.facts, p.written_at as "writtenAt"`;

export function insertUpload(tx: Transaction, projectId: string, { id, containerId, name, contentType, headers, facts, startedAt }: Upload): Promise<number> {
  return tx.run`
    insert into object_store.upload (id, project_id, container_id, name, content_type, headers, facts, started_at)
    values (${id}, ${projectId}, ${containerId}, ${name}, ${contentType}, ${sql.json(headers)}::jsonb, ${sql.json(facts)}::jsonb, ${startedAt})`;
}

export function selectUpload(tx: Transaction, containerId: number, name: string, id: string): Promise<Upload | undefined> {
  return tx.one<Upload>`select ${columns} from object_store.upload u where u.id = ${id} and u.container_id = ${containerId} and u.name = ${name}`;
}

/** Nobody ends it before this transaction does; parts may come meanwhile where `end` is not wished. */
export function lockUpload(tx: Transaction, containerId: number, name: string, id: string, wish: 'end' | 'add'): Promise<Upload | undefined> {
  return tx.one<Upload>`select ${columns} from object_store.upload u where u.id = ${id} and u.container_id = ${containerId} and u.name = ${name} ${wish === 'end' ? sql`for update` : sql`for share`}`;
}

export function deleteUpload(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from object_store.upload where id = ${id}`;
}

export function deleteUploadsOf(tx: Transaction, containerId: number): Promise<number> {
  return tx.run`delete from object_store.upload where container_id = ${containerId}`;
}

export function upsertPart(tx: Transaction, projectId: string, { id, containerId }: Pick<Upload, 'id' | 'containerId'>, { number, sha256, sizeBytes, md5, facts, writtenAt }: UploadPart): Promise<number> {
  return tx.run`
    insert into object_store.upload_part (upload_id, number, project_id, container_id, sha256, size_bytes, md5, facts, written_at)
    values (${id}, ${number}, ${projectId}, ${containerId}, ${sha256}, ${sizeBytes}, ${md5}, ${sql.json(facts)}::jsonb, ${writtenAt})
    on conflict (upload_id, number) do update set sha256 = excluded.sha256, size_bytes = excluded.size_bytes, md5 = excluded.md5, facts = excluded.facts, written_at = excluded.written_at`;
}

export function selectParts(tx: Transaction, id: string, { after, limit }: { after: number; limit: number }): Promise<UploadPart[]> {
  return tx.rows<UploadPart>`select ${partColumns} from object_store.upload_part p where p.upload_id = ${id} and p.number > ${after} order by p.number limit ${limit}`;
}

/** In the order of names; of one name those that were begun first come first. */
export function selectUploads(tx: Transaction, containerId: number, { prefix, name, id, limit }: { prefix: string; name: string; id: string | undefined; limit: number }): Promise<Upload[]> {
  const behind = name === '' ? sql`true` : id === undefined ? sql`u.name > ${name}` : sql`(u.name, u.id) > (${name}, ${id})`;
  return tx.rows<Upload>`
    select ${columns} from object_store.upload u
    where u.container_id = ${containerId} and starts_with(u.name, ${prefix}) and ${behind} order by u.name, u.id limit ${limit}`;
}

/** Of a container and below a prefix, begun before a moment. */
export function selectOldUploads(tx: Transaction, containerId: number, { prefix, before, limit }: { prefix: string; before: Date; limit: number }): Promise<Upload[]> {
  return tx.rows<Upload>`
    select ${columns} from object_store.upload u
    where u.container_id = ${containerId} and starts_with(u.name, ${prefix}) and u.started_at < ${before} order by u.started_at limit ${limit}`;
}
