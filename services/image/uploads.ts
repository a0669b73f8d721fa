/**
 * How bytes come to an image, and go: from a client, or captured from a disk.
 *
 * An image is `saving` for as long as somebody has its bytes under way and says so again and again; who
 * goes silent loses it, and the image waits for bytes as before.
 */
import type { VettedImage } from '../../drivers/driver.ts';
import { conflict, Fault } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import { createImage, getImage, getOwnImage } from './images.ts';
import { told } from './image-events.ts';
import { chargeUpload, demandUploadRoom, releaseImages } from './image-quotas.ts';
import { activateWithoutBytes, beginSaving, claimBlob, deleteImage, findAbandoned, findImage, findPublicImage, finishSaving, finishStaging, giveUpSaving, keepSaving, lockImage, selectBackups, type Image, type Visibility } from './images.store.ts';
import { archived, lockedDisk } from './intake/inspection.ts';
import { judgeFile, receive, receiveExpanded, receiveFile, stage, vetted, type AcceptedBytes, type Intake, type IntakeLimits, type Progress } from './intake/intake.ts';
import type { RegionParts } from '../parts.ts';
import { defaultStore } from './settings.ts';

const silenceMs = 10 * 60_000;
const sayAgainMs = 30_000;
/** So many bytes more are charged at a time, where the limit leaves room for them. */
const chargeAhead = 64 * 2 ** 20;
/** Bytes that nobody imports for so long go, before the collector takes their file (`incomingMs`). */
const stagedMs = 20 * 3600_000;
/** A server's disk may take long to be read. */
const captureMs = 6 * 60 * 60_000;

export type Saving = { imageId: string; upload: string; declared: string | null; chargedBytes: number; store: string };

type Arrival = {
  /** How many there will be, as far as it is known; a quota that has no room for them refuses them all. */
  expectedBytes?: number;
  /** To be inspected at once, or to wait for an import. */
  status?: 'saving' | 'uploading';
  store?: string;
};

export async function beginUpload(context: Context, imageId: string, upload: string, { expectedBytes = 0, status = 'saving', store = defaultStore }: Arrival = {}): Promise<Saving> {
  const image = await getOwnImage(context, imageId, 'upload_image');
  // glance/domain/__init__.py: both must be known before there are bytes.
  if (status === 'saving' && (image.diskFormat === null || image.containerFormat === null)) throw new Fault(400, 'HTTPBadRequest', 'Properties disk_format, container_format must be set prior to saving data.');
  await demandUploadRoom(context.tx, image.projectId);
  if ((await beginSaving(context.tx, imageId, { upload, until: after(context.now, silenceMs), now: context.now, status })) === 0) throw conflict(`Image status transition from ${image.status} to ${status} is not allowed`);
  if (expectedBytes > limits.maxBytes) throw new Fault(413, 'HTTPRequestEntityTooLarge', `The incoming image is too large: more than ${limits.maxBytes} bytes.`);
  await chargeUpload(context.tx, imageId, { upload, bytes: expectedBytes, now: context.now });
  await told(context, 'image.upload.start', { ...image, status });
  return { imageId, upload, declared: declaredOf(image), chargedBytes: expectedBytes, store };
}

/**
 * The format by which the bytes of an image are judged. glance/location.py, set_data: what is in a container is not looked
 * into, but for archives that an import unpacks. It is never booted either (`getServerImage`).
 */
export function declaredOf({ containerFormat, diskFormat }: Pick<Image, 'containerFormat' | 'diskFormat'>): string | null {
  if (containerFormat === 'ova') return `${archived}${diskFormat}`;
  return containerFormat === 'bare' ? diskFormat : null;
}

/** Reads and judges the bytes, outside of any transaction. */
export function receiveUpload(parts: RegionParts, saving: Saving, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<AcceptedBytes> {
  return receive(intakeOf(parts), bytes, { upload: saving.upload, declared: saving.declared, store: saving.store, signal, progress: progressOf(parts, saving) });
}

/** Reads the bytes, which wait then: how many they are. */
export function receiveStaged(parts: RegionParts, saving: Pick<Saving, 'imageId' | 'upload' | 'chargedBytes'>, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal, heldMs = silenceMs): Promise<number> {
  return stage(intakeOf(parts), bytes, { upload: saving.upload, signal, progress: progressOf(parts, saving, heldMs) });
}

/** Says again and again that the bytes are coming, and charges for them before they are there. */
function progressOf(parts: RegionParts, saving: Pick<Saving, 'imageId' | 'upload' | 'chargedBytes'>, heldMs = silenceMs): Progress {
  let saidAt = parts.clock.now().getTime();
  let { chargedBytes } = saving;
  return async (sizeBytes) => {
    if (sizeBytes > chargedBytes) chargedBytes = await chargeMore(parts, saving, sizeBytes);
    const now = parts.clock.now();
    if (now.getTime() - saidAt < sayAgainMs) return;
    saidAt = now.getTime();
    const kept = await parts.database.transaction(uploading, (tx) => keepSaving(tx, saving.imageId, { upload: saving.upload, until: after(now, heldMs) }));
    if (kept === 0) throw gone(saving.imageId);
  };
}

/** For these bytes and more, or for these alone. */
async function chargeMore(parts: RegionParts, saving: Pick<Saving, 'imageId' | 'upload'>, sizeBytes: number): Promise<number> {
  const charge = async (bytes: number) => {
    if (!(await parts.database.transaction(uploading, (tx) => chargeUpload(tx, saving.imageId, { upload: saving.upload, bytes, now: parts.clock.now() })))) throw gone(saving.imageId);
    return bytes;
  };
  try {
    return await charge(sizeBytes + chargeAhead);
  } catch (error) {
    // By a quota, or by a budget.
    if (error instanceof Fault) return charge(sizeBytes);
    throw error;
  }
}

export async function finishUpload(context: Context, saving: Saving, bytes: AcceptedBytes): Promise<Image> {
  const { tx, now } = context;
  await chargeUpload(tx, saving.imageId, { upload: saving.upload, bytes: bytes.sizeBytes, now });
  if ((await finishSaving(tx, saving.imageId, { upload: saving.upload, bytes, stores: [saving.store], now })) === 0) throw gone(saving.imageId);
  return told(context, 'image.upload.end', await getImage(context, saving.imageId));
}

export async function finishStaged(context: Context, saving: Saving, bytes: number): Promise<Image> {
  const { tx, now } = context;
  await chargeUpload(tx, saving.imageId, { upload: saving.upload, bytes, now });
  if ((await finishStaging(tx, saving.imageId, { upload: saving.upload, bytes, until: after(now, stagedMs), now })) === 0) throw gone(saving.imageId);
  return told(context, 'image.upload.end', await getImage(context, saving.imageId));
}

/** The image waits for bytes again; its owner can read why. */
export function giveUpUpload({ database, clock }: RegionParts, saving: Pick<Saving, 'imageId' | 'upload'>, reason: string): Promise<void> {
  return database.transaction(uploading, (tx) => giveUp(tx, { id: saving.imageId, upload: saving.upload }, reason, clock.now()));
}

/** Images whose bytes nobody brings any more. */
export function giveUpAbandoned({ database, clock }: { database: Database; clock: RegionParts['clock'] }): Promise<void> {
  return database.transaction(uploading, async (tx) => {
    const now = clock.now();
    for (const abandoned of await findAbandoned(tx, now)) await giveUp(tx, abandoned, 'The upload was interrupted.', now);
  });
}

export async function giveUp(tx: Transaction, { id, upload }: { id: string; upload: string }, reason: string, now: Date): Promise<void> {
  const before = await lockImage(tx, id);
  if (!before || (await giveUpSaving(tx, id, { upload, reason, now })) === 0) return;
  await releaseImages(tx, before.projectId, { bytes: before.chargedBytes });
  const image = await findImage(tx, id);
  if (image) await told({ tx, now }, 'image.upload.error', image);
}

// Captures: a disk of this cloud becomes an image

export type Capture = {
  name: string;
  properties: Record<string, string | null>;
  minDiskGiB: number;
  minRamMiB: number;
  /** Its properties are inherited where the capture does not say otherwise. */
  sourceImageId?: string | undefined;
  /** Private, unless told otherwise. */
  visibility?: Visibility | undefined;
  protected?: boolean | undefined;
  /** qcow2, unless told otherwise. */
  diskFormat?: CaptureFormat | undefined;
};

export type CaptureFormat = 'qcow2' | 'raw';

/** An image of the caller's project whose bytes a workflow is going to bring: from `captureName(id)` in the incoming folder. */
export async function reserveServerImage(context: Context, { name, properties, minDiskGiB, minRamMiB, sourceImageId, visibility = 'private', protected: isProtected = false, diskFormat = 'qcow2' }: Capture): Promise<{ id: string; upload: string }> {
  const source = sourceImageId === undefined ? undefined : await findImage(context.tx, sourceImageId);
  const image = await createImage(context, {
    name,
    visibility,
    protected: isProtected,
    containerFormat: 'bare',
    diskFormat,
    minDiskGiB,
    minRamMiB,
    properties: { ...source?.properties, ...properties },
  });
  const upload = captureName(image.id);
  await beginSaving(context.tx, image.id, { upload, until: after(context.now, captureMs), now: context.now });
  return { id: image.id, upload };
}

/** An image without bytes, whose properties say from which snapshots of volumes its disks are made. */
export async function createVolumesImage(context: Context, { name, properties }: Pick<Capture, 'name' | 'properties'>): Promise<{ id: string }> {
  // nova/image/glance.py, _create_v2: the first of the formats that clients prefer.
  const image = await createImage(context, { name, visibility: 'private', containerFormat: 'bare', diskFormat: 'qcow2', properties });
  await activateWithoutBytes(context.tx, image.id, context.now);
  await told(context, 'image.upload.end', await getImage(context, image.id));
  return { id: image.id };
}

/** What the driver is to call the capture for this image. */
export function captureName(imageId: string): string {
  return `capture-${imageId}`;
}

/** Judges and stores what a driver has captured. May be repeated. Not in a transaction. */
export function acceptCapture(parts: RegionParts, { upload, diskFormat = 'qcow2' }: { imageId: string; upload: string; diskFormat?: CaptureFormat }): Promise<AcceptedBytes> {
  if (diskFormat === 'raw') return receiveExpanded(intakeOf(parts), { upload });
  return receiveFile(intakeOf(parts), { upload, declared: 'qcow2' });
}

/** Looks whether what a driver has captured is sound, for those who read it without keeping it. */
export function judgeCapture(parts: RegionParts, { upload, locked = false }: { upload: string; locked?: boolean }): Promise<void> {
  return judgeFile(intakeOf(parts), { upload, declared: locked ? lockedDisk : 'qcow2' });
}

/** Judges and keeps a qcow2 disk that a workflow has put into the incoming folder: for the hour in which it is written to a volume. May be repeated. */
export async function acceptDisk(parts: RegionParts, { id, upload, locked = false }: { id: string; upload: string; locked?: boolean }): Promise<VettedImage> {
  const { format, ...bytes } = await receiveFile(intakeOf(parts), { upload, declared: locked ? lockedDisk : 'qcow2' });
  if (format === 'opaque') throw new Error('Nobody has looked at the disk');
  return vetted({ imageId: id, format, sha256: bytes.sha256, sizeBytes: bytes.sizeBytes, virtualSizeBytes: bytes.virtualSizeBytes ?? 0 });
}

export async function activateImage(tx: Transaction, imageId: string, accepted: AcceptedBytes, now: Date): Promise<void> {
  const image = await findImage(tx, imageId);
  if (!image || image.status === 'active') return;
  // What a capture holds is known only now; a project that has no room for it does not get it.
  await chargeUpload(tx, imageId, { upload: captureName(imageId), bytes: accepted.sizeBytes, now });
  await finishSaving(tx, imageId, { upload: captureName(imageId), bytes: accepted, stores: [defaultStore], now });
  await told({ tx, now }, 'image.upload.end', { ...image, status: 'active' });
}

/** A capture that failed leaves no image that waits for bytes for ever: it says why, and can be deleted. */
export async function failImage(tx: Transaction, imageId: string, reason: string, now: Date): Promise<void> {
  await giveUp(tx, { id: imageId, upload: captureName(imageId) }, reason, now);
}

/** An image that the cloud itself has made of a server, and that nobody needs any more. Again does nothing. */
export async function dropServerImage({ tx, now }: { tx: Transaction; now: Date }, imageId: string): Promise<void> {
  const image = await lockImage(tx, imageId);
  if (!image || image.protected) return;
  await deleteImage(tx, imageId);
  await releaseImages(tx, image.projectId, { images: 1, bytes: image.chargedBytes });
  await told({ tx, now }, 'image.delete', image);
}

/** Backups of a server of this kind, the newest first. */
export function backupsOf(tx: Transaction, { serverId, backupType }: { serverId: string; backupType: string }): Promise<string[]> {
  return selectBackups(tx, serverId, backupType);
}

// Bytes of the cloud's own

/** An image that comes with the cloud, from a file: made once, and found ever after. */
export async function bootstrapImage(
  parts: RegionParts,
  { name, bytes, projectId, diskFormat = 'qcow2', properties = {} }: { name: string; bytes: AsyncIterable<Uint8Array>; projectId: string; diskFormat?: string; properties?: Record<string, string> },
): Promise<{ id: string }> {
  const { clock, random } = parts;
  const scope = { kind: 'project', projectId } as const;
  const asOwner = (tx: Transaction): Context => ({ tx, now: clock.now(), random, requestId: `req-${random.uuid()}`, caller: systemCaller(projectId) });
  const begun = await parts.database.transaction(scope, async (tx) => {
    const context = asOwner(tx);
    const found = await findPublicImage(tx, projectId, name);
    if (found && found.status !== 'queued') return { id: found.id };
    const id = found?.id ?? (await createImage(context, { name, visibility: 'public', containerFormat: 'bare', diskFormat, properties })).id;
    return { id, saving: await beginUpload(context, id, random.uuid()) };
  });
  const { id, saving } = begun;
  if (!saving) return { id };
  try {
    const accepted = await receiveUpload(parts, saving, bytes, new AbortController().signal);
    await parts.database.transaction(scope, (tx) => finishUpload(asOwner(tx), saving, accepted));
  } catch (error) {
    await giveUpUpload(parts, saving, error instanceof Fault ? error.message : 'The upload was interrupted.');
    throw error;
  }
  return { id };
}

function systemCaller(projectId: string): Context['caller'] {
  return { userId: '', userName: '', userDomainId: '', projectId, projectName: null, projectDomainId: null, domainId: null, system: false, roles: new Set(['admin']), isAdmin: true, token: '', expiresAt: new Date(0) };
}

// What these share

const uploading = { kind: 'system', reason: 'the upload outlives its request' } as const;

/** 1 TiB of bytes (glance: image_size_cap), 16 TiB of disk. */
const limits: IntakeLimits = { maxBytes: 2 ** 40, maxVirtualSizeBytes: 2 ** 44 };

export function intakeOf({ blobs, database, clock }: RegionParts): Intake {
  return {
    blobs,
    limits,
    claim: async (bytes) => void (await database.transaction(uploading, (tx) => claimBlob(tx, bytes, clock.now()))),
  };
}

/** glance/api/v2/image_data.py: these words. */
function gone(id: string): Fault {
  return new Fault(410, 'HTTPGone', `Image ${id} could not be found after upload. The image may have been deleted during the upload, cleaning up the chunks uploaded.`);
}

function after(now: Date, ms: number): Date {
  return new Date(now.getTime() + ms);
}

