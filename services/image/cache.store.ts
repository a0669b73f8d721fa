/** The SQL of the cache. */
import type { Transaction } from '../../kit/postgres/database.ts';

export type CachedImage = { imageId: string; sha256: string | null; sizeBytes: number | null; hits: number; cachedAt: Date | null; accessedAt: Date | null };

export function listCached(tx: Transaction): Promise<CachedImage[]> {
  return tx.rows<CachedImage>`
    select image_id as "imageId", sha256, size_bytes as "sizeBytes", hits, cached_at as "cachedAt", accessed_at as "accessedAt" from image.cached order by queued_at, image_id`;
}

/** False: it is there or waits already. */
export async function insertQueued(tx: Transaction, imageId: string, now: Date): Promise<boolean> {
  return (await tx.run`insert into image.cached (image_id, queued_at) values (${imageId}, ${now}) on conflict do nothing`) === 1;
}

export function markCached(tx: Transaction, imageId: string, { sha256, sizeBytes, now }: { sha256: string; sizeBytes: number; now: Date }): Promise<number> {
  return tx.run`update image.cached set sha256 = ${sha256}, size_bytes = ${sizeBytes}, cached_at = ${now}, accessed_at = ${now} where image_id = ${imageId}`;
}

export function countHit(tx: Transaction, imageId: string, now: Date): Promise<number> {
  return tx.run`update image.cached set hits = hits + 1, accessed_at = ${now} where image_id = ${imageId} and sha256 is not null`;
}

export function deleteCached(tx: Transaction, imageId: string): Promise<number> {
  return tx.run`delete from image.cached where image_id = ${imageId}`;
}

export function deleteAllCached(tx: Transaction, which: 'cached' | 'queued'): Promise<number> {
  return tx.run`delete from image.cached where (sha256 is null) = ${which === 'queued'}`;
}

/** What the cache is to hold, or will in a moment. */
export async function listCachedBytes(tx: Transaction): Promise<string[]> {
  const rows = await tx.rows<{ sha256: string }>`
    select sha256 from image.cached where sha256 is not null
    union select i.sha256 from image.cached c join image.image i on i.id = c.image_id where i.sha256 is not null`;
  return rows.map(({ sha256 }) => sha256);
}
