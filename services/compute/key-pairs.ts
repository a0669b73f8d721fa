/** Public keys that users hand to their servers. They belong to the user, in whatever project. */
import { badRequest, conflict, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { emit } from '../../kit/events/events.ts';
import { quotaUsage } from '../quota/quotas.ts';
import { countKeyPairsAlone, deleteKeyPairRow, insertKeyPair, selectKeyPair, selectKeyPairs, type KeyPair } from './key-pairs.store.ts';
import { certificateFingerprint } from './certificates.ts';
import { readFingerprint } from './ssh-keys.ts';

export type { KeyPair } from './key-pairs.store.ts';

export function listKeyPairs({ tx, caller }: Context): Promise<KeyPair[]> {
  return selectKeyPairs(tx, caller.userId);
}

export async function getKeyPair({ tx, caller }: Context, name: string): Promise<KeyPair> {
  const pair = await selectKeyPair(tx, caller.userId, name);
  if (!pair) throw notFound(`Keypair ${name} not found for user ${caller.userId}`);
  return pair;
}

/** Refuses what is neither a public key nor, for x509, a certificate. */
export function checkedFingerprint(type: KeyPair['type'], publicKey: string): string {
  const fingerprint = type === 'ssh' ? readFingerprint(publicKey) : certificateFingerprint(publicKey);
  if (fingerprint === undefined) throw badRequest(`Keypair data is invalid: failed to generate ${type === 'ssh' ? '' : 'X509 '}fingerprint`);
  return fingerprint;
}

export async function createKeyPair({ tx, caller, now, requestId }: Context, { name, type, publicKey, fingerprint }: Pick<KeyPair, 'name' | 'type' | 'publicKey' | 'fingerprint'>): Promise<KeyPair> {
  const count = await countKeyPairsAlone(tx, caller.userId);
  const most = (await quotaUsage(tx, caller.projectId ?? '', ['compute.key_pairs']))['compute.key_pairs']!.limit;
  if (most >= 0 && count >= most) throw forbidden('Quota exceeded, too many key pairs.');
  const pair = { userId: caller.userId, name, type, fingerprint, publicKey, createdAt: now };
  if ((await insertKeyPair(tx, pair)) === 0) throw conflict(`Key pair '${name}' already exists.`);
  await emit(tx, { now: () => now }, { type: 'keypair.create.end', resource: 'keypair', resourceId: name, projectId: caller.projectId ?? undefined, payload: { name, userId: caller.userId, fingerprint }, requestId });
  return { ...pair, number: 0 };
}

export async function deleteKeyPair({ tx, caller, now, requestId }: Context, name: string): Promise<void> {
  if ((await deleteKeyPairRow(tx, caller.userId, name)) === 0) throw notFound(`Keypair ${name} not found for user ${caller.userId}`);
  await emit(tx, { now: () => now }, { type: 'keypair.delete.end', resource: 'keypair', resourceId: name, projectId: caller.projectId ?? undefined, payload: { name, userId: caller.userId }, requestId });
}
