/** Copies of images in the folder that is read first: for those whose stores are slow. glance/api/v2/cached_images.py */
import { badRequest, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { step, workflow, type Run } from '../../kit/workflow/workflow.ts';
import type { RegionParts } from '../parts.ts';
import { cache } from './blobs.ts';
import { countHit, deleteAllCached, deleteCached, insertQueued, listCachedBytes, markCached } from './cache.store.ts';
import { findImage } from './images.store.ts';

type Order = { imageId: string };
type Caching = Run<Order, object, RegionParts>;

const caching = { kind: 'system', reason: 'the cache is the operator’s' } as const;

export const cacheImage = workflow<Order, object, RegionParts>(
  'image.cache',
  [
    step<Caching>('bring it near', async (run) => {
      const { services, input } = run;
      const image = await services.database.read(caching, (tx) => findImage(tx, input.imageId));
      const { sha256, sizeBytes } = image ?? { sha256: null, sizeBytes: null };
      // Deleted meanwhile; its place in the queue has gone with it.
      if (sha256 === null || sizeBytes === null) return;
      await services.blobs.copy(sha256, cache);
      await run.commit(async (tx) => void (await markCached(tx, input.imageId, { sha256, sizeBytes, now: services.clock.now() })));
    }),
  ],
  { deadlineSeconds: 4 * 3600, onFailed: async (tx, run) => void (await deleteCached(tx, run.input.imageId)) },
);

export async function queueImage(context: Context, { workflows }: Pick<RegionParts, 'workflows'>, imageId: string): Promise<void> {
  const { tx, now, requestId } = context;
  const image = await findImage(tx, imageId);
  if (!image) throw notFound(`Image ${imageId} not found.`, 'HTTPNotFound');
  if (image.status !== 'active') throw badRequest('Only images with status active can be targeted for queueing');
  if (await insertQueued(tx, imageId, now)) await workflows.start(tx, cacheImage, { subject: `image-cache:${imageId}`, requestId, input: { imageId } });
}

export async function uncacheImage({ tx }: Context, imageId: string): Promise<void> {
  const dropped = await deleteCached(tx, imageId);
  if (dropped === 0 && !(await findImage(tx, imageId))) throw notFound(`Image ${imageId} not found.`, 'HTTPNotFound');
}

export async function clearCache({ tx }: Context, target: string): Promise<void> {
  const targets = { '': ['cached', 'queued'], cache: ['cached'], queue: ['queued'] } as const;
  if (!isTarget(target)) throw badRequest("If provided 'x-image-cache-clear-target' must be 'cache', 'queue' or empty string.");
  for (const which of targets[target]) await deleteAllCached(tx, which);
}

/** Counts it, where the bytes come from the cache. */
export async function noteReading({ database, blobs, clock }: RegionParts, { imageId, sha256 }: { imageId: string; sha256: string }): Promise<void> {
  if ((await blobs.sizeIn(cache, sha256)) !== undefined) await database.transaction(caching, (tx) => countHit(tx, imageId, clock.now()));
}

/** Files that are to be in the cache no longer. */
export async function sweepCache({ database, blobs }: RegionParts): Promise<void> {
  const stored = await blobs.list(cache);
  if (stored.length === 0) return;
  const wanted = new Set(await database.read(caching, listCachedBytes));
  for (const sha256 of stored) if (!wanted.has(sha256)) await (await blobs.setAside(sha256, cache))?.destroy();
}

function isTarget(target: string): target is '' | 'cache' | 'queue' {
  return ['', 'cache', 'queue'].includes(target);
}
