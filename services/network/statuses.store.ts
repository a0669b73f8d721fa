import type { Transaction } from '../../kit/postgres/database.ts';

export type PortStatusChange = { id: string; status: 'ACTIVE' | 'DOWN' };

/** Still associated when the engine has been told: somebody may have taken it away since. */
export async function setFloatingIpsActive(tx: Transaction, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await tx.run`update network.floating_ip set status = 'ACTIVE' where id = any(${[...ids]}::text[]) and port_id is not null and status <> 'ACTIVE'`;
}

export async function setForwardedIpsActive(tx: Transaction, forwardingIds: readonly string[]): Promise<void> {
  if (forwardingIds.length === 0) return;
  await tx.run`
    update network.floating_ip set status = 'ACTIVE'
    where id in (select floating_ip_id from network.port_forwarding where id = any(${[...forwardingIds]}::text[])) and router_id is not null and status <> 'ACTIVE'`;
}

export async function setRouterPortsActive(tx: Transaction, routerIds: readonly string[]): Promise<void> {
  if (routerIds.length > 0) await tx.run`update network.port set status = 'ACTIVE' where router_id = any(${[...routerIds]}::text[]) and status <> 'ACTIVE'`;
}

/** Guests' ports whose status the engine knows. */
export function portsToPoll(tx: Transaction, which: 'waiting' | 'all'): Promise<PortStatusChange[]> {
  return tx.rows`
    select id, status from network.port
    where router_id is null and not internal and device_owner <> 'network:distributed'
      and (host_id <> '' and status = 'DOWN' or ${which === 'all'} and (host_id <> '' or status = 'ACTIVE'))`;
}

export function setPortStatuses(tx: Transaction, changes: readonly PortStatusChange[]): Promise<{ id: string; project_id: string }[]> {
  return tx.rows`
    update network.port p set status = change.status
    from unnest(${changes.map(({ id }) => id)}::text[], ${changes.map(({ status }) => status)}::text[]) as change (id, status)
    where p.id = change.id and p.status <> change.status returning p.id, p.project_id`;
}
