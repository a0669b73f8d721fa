/** How much one caller may ask: a token bucket each, in bounded memory. */
import type { Clock } from '../clock.ts';
import { busy } from '../fault.ts';

export type RateLimit = { perSecond: number; burst: number };

export type RateLimiter = { take(who: string): void };

const mostCallers = 100_000;

export function rateLimiter(limit: RateLimit, clock: Clock): RateLimiter {
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take(who) {
      const now = clock.now().getTime();
      let bucket = buckets.get(who);
      if (!bucket) {
        // The oldest entry is the first one: a caller that comes back starts with a full bucket, which is harmless.
        if (buckets.size >= mostCallers) for (const oldest of buckets.keys()) { buckets.delete(oldest); break; }
        bucket = { left: limit.burst, at: now };
        buckets.set(who, bucket);
      }
      bucket.left = Math.min(limit.burst, bucket.left + ((now - bucket.at) / 1000) * limit.perSecond);
      bucket.at = now;
      if (bucket.left < 1) throw busy('This request was rate-limited. Ask again after the time in Retry-After.', Math.max(1, Math.ceil((1 - bucket.left) / limit.perSecond)), 429);
      bucket.left -= 1;
    },
  };
}
