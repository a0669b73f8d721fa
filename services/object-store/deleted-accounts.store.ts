/** The statements of what becomes of accounts that were deleted. */
import type { Transaction } from '../../kit/postgres/database.ts';

/** False: there is none, or it was deleted before. */
export async function markAccountDeleted(tx: Transaction, projectId: string, now: Date): Promise<boolean> {
  return (await tx.run`update object_store.account set deleted_at = ${now}, headers = '{}' where project_id = ${projectId} and deleted_at is null`) === 1;
}

/** Whether anything in it must not be deleted yet. Only containers with object lock have such things. */
export async function hasLockedObjects(tx: Transaction, projectId: string, now: Date): Promise<boolean> {
  const found = await tx.one`
    select from object_store.container c join object_store.object o on o.container_id = c.id
    where c.project_id = ${projectId} and c.facts ? 'objectLock'
      and (o.facts -> 'legalHold' = 'true' or (o.facts -> 'retention' ->> 'until')::timestamptz > ${now})
    limit 1`;
  return found !== undefined;
}

export async function selectDeletedAccounts(tx: Transaction): Promise<string[]> {
  return (await tx.rows<{ projectId: string }>`select project_id as "projectId" from object_store.account where deleted_at is not null order by deleted_at limit 100`).map(({ projectId }) => projectId);
}

/** Older versions too. */
export function deleteSomeObjects(tx: Transaction, containerId: number, limit: number): Promise<number> {
  return tx.run`delete from object_store.object where id in (select id from object_store.object where container_id = ${containerId} limit ${limit})`;
}

/** Unless something was made in it meanwhile, by a request that was under way when it was deleted. */
export async function deleteAccountRow(tx: Transaction, projectId: string): Promise<boolean> {
  return (await tx.run`delete from object_store.account a where a.project_id = ${projectId} and a.deleted_at is not null and not exists (select from object_store.container c where c.project_id = a.project_id)`) === 1;
}
