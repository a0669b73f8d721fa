/** The door of the cache. */
import { cache as contract } from '../../contract/image/cache.ts';
import { implement } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { listCached } from './cache.store.ts';
import { clearCache, queueImage, uncacheImage } from './cache.ts';

export function cache(parts: RegionParts) {
  return implement(contract, {
    async list(request) {
      const found = await listCached(request.tx);
      return {
        cached_images: found.flatMap(({ imageId, sizeBytes, hits, cachedAt, accessedAt }) =>
          sizeBytes === null || cachedAt === null || accessedAt === null ? [] : [{ image_id: imageId, hits, last_accessed: accessedAt.getTime() / 1000, last_modified: cachedAt.getTime() / 1000, size: sizeBytes }],
        ),
        queued_images: found.filter(({ sizeBytes }) => sizeBytes === null).map(({ imageId }) => imageId),
      };
    },

    async clear(request) {
      await clearCache(request, String(request.headers['x-image-cache-clear-target'] ?? '').toLowerCase());
      return undefined;
    },

    async queue(request) {
      await queueImage(request, parts, request.params.image_id);
      return undefined;
    },

    async delete(request) {
      await uncacheImage(request, request.params.image_id);
      return undefined;
    },
  });
}
