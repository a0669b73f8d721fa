/** How many images and bytes a project may have, refused in Glance's words: glance/quota/keystone.py. */
import { Fault } from '../../kit/fault.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { claimSpending, type Thing } from '../quota/budgets.ts';
import { claimQuota, OverQuota, quotaUsage, releaseQuota, type QuotaResource } from '../quota/quotas.ts';
import { chargedAhead, countSaving, countStaged, lockImage, lockUploads, setCharged, type Image } from './images.store.ts';

type Held = { images?: number; bytes?: number };

export async function claimImages(tx: Transaction, projectId: string, held: Held): Promise<void> {
  try {
    await claimQuota(tx, projectId, named(held));
  } catch (error) {
    if (error instanceof OverQuota) throw new ImageOverQuota(projectId, error);
    throw error;
  }
}

export function releaseImages(tx: Transaction, projectId: string, held: Held): Promise<void> {
  return releaseQuota(tx, projectId, named(held));
}

/** As the meter has it. */
export function meteredAs(measures: { images?: number; MiB?: number }): Thing {
  return { resource: 'image', flavor: '', state: 'active', measures };
}

/** What was charged for and is not there yet. */
export async function bytesOnTheirWay(tx: Transaction, projectIds: readonly string[]): Promise<Thing[]> {
  const bytes = await chargedAhead(tx, projectIds);
  return bytes > 0 ? [meteredAs({ MiB: inMiB(bytes) })] : [];
}

function inMiB(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}

/** The image with all that it is charged for goes from one project to another. */
export async function moveCharge(tx: Transaction, { projectId, chargedBytes }: Image, to: string, now: Date): Promise<void> {
  const held = { images: 1, bytes: chargedBytes };
  await claimImages(tx, to, held);
  await claimSpending(tx, { now, projectId: to, domainId: null, thing: meteredAs({ images: 1, MiB: inMiB(chargedBytes) }) });
  await releaseImages(tx, projectId, held);
}

/** Charges the owner for so many bytes in all, before they are there (ATTACKS 11). False: the image is no longer this upload's. */
export async function chargeUpload(tx: Transaction, imageId: string, { upload, bytes, now }: { upload: string; bytes: number; now: Date }): Promise<boolean> {
  const image = await lockImage(tx, imageId);
  if (!image || (await setCharged(tx, imageId, { upload, bytes })) === 0) return false;
  await claimImages(tx, image.projectId, { bytes: bytes - image.chargedBytes });
  const moreMiB = inMiB(bytes) - inMiB(image.chargedBytes);
  if (moreMiB > 0) await claimSpending(tx, { now, projectId: image.projectId, domainId: null, thing: meteredAs({ MiB: moreMiB }) });
  return true;
}

/** Refuses one more upload than may be under way at once in this region; they are counted as they are, and charged for nothing. */
export async function demandUploadRoom(tx: Transaction, projectId: string): Promise<void> {
  const { limit } = (await quotaUsage(tx, projectId, ['image.uploads']))['image.uploads']!;
  if (limit === -1) return;
  await lockUploads(tx, projectId);
  const used = await countSaving(tx, projectId);
  if (used + 1 > limit) throw new ImageOverQuota(projectId, new OverQuota('image.uploads', 1, used, limit));
}

type Use = { used: number; limit: number };

/** What a project has and may have, and how many uploads are under way. */
export async function usageOf(tx: Transaction, projectId: string): Promise<{ images: Use; bytes: Use; uploads: Use; stagedBytes: number }> {
  const found = await quotaUsage(tx, projectId, ['image.images', 'image.bytes', 'image.uploads']);
  return { images: found['image.images']!, bytes: found['image.bytes']!, uploads: { limit: found['image.uploads']!.limit, used: await countSaving(tx, projectId) }, stagedBytes: await countStaged(tx, projectId) };
}

/** Asking again does not help: somebody has to delete something first. */
class ImageOverQuota extends Fault {
  readonly retryable = false;

  constructor(projectId: string, over: OverQuota) {
    // oslo_limit/exception.py, ProjectOverLimit.
    super(413, 'HTTPRequestEntityTooLarge', `Project ${projectId} is over a limit for ${glanceNames[over.resource] ?? over.resource} (limit ${inUnits(over.resource, over.limit)}, used ${inUnits(over.resource, over.used)}, wanted ${inUnits(over.resource, over.wanted)}).`, { cause: over });
  }
}

const glanceNames: Partial<Record<QuotaResource, string>> = { 'image.images': 'image_count_total', 'image.bytes': 'image_size_total', 'image.uploads': 'image_count_uploading' };

/** Glance counts bytes in MiB. */
function inUnits(resource: QuotaResource, amount: number): number {
  return resource === 'image.bytes' && amount > 0 ? Math.ceil(amount / 2 ** 20) : amount;
}

function named({ images = 0, bytes = 0 }: Held) {
  return { 'image.images': images, 'image.bytes': bytes };
}
