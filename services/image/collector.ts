/**
 * Takes bytes away that no image has any more.
 *
 * First the row, then the file, and hosts' copies last: whoever brings the same bytes meanwhile makes a
 * row, and what was set aside comes back (`fileBlobStore`).
 */
import { DriverError } from '../../drivers/driver.ts';
import { findRemovable, findUnforgotten, forgotten, isKnown, listKept, markDropped } from './blobs.store.ts';
import type { RegionParts } from '../parts.ts';
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
  for (const upload of await blobs.incomingBefore(new Date(now.getTime() - incomingMs))) await blobs.discard(upload);

  const before = new Date(now.getTime() - graceMs);
  for (const sha256 of await database.read(collecting, (tx) => findRemovable(tx, before))) {
    if (await database.transaction(collecting, (tx) => markDropped(tx, sha256, { before, now }))) await takeAway(parts, sha256);
  }
  // A crash between the row and the file leaves a file without a row.
  const known = new Set(await database.read(collecting, listKept));
  for (const sha256 of await blobs.list()) if (!known.has(sha256)) await takeAway(parts, sha256);

  for (const sha256 of await database.read(collecting, findUnforgotten)) {
    if (await forget(driver, sha256)) await database.transaction(collecting, (tx) => forgotten(tx, sha256));
  }
}

async function takeAway({ blobs, database }: RegionParts, sha256: string): Promise<void> {
  const aside = await blobs.setAside(sha256);
  if (!aside) return;
  if (await database.read(collecting, (tx) => isKnown(tx, sha256))) await aside.restore();
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
