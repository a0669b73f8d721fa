/** What users note about accounts, containers and objects: swift/common/constraints.py, check_metadata. */
import { limits } from '../../contract/object-store/capabilities.ts';
import { badRequest } from '../../kit/fault.ts';
import type { HeaderChanges } from './accounts.ts';
import { headersWith, type IncomingHeaders } from './header-text.ts';

type Noun = 'account' | 'container' | 'object';

/** `X-<Noun>-Meta-…` of a request, checked. */
export function metadataOf(headers: IncomingHeaders, noun: Noun): Record<string, string> {
  const prefix = `x-${noun}-meta-`;
  for (const [name, value] of Object.entries(headers))
    if (String(value ?? '').length > limits.max_header_size) throw badRequest(`Header value too long: ${name.slice(0, limits.max_meta_name_length)}`);
  // A gateway interface knows no difference between the two, and so clients read what they wrote with the other.
  const found = headersWith(headers, prefix).map(([name, value]) => [name.replaceAll('_', '-'), value] as const);
  let size = 0;
  for (const [index, [name, value]] of found.entries()) {
    const bytes = Buffer.byteLength(value);
    size += name.length + bytes;
    if (name === '') throw badRequest('Metadata name cannot be empty');
    if (value.includes('\0')) throw badRequest('Metadata must be valid UTF-8');
    if (name.length > limits.max_meta_name_length) throw badRequest(`Metadata name too long: ${prefix}${name}`);
    if (bytes > limits.max_meta_value_length) throw badRequest(`Metadata value longer than ${limits.max_meta_value_length}: ${prefix}${name}`);
    if (index >= limits.max_meta_count) throw badRequest(`Too many metadata items; max ${limits.max_meta_count}`);
    if (size > limits.max_meta_overall_size) throw badRequest(`Total metadata too large; max ${limits.max_meta_overall_size}`);
  }
  return Object.fromEntries(found.map(([name, value]) => [prefix + name, value]));
}

/** For what is merged: an empty value takes one away, and so does `X-Remove-<Noun>-Meta-…`. */
export function metadataChanges(headers: IncomingHeaders, noun: 'account' | 'container'): HeaderChanges {
  const removed = headersWith(headers, `x-remove-${noun}-meta-`).map(([name]) => [`x-${noun}-meta-${name.replaceAll('_', '-')}`, null]);
  const given = Object.entries(metadataOf(headers, noun)).map(([name, value]) => [name, value === '' ? null : value]);
  return Object.fromEntries([...removed, ...given]);
}

/** Whether all that there is after the changes is still as little as may be. */
export function checkTotal(before: Readonly<Record<string, string>>, changes: HeaderChanges, noun: 'account' | 'container'): void {
  const prefix = `x-${noun}-meta-`;
  const after = Object.entries({ ...before, ...changes }).filter(([name, value]) => name.startsWith(prefix) && value !== null);
  if (after.length > limits.max_meta_count) throw badRequest(`Too many metadata items; max ${limits.max_meta_count}`);
  if (after.reduce((sum, [name, value]) => sum + name.length - prefix.length + Buffer.byteLength(value ?? ''), 0) > limits.max_meta_overall_size) throw badRequest(`Total metadata too large; max ${limits.max_meta_overall_size}`);
}
