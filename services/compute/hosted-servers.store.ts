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

/** By host, those that something is being done with. */
export async function countUnderWay(tx: Transaction): Promise<Map<string, number>> {
  const rows = await tx.rows<{ hostId: string; count: number }>`
    select host_id as "hostId", count(*)::int as count from compute.server where deleted_at is null and task_state is not null and host_id is not null group by host_id`;
  return new Map(rows.map(({ hostId, count }) => [hostId, count]));
}

export function selectHostedByProject(tx: Transaction, hostId: string): Promise<{ projectId: string; vcpus: number; memoryMiB: number; diskGiB: number }[]> {
  return tx.rows`
    select project_id as "projectId", sum((flavor ->> 'vcpus')::int)::int as vcpus, sum((flavor ->> 'memoryMiB')::int)::int as "memoryMiB",
      sum((flavor ->> 'diskGiB')::int + (flavor ->> 'ephemeralGiB')::int)::int as "diskGiB"
    from compute.server where deleted_at is null and host_id = ${hostId} group by project_id order by project_id`;
}

/** On these hosts, with nothing being done with them, and asked by their users or their flavors to be there whatever becomes of a host. */
export async function selectToEvacuate(tx: Transaction, hostIds: readonly string[], most: number): Promise<{ id: string; projectId: string }[]> {
  if (hostIds.length === 0) return [];
  return tx.rows`
    select id, project_id as "projectId" from compute.server
    where deleted_at is null and host_id = any(${[...hostIds]}::text[]) and task_state is null and vm_state in ('active', 'stopped')
      and lower(coalesce(metadata ->> 'HA_Enabled', flavor #>> '{extraSpecs,HA_Enabled}')) = 'true'
    order by created_at, id limit ${most}`;
}
