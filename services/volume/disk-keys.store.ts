/** The SQL of the keys of disks. */
import type { Transaction } from '../../kit/postgres/database.ts';

export type StoredKey = { id: string; sealed: Buffer | null };
export type SealedKey = { id: string; sealed: Buffer };

export async function insertKey(tx: Transaction, { id, projectId, now }: { id: string; projectId: string; now: Date }): Promise<void> {
  await tx.run`insert into volume.disk_key (id, project_id, created_at) values (${id}, ${projectId}, ${now})`;
}

export function findKeys(tx: Transaction, ids: readonly string[]): Promise<StoredKey[]> {
  return tx.rows<StoredKey>`select id, sealed from volume.disk_key where id = any(${[...ids]}::text[])`;
}

/** Whoever makes one does so alone. */
export function lockUnmadeKeys(tx: Transaction, ids: readonly string[]): Promise<{ id: string }[]> {
  return tx.rows<{ id: string }>`select id from volume.disk_key where id = any(${[...ids]}::text[]) and sealed is null order by id for update`;
}

export function lockKeysOfOthers(tx: Transaction, cloudKeyId: number, most: number): Promise<SealedKey[]> {
  return tx.rows<SealedKey>`select id, sealed from volume.disk_key where sealed_by <> ${cloudKeyId} order by id limit ${most} for update skip locked`;
}

export async function keepSealed(tx: Transaction, { id, sealed }: SealedKey, cloudKeyId: number): Promise<void> {
  await tx.run`update volume.disk_key set sealed = ${sealed}, sealed_by = ${cloudKeyId} where id = ${id}`;
}

/** Unless a disk or a backup still has it. */
export async function deleteKey(tx: Transaction, id: string): Promise<number> {
  return tx.run`
    delete from volume.disk_key k where k.id = ${id}
      and not exists (select from volume.volume where key_id = k.id or other_key_id = k.id) and not exists (select from volume.snapshot where key_id = k.id) and not exists (select from volume.backup where key_id = k.id)`;
}

export function findKeyIds(tx: Transaction, volumeIds: readonly string[]): Promise<{ id: string; keyId: string }[]> {
  return tx.rows<{ id: string; keyId: string }>`select id, key_id as "keyId" from volume.volume where id = any(${[...volumeIds]}::text[]) and key_id is not null`;
}

/** Those that open nothing any more. */
export function listUnusedKeys(tx: Transaction): Promise<{ id: string }[]> {
  return tx.rows<{ id: string }>`
    select id from volume.disk_key k where not exists (select from volume.volume where key_id = k.id or other_key_id = k.id) and not exists (select from volume.snapshot where key_id = k.id)
      and not exists (select from volume.backup where key_id = k.id)`;
}

export function listSealedKeys(tx: Transaction): Promise<SealedKey[]> {
  return tx.rows<SealedKey>`select id, sealed from volume.disk_key where sealed is not null order by id`;
}
