/**
 * What a service needs to know of an access key to look at signatures itself: the key that signs for one day, one region
 * and one service, and a token with the rights of whoever holds it. The secret itself stays here.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Fault } from '../../kit/fault.ts';
import type { IdentityParts } from './parts.ts';
import { holderOf } from './signature-tokens.ts';
import { takingOnce } from './authentication.ts';

/** For what a key of signatures is good. */
export type SigningScope = { day: string; region: string; service: string };
export type Signer = { key: Buffer; token: string };

export type Signers = {
  /** Undefined: there is no such access key, or nobody may use it any more. */
  find(access: string, scope: SigningScope): Promise<Signer | undefined>;
  /** Whether the secret itself has signed a text, as version 2 has it: HMAC-SHA1 in base64. Away from home nobody can say. */
  findOlder?(access: string, signed: { text: string; signature: string }): Promise<{ isRight: boolean; token: string } | undefined>;
};

type Held = { secret: string; token: string; keys: Map<string, Buffer> };

const mostRemembered = 10_000;
const mostScopes = 8;

export function createSigners(parts: Pick<IdentityParts, 'database' | 'clock' | 'tokens' | 'vault' | 'directory'>): Signers {
  const { database, clock, tokens, directory } = parts;
  const remembered = new Map<string, Held>();
  const reading = { kind: 'system', reason: 'who signed a request' } as const;

  /** Until the token ends: with the credential, with any of the rights that it has, or in time. */
  async function held(access: string): Promise<Held | undefined> {
    await directory.current();
    const known = remembered.get(access);
    if (known && tokens.verify(known.token)) return known;
    remembered.delete(access);
    const found = await holder(access);
    if (!found) return undefined;
    // The oldest entry is the first one.
    if (remembered.size >= mostRemembered) for (const oldest of remembered.keys()) { remembered.delete(oldest); break; }
    const fresh: Held = { ...found, keys: new Map() };
    remembered.set(access, fresh);
    return fresh;
  }

  async function holder(access: string): Promise<{ secret: string; token: string } | undefined> {
    try {
      return await holderOf({ ...parts, now: clock.now(), read: (work) => database.read(reading, work), write: takingOnce(database) }, access);
    } catch (error) {
      // Whoever is not there, not enabled or without a right any more signs for nobody.
      if (error instanceof Fault && error.status < 500) return undefined;
      throw error;
    }
  }

  return {
    async find(access, scope) {
      const found = await held(access);
      if (!found) return undefined;
      const { secret, token, keys } = found;
      const name = `${scope.day}/${scope.region}/${scope.service}`;
      const key = keys.get(name) ?? signingKey(secret, scope);
      if (keys.size >= mostScopes) keys.clear();
      keys.set(name, key);
      return { key, token };
    },

    async findOlder(access, { text, signature }) {
      const found = await held(access);
      if (!found) return undefined;
      const right = createHmac('sha1', found.secret).update(text, 'utf8').digest();
      const given = Buffer.from(signature, 'base64');
      return { isRight: given.length === right.length && timingSafeEqual(given, right), token: found.token };
    },
  };
}

/** Signature version 4. */
function signingKey(secret: string, { day, region, service }: SigningScope): Buffer {
  return [day, region, service, 'aws4_request'].reduce((key, part) => createHmac('sha256', key).update(part, 'utf8').digest(), Buffer.from(`AWS4${secret}`));
}
