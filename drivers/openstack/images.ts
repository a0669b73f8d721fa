/** Bytes at the partner: ours are brought there once and found again by their hash, and captures are fetched. */
import { createReadStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { readDisk, writeQcow2 } from '../../kit/qcow2.ts';
import { DriverError, type CapturedImage, type VettedImage } from '../driver.ts';
import { ensureMade, type Found } from './creation.ts';
import type { HandleRef } from './handles.ts';
import type { Services } from './partner.ts';
import { LIBRARY } from './projects.ts';
import { UnknownOutcome, unless } from './refusals.ts';
import { until, type Region } from './region.ts';

/** A property by which an image says what it is; who reads it at the partner learns nothing from it. */
const TAG = 'intercloud_tag';
const HASH = 'intercloud_sha256';
const HOUR = 3600;

export type RemoteImage = { id: string; status: string; name: string | null; diskFormat: string | null; createdAt: string; tag: string | null };

/** Brings the bytes, unless they are there, and lets the project use them; resolves to the image's name there. */
export function ensureImage(region: Region, image: VettedImage, project: Services): Promise<string> {
  return region.once(imageRef(image.sha256), () => ensure(region, image, project));
}

async function ensure(region: Region, image: VettedImage, project: Services): Promise<string> {
  const { projects, handles, blobs } = region;
  const ref = imageRef(image.sha256);
  // Asked first: what we do not have either is missing, whatever the partner holds.
  const path = await blobs.path(image.sha256);
  const library = await projects.of(LIBRARY);
  const remoteId = await ensureMade(region, ref, LIBRARY, {
    find: (tag) => tagged(library, tag),
    make: async (tag) => {
      const properties: Record<string, string> = { [TAG]: tag, [HASH]: image.sha256 };
      const { body } = await library.image.images.create({ body: { ...properties, name: `intercloud-${image.sha256.slice(0, 12)}`, disk_format: image.format, container_format: 'bare', visibility: 'shared' } });
      return body.id;
    },
  });
  await bring(region, library, remoteId, path, image);
  if (project.projectId === library.projectId) return remoteId;
  const shared = (await handles.find(ref))?.applied['sharedWith'];
  const members = Array.isArray(shared) ? (shared as string[]) : [];
  if (!members.includes(project.projectId ?? '')) {
    await library.image.members.add({ params: { image_id: remoteId }, body: { member: project.projectId ?? '' } }).catch(unless(409));
    await handles.apply(ref, { sharedWith: [...members, project.projectId] });
  }
  return remoteId;
}

/** Sends the bytes until the partner has all of them. */
async function bring(region: Region, library: Services, remoteId: string, path: string, image: VettedImage): Promise<void> {
  const params = { image_id: remoteId };
  const show = async () => (await library.image.images.show({ params }).catch(unless(404)))?.body;
  for (let attempt = 1; attempt <= 3; attempt++) {
    const seen = await until(region, show, (is) => is?.status !== 'saving' && is?.status !== 'importing', HOUR);
    if (seen?.status === 'active') {
      if (seen.size === image.sizeBytes) return;
      await library.image.images.delete({ params }).catch(unless(404));
    }
    if (seen?.status !== 'queued') {
      await region.handles.forget(imageRef(image.sha256));
      throw new DriverError('unavailable', `The partner's copy of image ${image.sha256} is ${seen?.status ?? 'gone'}, of ${seen?.size ?? 0} bytes: it is brought anew`);
    }
    await library.image.imageData.upload({ params, body: createReadStream(path) as never }).catch((error: unknown) => {
      // What has arrived, the next look shows.
      if (!(error instanceof UnknownOutcome)) throw error;
    });
  }
  const last = await show();
  if (last?.status !== 'active') throw new DriverError('unavailable', `The bytes of image ${image.sha256} did not reach the partner`);
}

export async function forgetImage({ projects, handles }: Region, sha256: string): Promise<void> {
  const ref = imageRef(sha256);
  const handle = await handles.find(ref);
  if (!handle) return;
  const library = await projects.of(LIBRARY);
  const remoteIds = handle.remoteId === null ? (await tagged(library, handle.tag)).map(({ id }) => id) : [handle.remoteId];
  for (const id of remoteIds) await library.image.images.delete({ params: { image_id: id } }).catch(unless(404));
  await handles.forget(ref);
}

/** All images that the project owns there. */
export async function imagesOf({ image, projectId }: Services): Promise<RemoteImage[]> {
  const found: RemoteImage[] = [];
  for (let marker: string | undefined; ; ) {
    const { images, next } = (await image.images.list({ query: { owner: projectId ?? '', limit: '500', ...(marker === undefined ? {} : { marker }) } })).body;
    found.push(
      ...images.map(({ id, status, name, disk_format: diskFormat, created_at: createdAt, ...properties }) => {
        const tag = (properties as Record<string, unknown>)[TAG] ?? (name?.startsWith('intercloud:') ? name : null);
        return { id, status, name, diskFormat, createdAt, tag: typeof tag === 'string' ? tag : null };
      }),
    );
    marker = images.at(-1)?.id;
    if (next === undefined || marker === undefined) return found;
  }
}

type Capture = {
  upload: string;
  projectId: string;
  services: Services;
  /** Asks for an image of the disk that carries the tag; resolves to its name there. */
  make(tag: string): Promise<string>;
};

/** What `make` writes on it: Nova takes a property, Cinder nothing but a name. */
export const captureProperties = (tag: string) => ({ [TAG]: tag });

/** Fetches an image that the partner makes of a disk, and leaves none there. */
export async function fetchCapture(region: Region, { upload, projectId, services, make }: Capture): Promise<CapturedImage> {
  const ref = { kind: 'image', id: `capture-${upload}` } as const;
  const remoteId = await ensureMade(region, ref, projectId, { find: (tag) => tagged(services, tag), make });
  const params = { image_id: remoteId };
  const drop = async () => {
    await services.image.images.delete({ params }).catch(unless(404));
    await region.handles.forget(ref);
  };
  const seen = await until(region, async () => (await services.image.images.show({ params }).catch(unless(404)))?.body, (is) => is === undefined || !['queued', 'saving', 'importing'].includes(is.status), HOUR);
  if (seen?.status !== 'active') {
    await drop();
    throw new DriverError('failed', `The partner could not make an image: it is ${seen?.status ?? 'gone'}`);
  }
  const path = region.blobs.incomingPath(upload);
  const raw = `${path}.raw`;
  switch (seen.disk_format) {
    case 'qcow2':
      await services.download(remoteId, path);
      break;
    case 'raw': {
      await services.download(remoteId, raw);
      await writeQcow2(`${path}.part`, (await stat(raw)).size, readDisk(raw, 'raw'));
      await rename(`${path}.part`, path);
      await rm(raw);
      break;
    }
    default:
      await drop();
      throw new DriverError('invalid', `The partner makes images as ${seen.disk_format}, which cannot be read here`);
  }
  await drop();
  return { upload, format: 'qcow2', sizeBytes: (await stat(path)).size };
}

async function tagged(services: Services, tag: string): Promise<Found[]> {
  return (await imagesOf(services)).filter((image) => image.tag === tag);
}

function imageRef(sha256: string): HandleRef {
  return { kind: 'image', id: sha256 };
}
