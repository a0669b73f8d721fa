/** A disk's content flattened into the blob store's incoming folder. */
import { chown, constants, copyFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DriverError, type BlobStore, type CapturedImage } from '../driver.ts';
import type { Disks } from './disks.ts';
import type { Libvirt } from './libvirt/libvirt.ts';
import { copyDiskInUse, findDiskInUse } from './running-disks.ts';

/** `serverId` is the server that may have the disk open. */
export async function captureDisk({
  libvirt, disks, blobs, path, serverId, upload,
}: { libvirt: Libvirt; disks: Disks; blobs: BlobStore; path: string; serverId: string | null; upload: string }): Promise<CapturedImage> {
  const scratch = disks.scratchPath();
  try {
    await copyDisk({ libvirt, disks, path, serverId, to: scratch });
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

/** A disk of its own with what this one holds at one moment, in use or not. */
export async function copyDisk({ libvirt, disks, path, serverId, to }: { libvirt: Libvirt; disks: Disks; path: string; serverId: string | null; to: string }): Promise<void> {
  const inUse = serverId === null ? undefined : await findDiskInUse(libvirt, disks, { path, serverId });
  if (inUse) await copyDiskInUse({ libvirt, disks, disk: inUse, path, to });
  else await disks.copy({ path, format: 'qcow2' }, to);
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
