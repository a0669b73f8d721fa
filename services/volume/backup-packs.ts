/**
 * The bytes of backups, in files of their own: each holds the pieces of a disk that its ancestors' files do not hold.
 *
 * A pack begins with whose it is, so that two are never the same file; then come the pieces, compressed; then the list of all
 * pieces of the disk, with the pack in which each one is, and where the list begins. A pack can be read without any database.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { readDisk, writeQcow2, type Chunk, type DiskFormat } from '../../kit/qcow2.ts';
import type { ImageBlobs } from '../image/blobs.ts';

const compress = promisify<Buffer, Buffer>(zstdCompress);
const decompress = promisify<Buffer, { maxOutputLength: number }, Buffer>(zstdDecompress);

const pieceBytes = 2 ** 20;
/** A list of all pieces of the largest disk that there can be. */
const mostListBytes = 2 ** 30;
const trailerBytes = 8;

/** A piece of the disk that is not all zeros. `pack`: the file that has it; null: the one that this list is in. */
type Piece = { offset: number; sha256: string; pack: string | null; at: number; length: number };

export type Pack = {
  /** Its name in the store. */
  sha256: string;
  /** How many pieces it holds itself. */
  pieces: number;
  /** All packs that reading the disk needs, this one too. */
  packs: string[];
};

/** Writes the pack of a disk to the incoming folder; pieces that the parent's list has are not written again. Twice makes the same. */
export async function writePack(store: ImageBlobs, { upload, owner, disk, format, parent }: { upload: string; owner: string; disk: string; /** raw: the pieces are of the file itself, whatever it is. */ format: DiskFormat; parent: string | null }): Promise<Pack> {
  const path = store.incomingPath(upload);
  await rm(path, { force: true });
  const known = new Map((parent === null ? [] : await readList(store, parent)).map((piece) => [`${piece.offset} ${piece.sha256}`, piece]));
  const list: Piece[] = [];
  {
    await using file = await open(path, 'wx', 0o644);
    let at = await append(file, 0, Buffer.from(`intercloud backup ${owner}\n`));
    for await (const { offset, bytes } of piecesOf(disk, format)) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const found = known.get(`${offset} ${sha256}`);
      if (found) {
        list.push(found);
        continue;
      }
      const packed = await compress(bytes);
      list.push({ offset, sha256, pack: null, at, length: packed.length });
      at = await append(file, at, packed);
    }
    const packedList = await compress(Buffer.from(JSON.stringify(list)));
    const trailer = Buffer.alloc(trailerBytes);
    trailer.writeBigUInt64BE(BigInt(at));
    await append(file, await append(file, at, packedList), trailer);
    await file.sync();
  }
  const sha256 = await hashOf(path);
  return { sha256, pieces: list.filter(({ pack }) => pack === null).length, packs: [...new Set([sha256, ...list.flatMap(({ pack }) => pack ?? [])])] };
}

/** Which packs reading this one needs. Throws when one of them is not there. */
export async function packsOf(store: ImageBlobs, pack: string): Promise<string[]> {
  const packs = [...new Set([pack, ...(await readList(store, pack)).map((piece) => piece.pack ?? pack)])];
  for (const each of packs) await store.path(each);
  return packs;
}

/** Writes the disk that a pack describes to a qcow2 file of this size, or, raw, the file that it was made of. */
export async function unpack(store: ImageBlobs, { pack, to, format, sizeBytes }: { pack: string; to: string; format: DiskFormat; sizeBytes: number }): Promise<void> {
  const list = await readList(store, pack);
  const files = new Map<string, FileHandle>();
  try {
    for (const name of new Set(list.map((piece) => piece.pack ?? pack))) files.set(name, await open(await store.path(name), 'r'));
    const chunks = chunksOf(list, (piece) => files.get(piece.pack ?? pack)!);
    if (format === 'raw') await writeFile(to, chunks);
    else await writeQcow2(to, sizeBytes, chunks);
  } finally {
    for (const file of files.values()) await file.close();
  }
}

/** What lies between the chunks is a hole. */
async function writeFile(to: string, chunks: AsyncIterable<Chunk>): Promise<void> {
  await using file = await open(to, 'w', 0o644);
  for await (const { offset, bytes } of chunks) await append(file, offset, bytes);
  await file.sync();
}

async function* chunksOf(list: readonly Piece[], fileOf: (piece: Piece) => FileHandle): AsyncGenerator<Chunk> {
  for (const piece of list) {
    const bytes = await decompress(await readAt(fileOf(piece), piece.at, piece.length), { maxOutputLength: pieceBytes });
    if (createHash('sha256').update(bytes).digest('hex') !== piece.sha256) throw new Error(`The backup's bytes at ${piece.offset} are not what they were`);
    yield { offset: piece.offset, bytes };
  }
}

async function readList(store: ImageBlobs, pack: string): Promise<Piece[]> {
  await using file = await open(await store.path(pack), 'r');
  const { size } = await file.stat();
  const begin = Number((await readAt(file, size - trailerBytes, trailerBytes)).readBigUInt64BE());
  const list = JSON.parse((await decompress(await readAt(file, begin, size - trailerBytes - begin), { maxOutputLength: mostListBytes })).toString()) as Piece[];
  return list.map((piece) => ({ ...piece, pack: piece.pack ?? pack }));
}

/** The disk in pieces that begin at multiples of their size; what is all zeros is left out. */
async function* piecesOf(disk: string, format: DiskFormat): AsyncGenerator<Chunk> {
  let current: Chunk | undefined;
  for await (const { offset, bytes } of readDisk(disk, format)) {
    for (let done = 0; done < bytes.length; ) {
      const at = offset + done;
      const begin = at - (at % pieceBytes);
      if (current !== undefined && current.offset !== begin) yield current;
      if (current === undefined || current.offset !== begin) current = { offset: begin, bytes: Buffer.alloc(pieceBytes) };
      const part = bytes.subarray(done, done + begin + pieceBytes - at);
      part.copy(current.bytes, at - begin);
      done += part.length;
    }
  }
  if (current !== undefined) yield current;
}

async function append(file: FileHandle, at: number, bytes: Buffer): Promise<number> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  return at + bytes.length;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) throw new Error('The pack ends before it should');
    done += bytesRead;
  }
  return bytes;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
