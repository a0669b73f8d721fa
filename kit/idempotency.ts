/**
 * The same request sent twice is done once: its result is kept under the caller's key, with the deed.
 *
 * A reply may hold what is said once and kept nowhere, such as a new key pair's private half. So it is sealed with
 * what only the caller has: who repeats the request can read it, and nobody who reads the table.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { Clock, Random } from './clock.ts';
import type { Transaction } from './postgres/database.ts';

export type RequestKey = {
  projectId: string;
  /** A digest of who asks under which key: what the result is found by. */
  key: string;
  /** The key as the caller sent it, which is stored nowhere. */
  secret: string;
  /** A digest of what was asked: method, path and body. */
  fingerprint: string;
};

export type KeptResult = { status: number; headers: Record<string, string>; body: string };

/** The key was used for another request. */
export class KeyConflict extends Error {
  override name = 'KeyConflict';
}

const keptForMs = 24 * 3600 * 1000;

/**
 * What was answered to this request before, or undefined for the first one. Two that come at once
 * take turns: the second waits here until the transaction of the first has ended.
 */
export async function findResult(
  tx: Transaction,
  clock: Pick<Clock, 'now'>,
  request: RequestKey,
): Promise<KeptResult | undefined> {
  const { projectId, key, fingerprint } = request;
  // In a statement of its own: the next one must see what was committed while this one waited.
  await tx.run`select pg_advisory_xact_lock(hashtext('kit.idempotency'), hashtext(${`${projectId} ${key}`}))`;
  const kept = await tx.one<{ fingerprint: string; status: number; sealed: Buffer }>`
    select fingerprint, status, sealed from kit.idempotency
    where project_id = ${projectId} and key = ${key} and kept_at > ${oldest(clock)}`;
  if (!kept) return undefined;
  if (kept.fingerprint !== fingerprint) throw new KeyConflict('This idempotency key was used for another request');
  return { status: kept.status, ...(JSON.parse(unseal(request, kept.sealed)) as Omit<KeptResult, 'status'>) };
}

/** In the same transaction as `findResult` and the deed. */
export async function keepResult(
  tx: Transaction,
  { now, random }: { now: Date; random: Random },
  request: RequestKey,
  { status, headers, body }: KeptResult,
): Promise<void> {
  const { projectId, key, fingerprint } = request;
  await tx.run`
    insert into kit.idempotency (project_id, key, fingerprint, status, sealed, kept_at)
    values (${projectId}, ${key}, ${fingerprint}, ${status}, ${seal(request, JSON.stringify({ headers, body }), random.bytes(ivBytes))}, ${now})
    on conflict (project_id, key) do update
    set fingerprint = excluded.fingerprint, status = excluded.status, sealed = excluded.sealed, kept_at = excluded.kept_at`;
}

export function forgetOldResults(tx: Transaction, clock: Pick<Clock, 'now'>): Promise<number> {
  return tx.run`delete from kit.idempotency where kept_at <= ${oldest(clock)}`;
}

function oldest(clock: Pick<Clock, 'now'>): Date {
  return new Date(clock.now().getTime() - keptForMs);
}

const cipher = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

/** Where it lies and what was asked are part of the seal: a row moved to another place cannot be opened. */
function seal(request: RequestKey, text: string, iv: Buffer): Buffer {
  const encrypt = createCipheriv(cipher, sealingKey(request), iv).setAAD(Buffer.from(request.fingerprint));
  const sealed = Buffer.concat([encrypt.update(text, 'utf8'), encrypt.final()]);
  return Buffer.concat([iv, encrypt.getAuthTag(), sealed]);
}

function unseal(request: RequestKey, sealed: Buffer): string {
  const [iv, tag, rest] = [sealed.subarray(0, ivBytes), sealed.subarray(ivBytes, ivBytes + tagBytes), sealed.subarray(ivBytes + tagBytes)];
  const decrypt = createDecipheriv(cipher, sealingKey(request), iv, { authTagLength: tagBytes }).setAAD(Buffer.from(request.fingerprint)).setAuthTag(tag);
  return decrypt.update(rest, undefined, 'utf8') + decrypt.final('utf8');
}

function sealingKey({ projectId, key, secret }: RequestKey): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, `${projectId} ${key}`, 'kit.idempotency', 32));
}
