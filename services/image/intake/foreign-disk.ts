/**
 * What is in disks of other makers' formats: where in the file each piece of the disk is.
 *
 * The same walk judges a file in the jail and reads it when it is converted; whatever a table says is held against
 * the file before it is believed, so that neither time nor memory is without bound (ATTACKS 6).
 */
import { inflateSync } from 'node:zlib';
import { UnsafeImage, type DiskFile } from './disk-file.ts';

/** A piece of the disk that is not zero: where it is there, and in the file. */
export type Piece = { diskOffset: number; bytes: number; fileOffset: number; packed?: { bytes: number } };

export type ForeignDisk = { virtualSizeBytes: number; pieces: Iterable<Piece> };

export type ForeignLimits = { maxVirtualSizeBytes: number };

/** Tables larger than this are of no disk that anybody has. */
export const mostTableBytes = 128 * 2 ** 20;
/** The largest piece of any of these formats: a block of VHDX is up to 256 MiB, and is read in parts. */
const mostPieceBytes = 2 * 2 ** 20;

export function demandSize(bytes: number | bigint, { maxVirtualSizeBytes }: ForeignLimits): number {
  if (bytes <= 0) throw new UnsafeImage('The virtual disk has no size.');
  if (bytes > maxVirtualSizeBytes) throw new UnsafeImage(`The virtual disk of ${bytes} bytes is larger than the ${maxVirtualSizeBytes} bytes that are allowed.`);
  return Number(bytes);
}

/** A table of the file, if it is there in full. */
export function readTable(file: DiskFile, offset: number, bytes: number, what: string): Buffer {
  if (bytes > mostTableBytes) throw new UnsafeImage(`The ${what} is too large.`);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + bytes > file.sizeBytes) throw new UnsafeImage(`The ${what} lies outside of the file.`);
  return file.read(offset, bytes);
}

/** Refuses a piece that is outside of the file, or where another is; yields it in parts of bounded size. */
export class Pieces {
  readonly #file: DiskFile;
  readonly #disk: number;
  readonly #taken = new Set<number>();

  constructor(file: DiskFile, virtualSizeBytes: number) {
    this.#file = file;
    this.#disk = virtualSizeBytes;
  }

  *piece(diskOffset: number, fileOffset: number, bytes: number): Generator<Piece> {
    if (diskOffset >= this.#disk) return;
    const wanted = Math.min(bytes, this.#disk - diskOffset);
    this.#claim(fileOffset);
    // The last of a file may be cut where the disk ends, and nowhere else.
    if (fileOffset + wanted > this.#file.sizeBytes) throw new UnsafeImage('A piece of the disk lies outside of the file.');
    for (let done = 0; done < wanted; done += mostPieceBytes) yield { diskOffset: diskOffset + done, fileOffset: fileOffset + done, bytes: Math.min(mostPieceBytes, wanted - done) };
  }

  *packed(diskOffset: number, fileOffset: number, packedBytes: number, bytes: number): Generator<Piece> {
    if (diskOffset >= this.#disk) return;
    this.#claim(fileOffset);
    if (packedBytes > 2 * bytes + 1024) throw new UnsafeImage('A compressed piece is larger than what is in it.');
    if (fileOffset + packedBytes > this.#file.sizeBytes) throw new UnsafeImage('A piece of the disk lies outside of the file.');
    yield { diskOffset, fileOffset, bytes: Math.min(bytes, this.#disk - diskOffset), packed: { bytes: packedBytes } };
  }

  #claim(fileOffset: number): void {
    if (!Number.isSafeInteger(fileOffset) || fileOffset <= 0) throw new UnsafeImage('A piece of the disk lies outside of the file.');
    if (this.#taken.has(fileOffset)) throw new UnsafeImage('Two pieces of the disk are the same bytes of the file.');
    this.#taken.add(fileOffset);
  }
}

/** The bytes of a piece; what a packed one becomes is bounded by what it is to be. */
export function bytesOf(file: DiskFile, piece: Piece): Buffer {
  if (piece.packed === undefined) return file.read(piece.fileOffset, piece.bytes);
  try {
    return inflateSync(file.read(piece.fileOffset, piece.packed.bytes), { maxOutputLength: Math.max(piece.bytes, 2 ** 16) }).subarray(0, piece.bytes);
  } catch (cause) {
    throw new UnsafeImage('A compressed piece cannot be unpacked.', { cause });
  }
}
