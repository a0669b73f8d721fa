/**
 * How a region and its home prove and hide what passes between them. An invitation is a random secret of which three keys
 * are made: one that is shown as proof, one that seals what home sends, and one that seals what the region keeps to itself.
 * The invitation itself never travels, so that whoever listens to a join learns no key and can open nothing.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';

/** What a region is told when it joins, and keeps. */
export type Membership = { region: string; credential: { id: string; secret: string }; adminProjectId: string };

export type InvitationKeys = { proof: string; seal: Buffer; keep: Buffer };

const secretBytes = 32;
const ivBytes = 12;
const tagBytes = 16;

export function writeInvitation(region: string, secret: Buffer): string {
  return `${region}.${secret.toString('base64url')}`;
}

/** Undefined: this is no invitation. */
export function readInvitation(text: string): { region: string; secret: Buffer } | undefined {
  const [, region = '', secret = ''] = /^([A-Za-z][A-Za-z0-9-]*)\.([A-Za-z0-9_-]{43})$/.exec(text) ?? [];
  return region === '' ? undefined : { region, secret: Buffer.from(secret, 'base64url') };
}

export function keysOf(region: string, secret: Buffer): InvitationKeys {
  if (secret.length !== secretBytes) throw new RangeError(`An invitation has ${secretBytes} random bytes`);
  const key = (use: string) => Buffer.from(hkdfSync('sha256', secret, region, `intercloud ${use}`, 32));
  return { proof: key('join').toString('base64url'), seal: key('seal'), keep: key('keep') };
}

/** Only who has the key can read it, and what was changed on the way is refused. `iv`: twelve bytes, never used before. */
export function seal(key: Buffer, iv: Buffer, value: unknown): string {
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const hidden = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), hidden]).toString('base64url');
}

/** Throws when it was sealed with another key, or changed. */
export function unseal(key: Buffer, text: string): unknown {
  const bytes = Buffer.from(text, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes));
  decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
  return JSON.parse(Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]).toString('utf8'));
}
