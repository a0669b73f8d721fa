/** Copies of objects, within an account by reference, between accounts by their bytes: swift/common/middleware/copy.py. */
import { limits } from '../../contract/object-store/capabilities.ts';
import { objects as contract } from '../../contract/object-store/objects.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import type { Answer } from '../../kit/http/implement.ts';
import type { ObjectBodies } from './bodies.ts';
import { spansToSend } from './downloads.ts';
import { emptyAnswer } from './empty-answers.ts';
import { headerOf, isTrue } from './header-text.ts';
import { contentOf, getObject, keeping, type Content, type StoredObject } from './objects.ts';
import { writeAt } from './object-writes.ts';
import { decoded, splitPath } from './paths.ts';
import { downloadOf, manifestWish, partNumberIn, shownHeaders } from './reading.ts';
import { follow } from './symlinks.ts';
import { httpDateOf } from './timestamps.ts';
import { checkObjectName, describedBy, receive, tooLarge } from './uploads.ts';
import { containerOf, textsOf, versionIn, visit, type Place, type StoreRequest } from './visits.ts';

type ObjectPlace = Place & { container: string; object: string };

/** `COPY`: from what the path names. */
export async function copyTo(bodies: ObjectBodies, request: StoreRequest, source: ObjectPlace): Promise<Answer<Buffer>> {
  // Before anything is said about what is asked.
  await visit(request, contract.copy, source, 'read');
  const destination = headerOf(request.headers, 'destination');
  if (!destination) throw new Fault(412, 'PreconditionFailed', 'Destination header required');
  const to = pathOf(destination, 'Destination');
  return copy(bodies, request, { source, to: { account: accountOf(request, 'destination-account') ?? source.account, ...to } });
}

/** `PUT` with `X-Copy-From`: to what the path names. */
export async function copyFrom(bodies: ObjectBodies, request: StoreRequest, to: ObjectPlace, from: string): Promise<Answer<Buffer>> {
  const length = headerOf(request.headers, 'content-length');
  if (length !== undefined && length !== '0') throw badRequest('Copy requests require a zero byte body');
  const source = pathOf(from, 'X-Copy-From');
  return copy(bodies, request, { source: { account: accountOf(request, 'x-copy-from-account') ?? to.account, ...source }, to });
}

async function copy(bodies: ObjectBodies, request: StoreRequest, { source, to }: { source: ObjectPlace; to: ObjectPlace }): Promise<Answer<Buffer>> {
  const { headers, now } = request;
  const isManifest = textsOf(request)['multipart-manifest'] === 'get';
  const here = await visit(request, contract.put, to, 'write');
  containerOf(here);
  const named = await visit(request, contract.get, source, 'read');
  const sourceContainer = containerOf(named);
  checkObjectName(to.object);
  // What stands for another object is copied as that, unless the link itself is wished.
  const { here: from, object } = await follow(request, named, await named.read((context) => getObject(context, sourceContainer, source.object, versionIn(textsOf(request)))));
  const described = describedBy(headers, now);
  const isFresh = isTrue(headerOf(headers, 'x-fresh-metadata'));
  const content: Omit<Content, 'body' | 'sizeBytes' | 'etag'> = {
    contentType: headerOf(headers, 'content-type') || object.contentType,
    headers: { ...(isFresh ? {} : withoutManifest(object.headers)), ...described.headers },
    deleteAt: described.deleteAt ?? (isFresh ? null : object.deleteAt),
  };
  const isWhole = headerOf(headers, 'range') === undefined && (object.kind === 'plain' || object.kind === 'parts' || object.kind === 'symlink' || isManifest);
  if (isWhole && from.projectId === here.projectId) {
    const { etag } = await here.commit(async (context) => {
      const again = await getObject(context, { id: object.containerId }, object.name, object.version === 'null' ? undefined : object.version);
      const same = await contentOf(context, again);
      const kept: Record<string, string> = again.kind === 'dlo' && again.headers['x-object-manifest'] !== undefined ? { 'x-object-manifest': again.headers['x-object-manifest'] } : {};
      await writeAt(context, here, to, { ...same, ...content, headers: { ...kept, ...content.headers } });
      return again;
    });
    return copiedAnswer(request, source, object, { etag: object.kind === 'slo' ? `"${etag}"` : etag, isFresh });
  }
  const download = await downloadOf(bodies, from, object, { asManifest: manifestWish(textsOf(request)), partAsked: () => partNumberIn(textsOf(request), headers) });
  if (download.part && !download.part.span) throw new Fault(416, 'InvalidRange', 'The requested part number is not satisfiable');
  const span = spansToSend(request, download)?.[0];
  if ((span ? span.last - span.first + 1 : download.sizeBytes) > limits.max_file_size) throw tooLarge();
  const received = await receive(bodies, request, download.read(span));
  await keeping(bodies, received, () => here.commit((context) => writeAt(context, here, to, { ...content, body: { received }, sizeBytes: received.sizeBytes, etag: received.md5 })));
  return copiedAnswer(request, source, object, { etag: received.md5, isFresh });
}

function withoutManifest(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { 'x-object-manifest': _, ...others } = headers;
  return others;
}

function copiedAnswer({ now, headers }: StoreRequest, { account, container, object: name }: ObjectPlace, source: StoredObject, { etag, isFresh }: { etag: string; isFresh: boolean }): Answer<Buffer> {
  const metadata = Object.fromEntries(Object.entries({ ...(isFresh ? {} : shownHeaders(source)), ...describedBy(headers, now).headers }).filter(([header]) => header.startsWith('x-object-meta-')));
  return emptyAnswer(201, {
    ...metadata,
    etag,
    'last-modified': httpDateOf(now),
    'x-copied-from-account': encodeURIComponent(account),
    'x-copied-from': encodeURI(`${container}/${name}`),
    'x-copied-from-last-modified': httpDateOf(source.writtenAt),
  });
}

function pathOf(header: string, name: string): { container: string; object: string } {
  const path = splitPath(decoded(header));
  if (path.container === '' || path.object === '') throw new Fault(412, 'PreconditionFailed', `${name} header must be of the form <container name>/<object name>`);
  return path;
}

function accountOf({ headers }: StoreRequest, name: string): string | undefined {
  const given = headerOf(headers, name);
  if (given === undefined) return undefined;
  if (given === '' || decoded(given).includes('/')) throw new Fault(412, 'PreconditionFailed', given === '' ? 'Account name cannot be empty' : 'Account name cannot contain slashes');
  return decoded(given);
}

