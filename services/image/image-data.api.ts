/** The door of images' bytes: glance/api/v2/image_data.py. */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { imageData as contract } from '../../contract/image/image-data.ts';
import { noteReading } from './cache.ts';
import { Fault } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { scopeOf } from '../../kit/http/right.ts';
import { getImage, type Image } from './images.ts';
import type { RegionParts } from '../parts.ts';
import { namedStore } from './stores.ts';
import { beginUpload, finishUpload, giveUpUpload, receiveUpload } from './uploads.ts';

export function imageData(parts: RegionParts) {
  return implement(contract, {
    async upload(request) {
      const type = String(request.headers['content-type'] ?? '').split(';')[0]!.trim();
      if (type !== 'application/octet-stream' || !(request.body instanceof Readable)) throw new Fault(415, 'HTTPUnsupportedMediaType', 'Content-Type must be application/octet-stream');
      const { body, signal } = request;
      const context = { caller: request.caller, requestId: request.requestId, now: request.now, random: request.random };
      // Not by `commit`: an upload is one deed and has one entry in the audit, when it is done.
      const saving = await parts.database.transaction(scopeOf(contract.upload.access, request.caller), (tx) => beginUpload({ ...context, tx }, request.params.image_id, request.random.uuid(), { expectedBytes: lengthOf(request.headers['content-length']), store: namedStore(parts.blobs, request.headers['x-image-meta-store']) }));
      try {
        const accepted = await receiveUpload(parts, saving, body, signal);
        await request.commit((tx) => finishUpload({ ...context, tx, now: parts.clock.now() }, saving, accepted));
      } catch (error) {
        const told = error instanceof Fault || !signal.aborted ? error : new Fault(400, 'HTTPBadRequest', interrupted, { cause: error });
        await giveUpUpload(parts, saving, told instanceof Fault ? told.message : interrupted);
        throw told;
      }
      return undefined as never;
    },

    async download(request) {
      const image = await getImage(request, request.params.image_id);
      if (image.status === 'deactivated' && !request.caller.isAdmin) throw new Fault(403, 'HTTPForbidden', 'The requested image has been deactivated. Image data download is forbidden.');
      // glance: an image without bytes answers with none.
      if (image.sha256 === null || image.sizeBytes === null) return new Answer(Readable.from([]), { status: 204 });
      await noteReading(parts, { imageId: image.id, sha256: image.sha256 });
      return answer(image, image.sizeBytes, await parts.blobs.path(image.sha256), request.headers['range']);
    },
  });
}

/** Nothing, where the client does not know it itself. */
export function lengthOf(given: string | string[] | undefined): number {
  return typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : 0;
}

export const interrupted = 'The upload was interrupted.';

function answer({ md5 }: Image, size: number, path: string, range: string | string[] | undefined): Answer<AsyncIterable<Uint8Array>> {
  const common = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes' };
  const part = typeof range === 'string' ? partOf(range, size) : undefined;
  if (!part) return new Answer<AsyncIterable<Uint8Array>>(createReadStream(path), { headers: { ...common, 'content-length': String(size), ...(md5 === null ? {} : { 'content-md5': md5 }) } });
  const { first, last } = part;
  return new Answer<AsyncIterable<Uint8Array>>(createReadStream(path, { start: first, end: last }), {
    status: 206,
    headers: { ...common, 'content-length': String(last - first + 1), 'content-range': `bytes ${first}-${last}/${size}` },
  });
}

/** One range of bytes, as RFC 9110 writes it; undefined for what may be ignored. */
function partOf(range: string, size: number): { first: number; last: number } | undefined {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range) ?? [];
  if (from === '' && to === '') return undefined;
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (first > last || first >= size) throw new Fault(416, 'HTTPRequestRangeNotSatisfiable', `Range ${range} is not satisfiable for an image of ${size} bytes.`, { headers: { 'content-range': `bytes */${size}` } });
  return { first, last };
}
