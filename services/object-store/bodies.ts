/**
 * The bytes of objects in one folder. Bytes come into `incoming/` and are on the disk before their row is; once the
 * row is there the file gets its place. What a crash leaves in between lies in `incoming/`, where the next sweep looks.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** A file, and what is to be in it. */
export type Body = { readonly file: string; readonly sizeBytes: number; readonly sums: Buffer };
export type Received = Body & { readonly md5: string; readonly sha256: string };
/** Bytes from the first to the last one, counted from 0. */
export type Span = { readonly first: number; readonly last: number };

export type ObjectBodies = {
  /** Takes bytes in; they are on the disk, and nobody's yet. When this fails nothing is left of them. */
  receive(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: { id: string; limitBytes: number }): Promise<Received>;
  /** Gives the file its place. Twice is once. */
  keep(file: string): Promise<void>;
  /** Removes it, wherever it lies. Twice is once. */
  remove(file: string): Promise<void>;
  /** In pieces of at most `pieceBytes`, each verified before it is handed out. */
  read(body: Body, span?: Span): AsyncGenerator<Buffer>;
  /** Files that have lain in `incoming/` since before this moment. */
  incomingBefore(moment: Date): Promise<string[]>;
  /** Compares all of the file with its hash. */
  isWhole(body: Body, sha256: string): Promise<boolean>;
};

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

export async function fileObjectBodies(directory: string): Promise<ObjectBodies> {
  const incoming = join(directory, 'incoming');
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  const arrivals = syncer(incoming);
  const arriving = (file: string) => join(incoming, plain(file));
  const placed = (file: string) => join(directory, plain(file).slice(0, 2), file.slice(2, 4), file);
  const folders = new Set<string>();

  async function openBody(file: string): Promise<FileHandle> {
    // Its row may be there a moment before its place is, and for longer after a crash.
    return (await opened(placed(file))) ?? (await opened(arriving(file))) ?? (await opened(placed(file))) ?? fail(file);
  }

  async function* read({ file, sizeBytes, sums }: Body, { first, last }: Span = { first: 0, last: sizeBytes - 1 }): AsyncGenerator<Buffer> {
    if (sizeBytes === 0 || last < first) return;
    await using handle = await openBody(file);
    const end = Math.floor(last / pieceBytes);
    let next = readPiece(handle, file, Math.floor(first / pieceBytes), sizeBytes, sums);
    for (let piece = Math.floor(first / pieceBytes); piece <= end; piece++) {
      const bytes = await next;
      if (piece < end) {
        next = readPiece(handle, file, piece + 1, sizeBytes, sums);
        // Whoever stops reading in between does not wait for it.
        next.catch(() => undefined);
      }
      const begin = piece * pieceBytes;
      yield bytes.subarray(Math.max(first - begin, 0), Math.min(last - begin + 1, bytes.length));
    }
  }

  return {
    async receive(chunks, { id, limitBytes }) {
      const path = arriving(id);
      try {
        const received = await write(path, chunks, limitBytes);
        await arrivals.sync();
        return { file: id, ...received };
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      }
    },
    async keep(file) {
      const to = placed(file);
      const folder = join(to, '..');
      if (!folders.has(folder)) await mkdir(folder, { recursive: true, mode: 0o700 });
      folders.add(folder);
      try {
        await rename(arriving(file), to);
      } catch (cause) {
        if (!isMissing(cause) || !(await isThere(to))) throw cause;
      }
    },
    async remove(file) {
      await rm(arriving(file), { force: true });
      await rm(placed(file), { force: true });
    },
    read,
    async incomingBefore(moment) {
      const names = await readdir(incoming);
      const ages = await Promise.all(names.map(async (name) => ({ name, at: await changedAt(join(incoming, name)) })));
      return ages.filter(({ at }) => at !== undefined && at < moment).map(({ name }) => name);
    },
    async isWhole(body, sha256) {
      const hash = createHash('sha256');
      try {
        for await (const bytes of read(body)) hash.update(bytes);
      } catch (error) {
        if (error instanceof Damaged) return false;
        throw error;
      }
      return hash.digest('hex') === sha256;
    },
  };
}

async function write(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, limitBytes: number): Promise<Omit<Received, 'file'>> {
  const [md5, sha256] = [createHash('md5'), createHash('sha256')];
  const sums: number[] = [];
  let [sizeBytes, sum, inPiece] = [0, 0, 0];
  await using handle = await open(path, 'wx', 0o600);
  for await (const chunk of chunks) {
    if (sizeBytes + chunk.length > limitBytes) throw new TooLarge(`More than ${limitBytes} bytes`);
    const written = writeAll(handle, chunk, sizeBytes);
    sizeBytes += chunk.length;
    md5.update(chunk);
    sha256.update(chunk);
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
    await written;
  }
  if (inPiece > 0) sums.push(sum);
  await handle.sync();
  const kept = Buffer.alloc(sums.length * sumBytes);
  sums.forEach((each, index) => kept.writeUInt32BE(each, index * sumBytes));
  return { sizeBytes, md5: md5.digest('hex'), sha256: sha256.digest('hex'), sums: kept };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
}

async function readPiece(handle: FileHandle, file: string, piece: number, sizeBytes: number, sums: Buffer): Promise<Buffer> {
  const [begin, length] = [piece * pieceBytes, Math.min(pieceBytes, sizeBytes - piece * pieceBytes)];
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, begin + done);
    if (bytesRead === 0) throw new Damaged(`${file} ends at byte ${begin + done} of ${sizeBytes}`);
    done += bytesRead;
  }
  if (crc32(bytes) !== sums.readUInt32BE(piece * sumBytes)) throw new Damaged(`${file} has other bytes from ${begin} on than were brought`);
  return bytes;
}

/** A name must be in the folder after a power cut too. Those who ask while one is under way share the next. */
function syncer(folder: string): { sync(): Promise<void> } {
  let [running, waiting]: [Promise<void> | undefined, Promise<void> | undefined] = [undefined, undefined];
  const run = async () => {
    await using handle = await open(folder, 'r');
    await handle.sync();
  };
  const start = () => (running = run().finally(() => (running = undefined)));
  return {
    sync() {
      if (running === undefined) return start();
      return (waiting ??= running.then(again, again));
      function again(): Promise<void> {
        waiting = undefined;
        return start();
      }
    },
  };
}

/** A name and never a path, whoever made it. */
function plain(file: string): string {
  if (!/^[0-9a-f]{32}$/.test(file)) throw new Error(`${file} does not name bytes`);
  return file;
}

async function opened(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
}

function fail(file: string): never {
  throw new Damaged(`There is no file ${file}`);
}

async function changedAt(path: string): Promise<Date | undefined> {
  try {
    return (await stat(path)).mtime;
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await changedAt(path)) !== undefined;
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}
