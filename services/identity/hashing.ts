/**
 * Threads for hashing passwords, with a low priority and one processor left free of them, so that a flood of logins
 * costs other requests neither the event loop nor the processors (ATTACKS 21). What waits is bounded, and so the memory.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { busy } from '../../kit/fault.ts';

export type Hashing = { message: Uint8Array; salt: Uint8Array; memoryKiB: number; passes: number };

/** Refuses with 503 when too many wait. */
export type Hasher = (work: Hashing) => Promise<Buffer>;

export const hashesAtOnce = Math.max(1, Math.min(availableParallelism() - 1, 4));
export const mostWaiting = 256;
const idleMs = 5_000;

export function createHasher(): Hasher {
  const idle: Worker[] = [];
  const waiting: (() => void)[] = [];
  let running = 0;
  let resting: NodeJS.Timeout | undefined;

  function rest(): void {
    for (const thread of idle.splice(0)) void thread.terminate();
  }

  async function run(work: Hashing): Promise<Buffer> {
    const thread = idle.pop() ?? new Worker(new URL('./hashing-thread.ts', import.meta.url));
    thread.ref();
    const done = new AbortController();
    try {
      const answered = once(thread, 'message', { signal: done.signal }) as Promise<[Uint8Array]>;
      const ended = once(thread, 'exit', { signal: done.signal }).then(() => Promise.reject(new Error('the thread that hashes passwords has ended')));
      ended.catch(theRaceTellsIt);
      thread.postMessage(work);
      const [hash] = await Promise.race([answered, ended]);
      idle.push(thread);
      return Buffer.from(hash);
    } finally {
      done.abort();
      thread.unref();
    }
  }

  return async (work) => {
    clearTimeout(resting);
    if (running >= hashesAtOnce) {
      if (waiting.length >= mostWaiting) throw busy('Too many logins at once. Ask again after the time in Retry-After.', 5);
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await run(work);
    } finally {
      // The place passes to the next one, so that nobody slips in between.
      const next = waiting.shift();
      if (next) next();
      else {
        running -= 1;
        if (running === 0) resting = setTimeout(rest, idleMs).unref();
      }
    }
  };
}

function theRaceTellsIt(): void {}
