/** Objects that are brought in parts, in any order, and are there when all is: what begins, comes and ends. */
import { createHash } from 'node:crypto';
import { badRequest, notFound } from '../../kit/fault.ts';
import type { AccountContext } from './accounts.ts';
import type { Received } from './bodies.ts';
import type { Container } from './containers.ts';
import { deleteUpload, insertUpload, lockUpload, selectParts, selectUpload, selectUploads, upsertPart, type Upload, type UploadPart } from './multipart-uploads.store.ts';
import { insertBlob, selectBlobWithMd5 } from './objects.store.ts';
import { noSuchObject, takeTurn, writeObject, type Content, type Written } from './objects.ts';

export type { Upload, UploadPart } from './multipart-uploads.store.ts';

export const noSuchUpload = () => notFound('The specified multipart upload does not exist. The upload ID might be invalid, or the multipart upload might have been aborted or completed.', 'NoSuchUpload');

export const mostParts = 10_000;
/** All but the last one have at least so many. */
export const leastPartBytes = 5 * 1024 * 1024;

type Place = { container: Pick<Container, 'id'>; name: string };

export async function beginUpload({ tx, projectId, random, now }: AccountContext, { container, name }: Place, begun: Pick<Upload, 'contentType' | 'headers' | 'facts'>): Promise<Upload> {
  const upload: Upload = { ...begun, id: random.uuid().replaceAll('-', ''), containerId: container.id, name, startedAt: now };
  await insertUpload(tx, projectId, upload);
  return upload;
}

export async function getUpload({ tx }: AccountContext, { container, name }: Place, id: string): Promise<Upload> {
  const found = isId(id) ? await selectUpload(tx, container.id, name, id) : undefined;
  if (!found) throw noSuchUpload();
  return found;
}

/** Bytes that were brought, or that the project has already; of the same number the last one counts. */
export async function putPart(context: AccountContext, place: Place, id: string, { number, body, facts }: { number: number; body: { received: Received } | { sha256: string }; facts: UploadPart['facts'] }): Promise<{ md5: string; file: string | undefined }> {
  const { tx, projectId, now } = context;
  const upload = isId(id) ? await lockUpload(tx, place.container.id, place.name, id, 'add') : undefined;
  if (!upload) throw noSuchUpload();
  const file = 'received' in body ? await insertBlob(tx, projectId, body.received, now) : undefined;
  const blob = 'received' in body ? body.received : await selectBlobWithMd5(tx, projectId, body.sha256);
  if (!blob) throw noSuchObject();
  const { sha256, sizeBytes, md5 } = blob;
  await upsertPart(tx, projectId, upload, { number, sha256, sizeBytes, md5, facts, writtenAt: now });
  return { md5, file };
}

export async function listParts({ tx }: AccountContext, { id }: Pick<Upload, 'id'>, page: { after: number; limit: number }): Promise<UploadPart[]> {
  return selectParts(tx, id, page);
}

export function listUploads({ tx }: AccountContext, { id: containerId }: Pick<Container, 'id'>, page: Parameters<typeof selectUploads>[2]): Promise<Upload[]> {
  return selectUploads(tx, containerId, page);
}

export async function abortUpload({ tx }: AccountContext, { container, name }: Place, id: string): Promise<void> {
  const upload = isId(id) ? await lockUpload(tx, container.id, name, id, 'end') : undefined;
  if (!upload) throw noSuchUpload();
  await deleteUpload(tx, upload.id);
}

export type Completed = Written & { etag: string; sizeBytes: number };

/** The parts that are named become the object, and all others are gone with the upload. */
export async function completeUpload(
  context: AccountContext,
  { container, name }: { container: Container; name: string },
  id: string,
  named: readonly { number: number; etag: string }[],
  { demand, finish }: { demand?: () => Promise<void>; finish(upload: Upload, parts: readonly UploadPart[]): Pick<Content, 'facts'> },
): Promise<Completed> {
  const { tx } = context;
  await takeTurn(context, container, name);
  const upload = isId(id) ? await lockUpload(tx, container.id, name, id, 'end') : undefined;
  if (!upload) throw noSuchUpload();
  await demand?.();
  const brought = new Map((await selectParts(tx, upload.id, { after: 0, limit: mostParts })).map((part) => [part.number, part]));
  if (named.some(({ number }, index) => index > 0 && number <= named[index - 1]!.number)) throw badRequest('The list of parts was not in ascending order. The parts list must be specified in order by part number.', 'InvalidPartOrder');
  const parts = named.map(({ number, etag }) => {
    const part = brought.get(number);
    if (!part || part.md5 !== etag) throw badRequest('One or more of the specified parts could not be found. The part might not have been uploaded, or the specified entity tag might not have matched the part’s entity tag.', 'InvalidPart');
    return part;
  });
  if (parts.slice(0, -1).some(({ sizeBytes }) => sizeBytes < leastPartBytes)) throw badRequest('Your proposed upload is smaller than the minimum allowed object size.', 'EntityTooSmall');
  const hash = createHash('md5');
  for (const { md5 } of parts) hash.update(Buffer.from(md5, 'hex'));
  const etag = `${hash.digest('hex')}-${parts.length}`;
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const { facts = {} } = finish(upload, parts);
  const written = await writeObject(context, container, name, { kind: 'parts', body: { pieces: parts }, sizeBytes, etag, contentType: upload.contentType, headers: upload.headers, facts });
  await deleteUpload(tx, upload.id);
  return { ...written, etag, sizeBytes };
}

function isId(id: string): boolean {
  return /^[0-9a-f]{32}$/.test(id);
}
