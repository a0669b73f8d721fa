/** Lists as they are written: swift/common/middleware/listing_formats.py. */
import { Fault } from '../../kit/fault.ts';
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { limits } from '../../contract/object-store/capabilities.ts';
import { Answer } from '../../kit/http/implement.ts';
import { encoded, headerOf, isTrue, type IncomingHeaders } from './header-text.ts';
import type { NameRange } from './names.store.ts';

/** An item as it is shown; in this order where XML has elements for its fields. */
export type Item = Readonly<Record<string, string | number | boolean>>;

const types = ['text/plain', 'application/json', 'application/xml', 'text/xml'] as const;
type ListType = (typeof types)[number];
const byFormat: Readonly<Record<string, ListType>> = { plain: 'text/plain', json: 'application/json', xml: 'application/xml' };

type Query = Readonly<Record<string, string | undefined>>;

/** What is wished: by `format`, else by `Accept`. */
export function listTypeOf(query: Query, headers: IncomingHeaders): ListType {
  const { format } = query;
  if (format !== undefined && format !== '') return byFormat[format.toLowerCase()] ?? 'text/plain';
  const accept = headerOf(headers, 'accept');
  const found = accept === undefined || accept.trim() === '' ? types[0] : bestOf(accept);
  if (found === undefined) throw new Fault(406, 'NotAcceptable', explanationOf(406));
  return found;
}

export function versionListType(headers: IncomingHeaders): ListType {
  const accept = headerOf(headers, 'accept');
  if (accept !== undefined && accept.trim() !== '' && bestOf(accept, ['application/json']) === undefined) throw new Fault(406, 'NotAcceptable', explanationOf(406));
  return 'application/json';
}

export function rangeOf({ limit, marker, end_marker, prefix, delimiter, path, reverse }: Query, most: number): NameRange {
  const wanted = limit === undefined || limit === '' ? most : /^[0-9]{1,9}$/.test(limit) ? Number(limit) : most;
  if (wanted > most) throw new Fault(412, 'PreconditionFailed', `Maximum limit is ${most}`);
  const common = { after: marker, before: end_marker, reverse: isTrue(reverse), limit: wanted };
  if (path === undefined) return { ...common, prefix, delimiter };
  return { ...common, prefix: path === '' ? '' : `${path.replace(/\/+$/, '')}/`, delimiter: '/', flat: true };
}

export const accountLimit = limits.account_listing_limit;
export const containerLimit = limits.container_listing_limit;

export type Listing = { of: 'account' | 'container'; name: string; items: readonly Item[] };

export function listAnswer(listing: Listing, type: ListType, { query, headers }: { query: Query; headers: Record<string, string> }): Answer<Buffer> {
  const body = Buffer.from(type === 'application/json' ? JSON.stringify(listing.items) : type === 'text/plain' ? textOf(listing.items) : xmlOf(listing));
  return new Answer(body, {
    status: body.length === 0 ? 204 : 200,
    headers: encoded({ ...headers, ...(query['format'] === undefined ? { vary: 'Accept' } : {}), 'content-type': `${type}; charset=utf-8`, ...(body.length === 0 ? {} : { 'content-length': String(body.length) }) }),
  });
}

function textOf(items: readonly Item[]): string {
  return items.map((item) => `${item['name'] ?? item['subdir'] ?? ''}\n`).join('');
}

const fields = { account: ['name', 'count', 'bytes', 'last_modified', 'storage_policy'], container: ['name', 'hash', 'bytes', 'content_type', 'last_modified'] };

function xmlOf({ of, name, items }: Listing): string {
  const each = items.map((item) => {
    const { subdir } = item;
    if (subdir !== undefined) return of === 'account' ? `<subdir name=${quoted(subdir)} />` : `<subdir name=${quoted(subdir)}><name>${escaped(subdir)}</name></subdir>`;
    const tag = of === 'account' ? 'container' : 'object';
    return `<${tag}>${fields[of].map((field) => `<${field}>${escaped(item[field] ?? '')}</${field}>`).join('')}</${tag}>`;
  });
  const inside = of === 'account' ? `\n${each.map((one) => `${one}\n`).join('')}` : each.join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${of} name=${quoted(name)}>${inside}</${of}>`;
}

function quoted(value: unknown): string {
  return `"${escaped(value).replaceAll('"', '&quot;')}"`;
}

function escaped(value: unknown): string {
  return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** RFC 9110, 12.5.1: of the types that are most wanted the first one of ours. */
function bestOf(accept: string, ours: readonly ListType[] = types): ListType | undefined {
  const ranges = accept.split(',').map((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return { name, quality: Number(parameters.find((part) => part.startsWith('q='))?.slice(2) ?? 1) };
  });
  const qualityOf = (type: ListType) => [type, `${type.split('/')[0]}/*`, '*/*'].flatMap((name) => ranges.find((range) => range.name === name)?.quality ?? [])[0] ?? 0;
  return ours.filter((type) => qualityOf(type) > 0).toSorted((one, other) => qualityOf(other) - qualityOf(one))[0];
}
