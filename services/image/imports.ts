/** What may be imported, and how that begins; the work itself is in `imports.workflow.ts`. glance/api/v2/images.py, import_image */
import type { Static } from 'typebox';
import { Check } from 'typebox/value';
import type { ImportRequest } from '../../contract/image/imports.ts';
import { NewImage } from '../../contract/image/image.ts';
import { badRequest, conflict } from '../../kit/fault.ts';
import type { Caller } from '../../kit/http/caller.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { endpointOf, sealToken, type AbroadOrder } from './abroad.ts';
import { passesFilter } from './egress.ts';
import { demandUploadRoom } from './image-quotas.ts';
import { told } from './image-events.ts';
import { createImage, getImage, getOwnImage, notAuthorized, type Image } from './images.ts';
import { beginImport, lockImage, noteNothingToBring, setImporting } from './images.store.ts';
import { importImage as importWorkflow, type ImportOrder } from './imports.workflow.ts';
import { propertiesOf, wishOf } from './image-wish.ts';
import { defaultStore } from './settings.ts';
import { wantedStores } from './stores.ts';
import { createTask, getTask, type Task } from './tasks.ts';

const methods = ['glance-direct', 'web-download', 'copy-image', 'glance-download'] as const;
type Method = (typeof methods)[number];
type Wish = Static<typeof ImportRequest>;

/** Other regions are reached where there is a catalog to find them in. */
export function importMethods({ abroad }: Pick<RegionParts, 'abroad'>): Method[] {
  return methods.filter((name) => name !== 'glance-download' || abroad !== undefined);
}

type Source = { region: string; interface: string; endpoint: string | null };

/** Where the other region's images are, for an import that needs it: asked before the transaction. */
export async function sourceOf({ abroad }: Pick<RegionParts, 'abroad'>, caller: Caller, { name, glance_region: region, glance_service_interface: wanted = 'public' }: Wish['method']): Promise<Source | undefined> {
  if (name !== 'glance-download' || abroad === undefined || region === undefined) return undefined;
  return { region, interface: wanted, endpoint: await endpointOf(abroad, caller, { region, interface: wanted }) };
}

type Importing = { imageId: string; wish: Wish; storeHeader: string | string[] | undefined; source: Source | undefined };

export async function importImage(context: Context, parts: RegionParts, { imageId, wish, storeHeader, source }: Importing): Promise<void> {
  const { name, uri } = wish.method;
  if (!isMethod(name, parts)) throw badRequest(`Unknown import method name '${name}'.`);
  const image = await getImage(context, imageId);
  demandImportable(image, name);
  if (name === 'glance-download') demandRemote(wish.method);
  if (name === 'copy-image') {
    if (!context.caller.isAdmin) throw notAuthorized('copy_image');
    await lockImage(context.tx, imageId);
  } else await getOwnImage(context, imageId, 'modify_image');
  if (image.importTask !== null) throw conflict(`New operation on image '${imageId}' is not permitted as prior operation is still in progress`);

  let stores = wantedStores(parts.blobs, wish, storeHeader);
  if (name === 'copy-image') {
    const present = stores.find((store) => image.stores.includes(store));
    if (present !== undefined && wish.all_stores !== true) throw badRequest(`Image is already present at store '${present}'`);
    stores = stores.filter((store) => !image.stores.includes(store));
    if (stores.length === 0) {
      await noteNothingToBring(context.tx, imageId);
      return;
    }
  }
  if (name === 'web-download' && !passesFilter(uri ?? '', parts.blobs.settings.downloads)) throw badRequest(`URI for web-download does not pass filtering: ${uri ?? null}`);

  const task = await createTask(context, { type: 'api_image_import', imageId, projectId: context.caller.projectId ?? image.projectId, input: { image_id: imageId, import_req: wish, backend: stores } });
  const { abroad } = parts;
  const order = source && abroad && { ...source, imageId: wish.method.glance_image_id!, sealedToken: sealToken(abroad, context.caller.token, { taskId: task.id, random: context.random }) };
  await begin(context, parts, { image, task, stores, method: name, uri, abroad: order, allMustSucceed: wish.all_stores_must_succeed ?? true });
}

/** glance/api/v2/images.py, import_image: these words. */
function demandRemote({ glance_region: region, glance_image_id: imageId }: Wish['method']): void {
  if (region === undefined) throw badRequest("'glance_region' needs to be set for glance-download import method");
  if (imageId === undefined) throw badRequest("'glance_image_id' needs to be set for glance-download import method");
  if (!/^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(imageId)) throw badRequest(`Remote image id does not look like a UUID: ${imageId}`);
}

/** glance/api/v2/images.py, import_image: these words. */
function demandImportable({ status, stagedBytes, containerFormat, diskFormat, ofVolumes }: Image, method: Method): void {
  if (status === 'active' && method !== 'copy-image') throw conflict('Image with status active cannot be target for import');
  if (ofVolumes) throw conflict('The image has no bytes that could be copied: it stands for snapshots of volumes');
  if (status !== 'active' && method === 'copy-image') throw conflict('Only images with status active can be targeted for copying');
  if (status !== 'queued' && (method === 'web-download' || method === 'glance-download')) throw conflict(`Image needs to be in 'queued' state to use '${method}' method`);
  if ((status !== 'uploading' || stagedBytes === null) && method === 'glance-direct') throw conflict("Image needs to be staged before 'glance-direct' method can be used");
  if (containerFormat === null) throw conflict("'container_format' needs to be set before import");
  if (diskFormat === null) throw conflict("'disk_format' needs to be set before import");
}

type Begun = { image: Image; task: Task; stores: string[]; method: ImportOrder['method']; uri?: string | undefined; abroad?: AbroadOrder | undefined; allMustSucceed: boolean; expectedHash?: ImportOrder['expectedHash'] };

export async function begin(context: Context, parts: RegionParts, { image, task, stores, method, uri, abroad, allMustSucceed, expectedHash }: Begun): Promise<void> {
  const { tx, now, requestId } = context;
  if (method === 'web-download' || method === 'glance-download' || method === 'location') await demandUploadRoom(tx, image.projectId);
  if ((await beginImport(tx, image.id, { task: task.id, stores, now })) === 0) throw conflict(`New operation on image '${image.id}' is not permitted as prior operation is still in progress`);
  const upload = image.upload ?? task.id;
  if (method !== 'copy-image') {
    await setImporting(tx, image.id, { upload, until: new Date(now.getTime() + importWorkflow.deadlineSeconds * 1000) });
    await told(context, 'image.import.start', { ...image, status: 'importing' });
  }
  await parts.workflows.start(tx, importWorkflow, { subject: `image:${image.id}`, requestId, input: { taskId: task.id, imageId: image.id, method, uri: uri ?? null, upload, stores, allMustSucceed, expectedHash: expectedHash ?? null, ...(abroad === undefined ? {} : { abroad }) } });
}

/** The older way: an image is made for the bytes. glance/async_/flows/base_import.py */
export async function importFromAddress(context: Context, parts: RegionParts, input: Record<string, unknown>): Promise<Task> {
  for (const name of ['import_from', 'import_from_format', 'image_properties']) if (!(name in input)) throw badRequest(`Input does not contain '${name}' field`);
  const { import_from: uri, import_from_format: format, image_properties: described } = input;
  if (typeof uri !== 'string' || !passesFilter(uri, parts.blobs.settings.downloads)) throw badRequest(`The address ${String(uri).slice(0, 255)} does not pass filtering`);
  const wanted = { container_format: 'bare', disk_format: format, ...(typeof described === 'object' ? described : {}) };
  if (!Check(NewImage, wanted)) throw badRequest("Provided object does not match schema 'image'");
  const { id: _id, ...rest } = wanted;
  const image = await createImage(context, { ...wishOf(rest), properties: propertiesOf(rest) });
  const task = await createTask(context, { type: 'import', imageId: image.id, projectId: image.projectId, input });
  await begin(context, parts, { image, task, stores: [defaultStore], method: 'web-download', uri, allMustSucceed: true });
  return getTask(context, task.id);
}

function isMethod(name: string, parts: RegionParts): name is Method {
  return (importMethods(parts) as readonly string[]).includes(name);
}
