/**
 * Hashes of passwords: argon2id on libuv's threads, few at a time and with a bounded queue, so that a flood
 * of logins costs neither the event loop nor the memory (ATTACKS 21).
 */
import { argon2, createHash, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../kit/clock.ts';
import { busy } from '../../kit/fault.ts';

export type Passwords = {
  hash(password: string): Promise<string>;
  /** Takes as long for a hash that is not there: whether a user exists cannot be measured (ATTACKS 20). */
  matches(password: string, hash: string | null | undefined): Promise<boolean>;
};

export type PasswordCost = { memoryKiB: number; passes: number };

// OWASP's password storage cheat sheet: 19 MiB, 2 passes, 1 lane.
const defaultCost: PasswordCost = { memoryKiB: 19_456, passes: 2 };
const longestBytes = 4096 * 4;
const atOnce = 2;
const mostWaiting = 256;

export function createPasswords({ random, cost = defaultCost }: { random: Random; cost?: PasswordCost }): Passwords {
  const turns = queue();
  // Of a password that nobody knows, with today's cost.
  const nobodys = { salt: random.bytes(16), hash: random.bytes(32) };

  async function derive(password: string, salt: Buffer, { memoryKiB, passes }: PasswordCost): Promise<Buffer> {
    const message = Buffer.from(password, 'utf8');
    if (message.length > longestBytes) throw new RangeError('a password of this length should not have passed the door');
    return turns(
      () =>
        new Promise<Buffer>((resolve, reject) =>
          argon2('argon2id', { message, nonce: salt, parallelism: 1, tagLength: 32, memory: memoryKiB, passes }, (error, hash) => (error ? reject(error) : resolve(hash))),
        ),
    );
  }

  return {
    async hash(password) {
      const salt = random.bytes(16);
      const hash = await derive(password, salt, cost);
      return `$argon2id$v=19$m=${cost.memoryKiB},t=${cost.passes},p=1$${phc(salt)}$${phc(hash)}`;
    },
    async matches(password, stored) {
      const known = stored == null || isOfGenerated(stored) ? undefined : parse(stored);
      const expected = known?.hash ?? nobodys.hash;
      const actual = await derive(password, known?.salt ?? nobodys.salt, known?.cost ?? cost);
      return timingSafeEqual(actual, expected) && known !== undefined;
    },
  };
}

/** For secrets that we made: with 256 random bits there is nothing to guess, so nothing to slow down. */
export function hashOfGenerated(secret: string): string {
  return `$sha256$${createHash('sha256').update(secret).digest('base64url')}`;
}

export function matchesGenerated(secret: string, stored: string): boolean {
  return isOfGenerated(stored) && timingSafeEqual(Buffer.from(hashOfGenerated(secret)), Buffer.from(stored));
}

function isOfGenerated(stored: string): boolean {
  return stored.startsWith('$sha256$');
}

function phc(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

function parse(stored: string): { cost: PasswordCost; salt: Buffer; hash: Buffer } {
  const [, memory, passes, salt, hash] = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$([\w+/]+)\$([\w+/]+)$/.exec(stored) ?? [];
  if (hash === undefined) throw new Error('a stored password hash is not argon2id');
  return { cost: { memoryKiB: Number(memory), passes: Number(passes) }, salt: Buffer.from(salt!, 'base64'), hash: Buffer.from(hash, 'base64') };
}

function queue(): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= atOnce) {
      if (waiting.length >= mostWaiting) throw busy('Too many logins at once. Ask again after the time in Retry-After.', 5);
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      // The place passes to the next one, so that nobody slips in between.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
