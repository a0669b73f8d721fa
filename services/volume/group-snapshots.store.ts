/** The SQL of group snapshots. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type GroupSnapshot = {
  id: string;
  projectId: string;
  userId: string;
  groupId: string;
  groupTypeId: string;
  name: string | null;
  description: string | null;
  status: string;
  failure: string | null;
  generation: number;
  createdAt: Date;
  updatedAt: Date;
};

const columns = sql.raw(`gs.id, gs.project_id as "projectId", gs.user_id as "userId", gs.group_id as "groupId", gs.group_type_id as "groupTypeId", gs.name, gs.description, gs.status, gs.failure, gs.generation,
  gs.created_at as "createdAt", gs.updated_at as "updatedAt"`);

export function findGroupSnapshot(tx: Transaction, id: string): Promise<GroupSnapshot | undefined> {
  return tx.one<GroupSnapshot>`select ${columns} from volume.group_snapshot gs where gs.id = ${id}`;
}

export function lockGroupSnapshot(tx: Transaction, id: string): Promise<GroupSnapshot | undefined> {
  return tx.one<GroupSnapshot>`select ${columns} from volume.group_snapshot gs where gs.id = ${id} for update`;
}

export function insertGroupSnapshot(tx: Transaction, draft: Omit<GroupSnapshot, 'failure' | 'generation' | 'updatedAt' | 'status'>): Promise<number> {
  return tx.run`
    insert into volume.group_snapshot (id, project_id, user_id, group_id, group_type_id, name, description, status, created_at, updated_at)
    values (${draft.id}, ${draft.projectId}, ${draft.userId}, ${draft.groupId}, ${draft.groupTypeId}, ${draft.name}, ${draft.description}, 'creating', ${draft.createdAt}, ${draft.createdAt})`;
}

export function updateGroupSnapshot(tx: Transaction, { id, status, failure, generation }: GroupSnapshot, now: Date): Promise<number> {
  return tx.run`update volume.group_snapshot set status = ${status}, failure = ${failure}, generation = ${generation}, updated_at = ${now} where id = ${id}`;
}

export function deleteGroupSnapshotRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from volume.group_snapshot where id = ${id}`;
}

export function selectGroupSnapshots(tx: Transaction, { conditions, order, limit, offset }: { conditions: readonly Sql[]; order: Sql; limit: number; offset: number }): Promise<GroupSnapshot[]> {
  return tx.rows<GroupSnapshot>`select ${columns} from volume.group_snapshot gs where ${sql.and(conditions)} order by ${order} limit ${limit} offset ${offset}`;
}

export async function hasGroupSnapshots(tx: Transaction, groupId: string): Promise<boolean> {
  return (await tx.rows`select from volume.group_snapshot where group_id = ${groupId} limit 1`).length > 0;
}

/** Group snapshots in a state that somebody has to end. */
export function listGroupSnapshotsInTransit(tx: Transaction): Promise<{ id: string; status: string; generation: number; updatedAt: Date }[]> {
  return tx.rows`select id, status, generation, updated_at as "updatedAt" from volume.group_snapshot where status in ('creating', 'deleting')`;
}
