/** Nova's ways of writing true, numbers, times and addresses, read and written at the door. */
import { isIPv4, isIPv6 } from 'node:net';
import { badRequest } from '../../kit/fault.ts';

export function truth(value: boolean | string): boolean {
  return typeof value === 'boolean' ? value : ['true', '1', 'on', 'yes'].includes(value.toLowerCase());
}

/** `2026-05-01T10:00:00Z` */
export function asTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** As Python writes a time without a zone: `2026-05-01T10:00:00.123000` */
export function asPreciseTime(date: Date): string {
  return `${date.toISOString().slice(0, 23)}000`;
}

/** An IPv6 address as RFC 5952 writes it; nothing for nothing. */
export function shortestAddress(address: string): string {
  if (isIPv6(address)) return new URL(`http://[${address}]`).hostname.slice(1, -1);
  if (address !== '') throw badRequest(`Invalid input for field/attribute accessIPv6. Value: ${address}. '${address}' is not a 'ipv6'`);
  return '';
}

/** An IPv4 address, or nothing for nothing. */
export function plainAddress(address: string): string {
  if (address === '' || isIPv4(address)) return address;
  throw badRequest(`Invalid input for field/attribute accessIPv4. Value: ${address}. '${address}' is not a 'ipv4'`);
}

/** The id of a flavor or image, or a link that ends in it. */
export function idIn(reference: string | number): string {
  return String(reference).split('/').at(-1) ?? '';
}

/** ISO 8601, and what has no zone is UTC. JavaScript alone would take much else. */
export function readTime(text: string | undefined, parameter: string): Date | null {
  if (text === undefined) return null;
  const zoned = /[Zz]$|[+-]\d\d:?\d\d$/.test(text) || !text.includes(':') ? text : `${text}Z`;
  const date = new Date(/^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d:?\d\d)?)?$/.test(text) ? zoned.replace(',', '.') : Number.NaN);
  if (Number.isNaN(date.getTime())) throw badRequest(`Invalid input for query parameters ${parameter}. Value: ${text}. '${text}' is not a 'date-time'`);
  return date;
}
