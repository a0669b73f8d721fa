/** The door of images: Glance's shapes, and nothing else. */
import type { Static } from 'typebox';
import type { Image as ImageSchema } from '../../contract/image/image.ts';
import { images as contract } from '../../contract/image/images.ts';
import { badRequest } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { readPatch } from './image-patch.ts';
import { propertiesOf, wishOf } from './image-wish.ts';
import { importMethods } from './imports.ts';
import { discardStaged } from './imports.workflow.ts';
import { createImage, deleteImage, getImage, isSortKey, listImages, patchImage, setImageStatus, setTag, type Image, type ImageQuery } from './images.ts';
import { sortKeys, type Sorting } from './images.store.ts';

export function images(parts: RegionParts) {
  return implement(contract, {
    async list(request) {
      const query = readQuery(request.query, request.otherQuery);
      const found = await listImages(request, query);
      const asked = new URLSearchParams(textOf({ ...request.query, ...request.otherQuery }));
      asked.delete('marker');
      const first = asked.size === 0 ? '/v2/images' : `/v2/images?${asked}`;
      const last = found.at(-1);
      const body = { images: found.map(shown), first, schema: '/v2/schemas/images' };
      if (last === undefined || found.length < query.limit) return body;
      asked.set('marker', last.id);
      return new Answer({ ...body, next: `/v2/images?${asked}` }, { next: request.page({ marker: last.id }) });
    },

    async create(request) {
      const image = await createImage(request, { ...wishOf(request.body), properties: propertiesOf(request.body) });
      return new Answer(shown(image), {
        headers: {
          location: request.url(`/images/${image.id}`),
          'openstack-image-import-methods': importMethods(parts).join(','),
          'openstack-image-store-ids': parts.blobs.stores.map(({ id }) => id).join(','),
        },
      });
    },

    show: async (request) => shown(await getImage(request, request.params.image_id)),

    async update(request) {
      const changes = readPatch(String(request.headers['content-type'] ?? ''), request.body);
      return shown(await patchImage(request, request.params.image_id, changes));
    },

    async delete(request) {
      const image = await deleteImage(request, request.params.image_id);
      // Also stops an import that is under way.
      if (image.status === 'uploading' || image.importTask !== null) await parts.workflows.supersede(request.tx, discardStaged, { subject: `image:${image.id}`, requestId: request.requestId, input: { upload: image.upload ?? image.importTask! } });
      return undefined;
    },

    async deactivate(request) {
      await setImageStatus(request, request.params.image_id, 'deactivate');
      return undefined;
    },

    async reactivate(request) {
      await setImageStatus(request, request.params.image_id, 'reactivate');
      return undefined;
    },

    async addTag(request) {
      await setTag(request, request.params.image_id, request.params.tag, true);
      return undefined;
    },

    async removeTag(request) {
      await setTag(request, request.params.image_id, request.params.tag, false);
      return undefined;
    },
  });
}

type ImageShape = Static<typeof ImageSchema>;

/** glance/api/v2/images.py, _format_image. Its links are below the service, whatever the cloud's address is. */
function shown(image: Image) {
  return {
    ...image.properties,
    ...(image.importTask === null ? {} : { os_glance_import_task: image.importTask }),
    ...(image.importingStores === null ? {} : { os_glance_importing_to_stores: image.importingStores.join(',') }),
    ...(image.failedStores === null ? {} : { os_glance_failed_import: image.failedStores.join(',') }),
    ...(image.stores.length === 0 ? {} : { stores: image.stores.join(',') }),
    ...(image.failure === null ? {} : { os_intercloud_failure: image.failure }),
    id: image.id,
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    protected: image.protected,
    os_hidden: image.hidden,
    owner: image.projectId,
    container_format: image.containerFormat as ImageShape['container_format'],
    disk_format: image.diskFormat as ImageShape['disk_format'],
    min_ram: image.minRamMiB,
    min_disk: image.minDiskGiB,
    size: image.sizeBytes ?? image.stagedBytes,
    virtual_size: image.containerFormat === 'bare' ? image.virtualSizeBytes : null,
    checksum: image.md5,
    os_hash_algo: image.sha512 === null ? null : 'sha512',
    os_hash_value: image.sha512,
    tags: image.tags,
    created_at: seconds(image.createdAt),
    updated_at: seconds(image.updatedAt),
    self: `/v2/images/${image.id}`,
    file: `/v2/images/${image.id}/file`,
    schema: '/v2/schemas/image',
  };
}

export function seconds(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

type Query = { readonly [name: string]: unknown };

const filterNames = ['owner', 'id', 'name', 'status', 'container_format', 'disk_format', 'min_ram', 'min_disk', 'size', 'size_min', 'size_max', 'checksum', 'os_hash_value', 'created_at', 'updated_at'];

function readQuery(query: Query, others: Readonly<Record<string, string | string[]>>): ImageQuery {
  if (query['changes-since'] !== undefined) throw badRequest('The "changes-since" filter is no longer available on v2.');
  return {
    limit: readLimit(query['limit']),
    marker: query['marker'] as string | undefined,
    sorting: readSorting(query),
    visibility: oneOf(query['visibility'], ['community', 'public', 'private', 'shared', 'all'] as const, 'Invalid visibility value'),
    memberStatus: oneOf(query['member_status'], ['pending', 'accepted', 'rejected', 'all'] as const, 'Invalid status') ?? 'accepted',
    hidden: truth('os_hidden', query['os_hidden']) ?? false,
    protected: truth('protected', query['protected']),
    tags: (query['tag'] as string[] | undefined) ?? [],
    filters: Object.fromEntries(filterNames.flatMap((name) => (query[name] === undefined ? [] : [[name, String(query[name])]]))),
    properties: Object.fromEntries(Object.entries(others).map(([name, value]) => [name, Array.isArray(value) ? (value.at(-1) ?? '') : value])),
  };
}

function readLimit(given: unknown): number {
  if (given === undefined) return 25;
  if (!/^-?\d{1,9}$/.test(String(given))) throw badRequest('limit param must be an integer');
  if (Number(given) < 0) throw badRequest('limit param must be positive');
  return Math.min(Number(given), 1000);
}

function readSorting(query: Query): Sorting[] {
  const keys = (query['sort_key'] as string[] | undefined) ?? [];
  const directions = (query['sort_dir'] as string[] | undefined) ?? [];
  if (query['sort'] !== undefined) {
    if (keys.length > 0 || directions.length > 0) throw badRequest('Old and new sorting syntax cannot be combined');
    return String(query['sort'])
      .split(',')
      .map((part) => sortingOf(...(part.split(':') as [string, string?])));
  }
  if (directions.length > 1 && directions.length !== keys.length) throw badRequest('Number of sort dirs does not match the number of sort keys');
  return (keys.length === 0 ? ['created_at'] : keys).map((key, index) => sortingOf(key, directions[directions.length > 1 ? index : 0]));
}

function sortingOf(key: string, direction = 'desc'): Sorting {
  const [name, way] = [key.trim(), direction.trim()];
  if (!isSortKey(name)) throw badRequest(`Invalid sort key: ${name}. It must be one of the following: ${sortKeys.join(', ')}.`);
  if (way !== 'asc' && way !== 'desc') throw badRequest(`Invalid sort direction: ${way}`);
  return { key: name, direction: way };
}

function oneOf<T extends string>(given: unknown, allowed: readonly T[], words: string): T | undefined {
  if (given === undefined || given === '') return undefined;
  const found = allowed.find((each) => each === given);
  if (found === undefined) throw badRequest(`${words}: ${String(given)}`);
  return found;
}

function truth(name: string, given: unknown): boolean | undefined {
  if (given === undefined) return undefined;
  const text = String(given).toLowerCase();
  if (text !== 'true' && text !== 'false') throw badRequest(`Invalid value '${String(given)}' for '${name}' filter. Valid values are 'true' or 'false'.`);
  return text === 'true';
}

function textOf(query: Query): [string, string][] {
  return Object.entries(query).flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).filter((each) => each !== undefined).map((each): [string, string] => [name, String(each)]));
}
