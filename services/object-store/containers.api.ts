/** The door of containers: swift/proxy/controllers/container.py, swift/container/server.py. */
import { limits, storagePolicy } from '../../contract/object-store/capabilities.ts';
import { containers as contract } from '../../contract/object-store/containers.ts';
import { badRequest } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { cleanAccessList } from './access-lists.ts';
import type { HeaderChanges } from './accounts.ts';
import { deleteContainer, ensureContainer, getContainer, updateContainer, usageOf, type Container, type ContainerUsage } from './containers.ts';
import { emptyAnswer } from './empty-answers.ts';
import { encoded, headerOf, type IncomingHeaders } from './header-text.ts';
import { containerLimit, listAnswer, listTypeOf, rangeOf, type Item } from './listing-formats.ts';
import { checkTotal, metadataChanges } from './metadata.ts';
import { listObjects, type ListedObject } from './objects.ts';
import { versionLocationChanges } from './older-versions.ts';
import { httpDateOf, listedTimeOf, timestampOf } from './timestamps.ts';
import { checkContainerLimits } from './usage-limits.ts';
import { containerOf, visit, type Visit } from './visits.ts';

export function containers(_parts: RegionParts) {
  return implement(contract, {
    async list(request) {
      const { account, container: name } = request.params;
      const type = listTypeOf(request.query, request.headers);
      const range = rangeOf(request.query, containerLimit);
      const here = await visit(request, contract.list, { account, container: name }, 'read');
      const container = containerOf(here);
      const { usage, found } = await here.read(async (context) => ({ usage: await usageOf(context, container), found: await listObjects(context, container, range) }));
      return listAnswer({ of: 'container', name, items: found.map(itemOf) }, type, { query: request.query, headers: headersOf(container, usage, here) });
    },

    async head(request) {
      const here = await visit(request, contract.head, request.params, 'read');
      const container = containerOf(here);
      const usage = await here.read((context) => usageOf(context, container));
      return new Answer(undefined, { headers: encoded({ ...headersOf(container, usage, here), 'content-type': `${listTypeOf({}, request.headers)}; charset=utf-8` }) });
    },

    async put(request) {
      const { account, container: name } = request.params;
      const here = await visit(request, contract.put, { account, container: name });
      checkName(name);
      const changes = changesOf(request.headers, here);
      checkPolicy(request.headers);
      const { created } = await here.commit((context) => {
        checkTotal(here.container?.headers ?? {}, changes, 'container');
        return ensureContainer(context, name, changes);
      });
      return emptyAnswer(created ? 201 : 202);
    },

    async update(request) {
      const here = await visit(request, contract.update, request.params);
      containerOf(here);
      const changes = changesOf(request.headers, here);
      await here.commit(async (context) => {
        const container = await getContainer(context, request.params.container);
        checkTotal(container.headers, changes, 'container');
        await updateContainer(context, container, changes);
      });
      return emptyAnswer(204);
    },

    async delete(request) {
      const here = await visit(request, contract.delete, request.params);
      await here.commit((context) => deleteContainer(context, request.params.container));
      return emptyAnswer(204);
    },

    async options() {
      return new Answer(undefined, { headers: { allow: 'HEAD, GET, PUT, POST, DELETE, OPTIONS', 'content-length': '0' } });
    },
  });
}

/** What only the account's own people may see and set. */
const ownersOnly = /^x-container-(read|write|meta-temp-url-key(-2)?)$/;

function headersOf({ headers, createdAt, updatedAt }: Container, usage: ContainerUsage, { isOwner }: Pick<Visit, 'isOwner'>): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries(headers).filter(([name]) => isOwner || !ownersOnly.test(name))),
    'x-container-object-count': String(usage.objects),
    'x-container-bytes-used': String(usage.bytes),
    'x-timestamp': timestampOf(createdAt),
    'x-storage-policy': storagePolicy,
    'last-modified': httpDateOf(updatedAt),
    'accept-ranges': 'bytes',
  };
}

function itemOf(listed: ListedObject): Item {
  if (listed.subdir !== null) return { subdir: listed.subdir };
  const { name, etag, sizeBytes, contentType, writtenAt, kind, facts } = listed;
  if (kind === 'slo') return { hash: String(facts['manifestMd5']), last_modified: listedTimeOf(writtenAt), bytes: sizeBytes, name, content_type: contentType, slo_etag: `"${etag}"` };
  return { hash: etag, last_modified: listedTimeOf(writtenAt), bytes: sizeBytes, name, content_type: contentType };
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
