/**
 * Volumes and their snapshots: files, each complete in itself, so that none depends on what it was made from. They are qcow2, but for
 * the volumes that several servers share: two QEMUs would each keep a part of a qcow2 file's own tables to themselves.
 */
import { join } from 'node:path';
import { DriverError, type BlobStore, type DiskEncryption, type DiskKeys, type VolumeDriver, type VolumeSpec } from '../driver.ts';
import type { Serial } from '../../kit/serial.ts';
import { captureDisk, copyDisk } from './captures.ts';
import { keyOf, type Lock } from './disk-secrets.ts';
import type { Disk, DiskFormat, Disks } from './disks.ts';
import { isThere } from './engine-programs.ts';
import type { ImageCache } from './images.ts';
import type { Libvirt } from './libvirt/libvirt.ts';
import { requireId, type Records } from './records.ts';
import { findDiskInUse, type DiskInUse } from './running-disks.ts';

/** What an earlier version has written has no epoch. */
export type VolumeRecord = { sizeGiB: number; epoch?: number; shared?: boolean; encryption?: DiskEncryption | null };
export type SnapshotRecord = { volumeId: string; encryption?: DiskEncryption | null };

const GiB = 2 ** 30;

export type VolumeFile = { path: string; format: DiskFormat };

export function volumeFile(disks: Disks, volumeId: string, { shared = false }: { shared?: boolean } = {}): VolumeFile {
  const format = shared ? 'raw' : 'qcow2';
  return { path: join(disks.folder, 'volumes', `${requireId(volumeId)}.${format}`), format };
}

export function createVolumeDriver({
  disks, libvirt, images, blobs, records, serial, usersOf,
}: {
  disks: Disks;
  libvirt: Libvirt;
  images: ImageCache;
  blobs: BlobStore;
  records: { volumes: Records<VolumeRecord>; snapshots: Records<SnapshotRecord> };
  /** With a volume's key held, no server takes it or lets it go. */
  serial: Serial<string>;
  /** The servers that have this volume, as they were last asked for. */
  usersOf: (volumeId: string) => Promise<string[]>;
}): VolumeDriver {
  const snapshotPath = (id: string) => join(disks.folder, 'snapshots', `${requireId(id)}.qcow2`);

  const file = async (id: string) => volumeFile(disks, id, await records.volumes.find(id));

  async function getVolume(id: string, keys: DiskKeys | undefined): Promise<Disk> {
    const known = await records.volumes.find(id);
    if (!known) throw new DriverError('missing', `There is no volume ${id}`);
    return { ...volumeFile(disks, id, known), lock: lockOf(id, known.encryption, keys) };
  }

  async function getSnapshot(id: string, keys: DiskKeys | undefined): Promise<Disk> {
    const known = await records.snapshots.find(id);
    if (!known) throw new DriverError('missing', `There is no snapshot ${id}`);
    return { path: snapshotPath(id), format: 'qcow2', lock: lockOf(id, known.encryption, keys) };
  }

  /** What has it open and runs. */
  async function openIn(id: string): Promise<DiskInUse[]> {
    const { path } = await file(id);
    const found = await Promise.all((await usersOf(id)).map((serverId) => findDiskInUse(libvirt, disks, { path, serverId })));
    return found.filter((disk) => disk !== undefined);
  }

  /** A copy while one writes is of one moment. Of one moment of several, nobody could say which. */
  async function soleUserOf(id: string): Promise<DiskInUse | undefined> {
    const [disk, another] = await openIn(id);
    if (another) throw new DriverError('failed', `The volume ${id} is in use by several servers at once`);
    return disk;
  }

  async function refuseUsed(id: string): Promise<void> {
    const [serverId] = await usersOf(id);
    if (serverId !== undefined) throw new DriverError('failed', `The volume ${id} is used by the server ${serverId}`);
  }

  async function make({ id, sizeGiB, source, keys }: VolumeSpec, { shared, encryption }: Kind): Promise<void> {
    const sizeBytes = sizeGiB * GiB;
    const lock = lockOf(id, encryption, keys);
    const scratch = disks.scratchPath();
    try {
      switch (source.kind) {
        case 'empty':
          await disks.create(scratch, { sizeBytes, lock });
          break;
        case 'image': {
          requireRoom(source.image.virtualSizeBytes, sizeGiB, `the image ${source.image.imageId}`);
          await disks.copy({ ...(await images.ensure(source.image)), lock: source.lockedAs === undefined ? undefined : { ...opens, id: source.lockedAs, key: keyOf(keys, source.lockedAs) } }, scratch, { sizeBytes, lock });
          break;
        }
        case 'volume':
          await makeFrom(await getVolume(source.volumeId, keys), await soleUserOf(source.volumeId), { path: scratch, format: 'qcow2', lock }, sizeGiB);
          break;
        case 'snapshot':
          await makeFrom(await getSnapshot(source.snapshotId, keys), undefined, { path: scratch, format: 'qcow2', lock }, sizeGiB);
          break;
        default:
          source satisfies never;
      }
      await place({ path: scratch, format: 'qcow2' }, volumeFile(disks, id, { shared }));
    } finally {
      await disks.remove(scratch);
    }
  }

  async function place(from: VolumeFile, to: VolumeFile): Promise<void> {
    if (from.format === to.format) return disks.finish(from.path, to.path);
    const scratch = disks.scratchPath();
    try {
      await disks.copy(from, scratch, { format: to.format });
      await disks.finish(scratch, to.path);
    } finally {
      await disks.remove(scratch);
    }
  }

  /** Its bytes stay, in the other kind of file. */
  async function convert(id: string, known: VolumeRecord, { shared, encryption }: Kind, keys: DiskKeys | undefined): Promise<void> {
    await refuseUsed(id);
    const [from, to] = [volumeFile(disks, id, known), volumeFile(disks, id, { shared })];
    const [was, lock] = [lockOf(id, known.encryption, keys), lockOf(id, encryption, keys)];
    if (was && !lock) await relock({ ...from, lock: was }, undefined);
    if (from.path !== to.path) await place(from, to);
    if (lock && !was) await relock(to, lock);
    await records.volumes.save(id, { ...known, shared, encryption });
    if (from.path !== to.path) await disks.remove(from.path);
  }

  /** What is at its place says of itself whether it is locked: if we ended before it was written down, it has been done. */
  async function relock(from: Disk, lock: Lock | undefined): Promise<void> {
    if ((await disks.isLocked(from.path, from.format)) === (lock !== undefined)) return;
    const scratch = disks.scratchPath();
    try {
      await disks.copy(from, scratch, { lock });
      await disks.finish(scratch, from.path);
    } finally {
      await disks.remove(scratch);
    }
  }

  async function makeFrom(from: Disk, inUse: DiskInUse | undefined, to: Disk, sizeGiB: number): Promise<void> {
    requireRoom(await disks.virtualSizeBytes(from.path, from.format), sizeGiB, 'what it is made from');
    await copyDisk({ libvirt, disks, from, inUse, to: to.path, lock: to.lock });
    if ((await disks.virtualSizeBytes(to.path, to.format)) < sizeGiB * GiB) await disks.resize(to, sizeGiB * GiB);
  }

  async function grow(id: string, sizeGiB: number, keys: DiskKeys | undefined): Promise<void> {
    const inUse = await openIn(id);
    for (const { domain, device } of inUse) await libvirt.resizeBlock(domain, device, BigInt(sizeGiB * GiB));
    if (inUse.length === 0) await disks.resize(await getVolume(id, keys), sizeGiB * GiB);
  }

  return {
    ensure: (volume) =>
      serial.runAll(sourceKeys(volume), async () => {
        await records.volumes.accept(volume.id, volume.generation);
        const before = await records.volumes.find(volume.id);
        const [epoch, knownEpoch, shared] = [volume.epoch ?? 0, before?.epoch ?? 0, volume.shared ?? before?.shared ?? false];
        const encryption = volume.encryption === undefined ? (before?.encryption ?? null) : volume.encryption;
        // Each QEMU would believe that it alone keeps the locked file's tables.
        if (shared && encryption !== null) throw new DriverError('invalid', `The volume ${volume.id} cannot be locked and be for several servers`);
        const converts = before !== undefined && (shared !== (before.shared ?? false) || isLocked({ encryption }) !== isLocked(before));
        if (converts) await convert(volume.id, before, { shared, encryption }, volume.keys);
        const known = converts ? { ...before, shared, encryption } : before;
        if (known && volume.sizeGiB < known.sizeGiB) throw new DriverError('invalid', `The volume ${volume.id} has ${known.sizeGiB} GiB and cannot shrink to ${volume.sizeGiB}`);
        if (known && epoch > knownEpoch) await refuseUsed(volume.id);
        // A file without a record is one that was finished when we ended: it has been given to no one, and is made anew.
        if (!known || epoch > knownEpoch) await make(volume, { shared, encryption });
        else if (!(await isThere((await file(volume.id)).path))) throw new DriverError('missing', `The file of the volume ${volume.id} has gone`);
        else if (volume.sizeGiB > known.sizeGiB) await grow(volume.id, volume.sizeGiB, volume.keys);
        if (known?.sizeGiB !== volume.sizeGiB || epoch > knownEpoch) await records.volumes.save(volume.id, { sizeGiB: volume.sizeGiB, epoch: Math.max(epoch, knownEpoch), shared, encryption });
      }),

    remove: ({ id, generation }) =>
      serial.run(volumeKey(id), async () => {
        await records.volumes.accept(id, generation);
        await refuseUsed(id);
        // What was unfinished when we ended may be of the other kind.
        for (const shared of [false, true]) await disks.remove(volumeFile(disks, id, { shared }).path);
        await records.volumes.remove(id);
      }),

    ensureSnapshot: ({ id, volumeId, generation, keys }) =>
      serial.runAll([snapshotKey(id), volumeKey(volumeId)], async () => {
        await records.snapshots.accept(id, generation);
        if (await records.snapshots.find(id)) return;
        const [from, encryption] = [await getVolume(volumeId, keys), (await records.volumes.find(volumeId))?.encryption ?? null];
        const scratch = disks.scratchPath();
        try {
          await copyDisk({ libvirt, disks, from, inUse: await soleUserOf(volumeId), to: scratch, lock: lockOf(id, encryption, keys) });
          await disks.finish(scratch, snapshotPath(id));
        } finally {
          await disks.remove(scratch);
        }
        await records.snapshots.save(id, { volumeId, encryption });
      }),

    removeSnapshot: ({ id, generation }) =>
      serial.run(snapshotKey(id), async () => {
        await records.snapshots.accept(id, generation);
        await disks.remove(snapshotPath(id));
        await records.snapshots.remove(id);
      }),

    capture: ({ volumeId, snapshotId, upload, keys, locked }) =>
      serial.runAll([volumeKey(volumeId), ...(snapshotId === undefined ? [] : [snapshotKey(snapshotId)])], async () => {
        if (snapshotId !== undefined) return captureDisk({ libvirt, disks, blobs, from: await getSnapshot(snapshotId, keys), inUse: undefined, upload, locked });
        return captureDisk({ libvirt, disks, blobs, from: await getVolume(volumeId, keys), inUse: await soleUserOf(volumeId), upload, locked });
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

/** To open one, its cipher need not be known: the disk says which it is. */
const opens: DiskEncryption = { cipher: 'aes-256-xts' };

type Kind = { shared: boolean; encryption: DiskEncryption | null };

export function lockOf(id: string, encryption: DiskEncryption | null | undefined, keys: DiskKeys | undefined): Lock | undefined {
  return encryption ? { ...encryption, id, key: keyOf(keys, id) } : undefined;
}

function isLocked({ encryption = null }: { encryption?: DiskEncryption | null }): boolean {
  return encryption !== null;
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
