/** What is done in time: counts are folded, what has expired is deleted, bytes that nobody has any more are removed. */
import { emit } from '../../kit/events/events.ts';
import { nobody } from '../../kit/http/caller.ts';
import type { RegionParts } from '../parts.ts';
import { expireObject } from './objects.ts';
import { deleteLoose, dropBlob, foldChanges, isKnownFile, isUsed, lockBlob, noteScrub, selectExpired, selectLoose, selectToScrub } from './usage.store.ts';

const keeping = { kind: 'system', reason: 'the store is kept in order' } as const;
const atOnce = 1000;

/** An upload that gets no bytes for so long was given up by its door, or its process is gone. */
const abandonedAfterMs = 10 * 60_000;

/** All bytes are compared with their hash this often, and at one turn no more of them than so many. */
const scrubbedEveryMs = 30 * 24 * 3_600_000;
const scrubbedAtOnceBytes = 20 * 1024 * 1024 * 1024;
const scrubbedAtOnce = 200;

/** Adds up what writers noted, and tells the meter how much is in each container now. */
export async function foldUsage({ database, clock }: Pick<RegionParts, 'database' | 'clock'>, signal?: AbortSignal): Promise<void> {
  while (signal?.aborted !== true) {
    const folded = await database.transaction(keeping, async (tx) => {
      const step = await foldChanges(tx, atOnce);
      for (const { id, projectId, name, objects, bytes } of step.changed)
        await emit(tx, clock, { type: 'container.usage', resource: 'container', resourceId: `${projectId}/${id}`, projectId, payload: { name, status: 'in-use', objects, bytes } });
      return step.folded;
    });
    if (folded < atOnce) return;
  }
}

/**
 * Reads all bytes, those that nobody has looked at for longest first. What are other bytes than were brought is noted: the
 * next upload of the right ones takes their place, and doctor tells of it until then. Their file stays, for who can mend it.
 */
export async function scrubBytes({ database, bodies, clock, log }: Pick<RegionParts, 'database' | 'bodies' | 'clock' | 'log'>, signal?: AbortSignal): Promise<void> {
  const before = new Date(clock.now().getTime() - scrubbedEveryMs);
  for (let readBytes = 0; readBytes < scrubbedAtOnceBytes; ) {
    const found = await database.read(keeping, (tx) => selectToScrub(tx, { before, limit: scrubbedAtOnce }));
    for (const blob of found) {
      if (signal?.aborted === true || readBytes >= scrubbedAtOnceBytes) return;
      const isWhole = await bodies.isWhole(blob, blob.sha256);
      readBytes += blob.sizeBytes;
      await database.transaction(keeping, (tx) => noteScrub(tx, blob, { now: clock.now(), isWhole }));
      if (!isWhole) log.error({ projectId: blob.projectId, sha256: blob.sha256, file: blob.file }, 'bytes of an object are not those that were brought');
    }
    if (found.length < scrubbedAtOnce) return;
  }
}

export async function deleteExpired({ database, clock, random }: Pick<RegionParts, 'database' | 'clock' | 'random'>, signal?: AbortSignal): Promise<void> {
  while (signal?.aborted !== true) {
    const now = clock.now();
    const expired = await database.read(keeping, (tx) => selectExpired(tx, now, atOnce));
    for (const { projectId, containerId, versioning, ...object } of expired)
      await database.transaction({ kind: 'project', projectId }, (tx) => expireObject({ tx, projectId, now, random, caller: nobody, requestId: '' }, { id: containerId, versioning }, object));
    if (expired.length < atOnce) return;
  }
}

/** Removes the bytes that were let go of, as far as nothing else has them; and what crashes have left. */
export async function sweepBytes({ database, bodies, clock, log }: Pick<RegionParts, 'database' | 'bodies' | 'clock' | 'log'>, signal?: AbortSignal): Promise<void> {
  for (const file of await bodies.incomingBefore(new Date(clock.now().getTime() - abandonedAfterMs))) {
    const isKnown = await database.read(keeping, (tx) => isKnownFile(tx, file));
    await (isKnown ? bodies.keep(file) : bodies.remove(file));
    log.info({ file, isKnown }, 'an interrupted upload was cleared up');
  }
  for (;;) {
    const loose = await database.read(keeping, (tx) => selectLoose(tx, atOnce));
    for (const each of loose) {
      if (signal?.aborted === true) return;
      const file = each.file ?? (await database.transaction(keeping, async (tx) => {
        const blob = await lockBlob(tx, each);
        if (!blob || (await isUsed(tx, each))) {
          await deleteLoose(tx, each.id);
          return undefined;
        }
        await dropBlob(tx, each, blob.file);
        return blob.file;
      }));
      if (file === undefined) continue;
      await bodies.remove(file);
      await database.transaction(keeping, (tx) => deleteLoose(tx, each.id));
    }
    if (loose.length < atOnce) return;
  }
}
