/** Volumes and snapshots of ours in the partner's block storage. */
import { DriverError, type VolumeDriver, type VolumeSpec } from '../driver.ts';
import { ensureMade, type Found } from './creation.ts';
import { ours, whereIs } from './finding.ts';
import type { Handle, HandleRef } from './handles.ts';
import { ensureImage, fetchCapture } from './images.ts';
import type { Services } from './partner.ts';
import { refusedAs, unless } from './refusals.ts';
import { until, type Region } from './region.ts';

const TAG = 'intercloud_tag';
const WAIT_SECONDS = 1500;
/** Between a volume's id and the epoch in which it was another one there. */
const FORMER = '~';
/** `creating`, `deleting`, `reserved`: the partner is at it. */
const TRANSIENT = /ing$|^reserved$/;

export type RemoteVolume = Awaited<ReturnType<typeof volumesOf>>[number];
export type RemoteSnapshot = Awaited<ReturnType<typeof snapshotsOf>>[number];

export async function volumesOf({ volume }: Services) {
  return paged(async (query) => {
    const { volumes, volumes_links: more } = (await volume.volumes.detail({ query })).body;
    return { items: volumes.map((each) => ({ id: each.id, createdAt: each.created_at, tag: each.metadata[TAG] ?? null, sizeGiB: each.size, status: each.status, attachedTo: each.attachments.flatMap(({ server_id: server }) => server ?? []) })), more };
  });
}

export async function snapshotsOf({ volume }: Services) {
  return paged(async (query) => {
    const { snapshots, snapshots_links: more } = (await volume.snapshots.detail({ query })).body;
    return { items: snapshots.map((each) => ({ id: each.id, createdAt: each.created_at, tag: each.metadata[TAG] ?? null, volumeId: each.volume_id, status: each.status })), more };
  });
}

/** A volume's name there; `missing` when we know of none. */
export async function remoteVolumeId({ handles }: Pick<Region, 'handles'>, id: string): Promise<string> {
  const handle = await handles.find(volumeRef(id));
  if (handle?.state !== 'known') throw new DriverError('missing', `There is no volume ${id}`);
  return handle.remoteId;
}

export function volumeDriver(region: Region): VolumeDriver {
  const { handles, projects, call } = region;

  async function show({ volume }: Services, remoteId: string) {
    return (await volume.volumes.show({ params: { volume_id: remoteId } }).catch(unless(404)))?.body.volume;
  }

  /** As it is when the partner has done what it is at. */
  function settled(services: Services, remoteId: string) {
    return until(region, () => show(services, remoteId), (is) => is === undefined || !TRANSIENT.test(is.status), WAIT_SECONDS);
  }

  async function source(services: Services, { source: from, id }: VolumeSpec): Promise<Record<string, string>> {
    switch (from.kind) {
      case 'empty':
        return {};
      case 'image':
        return { imageRef: await ensureImage(region, from.image, services) };
      case 'volume':
        return { source_volid: await remoteVolumeId(region, from.volumeId) };
      case 'snapshot': {
        const snapshot = await handles.find(snapshotRef(from.snapshotId));
        if (snapshot?.state !== 'known') throw new DriverError('missing', `Volume ${id} is to be made from snapshot ${from.snapshotId}, which is not there`);
        return { snapshot_id: snapshot.remoteId };
      }
      default:
        return from satisfies never;
    }
  }

  async function make(services: Services, spec: VolumeSpec): Promise<string> {
    const ref = volumeRef(spec.id);
    const from = await source(services, spec);
    const remoteId = await ensureMade(region, ref, spec.projectId, {
      find: async (tag): Promise<Found[]> => (await volumesOf(services)).filter((each) => each.tag === tag),
      make: async (tag) => (await services.volume.volumes.create({ body: { volume: { size: spec.sizeGiB, name: `intercloud-${spec.id}`, metadata: { [TAG]: tag }, ...from } } })).body.volume.id,
    });
    const made = await settled(services, remoteId);
    if (made?.status === 'error') {
      await removeThere(services, ref, remoteId);
      throw new DriverError('failed', `The partner could not make volume ${spec.id}`);
    }
    return remoteId;
  }

  async function grow(services: Services, remoteId: string, { id, sizeGiB }: VolumeSpec): Promise<void> {
    await services.volume.volumes.extend({ params: { volume_id: remoteId }, body: { 'os-extend': { new_size: sizeGiB } } });
    const grown = await settled(services, remoteId);
    if (grown?.size !== sizeGiB) throw new DriverError('failed', `The partner did not extend volume ${id} to ${sizeGiB} GiB: it is ${grown?.status} with ${grown?.size}`);
  }

  /** A partner's volume keeps what it was made of, and stays while it has snapshots: the new content is another volume there. */
  async function replace(services: Services, known: Handle & { state: 'known' }, spec: VolumeSpec): Promise<void> {
    const ref = volumeRef(spec.id);
    if (((await show(services, known.remoteId))?.attachments.length ?? 0) > 0) throw new DriverError('failed', `A server uses volume ${spec.id}`);
    const former = volumeRef(`${spec.id}${FORMER}${epochOf(known)}`);
    await handles.intend(former, known.projectId);
    await handles.know(former, known.remoteId);
    await handles.forget(ref);
    await make(services, spec);
    await removeFormer(services, spec.id);
  }

  /** Those that this volume was before, unless they have snapshots. */
  async function removeFormer(services: Services, id: string): Promise<void> {
    const former = (await handles.list('volume')).filter((handle) => handle.id.startsWith(`${id}${FORMER}`));
    if (former.length === 0) return;
    const needed = new Set((await snapshotsOf(services)).map(({ volumeId }) => volumeId));
    for (const handle of former) if (handle.remoteId !== null && !needed.has(handle.remoteId)) await removeThere(services, handle, handle.remoteId);
  }

  async function removeThere(services: Services, ref: HandleRef, remoteId: string): Promise<void> {
    const params = { volume_id: remoteId };
    await settled(services, remoteId);
    // In use, or with snapshots: 400.
    await services.volume.volumes.delete({ params }).catch(unless(404)).catch(refusedAs({ 400: 'failed', 409: 'failed' }));
    const left = await until(region, () => show(services, remoteId), (is) => is === undefined || !TRANSIENT.test(is.status), WAIT_SECONDS);
    if (left) throw new DriverError('failed', `The partner did not delete ${ref.kind} ${ref.id}: it is ${left.status}`);
    await handles.forget(ref);
  }

  return {
    ensure: (volume) =>
      call([volumeRef(volume.id)], async () => {
        const { id, generation, sizeGiB, epoch = 0 } = volume;
        const ref = volumeRef(id);
        await handles.accept([{ ...ref, generation }]);
        if (!Number.isSafeInteger(sizeGiB) || sizeGiB < 1) throw new DriverError('invalid', `Volume ${id} cannot have ${sizeGiB} GiB`);
        // It takes a type of the partner's that says so, and which one that is nobody has agreed with him.
        if (volume.shared === true) throw new DriverError('invalid', `Volume ${id} is for several servers at once, and volumes at a partner's are for one`);
        // The same holds for its types that encrypt; and a key of ours would be his to read.
        if (volume.encryption != null) throw new DriverError('invalid', `Volume ${id} is to be encrypted, and volumes at a partner's are as their partner keeps them`);
        const known = await handles.find(ref);
        const services = await projects.of(known?.projectId ?? volume.projectId);
        if (known?.state !== 'known') {
          await make(services, volume);
        } else {
          const is = await settled(services, known.remoteId);
          // Its data are gone: an empty one in its place would be a lie.
          if (!is) throw new DriverError('missing', `The partner has lost volume ${id}`);
          if (sizeGiB < is.size) throw new DriverError('invalid', `Volume ${id} has ${is.size} GiB and cannot shrink to ${sizeGiB}`);
          if (epoch > epochOf(known)) await replace(services, known, volume);
          else if (sizeGiB > is.size) await grow(services, known.remoteId, volume);
        }
        await handles.apply(ref, { epoch: Math.max(epoch, known ? epochOf(known) : 0), sizeGiB });
      }),

    remove: ({ id, generation }) =>
      call([volumeRef(id)], async () => {
        const ref = volumeRef(id);
        await handles.accept([{ ...ref, generation }]);
        for (const { services, remoteIds } of await whereIs(region, ref, volumesOf)) {
          for (const remoteId of remoteIds) await removeThere(services, ref, remoteId);
          await handles.forget(ref);
          await removeFormer(services, id);
        }
      }),

    ensureSnapshot: ({ id, projectId, volumeId, generation }) =>
      call([snapshotRef(id), volumeRef(volumeId)], async () => {
        const ref = snapshotRef(id);
        await handles.accept([{ ...ref, generation }]);
        const volume = await handles.find(volumeRef(volumeId));
        const known = await handles.find(ref);
        if (known?.state === 'known' && known.applied['volumeId'] !== volumeId) throw new DriverError('invalid', `Snapshot ${id} is of volume ${String(known.applied['volumeId'])}`);
        if (volume?.state !== 'known') throw new DriverError('missing', `There is no volume ${volumeId}`);
        // Where its volume is, whoever has the volume now.
        const services = await projects.of(volume.projectId);
        const remoteId = await ensureMade(region, ref, known?.projectId ?? projectId, {
          find: async (tag): Promise<Found[]> => (await snapshotsOf(services)).filter((each) => each.tag === tag),
          make: async (tag) => (await services.volume.snapshots.create({ body: { snapshot: { volume_id: volume.remoteId, name: `intercloud-${id}`, force: true, metadata: { [TAG]: tag } } } })).body.snapshot.id,
        });
        await handles.apply(ref, { volumeId });
        const look = async () => (await services.volume.snapshots.show({ params: { snapshot_id: remoteId } }).catch(unless(404)))?.body.snapshot;
        const made = await until(region, look, (is) => is === undefined || !TRANSIENT.test(is.status), WAIT_SECONDS);
        if (made?.status !== 'available') throw new DriverError(made ? 'failed' : 'missing', `The partner's snapshot ${id} is ${made?.status ?? 'lost'}`);
      }),

    removeSnapshot: ({ id, volumeId, generation }) =>
      call([snapshotRef(id), volumeRef(volumeId)], async () => {
        const ref = snapshotRef(id);
        await handles.accept([{ ...ref, generation }]);
        for (const { services, remoteIds } of await whereIs(region, ref, snapshotsOf)) {
          for (const remoteId of remoteIds) {
            const params = { snapshot_id: remoteId };
            await services.volume.snapshots.delete({ params }).catch(unless(404)).catch(refusedAs({ 400: 'failed' }));
            const look = async () => (await services.volume.snapshots.show({ params }).catch(unless(404)))?.body.snapshot;
            const left = await until(region, look, (is) => is === undefined || !TRANSIENT.test(is.status), WAIT_SECONDS);
            if (left) throw new DriverError('failed', `The partner did not delete snapshot ${id}: it is ${left.status}`);
          }
          await handles.forget(ref);
          await removeFormer(services, volumeId);
        }
      }),

    capture: ({ volumeId, snapshotId, upload, locked = false }) =>
      call([volumeRef(volumeId)], async () => {
        const volume = await handles.find(volumeRef(volumeId));
        if (volume?.state !== 'known') throw new DriverError('missing', `There is no volume ${volumeId}`);
        if (locked) throw new DriverError('invalid', 'A disk that is not locked cannot be captured as one that is');
        const services = await projects.of(volume.projectId);
        // Block storage makes images of volumes only: of a snapshot, by way of a volume.
        // Of one in use most partners refuse to.
        const is = await settled(services, volume.remoteId);
        if (!is) throw new DriverError('missing', `The partner has lost volume ${volumeId}`);
        const from = snapshotId !== undefined ? ({ kind: 'snapshot', snapshotId } as const) : is.attachments.length > 0 ? ({ kind: 'volume', volumeId } as const) : undefined;
        const copy: VolumeSpec | undefined = from && { id: `capture-${upload}`, projectId: volume.projectId, generation: 1, sizeGiB: is.size, source: from };
        const remoteId = copy ? await make(services, copy) : volume.remoteId;
        const captured = await fetchCapture(region, {
          upload, projectId: volume.projectId, services,
          async make(tag) {
            const wish = { image_name: tag, disk_format: 'qcow2', container_format: 'bare', force: true };
            const { body } = await services.volume.volumes.upload({ params: { volume_id: remoteId }, body: { 'os-volume_upload_image': wish } });
            return String(body['os-volume_upload_image']['image_id']);
          },
        });
        await settled(services, remoteId);
        if (copy) await removeThere(services, volumeRef(copy.id), remoteId);
        return captured;
      }),

    list: () =>
      call([], async () => {
        const known = await handles.list('volume', 'snapshot');
        const places = await projects.known();
        const [volumes, snapshots] = await Promise.all([
          Promise.all(places.map(({ services }) => volumesOf(services))).then((lists) => lists.flat()),
          Promise.all(places.map(({ services }) => snapshotsOf(services))).then((lists) => lists.flat()),
        ]);
        const shown = ours(known, 'volume', volumes);
        const volumeIds = new Map(shown.map(({ id, thing }) => [thing.id, id.split(FORMER)[0] ?? id]));
        return {
          volumes: shown.filter(({ id }) => !id.includes(FORMER)).map(({ id, thing }) => ({ id, sizeGiB: thing.sizeGiB })).toSorted(byId),
          snapshots: ours(known, 'snapshot', snapshots).map(({ id, thing }) => ({ id, volumeId: volumeIds.get(thing.volumeId) ?? thing.volumeId })).toSorted(byId),
        };
      }),
  };
}

export function volumeRef(id: string): HandleRef {
  return { kind: 'volume', id };
}

function snapshotRef(id: string): HandleRef {
  return { kind: 'snapshot', id };
}

function epochOf({ applied }: Handle): number {
  return Number(applied['epoch'] ?? 0);
}

/** Nova, Cinder and Neutron cut lists, and say so by a link. */
export async function paged<T extends { id: string }>(fetch: (query: { marker?: string }) => Promise<{ items: T[]; more: unknown }>): Promise<T[]> {
  const all: T[] = [];
  for (let marker: string | undefined; ; ) {
    const { items, more } = await fetch(marker === undefined ? {} : { marker });
    all.push(...items);
    marker = items.at(-1)?.id;
    if (!more || marker === undefined) return all;
  }
}

function byId(one: { id: string }, other: { id: string }): number {
  return one.id < other.id ? -1 : 1;
}
