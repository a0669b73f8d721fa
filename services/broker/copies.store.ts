import type { Transaction } from '../../kit/postgres/database.ts';

/** `copyId` is null while it is being made. */
export type Copy = { id: string; projectId: string; collection: string; sourceId: string; sourceRegion: string; region: string; copyId: string | null };

/** The copy in this region, or the intent to make it: what was intended first stays. */
export async function intendCopy(tx: Transaction, copy: Omit<Copy, 'copyId'>, now: Date): Promise<Copy> {
  const { id, projectId, collection, sourceId, sourceRegion, region } = copy;
  const row = await tx.one<Copy>`
    insert into broker.copy as c (id, project_id, collection, source_id, source_region, region, made_at)
    values (${id}, ${projectId}, ${collection}, ${sourceId}, ${sourceRegion}, ${region}, ${now})
    on conflict (project_id, collection, source_id, region) do update set source_region = c.source_region
    returning id, project_id as "projectId", collection, source_id as "sourceId", source_region as "sourceRegion", region, copy_id as "copyId"`;
  return row!;
}

export async function setCopy(tx: Transaction, id: string, copyId: string): Promise<void> {
  await tx.run`update broker.copy set copy_id = ${copyId} where id = ${id}`;
}

export async function deleteCopy(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from broker.copy where id = ${id}`;
}

/** All copies of a project that were made. */
export function listCopies(tx: Transaction, projectId: string): Promise<(Copy & { copyId: string })[]> {
  return tx.rows`
    select id, project_id as "projectId", collection, source_id as "sourceId", source_region as "sourceRegion", region, copy_id as "copyId"
    from broker.copy where project_id = ${projectId} and copy_id is not null order by made_at, id`;
}
