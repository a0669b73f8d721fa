/**
 * The keys by which this cloud signs for others: the newest signs, the older ones are shown for as long as anybody may
 * hold what they signed. Private parts lie in the database sealed by the key of the cloud.
 */
import { emit } from '../../kit/events/events.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { makeSigningKey, signingKeyOf, type SigningKey } from '../../kit/signed.ts';
import type { Vault } from '../identity/vault.ts';
import type { HomeParts } from '../parts.ts';
import { forgetPrivateParts, insertSigningKey, listSigningKeys, lockSigningKeys, setSealed, type SigningKeyRow } from './signing-keys.store.ts';

export type SigningParts = Pick<HomeParts, 'database' | 'clock' | 'random'> & { vault: Pick<Vault, 'sealKey' | 'openKey' | 'isOutdated'> };

const scope = { kind: 'system', reason: 'the keys of signatures' } as const;
const servesMs = 30 * 24 * 3_600_000;

/** The newest; made when there is none. */
export async function signingKey(parts: SigningParts, tx: Transaction): Promise<SigningKey> {
  const known = await current(tx);
  if (known) return open(parts, known);
  await lockSigningKeys(tx);
  return open(parts, (await current(tx)) ?? (await makeKey(parts, tx)));
}

/** What others judge our signatures by, the newest first. */
export async function publicKeys(parts: SigningParts): Promise<{ id: string; public_key: string }[]> {
  return parts.database.transaction(scope, async (tx) => {
    await signingKey(parts, tx);
    return (await listSigningKeys(tx)).map(({ id, publicKey }) => ({ id, public_key: publicKey }));
  });
}

/** From now on another key signs; the private part of the one before is gone. */
export async function rotateSigningKey(parts: SigningParts, tx: Transaction): Promise<SigningKeyRow> {
  await lockSigningKeys(tx);
  return makeKey(parts, tx);
}

/** One that has served its time is replaced; what an older key of the cloud has sealed is sealed anew. */
export async function renewSigningKeys(parts: SigningParts): Promise<void> {
  const { database, clock, vault } = parts;
  await database.transaction(scope, async (tx) => {
    await lockSigningKeys(tx);
    const key = await current(tx);
    if (!key) return;
    if (clock.now().getTime() - key.madeAt.getTime() >= servesMs) await makeKey(parts, tx);
    else if (vault.isOutdated(key.sealed)) await setSealed(tx, key.id, vault.sealKey(placeOf(key.id), vault.openKey(placeOf(key.id), key.sealed)));
  });
}

type Usable = SigningKeyRow & { sealed: Buffer };

async function current(tx: Transaction): Promise<Usable | undefined> {
  return (await listSigningKeys(tx)).find((each): each is Usable => each.sealed !== null);
}

async function makeKey({ clock, random, vault }: SigningParts, tx: Transaction): Promise<Usable> {
  const { id, privateKey, publicKey } = makeSigningKey(random);
  const made = { id, sealed: vault.sealKey(placeOf(id), Buffer.from(privateKey, 'base64')), publicKey, madeAt: clock.now() };
  await insertSigningKey(tx, made);
  await forgetPrivateParts(tx, { except: id });
  await emit(tx, clock, { type: 'signing-key.create', resource: 'signing-key', resourceId: id, payload: {} });
  return made;
}

function open({ vault }: SigningParts, { id, sealed }: Usable): SigningKey {
  return signingKeyOf({ id, privateKey: vault.openKey(placeOf(id), sealed).toString('base64') });
}

function placeOf(id: string): string {
  return `signing key ${id}`;
}
