/** Where the bytes of objects are when they are not in the cloud's own folder, and by which key they are had there. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { BucketPlace } from '../kit/s3/bucket.ts';
import type { Key } from '../kit/s3/signing.ts';
import { layoutOf, type CloudConfig } from './config.ts';

export const placeForm = 's3://<bucket>[/<prefix>]@<endpoint>[?region=<region>]';

/** Undefined: it is no such address. A key in it makes it none, as command lines are read by everybody. */
export function bucketPlaceOf(text: string): BucketPlace | undefined {
  const [, bucket = '', prefix = '', at = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([^@?]*))?@([^@]+)$/.exec(text) ?? [];
  const endpoint = at.includes('://') ? at : `https://${at}`;
  if (at === '' || !URL.canParse(endpoint)) return undefined;
  const { protocol, origin, pathname, searchParams, username } = new URL(endpoint);
  if (!['http:', 'https:'].includes(protocol) || username !== '' || [...searchParams.keys()].some((name) => name !== 'region')) return undefined;
  // Stores that have no regions accept the first one that there was.
  return { endpoint: `${origin}${pathname.replace(/\/$/, '')}`, region: searchParams.get('region') ?? 'us-east-1', bucket, prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/` };
}

/** In the words of a credentials file, or of the environment: `aws_access_key_id = …`. */
export function keyIn(text: string): Key | undefined {
  const valueOf = (name: string) => new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=\\s*(\\S+)\\s*$`, 'im').exec(text)?.[1];
  const [access, secret] = [valueOf('aws_access_key_id'), valueOf('aws_secret_access_key')];
  return access === undefined || secret === undefined ? undefined : { access, secret };
}

export function keepKey(stateDir: string, key: Key): void {
  writeFileSync(layoutOf(stateDir).objectStoreKey, `${JSON.stringify(key)}\n`, { mode: 0o600 });
}

/** What whoever serves is told: all regions of a machine keep their objects at one place. */
export function objectStoreSecretOf({ objectStore, stateDir }: CloudConfig): Record<string, string> {
  return objectStore ? { objectStoreKey: readFileSync(layoutOf(stateDir).objectStoreKey, 'utf8') } : {};
}
