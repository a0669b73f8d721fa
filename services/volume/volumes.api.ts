/** The door of volumes. */
import { createHash } from 'node:crypto';
import { volumes as contract } from '../../contract/volume/volumes.ts';
import { badRequest, Fault, notFound } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { createVolumeFromBackup } from './backups.ts';
import { groupForVolume } from './groups.ts';
import { cut, readMetadata, readPage } from './lists.ts';
import { demandKnownFilters } from './resource-filters.ts';
import { entryOf, isTrue, nextLinks, volumeBrief, volumeShown } from './shapes.ts';
import { encryptionOfVolumesType, typeForVolume } from './types.ts';
import { attachmentsByVolume, changeVolume, createVolume, deleteVolume, extendVolume, getVolume, listVolumes, resetVolumeStatus, setReadonly, setReserved, summary, throughImage, uploadVolume, type Volume, type VolumeQuery, type VolumeSource } from './volumes.ts';

const filters = ['size', 'group_id', 'id', 'name', 'status', 'availability_zone', 'user_id', 'project_id', 'volume_type'];

type Detailed = Parameters<typeof attachmentsByVolume>[0] & Parameters<typeof volumeShown>[0];

async function one(request: Detailed, volume: Volume, { extended = false }: { extended?: boolean } = {}) {
  return { volume: volumeShown(request, volume, { attachments: (await attachmentsByVolume(request, [volume.id])).get(volume.id), extended }) };
}

function queryOf({ caller, query, otherQuery }: Filtered): VolumeQuery {
  if (query['any_filter'] !== true) demandKnownFilters(caller, 'volume', [...Object.keys(query), ...Object.keys(otherQuery)]);
  const truth = (name: string) => (query[name] === undefined ? undefined : truthOf(name, String(query[name])));
  return {
    ...readPage(query, filters),
    bootable: truth('bootable'),
    consumesQuota: truth('consumes_quota'),
    imageMetadata: readMetadata(query['glance_metadata'] === undefined ? undefined : String(query['glance_metadata'])),
    times: (['created_at', 'updated_at'] as const).flatMap((name) => (query[name] === undefined ? [] : timesIn(name, String(query[name])))),
  };
}

type Filtered = { caller: Parameters<typeof demandKnownFilters>[0]; query: Readonly<Record<string, unknown>>; otherQuery: Readonly<Record<string, unknown>> };

/** cinder/api/v3/volumes.py, _get_volumes: these words, and no others. */
function truthOf(name: string, given: string): boolean {
  const word = given.toLowerCase();
  if (['t', 'true', '1', 'yes', 'y', 'on'].includes(word)) return true;
  if (['f', 'false', '0', 'no', 'n', 'off'].includes(word)) return false;
  throw badRequest(`Invalid input received: ${name}=${given}`);
}

const operators = ['gt', 'gte', 'eq', 'neq', 'lt', 'lte'] as const;

/** `gt:2026-01-01T00:00:00,lt:…` */
function timesIn(column: 'created_at' | 'updated_at', text: string): { column: typeof column; operator: (typeof operators)[number]; at: Date }[] {
  return text.split(',').map((part) => {
    const [word = '', ...rest] = part.split(':');
    const operator = operators.find((each) => each === word);
    if (!operator) throw badRequest(`Invalid ${word} operator`);
    const time = rest.join(':');
    // Without a zone it is UTC, as Cinder writes it.
    const at = new Date(/(Z|[+-]\d\d:?\d\d)$/.test(time) || !time.includes('T') ? time : `${time}Z`);
    if (Number.isNaN(at.getTime()) || at.getTime() > 8.64e15 || at.getUTCFullYear() < 0 || at.getUTCFullYear() > 9999) throw badRequest(`Invalid ${time} value`);
    return { column, operator, at };
  });
}

export const volumes = implement(contract, {
  async list(request) {
    const query = queryOf(request);
    const { found, count } = await listVolumes(request, query);
    const { page, next } = cut(found, query.limit, request.page);
    return new Answer({ volumes: page.map((volume) => volumeBrief(request, volume)), ...(next === undefined ? {} : { volumes_links: nextLinks(next) }), ...(count === undefined ? {} : { count }) }, { next });
  },

  async detail(request) {
    const query = queryOf(request);
    const { found, count } = await listVolumes(request, query);
    const { page, next } = cut(found, query.limit, request.page);
    const attachments = await attachmentsByVolume(request, page.map(({ id }) => id));
    return new Answer({ volumes: page.map((volume) => volumeShown(request, volume, { attachments: attachments.get(volume.id), extended: true })), ...(next === undefined ? {} : { volumes_links: nextLinks(next) }), ...(count === undefined ? {} : { count }) }, { next });
  },

  async summary(request) {
    const { count, sizeGiB, metadata } = await summary(request, { everyProject: isTrue(request.query.all_tenants) });
    return { 'volume-summary': { total_count: count, total_size: sizeGiB, metadata } };
  },

  async create(request) {
    const { volume: wish } = request.body;
    const wanted = {
      sizeGiB: wish.size == null ? undefined : Number(wish.size),
      name: wish.name ?? wish.display_name,
      description: wish.description ?? wish.display_description,
      zone: wish.availability_zone,
      volumeType: wish.volume_type === '' ? null : wish.volume_type,
      // As before cinder 2023.2: clients of that time know no other way.
      multiattach: isTrue(wish.multiattach),
      metadata: wish.metadata,
    };
    const given = sourceOf(wish);
    const source = given.kind === 'image' && wish.image_alone !== true ? await throughImage(request, given) : given;
    if (wish.group_id) {
      if (wanted.volumeType == null) throw badRequest('Invalid input received: volume_type must be provided when creating a volume in a group.');
      await groupForVolume(request, wish.group_id, (await typeForVolume(request, wanted.volumeType)).id);
      if (source.kind === 'backup') throw badRequest('Invalid input received: A volume in a group cannot be made from a backup.');
      return one(request, await createVolume(request, { ...wanted, source }, { groupId: wish.group_id }));
    }
    return one(request, await (source.kind === 'backup' ? createVolumeFromBackup(request, source.backupId, wanted) : createVolume(request, { ...wanted, source })));
  },

  async encryption(request) {
    const { keyId, typeId } = await getVolume(request, request.params.volume_id);
    const encryption = typeId === null ? null : await encryptionOfVolumesType(request, typeId);
    return { encryption_key_id: keyId, ...(encryption === null ? {} : { control_location: encryption.controlLocation, cipher: encryption.cipher, key_size: encryption.keySize, provider: encryption.provider }) };
  },

  show: async (request) => one(request, await getVolume(request, request.params.volume_id), { extended: true }),

  async update(request) {
    const { volume: wish } = request.body;
    const name = wish.name ?? wish.display_name;
    const description = wish.description ?? wish.display_description;
    const changed = await changeVolume(request, request.params.volume_id, { ...(name === undefined ? {} : { name }), ...(description === undefined ? {} : { description }), ...(wish.metadata ? { metadata: wish.metadata } : {}) });
    return one(request, changed);
  },

  async delete(request) {
    await deleteVolume(request, request.params.volume_id, { cascade: request.query.cascade === true, force: request.query.force === true && request.caller.isAdmin });
    return undefined;
  },

  async extend(request) {
    const { new_size: size, available_only: availableOnly = false } = request.body['os-extend'];
    await extendVolume(request, request.params.volume_id, Number(size), { inUse: !availableOnly });
    return undefined;
  },

  async setBootable(request) {
    await changeVolume(request, request.params.volume_id, { bootable: isTrue(request.body['os-set_bootable'].bootable) });
    return undefined;
  },

  async setReadonly(request) {
    await setReadonly(request, request.params.volume_id, isTrue(request.body['os-update_readonly_flag'].readonly));
    return undefined;
  },

  async resetStatus(request) {
    const { status } = request.body['os-reset_status'];
    if (status == null) throw badRequest("Must specify 'status', 'attach_status' or 'migration_status' for update.");
    await resetVolumeStatus(request, request.params.volume_id, status);
    return undefined;
  },

  async forceDelete(request) {
    await deleteVolume(request, request.params.volume_id, { force: true });
    return undefined;
  },

  async upload(request) {
    const wish = request.body['os-volume_upload_image'];
    const [diskFormat, containerFormat] = [wish.disk_format ?? 'raw', wish.container_format ?? 'bare'];
    if (diskFormat !== 'raw' && diskFormat !== 'qcow2') throw badRequest(`Invalid input received: disk_format ${diskFormat} is not available: images of volumes are raw or qcow2.`);
    if (containerFormat !== 'bare') throw badRequest(`Invalid input received: container_format ${containerFormat} is not available: images of volumes are bare.`);
    const { volume, imageId } = await uploadVolume(request, request.params.volume_id, { imageName: wish.image_name, diskFormat, force: isTrue(wish.force), visibility: wish.visibility ?? undefined, protected: isTrue(wish.protected) });
    return {
      'os-volume_upload_image': {
        id: volume.id,
        updated_at: volume.updatedAt.toISOString().replace('Z', '000'),
        status: 'uploading',
        display_description: volume.description,
        size: volume.sizeGiB,
        volume_type: volume.typeName === null ? null : { id: volume.typeId, name: volume.typeName },
        image_id: imageId,
        disk_format: diskFormat,
        container_format: 'bare',
        image_name: wish.image_name,
        protected: isTrue(wish.protected),
        visibility: wish.visibility ?? 'private',
      },
    };
  },

  async reserve(request) {
    await setReserved(request, request.params.volume_id, true);
    return undefined;
  },

  async unreserve(request) {
    await setReserved(request, request.params.volume_id, false);
    return undefined;
  },

  showImageMetadata: async (request) => ({ metadata: (await getVolume(request, request.params.volume_id)).imageMetadata ?? {} }),

  async setImageMetadata(request) {
    const { metadata } = request.body['os-set_image_metadata'];
    const volume = await changeVolume(request, request.params.volume_id, ({ imageMetadata }) => ({ imageMetadata: { ...imageMetadata, ...metadata } }));
    return { metadata: volume.imageMetadata ?? {} };
  },

  async unsetImageMetadata(request) {
    const { key } = request.body['os-unset_image_metadata'];
    await changeVolume(request, request.params.volume_id, ({ imageMetadata }) => {
      if (!imageMetadata || !Object.hasOwn(imageMetadata, key)) throw notFound('Metadata item was not found');
      return { imageMetadata: without(imageMetadata, key) };
    });
    return undefined;
  },

  async metadata(request) {
    const { metadata } = await getVolume(request, request.params.volume_id);
    return new Answer({ metadata }, { headers: { etag: etagOf(metadata) } });
  },

  async addMetadata(request) {
    const { metadata } = await changeVolume(request, request.params.volume_id, (volume) => ({ metadata: { ...volume.metadata, ...request.body.metadata } }));
    return { metadata };
  },

  async replaceMetadata(request) {
    const { metadata } = await changeVolume(request, request.params.volume_id, (volume) => (demandMatch(request, volume), { metadata: request.body.metadata }));
    return { metadata };
  },

  async metadataItem(request) {
    const { metadata } = await getVolume(request, request.params.volume_id);
    const value = metadata[request.params.key];
    if (value === undefined) throw notFound('Metadata item was not found');
    return { meta: { [request.params.key]: value } };
  },

  async setMetadataItem(request) {
    const meta = entryOf(request.body.meta, request.params.key);
    await changeVolume(request, request.params.volume_id, (volume) => (demandMatch(request, volume), { metadata: { ...volume.metadata, ...meta } }));
    return { meta };
  },

  async deleteMetadataItem(request) {
    await changeVolume(request, request.params.volume_id, (volume) => {
      demandMatch(request, volume);
      const { metadata } = volume;
      if (!Object.hasOwn(metadata, request.params.key)) throw notFound('Metadata item was not found');
      return { metadata: without(metadata, request.params.key) };
    });
    return undefined;
  },
});

/** Names what is written now, for who changes it: cinder/api/v3/volume_metadata.py. */
function etagOf(metadata: Record<string, string>): string {
  return createHash('md5').update(JSON.stringify(Object.entries(metadata).toSorted(([one], [other]) => (one < other ? -1 : 1)))).digest('hex');
}

function demandMatch({ headers }: { headers: Readonly<Record<string, string | string[] | undefined>> }, { metadata }: Volume): void {
  const given = headers['if-match'];
  if (typeof given === 'string' && given.trim() !== '*' && !given.split(',').some((tag) => tag.trim().replace(/^W\//, '').replaceAll('"', '') === etagOf(metadata))) throw new Fault(412, 'preconditionFailed', 'The metadata is no longer what it was.');
}

type Sources = { backup_id?: string | null; snapshot_id?: string | null; source_volid?: string | null; imageRef?: string | null; image_id?: string | null };

function sourceOf({ backup_id: backupId, snapshot_id: snapshotId, source_volid: volumeId, imageRef, image_id }: Sources): VolumeSource {
  const imageId = imageRef ?? image_id;
  const given = [backupId, snapshotId, volumeId, imageId].filter((each) => each != null && each !== '');
  if (given.length > 1) throw badRequest('Invalid input received: Cannot create a volume from more than one of backup, snapshot, volume and image.');
  if (backupId) return { kind: 'backup', backupId };
  if (snapshotId) return { kind: 'snapshot', snapshotId };
  if (volumeId) return { kind: 'volume', volumeId };
  if (imageId) return { kind: 'image', imageId };
  return { kind: 'empty' };
}

export function without(record: Record<string, string>, key: string): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}
