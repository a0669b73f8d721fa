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

export async function listKept(tx: Transaction): Promise<string[]> {
  const rows = await tx.rows<{ sha256: string }>`select sha256 from image.blob where dropped_at is null`;
  return rows.map(({ sha256 }) => sha256);
}

export async function isKept(tx: Transaction, sha256: string): Promise<boolean> {
  return (await tx.rows`select from image.blob where sha256 = ${sha256} and dropped_at is null`).length === 1;
}

/** What a store is to hold: the bytes of its images, and what was brought a short while ago. */
export async function listPlaced(tx: Transaction, store: string, since: Date): Promise<string[]> {
  const rows = await tx.rows<{ sha256: string }>`
    select sha256 from image.image where sha256 is not null and ${store} = any(stores)
    union select sha256 from image.blob where dropped_at is null and stored_at >= ${since}`;
  return rows.map(({ sha256 }) => sha256);
}

export async function isPlaced(tx: Transaction, sha256: string, { store, since }: { store: string; since: Date }): Promise<boolean> {
  return (await tx.rows`
    select where exists (select from image.image where sha256 = ${sha256} and ${store} = any(stores))
      or exists (select from image.blob where sha256 = ${sha256} and dropped_at is null and stored_at >= ${since})`).length === 1;
}

/** Keeps the collector away from bytes that are about to come to one more store. */
export function touchBlob(tx: Transaction, sha256: string, now: Date): Promise<number> {
  return tx.run`update image.blob set stored_at = ${now} where sha256 = ${sha256} and dropped_at is null`;
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
export function listActive(tx: Transaction): Promise<{ id: string; sha256: string; sizeBytes: number; stores: string[] }[]> {
  return tx.rows`select id, sha256, size_bytes as "sizeBytes", stores from image.image where sha256 is not null`;
}

export function listOverdue(tx: Transaction, before: Date): Promise<{ id: string }[]> {
  return tx.rows`select id from image.image where status in ('saving', 'uploading', 'importing') and saving_until < ${before}`;
}

export function countImages(tx: Transaction): Promise<{ projectId: string; count: number; bytes: number }[]> {
  return tx.rows`select project_id as "projectId", count(*)::int as count, sum(charged_bytes)::bigint as bytes from image.image group by project_id`;
}
