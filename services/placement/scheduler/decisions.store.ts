import { sql, type Transaction } from '../../../kit/postgres/database.ts';
import type { Decision } from './deciding.ts';
import type { Wish } from './wishes.ts';

/** A decision with what became of it. `lost`: finalists that somebody else was given meanwhile. */
export type DecisionRecord = Decision & { wish: Wish; lost: string[]; chosen: string };
export type KeptDecision = { consumerId: string; number: number; decidedAt: Date; record: DecisionRecord };

/** Not waited for: what may go wrong with it is nothing that anybody asked for. */
export function queueDecision(tx: Transaction, consumerId: string, record: DecisionRecord, now: Date): void {
  tx.queue(sql`insert into placement.decision (consumer_id, decided_at, record) values (${consumerId}, ${now}, ${sql.json(record)}::jsonb)`);
}

/** The newest first. */
export function selectDecisions(tx: Transaction, consumerId: string, limit: number): Promise<KeptDecision[]> {
  return tx.rows<KeptDecision>`
    select consumer_id as "consumerId", number, decided_at as "decidedAt", record from placement.decision where consumer_id = ${consumerId} order by number desc limit ${limit}`;
}

export function deleteDecisionsBefore(tx: Transaction, moment: Date): Promise<number> {
  return tx.run`delete from placement.decision where decided_at < ${moment}`;
}
