/** Volumes and their snapshots: qcow2 files, each complete in itself, so that none depends on what it was made from. */
import { join } from 'node:path';
import { DriverError, type BlobStore, type VolumeDriver, type VolumeSpec } from '../driver.ts';
import type { Serial } from '../../kit/serial.ts';
import { captureDisk, copyDisk } from './captures.ts';
import type { Disks } from './disks.ts';
import { isThere } from './engine-programs.ts';
import type { ImageCache } from './images.ts';
import type { Libvirt } from './libvirt/libvirt.ts';
import { requireId, type Records } from './records.ts';
import { findDiskInUse } from './running-disks.ts';

/** What an earlier version has written has no epoch. */
export type VolumeRecord = { sizeGiB: number; epoch?: number };
export type SnapshotRecord = { volumeId: string };

const GiB = 2 ** 30;

export function volumePath(disks: Disks, volumeId: string): string {
  return join(disks.folder, 'volumes', `${requireId(volumeId)}.qcow2`);
}

export function createVolumeDriver({
  disks, libvirt, images, blobs, records, serial, userOf,
}: {
  disks: Disks;
  libvirt: Libvirt;
  images: ImageCache;
  blobs: BlobStore;
  records: { volumes: Records<VolumeRecord>; snapshots: Records<SnapshotRecord> };
  /** With a volume's key held, no server takes it or lets it go. */
  serial: Serial<string>;
  /** The server that has this volume, as it was last asked for. */
  userOf: (volumeId: string) => Promise<string | null>;
}): VolumeDriver {
  const snapshotPath = (id: string) => join(disks.folder, 'snapshots', `${requireId(id)}.qcow2`);

  async function make({ id, sizeGiB, source }: VolumeSpec): Promise<void> {
    const sizeBytes = sizeGiB * GiB;
    const scratch = disks.scratchPath();
    try {
      switch (source.kind) {
        case 'empty':
          await disks.create(scratch, { sizeBytes });
          break;
        case 'image': {
          requireRoom(source.image.virtualSizeBytes, sizeGiB, `the image ${source.image.imageId}`);
          await disks.copy(await images.ensure(source.image), scratch, { sizeBytes });
          break;
        }
        case 'volume':
          if (!(await records.volumes.find(source.volumeId))) throw new DriverError('missing', `There is no volume ${source.volumeId}`);
          await makeFrom(volumePath(disks, source.volumeId), await userOf(source.volumeId), scratch, sizeGiB);
          break;
        case 'snapshot':
          if (!(await records.snapshots.find(source.snapshotId))) throw new DriverError('missing', `There is no snapshot ${source.snapshotId}`);
          await makeFrom(snapshotPath(source.snapshotId), null, scratch, sizeGiB);
          break;
        default:
          source satisfies never;
      }
      await disks.finish(scratch, volumePath(disks, id));
    } finally {
      await disks.remove(scratch);
    }
  }

  async function makeFrom(path: string, serverId: string | null, scratch: string, sizeGiB: number): Promise<void> {
    requireRoom(await disks.virtualSizeBytes(path, 'qcow2'), sizeGiB, 'what it is made from');
    await copyDisk({ libvirt, disks, path, serverId, to: scratch });
    if ((await disks.virtualSizeBytes(scratch, 'qcow2')) < sizeGiB * GiB) await disks.resize(scratch, sizeGiB * GiB);
  }

  async function grow(id: string, sizeGiB: number): Promise<void> {
    const path = volumePath(disks, id);
    const serverId = await userOf(id);
    const inUse = serverId === null ? undefined : await findDiskInUse(libvirt, disks, { path, serverId });
    if (inUse) await libvirt.resizeBlock(inUse.domain, inUse.device, BigInt(sizeGiB * GiB));
    else await disks.resize(path, sizeGiB * GiB);
  }

  return {
    ensure: (volume) =>
      serial.runAll(sourceKeys(volume), async () => {
        await records.volumes.accept(volume.id, volume.generation);
        const known = await records.volumes.find(volume.id);
        const [epoch, knownEpoch] = [volume.epoch ?? 0, known?.epoch ?? 0];
        if (known && volume.sizeGiB < known.sizeGiB) throw new DriverError('invalid', `The volume ${volume.id} has ${known.sizeGiB} GiB and cannot shrink to ${volume.sizeGiB}`);
        const serverId = known && epoch > knownEpoch ? await userOf(volume.id) : null;
        if (serverId !== null) throw new DriverError('failed', `The volume ${volume.id} is used by the server ${serverId}`);
        // A file without a record is one that was finished when we ended: it has been given to no one, and is made anew.
        if (!known || epoch > knownEpoch) await make(volume);
        else if (!(await isThere(volumePath(disks, volume.id)))) throw new DriverError('missing', `The file of the volume ${volume.id} has gone`);
        else if (volume.sizeGiB > known.sizeGiB) await grow(volume.id, volume.sizeGiB);
        if (known?.sizeGiB !== volume.sizeGiB || epoch > knownEpoch) await records.volumes.save(volume.id, { sizeGiB: volume.sizeGiB, epoch: Math.max(epoch, knownEpoch) });
      }),

    remove: ({ id, generation }) =>
      serial.run(volumeKey(id), async () => {
        await records.volumes.accept(id, generation);
        const serverId = await userOf(id);
        if (serverId !== null) throw new DriverError('failed', `The volume ${id} is used by the server ${serverId}`);
        await disks.remove(volumePath(disks, id));
        await records.volumes.remove(id);
      }),

    ensureSnapshot: ({ id, volumeId, generation }) =>
      serial.runAll([snapshotKey(id), volumeKey(volumeId)], async () => {
        await records.snapshots.accept(id, generation);
        if (await records.snapshots.find(id)) return;
        if (!(await records.volumes.find(volumeId))) throw new DriverError('missing', `There is no volume ${volumeId}`);
        const scratch = disks.scratchPath();
        try {
          await copyDisk({ libvirt, disks, path: volumePath(disks, volumeId), serverId: await userOf(volumeId), to: scratch });
          await disks.finish(scratch, snapshotPath(id));
        } finally {
          await disks.remove(scratch);
        }
        await records.snapshots.save(id, { volumeId });
      }),

    removeSnapshot: ({ id, generation }) =>
      serial.run(snapshotKey(id), async () => {
        await records.snapshots.accept(id, generation);
        await disks.remove(snapshotPath(id));
        await records.snapshots.remove(id);
      }),

    capture: ({ volumeId, snapshotId, upload }) =>
      serial.runAll([volumeKey(volumeId), ...(snapshotId === undefined ? [] : [snapshotKey(snapshotId)])], async () => {
        if (snapshotId !== undefined) {
          if (!(await records.snapshots.find(snapshotId))) throw new DriverError('missing', `There is no snapshot ${snapshotId}`);
          return captureDisk({ libvirt, disks, blobs, path: snapshotPath(snapshotId), serverId: null, upload });
        }
        if (!(await records.volumes.find(volumeId))) throw new DriverError('missing', `There is no volume ${volumeId}`);
        return captureDisk({ libvirt, disks, blobs, path: volumePath(disks, volumeId), serverId: await userOf(volumeId), upload });
      }),

    async list() {
      const [volumes, snapshots] = await Promise.all([records.volumes.list(), records.snapshots.list()]);
      return {
        volumes: volumes.map(({ id, content }) => ({ id, sizeGiB: content.sizeGiB })),
        snapshots: snapshots.map(({ id, content }) => ({ id, volumeId: content.volumeId })),
      };
    },
  };
}

export function volumeKey(id: string): string {
  return `volume ${id}`;
}

function snapshotKey(id: string): string {
  return `snapshot ${id}`;
}

function sourceKeys({ id, source }: VolumeSpec): string[] {
  if (source.kind === 'volume') return [volumeKey(id), volumeKey(source.volumeId)];
  if (source.kind === 'snapshot') return [volumeKey(id), snapshotKey(source.snapshotId)];
  return [volumeKey(id)];
}

function requireRoom(bytes: number, sizeGiB: number, what: string): void {
  if (bytes > sizeGiB * GiB) throw new DriverError('invalid', `${sizeGiB} GiB are too few for ${what}, which has ${Math.ceil(bytes / GiB)}`);
}
