/** Bytes on their way out: whole, in part, in several parts, or not at all where the client has them. */
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { Fault } from '../../kit/fault.ts';
import { Answer } from '../../kit/http/implement.ts';
import type { Span } from './bodies.ts';
import { conditionOf, isStillTheSame } from './conditions.ts';
import { encoded, headerOf, type IncomingHeaders } from './header-text.ts';
import { spansOf } from './ranges.ts';
import { httpDateOf, timestampOf } from './timestamps.ts';

/** What can be downloaded, whatever it is made of. */
export type Download = {
  sizeBytes: number;
  contentType: string;
  /** As it is shown, and what else a client may know it by. */
  etag: string;
  otherEtags?: readonly string[];
  modifiedAt: Date;
  headers: Readonly<Record<string, string>>;
  /** The one segment of it that was asked for by its number; no span: it has fewer. */
  part?: { count: number; span: Span | undefined } | undefined;
  /** Several ranges of it are not to be had: all of it is sent. */
  inOneRange?: true;
  read(span?: Span): AsyncGenerator<Buffer>;
};

type Asked = { headers: IncomingHeaders; random: { uuid(): string } };

export async function downloadAnswer({ headers, random }: Asked, download: Download): Promise<Answer<AsyncIterable<Uint8Array> | Buffer>> {
  const { sizeBytes, contentType } = download;
  const common = headersOf(download);
  demandCondition(headers, download, common);
  const spans = spansToSend({ headers }, download);
  demandPart(download, common);
  if (spans === undefined || (sizeBytes === 0 && spans.length > 0)) return new Answer(await bodyOf(download), { headers: { ...common, 'content-type': contentType, 'content-length': String(sizeBytes) } });
  const [only] = spans;
  if (only === undefined) throw new Fault(416, 'InvalidRange', explanationOf(416), { headers: { ...common, 'content-range': `bytes */${sizeBytes}` } });
  if (spans.length === 1)
    return new Answer(await bodyOf(download, only), { status: 206, headers: { ...common, 'content-type': contentType, 'content-range': rangeText(only, sizeBytes), 'content-length': String(lengthOf(only)) } });

  const boundary = random.uuid().replaceAll('-', '');
  const heads = spans.map((span) => Buffer.from(`--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Range: ${rangeText(span, sizeBytes)}\r\n\r\n`));
  const end = `--${boundary}--`;
  const length = spans.reduce((sum, { first, last }, index) => sum + heads[index]!.length + (last - first + 1) + 2, end.length);
  const body = async function* () {
    for (const [index, span] of spans.entries()) {
      yield heads[index]!;
      yield* download.read(span);
      yield Buffer.from('\r\n');
    }
    yield Buffer.from(end);
  };
  return new Answer<AsyncIterable<Uint8Array>>(body(), { status: 206, headers: { ...common, 'content-type': `multipart/byteranges;boundary=${boundary}`, 'content-length': String(length) } });
}

export function headAnswer({ headers }: Pick<Asked, 'headers'>, download: Download): Answer<undefined> {
  const common = headersOf(download);
  demandCondition(headers, download, common);
  demandPart(download, common);
  const { part, sizeBytes } = download;
  // RFC 9110 has HEAD know nothing of ranges, Swift tells it all the same.
  const headersOfAll = { ...common, 'content-type': download.contentType };
  if (part?.span) return new Answer(undefined, { status: 206, headers: { ...headersOfAll, 'content-range': rangeText(part.span, sizeBytes), 'content-length': String(lengthOf(part.span)) } });
  return new Answer(undefined, { headers: { ...headersOfAll, 'content-length': String(sizeBytes) } });
}

/** swift/common/middleware/slo.py, a part-number that no segment has. */
function demandPart({ part, sizeBytes }: Download, common: Record<string, string>): void {
  if (part && !part.span) throw new Fault(416, 'InvalidRange', 'The requested part number is not satisfiable', { headers: { ...common, 'content-range': `bytes */${sizeBytes}` } });
}

/** Undefined: all of it. */
export function spansToSend({ headers }: Pick<Asked, 'headers'>, download: Download): Span[] | undefined {
  if (download.part?.span) return [download.part.span];
  const spans = isStillTheSame(headerOf(headers, 'if-range'), validatorsOf(download)) ? spansOf(headerOf(headers, 'range'), download.sizeBytes) : undefined;
  return download.inOneRange === true && (spans?.length ?? 0) > 1 ? undefined : spans;
}

/** What is small, and the beginning of the rest, is read before the reply begins: should it be damaged, the client is told so. */
async function bodyOf({ read, sizeBytes }: Download, span?: Span): Promise<AsyncIterable<Uint8Array> | Buffer> {
  const length = span ? span.last - span.first + 1 : sizeBytes;
  const pieces = read(span);
  const first = await pieces.next();
  if (first.done === true) return Buffer.alloc(0);
  if (first.value.length < length) return begun(first.value, pieces);
  await pieces.return(undefined);
  return first.value;
}

/** What was read of it already comes first. Not a generator: one that nobody begins to read would not close what it reads. */
function begun(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncIterable<Buffer> {
  let waiting: Buffer | undefined = first;
  const iterator: AsyncIterableIterator<Buffer> = {
    [Symbol.asyncIterator]: () => iterator,
    next() {
      if (waiting === undefined) return rest.next();
      const value = waiting;
      waiting = undefined;
      return Promise.resolve({ done: false, value });
    },
    return: () => rest.return(undefined),
  };
  return iterator;
}

function demandCondition(headers: IncomingHeaders, download: Download, common: Record<string, string>): void {
  switch (conditionOf((name) => headerOf(headers, name), validatorsOf(download))) {
    case 'met':
      return;
    case 'not modified':
      throw new Fault(304, 'NotModified', '', { headers: common });
    case 'failed':
      throw new Fault(412, 'PreconditionFailed', explanationOf(412), { headers: common });
  }
}

function validatorsOf({ etag, otherEtags = [], modifiedAt }: Download) {
  return { etags: [etag.replaceAll(/^"|"$/g, ''), ...otherEtags], modifiedAt };
}

function headersOf({ headers, etag, modifiedAt, part }: Download): Record<string, string> {
  return encoded({ ...headers, ...(part ? { 'x-parts-count': String(part.count) } : {}), etag, 'last-modified': httpDateOf(modifiedAt), 'x-timestamp': timestampOf(modifiedAt), 'accept-ranges': 'bytes' });
}

function lengthOf({ first, last }: Span): number {
  return last - first + 1;
}

function rangeText({ first, last }: Span, sizeBytes: number): string {
  return `bytes ${first}-${last}/${sizeBytes}`;
}
