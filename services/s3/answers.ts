/** Replies of this door: documents, nothing, and what every one of them says. */
import { Fault } from '../../kit/fault.ts';
import { Answer } from '../../kit/http/implement.ts';
import { translated } from './refusals.ts';
import { document, type Content } from './xml.ts';

export type Bytes = AsyncIterable<Uint8Array> | Uint8Array;

/** Runs a handler: its reply is numbered, and a refusal is said by Amazon's name for it. */
export async function answering<T>({ requestId }: { requestId: string }, work: () => Promise<Answer<T>>): Promise<Answer<T>> {
  try {
    return withHeaders(await work(), { 'x-amz-request-id': requestId });
  } catch (error) {
    throw translated(error);
  }
}

/** Of HEAD too, whose refusals have no body to say it in. */
export function withHeaders<T>({ body, status, headers, next }: Answer<T>, more: Readonly<Record<string, string>>): Answer<T> {
  return new Answer(body, { ...(status === undefined ? {} : { status }), headers: { ...headers, ...more }, next });
}

export function xmlAnswer(name: string, content: Content, headers: Record<string, string> = {}): Answer<Buffer> {
  return textAnswer(document(name, content), 'application/xml', headers);
}

export function textAnswer(text: string, contentType: string, headers: Record<string, string> = {}): Answer<Buffer> {
  const bytes = Buffer.from(text);
  return new Answer(bytes, { headers: { ...headers, 'content-type': contentType, 'content-length': String(bytes.length) } });
}

export function emptyAnswer(status: number, headers: Record<string, string> = {}): Answer<Buffer> {
  return new Answer(Buffer.alloc(0), { status, headers: status === 204 ? headers : { ...headers, 'content-length': '0' } });
}

export function isFault(error: unknown, code: string): boolean {
  return error instanceof Fault && error.code === code;
}

/** `2026-03-01T12:00:00.000Z` */
export function timeText(time: Date): string {
  return time.toISOString();
}

export function quoted(etag: string): string {
  return `"${etag.replaceAll('"', '')}"`;
}
