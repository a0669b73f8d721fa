/** The door of containers: swift/proxy/controllers/container.py, swift/container/server.py. */
import { limits, storagePolicy } from '../../contract/object-store/capabilities.ts';
import { containers as contract } from '../../contract/object-store/containers.ts';
import { objects as objectsContract } from '../../contract/object-store/objects.ts';
import { badRequest } from '../../kit/fault.ts';
import { Answer, implement, type Request } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { cleanAccessList } from './access-lists.ts';
import type { AccountContext, HeaderChanges, Headers } from './accounts.ts';
import { extractArchive } from './archives.ts';
import { deleteContainer, ensureContainer, getContainer, setVersioning, updateContainer, usageOf, type Container, type ContainerUsage, type NameRange } from './containers.ts';
import { forOrigin, optionsAnswer } from './cross-origin.ts';
import { emptyAnswer } from './empty-answers.ts';
import { isForm } from './form-parts.ts';
import { uploadForm } from './forms.ts';
import { encoded, headerOf, isTrue, type IncomingHeaders } from './header-text.ts';
import { containerLimit, listAnswer, listTypeOf, rangeOf, versionListType, type Item } from './listing-formats.ts';
import { checkTotal, metadataChanges } from './metadata.ts';
import { findVersion, listObjects, listVersions, type ListedObject } from './objects.ts';
import { versionLocationChanges } from './older-versions.ts';
import { containerOrPage, withoutBody } from './static-web.ts';
import { pathOfTarget, type Target } from './symlinks.ts';
import { httpDateOf, listedTimeOf, timestampOf } from './timestamps.ts';
import { checkContainerLimits } from './usage-limits.ts';
import { containerOf, textsOf, visit, type StoreRequest, type Visit } from './visits.ts';

export function containers({ bodies }: RegionParts) {
  return implement(contract, {
    list: (request) => forOrigin(request, request.params, () => containerOrPage(bodies, request, request.params, objectsContract.get, () => list(request))),

    head: (request) => forOrigin(request, request.params, async () => withoutBody(await containerOrPage(bodies, request, request.params, objectsContract.head, () => head(request)))),

    async put(request) {
      const { account, container: name } = request.params;
      const here = await visit(request, contract.put, { account, container: name });
      checkName(name);
      if (textsOf(request)['extract-archive'] !== undefined) return extractArchive(bodies, request, here, name);
      const changes = changesOf(request.headers, here);
      checkPolicy(request.headers);
      const { created } = await here.commit((context) => {
        checkTotal(here.container?.headers ?? {}, changes, 'container');
        return makeContainer(context, name, changes, request.headers);
      });
      return emptyAnswer(created ? 201 : 202);
    },

    async update(request) {
      if (isForm(request.headers)) return uploadForm(bodies, request, { account: request.params.account, container: request.params.container, prefix: '' });
      const here = await visit(request, contract.update, request.params);
      containerOf(here);
      const changes = changesOf(request.headers, here);
      await here.commit(async (context) => {
        const container = await getContainer(context, request.params.container);
        checkTotal(container.headers, changes, 'container');
        await updateContainer(context, container, changes);
        await changeVersioning(context, { ...container, headers: merged(container.headers, changes) }, request.headers);
      });
      return emptyAnswer(204);
    },

    async delete(request) {
      const here = await visit(request, contract.delete, request.params);
      await here.commit((context) => deleteContainer(context, request.params.container));
      return emptyAnswer(204);
    },

    options: (request) => optionsAnswer(request, request.params, 'HEAD, GET, PUT, POST, DELETE, OPTIONS'),
  });

  async function list(request: Request<typeof contract.list>): Promise<Answer<Buffer>> {
    const { account, container: name } = request.params;
    const { versions } = request.query;
    // Versions are told as JSON only, whatever else is wished: swift/common/middleware/versioned_writes/object_versioning.py.
    const type = versions === undefined ? listTypeOf(request.query, request.headers) : versionListType(request.headers);
    const range = rangeOf(request.query, containerLimit);
    const here = await visit(request, contract.list, { account, container: name }, 'read');
    const container = containerOf(here);
    // Together: the way to the database is what costs.
    const [usage, items] = await here.read((context) =>
      Promise.all([usageOf(context, container), versions === undefined ? listObjects(context, container, range).then((listed) => listed.map((each) => itemOf(request, each))) : versionItems(request, context, container, range, request.query.version_marker)]),
    );
    return listAnswer({ of: 'container', name, items }, type, { query: request.query, headers: headersOf(container, usage, here) });
  }

  async function head(request: Request<typeof contract.head>): Promise<Answer<undefined>> {
    const here = await visit(request, contract.head, request.params, 'read');
    const container = containerOf(here);
    const usage = await here.read((context) => usageOf(context, container));
    return new Answer(undefined, { headers: encoded({ ...headersOf(container, usage, here), 'content-type': `${listTypeOf({}, request.headers)}; charset=utf-8` }) });
  }
}

/** What only the account's own people may see and set. */
const ownersOnly = /^x-container-(read|write|meta-temp-url-key(-2)?)$/;

function headersOf({ headers, createdAt, updatedAt, versioning }: Container, usage: ContainerUsage, { isOwner }: Pick<Visit, 'isOwner'>): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries(headers).filter(([name]) => isOwner || !ownersOnly.test(name))),
    ...(versioning === 'off' ? {} : { 'x-versions-enabled': versioning === 'enabled' ? 'True' : 'False' }),
    'x-container-object-count': String(usage.objects),
    'x-container-bytes-used': String(usage.bytes),
    'x-timestamp': timestampOf(createdAt),
    'x-storage-policy': storagePolicy,
    'last-modified': httpDateOf(updatedAt),
    'accept-ranges': 'bytes',
  };
}

async function makeContainer(context: AccountContext, name: string, changes: HeaderChanges, headers: IncomingHeaders): Promise<{ created: boolean }> {
  const { container, created } = await ensureContainer(context, name, changes);
  await changeVersioning(context, container, headers);
  return { created };
}

/** swift/common/middleware/versioned_writes/object_versioning.py, container_request. */
async function changeVersioning(context: AccountContext, container: Container, headers: IncomingHeaders): Promise<void> {
  const wished = headerOf(headers, 'x-versions-enabled');
  if (wished === undefined) return;
  if (!/^(true|1|yes|on|t|y|false|0|no|off|f|n|)$/i.test(wished)) throw badRequest('Invalid X-Versions-Enabled header');
  if (isTrue(wished) && (container.headers['x-versions-location'] ?? container.headers['x-history-location']) !== undefined) throw badRequest('Cannot enable object versioning on a container that is already using the legacy versioned writes feature.');
  if (isTrue(wished)) await setVersioning(context, container, 'enabled');
  else if (container.versioning === 'enabled') await setVersioning(context, container, 'suspended');
}

function merged(headers: Headers, changes: HeaderChanges): Headers {
  return Object.fromEntries(Object.entries({ ...headers, ...changes }).flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

function itemOf(request: StoreRequest, listed: ListedObject): Item {
  if (listed.subdir !== null) return { subdir: listed.subdir };
  const { name, etag, sizeBytes, contentType, writtenAt, kind, facts } = listed;
  const common = { last_modified: listedTimeOf(writtenAt), bytes: sizeBytes, name, content_type: contentType };
  if (kind === 'slo') return { hash: String(facts['manifestMd5']), ...common, slo_etag: `"${etag}"` };
  if (kind !== 'symlink') return { hash: etag, ...common };
  const target = facts['target'] as Target;
  const linked = target.etag === null ? {} : { symlink_etag: target.etag, symlink_bytes: Number(facts['linkedBytes']), ...(facts['linkedEtag'] === undefined ? {} : { slo_etag: `"${String(facts['linkedEtag'])}"` }) };
  return { hash: etag, ...common, symlink_path: pathOfTarget(request, target), ...linked };
}

/** Of each name the newest first; after a version of a name, or after all of them. */
async function versionItems(request: StoreRequest, context: AccountContext, container: Container, { prefix, after, before, reverse, limit }: NameRange, versionMarker: string | undefined): Promise<Item[]> {
  const marker = versionMarker === undefined || after === undefined ? undefined : await findVersion(context, container, after, versionMarker);
  if (versionMarker !== undefined && after === undefined) throw badRequest('version_marker param requires marker');
  const found = await listVersions(context, container, { prefix, name: after, id: marker?.id, before, reverse, limit });
  return found.map((each) => ({ ...itemOf(request, each), ...(each.isMarker ? { hash: 'd41d8cd98f00b204e9800998ecf8427e' } : {}), version_id: each.version, is_latest: each.isLatest }));
}

function changesOf(headers: IncomingHeaders, { isOwner }: Pick<Visit, 'isOwner'>): HeaderChanges {
  checkContainerLimits(headers);
  const changes: Record<string, string | null> = { ...metadataChanges(headers, 'container'), ...versionLocationChanges(headers) };
  for (const name of ['X-Container-Read', 'X-Container-Write'] as const) {
    const [key, removed] = [name.toLowerCase(), headerOf(headers, name.toLowerCase().replace('x-', 'x-remove-'))];
    const given = headerOf(headers, key);
    if (removed !== undefined) changes[key] = null;
    if (given !== undefined) changes[key] = cleanAccessList(name, given) || null;
  }
  return Object.fromEntries(Object.entries(changes).filter(([name]) => isOwner || !ownersOnly.test(name)));
}

function checkName(name: string): void {
  const length = Buffer.byteLength(name);
  if (length > limits.max_container_name_length) throw badRequest(`Container name length of ${length} longer than ${limits.max_container_name_length}`);
  if (name.includes('/')) throw badRequest('Container name cannot contain slashes');
}

/** There is one policy. */
function checkPolicy(headers: IncomingHeaders): void {
  const wanted = headerOf(headers, 'x-storage-policy');
  if (wanted !== undefined && wanted !== '' && wanted.toLowerCase() !== storagePolicy) throw badRequest(`Invalid X-Storage-Policy '${wanted}'`);
}
