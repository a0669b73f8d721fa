/** The door of stores. */
import { stores as contract } from '../../contract/image/stores.ts';
import { implement } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { shownStore, takeFromStore } from './stores.ts';

/** In which pieces files are read and written. */
const chunkBytes = 65_536;

export function stores({ blobs }: RegionParts) {
  return implement(contract, {
    list: () => Promise.resolve({ stores: blobs.stores.map(shownStore) }),

    detail: () =>
      Promise.resolve({
        stores: blobs.stores.map((store) => ({
          ...shownStore(store),
          type: 'file' as const,
          weight: store.weight,
          properties: { data_dir: store.folder, chunk_size: chunkBytes, thin_provisioning: true },
        })),
      }),

    async deleteImage(request) {
      await takeFromStore(request, blobs, { imageId: request.params.image_id, store: request.params.store_id });
      return undefined;
    },
  });
}
