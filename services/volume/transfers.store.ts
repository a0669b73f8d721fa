/** The SQL of transfers. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Transfer = { id: string; projectId: string; volumeId: string; name: string | null; salt: string; keyDigest: string; withSnapshots: boolean; createdAt: Date };

const columns = sql.raw('id, project_id as "projectId", volume_id as "volumeId", name, salt, key_digest as "keyDigest", with_snapshots as "withSnapshots", created_at as "createdAt"');

export async function insertTransfer(tx: Transaction, { id, projectId, volumeId, name, salt, keyDigest, withSnapshots, createdAt }: Transfer): Promise<void> {
  await tx.run`
    insert into volume.transfer (id, project_id, volume_id, name, salt, key_digest, with_snapshots, created_at) values (${id}, ${projectId}, ${volumeId}, ${name}, ${salt}, ${keyDigest}, ${withSnapshots}, ${createdAt})`;
}

export function findTransfer(tx: Transaction, id: string): Promise<Transfer | undefined> {
  return tx.one<Transfer>`select ${columns} from volume.transfer where id = ${id}`;
}

export function selectTransfers(tx: Transaction, { conditions, order, limit, offset }: { conditions: readonly Sql[]; order: Sql; limit: number; offset: number }): Promise<Transfer[]> {
  return tx.rows<Transfer>`select ${columns} from volume.transfer t where ${sql.and(conditions)} order by ${order} limit ${limit} offset ${offset}`;
}

export function deleteTransferRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from volume.transfer where id = ${id}`;
}

/** Whosever it is: nobody else takes it meanwhile. */
export function lockOffered(tx: Transaction, id: string): Promise<Transfer | undefined> {
  return tx.one<Transfer>`select ${columns} from volume.offered(${id})`;
}

export async function weightOf(tx: Transaction, id: string): Promise<{ volumeGiB: number; snapshots: number; snapshotGiB: number; ready: boolean; typeId: string | null }> {
  const row = await tx.one<{ volumeGiB: number; snapshots: number; snapshotGiB: number; ready: boolean; typeId: string | null }>`
    select volume_gib as "volumeGiB", snapshots, snapshot_gib as "snapshotGiB", ready, type_id as "typeId" from volume.weight_of(${id})`;
  return row!;
}

/** The volume and its snapshots are the other project's from now on. */
export async function handOver(tx: Transaction, id: string, { projectId, userId, now }: { projectId: string; userId: string; now: Date }): Promise<void> {
  await tx.run`select volume.hand_over(${id}, ${projectId}, ${userId}, ${now}::timestamptz)`;
}
