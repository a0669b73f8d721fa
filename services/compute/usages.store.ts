import type { Transaction } from '../../kit/postgres/database.ts';
import type { Server } from './servers.store.ts';

export type UsedServer = Pick<Server, 'id' | 'projectId' | 'name' | 'flavor' | 'vmState' | 'terminatedAt'> & { launchedAt: Date };

/** A page of those that ran at any time of this period, in Nova's order. */
export function selectRanBetween(tx: Transaction, { start, end, projectId, marker, limit }: { start: Date; end: Date; projectId: string | null; marker: string | null; limit: number }): Promise<UsedServer[]> {
  return tx.rows<UsedServer>`
    select id, project_id as "projectId", name, flavor, vm_state as "vmState", launched_at as "launchedAt", terminated_at as "terminatedAt"
    from compute.server
    where launched_at < ${end} and (terminated_at is null or terminated_at >= ${start}) and (${projectId}::text is null or project_id = ${projectId})
      and (${marker}::text is null or (project_id, id) > (select project_id, id from compute.server where id = ${marker}))
    order by project_id, id limit ${limit}`;
}
