/** What tests of drivers need and the product does not: a folder of blobs, and images made without an intake. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DriverError, type BlobStore, type VettedImage } from './driver.ts';
import { readDisk, type DiskFormat } from '../kit/qcow2.ts';

export function folderBlobs(folder: string): BlobStore {
  return {
    async path(sha256) {
      const path = join(folder, sha256);
      try {
        await stat(path);
      } catch (cause) {
        throw new DriverError('missing', `There are no bytes ${sha256}`, { cause });
      }
      return path;
    },
    incomingPath: (upload) => join(folder, `incoming-${upload}`),
  };
}

/** Puts a raw disk of one MiB, with this text here and there, into the folder. */
export function putRawImage(folder: string, text: string): Promise<VettedImage> {
  const bytes = Buffer.alloc(2 ** 20);
  for (const offset of [0, 70_000, 2 ** 19]) bytes.write(text, offset);
  return putImage(folder, bytes, 'raw', bytes.length);
}

export async function putImage(folder: string, bytes: Buffer, format: DiskFormat, virtualSizeBytes: number): Promise<VettedImage> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, sha256), bytes);
  // These bytes were made above: there is nothing in them to be vetted.
  return { imageId: randomUUID(), sha256, format, sizeBytes: bytes.length, virtualSizeBytes } as VettedImage;
}

export async function putImageFile(folder: string, path: string, format: DiskFormat, virtualSizeBytes: number): Promise<VettedImage> {
  return putImage(folder, await readFile(path), format, virtualSizeBytes);
}

/** Names what a guest would read from this disk, however the file holds it and however large the disk is. */
export async function contentDigest(path: string, format: DiskFormat): Promise<string> {
  const digest = createHash('sha256');
  const sector = 512;
  for await (const { offset, bytes } of readDisk(path, format))
    for (let at = 0; at < bytes.length; at += sector) {
      const part = bytes.subarray(at, at + sector);
      if (part.some((byte) => byte !== 0)) digest.update(`${offset + at}:`).update(part);
    }
  return digest.digest('hex');
}
