import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Versioning } from './containers.store.ts';

export type ContainerWithLifecycle = { id: number; projectId: string; versioning: Versioning; facts: Readonly<Record<string, unknown>> };

export function selectContainersWithLifecycle(tx: Transaction, { after, limit }: { after: number; limit: number }): Promise<ContainerWithLifecycle[]> {
  return tx.rows<ContainerWithLifecycle>`
    select c.id, c.project_id as "projectId", c.versioning, c.facts from object_store.container c
    where jsonb_exists(c.facts, 'lifecycle') and c.id > ${after} order by c.id limit ${limit}`;
}

export type Candidate = { id: number; name: string; version: string };
type Filter = { prefix: string; tags: Readonly<Record<string, string>>; largerThan?: number | undefined; smallerThan?: number | undefined };

const filtered = ({ prefix, tags, largerThan, smallerThan }: Filter) =>
  sql.and([
    sql`starts_with(c.name, ${prefix})`,
    ...(Object.keys(tags).length === 0 ? [] : [sql`c.facts -> 'tags' @> ${sql.json(tags)}::jsonb`]),
    ...(largerThan === undefined ? [] : [sql`c.size_bytes > ${largerThan}`]),
    ...(smallerThan === undefined ? [] : [sql`c.size_bytes < ${smallerThan}`]),
  ]);

/** The newest of their names, in their order, written before a moment. */
export function selectOld(tx: Transaction, containerId: number, { before, after, limit, ...filter }: Filter & { before: Date; after: string; limit: number }): Promise<Candidate[]> {
  return tx.rows<Candidate>`
    select c.id, c.name, c.version from object_store.object c
    where c.container_id = ${containerId} and c.is_latest and not c.is_marker and c.written_at < ${before} and c.name > ${after} and ${filtered(filter)} order by c.name limit ${limit}`;
}

/** Versions that something newer took the place of before a moment, besides the newest of them that are to stay. */
export function selectOlderVersions(tx: Transaction, containerId: number, { before, kept, after, limit, ...filter }: Filter & { before: Date; kept: number; after: number; limit: number }): Promise<Candidate[]> {
  return tx.rows<Candidate>`
    select c.id, c.name, c.version from object_store.object c
    where c.container_id = ${containerId} and not c.is_latest and c.id > ${after} and ${filtered(filter)}
      and (select n.written_at from object_store.object n where n.container_id = c.container_id and n.name = c.name and n.id > c.id order by n.id limit 1) < ${before}
      and (select count(*) from object_store.object n where n.container_id = c.container_id and n.name = c.name and n.id > c.id and not n.is_latest) >= ${kept}
    order by c.id limit ${limit}`;
}

/** Markers of deletions below which there is nothing any more. */
export function selectLoneMarkers(tx: Transaction, containerId: number, { prefix, after, limit }: { prefix: string; after: string; limit: number }): Promise<Candidate[]> {
  return tx.rows<Candidate>`
    select c.id, c.name, c.version from object_store.object c
    where c.container_id = ${containerId} and c.is_latest and c.is_marker and c.name > ${after} and starts_with(c.name, ${prefix})
      and not exists (select from object_store.object n where n.container_id = c.container_id and n.name = c.name and n.id <> c.id) order by c.name limit ${limit}`;
}
