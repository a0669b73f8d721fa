/** Public keys that users hand to their servers. They belong to the user, in whatever project. */
import { badRequest, conflict, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { emit } from '../../kit/events/events.ts';
import { quotaUsage } from '../quota/quotas.ts';
import { countKeyPairsAlone, deleteKeyPairRow, insertKeyPair, selectKeyPair, selectKeyPairs, type KeyPair } from './key-pairs.store.ts';
import { certificateFingerprint } from './certificates.ts';
import { readFingerprint } from './ssh-keys.ts';

export type { KeyPair } from './key-pairs.store.ts';

/** Administrators do with anybody's what users do with their own. */
export function ownerOf({ caller }: Pick<Context, 'caller'>, verb: string, userId = caller.userId): string {
  if (userId !== caller.userId && !caller.isAdmin) throw forbidden(`Policy doesn't allow os_compute_api:os-keypairs:${verb} to be performed.`);
  return userId;
}

export async function listKeyPairs(context: Context, userId?: string): Promise<KeyPair[]> {
  return selectKeyPairs(context.tx, ownerOf(context, 'index', userId));
}

export async function getKeyPair(context: Context, name: string, userId?: string): Promise<KeyPair> {
  const owner = ownerOf(context, 'show', userId);
  const pair = await selectKeyPair(context.tx, owner, name);
  if (!pair) throw notFound(`Keypair ${name} not found for user ${owner}`);
  return pair;
}

/** Refuses what is neither a public key nor, for x509, a certificate. */
export function checkedFingerprint(type: KeyPair['type'], publicKey: string): string {
  const fingerprint = type === 'ssh' ? readFingerprint(publicKey) : certificateFingerprint(publicKey);
  if (fingerprint === undefined) throw badRequest(`Keypair data is invalid: failed to generate ${type === 'ssh' ? '' : 'X509 '}fingerprint`);
  return fingerprint;
}

export async function createKeyPair({ tx, caller, now, requestId }: Context, { userId, name, type, publicKey, fingerprint }: Pick<KeyPair, 'userId' | 'name' | 'type' | 'publicKey' | 'fingerprint'>): Promise<KeyPair> {
  const count = await countKeyPairsAlone(tx, userId);
  const most = (await quotaUsage(tx, caller.projectId ?? '', ['compute.key_pairs']))['compute.key_pairs']!.limit;
  if (most >= 0 && count >= most) throw forbidden('Quota exceeded, too many key pairs.');
  const pair = { userId, name, type, fingerprint, publicKey, createdAt: now };
  if ((await insertKeyPair(tx, pair)) === 0) throw conflict(`Key pair '${name}' already exists.`);
  await emit(tx, { now: () => now }, { type: 'keypair.create.end', resource: 'keypair', resourceId: name, projectId: caller.projectId ?? undefined, payload: { name, userId, fingerprint }, requestId });
  return { ...pair, number: 0 };
}

export async function deleteKeyPair(context: Context, name: string, user?: string): Promise<void> {
  const { tx, caller, now, requestId } = context;
  const userId = ownerOf(context, 'delete', user);
  if ((await deleteKeyPairRow(tx, userId, name)) === 0) throw notFound(`Keypair ${name} not found for user ${userId}`);
  await emit(tx, { now: () => now }, { type: 'keypair.delete.end', resource: 'keypair', resourceId: name, projectId: caller.projectId ?? undefined, payload: { name, userId }, requestId });
}
