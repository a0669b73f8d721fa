import type { Transaction } from '../../kit/postgres/database.ts';

export type KeyPair = { number: number; userId: string; name: string; type: 'ssh' | 'x509'; fingerprint: string; publicKey: string; createdAt: Date };

export function selectKeyPairs(tx: Transaction, userId: string): Promise<KeyPair[]> {
  return tx.rows<KeyPair>`
    select number, user_id as "userId", name, type, fingerprint, public_key as "publicKey", created_at as "createdAt"
    from compute.key_pair where user_id = ${userId} order by name`;
}

export function selectKeyPair(tx: Transaction, userId: string, name: string): Promise<KeyPair | undefined> {
  return tx.one<KeyPair>`
    select number, user_id as "userId", name, type, fingerprint, public_key as "publicKey", created_at as "createdAt"
    from compute.key_pair where user_id = ${userId} and name = ${name}`;
}

/** The user's pairs are made one after another from here on, so that they can be counted. */
export async function countKeyPairsAlone(tx: Transaction, userId: string): Promise<number> {
  await tx.run`select pg_advisory_xact_lock(hashtext('compute.key_pair'), hashtext(${userId}))`;
  const row = await tx.one<{ count: number }>`select count(*) as count from compute.key_pair where user_id = ${userId}`;
  return row!.count;
}

export function insertKeyPair(tx: Transaction, pair: Omit<KeyPair, 'number'>): Promise<number> {
  return tx.run`
    insert into compute.key_pair (user_id, name, type, fingerprint, public_key, created_at)
    values (${pair.userId}, ${pair.name}, ${pair.type}, ${pair.fingerprint}, ${pair.publicKey}, ${pair.createdAt})
    on conflict do nothing`;
}

export function deleteKeyPairRow(tx: Transaction, userId: string, name: string): Promise<number> {
  return tx.run`delete from compute.key_pair where user_id = ${userId} and name = ${name}`;
}
