/** What may be done with images. Their bytes are in `uploads.ts`. */
import { Check } from 'typebox/value';
import { writable } from '../../contract/image/image.ts';
import { badRequest, conflict, Fault, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { VettedImage } from '../../drivers/driver.ts';
import { claimSpending, domainOf } from '../quota/budgets.ts';
import { demandWritable, type ImageChange } from './image-patch.ts';
import { told } from './image-events.ts';
import { claimImages, meteredAs, moveCharge, releaseImages } from './image-quotas.ts';
import { bootableFormats } from './intake/inspection.ts';
import { vetted } from './intake/intake.ts';
import {
  deleteImage as deleteRow,
  findImage,
  insertImage,
  listImages as listRows,
  lockImage,
  selectPublicHashes,
  setStatus,
  sortKeys,
  updateImage,
  type Image,
  type ImageDraft,
  type Sorting,
  type SortKey,
  type Visibility,
} from './images.store.ts';
import { moveShares } from './members.store.ts';

export type { Image } from './images.store.ts';

/** An image as compute asks for it. */
export type ServerImage = {
  id: string;
  name: string | null;
  status: Image['status'];
  minDiskGiB: number;
  minRamMiB: number;
  sizeBytes: number;
  virtualSizeBytes: number;
  properties: Record<string, string | null>;
  containerFormat: string | null;
  diskFormat: string | null;
  vetted: VettedImage;
};

export type BootImage = ServerImage | (Pick<ServerImage, 'id' | 'minRamMiB' | 'properties'> & { vetted: null });

/** An image from which a disk can be made, if the caller may see it. */
export async function getServerImage(context: Pick<Context, 'tx'>, imageId: string): Promise<ServerImage> {
  const image = await findImage(context.tx, imageId);
  if (!image) throw notFound(`Image ${imageId} could not be found.`, 'ImageNotFound');
  if (image.status !== 'active') throw badRequest(`Image ${imageId} is not active.`, 'ImageNotActive');
  const bytes = bytesOf(image);
  // nova/exception.py, ImageUnacceptable
  if (!bytes) throw badRequest(`Image ${imageId} is unacceptable: a disk cannot be made from container_format ${image.containerFormat} and disk_format ${image.diskFormat}.`, 'ImageUnacceptable');
  const { id, name, status, minDiskGiB, minRamMiB, properties, containerFormat, diskFormat } = image;
  return { id, name, status, minDiskGiB, minRamMiB, properties, containerFormat, diskFormat, sizeBytes: bytes.sizeBytes, virtualSizeBytes: bytes.virtualSizeBytes, vetted: bytes };
}

/** The same, or an image that has no bytes and stands for snapshots of volumes. */
export async function getBootImage(context: Pick<Context, 'tx'>, imageId: string): Promise<BootImage> {
  const image = await findImage(context.tx, imageId);
  if (image?.status === 'active' && image.ofVolumes) return { id: imageId, minRamMiB: image.minRamMiB, properties: image.properties, vetted: null };
  return getServerImage(context, imageId);
}

/** The bytes of an image that was active when its user was made; deactivated since, perhaps. */
export async function vettedImage(tx: Transaction, imageId: string): Promise<VettedImage> {
  const image = await findImage(tx, imageId);
  const bytes = image && bytesOf(image);
  if (!bytes) throw notFound(`Image ${imageId} could not be found.`, 'ImageNotFound');
  return bytes;
}

/** Only what was judged as a disk, and is offered as one, is ever handed to a driver. */
function bytesOf({ id, sha256, format, sizeBytes, virtualSizeBytes, containerFormat, diskFormat }: Image): VettedImage | undefined {
  if (sha256 === null || format === null || format === 'opaque' || sizeBytes === null || virtualSizeBytes === null) return undefined;
  if (containerFormat !== 'bare' || !bootableFormats.some((bootable) => bootable === diskFormat)) return undefined;
  return vetted({ imageId: id, sha256, format, sizeBytes, virtualSizeBytes });
}

/** The image, if the caller may see it. */
export function findVisibleImage({ tx }: Pick<Context, 'tx'>, id: string): Promise<Image | undefined> {
  return findImage(tx, id);
}

export async function getImage(context: Pick<Context, 'tx'>, id: string): Promise<Image> {
  const image = await findImage(context.tx, id);
  if (!image) throw noImage(id);
  return image;
}

/** The image for a change; whoever only sees it learns that it is not his. */
export async function getOwnImage(context: Context, id: string, action: string): Promise<Image> {
  const image = await lockImage(context.tx, id);
  if (image) return image;
  await getImage(context, id);
  throw notAuthorized(action);
}

export type NewImage = Partial<Omit<ImageDraft, 'projectId' | 'properties'>> & { id?: string | undefined; owner?: string | null | undefined; properties: Record<string, string | null> };

export async function createImage(context: Context, wish: NewImage): Promise<Image> {
  const { caller, tx, now, random } = context;
  const owner = wish.owner ?? caller.projectId;
  if (owner === null) throw new Fault(403, 'HTTPForbidden', 'A token for a project is needed to create an image.');
  if (owner !== caller.projectId && !caller.isAdmin) throw new Fault(403, 'HTTPForbidden', `You are not permitted to create images owned by '${owner}'.`);
  for (const name of Object.keys(wish.properties)) demandPropertyName(name);
  const draft: ImageDraft = {
    projectId: owner,
    name: wish.name ?? null,
    // glance: the default visibility lets members be added later.
    visibility: wish.visibility ?? 'shared',
    containerFormat: wish.containerFormat ?? null,
    diskFormat: wish.diskFormat ?? null,
    minDiskGiB: wish.minDiskGiB ?? 0,
    minRamMiB: wish.minRamMiB ?? 0,
    protected: wish.protected ?? false,
    hidden: wish.hidden ?? false,
    tags: unique(wish.tags ?? []),
    properties: wish.properties,
  };
  demandVisibility(context, draft.visibility);
  await claimImages(tx, owner, { images: 1 });
  await claimSpending(tx, { now, projectId: owner, domainId: domainOf(context.caller, owner), thing: meteredAs({ images: 1, MiB: 0 }) });
  const id = wish.id?.toLowerCase() ?? random.uuid();
  await insertImage(tx, draft, { id, now });
  return told(context, 'image.create', await getImage(context, id));
}

export async function deleteImage(context: Context, id: string): Promise<Image> {
  const image = await getOwnImage(context, id, 'delete_image');
  if (image.protected) throw new Fault(403, 'HTTPForbidden', `Image ${id} is protected and cannot be deleted.`);
  // Disks made from it have their own copy of what they need; the collector takes the bytes.
  await deleteRow(context.tx, id);
  await releaseImages(context.tx, image.projectId, { images: 1, bytes: image.chargedBytes });
  return told(context, 'image.delete', image);
}

export async function patchImage(context: Context, id: string, changes: readonly ImageChange[]): Promise<Image> {
  const image = await getOwnImage(context, id, 'modify_image');
  const draft = structuredClone(draftOf(image));
  for (const change of changes) apply(context, image, draft, change);
  if (draft.visibility !== image.visibility) demandVisibility(context, draft.visibility);
  if (Object.keys(draft.properties).length > 128) throw new Fault(413, 'HTTPRequestEntityTooLarge', 'Image property limit exceeded: 128 is the most.');
  if (draft.projectId !== image.projectId) {
    await moveCharge(context.tx, image, draft.projectId, context.now);
    await moveShares(context.tx, id, draft.projectId);
  }
  await updateImage(context.tx, id, draft, context.now);
  return told(context, 'image.update', await getImage(context, id));
}

const fields = {
  name: 'name',
  visibility: 'visibility',
  protected: 'protected',
  os_hidden: 'hidden',
  owner: 'projectId',
  container_format: 'containerFormat',
  disk_format: 'diskFormat',
  tags: 'tags',
  min_ram: 'minRamMiB',
  min_disk: 'minDiskGiB',
} as const satisfies Record<string, keyof ImageDraft>;

function apply(context: Context, image: Image, draft: ImageDraft, { op, field, value }: ImageChange): void {
  if (!isField(field)) return applyProperty(draft, { op, field, value });
  if (op === 'remove') throw new Fault(403, 'HTTPForbidden', `Property ${field} may not be removed.`);
  if (!Check(writable[field], value) || (field === 'owner' && value === null)) throw badRequest(`Provided object does not match schema 'image': ${JSON.stringify(value)?.slice(0, 80)} is not valid for ${field}`);
  if (field === 'owner' && !context.caller.isAdmin) throw new Fault(403, 'HTTPForbidden', "Owner can't be updated by non admin.");
  if ((field === 'container_format' || field === 'disk_format') && image.status !== 'queued' && value !== draft[fields[field]]) throw new Fault(403, 'HTTPForbidden', `Attribute ${field} can be only replaced for a queued image.`);
  Object.assign(draft, { [fields[field]]: field === 'tags' ? unique(value as string[]) : value });
}

function applyProperty({ properties }: ImageDraft, { op, field, value }: ImageChange): void {
  const exists = Object.hasOwn(properties, field);
  if (op === 'add' && exists) throw conflict(`Property ${field} already present.`);
  if (op !== 'add' && !exists) throw conflict(`Property ${field} does not exist.`);
  demandPropertyName(field);
  if (op === 'remove') delete properties[field];
  else if (value === null || (typeof value === 'string' && value.length <= 65535)) properties[field] = value;
  else throw badRequest(`Provided object does not match schema 'image': ${JSON.stringify(value)?.slice(0, 80)} is not of type 'string'`);
}

export async function setImageStatus(context: Context, id: string, action: 'deactivate' | 'reactivate'): Promise<void> {
  const [from, to] = action === 'deactivate' ? (['active', 'deactivated'] as const) : (['deactivated', 'active'] as const);
  const image = await getOwnImage(context, id, action);
  if (image.status === to) return;
  // glance/domain/__init__.py: InvalidImageStatusTransition is told as 403.
  if (image.status !== from) throw new Fault(403, 'HTTPForbidden', `Not allowed to ${action} image in status '${image.status}'`);
  await setStatus(context.tx, id, { from, to, now: context.now });
  await told(context, `image.${action}`, { ...image, status: to });
}

export async function setTag(context: Context, id: string, tag: string, present: boolean): Promise<void> {
  const image = await getOwnImage(context, id, 'modify_image');
  if (!present && !image.tags.includes(tag)) throw notFound(`Tag ${tag} not found for image`, 'HTTPNotFound');
  const tags = present ? unique([...image.tags, tag]) : image.tags.filter((each) => each !== tag);
  if (tags.length > 128) throw new Fault(413, 'HTTPRequestEntityTooLarge', `Maximum number of image tags exceeded: attempted: ${tags.length}, maximum: 128`);
  await updateImage(context.tx, id, { ...draftOf(image), tags }, context.now);
  await told(context, 'image.update', { ...image, tags });
}

// Lists

export type ImageQuery = {
  limit: number;
  marker?: string | undefined;
  sorting: Sorting[];
  visibility?: Visibility | 'all' | undefined;
  memberStatus: 'pending' | 'accepted' | 'rejected' | 'all';
  hidden: boolean;
  protected?: boolean | undefined;
  tags: string[];
  /** By Glance's name of the field, with an operator or without. */
  filters: Record<string, string>;
  properties: Record<string, string>;
};

export async function listImages(context: Context, query: ImageQuery): Promise<Image[]> {
  if (query.marker !== undefined && !(await findImage(context.tx, query.marker))) throw badRequest(`Image ${query.marker} could not be found.`);
  return listRows(context.tx, { conditions: conditionsOf(context, query), sorting: complete(query.sorting), marker: query.marker, limit: query.limit });
}

/** Ties end with the id, so that a page begins where the last one stopped. */
function complete(sorting: Sorting[]): Sorting[] {
  const direction = sorting[0]?.direction ?? 'desc';
  return [...sorting, ...(['created_at', 'id'] as const).filter((key) => !sorting.some((each) => each.key === key)).map((key) => ({ key, direction }))];
}

function conditionsOf({ caller }: Context, query: ImageQuery): Sql[] {
  const project = caller.projectId ?? '';
  const conditions = [sql`i.hidden = ${query.hidden}`];
  if (query.visibility === undefined) conditions.push(sql`(i.visibility <> 'community' or i.project_id = ${project})`);
  else if (query.visibility !== 'all') conditions.push(sql`i.visibility = ${query.visibility}`);
  if (!caller.isAdmin && query.memberStatus !== 'all')
    conditions.push(sql`(i.project_id = ${project} or i.visibility <> 'shared' or exists (select from image.member m where m.image_id = i.id and m.member_id = ${project} and m.status = ${query.memberStatus}))`);
  if (query.protected !== undefined) conditions.push(sql`i.protected = ${query.protected}`);
  if (query.tags.length > 0) conditions.push(sql`i.tags @> ${query.tags}::text[]`);
  for (const [field, wanted] of Object.entries(query.filters)) conditions.push(conditionFor(field, wanted));
  for (const [name, wanted] of Object.entries(query.properties)) conditions.push(sql`i.properties ->> ${name}::text = ${wanted}`);
  return conditions;
}

const texts: Record<string, Sql> = {
  id: sql.raw('i.id'),
  name: sql.raw('i.name'),
  owner: sql.raw('i.project_id'),
  status: sql.raw('i.status'),
  container_format: sql.raw('i.container_format'),
  disk_format: sql.raw('i.disk_format'),
  checksum: sql.raw('i.md5'),
  os_hash_value: sql.raw('i.sha512'),
};
const numbers: Record<string, { column: Sql; operator: Sql }> = {
  min_ram: { column: sql.raw('i.min_ram_mib'), operator: sql.raw('=') },
  min_disk: { column: sql.raw('i.min_disk_gib'), operator: sql.raw('=') },
  size: { column: sql.raw('i.size_bytes'), operator: sql.raw('=') },
  size_min: { column: sql.raw('i.size_bytes'), operator: sql.raw('>=') },
  size_max: { column: sql.raw('i.size_bytes'), operator: sql.raw('<=') },
};
const moments: Record<string, Sql> = { created_at: sql.raw('i.created_at'), updated_at: sql.raw('i.updated_at') };
const comparisons: Record<string, Sql> = { gt: sql.raw('>'), gte: sql.raw('>='), lt: sql.raw('<'), lte: sql.raw('<='), eq: sql.raw('='), neq: sql.raw('<>') };

function conditionFor(field: string, wanted: string): Sql {
  const text = texts[field];
  if (text) return wanted.startsWith('in:') ? sql`${text} = any(${listed(wanted.slice(3))}::text[])` : sql`${text} = ${wanted.replace(/^eq:/, '')}`;
  const number = numbers[field];
  if (number) {
    if (!/^\d{1,18}$/.test(wanted)) throw badRequest(`Cannot convert image ${field} "${wanted}" to an integer.`);
    return sql`${number.column} ${number.operator} ${wanted}::bigint`;
  }
  const [, operator = 'eq', time = ''] = /^(?:(gt|gte|lt|lte|eq|neq):)?(.*)$/.exec(wanted) ?? [];
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) throw badRequest(`Unable to filter using the specified operator or value: ${wanted}`);
  // Clients see whole seconds.
  return sql`date_trunc('second', ${moments[field]!}) ${comparisons[operator]!} date_trunc('second', ${at}::timestamptz)`;
}

/** `a,"b,c"` is two. */
function listed(values: string): string[] {
  return [...values.matchAll(/"([^"]*)"|([^,]+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

// What the rules share

export function noImage(id: string): Fault {
  return notFound(`No image found with ID ${id}`, 'HTTPNotFound');
}

export function notAuthorized(action: string): Fault {
  return new Fault(403, 'HTTPForbidden', `You are not authorized to complete ${action} action.`);
}

export function isSortKey(key: string): key is SortKey {
  return (sortKeys as string[]).includes(key);
}

function demandVisibility({ caller }: Context, visibility: Visibility): void {
  if (visibility === 'public' && !caller.isAdmin) throw notAuthorized('publicize_image');
}

function demandPropertyName(name: string): void {
  if (name.length > 255) throw badRequest('Custom property should not be greater than 255 characters.');
  demandWritable(name);
}

function isField(field: string): field is keyof typeof fields {
  return Object.hasOwn(fields, field);
}

function draftOf({ projectId, name, visibility, containerFormat, diskFormat, minDiskGiB, minRamMiB, protected: isProtected, hidden, tags, properties }: Image): ImageDraft {
  return { projectId, name, visibility, containerFormat, diskFormat, minDiskGiB, minRamMiB, protected: isProtected, hidden, tags, properties };
}

function unique(tags: readonly string[]): string[] {
  return [...new Set(tags)];
}

/** The bytes that everybody has here: SHA-512 of active images, the newest first. */
export function listPublicHashes(tx: Transaction, most: number): Promise<string[]> {
  return selectPublicHashes(tx, most);
}
