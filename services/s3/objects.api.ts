/** The door of objects: those of the operations of the object store's reference whose path ends with the key. */
import { limits } from '../../contract/object-store/capabilities.ts';
import { objects as contract } from '../../contract/s3/objects.ts';
import { implement, type Answer } from '../../kit/http/implement.ts';
import { keeping } from '../object-store/objects.ts';
import { headerOf } from '../object-store/header-text.ts';
import { writeAt } from '../object-store/object-writes.ts';
import { textsOf } from '../object-store/visits.ts';
import { demandRoom } from '../object-store/usage-limits.ts';
import { answering, emptyAnswer, quoted, type Bytes } from './answers.ts';
import { copyObject } from './copies.ts';
import { forOrigin, preflight } from './cross-origin.ts';
import { deleteOne } from './deletions.ts';
import { checksumHeaders, demandKnown, describedIn } from './descriptions.ts';
import { showObject, showHead } from './fetching.ts';
import { takeIn, type BodyRequest, type S3Parts } from './incoming.ts';
import { changeNote, noteIn, removeNote, showNote } from './notes.ts';
import { abort, begin, complete, copyPart, showParts, uploadPart } from './parts.api.ts';
import { enter } from './places.ts';
import { grantsOfNew } from './public-access.ts';
import { refused } from './refusals.ts';
import { wishedLock } from './retentions.ts';
import { tagsOfHeader } from './tags.ts';
import { conditionOfWrite } from './write-conditions.ts';

export function objects(parts: S3Parts) {
  return implement(contract, {
    get: (request) =>
      answering<Bytes>(request, () =>
        forOrigin({ ...request, method: 'GET' }, request.params.bucket, async () => {
          const { bucket, key } = checked(request.params);
          const asked = { ...request, method: 'GET', body: undefined };
          const query = textsOf(request);
          const note = noteIn(query);
          if (note) return showNote(parts, asked, bucket, key, note);
          return 'uploadId' in query ? showParts(asked, bucket, key) : showObject(parts, asked, bucket, key);
        }),
      ),

    head: (request) =>
      answering(request, () =>
        forOrigin({ ...request, method: 'HEAD' }, request.params.bucket, async () => {
          const { bucket, key } = checked(request.params);
          return showHead(parts, { ...request, method: 'HEAD', body: undefined }, bucket, key);
        }),
      ),

    put: (request) =>
      answering<Bytes>(request, () =>
        forOrigin({ ...request, method: 'PUT' }, request.params.bucket, async () => {
          const { bucket, key } = checked(request.params);
          const asked = { ...request, method: 'PUT' };
          const query = textsOf(request);
          const note = noteIn(query);
          if (note) return changeNote(parts, asked, bucket, key, note);
          demandKnown(request.headers);
          const source = headerOf(request.headers, 'x-amz-copy-source');
          if ('uploadId' in query || 'partNumber' in query) return source === undefined ? uploadPart(parts, asked, bucket, key) : copyPart(parts, asked, bucket, key, source);
          return source === undefined ? put(asked, bucket, key) : copyObject(parts, asked, bucket, key, source);
        }),
      ),

    post: (request) =>
      answering<Bytes>(request, () =>
        forOrigin({ ...request, method: 'POST' }, request.params.bucket, async () => {
          const { bucket, key } = checked(request.params);
          const asked = { ...request, method: 'POST' };
          const query = textsOf(request);
          if ('uploads' in query) return begin(asked, bucket, key);
          if ('uploadId' in query) return complete(parts, asked, bucket, key);
          await enter(request, bucket, { operation: contract.post, list: 'write' });
          throw refused('MethodNotAllowed');
        }),
      ),

    delete: (request) =>
      answering<Bytes>(request, () =>
        forOrigin({ ...request, method: 'DELETE' }, request.params.bucket, async () => {
          const { bucket, key } = checked(request.params);
          const asked = { ...request, method: 'DELETE', body: undefined };
          const query = textsOf(request);
          const note = noteIn(query);
          if (note) return removeNote(asked, bucket, key, note);
          return 'uploadId' in query ? abort(asked, bucket, key) : deleteOne(asked, bucket, key);
        }),
      ),

    options: (request) => answering(request, () => preflight(request, request.params.bucket)),
  });

  async function put(request: BodyRequest, bucket: string, key: string): Promise<Answer<Buffer>> {
    const { headers, now } = request;
    const here = await enter(request, bucket, { operation: contract.put, list: 'write', action: 's3:PutObject', key });
    const described = describedIn(headers, now);
    const grants = grantsOfNew(here, headers);
    const tags = headerOf(headers, 'x-amz-tagging');
    const noted = { ...(tags === undefined ? {} : { tags: tagsOfHeader(tags) }), ...(grants.length === 0 ? {} : { grants }), ...wishedLock(headers, here.container, now) };
    const announced = Number(headerOf(headers, 'x-amz-decoded-content-length') ?? headerOf(headers, 'content-length') ?? 0);
    if (announced > 0) await here.read((context) => demandRoom(context, here.container, announced, here));
    const demand = conditionOfWrite(headers);
    const { received, checksum } = await takeIn(parts, request);
    const { version } = await keeping(parts.bodies, received, () =>
      here.commit((context) =>
        writeAt(
          context,
          here,
          { container: here.container.name, object: key },
          { ...described, kind: 'plain', facts: { ...noted, ...(checksum ? { checksum: { ...checksum, type: 'FULL_OBJECT' } } : {}) }, body: { received }, sizeBytes: received.sizeBytes, etag: received.md5 },
          (container) => demand(context, container, key),
        ),
      ),
    );
    return emptyAnswer(200, { etag: quoted(received.md5), ...(here.container.versioning === 'off' ? {} : { 'x-amz-version-id': version }), ...(checksum ? checksumHeaders({ ...checksum, type: 'FULL_OBJECT' }) : {}) });
  }
}

/** Before anything else is looked at. */
function checked({ bucket, key }: { bucket: string; key: string }): { bucket: string; key: string } {
  if (Buffer.byteLength(key) > limits.max_object_name_length) throw refused('KeyTooLongError');
  return { bucket, key };
}
