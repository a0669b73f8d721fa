/** What is small stays with its row: a file, or an object in a bucket, would cost more than the row does. */
import type { ObjectBodies, Received } from './bodies.ts';
import { demandUndamaged, haveHash, lengthOfPiece, pieceBytes, tally, TooLarge, tooShort, within, type Body, type Span } from './body-sums.ts';

/** At most so many bytes: rows of which a page holds none would be no smaller a cost. */
export const mostInRow = 8 * 1024;
const mark = 'row:';

/** The same store, which is asked only for what is not small. */
export function keepingSmall(bodies: ObjectBodies): ObjectBodies {
  return {
    async receive(chunks, { id, limitBytes }) {
      const source = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
      const first: Uint8Array[] = [];
      for (let length = 0; length <= mostInRow; ) {
        const { done, value } = await source.next();
        if (done === true) return inRow(id, Buffer.concat(first));
        first.push(value);
        length += value.length;
        if (length > limitBytes) {
          await source.return?.();
          throw new TooLarge(`More than ${limitBytes} bytes`);
        }
      }
      return bodies.receive(joined(first, source), { id, limitBytes });
    },
    keep: (file) => (isInRow(file) ? Promise.resolve() : bodies.keep(file)),
    remove: (file) => (isInRow(file) ? Promise.resolve() : bodies.remove(file)),
    read: (body, span) => (body.bytes ? readRow(body, body.bytes, span) : bodies.read(body, span)),
    incomingBefore: (moment) => bodies.incomingBefore(moment),
    sizeOf: (file) => bodies.sizeOf(file),
    isWhole: (body, sha256) => (body.bytes ? haveHash(readRow(body, body.bytes), sha256) : bodies.isWhole(body, sha256)),
  };
}

function inRow(id: string, bytes: Buffer): Received {
  const sums = tally(bytes.length);
  sums.add(bytes);
  return { file: `${mark}${id}`, bytes, ...sums.sums() };
}

function isInRow(file: string): boolean {
  return file.startsWith(mark);
}

/** What was looked at already, and what follows it. */
async function* joined(first: readonly Uint8Array[], rest: AsyncIterator<Uint8Array> | Iterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isOver = false;
  try {
    yield* first;
    for (;;) {
      const { done, value } = await rest.next();
      if (done === true) {
        isOver = true;
        return;
      }
      yield value;
    }
  } finally {
    if (!isOver) await rest.return?.();
  }
}

async function* readRow(body: Body, bytes: Buffer, span: Span = { first: 0, last: body.sizeBytes - 1 }): AsyncGenerator<Buffer> {
  if (body.sizeBytes === 0 || span.last < span.first) return;
  if (bytes.length < body.sizeBytes) throw tooShort(body, bytes.length);
  const last = Math.floor(span.last / pieceBytes);
  for (let piece = Math.floor(span.first / pieceBytes); piece <= last; piece++) {
    const part = bytes.subarray(piece * pieceBytes, piece * pieceBytes + lengthOfPiece(piece, body.sizeBytes));
    demandUndamaged(part, piece, body);
    yield within(part, piece, span);
  }
}
