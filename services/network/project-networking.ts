/** What a project has of the network, whole: for the calls of compute that show it. */
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { selectFloatingIps, type FloatingIp } from './floating-ips.store.ts';
import { selectNetworks, type Network } from './networks.store.ts';
import { selectSecurityGroups, type SecurityGroup } from './security-groups.store.ts';

/** Null: of every project. In Nova's order, which is by project and name. */
export function projectSecurityGroups({ tx }: Pick<Context, 'tx'>, projectId: string | null): Promise<SecurityGroup[]> {
  return selectSecurityGroups(tx, sql`(${projectId}::text is null or r.project_id = ${projectId}) order by r.project_id, r.name, r.id`);
}

export async function securityGroupNames({ tx }: Pick<Context, 'tx'>, ids: readonly string[]): Promise<Map<string, { name: string; projectId: string }>> {
  if (ids.length === 0) return new Map();
  const groups = await selectSecurityGroups(tx, sql`r.id = any(${[...ids]}::text[])`);
  return new Map(groups.map(({ id, name, project_id: projectId }) => [id, { name, projectId }]));
}

export function projectFloatingIps({ tx, caller }: Pick<Context, 'tx' | 'caller'>): Promise<FloatingIp[]> {
  return selectFloatingIps(tx, sql`r.project_id = ${caller.projectId ?? ''} order by r.created_at, r.id`);
}

/** The one that has this address, among the project's. */
export async function floatingIpByAddress({ tx, caller }: Pick<Context, 'tx' | 'caller'>, address: string): Promise<FloatingIp | undefined> {
  return (await selectFloatingIps(tx, sql`r.project_id = ${caller.projectId ?? ''} and host(r.floating_ip_address) = ${address}`))[0];
}

/** The project's own and those that others share with it, or that lead outside. */
export function visibleNetworks({ tx }: Pick<Context, 'tx'>): Promise<Network[]> {
  return selectNetworks(tx, sql`true order by r.created_at, r.id`);
}

/** Where floating IPs come from. */
export function externalNetworks({ tx }: Pick<Context, 'tx'>): Promise<Network[]> {
  return selectNetworks(tx, sql`r.external_to <> '{}' order by r.created_at, r.id`);
}
