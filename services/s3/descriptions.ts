/** What is said of an object in headers: here `x-amz-meta-…`, in the store and at Swift's door `x-object-meta-…`. */
import { headerOf, type IncomingHeaders } from '../object-store/header-text.ts';
import type { StoredObject } from '../object-store/objects.ts';
import { describedBy } from '../object-store/uploads.ts';
import { headerOf as checksumHeader, type Checksum } from './checksums.ts';
import { notImplemented, refused } from './refusals.ts';
import { lockHeaders } from './retentions.ts';
import { tagsOf } from './tags.ts';

const kept = ['cache-control', 'content-disposition', 'content-language', 'expires'];
const defaultType = 'binary/octet-stream';

export function describedIn(headers: IncomingHeaders, now: Date): { headers: Record<string, string>; contentType: string } {
  const encoding = (headerOf(headers, 'content-encoding') ?? '').split(',').map((each) => each.trim()).filter((each) => each !== '' && each !== 'aws-chunked').join(', ');
  const metadata = Object.entries(headers).flatMap(([name, value]) => (name.startsWith('x-amz-meta-') ? [[`x-object-meta-${name.slice('x-amz-meta-'.length)}`, value]] : []));
  const said = kept.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]]));
  const { headers: found } = describedBy(Object.fromEntries([...metadata, ...said, ...(encoding === '' ? [] : [['content-encoding', encoding]])]) as IncomingHeaders, now);
  return { headers: found, contentType: headerOf(headers, 'content-type') || defaultType };
}

/** What would have to be done differently is refused, and not passed over. */
export function demandKnown(headers: IncomingHeaders): void {
  if (headerOf(headers, 'x-amz-server-side-encryption-customer-algorithm') !== undefined || headerOf(headers, 'x-amz-server-side-encryption') !== undefined) throw notImplemented('Encryption by the object store');
  if (headerOf(headers, 'x-amz-website-redirect-location') !== undefined) throw notImplemented('A redirection of an object');
  const storageClass = headerOf(headers, 'x-amz-storage-class');
  if (storageClass !== undefined && storageClass !== 'STANDARD') throw refused('InvalidRequest', 'The storage class you specified is not valid: there is STANDARD.');
}

export function checksumOf({ facts }: { facts: Readonly<Record<string, unknown>> }): Checksum | undefined {
  return facts['checksum'] as Checksum | undefined;
}

export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  return checksum ? { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type } : {};
}

export function headersFor(object: StoredObject, { isVersioned, withChecksum }: { isVersioned: boolean; withChecksum: boolean }): Record<string, string> {
  const tags = Object.keys(tagsOf(object)).length;
  const shown = Object.entries(object.headers).flatMap(([name, value]) => (name.startsWith('x-object-meta-') ? [[`x-amz-meta-${name.slice('x-object-meta-'.length)}`, value]] : name.startsWith('x-') ? [] : [[name, value]]));
  return {
    ...Object.fromEntries(shown),
    ...lockHeaders(object),
    ...(isVersioned ? { 'x-amz-version-id': object.version } : {}),
    ...(tags === 0 ? {} : { 'x-amz-tagging-count': String(tags) }),
    ...(withChecksum ? checksumHeaders(checksumOf(object)) : {}),
  };
}
