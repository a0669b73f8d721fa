/** Time and chance are handed in, never found by import: a run can be replayed from its seed. */
import { createCipheriv, randomBytes, randomUUID } from 'node:crypto';

export type Clock = {
  now(): Date;
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  after(ms: number, signal?: AbortSignal): Promise<void>;
};

export type ManualClock = Clock & {
  /** Moves time forward, waking whoever waits for a moment on the way, in order of those moments. */
  advance(ms: number): void;
};

export type Random = {
  uuid(): string;
  bytes(count: number): Buffer;
};

export const systemClock: Clock = {
  now: () => new Date(),
  after: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop);
        resolve();
      }, ms);
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', stop, { once: true });
    }),
};

/** The same time, so much later or earlier. */
export function clockAhead(clock: Clock, ms: number): Clock {
  return ms === 0 ? clock : { now: () => new Date(clock.now().getTime() + ms), after: clock.after };
}

export function manualClock(start: Date): ManualClock {
  let now = start.getTime();
  const sleepers = new Set<{ until: number; wake: () => void }>();
  return {
    now: () => new Date(now),
    after: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const stop = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper = {
          until: now + ms,
          wake: () => {
            sleepers.delete(sleeper);
            signal?.removeEventListener('abort', stop);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', stop, { once: true });
      }),
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const [next] = [...sleepers].filter(({ until }) => until <= end).sort((a, b) => a.until - b.until);
        if (!next) break;
        now = Math.max(now, next.until);
        next.wake();
      }
      now = end;
    },
  };
}

export const systemRandom: Random = { uuid: () => randomUUID(), bytes: (count) => randomBytes(count) };

/** The same seed gives the same bytes: AES in counter mode over zeros. For tests; not for secrets. */
export function seededRandom(seed: number): Random {
  const key = Buffer.alloc(16);
  key.writeDoubleBE(seed);
  const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const bytes = (count: number) => stream.update(Buffer.alloc(count));
  return {
    bytes,
    uuid() {
      const raw = bytes(16);
      raw[6] = (raw[6]! & 0x0f) | 0x40;
      raw[8] = (raw[8]! & 0x3f) | 0x80;
      const hex = raw.toString('hex');
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    },
  };
}
