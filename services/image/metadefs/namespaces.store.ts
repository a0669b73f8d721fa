/** The SQL of namespaces of metadata. */
import { sql, type Sql, type Transaction } from '../../../kit/postgres/database.ts';

export type Namespace = {
  name: string;
  projectId: string;
  displayName: string | null;
  description: string | null;
  visibility: 'public' | 'private';
  protected: boolean;
  createdAt: Date;
  updatedAt: Date;
};
export type NamespaceDraft = Omit<Namespace, 'createdAt' | 'updatedAt'>;

const columns = sql.raw(`n.name, n.project_id as "projectId", n.display_name as "displayName", n.description, n.visibility, n.protected, n.created_at as "createdAt", n.updated_at as "updatedAt"`);

export function findNamespace(tx: Transaction, name: string): Promise<Namespace | undefined> {
  return tx.one<Namespace>`select ${columns} from image.metadef_namespace n where n.name = ${name}`;
}

/** False: the name is taken, by whomsoever. */
export async function insertNamespace(tx: Transaction, draft: NamespaceDraft, now: Date): Promise<boolean> {
  return (
    (await tx.run`
      insert into image.metadef_namespace (name, project_id, display_name, description, visibility, protected, created_at, updated_at)
      values (${draft.name}, ${draft.projectId}, ${draft.displayName}, ${draft.description}, ${draft.visibility}, ${draft.protected}, ${now}, ${now})
      on conflict (name) do nothing`) === 1
  );
}

export function updateNamespace(tx: Transaction, name: string, draft: NamespaceDraft, now: Date): Promise<number> {
  return tx.run`
    update image.metadef_namespace set name = ${draft.name}, project_id = ${draft.projectId}, display_name = ${draft.displayName}, description = ${draft.description},
      visibility = ${draft.visibility}, protected = ${draft.protected}, updated_at = ${now}
    where name = ${name}`;
}

export function deleteNamespace(tx: Transaction, name: string): Promise<number> {
  return tx.run`delete from image.metadef_namespace where name = ${name}`;
}

const sortExpressions = {
  namespace: sql.raw('n.name'),
  display_name: sql.raw(`coalesce(n.display_name, '')`),
  visibility: sql.raw('n.visibility'),
  protected: sql.raw('n.protected'),
  owner: sql.raw('n.project_id'),
  created_at: sql.raw('n.created_at'),
  updated_at: sql.raw('n.updated_at'),
} as const;
export type NamespaceSortKey = keyof typeof sortExpressions;
export const namespaceSortKeys = Object.keys(sortExpressions) as NamespaceSortKey[];

export type NamespaceQuery = { limit: number; marker: string | undefined; sortKey: NamespaceSortKey; direction: 'asc' | 'desc'; visibility: string | undefined; resourceTypes: string[] | undefined };

export function listNamespaces(tx: Transaction, { limit, marker, sortKey, direction, visibility, resourceTypes }: NamespaceQuery): Promise<Namespace[]> {
  const [key, order] = [sortExpressions[sortKey], sql.raw(direction)];
  const conditions: Sql[] = [sql.raw('true')];
  if (visibility !== undefined) conditions.push(sql`n.visibility = ${visibility}`);
  if (resourceTypes !== undefined) conditions.push(sql`exists (select from image.metadef_association a where a.namespace = n.name and a.name = any(${resourceTypes}::text[]))`);
  if (marker !== undefined) conditions.push(sql`(${key}, n.name) ${sql.raw(direction === 'asc' ? '>' : '<')} (select ${key}, n.name from image.metadef_namespace n where n.name = ${marker})`);
  return tx.rows<Namespace>`select ${columns} from image.metadef_namespace n where ${sql.and(conditions)} order by ${key} ${order}, n.name ${order} limit ${limit}`;
}
