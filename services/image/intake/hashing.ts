/**
 * The sums of a file while it is written. Those of a long one are made by a thread that reads after whoever writes, so that
 * bytes come in as fast as they are hashed, and other requests wait for neither.
 */
import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

export type Sums = { md5: string; sha256: string; sha512: string };
/** So much of the file is written. */
export type Progress = { bytes: number; isEnd: boolean };

/** For less no thread is worth while. */
export const shortBytes = 4 * 2 ** 20;
const tellEveryBytes = 2 ** 20;
const pieceBytes = 256 * 1024;
const mostThreads = availableParallelism();
let threads = 0;

/** Of a file that is being written. */
export class FileSums implements AsyncDisposable {
  readonly #path: string;
  readonly #hashes = new Hashes();
  #told = 0;
  #thread: HashingThread | undefined;
  #sizeBytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** These bytes were written to the end of the file. */
  wrote(chunk: Uint8Array): void {
    const wasShort = this.#sizeBytes <= shortBytes;
    this.#sizeBytes += chunk.length;
    // It begins at the beginning: what was hashed here until now is little.
    if (wasShort && this.#sizeBytes > shortBytes) this.#thread = startThread(this.#path);
    if (!this.#thread) return this.#hashes.update(chunk);
    if (this.#sizeBytes - this.#told < tellEveryBytes) return;
    this.#told = this.#sizeBytes;
    this.#thread.tell({ bytes: this.#sizeBytes, isEnd: false });
  }

  async digest(): Promise<Sums> {
    if (!this.#thread) return this.#hashes.digest();
    this.#thread.tell({ bytes: this.#sizeBytes, isEnd: true });
    return this.#thread.sums;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread?.end();
  }
}

/** Of a file that is there. */
export async function sumsOf(path: string, signal?: AbortSignal): Promise<Sums & { sizeBytes: number }> {
  await using file = await open(path, 'r');
  const { size: sizeBytes } = await file.stat();
  signal?.throwIfAborted();
  const thread = sizeBytes > shortBytes ? startThread(path) : undefined;
  if (!thread) return { ...(await hashed(file, sizeBytes, signal)), sizeBytes };
  const end = () => void thread.end();
  signal?.addEventListener('abort', end);
  try {
    thread.tell({ bytes: sizeBytes, isEnd: true });
    return { ...(await thread.sums), sizeBytes };
  } finally {
    signal?.removeEventListener('abort', end);
    await thread.end();
  }
}

/** With one piece of it in memory. */
async function hashed(file: FileHandle, sizeBytes: number, signal: AbortSignal | undefined): Promise<Sums> {
  const hashes = new Hashes();
  const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, sizeBytes));
  for (let at = 0; at < sizeBytes; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, Math.min(pieceBytes, sizeBytes - at), at);
    if (bytesRead === 0) throw new Error('The file became shorter while it was read');
    hashes.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hashes.digest();
}

type HashingThread = { tell(progress: Progress): void; sums: Promise<Sums>; end(): Promise<unknown> };

/** None when there are as many as processors already. */
function startThread(path: string): HashingThread | undefined {
  if (threads >= mostThreads) return undefined;
  threads++;
  const worker = new Worker(new URL('./hashing-thread.ts', import.meta.url), { workerData: { path }, resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 } });
  worker.once('exit', () => threads--);
  const { promise: sums, resolve, reject } = Promise.withResolvers<Sums>();
  worker.once('message', resolve);
  worker.once('error', reject);
  worker.once('exit', () => reject(new Error('The thread that hashes a file has ended')));
  // Whoever asks for the sums is told; nobody does when the bytes are refused before.
  sums.catch(nobodyAsks);
  return { tell: (progress) => worker.postMessage(progress), sums, end: () => worker.terminate() };
}

function nobodyAsks(): void {}

export class Hashes {
  readonly #md5: Hash = createHash('md5');
  readonly #sha256: Hash = createHash('sha256');
  readonly #sha512: Hash = createHash('sha512');

  update(chunk: Uint8Array): void {
    for (const hash of [this.#md5, this.#sha256, this.#sha512]) hash.update(chunk);
  }

  digest(): Sums {
    return { md5: this.#md5.digest('hex'), sha256: this.#sha256.digest('hex'), sha512: this.#sha512.digest('hex') };
  }
}
