/** What was asked of servers. */
import type { Transaction } from '../../kit/postgres/database.ts';

export type Action = {
  serverId: string;
  projectId: string;
  requestId: string;
  action: string;
  userId: string;
  message: string | null;
  startedAt: Date;
  finishedAt: Date | null;
  result: string | null;
};

export async function insertAction(tx: Transaction, action: Omit<Action, 'message' | 'finishedAt' | 'result'>): Promise<void> {
  await tx.run`
    insert into compute.action (server_id, project_id, request_id, action, user_id, started_at)
    values (${action.serverId}, ${action.projectId}, ${action.requestId}, ${action.action}, ${action.userId}, ${action.startedAt})
    on conflict do nothing`;
}

export async function finishAction(tx: Transaction, serverId: string, requestId: string, { result, message, now }: { result: 'Success' | 'Error'; message: string | null; now: Date }): Promise<void> {
  await tx.run`
    update compute.action set finished_at = ${now}, result = ${result}, message = ${message}
    where server_id = ${serverId} and request_id = ${requestId} and finished_at is null`;
}

export function selectActions(tx: Transaction, serverId: string, requestId: string | null): Promise<Action[]> {
  return tx.rows<Action>`
    select server_id as "serverId", project_id as "projectId", request_id as "requestId", action, user_id as "userId", message,
      started_at as "startedAt", finished_at as "finishedAt", result
    from compute.action where server_id = ${serverId} and (${requestId}::text is null or request_id = ${requestId})
    order by started_at desc, request_id`;
}
