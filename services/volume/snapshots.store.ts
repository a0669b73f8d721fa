/** The SQL of snapshots. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Snapshot = {
  id: string;
  projectId: string;
  userId: string;
  volumeId: string;
  name: string | null;
  description: string | null;
  status: string;
  sizeGiB: number;
  metadata: Record<string, string>;
  groupSnapshotId: string | null;
  /** Null: it is not encrypted. */
  keyId: string | null;
  generation: number;
  /** The subject of the workflow that ends its transient state, where that is not about itself. */
  workedOnAs: string | null;
  failure: string | null;
  /** Null: nobody has said. */
  progress: string | null;
  createdAt: Date;
  updatedAt: Date;
};

const columns = sql.raw(`s.id, s.project_id as "projectId", s.user_id as "userId", s.volume_id as "volumeId", s.name, s.description, s.status, s.size_gib as "sizeGiB",
  s.metadata, s.group_snapshot_id as "groupSnapshotId", s.key_id as "keyId", s.generation, s.worked_on_as as "workedOnAs", s.failure, s.progress, s.created_at as "createdAt", s.updated_at as "updatedAt"`);

export function findSnapshot(tx: Transaction, id: string): Promise<Snapshot | undefined> {
  return tx.one<Snapshot>`select ${columns} from volume.snapshot s where s.id = ${id}`;
}

export function lockSnapshot(tx: Transaction, id: string): Promise<Snapshot | undefined> {
  return tx.one<Snapshot>`select ${columns} from volume.snapshot s where s.id = ${id} for update`;
}

export async function insertSnapshot(tx: Transaction, draft: Pick<Snapshot, 'id' | 'projectId' | 'userId' | 'volumeId' | 'name' | 'description' | 'sizeGiB' | 'metadata' | 'groupSnapshotId' | 'keyId' | 'workedOnAs' | 'status' | 'generation'>, now: Date): Promise<void> {
  await tx.run`
    insert into volume.snapshot (id, project_id, user_id, volume_id, name, description, status, size_gib, metadata, generation, group_snapshot_id, key_id, worked_on_as, created_at, updated_at)
    values (${draft.id}, ${draft.projectId}, ${draft.userId}, ${draft.volumeId}, ${draft.name}, ${draft.description}, ${draft.status}, ${draft.sizeGiB}, ${sql.json(draft.metadata)}::jsonb, ${draft.generation}, ${draft.groupSnapshotId}, ${draft.keyId}, ${draft.workedOnAs}, ${now}, ${now})`;
}

export function updateSnapshot(tx: Transaction, { id, name, description, status, metadata, failure, generation, workedOnAs, progress }: Snapshot, now: Date): Promise<number> {
  return tx.run`
    update volume.snapshot set name = ${name}, description = ${description}, status = ${status}, metadata = ${sql.json(metadata)}::jsonb, failure = ${failure}, generation = ${generation}, worked_on_as = ${workedOnAs}, progress = ${progress}, updated_at = ${now}
    where id = ${id}`;
}

export function deleteSnapshotRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from volume.snapshot where id = ${id}`;
}

export function snapshotsOf(tx: Transaction, volumeId: string): Promise<Snapshot[]> {
  return tx.rows<Snapshot>`select ${columns} from volume.snapshot s where s.volume_id = ${volumeId} order by s.created_at, s.id`;
}

export function snapshotsOfGroupSnapshot(tx: Transaction, groupSnapshotId: string): Promise<Snapshot[]> {
  return tx.rows<Snapshot>`select ${columns} from volume.snapshot s where s.group_snapshot_id = ${groupSnapshotId} order by s.created_at, s.id`;
}

/** Whether another project kept snapshots of it when it was given away. */
export async function hasOthersSnapshots(tx: Transaction, volumeId: string, projectId: string): Promise<boolean> {
  return (await tx.one<{ found: boolean }>`select volume.has_others_snapshots(${volumeId}, ${projectId}) as found`)!.found;
}

export async function countSnapshots(tx: Transaction, conditions: readonly Sql[]): Promise<number> {
  return (await tx.one<{ count: number }>`select count(*)::int as count from volume.snapshot s where ${sql.and(conditions)}`)!.count;
}

export function listSnapshots(tx: Transaction, { conditions, order, limit, offset }: { conditions: readonly Sql[]; order: Sql; limit: number; offset: number }): Promise<Snapshot[]> {
  return tx.rows<Snapshot>`select ${columns} from volume.snapshot s where ${sql.and(conditions)} order by ${order} limit ${limit} offset ${offset}`;
}

/** The states that a workflow ends, and what it is when the workflow is lost. */
export const transientSnapshot: Record<string, string> = { creating: 'error', deleting: 'error_deleting', 'backing-up': 'available', restoring: 'available' };

export function listSnapshotsInTransit(tx: Transaction): Promise<{ id: string; status: string; generation: number; updatedAt: Date; subject: string }[]> {
  return tx.rows`
    select id, status, generation, updated_at as "updatedAt", coalesce(worked_on_as, 'snapshot/' || id) as subject from volume.snapshot
    where status = any(${Object.keys(transientSnapshot)}::text[])`;
}

export function listStoredSnapshots(tx: Transaction): Promise<{ id: string; status: string }[]> {
  return tx.rows`select id, status from volume.snapshot`;
}
