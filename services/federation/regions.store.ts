/** The only file that names the table of regions. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Region = {
  name: string;
  first: boolean;
  status: 'invited' | 'joined';
  driver: string | null;
  url: string | null;
  userId: string | null;
  seenAt: Date | null;
  createdAt: Date;
};

const columns = sql`name, first, status, driver, url, user_id as "userId", seen_at as "seenAt", created_at as "createdAt"`;

export function listRegions(tx: Transaction): Promise<Region[]> {
  return tx.rows<Region>`select ${columns} from federation.region order by first desc, created_at, name`;
}

export function findRegion(tx: Transaction, name: string): Promise<Region | undefined> {
  return tx.one<Region>`select ${columns} from federation.region where name = ${name}`;
}

/** Apart from the region, so that they travel nowhere by accident. */
export function findSecretsOf(tx: Transaction, name: string): Promise<Secrets | undefined> {
  return tx.one<Secrets>`select proof_hash as "proofHash", seal_key as "sealKey", invited_until as "invitedUntil", answer, url, driver from federation.region where name = ${name}`;
}

/** `answer`: what it was told when it joined at this address, until it is heard of. */
type Secrets = { proofHash: Buffer | null; sealKey: Buffer | null; invitedUntil: Date | null; answer: string | null; url: string | null; driver: string | null };

/** Whoever joins by the same invitation waits. */
export async function lockRegion(tx: Transaction, name: string): Promise<void> {
  await tx.run`select from federation.region where name = ${name} for update`;
}

export function findSealKey(tx: Transaction, name: string): Promise<{ sealKey: Buffer | null } | undefined> {
  return tx.one<{ sealKey: Buffer | null }>`select seal_key as "sealKey" from federation.region where name = ${name}`;
}

/** Home's own region, at its present name and address. */
export async function ensureFirstRegion(tx: Transaction, { name, url, now }: { name: string; url: string; now: Date }): Promise<void> {
  await tx.run`delete from federation.region where first and name <> ${name}`;
  await tx.run`
    insert into federation.region (name, first, status, url, created_at) values (${name}, true, 'joined', ${url}, ${now})
    on conflict (name) do update set url = excluded.url where region.first`;
}

/** Also of one that was invited before and never came: the earlier invitation is worth nothing any more. */
export async function inviteRegion(tx: Transaction, { name, proofHash, sealKey, now, until }: { name: string; proofHash: Buffer; sealKey: Buffer; now: Date; until: Date }): Promise<boolean> {
  const changed = await tx.run`
    insert into federation.region (name, status, proof_hash, seal_key, invited_until, created_at) values (${name}, 'invited', ${proofHash}, ${sealKey}, ${until}, ${now})
    on conflict (name) do update set status = 'invited', proof_hash = excluded.proof_hash, seal_key = excluded.seal_key, invited_until = excluded.invited_until, answer = null
    where not region.first and region.seen_at is null`;
  return changed === 1;
}

export async function markJoined(tx: Transaction, { name, url, driver, userId, answer }: { name: string; url: string; driver: string; userId: string; answer: string }): Promise<void> {
  await tx.run`update federation.region set status = 'joined', answer = ${answer}, url = ${url}, driver = ${driver}, user_id = ${userId} where name = ${name}`;
}

/** It has what it was told: its invitation is worth nothing any more. */
export async function markSeen(tx: Transaction, name: string, now: Date): Promise<void> {
  await tx.run`update federation.region set seen_at = ${now}, proof_hash = null, answer = null where name = ${name}`;
}

export async function deleteRegion(tx: Transaction, name: string): Promise<void> {
  await tx.run`delete from federation.region where name = ${name}`;
}
