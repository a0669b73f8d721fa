/** Volumes and snapshots as Nova showed them. */
import { snapshotProxies as snapshotsContract, volumeProxies as contract } from '../../contract/compute/storage-proxies.ts';
import { Fault, forbidden } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { createSnapshot, deleteSnapshot, getSnapshot, listSnapshots, type Snapshot } from '../volume/snapshots.ts';
import { attachmentsByVolume, createVolume, deleteVolume, getVolume, listVolumes, type Attachment, type Volume } from '../volume/volumes.ts';
import { mostPerPage } from './lists.ts';
import { asPreciseTime, truth } from './words.ts';

type Paged = Context & { query: { limit?: number; offset?: number } };

export const volumeProxies = implement(contract, {
  list: (request) => listed(request),
  detail: (request) => listed(request),
  async show(request) {
    const volume = await getVolume(request, request.params.volume_id);
    return { volume: shown(volume, (await attachmentsByVolume(request, [volume.id])).get(volume.id)) };
  },
  async create(request) {
    const { size, snapshot_id: snapshotId, volume_type: volumeType, metadata, availability_zone: zone, display_name: name, display_description: description } = request.body.volume;
    const source = snapshotId === undefined ? ({ kind: 'empty' } as const) : ({ kind: 'snapshot', snapshotId: (await getSnapshot(request, snapshotId)).id } as const);
    return { volume: shown(await createVolume(request, { sizeGiB: Number(size), name, description, volumeType, zone, metadata, source }).catch(asForbidden), undefined) };
  },
  async delete(request) {
    await deleteVolume(request, request.params.volume_id);
  },
});

export const snapshotProxies = implement(snapshotsContract, {
  list: (request) => listedSnapshots(request),
  detail: (request) => listedSnapshots(request),
  async show(request) {
    return { snapshot: shownSnapshot(await getSnapshot(request, request.params.snapshot_id)) };
  },
  async create(request) {
    const { volume_id: volumeId, force = false, display_name: name = null, display_description: description = null } = request.body.snapshot;
    return { snapshot: shownSnapshot(await createSnapshot(request, { volumeId, name, description, force: truth(force), metadata: {} }).catch(asForbidden)) };
  },
  async delete(request) {
    await deleteSnapshot(request, request.params.snapshot_id);
  },
});

/** What Cinder says with 413, Nova does with 403. */
function asForbidden(error: unknown): never {
  throw error instanceof Fault && error.status === 413 ? forbidden(error.message) : error;
}

function pageOf({ query: { limit, offset = 0 } }: Paged) {
  // Nova takes 0 for no limit of the caller's: nova/api/openstack/common.py, limited
  return { limit: Math.min(limit || mostPerPage, mostPerPage), offset, sort: 'created_at:desc', everyProject: false, filters: {}, withCount: false };
}

async function listed(request: Paged) {
  const { found } = await listVolumes(request, pageOf(request));
  const attachments = await attachmentsByVolume(request, found.map(({ id }) => id));
  return { volumes: found.map((volume) => shown(volume, attachments.get(volume.id))) };
}

function shown({ id, status, sizeGiB, availabilityZone, createdAt, name, description, typeName, source, metadata }: Volume, attachments: readonly Attachment[] | undefined) {
  const first = attachments?.find((each) => each.status === 'attached' && each.serverId !== null);
  return {
    id,
    status,
    size: sizeGiB,
    availabilityZone,
    createdAt: asPreciseTime(createdAt),
    attachments: [first?.serverId ? { id, volumeId: id, serverId: first.serverId, ...(first.device === null ? {} : { device: first.device }) } : {}],
    displayName: name,
    displayDescription: description,
    volumeType: typeName,
    snapshotId: source.kind === 'snapshot' ? source.snapshotId : null,
    metadata,
  };
}

async function listedSnapshots(request: Paged) {
  return { snapshots: (await listSnapshots(request, pageOf(request))).found.map(shownSnapshot) };
}

function shownSnapshot({ id, volumeId, status, sizeGiB, createdAt, name, description }: Snapshot) {
  return { id, volumeId, status, size: sizeGiB, createdAt: asPreciseTime(createdAt), displayName: name, displayDescription: description };
}
