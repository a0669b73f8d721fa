import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Body } from './bodies.ts';
import type { Versioning } from './containers.store.ts';

export type Folded = { projectId: string; containerId: number | null; containers: number; objects: number; bytes: number };

/** Adds what writers noted to the counts, at most so many notes; resolves to the containers whose counts are others now. */
export async function foldChanges(tx: Transaction, limit: number): Promise<{ folded: number; changed: { id: number; projectId: string; name: string; objects: number; bytes: number }[] }> {
  const notes = await tx.rows<Folded>`
    with taken as (select id from object_store.usage_change order by id limit ${limit} for update skip locked),
    gone as (delete from object_store.usage_change u using taken where u.id = taken.id returning u.*)
    select project_id as "projectId", container_id as "containerId", sum(containers)::bigint as containers, sum(objects)::bigint as objects, sum(bytes)::bigint as bytes, count(*)::int as notes
    from gone group by project_id, container_id order by project_id, container_id`;
  if (notes.length === 0) return { folded: 0, changed: [] };
  const all = sql.json(notes.map(({ projectId, containerId, containers, objects, bytes }) => ({ project_id: projectId, container_id: containerId, containers, objects, bytes })));
  const changed = await tx.rows<{ id: number; projectId: string; name: string; objects: number; bytes: number }>`
    update object_store.container c set objects = c.objects + n.objects, bytes = c.bytes + n.bytes
    from jsonb_to_recordset(${all}::jsonb) n (container_id bigint, objects bigint, bytes bigint) where c.id = n.container_id
    returning c.id, c.project_id as "projectId", c.name, c.objects, c.bytes`;
  await tx.run`
    update object_store.account a set containers = a.containers + n.containers, objects = a.objects + n.objects, bytes = a.bytes + n.bytes
    from (select project_id, sum(containers) as containers, sum(objects) as objects, sum(bytes) as bytes
      from jsonb_to_recordset(${all}::jsonb) r (project_id text, containers bigint, objects bigint, bytes bigint) group by project_id) n
    where a.project_id = n.project_id`;
  return { folded: notes.length, changed };
}

/** What writers noted of these projects since the last folding, where it is more. */
export async function notedBytes(tx: Transaction, projectIds: readonly string[]): Promise<number> {
  return (await tx.one<{ bytes: number }>`
    select coalesce(sum(bytes) filter (where bytes > 0), 0)::float8 as bytes from object_store.usage_change where project_id = any(${[...projectIds]}::text[])`)!.bytes;
}

export type Loose = { id: number; projectId: string; sha256: string; file: string | null };

export function selectLoose(tx: Transaction, limit: number): Promise<Loose[]> {
  return tx.rows<Loose>`select id, project_id as "projectId", sha256, file from object_store.loose order by id limit ${limit}`;
}

/** Nobody can begin to use these bytes while they are looked at. */
export function lockBlob(tx: Transaction, { projectId, sha256 }: Loose): Promise<{ file: string } | undefined> {
  return tx.one<{ file: string }>`select file from object_store.blob where project_id = ${projectId} and sha256 = ${sha256} for update`;
}

export function isUsed(tx: Transaction, { projectId, sha256 }: Loose): Promise<boolean> {
  return tx.rows`
    select from object_store.object where project_id = ${projectId} and sha256 = ${sha256}
    union all select from object_store.piece where project_id = ${projectId} and sha256 = ${sha256}
    union all select from object_store.upload_part where project_id = ${projectId} and sha256 = ${sha256} limit 1`.then(({ length }) => length > 0);
}

/** The row goes, and the file is remembered until it is removed too. */
export async function dropBlob(tx: Transaction, { id, projectId, sha256 }: Loose, file: string): Promise<void> {
  await tx.run`delete from object_store.blob where project_id = ${projectId} and sha256 = ${sha256}`;
  await tx.run`update object_store.loose set file = ${file} where id = ${id}`;
}

export function deleteLoose(tx: Transaction, id: number): Promise<number> {
  return tx.run`delete from object_store.loose where id = ${id}`;
}

export function isKnownFile(tx: Transaction, file: string): Promise<boolean> {
  return tx.rows`select from object_store.blob where file = ${file}`.then(({ length }) => length > 0);
}

export type Scrubbed = Body & { projectId: string; sha256: string };

/** Those that nobody has compared with their hash for longest. */
export function selectToScrub(tx: Transaction, { before, limit }: { before: Date; limit: number }): Promise<Scrubbed[]> {
  return tx.rows<Scrubbed>`
    select project_id as "projectId", sha256, file, bytes, size_bytes as "sizeBytes", sums from object_store.blob
    where scrubbed_at is null or scrubbed_at < ${before} order by scrubbed_at nulls first limit ${limit}`;
}

/** Of the same file only: other bytes may have taken its place meanwhile. */
export function noteScrub(tx: Transaction, { projectId, sha256, file }: Pick<Scrubbed, 'projectId' | 'sha256' | 'file'>, { now, isWhole }: { now: Date; isWhole: boolean }): Promise<number> {
  return tx.run`
    update object_store.blob set scrubbed_at = ${now}, damaged_at = ${isWhole ? null : now}
    where project_id = ${projectId} and sha256 = ${sha256} and file = ${file}`;
}

export function selectExpired(tx: Transaction, now: Date, limit: number): Promise<{ id: number; name: string; projectId: string; containerId: number; versioning: Versioning }[]> {
  return tx.rows`
    select o.id, o.name, o.project_id as "projectId", o.container_id as "containerId", c.versioning from object_store.object o join object_store.container c on c.id = o.container_id
    where o.delete_at <= ${now} order by o.delete_at limit ${limit}`;
}
