/**
 * The hashes of a file while it is written. Those of a long one are made by threads that read after whoever writes: bytes
 * come in while both hashes are made, other requests wait for neither, and nothing is kept in memory for them.
 */
import { createHash, type Hash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

export type Algorithm = 'md5' | 'sha256';
/** What a thread is told of a file: where it is, how much of it is written by now, and that nobody wants its hash any more. */
export type Told = { file: number } & ({ path: string; algorithm: Algorithm } | { bytes: number; isEnd: boolean } | { isUnwanted: true });
/** What a thread tells when it is through with a file. */
export type Hashed = { file: number } & ({ hash: string } | { failure: unknown });

/** For less, telling a thread costs more than it does. */
const shortBytes = 2 ** 20;
const tellEveryBytes = 2 ** 20;
const mostThreads = Math.max(2, availableParallelism());
const threads: HashingThread[] = [];

/** Of a file that is being written. */
export class FileHashes implements Disposable {
  readonly #path: string;
  readonly #own: Record<Algorithm, Hash> = { md5: createHash('md5'), sha256: createHash('sha256') };
  #inThreads: Record<Algorithm, HashInThread> | undefined;
  #sizeBytes = 0;
  #told = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** These bytes were written to the end of the file. */
  wrote(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.length;
    // They begin at the beginning: what was hashed here until now is little.
    if (this.#sizeBytes > shortBytes) this.#inThreads ??= { md5: hashInThread(this.#path, 'md5'), sha256: hashInThread(this.#path, 'sha256') };
    if (!this.#inThreads) {
      for (const hash of Object.values(this.#own)) hash.update(chunk);
    } else if (this.#sizeBytes - this.#told >= tellEveryBytes) this.#tell(false);
  }

  async digest(): Promise<Record<Algorithm, string>> {
    if (!this.#inThreads) return { md5: this.#own.md5.digest('hex'), sha256: this.#own.sha256.digest('hex') };
    this.#tell(true);
    const [md5, sha256] = await Promise.all([this.#inThreads.md5.hash, this.#inThreads.sha256.hash]);
    return { md5, sha256 };
  }

  [Symbol.dispose](): void {
    for (const each of Object.values(this.#inThreads ?? {})) each.end();
  }

  #tell(isEnd: boolean): void {
    this.#told = this.#sizeBytes;
    for (const each of Object.values(this.#inThreads ?? {})) each.wrote(this.#sizeBytes, isEnd);
  }
}

type HashInThread = { wrote(bytes: number, isEnd: boolean): void; hash: Promise<string>; /** Twice is once. */ end(): void };

/** In the thread that has the least to do, and in a new one as long as there are fewer than processors. */
function hashInThread(path: string, algorithm: Algorithm): HashInThread {
  const idlest = threads.toSorted((one, other) => one.files - other.files)[0];
  return (idlest && (idlest.files === 0 || threads.length >= mostThreads) ? idlest : new HashingThread()).hash(path, algorithm);
}

class HashingThread {
  readonly #worker = new Worker(new URL('./hashing-thread.ts', import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 } });
  readonly #waiting = new Map<number, PromiseWithResolvers<string>>();
  #last = 0;

  constructor() {
    threads.push(this);
    this.#worker.unref();
    this.#worker.on('message', (hashed: Hashed) => {
      const waiting = this.#waiting.get(hashed.file);
      if ('hash' in hashed) waiting?.resolve(hashed.hash);
      else waiting?.reject(new Error('A file cannot be hashed', { cause: hashed.failure }));
      this.#forget(hashed.file);
    });
    this.#worker.once('error', (cause) => this.#ended(cause));
    this.#worker.once('exit', () => this.#ended(undefined));
  }

  get files(): number {
    return this.#waiting.size;
  }

  hash(path: string, algorithm: Algorithm): HashInThread {
    const file = ++this.#last;
    const waiting = Promise.withResolvers<string>();
    // Whoever asks for the hash is told; nobody does when the bytes are refused before.
    waiting.promise.catch(nobodyAsks);
    this.#waiting.set(file, waiting);
    // An upload keeps its process alive, and a thread that waits for one does not.
    this.#worker.ref();
    this.#tell({ file, path, algorithm });
    return {
      hash: waiting.promise,
      wrote: (bytes, isEnd) => this.#tell({ file, bytes, isEnd }),
      end: () => {
        if (!this.#waiting.has(file)) return;
        this.#tell({ file, isUnwanted: true });
        waiting.reject(new Error('Nobody wants the hash of this file any more'));
        this.#forget(file);
      },
    };
  }

  #tell(told: Told): void {
    this.#worker.postMessage(told);
  }

  #forget(file: number): void {
    this.#waiting.delete(file);
    if (this.#waiting.size === 0) this.#worker.unref();
  }

  #ended(cause: unknown): void {
    const index = threads.indexOf(this);
    if (index !== -1) threads.splice(index, 1);
    for (const { reject } of this.#waiting.values()) reject(new Error('The thread that hashes files has ended', { cause }));
    this.#waiting.clear();
  }
}

function nobodyAsks(): void {}
