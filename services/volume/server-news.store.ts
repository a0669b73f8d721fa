import type { Transaction } from '../../kit/postgres/database.ts';

/** That a volume which this server uses has grown, and who asked for that. */
export type Growth = { serverId: string; requestId: string; userId: string; at: Date };

export async function insertGrowth(tx: Transaction, volumeId: string, { requestId, userId, at }: Omit<Growth, 'serverId'>): Promise<void> {
  await tx.run`
    insert into volume.server_news (server_id, request_id, user_id, happened_at)
    select distinct server_id, ${requestId}::text, ${userId}::text, ${at}::timestamptz from volume.attachment where volume_id = ${volumeId} and of_compute and status = 'attached' and server_id is not null
    on conflict do nothing`;
}

/** The oldest, each to one taker: what its transaction does about them is done exactly once. */
export function takeGrowth(tx: Transaction, limit: number): Promise<Growth[]> {
  return tx.rows<Growth>`
    delete from volume.server_news where (server_id, request_id) in (select server_id, request_id from volume.server_news order by happened_at, server_id, request_id limit ${limit} for update skip locked)
    returning server_id as "serverId", request_id as "requestId", user_id as "userId", happened_at as at`;
}
