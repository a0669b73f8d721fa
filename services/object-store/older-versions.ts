/** Versions as objects of another container, `X-Versions-Location` and `X-History-Location`: swift/common/middleware/versioned_writes/legacy.py. */
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import type { AccountContext, HeaderChanges } from './accounts.ts';
import { findContainer, type Container } from './containers.ts';
import { headerOf, type IncomingHeaders } from './header-text.ts';
import { contentOf, deleteObject, findObject, listObjects, noSuchObject, writeObject, type StoredObject } from './objects.ts';
import { decoded } from './paths.ts';
import { timestampOf } from './timestamps.ts';
import { refusal, type Visit } from './visits.ts';

const markerType = 'application/x-deleted;swift_versions_deleted=1';

export function versionLocationChanges(headers: IncomingHeaders): HeaderChanges {
  const given = { versions: headerOf(headers, 'x-versions-location'), history: headerOf(headers, 'x-history-location') };
  if (given.versions && given.history) throw badRequest('Only one of X-Versions-Location or X-History-Location may be specified');
  const location = given.versions || given.history;
  if (location) {
    if (decoded(location).includes('/')) throw new Fault(412, 'PreconditionFailed', 'Container name cannot contain slashes');
    return { 'x-versions-location': given.versions ? location : null, 'x-history-location': given.versions ? null : location };
  }
  const isRemoved = given.versions !== undefined || given.history !== undefined || [headerOf(headers, 'x-remove-versions-location'), headerOf(headers, 'x-remove-history-location')].some(Boolean);
  return isRemoved ? { 'x-versions-location': null, 'x-history-location': null } : {};
}

/** Before a name is written anew: what it has goes to the other container. */
export async function keepOlder(context: AccountContext, here: Visit, container: Container, name: string): Promise<void> {
  const location = locationOf(container);
  const current = location === undefined ? undefined : await findObject(context, container, name);
  if (location === undefined || !current) return;
  await writeVersion(context, await versionsContainer(context, here, location), name, current);
}

/** Deletes a name; resolves to whether the other container was asked. */
export async function deleteKeepingOlder(context: AccountContext, here: Visit, container: Container, name: string): Promise<boolean> {
  const location = locationOf(container);
  if (location === undefined) return false;
  const current = await findObject(context, container, name);
  if (container.headers['x-history-location'] !== undefined) {
    const versions = await versionsContainer(context, here, location);
    if (current) await writeVersion(context, versions, name, current);
    await writeObject(context, versions, await freeName(context, versions, name, context.now), { body: undefined, sizeBytes: 0, etag: emptyMd5, contentType: markerType, headers: {} });
    if (!current) throw noSuchObject();
    await deleteObject(context, container, name);
    return true;
  }
  const versions = await findContainer(context, location);
  if (!versions) return false;
  const older = await newestVersions(context, versions, name);
  const [newest, next] = older;
  if (newest === undefined) return false;
  if (!here.admits(versions, 'write')) throw refusal(context.caller);
  if (newest.contentType === markerType) {
    if (!current && next !== undefined && next.contentType !== markerType) await restore(context, { versions, version: next, container, name });
    else if (current) await deleteObject(context, container, name);
    await deleteObject(context, versions, newest.name);
  } else await restore(context, { versions, version: newest, container, name });
  return true;
}

const emptyMd5 = 'd41d8cd98f00b204e9800998ecf8427e';

function locationOf({ headers }: Container): string | undefined {
  const said = headers['x-versions-location'] ?? headers['x-history-location'];
  // It is shown as it was given, which is quoted.
  return said === undefined ? undefined : decoded(said).split('/')[0];
}

async function versionsContainer(context: AccountContext, here: Visit, location: string): Promise<Container> {
  const found = await findContainer(context, location);
  if (!found) throw new Fault(412, 'PreconditionFailed', explanationOf(412));
  if (!here.admits(found, 'write')) throw refusal(context.caller);
  return found;
}

async function writeVersion(context: AccountContext, versions: Container, name: string, object: StoredObject): Promise<void> {
  await writeObject(context, versions, await freeName(context, versions, name, object.writtenAt), await contentOf(context, object));
}

async function restore(context: AccountContext, { versions, version, container, name }: { versions: Container; version: { name: string }; container: Container; name: string }): Promise<void> {
  const object = await findObject(context, versions, version.name);
  if (!object) throw noSuchObject();
  await writeObject(context, container, name, await contentOf(context, object));
  await deleteObject(context, versions, version.name);
}

async function newestVersions(context: AccountContext, versions: Container, name: string): Promise<{ name: string; contentType: string }[]> {
  const listed = await listObjects(context, versions, { prefix: prefixOf(name), reverse: true, limit: 2 });
  return listed.flatMap((each) => (each.subdir === null ? [each] : []));
}

function prefixOf(name: string): string {
  return `${Buffer.byteLength(name).toString(16).padStart(3, '0')}${name}/`;
}

/** Two that were written in the same moment are told apart by the last digits. */
async function freeName(context: AccountContext, versions: Container, name: string, at: Date): Promise<string> {
  for (let step = 0; ; step++) {
    const candidate = `${prefixOf(name)}${timestampOf(at).slice(0, -2)}${String(step).padStart(2, '0')}`;
    if (!(await findObject(context, versions, candidate))) return candidate;
    if (step === 99) throw new Fault(409, 'Conflict', explanationOf(409));
  }
}
