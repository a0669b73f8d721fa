/** Images as Nova shows them. nova/api/openstack/compute/{images,image_metadata}.py, views/images.py; nova/image/glance.py */
import { imageMetadataProxies as metadataContract, imageProxies as contract } from '../../contract/compute/proxies.ts';
import { badRequest, Fault, forbidden, notFound } from '../../kit/fault.ts';
import { implement, type Context, type Request } from '../../kit/http/implement.ts';
import { deleteImage, getImage, listImages, patchImage, type Image } from '../image/images.ts';
import { bookmark, linksTo, mostPerPage, nextLinks } from './lists.ts';
import { asTime } from './words.ts';

type ListRequest = Request<typeof contract.list>;
type Linking = { base: string; url(path: string): string };

export const imageProxies = implement(contract, {
  async list(request) {
    const { images, next } = await pageOf(request);
    const links = nextLinks(next);
    return { images: images.map(({ id, name }) => ({ id, name, links: imageLinks(request, id) })), ...(links ? { images_links: links } : {}) };
  },
  async detail(request) {
    const { images, next } = await pageOf(request);
    const links = nextLinks(next);
    return { images: images.map((image) => asImage(request, image)), ...(links ? { images_links: links } : {}) };
  },
  async show(request) {
    return { image: asImage(request, await found(request, request.params.image_id)) };
  },
  async delete(request) {
    const { image_id: id } = request.params;
    await deleteImage(request, id).catch(inNovasWords(id, 'You are not allowed to delete the image.'));
  },
});

export const imageMetadataProxies = implement(metadataContract, {
  async list(request) {
    return { metadata: (await found(request, request.params.image_id)).properties };
  },
  async merge(request) {
    return { metadata: await setProperties(request, request.params.image_id, (before) => ({ ...before, ...request.body.metadata })) };
  },
  async replace(request) {
    return { metadata: await setProperties(request, request.params.image_id, () => request.body.metadata) };
  },
  async show(request) {
    const { key } = request.params;
    const { properties } = await found(request, request.params.image_id);
    if (!(key in properties)) throw notFound('Metadata item was not found');
    return { meta: { [key]: properties[key]! } };
  },
  async set(request) {
    const { key, image_id: id } = request.params;
    const value = request.body.meta[key];
    if (value === undefined) throw badRequest('Request body and URI mismatch');
    await setProperties(request, id, (before) => ({ ...before, [key]: value }));
    return { meta: { [key]: value } };
  },
  async delete(request) {
    const { key, image_id: id } = request.params;
    await setProperties(request, id, ({ [key]: removed, ...rest }) => {
      if (removed === undefined) throw notFound('Invalid metadata key');
      return rest;
    });
  },
});

async function found(context: Pick<Context, 'tx'>, id: string): Promise<Image> {
  return getImage(context, id).catch(inNovasWords(id, ''));
}

async function setProperties(context: Context, id: string, change: (before: Image['properties']) => Image['properties']): Promise<Image['properties']> {
  const { properties: before } = await found(context, id);
  const after = change(before);
  const gone = Object.keys(before).filter((name) => !(name in after));
  const image = await patchImage(context, id, [
    ...gone.map((field) => ({ op: 'remove' as const, field })),
    ...Object.entries(after)
      .filter(([field, value]) => before[field] !== value)
      .map(([field, value]) => ({ op: field in before ? ('replace' as const) : ('add' as const), field, value })),
  ]).catch(inNovasWords(id, `Not authorized for image ${id}.`));
  return image.properties;
}

function inNovasWords(id: string, refusal: string) {
  return (error: unknown): never => {
    if (error instanceof Fault && error.status === 404) throw notFound(`Image ${id} could not be found.`);
    if (error instanceof Fault && error.status === 403) throw forbidden(refusal);
    throw error;
  };
}

/** In no order of its own: newest first, as Glance lists. */
async function pageOf(request: ListRequest): Promise<{ images: Image[]; next: string | undefined }> {
  const { query } = request;
  const limit = Math.min(query.limit || mostPerPage, mostPerPage);
  const images = await listImages(request, {
    limit: limit + 1,
    marker: query.marker,
    sorting: [],
    memberStatus: 'accepted',
    hidden: false,
    tags: [],
    filters: {
      ...(query.name === undefined ? {} : { name: query.name }),
      ...(query.status === undefined ? {} : { status: statuses[query.status.toUpperCase()] ?? query.status.toLowerCase() }),
      ...(query.minRam === undefined ? {} : { min_ram: query.minRam }),
      ...(query.minDisk === undefined ? {} : { min_disk: query.minDisk }),
      ...(query['changes-since'] === undefined ? {} : { updated_at: `gte:${query['changes-since']}` }),
    },
    properties: propertiesIn(request),
  }).catch((error: unknown) => {
    throw error instanceof Fault && query.marker !== undefined ? badRequest(`marker [${query.marker}] not found`) : error;
  });
  const shown = images.slice(0, limit);
  const last = shown.at(-1);
  return { images: shown, next: images.length > limit && last ? request.page({ marker: last.id }) : undefined };
}

function propertiesIn({ query, otherQuery }: ListRequest): Record<string, string> {
  const named = Object.entries(otherQuery).flatMap(([name, value]) => (name.startsWith('property-') ? [[name.slice('property-'.length), String(value)] as const] : []));
  return {
    ...Object.fromEntries(named),
    // A server is named by its address or its id.
    ...(query.server === undefined ? {} : { instance_uuid: query.server.split('/').at(-1) ?? '' }),
    ...(query.type === undefined ? {} : { image_type: query.type }),
  };
}

/** What Glance calls them: nova/image/glance.py */
const statuses: Record<string, string> = { ACTIVE: 'active', SAVING: 'in:queued,saving' };

const shownAs: Record<Image['status'], { status: string; progress: number }> = {
  active: { status: 'ACTIVE', progress: 100 },
  queued: { status: 'SAVING', progress: 25 },
  saving: { status: 'SAVING', progress: 50 },
  uploading: { status: 'UNKNOWN', progress: 0 },
  importing: { status: 'UNKNOWN', progress: 0 },
  deactivated: { status: 'UNKNOWN', progress: 0 },
};

function asImage(request: Linking, image: Image) {
  const { id, name, minRamMiB, minDiskGiB, properties, createdAt, updatedAt, sizeBytes } = image;
  const serverId = properties['instance_uuid'];
  const diskConfig = properties['auto_disk_config'];
  return {
    id,
    name,
    minRam: minRamMiB,
    minDisk: minDiskGiB,
    metadata: properties,
    created: asTime(createdAt),
    updated: asTime(updatedAt),
    ...shownAs[image.status],
    'OS-EXT-IMG-SIZE:size': sizeBytes,
    links: imageLinks(request, id),
    ...(serverId ? { server: { id: serverId, links: linksTo(request, `/servers/${serverId}`) } } : {}),
    ...(diskConfig ? { 'OS-DCF:diskConfig': /^(1|t|true|on|y|yes)$/i.test(diskConfig) ? 'AUTO' : 'MANUAL' } : {}),
  };
}

function imageLinks(request: Linking, id: string): { rel: string; href: string; type?: string }[] {
  return [{ rel: 'self', href: request.url(`/images/${id}`) }, bookmark(request, `/images/${id}`), { rel: 'alternate', type: 'application/vnd.openstack.image', href: `${request.base}/image/images/${id}` }];
}
