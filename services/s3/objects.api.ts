/** The door of objects: those of the operations of the object store's reference whose path ends with the key. */
import { objects as contract } from '../../contract/s3/objects.ts';
import { implement } from '../../kit/http/implement.ts';
import { headerOf } from '../object-store/header-text.ts';
import { textsOf } from '../object-store/visits.ts';
import { answering, type Bytes } from './answers.ts';
import { copyObject } from './copies.ts';
import { forOrigin, preflight } from './cross-origin.ts';
import { deleteOne } from './deletions.ts';
import { demandKnown } from './descriptions.ts';
import { showObject, showHead } from './fetching.ts';
import type { S3Parts } from './incoming.ts';
import { changeNote, noteIn, removeNote, showNote } from './notes.ts';
import { abort, begin, complete, copyPart, showParts, uploadPart } from './parts.api.ts';
import { enter } from './places.ts';
import { demandKeyLength, putObject } from './puts.ts';
import { refused } from './refusals.ts';

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
          return source === undefined ? putObject(parts, asked, bucket, key) : copyObject(parts, asked, bucket, key, source);
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
}

/** Before anything else is looked at. */
function checked({ bucket, key }: { bucket: string; key: string }): { bucket: string; key: string } {
  demandKeyLength(key);
  return { bucket, key };
}
