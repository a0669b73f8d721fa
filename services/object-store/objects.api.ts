/** The door of objects: swift/proxy/controllers/obj.py, swift/obj/server.py, and what stands before them there. */
import { objects as contract } from '../../contract/object-store/objects.ts';
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import { implement, type Answer, type Request } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import type { AccountContext } from './accounts.ts';
import { extractArchive } from './archives.ts';
import { deleteMany, pathsToDelete } from './bulk-deletes.ts';
import { getContainer, type Container } from './containers.ts';
import { copyFrom, copyTo } from './copies.ts';
import { forOrigin, optionsAnswer } from './cross-origin.ts';
import { emptyAnswer } from './empty-answers.ts';
import { isForm } from './form-parts.ts';
import { uploadForm } from './forms.ts';
import { headerOf, type IncomingHeaders } from './header-text.ts';
import { deleteManifest, putManifest } from './large-objects.ts';
import { deleteObject, findObject, getObject, keeping, leaveNameEmpty, makeCurrent, noSuchObject, nullVersion, takeTurn, updateObject, type Content, type StoredObject } from './objects.ts';
import { deleteKeepingOlder } from './older-versions.ts';
import { writeAt } from './object-writes.ts';
import { objectOrPage, withoutBody } from './static-web.ts';
import { demandTarget, linkHeaders, pathOfTarget, targetOf, wishedTarget, type Target } from './symlinks.ts';
import { httpDateOf } from './timestamps.ts';
import { checkObjectName, contentTypeOf, describedBy, kindOf, lengthOf, mustBeNew, receive } from './uploads.ts';
import { demandRoom } from './usage-limits.ts';
import { containerOf, demandOwner, textsOf, versionIn, visit, type Visit } from './visits.ts';

export function objects({ bodies }: RegionParts) {
  return implement(contract, {
    get: (request) => forOrigin(request, request.params, () => objectOrPage(bodies, request, contract.get)),
    head: (request) => forOrigin(request, request.params, async () => withoutBody(await objectOrPage(bodies, request, contract.head))),

    put: (request) => forOrigin(request, request.params, () => put(request)),
    update: (request) => forOrigin(request, request.params, () => update(request)),
    delete: (request) => forOrigin(request, request.params, () => remove(request)),
    copy: (request) => forOrigin(request, request.params, () => copyTo(bodies, request, request.params)),
    options: (request) => optionsAnswer(request, request.params, 'HEAD, GET, PUT, POST, OPTIONS, DELETE, COPY'),
  });

  async function put(request: Request<typeof contract.put>): Promise<Answer<Uint8Array | AsyncIterable<Uint8Array>>> {
    const { params, headers, now } = request;
    const copied = headerOf(headers, 'x-copy-from');
    const isManifest = textsOf(request)['multipart-manifest'] === 'put';
    if (copied && !isManifest) return copyFrom(bodies, request, params, copied);
    const here = await visit(request, contract.put, params, 'write');
    containerOf(here);
    checkObjectName(params.object);
    demandAllowed(headers, here);
    if (isManifest) return putManifest(bodies, request, here);
    if (textsOf(request)['extract-archive'] !== undefined) return extractArchive(bodies, request, here, `${params.container}/${params.object}`);
    const restored = versionIn(textsOf(request));
    if (restored !== undefined) {
      demandOwner(request, here);
      if (restored === nullVersion) throw badRequest('Invalid version parameter');
      return restore(request, here, restored);
    }
    const target = wishedTarget(headers, params);
    const linked = target && (await demandTarget(request, target));
    const expected = lengthOf(headers);
    const onlyNew = mustBeNew(headers);
    const described = describedBy(headers, now);
    if (expected !== undefined && expected > 0) await here.read((context) => demandRoom(context, containerOf(here), expected, here));
    const received = await receive(bodies, request, request.body, expected);
    if (target !== undefined && received.sizeBytes > 0) {
      await bodies.remove(received.file);
      throw badRequest('Symlink requests require a zero byte body');
    }
    const { version } = await keeping(bodies, received, async () => {
      const etag = headerOf(headers, 'etag')?.replaceAll('"', '').toLowerCase();
      if (etag !== undefined && etag !== '' && etag !== received.md5) throw new Fault(422, 'BadDigest', explanationOf(422));
      return here.commit((context) =>
        writeAt(context, here, params, { ...described, ...kindAnd(target, linked, described.headers), contentType: contentTypeOf(headers, params.object), body: { received }, sizeBytes: received.sizeBytes, etag: received.md5 }, async (container) => {
          if (onlyNew && (await findObject(context, container, params.object))) throw new Fault(412, 'PreconditionFailed', explanationOf(412));
        }),
      );
    });
    return emptyAnswer(201, { 'last-modified': httpDateOf(now), etag: received.md5, ...versionHeader(here, version) });
  }

  async function update(request: Request<typeof contract.update>): Promise<Answer<Buffer>> {
    const { params, headers, now } = request;
    if (isForm(headers)) return uploadForm(bodies, request, { account: params.account, container: params.container, prefix: params.object });
    const here = await visit(request, contract.update, params, 'write');
    containerOf(here);
    demandAllowed(headers, here);
    const described = describedBy(headers, now);
    if (headerOf(headers, 'x-symlink-target') !== undefined) throw badRequest('A PUT request is required to set a symlink target');
    const link = await here.commit(async (context) => {
      const container = await getContainer(context, params.container);
      await takeTurn(context, container, params.object);
      const object = await getObject(context, container, params.object);
      const kind = object.kind === 'plain' || object.kind === 'dlo' ? kindOf(described.headers) : object.kind;
      await updateObject(context, object, { ...described, kind, contentType: headerOf(headers, 'content-type') || object.contentType, writtenAt: now, facts: object.facts });
      return object.kind === 'symlink' ? object : undefined;
    });
    if (link) {
      // The link has it now, and what it stands for has not: swift/common/middleware/symlink.py.
      throw new Fault(307, 'TemporaryRedirect', 'The requested POST was applied to a symlink. POST directly to the target to apply requested metadata.', { headers: { ...linkHeaders(link), location: pathOfTarget(request, targetOf(link)) } });
    }
    return emptyAnswer(202);
  }

  async function remove(request: Request<typeof contract.delete>): Promise<Answer<Buffer>> {
    const { params } = request;
    const query = textsOf(request);
    // Whatever the path names: swift/common/middleware/bulk.py.
    if (query['bulk-delete'] !== undefined) return deleteMany(request, await visit(request, contract.delete, { account: params.account }), await pathsToDelete(request.body));
    const here = await visit(request, contract.delete, params, 'write');
    containerOf(here);
    if (query['multipart-manifest'] === 'delete') return deleteManifest(bodies, request, here);
    const version = versionIn(query);
    if (version !== undefined) demandOwner(request, here);
    const expiring = expiryDemanded(request.headers);
    const deleted = await here.commit(async (context) => {
      const container = await getContainer(context, params.container);
      if (expiring !== undefined) await demandExpiry(context, container, params.object, expiring);
      if (version === undefined && (await deleteKeepingOlder(context, here, container, params.object))) return undefined;
      if (version === nullVersion && (await leaveNameEmpty(context, container, params.object))) return undefined;
      const { object, marker } = await deleteObject(context, container, params.object, version, { isReplaced: false });
      const isFound = object !== undefined && (!object.isMarker || version !== undefined);
      // Where versions are kept, what is not there is deleted all the same.
      if (!isFound && (container.versioning !== 'enabled' || version !== undefined)) throw noSuchObject();
      return { isFound, version: marker ?? object?.version ?? nullVersion };
    });
    if (deleted && !deleted.isFound) throw new Fault(404, 'NoSuchObject', explanationOf(404), { headers: versionHeader(here, deleted.version) });
    if (version !== undefined) return emptyAnswer(204, { 'x-object-version-id': version });
    return emptyAnswer(204, deleted === undefined ? {} : versionHeader(here, deleted.version));
  }
}

/** A signed address does not let its bearer read what he does not know. */
function demandAllowed(headers: IncomingHeaders, { signed }: Pick<Visit, 'signed'>): void {
  if (!signed) return;
  for (const name of ['X-Object-Manifest', 'X-Symlink-Target']) if (headerOf(headers, name.toLowerCase()) !== undefined) throw badRequest(`The header '${name}' is not allowed in this tempurl`);
}

function versionHeader({ container }: Pick<Visit, 'container'>, version: string): Record<string, string> {
  return container === undefined || container.versioning === 'off' || version === nullVersion ? {} : { 'x-object-version-id': version };
}

function kindAnd(target: Target | undefined, linked: StoredObject | undefined, headers: Readonly<Record<string, string>>): Pick<Content, 'kind' | 'facts'> {
  return target === undefined ? { kind: kindOf(headers) } : { kind: 'symlink', facts: { target, ...(linked ? { linkedBytes: linked.sizeBytes } : {}), ...(linked?.kind === 'slo' ? { linkedEtag: linked.etag } : {}) } };
}

/** An older version is the newest again. */
async function restore(request: Request<typeof contract.put>, here: Visit, version: string): Promise<Answer<Buffer>> {
  if (headerOf(request.headers, 'content-length') !== '0') throw badRequest('PUT version-id requests require a zero byte body');
  const object = await here.commit(async (context) => makeCurrent(context, await getContainer(context, request.params.container), request.params.object, version));
  return emptyAnswer(201, { 'last-modified': httpDateOf(object.writtenAt), etag: object.etag, 'x-object-version-id': version });
}

/** To delete it only if it is to be gone at this moment: swift/obj/server.py, DELETE. */
function expiryDemanded(headers: IncomingHeaders): number | undefined {
  const given = headerOf(headers, 'x-if-delete-at');
  if (given === undefined) return undefined;
  if (!/^\s*[+-]?\d+\s*$/.test(given)) throw badRequest('Bad X-If-Delete-At header value');
  return Number(given);
}

async function demandExpiry(context: AccountContext, container: Pick<Container, 'id'>, name: string, seconds: number): Promise<void> {
  await takeTurn(context, container, name);
  const object = await findObject(context, container, name);
  if (!object) throw new Fault(409, 'Conflict', explanationOf(409));
  if (object.deleteAt?.getTime() !== seconds * 1000) throw new Fault(412, 'PreconditionFailed', explanationOf(412));
}
