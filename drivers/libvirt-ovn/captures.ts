/** A disk's content flattened into the blob store's incoming folder. */
import { chown, constants, copyFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DriverError, type BlobStore, type CapturedImage } from '../driver.ts';
import type { Lock } from './disk-secrets.ts';
import type { Disk, Disks } from './disks.ts';
import type { Libvirt } from './libvirt/libvirt.ts';
import { copyDiskInUse, type DiskInUse } from './running-disks.ts';

/** `locked`: what is written is as unreadable as the disk, by the same key. */
type Captured = Copied & { blobs: BlobStore; upload: string; locked?: boolean | undefined };
type Copied = { libvirt: Libvirt; disks: Disks; from: Disk; /** The machine that has it open now. */ inUse: DiskInUse | undefined };

export async function captureDisk({ blobs, upload, locked = false, ...copied }: Captured): Promise<CapturedImage> {
  const { disks, from, inUse } = copied;
  if (locked && !from.lock) throw new DriverError('invalid', 'A disk that is not locked cannot be captured as one that is');
  const scratch = disks.scratchPath();
  try {
    // What nobody writes to is copied byte by byte: what has not changed since an earlier capture is the same in both.
    if (locked && !inUse) await disks.duplicate(from.path, scratch);
    else await copyDisk({ ...copied, to: scratch, lock: locked ? from.lock : undefined });
    const destination = blobs.incomingPath(upload);
    const { size } = await stat(scratch);
    // It becomes the blob store's: whoever owns the folder reads and removes it.
    const owner = await stat(dirname(destination));
    await chown(scratch, owner.uid, owner.gid);
    await moveFile(scratch, destination);
    return { upload, format: 'qcow2', sizeBytes: size };
  } finally {
    await disks.remove(scratch);
  }
}

/** A disk of its own with what this one holds at one moment, in use or not. `lock`: of the copy. */
export async function copyDisk({ libvirt, disks, from, inUse, to, lock }: Copied & { to: string; lock?: Lock | undefined }): Promise<void> {
  if (!inUse) return disks.copy(from, to, { lock });
  if (from.format === 'qcow2') return copyDiskInUse({ libvirt, disks, disk: inUse, from, to, lock });
  // libvirt lets a disk that may be shared be copied only to what might be shared as well.
  const scratch = disks.scratchPath();
  try {
    await copyDiskInUse({ libvirt, disks, disk: inUse, from, to: scratch });
    await disks.copy({ path: scratch, format: from.format }, to, { lock });
  } finally {
    await disks.remove(scratch);
  }
}

async function moveFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    const owner = await stat(from);
    await copyFile(from, to, constants.COPYFILE_FICLONE).catch((cause: NodeJS.ErrnoException) => {
      throw new DriverError(cause.code === 'ENOSPC' ? 'exhausted' : 'failed', 'Cannot write to the incoming folder', { cause });
    });
    await chown(to, owner.uid, owner.gid);
    await rm(from);
  }
}
