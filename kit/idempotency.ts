/** The same request sent twice is done once: its result is kept under the caller's key, with the deed. */
import type { Clock } from './clock.ts';
import { sql, type Transaction } from './postgres/database.ts';

export type RequestKey = {
  projectId: string;
  key: string;
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
  { projectId, key, fingerprint }: RequestKey,
): Promise<KeptResult | undefined> {
  // In a statement of its own: the next one must see what was committed while this one waited.
  await tx.run`select pg_advisory_xact_lock(hashtext('kit.idempotency'), hashtext(${`${projectId} ${key}`}))`;
  const kept = await tx.one<KeptResult & { fingerprint: string }>`
    select status, headers, body, fingerprint from kit.idempotency
    where project_id = ${projectId} and key = ${key} and kept_at > ${oldest(clock)}`;
  if (!kept) return undefined;
  const { fingerprint: asked, ...result } = kept;
  if (asked !== fingerprint) throw new KeyConflict('This idempotency key was used for another request');
  return result;
}

/** In the same transaction as `findResult` and the deed. */
export async function keepResult(
  tx: Transaction,
  clock: Pick<Clock, 'now'>,
  { projectId, key, fingerprint }: RequestKey,
  { status, headers, body }: KeptResult,
): Promise<void> {
  await tx.run`
    insert into kit.idempotency (project_id, key, fingerprint, status, headers, body, kept_at)
    values (${projectId}, ${key}, ${fingerprint}, ${status}, ${sql.json(headers)}::jsonb, ${body}, ${clock.now()})
    on conflict (project_id, key) do update
    set fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers,
      body = excluded.body, kept_at = excluded.kept_at`;
}

export function forgetOldResults(tx: Transaction, clock: Pick<Clock, 'now'>): Promise<number> {
  return tx.run`delete from kit.idempotency where kept_at <= ${oldest(clock)}`;
}

function oldest(clock: Pick<Clock, 'now'>): Date {
  return new Date(clock.now().getTime() - keptForMs);
}
