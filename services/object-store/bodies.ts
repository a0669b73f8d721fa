/**
 * The bytes of objects in one folder. Bytes come into `incoming/` and are on the disk before their row is; once the
 * row is there the file gets its place. What a crash leaves in between lies in `incoming/`, where the next sweep looks.
 */
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { demandUndamaged, haveHash, lengthOfPiece, missing, pieceBytes, plain, tallyOfPieces, tooShort, within, type Body, type Span, type Sums } from './body-sums.ts';
import { FileHashes } from './hashing.ts';
import { keepingSmall } from './small-bodies.ts';

export { Damaged, pieceBytes, TooLarge, type Body, type Span } from './body-sums.ts';

export type Received = Pick<Body, 'file' | 'bytes'> & Sums;

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
  /** Undefined: there is no such file. */
  sizeOf(file: string): Promise<number | undefined>;
  /** Compares all of the file with its hash. */
  isWhole(body: Body, sha256: string): Promise<boolean>;
};

export async function fileObjectBodies(directory: string): Promise<ObjectBodies> {
  const incoming = join(directory, 'incoming');
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  const arrivals = syncer(incoming);
  const arriving = (file: string) => join(incoming, plain(file));
  const placed = (file: string) => join(directory, plain(file).slice(0, 2), file.slice(2, 4), file);
  const folders = new Set<string>();

  async function openBody(file: string): Promise<FileHandle> {
    // Its row may be there a moment before its place is, and for longer after a crash.
    return (await opened(placed(file))) ?? (await opened(arriving(file))) ?? (await opened(placed(file))) ?? throwMissing(file);
  }

  async function* read(body: Body, { first, last }: Span = { first: 0, last: body.sizeBytes - 1 }): AsyncGenerator<Buffer> {
    if (body.sizeBytes === 0 || last < first) return;
    await using handle = await openBody(body.file);
    const end = Math.floor(last / pieceBytes);
    let next = readPiece(handle, body, Math.floor(first / pieceBytes));
    for (let piece = Math.floor(first / pieceBytes); piece <= end; piece++) {
      const bytes = await next;
      if (piece < end) {
        next = readPiece(handle, body, piece + 1);
        // Whoever stops reading in between does not wait for it.
        next.catch(() => undefined);
      }
      yield within(bytes, piece, { first, last });
    }
  }

  return keepingSmall({
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
    async sizeOf(file) {
      return (await sizeAt(placed(file))) ?? sizeAt(arriving(file));
    },
    isWhole: (body, sha256) => haveHash(read(body), sha256),
  });
}

async function write(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, limitBytes: number): Promise<Sums> {
  const pieces = tallyOfPieces(limitBytes);
  await using handle = await open(path, 'wx', 0o600);
  using hashes = new FileHashes(path);
  let position = 0;
  for await (const chunk of chunks) {
    pieces.admit(chunk);
    const written = writeAll(handle, chunk, position);
    position += chunk.length;
    pieces.add(chunk);
    await written;
    hashes.wrote(chunk);
  }
  const [hashed] = await Promise.all([hashes.digest(), handle.sync()]);
  return { ...pieces.sums(), ...hashed };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
}

async function readPiece(handle: FileHandle, body: Body, piece: number): Promise<Buffer> {
  const [begin, length] = [piece * pieceBytes, lengthOfPiece(piece, body.sizeBytes)];
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, begin + done);
    if (bytesRead === 0) throw tooShort(body, begin + done);
    done += bytesRead;
  }
  demandUndamaged(bytes, piece, body);
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

async function opened(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
}

function throwMissing(file: string): never {
  throw missing(file);
}

async function sizeAt(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
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
