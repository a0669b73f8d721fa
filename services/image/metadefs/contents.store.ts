/** The SQL of what is in a namespace of metadata. */
import { sql, type Transaction } from '../../../kit/postgres/database.ts';

type Times = { createdAt: Date; updatedAt: Date };
export type Definition = Record<string, unknown>;
export type MetadefObject = Times & { name: string; description: string | null; required: string[] | null; properties: Record<string, Definition> | null };
export type Property = Times & { name: string; definition: Definition };
export type Tag = Times & { name: string };
export type Association = Times & { name: string; prefix: string | null; propertiesTarget: string | null };
type Rows = { object: MetadefObject; property: Property; tag: Tag; association: Association };
export type Kind = keyof Rows;

const times = 'c.created_at as "createdAt", c.updated_at as "updatedAt"';
const kinds = {
  object: { table: sql.raw('image.metadef_object'), columns: sql.raw(`c.name, c.description, c.required, c.properties, ${times}`) },
  property: { table: sql.raw('image.metadef_property'), columns: sql.raw(`c.name, c.definition, ${times}`) },
  tag: { table: sql.raw('image.metadef_tag'), columns: sql.raw(`c.name, ${times}`) },
  association: { table: sql.raw('image.metadef_association'), columns: sql.raw(`c.name, c.prefix, c.properties_target as "propertiesTarget", ${times}`) },
} as const;

const sortExpressions = { name: sql.raw('c.name'), created_at: sql.raw('c.created_at'), updated_at: sql.raw('c.updated_at') } as const;
export type ContentSortKey = keyof typeof sortExpressions;
export const contentSortKeys = Object.keys(sortExpressions) as ContentSortKey[];
export type Page = { limit?: number | undefined; marker?: string | undefined; sortKey?: ContentSortKey; direction?: 'asc' | 'desc' };

export function listContents<K extends Kind>(tx: Transaction, kind: K, namespace: string, { limit, marker, sortKey = 'name', direction = 'asc' }: Page = {}): Promise<Rows[K][]> {
  const { table, columns } = kinds[kind];
  const [key, order] = [sortExpressions[sortKey], sql.raw(direction)];
  const beyond = marker === undefined ? sql.raw('true') : sql`(${key}, c.name) ${sql.raw(direction === 'asc' ? '>' : '<')} (select ${key}, c.name from ${table} c where c.namespace = ${namespace} and c.name = ${marker})`;
  return tx.rows<Rows[K]>`select ${columns} from ${table} c where c.namespace = ${namespace} and ${beyond} order by ${key} ${order}, c.name ${order} limit ${limit ?? null}`;
}

export function findContent<K extends Kind>(tx: Transaction, kind: K, namespace: string, name: string): Promise<Rows[K] | undefined> {
  const { table, columns } = kinds[kind];
  return tx.one<Rows[K]>`select ${columns} from ${table} c where c.namespace = ${namespace} and c.name = ${name}`;
}

export function deleteContent(tx: Transaction, kind: Kind, namespace: string, name: string): Promise<number> {
  return tx.run`delete from ${kinds[kind].table} where namespace = ${namespace} and name = ${name}`;
}

export function deleteContents(tx: Transaction, kind: Kind, namespace: string): Promise<number> {
  return tx.run`delete from ${kinds[kind].table} where namespace = ${namespace}`;
}

// How many of them are new

export function insertObjects(tx: Transaction, namespace: string, objects: readonly { name: string; description?: string | undefined; required?: string[] | undefined; properties?: object | undefined }[], now: Date): Promise<number> {
  return tx.run`
    insert into image.metadef_object (namespace, project_id, name, description, required, properties, created_at, updated_at)
    select n.name, n.project_id, x.name, x.description, x.required, x.properties, ${now}, ${now}
    from image.metadef_namespace n, jsonb_to_recordset(${sql.json(objects)}::jsonb) x(name text, description text, required text[], properties jsonb)
    where n.name = ${namespace} on conflict do nothing`;
}

export function insertProperties(tx: Transaction, namespace: string, properties: readonly { name: string; definition: object }[], now: Date): Promise<number> {
  return tx.run`
    insert into image.metadef_property (namespace, project_id, name, definition, created_at, updated_at)
    select n.name, n.project_id, x.name, x.definition, ${now}, ${now}
    from image.metadef_namespace n, jsonb_to_recordset(${sql.json(properties)}::jsonb) x(name text, definition jsonb)
    where n.name = ${namespace} on conflict do nothing`;
}

export function insertTags(tx: Transaction, namespace: string, names: readonly string[], now: Date): Promise<number> {
  return tx.run`
    insert into image.metadef_tag (namespace, project_id, name, created_at, updated_at)
    select n.name, n.project_id, x.name, ${now}, ${now} from image.metadef_namespace n, unnest(${names}::text[]) x(name)
    where n.name = ${namespace} on conflict do nothing`;
}

/** Types of resources that nobody knew are known from now on. */
export async function insertAssociations(tx: Transaction, namespace: string, associations: readonly { name: string; prefix?: string | undefined; properties_target?: string | undefined }[], now: Date): Promise<number> {
  await tx.run`
    insert into image.metadef_resource_type (name, created_at, updated_at) select distinct x.name, ${now}::timestamptz, ${now}::timestamptz
    from jsonb_to_recordset(${sql.json(associations)}::jsonb) x(name text) on conflict do nothing`;
  return tx.run`
    insert into image.metadef_association (namespace, project_id, name, prefix, properties_target, created_at, updated_at)
    select n.name, n.project_id, x.name, x.prefix, x.properties_target, ${now}, ${now}
    from image.metadef_namespace n, jsonb_to_recordset(${sql.json(associations)}::jsonb) x(name text, prefix text, properties_target text)
    where n.name = ${namespace} on conflict do nothing`;
}

export function updateObject(tx: Transaction, namespace: string, name: string, to: { name: string; description?: string | undefined; required?: string[] | undefined; properties?: object | undefined }, now: Date): Promise<number> {
  return tx.run`
    update image.metadef_object set name = ${to.name}, description = ${to.description ?? null}, required = ${to.required ?? null}::text[],
      properties = ${to.properties === undefined ? sql`null` : sql`${sql.json(to.properties)}::jsonb`}, updated_at = ${now}
    where namespace = ${namespace} and name = ${name}`;
}

export function updateProperty(tx: Transaction, namespace: string, name: string, to: { name: string; definition: object }, now: Date): Promise<number> {
  return tx.run`update image.metadef_property set name = ${to.name}, definition = ${sql.json(to.definition)}::jsonb, updated_at = ${now} where namespace = ${namespace} and name = ${name}`;
}

export function updateTag(tx: Transaction, namespace: string, name: string, to: string, now: Date): Promise<number> {
  return tx.run`update image.metadef_tag set name = ${to}, updated_at = ${now} where namespace = ${namespace} and name = ${name}`;
}

export function listResourceTypes(tx: Transaction): Promise<Tag[]> {
  return tx.rows<Tag>`select c.name, ${sql.raw(times)} from image.metadef_resource_type c order by c.name`;
}

/** For which types of resources each of these namespaces is. */
export function listAssociations(tx: Transaction, namespaces: readonly string[]): Promise<(Association & { namespace: string })[]> {
  return tx.rows`select c.namespace, ${kinds.association.columns} from image.metadef_association c where c.namespace = any(${namespaces}::text[]) order by c.namespace, c.name`;
}
