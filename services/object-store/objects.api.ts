/** The door of objects: swift/proxy/controllers/obj.py, swift/obj/server.py, and what stands before them there. */
import { objects as contract } from '../../contract/object-store/objects.ts';
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { getContainer } from './containers.ts';
import { copyFrom, copyTo } from './copies.ts';
import { downloadAnswer, headAnswer } from './downloads.ts';
import { emptyAnswer } from './empty-answers.ts';
import { encoded, headerOf, type IncomingHeaders } from './header-text.ts';
import { deleteManifest, putManifest } from './large-objects.ts';
import { deleteObject, findObject, getObject, keeping, noSuchObject, takeTurn, updateObject } from './objects.ts';
import { deleteKeepingOlder } from './older-versions.ts';
import { writeAt } from './object-writes.ts';
import { downloadOf } from './reading.ts';
import { httpDateOf } from './timestamps.ts';
import { checkObjectName, contentTypeOf, describedBy, kindOf, lengthOf, receive } from './uploads.ts';
import { demandRoom } from './usage-limits.ts';
import { containerOf, textsOf, visit, type Visit } from './visits.ts';

export function objects({ bodies }: RegionParts) {
  return implement(contract, {
    async get(request) {
      const here = await visit(request, contract.get, request.params, 'read');
      const container = containerOf(here);
      const query = textsOf(request);
      const object = await here.read((context) => getObject(context, container, request.params.object, query['version-id']));
      return signedAnswer(await downloadAnswer(request, await downloadOf(bodies, here, object, { asManifest: query['multipart-manifest'] === 'get' })), here, request.params.object);
    },

    async head(request) {
      const here = await visit(request, contract.head, request.params, 'read');
      const container = containerOf(here);
      const query = textsOf(request);
      const object = await here.read((context) => getObject(context, container, request.params.object, query['version-id']));
      return signedAnswer(headAnswer(request, await downloadOf(bodies, here, object, { asManifest: query['multipart-manifest'] === 'get' })), here, request.params.object);
    },

    async put(request) {
      const { params, headers, now } = request;
      const copied = headerOf(headers, 'x-copy-from');
      const isManifest = textsOf(request)['multipart-manifest'] === 'put';
      if (copied && !isManifest) return copyFrom(bodies, request, params, copied);
      const here = await visit(request, contract.put, params, 'write');
      containerOf(here);
      checkObjectName(params.object);
      demandAllowed(headers, here);
      if (isManifest) return putManifest(bodies, request, here);
      const expected = lengthOf(headers);
      const onlyNew = mustBeNew(headers);
      const described = describedBy(headers, now);
      if (expected !== undefined && expected > 0) await here.read((context) => demandRoom(context, containerOf(here), expected, here));
      const received = await receive(bodies, request, request.body, expected);
      await keeping(bodies, received, async () => {
        const etag = headerOf(headers, 'etag')?.replaceAll('"', '').toLowerCase();
        if (etag !== undefined && etag !== '' && etag !== received.md5) throw new Fault(422, 'BadDigest', explanationOf(422));
        return here.commit((context) =>
          writeAt(context, here, params, { ...described, kind: kindOf(described.headers), contentType: contentTypeOf(headers, params.object), body: { received }, sizeBytes: received.sizeBytes, etag: received.md5 }, async (container) => {
            if (onlyNew && (await findObject(context, container, params.object))) throw new Fault(412, 'PreconditionFailed', explanationOf(412));
          }),
        );
      });
      return emptyAnswer(201, { 'last-modified': httpDateOf(now), etag: received.md5 });
    },

    async update(request) {
      const { params, headers, now } = request;
      const here = await visit(request, contract.update, params, 'write');
      containerOf(here);
      demandAllowed(headers, here);
      const described = describedBy(headers, now);
      await here.commit(async (context) => {
        const container = await getContainer(context, params.container);
        await takeTurn(context, container, params.object);
        const object = await getObject(context, container, params.object);
        const kind = object.kind === 'plain' || object.kind === 'dlo' ? kindOf(described.headers) : object.kind;
        await updateObject(context, object, { ...described, kind, contentType: headerOf(headers, 'content-type') || object.contentType, writtenAt: now, facts: object.facts });
      });
      return emptyAnswer(202);
    },

    async delete(request) {
      const { params } = request;
      const here = await visit(request, contract.delete, params, 'write');
      containerOf(here);
      const query = textsOf(request);
      if (query['multipart-manifest'] === 'delete') return deleteManifest(bodies, request, here);
      await here.commit(async (context) => {
        const container = await getContainer(context, params.container);
        if (await deleteKeepingOlder(context, here, container, params.object)) return;
        const { object } = await deleteObject(context, container, params.object, query['version-id']);
        if (!object || object.isMarker) throw noSuchObject();
      });
      return emptyAnswer(204);
    },

    async copy(request) {
      return copyTo(bodies, request, request.params);
    },

    async options() {
      return new Answer(undefined, { headers: { allow: 'HEAD, GET, PUT, POST, OPTIONS, DELETE, COPY', 'content-length': '0' } });
    },
  });
}

/** What somebody with a signed address gets says what to call the file, and only what is meant for everybody. */
function signedAnswer<T>(answer: Answer<T>, { signed }: Pick<Visit, 'signed'>, name: string): Answer<T> {
  if (!signed) return answer;
  const { filename, isInline, expires } = signed;
  const named = (disposition: string, file: string) => `${disposition}; filename="${file.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '%0A')}"; filename*=UTF-8''${encodeURIComponent(file)}`;
  const own = answer.headers['content-disposition'];
  const disposition = isInline ? (filename ? named('inline', filename) : 'inline') : filename ? named('attachment', filename) : (own ?? named('attachment', name.replace(/\/+$/, '').split('/').at(-1)!));
  const shown = Object.entries(answer.headers).filter(([header]) => !header.startsWith('x-object-meta-') || header.startsWith('x-object-meta-public-'));
  return new Answer(answer.body, { ...(answer.status === undefined ? {} : { status: answer.status }), headers: { ...Object.fromEntries(shown), ...encoded({ 'content-disposition': disposition }), expires: expires.toUTCString() } });
}

/** A signed address does not let its bearer read what he does not know. */
function demandAllowed(headers: IncomingHeaders, { signed }: Pick<Visit, 'signed'>): void {
  if (!signed) return;
  for (const name of ['X-Object-Manifest', 'X-Symlink-Target']) if (headerOf(headers, name.toLowerCase()) !== undefined) throw badRequest(`The header '${name}' is not allowed in this tempurl`);
}

function mustBeNew(headers: IncomingHeaders): boolean {
  const given = headerOf(headers, 'if-none-match');
  if (given === undefined) return false;
  if (given.trim() !== '*') throw badRequest('If-None-Match only supports *');
  return true;
}
