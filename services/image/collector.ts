/**
 * Takes bytes away that no image has any more.
 *
 * First the row, then the file, and hosts' copies last: whoever brings the same bytes meanwhile makes a
 * row, and what was set aside comes back (`fileBlobStore`).
 */
import { DriverError } from '../../drivers/driver.ts';
import { findRemovable, findUnforgotten, forgotten, isPlaced, listPlaced, markDropped } from './blobs.store.ts';
import { sweepCache } from './cache.ts';
import type { RegionParts } from '../parts.ts';
import { forgetTasks } from './tasks.ts';
import { giveUpAbandoned } from './uploads.ts';

const collecting = { kind: 'system', reason: 'bytes are of no project' } as const;

/** Between bytes being stored and an image having them there is a transaction or two. */
const graceMs = 60 * 60_000;

/** What an interrupted upload leaves in the incoming folder; the longest capture is younger. */
const incomingMs = 24 * 60 * 60_000;

export async function collectBytes(parts: RegionParts): Promise<void> {
  const { database, blobs, clock, driver } = parts;
  await giveUpAbandoned(parts);
  const now = clock.now();
  await database.transaction(collecting, (tx) => forgetTasks(tx, now));
  for (const upload of await blobs.incomingBefore(new Date(now.getTime() - incomingMs))) await blobs.discard(upload);

  const before = new Date(now.getTime() - graceMs);
  for (const sha256 of await database.read(collecting, (tx) => findRemovable(tx, before))) await database.transaction(collecting, (tx) => markDropped(tx, sha256, { before, now }));
  // Also what a crash has left without a row, and what an image no longer has there.
  for (const { id: store } of blobs.stores) {
    const placed = new Set(await database.read(collecting, (tx) => listPlaced(tx, store, before)));
    for (const sha256 of await blobs.list(store)) if (!placed.has(sha256)) await takeAway(parts, { sha256, store, since: before });
  }

  await sweepCache(parts);

  for (const sha256 of await database.read(collecting, findUnforgotten)) {
    if (await forget(driver, sha256)) await database.transaction(collecting, (tx) => forgotten(tx, sha256));
  }
}

async function takeAway({ blobs, database }: RegionParts, { sha256, store, since }: { sha256: string; store: string; since: Date }): Promise<void> {
  const aside = await blobs.setAside(sha256, store);
  if (!aside) return;
  if (await database.read(collecting, (tx) => isPlaced(tx, sha256, { store, since }))) await aside.restore();
  else await aside.destroy();
}

/** False: a disk still depends on a host's copy; it will be asked again. */
async function forget(driver: RegionParts['driver'], sha256: string): Promise<boolean> {
  try {
    await driver.images.forget({ sha256 });
    return true;
  } catch (error) {
    if (error instanceof DriverError) return false;
    throw error;
  }
}
