/** The door of objects: swift/proxy/controllers/obj.py, swift/obj/server.py. */
import { objects as contract } from '../../contract/object-store/objects.ts';
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { getContainer } from './containers.ts';
import { downloadAnswer, headAnswer, type Download } from './downloads.ts';
import { encoded, headerOf, type IncomingHeaders } from './header-text.ts';
import { blobsOf, deleteObject, findObject, getObject, keeping, noSuchObject, readBlobs, takeTurn, updateObject, writeObject, type Blob, type StoredObject } from './objects.ts';
import { httpDateOf } from './timestamps.ts';
import { checkObjectName, contentTypeOf, describedBy, lengthOf, receive } from './uploads.ts';
import { containerOf, visit } from './visits.ts';

export function objects({ bodies }: RegionParts) {
  const downloadOf = (object: StoredObject, blobs: readonly Blob[]): Download => ({
    sizeBytes: object.sizeBytes,
    contentType: object.contentType,
    etag: object.etag,
    modifiedAt: object.writtenAt,
    headers: headersOf(object),
    read: (span) => readBlobs(bodies, blobs, span),
  });

  return implement(contract, {
    async get(request) {
      const here = await visit(request, contract.get.access, request.params, 'read');
      const container = containerOf(here);
      const { object, blobs } = await here.read(async (context) => {
        const found = await getObject(context, container, request.params.object);
        return { object: found, blobs: await blobsOf(context, found) };
      });
      return downloadAnswer(request, downloadOf(object, blobs));
    },

    async head(request) {
      const here = await visit(request, contract.head.access, request.params, 'read');
      const container = containerOf(here);
      const object = await here.read((context) => getObject(context, container, request.params.object));
      return headAnswer(request, downloadOf(object, []));
    },

    async put(request) {
      const { container: containerName, object: name } = request.params;
      const here = await visit(request, contract.put.access, request.params, 'write');
      containerOf(here);
      checkObjectName(name);
      const expected = lengthOf(request.headers);
      const onlyNew = mustBeNew(request.headers);
      const described = describedBy(request.headers, request.now);
      const received = await receive(bodies, request, request.body, expected);
      const written = await keeping(bodies, received, () => {
        const etag = headerOf(request.headers, 'etag')?.replaceAll('"', '').toLowerCase();
        if (etag !== undefined && etag !== '' && etag !== received.md5) throw new Fault(422, 'BadDigest', explanationOf(422));
        return here.commit(async (context) => {
          const container = await getContainer(context, containerName);
          await takeTurn(context, container, name);
          if (onlyNew && (await findObject(context, container, name))) throw new Fault(412, 'PreconditionFailed', explanationOf(412));
          return writeObject(context, container, name, { ...described, contentType: contentTypeOf(request.headers, name), body: { received }, sizeBytes: received.sizeBytes, etag: received.md5 });
        });
      });
      return madeAnswer(request.now, received.md5, written.version);
    },

    async update(request) {
      const here = await visit(request, contract.update.access, request.params, 'write');
      containerOf(here);
      const described = describedBy(request.headers, request.now);
      await here.commit(async (context) => {
        const container = await getContainer(context, request.params.container);
        await takeTurn(context, container, request.params.object);
        const object = await getObject(context, container, request.params.object);
        await updateObject(context, object, { ...described, contentType: headerOf(request.headers, 'content-type') || object.contentType, writtenAt: request.now, facts: object.facts });
      });
      return new Answer(Buffer.alloc(0), { status: 202, headers: { 'content-type': 'text/html; charset=UTF-8' } });
    },

    async delete(request) {
      const here = await visit(request, contract.delete.access, request.params, 'write');
      containerOf(here);
      await here.commit(async (context) => {
        const container = await getContainer(context, request.params.container);
        const { object } = await deleteObject(context, container, request.params.object);
        if (!object || object.isMarker) throw noSuchObject();
      });
      return new Answer(Buffer.alloc(0), { headers: { 'content-type': 'text/html; charset=UTF-8' } });
    },

    async copy() {
      throw new Fault(501, 'NotImplemented', explanationOf(501));
    },

    async options() {
      return new Answer(undefined, { headers: { allow: 'HEAD, GET, PUT, POST, OPTIONS, DELETE', 'content-length': '0' } });
    },
  });
}

function headersOf({ headers, deleteAt }: StoredObject): Record<string, string> {
  return { ...headers, ...(deleteAt === null ? {} : { 'x-delete-at': String(Math.floor(deleteAt.getTime() / 1000)) }) };
}

function madeAnswer(now: Date, etag: string, _version: string): Answer<Buffer> {
  return new Answer(Buffer.alloc(0), { status: 201, headers: encoded({ 'last-modified': httpDateOf(now), etag, 'content-type': 'text/html; charset=UTF-8' }) });
}

function mustBeNew(headers: IncomingHeaders): boolean {
  const given = headerOf(headers, 'if-none-match');
  if (given === undefined) return false;
  if (given.trim() !== '*') throw badRequest('If-None-Match only supports *');
  return true;
}
