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
  updatedAt: Date;
  finishedAt: Date | null;
  result: string | null;
  hostId: string | null;
};

export type NewAction = Pick<Action, 'serverId' | 'projectId' | 'requestId' | 'action' | 'userId' | 'startedAt'> & { hostId?: string | null };

export async function insertAction(tx: Transaction, action: NewAction): Promise<void> {
  await tx.run`
    insert into compute.action (server_id, project_id, request_id, action, user_id, started_at, updated_at, host_id)
    values (${action.serverId}, ${action.projectId}, ${action.requestId}, ${action.action}, ${action.userId}, ${action.startedAt}, ${action.startedAt}, ${action.hostId ?? null})
    on conflict do nothing`;
}

export async function finishAction(tx: Transaction, serverId: string, requestId: string, { result, message, now }: { result: 'Success' | 'Error'; message: string | null; now: Date }): Promise<void> {
  await tx.run`
    update compute.action set finished_at = ${now}, updated_at = ${now}, host_id = coalesce((select host_id from compute.server where id = ${serverId}), host_id), result = ${result}, message = ${message}
    where server_id = ${serverId} and request_id = ${requestId} and finished_at is null`;
}

export type ActionFilter = { requestId?: string | undefined; changedSince?: Date | null; changedBefore?: Date | null; afterRequestId?: string | undefined; limit?: number };

/** The newest first. */
export function selectActions(tx: Transaction, serverId: string, { requestId, changedSince = null, changedBefore = null, afterRequestId, limit = 10_000 }: ActionFilter): Promise<Action[]> {
  return tx.rows<Action>`
    select server_id as "serverId", project_id as "projectId", request_id as "requestId", action, user_id as "userId", message,
      started_at as "startedAt", updated_at as "updatedAt", finished_at as "finishedAt", result, host_id as "hostId"
    from compute.action where server_id = ${serverId} and (${requestId ?? null}::text is null or request_id = ${requestId ?? null})
      and (${changedSince}::timestamptz is null or updated_at >= ${changedSince}) and (${changedBefore}::timestamptz is null or updated_at <= ${changedBefore})
      and (${afterRequestId ?? null}::text is null or (started_at, number) < (select started_at, number from compute.action where server_id = ${serverId} and request_id = ${afterRequestId ?? null}))
    order by started_at desc, number desc limit ${limit}`;
}
