/** Who did what, written in the transaction of the deed; there is no deed without its entry. */
import type { Clock } from './clock.ts';
import { sql, type Transaction } from './postgres/database.ts';

export type AuditEntry = {
  /** Such as `server.create`. */
  action: string;
  /** Such as `server/<id>`. */
  target: string;
  outcome: 'success' | 'failure' | 'denied';
  userId?: string | undefined;
  projectId?: string | undefined;
  requestId?: string | undefined;
  /** The caller's address. */
  source?: string | undefined;
  details?: object;
};

export async function audit(tx: Transaction, clock: Pick<Clock, 'now'>, entry: AuditEntry): Promise<void> {
  const { action, target, outcome, userId, projectId, requestId, source, details = {} } = entry;
  tx.queue(sql`
    insert into kit.audit (at, request_id, user_id, project_id, action, target, outcome, source, details)
    values (${clock.now()}, ${requestId}, ${userId}, ${projectId}, ${action}, ${target}, ${outcome}, ${source},
      ${sql.json(details)}::jsonb)`);
}
