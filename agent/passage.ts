/**
 * Disks on their way from one machine to another. What a host has sent are the bytes of somebody who may have got hold of it: what the
 * next one is handed is written anew here, so that no header of theirs is ever read by another machine's engine.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { DriverError, type BlobStore, type VettedImage } from '../drivers/driver.ts';
import { diskSize, readDisk, writeQcow2 } from '../kit/qcow2.ts';

export type Passage = {
  /** Takes over what was captured under this name; from now on it is fetched by its hash, until it is dropped. */
  take(upload: string, limits: { mostBytes: number }): Promise<VettedImage>;
  drop(disk: VettedImage): Promise<void>;
};

export type PassageBlobs = Pick<BlobStore, 'incomingPath'> & {
  keep(upload: string, sha256: string): Promise<void>;
  discard(upload: string): Promise<void>;
  /** Destroys these bytes, if they are there. */
  destroy(sha256: string): Promise<void>;
};

/** In the header's own cluster, where nothing else is: see `take`. */
const nameAt = 4_096;

export function diskPassage(blobs: PassageBlobs): Passage {
  return {
    async take(upload, { mostBytes }) {
      const [from, clean] = [blobs.incomingPath(upload), `${upload}.clean`];
      const path = blobs.incomingPath(clean);
      try {
        const virtualSizeBytes = await rewritten(from, path, mostBytes);
        // It is never an image that somebody has, byte for byte: dropping it takes nothing from anybody.
        await writeName(path, upload);
        const sha256 = await hashOf(path);
        await blobs.keep(clean, sha256);
        const { size: sizeBytes } = await stat(path);
        return { imageId: upload, sha256, format: 'qcow2', sizeBytes, virtualSizeBytes } as VettedImage;
      } finally {
        await Promise.all([blobs.discard(upload), blobs.discard(clean)]);
      }
    },
    drop: ({ sha256 }) => blobs.destroy(sha256),
  };
}

async function rewritten(from: string, to: string, mostBytes: number): Promise<number> {
  try {
    const virtualSizeBytes = await diskSize(from, 'qcow2');
    if (virtualSizeBytes > mostBytes) throw new Error(`It is ${virtualSizeBytes} bytes large, and can be ${mostBytes} at most`);
    await writeQcow2(to, virtualSizeBytes, readDisk(from, 'qcow2'));
    return virtualSizeBytes;
  } catch (cause) {
    throw new DriverError('failed', `A disk that a host has sent cannot be passed on: ${(cause as Error).message}`, { cause });
  }
}

async function writeName(path: string, name: string): Promise<void> {
  await using file = await open(path, 'r+');
  const bytes = Buffer.from(name);
  await file.write(bytes, 0, bytes.length, nameAt);
}

async function hashOf(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const part of createReadStream(path) as AsyncIterable<Buffer>) digest.update(part);
  return digest.digest('hex');
}
