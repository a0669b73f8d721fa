/** Documents that go from one owner's cloud to another's: the same text for the same value, signed with Ed25519, with an end. */
import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { Random } from './clock.ts';

/** JSON as far as it has one way of being written: no floats beyond what JSON can say, no undefined. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain };

/** Names in the order of their code units, no space: RFC 8785 for what has no fractions. */
export function canonical(value: Plain): string {
  if (Array.isArray(value)) return `[${(value as readonly Plain[]).map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value as { readonly [name: string]: Plain }).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(',')}}`;
}

export type Signed<T extends Plain = Plain> = { document: T; issuedAt: string; expiresAt: string; key: string; signature: string };

export type SigningKey = { id: string; privateKey: KeyObject };

/** RFC 8410: what comes before the 32 bytes of an Ed25519 key in PKCS #8. */
const pkcs8Start = Buffer.from('302e020100300506032b657004220420', 'hex');

/** DER in base64, to be kept and to be handed to others. */
export function makeSigningKey(random: Pick<Random, 'bytes'>): { id: string; privateKey: string; publicKey: string } {
  const der = Buffer.concat([pkcs8Start, random.bytes(32)]);
  const shown = createPublicKey(createPrivateKey({ key: der, type: 'pkcs8', format: 'der' })).export({ type: 'spki', format: 'der' });
  return { id: keyIdOf(shown), privateKey: der.toString('base64'), publicKey: shown.toString('base64') };
}

export function signingKeyOf({ id, privateKey }: { id: string; privateKey: string }): SigningKey {
  return { id, privateKey: createPrivateKey({ key: Buffer.from(privateKey, 'base64'), type: 'pkcs8', format: 'der' }) };
}

export function signDocument<T extends Plain>(document: T, { id, privateKey }: SigningKey, { issuedAt, expiresAt }: { issuedAt: Date; expiresAt: Date }): Signed<T> {
  const dated = { document, issuedAt: issuedAt.toISOString(), expiresAt: expiresAt.toISOString(), key: id };
  return { ...dated, signature: sign(null, Buffer.from(canonical(dated)), privateKey).toString('base64') };
}

export type Verdict = 'good' | 'unknown key' | 'forged' | 'expired' | 'not yet valid';

/** Clocks of two owners may differ by ten minutes; what is asked is under way for another one at most. */
const toleratedMs = 11 * 60_000;

/** `publicKey` is what its signer has shown before, never what came with the document. */
export function judge({ signature, ...dated }: Signed, publicKeys: ReadonlyMap<string, string>, now: Date): Verdict {
  const shown = publicKeys.get(dated.key);
  if (shown === undefined) return 'unknown key';
  const publicKey = createPublicKey({ key: Buffer.from(shown, 'base64'), type: 'spki', format: 'der' });
  if (!verify(null, Buffer.from(canonical(dated)), publicKey, Buffer.from(signature, 'base64'))) return 'forged';
  if (Date.parse(dated.issuedAt) > now.getTime() + toleratedMs) return 'not yet valid';
  return Date.parse(dated.expiresAt) + toleratedMs < now.getTime() ? 'expired' : 'good';
}

function keyIdOf(publicKey: Buffer): string {
  return createHash('sha256').update(publicKey).digest('hex').slice(0, 16);
}
