/** The stores in which images can be. */
import { badRequest, conflict, Fault, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { FileStore, ImageBlobs } from './blobs.ts';
import { told } from './image-events.ts';
import { findImage, lockImage, removeStore } from './images.store.ts';
import { defaultStore } from './settings.ts';

/** Of an upload's header; the default one without. glance/api/v2/image_data.py, upload */
export function namedStore({ stores }: Pick<ImageBlobs, 'stores'>, given: string | string[] | undefined): string {
  if (given === undefined) return defaultStore;
  const store = stores.find(({ id }) => id === given);
  if (!store) throw badRequest(`Store ${String(given)} is not available: an image can be brought to ${namesOf(stores)}`);
  return store.id;
}

/** For an import, which may bring it to several. glance/common/utils.py, get_stores_from_request */
export function wantedStores({ stores }: Pick<ImageBlobs, 'stores'>, { stores: listed, all_stores: all = false }: { stores?: readonly string[] | undefined; all_stores?: boolean | undefined }, header: string | string[] | undefined): string[] {
  if (all) {
    if (listed !== undefined || header !== undefined) throw badRequest("All_stores parameter can't be used with x-image-meta-store header or stores parameter");
    return stores.map(({ id }) => id);
  }
  if (listed !== undefined && header !== undefined) throw badRequest("Stores parameter and x-image-meta-store header can't be both specified");
  const wanted = [...new Set(listed ?? [header === undefined ? defaultStore : String(header)])];
  for (const name of wanted) if (!stores.some(({ id }) => id === name)) throw conflict(`Store for scheme ${name} not found`);
  return wanted;
}

/** glance/api/v2/images.py, delete_from_store: these words. */
export async function takeFromStore(context: Context, { stores }: Pick<ImageBlobs, 'stores'>, { imageId, store }: { imageId: string; store: string }): Promise<void> {
  const { tx, now } = context;
  if (!stores.some(({ id }) => id === store)) throw conflict(`The selected store ${store} is not available on this node.`);
  const image = await lockImage(tx, imageId);
  if (!image) throw notFound(`Failed to find image ${imageId}`, 'HTTPNotFound');
  if (image.status !== 'active') throw conflict("It's not allowed to remove image data from store if image status is not 'active'");
  if (!image.stores.includes(store)) throw notFound(`Image ${imageId} is not stored in store ${store}.`, 'HTTPNotFound');
  if (image.stores.length === 1) throw new Fault(403, 'HTTPForbidden', 'Cannot delete image data from the only store containing it. Consider deleting the image instead.');
  await removeStore(tx, imageId, store, now);
  // The collector takes the bytes.
  await told(context, 'image.update', (await findImage(tx, imageId))!);
}

export function shownStore({ id, description }: FileStore) {
  return { id, ...(description === undefined ? {} : { description }), ...(id === defaultStore ? { default: 'true' as const } : {}) };
}

function namesOf(stores: readonly FileStore[]): string {
  return stores.map(({ id }) => id).join(', ');
}
