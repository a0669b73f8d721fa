import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Policy, Room, Verdict, Wish } from './placing.ts';

export type DecisionState = 'intended' | 'unknown' | 'placed' | 'refused' | 'undone';

/** As it is kept: money as text. */
export type KeptVerdict = Omit<Verdict, 'hourly'> & { hourly: string };

export type Decision = {
  id: string;
  projectId: string;
  userId: string;
  requestId: string;
  clientKey: string | null;
  wish: Wish;
  policy: { limits: Omit<Policy['limits'], 'hourlyAtMost'> & { hourlyAtMost?: string }; preferences: Policy['preferences'] };
  verdicts: KeptVerdict[];
  region: string | null;
  /** Nano-units an hour, as they were when it was decided. */
  hourly: string | null;
  currency: string | null;
  bookHash: string | null;
  state: DecisionState;
  serverId: string | null;
  succeeded: boolean | null;
  why: string | null;
  decidedAt: Date;
  settledAt: Date | null;
};

const columns = sql`id, project_id as "projectId", user_id as "userId", request_id as "requestId", client_key as "clientKey", wish, policy, verdicts, region, hourly::text as hourly, currency,
  book_hash as "bookHash", state, server_id as "serverId", succeeded, why, decided_at as "decidedAt", settled_at as "settledAt"`;

export async function insertDecision(tx: Transaction, decision: Decision): Promise<void> {
  const { id, projectId, userId, requestId, clientKey, wish, policy, verdicts, region, hourly, currency, bookHash, state, why, decidedAt } = decision;
  await tx.run`
    insert into broker.decision (id, project_id, user_id, request_id, client_key, wish, policy, verdicts, region, hourly, currency, book_hash, state, why, decided_at)
    values (${id}, ${projectId}, ${userId}, ${requestId}, ${clientKey}, ${sql.json(wish)}::jsonb, ${sql.json(policy)}::jsonb, ${sql.json(verdicts)}::jsonb, ${region}, ${hourly}::numeric, ${currency}, ${bookHash}, ${state}, ${why}, ${decidedAt})`;
}

/** One that came to nothing gives the client's key back: asked with it again, it is decided anew. */
export async function settleDecision(tx: Transaction, id: string, change: { state: DecisionState; serverId?: string | null; why?: string | null; succeeded?: boolean | null }, now: Date): Promise<void> {
  const { state, serverId = null, why = null, succeeded = null } = change;
  await tx.run`
    update broker.decision set state = ${state}, client_key = case when ${state} in ('refused', 'undone') then null else client_key end, server_id = coalesce(${serverId}, server_id), why = coalesce(${why}, why), succeeded = ${succeeded}, settled_at = ${succeeded === null && state !== 'refused' ? null : now}
    where id = ${id}`;
}

export function findDecision(tx: Transaction, id: string): Promise<Decision | undefined> {
  return tx.one<Decision>(sql`select ${columns} from broker.decision where id = ${id}`);
}

export function findDecisionByKey(tx: Transaction, projectId: string, clientKey: string): Promise<Decision | undefined> {
  return tx.one<Decision>(sql`select ${columns} from broker.decision where project_id = ${projectId} and client_key = ${clientKey}`);
}

export function selectDecisions(tx: Transaction, where: Sql, most: number): Promise<Decision[]> {
  return tx.rows<Decision>(sql`select ${columns} from broker.decision where ${where} order by decided_at desc, id limit ${most}`);
}

/** Those whose machine is still on its way, or of which nobody knows whether there is one. */
export function unsettledDecisions(tx: Transaction, most: number): Promise<Decision[]> {
  return tx.rows<Decision>(sql`select ${columns} from broker.decision where succeeded is null and state in ('placed', 'unknown', 'intended') order by decided_at limit ${most}`);
}

/** What was decided on and the region was not asked for yet, or has not answered: it may not know of it. */
export async function sumIntended(tx: Transaction, region: string): Promise<Room> {
  const row = await tx.one<Room>`
    select coalesce(sum((wish->>'vcpus')::bigint * (wish->>'count')::bigint), 0)::bigint as vcpus, coalesce(sum((wish->>'memoryMiB')::bigint * (wish->>'count')::bigint), 0)::bigint as "memoryMiB",
      coalesce(sum((wish->>'diskGiB')::bigint * (wish->>'count')::bigint), 0)::bigint as "diskGiB"
    from broker.decision where state = 'intended' and succeeded is null and region = ${region}`;
  return row!;
}
