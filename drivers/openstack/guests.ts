/**
 * What a guest learns about itself at the partner: its name and its metadata at any time, its keys and user data when it is made
 * and when its disk is made anew, a config drive only when it is made. What cannot be said is refused before anything is changed.
 */
import { createHash } from 'node:crypto';
import { DriverError, type ServerSpec } from '../driver.ts';
import type { Services } from './partner.ts';

export const TAG = 'intercloud_tag';

/** What can be said at certain moments only, as it was said; long texts by their hashes. Plain JSON. */
export type Told = { hostname: string; keys: string; userData: string; configDrive: boolean };

/** Nova's microversions in which these can be said of a machine that there is. nova/api/openstack/compute/rest_api_version_history.rst */
const since = { hostname: '2.90', keys: '2.54', userData: '2.57' };
const names: Record<keyof Told, string> = { hostname: 'host name', keys: 'keys', userData: 'user data', configDrive: 'config drive' };

export function toldOf({ metadata: { hostname, publicKeys, userData }, configDrive }: ServerSpec): Told {
  return { hostname, keys: hashOf(JSON.stringify(Object.values(publicKeys))), userData: hashOf(userData ?? ''), configDrive };
}

/** What is to be said otherwise than it was; nothing when nobody knows what was said, as of machines made before it was written down. */
export function untold(before: unknown, spec: ServerSpec): (keyof Told)[] {
  const [was, is] = [before as Told | undefined, toldOf(spec)];
  return was === undefined ? [] : (Object.keys(is) as (keyof Told)[]).filter((what) => was[what] !== is[what]);
}

export function demandTellable({ computeAt }: Services, id: string, what: readonly (keyof Told)[], { rebuilds }: { rebuilds: boolean }): void {
  for (const each of what) {
    const least = each === 'configDrive' ? undefined : since[each];
    if (least === undefined || (each !== 'hostname' && !rebuilds)) throw new DriverError('invalid', `What server ${id} has of ${names[each]} cannot be changed at a partner's${least === undefined ? '' : ' unless its disk is made anew'}`);
    if (!computeAt(least)) throw new DriverError('invalid', `The partner's compute service is too old to give server ${id} other ${names[each]}: that takes version ${least}`);
  }
}

/** The metadata that it carries there: the user's, and by what we know it. */
export function metadataOf({ metadata: { meta } }: ServerSpec, tag: string): Record<string, string> {
  return { ...meta, [TAG]: tag };
}

/** What goes with a disk that is made anew; a key by the name that it was brought under. */
export function rebuildOf(services: Services, spec: ServerSpec, { imageRef, tag, what, key }: { imageRef: string; tag: string; what: readonly (keyof Told)[]; key: string | undefined }) {
  const { adminPass, userData } = spec.metadata;
  const [keys, data] = [what.includes('keys'), what.includes('userData')];
  const body = { imageRef, metadata: metadataOf(spec, tag), ...(adminPass === null ? {} : { adminPass }), ...(keys ? { key_name: key ?? null } : {}), ...(data ? { user_data: userData } : {}) };
  const version = data ? since.userData : keys ? since.keys : undefined;
  return { compute: (version === undefined ? undefined : services.computeAt(version)) ?? services.compute, body };
}

/** What can be said at any time. */
export async function tell(services: Services, server: { id: string; name: string; metadata: Record<string, string> }, spec: ServerSpec, { tag, what }: { tag: string; what: readonly (keyof Told)[] }): Promise<void> {
  const params = { server_id: server.id };
  const { name, hostname } = spec.metadata;
  // Newer than our own contract: Nova's body, by Nova's name.
  if (what.includes('hostname')) await services.computeAt(since.hostname)?.servers.update({ params, body: { server: { hostname } as object } });
  if (server.name !== name) await services.compute.servers.update({ params, body: { server: { name } } });
  const metadata = metadataOf(spec, tag);
  if (!isSame(server.metadata, metadata)) await services.compute.serverMetadata.replace({ params, body: { metadata } });
}

function isSame(one: Record<string, string>, other: Record<string, string>): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
