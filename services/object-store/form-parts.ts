/** The parts of a form that a page sends, one after another as they come: RFC 7578. */
import { badRequest, Fault } from '../../kit/fault.ts';
import { ByteReader } from './byte-reader.ts';
import { headerOf, type IncomingHeaders } from './header-text.ts';

const mostHeadBytes = 16 * 1024;

export function isForm(headers: IncomingHeaders): boolean {
  return boundaryOf(headers) !== undefined;
}

export type Part = { name: string | undefined; filename: string | undefined; contentType: string | undefined; read(): AsyncGenerator<Buffer> };

/** The bytes of a part that nobody reads are passed over; whoever reads the last one that he wants may do so when this is over. */
export async function* partsOf(body: AsyncIterable<Uint8Array>, headers: IncomingHeaders): AsyncGenerator<Part> {
  const reader = new ByteReader(body);
  const boundary = boundaryOf(headers) ?? '';
  const first = await reader.take(boundary.length + 4);
  if (first.toString('latin1') !== `--${boundary}\r\n`) throw badRequest('FormPost: invalid starting boundary');
  const mark = Buffer.from(`\r\n--${boundary}`, 'latin1');
  for (;;) {
    const head = (await firstOf(ended(reader.upTo(Buffer.from('\r\n\r\n'))), mostHeadBytes)).toString('utf8');
    const headers = new Map(head.split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).trim().toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
    const disposition = headers.get('content-disposition') ?? '';
    const attribute = (name: string) => new RegExp(`[;\\s]${name}="([^"]*)"`, 'i').exec(disposition)?.[1];
    let isRead = false;
    yield {
      name: attribute('name'),
      filename: attribute('filename'),
      contentType: headers.get('content-type'),
      read() {
        isRead = true;
        return ended(reader.upTo(mark));
      },
    };
    if (!isRead) for await (const _ of ended(reader.upTo(mark)));
    if ((await reader.take(2)).toString('latin1') !== '\r\n') return;
  }
}

/** A form that breaks off is the client's mistake. */
async function* ended(pieces: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* pieces;
  } catch (cause) {
    throw new Fault(400, 'badRequest', 'FormPost: the form ended too early', { cause });
  }
}

/** The beginning of it, of all that comes. */
export async function firstOf(pieces: AsyncIterable<Buffer>, most: number): Promise<Buffer> {
  const read: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces) {
    if (size < most) read.push(piece.subarray(0, most - size));
    size += piece.length;
  }
  return Buffer.concat(read);
}

function boundaryOf(headers: IncomingHeaders): string | undefined {
  const type = headerOf(headers, 'content-type') ?? '';
  const [, quoted, plain] = /^multipart\/form-data\s*;.*?boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(type) ?? [];
  return quoted ?? plain;
}
