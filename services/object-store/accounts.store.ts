import { sql, type Transaction } from '../../kit/postgres/database.ts';

/** What headers of a thing are kept, by their names in small letters, as they are shown. */
export type Headers = Readonly<Record<string, string>>;

export type AccountRow = { headers: Headers; createdAt: Date; updatedAt: Date };
export type AccountUsage = { containers: number; objects: number; bytes: number };

export function selectAccount(tx: Transaction, projectId: string): Promise<AccountRow | undefined> {
  return tx.one<AccountRow>`select headers, created_at as "createdAt", updated_at as "updatedAt" from object_store.account where project_id = ${projectId}`;
}

export async function selectAccountUsage(tx: Transaction, projectId: string): Promise<AccountUsage> {
  const usage = await tx.one<AccountUsage>`
    select (coalesce(max(a.containers), 0) + coalesce(sum(c.containers), 0))::bigint as containers,
      (coalesce(max(a.objects), 0) + coalesce(sum(c.objects), 0))::bigint as objects,
      (coalesce(max(a.bytes), 0) + coalesce(sum(c.bytes), 0))::bigint as bytes
    from (select ${projectId}::text as project_id) p
    left join object_store.account a on a.project_id = p.project_id
    left join object_store.usage_change c on c.project_id = p.project_id`;
  return usage ?? { containers: 0, objects: 0, bytes: 0 };
}

/** Makes the account where it is not there yet. */
export function insertAccount(tx: Transaction, projectId: string, now: Date, headers: Headers = {}): Promise<number> {
  return tx.run`
    insert into object_store.account (project_id, headers, created_at, updated_at) values (${projectId}, ${sql.json(headers)}::jsonb, ${now}, ${now})
    on conflict (project_id) do nothing`;
}

/** Headers that are null go. */
export function mergeAccountHeaders(tx: Transaction, projectId: string, headers: Readonly<Record<string, string | null>>, now: Date): Promise<number> {
  return tx.run`update object_store.account set headers = jsonb_strip_nulls(headers || ${sql.json(headers)}::jsonb), updated_at = ${now} where project_id = ${projectId}`;
}
