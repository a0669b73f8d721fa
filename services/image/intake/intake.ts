/**
 * The only way for bytes into the blob store, and the only place that makes a `VettedImage`.
 *
 * Bytes are written to the incoming folder while they are hashed, judged there in a jail, and then get the
 * name of their hash, under which they never change.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { VettedImage } from '../../../drivers/driver.ts';
import { Fault } from '../../../kit/fault.ts';
import type { ImageBlobs } from '../blobs.ts';
import { expandQcow2 } from './expand.ts';
import { inspectInJail, InspectionFailed } from './jail.ts';

/** What the intake found out about bytes that are now in the store. */
export type AcceptedBytes = {
  sha256: string;
  md5: string;
  sha512: string;
  sizeBytes: number;
} & Judgement;

/** `opaque`: nobody has looked at them, and nothing of this cloud ever reads them but to give them back. */
export type Judgement = { format: 'raw' | 'qcow2'; virtualSizeBytes: number } | { format: 'opaque'; virtualSizeBytes: null };

export type IntakeLimits = { maxBytes: number; maxVirtualSizeBytes: number };

/** glance: image_size_cap is 1 TiB. */
export const defaultLimits: IntakeLimits = { maxBytes: 2 ** 40, maxVirtualSizeBytes: 2 ** 44 };

export type Intake = {
  blobs: ImageBlobs;
  /** Tells the database that these bytes are about to be stored. */
  claim(bytes: AcceptedBytes): Promise<void>;
  limits?: IntakeLimits;
};

/** `declared`: the disk format to judge them by; null for what is packed in a container that cannot be looked into. */
type Order = { upload: string; declared: string | null; signal?: AbortSignal };

/** Takes the bytes of a stream. Whatever is wrong with them is a fault in Glance's words; nothing stays in the incoming folder. */
export async function receive(intake: Intake, bytes: AsyncIterable<Uint8Array>, order: Order & { progress?: Progress }): Promise<AcceptedBytes> {
  const { blobs, limits = defaultLimits } = intake;
  try {
    const hashes = await write(blobs.incomingPath(order.upload), bytes, { ...order, limits });
    return await deliver(intake, order, hashes);
  } finally {
    await blobs.discard(order.upload);
  }
}

/** Asked before bytes are written: with how many there will be. */
export type Progress = (sizeBytes: number) => Promise<void>;

/** Takes a file that a driver has left in the incoming folder; it stays there, so that this can be done again. */
export async function receiveFile(intake: Intake, order: Order): Promise<AcceptedBytes> {
  const hashes = new Hashes();
  for await (const chunk of createReadStream(intake.blobs.incomingPath(order.upload), { highWaterMark: 2 ** 20 })) hashes.update(chunk as Buffer);
  return deliver(intake, order, hashes);
}

/** Looks at a file in the incoming folder, and refuses it or does not. */
export async function judgeFile({ blobs, limits = defaultLimits }: Intake, { upload, declared }: { upload: string; declared: string }): Promise<void> {
  await judged(blobs.incomingPath(upload), declared, limits);
}

/** The same for a qcow2 file that is to become a raw image: it is judged before it is read. */
export async function receiveExpanded(intake: Intake, { upload }: { upload: string }): Promise<AcceptedBytes> {
  const { blobs, limits = defaultLimits } = intake;
  const expanded = `${upload}-raw`;
  await judged(blobs.incomingPath(upload), 'qcow2', limits);
  try {
    await expandQcow2(blobs.incomingPath(upload), blobs.incomingPath(expanded));
    return await receiveFile(intake, { upload: expanded, declared: 'raw' });
  } finally {
    await blobs.discard(expanded);
  }
}

/** The brand is made here: only from what `deliver` has put into the store under this hash. */
export function vetted(image: { imageId: string; sha256: string; format: 'raw' | 'qcow2'; sizeBytes: number; virtualSizeBytes: number }): VettedImage {
  const { imageId, sha256, format, sizeBytes, virtualSizeBytes } = image;
  return { imageId, sha256, format, sizeBytes, virtualSizeBytes } as VettedImage;
}

async function deliver({ blobs, claim, limits = defaultLimits }: Intake, { upload, declared }: Order, hashes: Hashes): Promise<AcceptedBytes> {
  const accepted = { ...hashes.digest(), ...(declared === null ? opaque : await judged(blobs.incomingPath(upload), declared, limits)) };
  // In this order: the collector leaves alone what was claimed a short while ago.
  await claim(accepted);
  await blobs.keep(upload, accepted.sha256);
  return accepted;
}

const opaque: Judgement = { format: 'opaque', virtualSizeBytes: null };

async function judged(path: string, declared: string, { maxVirtualSizeBytes }: IntakeLimits): Promise<{ format: 'raw' | 'qcow2'; virtualSizeBytes: number }> {
  try {
    const inspection = await inspectInJail(path, { declared, maxVirtualSizeBytes });
    // glance/api/v2/image_data.py: InvalidImageData is told as 415.
    if (inspection.verdict === 'unsafe') throw new Fault(415, 'HTTPUnsupportedMediaType', inspection.reason);
    return inspection;
  } catch (error) {
    // glance/location.py: these words, whatever the inspector died of.
    if (error instanceof InspectionFailed) throw new Fault(415, 'HTTPUnsupportedMediaType', 'Image format inspection failed', { cause: error });
    throw error;
  }
}

async function write(path: string, bytes: AsyncIterable<Uint8Array>, { limits, signal, progress }: { limits: IntakeLimits; signal?: AbortSignal; progress?: Progress }): Promise<Hashes> {
  const hashes = new Hashes();
  await using file = await open(path, 'wx', 0o644);
  for await (const chunk of bytes) {
    signal?.throwIfAborted();
    hashes.update(chunk);
    if (hashes.sizeBytes > limits.maxBytes) throw new Fault(413, 'HTTPRequestEntityTooLarge', `The incoming image is too large: more than ${limits.maxBytes} bytes.`);
    await progress?.(hashes.sizeBytes);
    await file.writeFile(chunk);
  }
  await file.sync();
  return hashes;
}

class Hashes {
  sizeBytes = 0;
  readonly #md5: Hash = createHash('md5');
  readonly #sha256: Hash = createHash('sha256');
  readonly #sha512: Hash = createHash('sha512');

  update(chunk: Uint8Array): void {
    this.sizeBytes += chunk.length;
    for (const hash of [this.#md5, this.#sha256, this.#sha512]) hash.update(chunk);
  }

  digest() {
    return { md5: this.#md5.digest('hex'), sha256: this.#sha256.digest('hex'), sha512: this.#sha512.digest('hex'), sizeBytes: this.sizeBytes };
  }
}
