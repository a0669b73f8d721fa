/**
 * The only way for bytes into the blob store, and the only place that makes a `VettedImage`.
 *
 * Bytes are written to the incoming folder while they are hashed, judged there in a jail, and then get the
 * name of their hash, under which they never change.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { VettedImage } from '../../../drivers/driver.ts';
import { Fault } from '../../../kit/fault.ts';
import type { ImageBlobs } from '../blobs.ts';
import { convertForeign } from './convert.ts';
import { expandQcow2 } from './expand.ts';
import { FileSums, sumsOf, type Sums } from './hashing.ts';
import { isForeign, type ForeignFormat } from './foreign-formats.ts';
import { archived, type Inspection } from './inspection.ts';
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
type Order = { upload: string; declared: string | null; signal?: AbortSignal; /** The first one, unless told. */ store?: string };

/** Takes the bytes of a stream. Whatever is wrong with them is a fault in Glance's words; nothing stays in the incoming folder. */
export async function receive(intake: Intake, bytes: AsyncIterable<Uint8Array>, order: Order & { progress?: Progress }): Promise<AcceptedBytes> {
  const { blobs, limits = defaultLimits } = intake;
  try {
    const path = blobs.incomingPath(order.upload);
    await using sums = new FileSums(path);
    const sizeBytes = await write(path, bytes, { ...order, limits, written: (chunk) => sums.wrote(chunk) });
    return await deliver(intake, order, { ...(await sums.digest()), sizeBytes });
  } finally {
    await blobs.discard(order.upload);
  }
}

/** Puts the bytes of a stream into the incoming folder, where nobody reads them before they are judged (`receiveFile`). They are gone when this fails. */
export async function stage({ blobs, limits = defaultLimits }: Intake, bytes: AsyncIterable<Uint8Array>, order: Omit<Order, 'declared' | 'store'> & { progress?: Progress }): Promise<number> {
  try {
    return await write(blobs.incomingPath(order.upload), bytes, { ...order, limits, written: () => undefined });
  } catch (error) {
    await blobs.discard(order.upload);
    throw error;
  }
}

/** Asked before bytes are written: with how many there will be. */
export type Progress = (sizeBytes: number) => Promise<void>;

/** Takes a file that a driver has left in the incoming folder; it stays there, so that this can be done again. */
export async function receiveFile(intake: Intake, order: Order): Promise<AcceptedBytes> {
  return deliver(intake, order, await sumsOf(intake.blobs.incomingPath(order.upload), order.signal));
}

/** Looks at a file in the incoming folder, and refuses it or does not. */
export async function judgeFile({ blobs, limits = defaultLimits }: Intake, { upload, declared }: { upload: string; declared: string }): Promise<void> {
  await look(blobs.incomingPath(upload), declared, limits);
}

/** The same for a qcow2 file that is to become a raw image: it is judged before it is read. */
export async function receiveExpanded(intake: Intake, { upload }: { upload: string }): Promise<AcceptedBytes> {
  const { blobs, limits = defaultLimits } = intake;
  const expanded = `${upload}-raw`;
  await look(blobs.incomingPath(upload), 'qcow2', limits);
  try {
    await expandQcow2(blobs.incomingPath(upload), blobs.incomingPath(expanded));
    return await receiveFile(intake, { upload: expanded, declared: 'raw' });
  } finally {
    await blobs.discard(expanded);
  }
}

/** The same for a file of another maker's format that is to become a qcow2 image. */
export async function receiveConverted(intake: Intake, { upload, declared, store, signal }: Order & { declared: ForeignFormat }): Promise<AcceptedBytes> {
  const { blobs, limits = defaultLimits } = intake;
  const converted = `${upload}-qcow2`;
  await look(blobs.incomingPath(upload), declared, limits);
  try {
    await convertForeign(blobs.incomingPath(upload), blobs.incomingPath(converted), { format: declared, limits, signal });
    return await receiveFile(intake, { upload: converted, declared: 'qcow2', ...(store === undefined ? {} : { store }), ...(signal === undefined ? {} : { signal }) });
  } finally {
    await blobs.discard(converted);
  }
}

/** The same for an archive (OVA) whose one disk, which is of this format, is to become an image: as it is, or as qcow2. */
export async function receiveUnpacked(intake: Intake, { inside, ...order }: Omit<Order, 'declared'> & { inside: string }): Promise<AcceptedBytes> {
  const { blobs, limits = defaultLimits } = intake;
  const upload = `${order.upload}-disk`;
  const inspection = await look(blobs.incomingPath(order.upload), `${archived}${inside}`, limits);
  const [disk, another] = inspection.format === 'archive' ? inspection.disks : [];
  // An image is one disk: which of several it is to be is nobody's to guess.
  if (!disk || another) throw new Fault(415, 'HTTPUnsupportedMediaType', `The archive has ${inspection.format === 'archive' ? inspection.disks.length : 0} disks, and an image is made of one: make an image of each.`);
  try {
    // What an earlier attempt has left.
    await blobs.discard(upload);
    const bytes = createReadStream(blobs.incomingPath(order.upload), { start: disk.offset, end: disk.offset + disk.bytes - 1, highWaterMark: 2 ** 20 });
    await pipeline(bytes, createWriteStream(blobs.incomingPath(upload), { flags: 'wx', mode: 0o644 }), order.signal === undefined ? {} : { signal: order.signal });
    return await (isForeign(inside) ? receiveConverted(intake, { ...order, upload, declared: inside }) : receiveFile(intake, { ...order, upload, declared: inside }));
  } finally {
    await blobs.discard(upload);
  }
}

/** The brand is made here: only from what `deliver` has put into the store under this hash. */
export function vetted(image: { imageId: string; sha256: string; format: 'raw' | 'qcow2'; sizeBytes: number; virtualSizeBytes: number }): VettedImage {
  const { imageId, sha256, format, sizeBytes, virtualSizeBytes } = image;
  return { imageId, sha256, format, sizeBytes, virtualSizeBytes } as VettedImage;
}

async function deliver({ blobs, claim, limits = defaultLimits }: Intake, { upload, declared, store }: Order, sums: Sums & { sizeBytes: number }): Promise<AcceptedBytes> {
  const accepted = { ...sums, ...(declared === null ? opaque : asStored(await look(blobs.incomingPath(upload), declared, limits))) };
  // In this order: the collector leaves alone what was claimed a short while ago.
  await claim(accepted);
  await blobs.keep(upload, accepted.sha256, store);
  return accepted;
}

const opaque: Judgement = { format: 'opaque', virtualSizeBytes: null };

/** What is of another maker is kept as it came, and read by nobody here. */
function asStored({ format, virtualSizeBytes }: Sound): Judgement {
  return format === 'foreign' || format === 'archive' ? opaque : { format, virtualSizeBytes };
}

type Sound = Extract<Inspection, { verdict: 'safe' }>;

async function look(path: string, declared: string, { maxVirtualSizeBytes }: IntakeLimits): Promise<Sound> {
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

type Writing = { limits: IntakeLimits; signal?: AbortSignal; progress?: Progress; written: (chunk: Uint8Array) => void };

/** Requests bring small pieces, and every write costs a turn of another thread. */
const gatheredBytes = 512 * 1024;

/** How many there are. */
async function write(path: string, bytes: AsyncIterable<Uint8Array>, { limits, signal, progress, written }: Writing): Promise<number> {
  let sizeBytes = 0;
  await using file = await open(path, 'wx', 0o644);
  const gathered = Buffer.allocUnsafeSlow(gatheredBytes);
  let held = 0;
  const put = async (piece: Uint8Array) => {
    await file.writeFile(piece);
    written(piece);
  };
  for await (const chunk of bytes) {
    signal?.throwIfAborted();
    sizeBytes += chunk.length;
    if (sizeBytes > limits.maxBytes) throw new Fault(413, 'HTTPRequestEntityTooLarge', `The incoming image is too large: more than ${limits.maxBytes} bytes.`);
    await progress?.(sizeBytes);
    if (held + chunk.length > gatheredBytes) {
      await put(gathered.subarray(0, held));
      held = 0;
    }
    if (chunk.length > gatheredBytes) await put(chunk);
    else {
      gathered.set(chunk, held);
      held += chunk.length;
    }
  }
  await put(gathered.subarray(0, held));
  await file.sync();
  return sizeBytes;
}
