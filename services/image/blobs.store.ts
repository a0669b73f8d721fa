/** The SQL of bytes that no image has. */
import type { Transaction } from '../../kit/postgres/database.ts';

export async function findRemovable(tx: Transaction, before: Date): Promise<string[]> {
  const rows = await tx.rows<{ sha256: string }>`
    select sha256 from image.blob b where dropped_at is null and stored_at < ${before} and not exists (select from image.image i where i.sha256 = b.sha256)`;
  return rows.map(({ sha256 }) => sha256);
}

/** False: somebody wants these bytes again. */
export async function markDropped(tx: Transaction, sha256: string, { before, now }: { before: Date; now: Date }): Promise<boolean> {
  return (
    (await tx.run`
      update image.blob b set dropped_at = ${now}
      where sha256 = ${sha256} and dropped_at is null and stored_at < ${before} and not exists (select from image.image i where i.sha256 = b.sha256)`) === 1
  );
}

export async function isKnown(tx: Transaction, sha256: string): Promise<boolean> {
  return (await tx.rows`select from image.blob where sha256 = ${sha256} and dropped_at is null`).length === 1;
}

export async function listKept(tx: Transaction): Promise<string[]> {
  const rows = await tx.rows<{ sha256: string }>`select sha256 from image.blob where dropped_at is null`;
  return rows.map(({ sha256 }) => sha256);
}

/** Gone from the store; hosts may still have copies. */
export async function findUnforgotten(tx: Transaction): Promise<string[]> {
  const rows = await tx.rows<{ sha256: string }>`select sha256 from image.blob where dropped_at is not null`;
  return rows.map(({ sha256 }) => sha256);
}

export function forgotten(tx: Transaction, sha256: string): Promise<number> {
  return tx.run`delete from image.blob where sha256 = ${sha256} and dropped_at is not null and not exists (select from image.image i where i.sha256 = blob.sha256)`;
}

/** Images that say that they have bytes, with the hash of those. */
export function listActive(tx: Transaction): Promise<{ id: string; sha256: string; sizeBytes: number }[]> {
  return tx.rows`select id, sha256, size_bytes as "sizeBytes" from image.image where sha256 is not null`;
}

export function listOverdue(tx: Transaction, before: Date): Promise<{ id: string }[]> {
  return tx.rows`select id from image.image where status = 'saving' and saving_until < ${before}`;
}

export function countImages(tx: Transaction): Promise<{ projectId: string; count: number; bytes: number }[]> {
  return tx.rows`select project_id as "projectId", count(*)::int as count, sum(charged_bytes)::bigint as bytes from image.image group by project_id`;
}
