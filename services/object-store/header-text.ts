/** Headers are bytes that Node reads as Latin-1; what users write in them is UTF-8. */
import { badRequest } from '../../kit/fault.ts';

export type IncomingHeaders = Readonly<Record<string, string | string[] | undefined>>;

export function headerOf(headers: IncomingHeaders, name: string): string | undefined {
  const value = headers[name];
  const text = Array.isArray(value) ? value.join(', ') : value;
  return text === undefined || isPlain(text) ? text : decoded(text);
}

/** All that begin so, by the rest of their names. */
export function headersWith(headers: IncomingHeaders, prefix: string): [name: string, value: string][] {
  return Object.keys(headers)
    .filter((name) => name.startsWith(prefix))
    .map((name) => [name.slice(prefix.length), headerOf(headers, name) ?? '']);
}

/** For a reply. */
export function encoded(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, isPlain(value) ? value : Buffer.from(value, 'utf8').toString('latin1')]));
}

export function isTrue(value: string | undefined): boolean {
  return ['true', '1', 'yes', 'on', 't', 'y'].includes((value ?? '').toLowerCase());
}

function decoded(text: string): string {
  const found = Buffer.from(text, 'latin1').toString('utf8');
  if (found.includes('\ufffd')) throw badRequest('Metadata must be valid UTF-8');
  return found;
}

function isPlain(text: string): boolean {
  return !/[\u0080-\uffff]/.test(text);
}
