/** This host's copies of images, which root disks are layers over: named by their bytes, read-only, never written again. */
import { chmod, chown, constants, copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DriverError, type BlobStore, type ImageDriver, type VettedImage } from '../driver.ts';
import type { Serial } from '../../kit/serial.ts';
import type { DiskFormat, Disks } from './disks.ts';
import { isThere } from './engine-programs.ts';

export type ImageCache = {
  /** The image's file on this host, copied from the blob store when it is not there yet. */
  ensure(image: VettedImage): Promise<{ path: string; format: DiskFormat }>;
};

export function createImageCache({ disks, blobs, serial }: { disks: Disks; blobs: BlobStore; serial: Serial<string> }): ImageCache {
  return {
    ensure: (image) =>
      serial.run(`image ${image.sha256}`, async () => {
        const path = imagePath(disks, image);
        if (!(await isThere(path))) {
          const source = await blobs.path(image.sha256);
          const scratch = disks.scratchPath();
          await copyFile(source, scratch, constants.COPYFILE_FICLONE).catch((cause: NodeJS.ErrnoException) => {
            throw new DriverError(cause.code === 'ENOSPC' ? 'exhausted' : 'failed', `Cannot copy the image ${image.imageId} to this host`, { cause });
          });
          await chown(scratch, 0, 0);
          // Not even a mistaken commit of a layer may write into what others are built on.
          await chmod(scratch, 0o444);
          await disks.finish(scratch, path);
        }
        return { path, format: image.format };
      }),
  };
}

export function createImageDriver({ disks, serial, isUsed }: { disks: Disks; serial: Serial<string>; isUsed: (sha256: string) => Promise<boolean> }): ImageDriver {
  return {
    forget: ({ sha256 }) =>
      serial.run(`image ${requireDigest(sha256)}`, async () => {
        if (await isUsed(sha256)) throw new DriverError('failed', `A server's disk is a layer over the image ${sha256}`);
        for (const name of await readdir(join(disks.folder, 'images'))) if (name.startsWith(`${sha256}.`)) await disks.remove(join(disks.folder, 'images', name));
      }),
  };
}

function imagePath(disks: Disks, { sha256, format }: VettedImage): string {
  return join(disks.folder, 'images', `${requireDigest(sha256)}.${format}`);
}

function requireDigest(sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new DriverError('invalid', `${JSON.stringify(sha256)} is no SHA-256`);
  return sha256;
}
