/** Servers by the host that they are on, for those who look after hosts. */
import type { Transaction } from '../../kit/postgres/database.ts';

export type HostedServer = { id: string; name: string; hostId: string };

export function selectHosted(tx: Transaction, hostIds: readonly string[]): Promise<HostedServer[]> {
  return tx.rows<HostedServer>`
    select id, name, host_id as "hostId" from compute.server where deleted_at is null and host_id = any(${[...hostIds]}::text[]) order by created_at, id`;
}

export async function countHosted(tx: Transaction, hostIds: readonly string[]): Promise<number> {
  return (await tx.one<{ count: number }>`select count(*)::int as count from compute.server where deleted_at is null and host_id = any(${[...hostIds]}::text[])`)?.count ?? 0;
}

export function selectHostedByProject(tx: Transaction, hostId: string): Promise<{ projectId: string; vcpus: number; memoryMiB: number; diskGiB: number }[]> {
  return tx.rows`
    select project_id as "projectId", sum((flavor ->> 'vcpus')::int)::int as vcpus, sum((flavor ->> 'memoryMiB')::int)::int as "memoryMiB",
      sum((flavor ->> 'diskGiB')::int + (flavor ->> 'ephemeralGiB')::int)::int as "diskGiB"
    from compute.server where deleted_at is null and host_id = ${hostId} group by project_id order by project_id`;
}
