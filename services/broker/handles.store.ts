import type { Transaction } from '../../kit/postgres/database.ts';

export type Handle = { projectId: string; collection: string; id: string; region: string };

export async function findHandle(tx: Transaction, { projectId, collection, id }: Omit<Handle, 'region'>): Promise<string | undefined> {
  return (await tx.one<{ region: string }>`select region from broker.handle where project_id = ${projectId} and collection = ${collection} and id = ${id}`)?.region;
}

/** Where each of these is, whatever it is. */
export async function findHandles(tx: Transaction, projectId: string, ids: readonly string[]): Promise<Map<string, Handle>> {
  const rows = await tx.rows<Handle>`select project_id as "projectId", collection, id, region from broker.handle where project_id = ${projectId} and id = any(${[...ids]}::text[])`;
  return new Map(rows.map((row) => [row.id, row]));
}

export async function keepHandle(tx: Transaction, { projectId, collection, id, region }: Handle, now: Date): Promise<void> {
  await tx.run`
    insert into broker.handle (project_id, collection, id, region, seen_at) values (${projectId}, ${collection}, ${id}, ${region}, ${now})
    on conflict (project_id, collection, id) do update set region = excluded.region, seen_at = excluded.seen_at`;
}

export async function forgetHandle(tx: Transaction, { projectId, collection, id }: Omit<Handle, 'region'>): Promise<void> {
  await tx.run`delete from broker.handle where project_id = ${projectId} and collection = ${collection} and id = ${id}`;
}
