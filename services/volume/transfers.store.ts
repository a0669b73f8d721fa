/** The SQL of transfers. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Transfer = { id: string; projectId: string; volumeId: string; name: string | null; salt: string; keyDigest: string; createdAt: Date };

const columns = sql.raw('id, project_id as "projectId", volume_id as "volumeId", name, salt, key_digest as "keyDigest", created_at as "createdAt"');

export async function insertTransfer(tx: Transaction, { id, projectId, volumeId, name, salt, keyDigest, createdAt }: Transfer): Promise<void> {
  await tx.run`
    insert into volume.transfer (id, project_id, volume_id, name, salt, key_digest, created_at) values (${id}, ${projectId}, ${volumeId}, ${name}, ${salt}, ${keyDigest}, ${createdAt})`;
}

export function findTransfer(tx: Transaction, id: string): Promise<Transfer | undefined> {
  return tx.one<Transfer>`select ${columns} from volume.transfer where id = ${id}`;
}

export function selectTransfers(tx: Transaction, conditions: readonly Sql[], { limit, offset }: { limit: number; offset: number }): Promise<Transfer[]> {
  return tx.rows<Transfer>`select ${columns} from volume.transfer where ${sql.and(conditions)} order by created_at, id limit ${limit} offset ${offset}`;
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
