/** Where an image's bytes are, for other services: glance/api/v2/images.py, add_location and get_locations. */
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { badRequest, conflict, Fault } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import type { ImageBlobs } from './blobs.ts';
import { passesFilter } from './egress.ts';
import { getImage, getOwnImage } from './images.ts';
import { begin } from './imports.ts';
import type { ImportOrder } from './imports.workflow.ts';
import { defaultStore } from './settings.ts';
import { createTask } from './tasks.ts';

export type Location = { url: string; metadata: { store: string } };

export async function locationsOf(context: Context, { stores }: Pick<ImageBlobs, 'stores'>, imageId: string): Promise<Location[]> {
  const image = await getImage(context, imageId);
  return stores.filter(({ id }) => image.stores.includes(id)).map(({ id, folder }) => ({ url: pathToFileURL(join(folder, image.sha256 ?? '')).href, metadata: { store: id } }));
}

type Wish = { url: string; validation_data?: { os_hash_algo?: 'sha512' | 'sha256' | 'md5'; os_hash_value?: string } };

/**
 * The bytes are read there once, now: what changes there later changes no image (ATTACKS 10). Files are taken from
 * our own stores only.
 */
export async function addLocation(context: Context, parts: RegionParts, imageId: string, { url, validation_data: expected }: Wish): Promise<void> {
  const image = await getOwnImage(context, imageId, 'add_image_location');
  if (image.status !== 'queued') throw conflict(`It's not allowed to add locations if image status is ${image.status}.`);
  if (!context.caller.isAdmin && !context.caller.roles.has('service')) throw new Fault(403, 'HTTPForbidden', 'http store must be enabled to use location API by normal user.');
  if (image.diskFormat === null || image.containerFormat === null) throw badRequest('Properties disk_format, container_format must be set prior to saving data.');
  const expectedHash = hashOf(expected);
  const stored = storedAt(parts.blobs, url);
  if (stored === undefined && !passesFilter(url, parts.blobs.settings.downloads)) throw badRequest(`The location ${url} is neither in a store of this cloud nor at an address that is allowed.`);
  const task = await createTask(context, { type: 'location_import', imageId, projectId: context.caller.projectId ?? image.projectId, input: { image_id: imageId, loc_url: url, validation_data: expected ?? {} } });
  const from = stored === undefined ? { method: 'web-download' as const, uri: url } : { method: 'location' as const, uri: stored.sha256 };
  await begin(context, parts, { image, task, stores: [stored?.store ?? defaultStore], ...from, allMustSucceed: true, expectedHash });
}

/** A file in one of our stores, by nothing but its name. */
function storedAt({ stores }: Pick<ImageBlobs, 'stores'>, url: string): { store: string; sha256: string } | undefined {
  for (const { id, folder } of stores) {
    const prefix = pathToFileURL(join(folder, '/')).href;
    const name = url.startsWith(prefix) ? url.slice(prefix.length) : '';
    if (/^[0-9a-f]{64}$/.test(name)) return { store: id, sha256: name };
  }
  return undefined;
}

const lengths = { md5: 32, sha256: 64, sha512: 128 } as const;

/** glance/api/v2/images.py, _validate_hashing_data */
function hashOf(expected: Wish['validation_data']): ImportOrder['expectedHash'] {
  const { os_hash_algo: algorithm = 'sha512', os_hash_value: value } = expected ?? {};
  if (value === undefined) return null;
  if (!new RegExp(`^[0-9a-fA-F]{${lengths[algorithm]}}$`).test(value)) throw badRequest(`os_hash_value: ${value} is not ${lengths[algorithm]} hexadecimal digits, as a ${algorithm} has`);
  return { algorithm, value: value.toLowerCase() };
}
