/** The blob store of a host that is not the region's first: fetched by hash from the gate, and brought there when it is a capture. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DriverError, type BlobStore, type Driver } from '../drivers/driver.ts';
import { serialised } from '../kit/serial.ts';
import { readImage, sendCapture } from './dial.ts';
import type { GateAddress, HostIdentity } from './enrolment.ts';

export type FarBlobs = BlobStore & {
  /** What was captured here goes to the region. */
  bring(upload: string): Promise<void>;
  drop(sha256: string): Promise<void>;
};

export async function farBlobs({ folder, gate, identity }: { folder: string; gate: GateAddress; identity: HostIdentity }): Promise<FarBlobs> {
  const incoming = join(folder, 'incoming');
  const unfinished = join(folder, 'unfinished');
  // What was half fetched or half brought when the agent ended is begun anew.
  for (const each of [incoming, unfinished]) await rm(each, { recursive: true, force: true });
  for (const each of [incoming, unfinished]) await mkdir(each, { recursive: true, mode: 0o700 });
  const serial = serialised<string>();
  const incomingPath = (upload: string) => join(incoming, named(/^[A-Za-z0-9._-]{1,200}$/, upload));
  const pathOf = (sha256: string) => join(folder, named(/^[0-9a-f]{64}$/, sha256));

  async function fetchImage(sha256: string): Promise<void> {
    const scratch = join(unfinished, sha256);
    const digest = createHash('sha256');
    try {
      await pipeline(await readImage(gate, identity, sha256), hashing(digest), createWriteStream(scratch, { mode: 0o444 }));
      if (digest.digest('hex') !== sha256) throw new DriverError('failed', `What the region sent for ${sha256} are other bytes`);
      await rename(scratch, pathOf(sha256));
    } finally {
      await rm(scratch, { force: true });
    }
  }

  return {
    path: (sha256) =>
      serial.run(sha256, async () => {
        const path = pathOf(sha256);
        if (!(await isThere(path))) await fetchImage(sha256);
        return path;
      }),
    incomingPath,
    async bring(upload) {
      const path = incomingPath(upload);
      const { size } = await stat(path);
      await sendCapture(gate, identity, upload, { bytes: createReadStream(path), size });
      await rm(path, { force: true });
    },
    drop: (sha256) => serial.run(sha256, () => rm(pathOf(sha256), { force: true })),
  };
}

/** A driver whose captures are to be where the region's intake is, and whose images come from there. */
export function overFarBlobs(driver: Driver, blobs: FarBlobs): Driver {
  return {
    ...driver,
    servers: {
      ...driver.servers,
      async capture(capture) {
        const captured = await driver.servers.capture(capture);
        await blobs.bring(capture.upload);
        return captured;
      },
    },
    images: {
      async forget(image) {
        await driver.images.forget(image);
        await blobs.drop(image.sha256);
      },
    },
  };
}

function hashing(digest: ReturnType<typeof createHash>): (source: Readable) => AsyncGenerator<Buffer> {
  return async function* hashed(source) {
    for await (const part of source as AsyncIterable<Buffer>) {
      digest.update(part);
      yield part;
    }
  };
}

function named(pattern: RegExp, name: string): string {
  if (!pattern.test(name) || name === '.' || name === '..') throw new DriverError('invalid', `${JSON.stringify(name)} does not name bytes`);
  return name;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
