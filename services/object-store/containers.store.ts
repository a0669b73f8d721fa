import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Headers } from './accounts.store.ts';
import { listing, type NameRange } from './names.store.ts';

export type Versioning = 'off' | 'enabled' | 'suspended';
export type Container = { id: number; projectId: string; name: string; headers: Headers; versioning: Versioning; /** For doors only: never shown as they are. */ facts: Readonly<Record<string, unknown>>; createdAt: Date; updatedAt: Date };
export type ContainerUsage = { objects: number; bytes: number };

export const containerColumns = sql`c.id, c.project_id as "projectId", c.name, c.headers, c.versioning, c.facts, c.created_at as "createdAt", c.updated_at as "updatedAt"`;

export function selectContainer(tx: Transaction, projectId: string, name: string): Promise<Container | undefined> {
  return tx.one<Container>`select ${containerColumns} from object_store.container c where c.project_id = ${projectId} and c.name = ${name}`;
}

/** Nobody deletes it, and nobody changes its headers, before this transaction ends. */
export function lockContainer(tx: Transaction, projectId: string, name: string): Promise<Container | undefined> {
  return tx.one<Container>`select ${containerColumns} from object_store.container c where c.project_id = ${projectId} and c.name = ${name} for no key update`;
}

export async function selectContainerUsage(tx: Transaction, containerId: number): Promise<ContainerUsage> {
  const usage = await tx.one<ContainerUsage>`
    select (c.objects + coalesce((select sum(u.objects) from object_store.usage_change u where u.container_id = c.id), 0))::bigint as objects,
      (c.bytes + coalesce((select sum(u.bytes) from object_store.usage_change u where u.container_id = c.id), 0))::bigint as bytes
    from object_store.container c where c.id = ${containerId}`;
  return usage ?? { objects: 0, bytes: 0 };
}

/** False: it was there. */
export async function insertContainer(tx: Transaction, { projectId, name, headers, now }: { projectId: string; name: string; headers: Headers; now: Date }): Promise<boolean> {
  return (
    (await tx.run`
      insert into object_store.container (project_id, name, headers, created_at, updated_at) values (${projectId}, ${name}, ${sql.json(headers)}::jsonb, ${now}, ${now})
      on conflict (project_id, name) do nothing`) === 1
  );
}

/** Headers that are null go. */
export function mergeContainerHeaders(tx: Transaction, containerId: number, headers: Readonly<Record<string, string | null>>, now: Date): Promise<number> {
  return tx.run`update object_store.container set headers = jsonb_strip_nulls(headers || ${sql.json(headers)}::jsonb), updated_at = ${now} where id = ${containerId}`;
}

/** Facts that are null go. */
export function mergeContainerFacts(tx: Transaction, containerId: number, facts: Readonly<Record<string, unknown>>): Promise<number> {
  return tx.run`update object_store.container set facts = jsonb_strip_nulls(facts || ${sql.json(facts)}::jsonb) where id = ${containerId}`;
}

export function updateVersioning(tx: Transaction, containerId: number, versioning: Versioning, now: Date): Promise<number> {
  return tx.run`update object_store.container set versioning = ${versioning}, updated_at = ${now} where id = ${containerId}`;
}

/** What is not shown any more does not hold up its container. */
export function deleteExpiredRows(tx: Transaction, containerId: number, now: Date): Promise<number> {
  return tx.run`delete from object_store.object where container_id = ${containerId} and delete_at <= ${now}`;
}

export function hasObjects(tx: Transaction, containerId: number): Promise<boolean> {
  return tx.rows`select from object_store.object where container_id = ${containerId} limit 1`.then(({ length }) => length > 0);
}

export function deleteContainerRow(tx: Transaction, containerId: number): Promise<number> {
  return tx.run`delete from object_store.container where id = ${containerId}`;
}

export type ListedContainer = { subdir: string } | { subdir: null; name: string; objects: number; bytes: number; updatedAt: Date };

/** In the order of names; what has the delimiter behind the prefix is one `subdir`. */
export function listContainerRows(tx: Transaction, projectId: string, range: NameRange): Promise<ListedContainer[]> {
  const counted = sql`c.name, c.updated_at as "updatedAt",
    (c.objects + coalesce((select sum(u.objects) from object_store.usage_change u where u.container_id = c.id), 0))::bigint as objects,
    (c.bytes + coalesce((select sum(u.bytes) from object_store.usage_change u where u.container_id = c.id), 0))::bigint as bytes`;
  return tx.rows<ListedContainer>(listing(range, { from: sql`object_store.container c where c.project_id = ${projectId}`, columns: counted }));
}
