import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type NdpProxy = { id: string; project_id: string; name: string; description: string; router_id: string; port_id: string; ip_address: string; revision_number: number; created_at: Date; updated_at: Date };

export const proxyTable = sql`network.ndp_proxy`;
export const proxyColumns = sql`r.id, r.project_id, r.name, r.description, r.router_id, r.port_id, host(r.ip_address) as ip_address, r.revision_number, r.created_at, r.updated_at`;

/** In which scope IPv6 addresses of a network are. */
export async function scopeOfNetwork(tx: Transaction, networkId: string): Promise<string | null> {
  return (await tx.one<{ scope: string | null }>`select network.scope6_of(${networkId}) as scope`)!.scope;
}

export async function hasProxies(tx: Transaction, routerId: string, subnetId?: string): Promise<boolean> {
  const inside = subnetId === undefined ? sql`true` : sql`exists (select from network.allocation a where a.port_id = p.port_id and a.address = p.ip_address and a.subnet_id = ${subnetId})`;
  return (await tx.one(sql`select 1 from network.ndp_proxy p where p.router_id = ${routerId} and ${inside} limit 1`)) !== undefined;
}

export async function isProxied(tx: Transaction, routerId: string, address: string): Promise<boolean> {
  return (await tx.one`select 1 from network.ndp_proxy where router_id = ${routerId} and ip_address = ${address}::inet`) !== undefined;
}

export function deleteProxiesTo(tx: Transaction, portId: string, addresses: readonly string[]): Promise<Pick<NdpProxy, 'id' | 'project_id' | 'router_id'>[]> {
  return tx.rows`delete from network.ndp_proxy where port_id = ${portId} and ip_address = any(${[...addresses]}::inet[]) returning id, project_id, router_id`;
}

/** Of a router `r`, as the projection reads it. */
export const proxiesOfRouter: Sql = sql`(select jsonb_agg(host(x.ip_address) order by x.ip_address) from network.ndp_proxy x where x.router_id = r.id and r.enable_ndp_proxy)`;
