/** The hosts of the region, with what they have and what is claimed of it. */
import { emit } from '../../kit/events/events.ts';
import { notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { aliveAfter } from './claims.ts';
import { selectHost, selectHosts, updateEnabled, type Host, type Inventory } from './hosts.store.ts';

export type { Host, Inventory } from './hosts.store.ts';

export function listHosts(tx: Transaction): Promise<Host[]> {
  return selectHosts(tx);
}

export function findHost(tx: Transaction, id: string): Promise<Host | undefined> {
  return selectHost(tx, id);
}

export async function getProvider(tx: Transaction, id: string): Promise<Host> {
  const host = await selectHost(tx, id);
  if (!host) throw notFound(`No resource provider with uuid ${id} found : No resource provider with uuid ${id} found.`);
  return host;
}

/** Whether the driver reported it lately. */
export function isAlive(host: Host, now: Date): boolean {
  return host.seenAt >= aliveAfter(now);
}

/** A disabled host keeps its servers and gets no new ones. Says whether there is such a host. */
export async function setHostEnabled({ tx, now, requestId }: Pick<Context, 'tx' | 'now' | 'requestId'>, hostname: string, enabled: boolean): Promise<boolean> {
  if ((await updateEnabled(tx, hostname, enabled)) === 0) return false;
  for (const host of await selectHosts(tx)) if (host.hostname === hostname) await tellHost(tx, now, host, requestId);
  return true;
}

/** As a provider and as a hypervisor, which is known by its number. */
export async function tellHost(tx: Transaction, now: Date, { id, number }: Pick<Host, 'id' | 'number'>, requestId?: string): Promise<void> {
  const told = { requestId, payload: {} };
  await emit(tx, { now: () => now }, { ...told, type: 'resource_provider.update', resource: 'resource_provider', resourceId: id });
  await emit(tx, { now: () => now }, { ...told, type: 'hypervisor.update', resource: 'hypervisor', resourceId: String(number) });
}

export function inventoryOf(host: Host, resourceClass: string): Inventory {
  return host.inventories.find((each) => each.resourceClass === resourceClass) ?? { resourceClass, total: 0, reserved: 0, allocationRatio: 1, used: 0 };
}

export function capacityOf({ total, reserved, allocationRatio }: Inventory): number {
  return Math.floor((total - reserved) * allocationRatio);
}
