/** Hashes of passwords: argon2id (hashing.ts), and for a few minutes which passwords were found right (decisions/0010). */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../kit/clock.ts';
import { createHasher } from './hashing.ts';

export type Passwords = {
  hash(password: string): Promise<string>;
  /** Takes as long for a hash that is not there: whether a user exists cannot be measured (ATTACKS 20). */
  matches(password: string, hash: string | null | undefined): Promise<boolean>;
};

export type PasswordCost = { memoryKiB: number; passes: number };

// OWASP's password storage cheat sheet: 12 MiB, 3 passes, 1 lane are as good as 19 MiB and 2, and fit processors' caches better.
const defaultCost: PasswordCost = { memoryKiB: 12_288, passes: 3 };
const longestBytes = 4096 * 4;
const rememberedForMs = 300_000;
const mostRemembered = 20_000;

export function createPasswords({ random, cost = defaultCost }: { random: Random; cost?: PasswordCost }): Passwords {
  const hasher = createHasher();
  // By a digest with this process's own key of the stored hash and the password: until when.
  const right = new Map<string, number>();
  const ownKey = random.bytes(32);
  // Of a password that nobody knows, with today's cost.
  const nobodys = { salt: random.bytes(16), hash: random.bytes(32) };

  async function derive(password: string, salt: Buffer, { memoryKiB, passes }: PasswordCost): Promise<Buffer> {
    const message = Buffer.from(password, 'utf8');
    if (message.length > longestBytes) throw new RangeError('a password of this length should not have passed the door');
    return hasher({ message, salt, memoryKiB, passes });
  }

  /** Another hash of the same password is something else: whoever changes a password changes its salt. */
  function keyOf(password: string, stored: string): string {
    return createHmac('sha256', ownKey).update(`${stored} ${password}`).digest('base64');
  }

  function wasRight(key: string): boolean {
    const until = right.get(key);
    if (until === undefined) return false;
    if (performance.now() < until) return true;
    right.delete(key);
    return false;
  }

  function remember(key: string): void {
    // The oldest entry is the first one.
    if (right.size >= mostRemembered) for (const oldest of right.keys()) { right.delete(oldest); break; }
    right.set(key, performance.now() + rememberedForMs);
  }

  return {
    async hash(password) {
      const salt = random.bytes(16);
      const hash = await derive(password, salt, cost);
      return `$argon2id$v=19$m=${cost.memoryKiB},t=${cost.passes},p=1$${phc(salt)}$${phc(hash)}`;
    },
    async matches(password, stored) {
      const known = stored == null || isOfGenerated(stored) ? undefined : parse(stored);
      const key = known && keyOf(password, stored!);
      // Only what is right is quick: a wrong password takes as long as one of somebody who is not there.
      if (key !== undefined && wasRight(key)) return true;
      const expected = known?.hash ?? nobodys.hash;
      const actual = await derive(password, known?.salt ?? nobodys.salt, known?.cost ?? cost);
      if (!timingSafeEqual(actual, expected) || key === undefined) return false;
      remember(key);
      return true;
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
