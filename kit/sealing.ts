/**
 * Secrets that must be known again, as bytes that say nothing to whoever reads the database. A sealed value names the
 * key that it was sealed by, so that keys can be replaced while what they sealed is still about.
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { Random } from './clock.ts';
import { reveal, Secret } from './secret.ts';

/** 32 bytes. */
export type SealingKey = { readonly id: number; readonly secret: Secret<Buffer> };

/** It was sealed by another key, for another place, or changed since. */
export class Unsealable extends Error {
  override name = 'Unsealable';
}

const cipher = 'aes-256-gcm';
const version = 1;
const keyIdBytes = 4;
const ivBytes = 12;
const tagBytes = 16;
const headBytes = 1 + keyIdBytes;

/** `place` is part of the seal: what is moved to another row cannot be opened. */
export function seal({ key, random, place, plain }: { key: SealingKey; random: Random; place: string; plain: Buffer }): Buffer {
  const head = Buffer.alloc(headBytes);
  head[0] = version;
  head.writeUInt32BE(key.id, 1);
  const iv = random.bytes(ivBytes);
  const encrypt = createCipheriv(cipher, reveal(key.secret), iv).setAAD(Buffer.concat([head, Buffer.from(place)]));
  const text = Buffer.concat([encrypt.update(plain), encrypt.final()]);
  return Buffer.concat([head, iv, encrypt.getAuthTag(), text]);
}

export function sealedBy(sealed: Buffer): number {
  if (sealed.length < headBytes + ivBytes + tagBytes || sealed[0] !== version) throw new Unsealable('These bytes are no sealed value');
  return sealed.readUInt32BE(1);
}

export function unseal({ key, place, sealed }: { key: SealingKey; place: string; sealed: Buffer }): Buffer {
  if (sealedBy(sealed) !== key.id) throw new Unsealable('It was sealed by another key');
  const [head, iv] = [sealed.subarray(0, headBytes), sealed.subarray(headBytes, headBytes + ivBytes)];
  const tag = sealed.subarray(headBytes + ivBytes, headBytes + ivBytes + tagBytes);
  const decrypt = createDecipheriv(cipher, reveal(key.secret), iv, { authTagLength: tagBytes }).setAAD(Buffer.concat([head, Buffer.from(place)])).setAuthTag(tag);
  try {
    return Buffer.concat([decrypt.update(sealed.subarray(headBytes + ivBytes + tagBytes)), decrypt.final()]);
  } catch (cause) {
    throw new Unsealable('It was changed since, or sealed for another place', { cause });
  }
}

/** A key that has no number in any table is known by what it is. */
export function keyFrom(secret: Buffer): SealingKey {
  if (secret.length !== 32) throw new RangeError('A key for sealing has 32 bytes');
  return { id: createHash('sha256').update('the name of a key for sealing').update(secret).digest().readUInt32BE(0), secret: new Secret(secret) };
}

/** The file of a cloud's own keys: one a line in base64, the newest first. */
export function keysFrom(text: string): SealingKey[] {
  const lines = text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  if (lines.length === 0) throw new RangeError('There is no key in the file of keys');
  return lines.map((line) => keyFrom(Buffer.from(line, 'base64url')));
}
