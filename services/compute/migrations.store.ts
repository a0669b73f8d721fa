import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type MigrationType = 'migration' | 'resize' | 'live-migration' | 'evacuation';

export type Migration = {
  id: string;
  number: number;
  serverId: string;
  projectId: string;
  userId: string;
  type: MigrationType;
  /** As Nova writes it: `migrating`, `finished`, `confirmed`, … */
  status: string;
  sourceHostId: string | null;
  targetHostId: string | null;
  createdAt: Date;
  updatedAt: Date | null;
};

const columns = sql`
  id, number, server_id as "serverId", project_id as "projectId", user_id as "userId", type, status, source_host_id as "sourceHostId",
  target_host_id as "targetHostId", created_at as "createdAt", updated_at as "updatedAt"`;

export async function insertMigration(tx: Transaction, migration: Omit<Migration, 'number' | 'updatedAt'> & { oldFlavor: string | null; newFlavor: string | null }): Promise<void> {
  const { id, serverId, projectId, userId, type, status, sourceHostId, targetHostId, oldFlavor, newFlavor, createdAt } = migration;
  await tx.run`
    insert into compute.migration (id, server_id, project_id, user_id, type, status, source_host_id, target_host_id, old_flavor, new_flavor, created_at)
    values (${id}, ${serverId}, ${projectId}, ${userId}, ${type}, ${status}, ${sourceHostId}, ${targetHostId}, ${oldFlavor}, ${newFlavor}, ${createdAt})`;
}

/** The newest of the server. */
export async function updateMigration(tx: Transaction, serverId: string, { status, targetHostId }: { status: string; targetHostId: string | null }, now: Date): Promise<void> {
  await tx.run`
    update compute.migration set status = ${status}, target_host_id = coalesce(${targetHostId}, target_host_id), updated_at = ${now}
    where number = (select max(number) from compute.migration where server_id = ${serverId})`;
}

export type MigrationFilter = {
  serverId: string | null;
  /** On either side. */
  hostId: string | null;
  sourceHostId: string | null;
  status: string | null;
  type: string | null;
  userId: string | null;
  projectId: string | null;
  changedSince: Date | null;
  changedBefore: Date | null;
};

export function selectMigrations(tx: Transaction, filter: MigrationFilter, { marker, limit }: { marker: string | null; limit: number }): Promise<Migration[]> {
  return tx.rows<Migration>`
    select ${columns} from compute.migration
    where (${filter.serverId}::text is null or server_id = ${filter.serverId})
      and (${filter.hostId}::text is null or ${filter.hostId} in (source_host_id, target_host_id))
      and (${filter.sourceHostId}::text is null or source_host_id = ${filter.sourceHostId})
      and (${filter.status}::text is null or status = ${filter.status})
      and (${filter.type}::text is null or type = ${filter.type})
      and (${filter.userId}::text is null or user_id = ${filter.userId})
      and (${filter.projectId}::text is null or project_id = ${filter.projectId})
      and (${filter.changedSince}::timestamptz is null or coalesce(updated_at, created_at) >= ${filter.changedSince})
      and (${filter.changedBefore}::timestamptz is null or coalesce(updated_at, created_at) <= ${filter.changedBefore})
      and (${marker}::text is null or (created_at, number) < (select created_at, number from compute.migration where id = ${marker}))
    order by created_at desc, number desc limit ${limit}`;
}

export async function isMigrationId(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.one`select id from compute.migration where id = ${id}`) !== undefined;
}

export function findMigration(tx: Transaction, serverId: string, number: number): Promise<Migration | undefined> {
  return tx.one<Migration>`select ${columns} from compute.migration where server_id = ${serverId} and number = ${number}`;
}

/** What is under way for a server that is deleted comes to nothing; where only a word was missing, it is as if it had been said. */
export async function endMigrations(tx: Transaction, serverId: string, now: Date): Promise<void> {
  await tx.run`
    update compute.migration set status = case when status = 'finished' then 'confirmed' else 'cancelled' end, updated_at = ${now}
    where server_id = ${serverId} and status in ('accepted', 'running', 'post-migrating', 'migrating', 'finished')`;
}
