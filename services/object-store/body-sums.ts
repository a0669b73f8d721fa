/** By what bytes are known again: told while they come, and looked at whenever they are read. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A file, and what is to be in it. `bytes`: those of a small one, which are in its row and in no file. */
export type Body = { readonly file: string; readonly sizeBytes: number; readonly sums: Buffer; readonly bytes?: Buffer | null };
export type Sums = Pick<Body, 'sizeBytes' | 'sums'> & { readonly md5: string; readonly sha256: string };
/** Bytes from the first to the last one, counted from 0. */
export type Span = { readonly first: number; readonly last: number };

/** Bytes are not those that were brought. */
export class Damaged extends Error {
  override name = 'Damaged';
}

/** More than may come. */
export class TooLarge extends Error {
  override name = 'TooLarge';
}

export const pieceBytes = 256 * 1024;
const sumBytes = 4;

export type Tally<Told> = { /** Refuses before too much was added. */ admit(chunk: Uint8Array): void; add(chunk: Uint8Array): void; sums(): Told };

/** In the order in which they come. */
export function tally(limitBytes: number): Tally<Sums> {
  const [md5, sha256] = [createHash('md5'), createHash('sha256')];
  const pieces = tallyOfPieces(limitBytes);
  return {
    admit: pieces.admit,
    add(chunk) {
      md5.update(chunk);
      sha256.update(chunk);
      pieces.add(chunk);
    },
    sums: () => ({ ...pieces.sums(), md5: md5.digest('hex'), sha256: sha256.digest('hex') }),
  };
}

/** The same without the hashes of all, for who has those from elsewhere. */
export function tallyOfPieces(limitBytes: number): Tally<Pick<Body, 'sizeBytes' | 'sums'>> {
  const sums: number[] = [];
  let [sizeBytes, sum, inPiece] = [0, 0, 0];
  return {
    admit(chunk) {
      if (sizeBytes + chunk.length > limitBytes) throw new TooLarge(`More than ${limitBytes} bytes`);
    },
    add(chunk) {
      sizeBytes += chunk.length;
      for (let rest = chunk; rest.length > 0; ) {
        const part = rest.subarray(0, pieceBytes - inPiece);
        sum = crc32(part, sum);
        inPiece += part.length;
        if (inPiece === pieceBytes) {
          sums.push(sum);
          [sum, inPiece] = [0, 0];
        }
        rest = rest.subarray(part.length);
      }
    },
    sums() {
      if (inPiece > 0) sums.push(sum);
      const kept = Buffer.alloc(sums.length * sumBytes);
      sums.forEach((each, index) => kept.writeUInt32BE(each, index * sumBytes));
      return { sizeBytes, sums: kept };
    },
  };
}

export function lengthOfPiece(piece: number, sizeBytes: number): number {
  return Math.min(pieceBytes, sizeBytes - piece * pieceBytes);
}

export function demandUndamaged(bytes: Buffer, piece: number, { file, sums }: Pick<Body, 'file' | 'sums'>): void {
  if (crc32(bytes) !== sums.readUInt32BE(piece * sumBytes)) throw new Damaged(`${file} has other bytes from ${piece * pieceBytes} on than were brought`);
}

export function tooShort({ file, sizeBytes }: Pick<Body, 'file' | 'sizeBytes'>, at: number): Damaged {
  return new Damaged(`${file} ends at byte ${at} of ${sizeBytes}`);
}

/** Of the bytes of a piece those that are within the span. */
export function within(bytes: Buffer, piece: number, { first, last }: Span): Buffer {
  const begin = piece * pieceBytes;
  return bytes.subarray(Math.max(first - begin, 0), Math.min(last - begin + 1, bytes.length));
}

/** All that is read, compared with its hash. */
export async function haveHash(bytes: AsyncIterable<Buffer>, sha256: string): Promise<boolean> {
  const hash = createHash('sha256');
  try {
    for await (const each of bytes) hash.update(each);
  } catch (error) {
    if (error instanceof Damaged) return false;
    throw error;
  }
  return hash.digest('hex') === sha256;
}

/** A name and never a path, whoever made it. */
export function plain(file: string): string {
  if (!/^[0-9a-f]{32}$/.test(file)) throw new Error(`${file} does not name bytes`);
  return file;
}

export function missing(file: string): Damaged {
  return new Damaged(`There is no file ${file}`);
}
