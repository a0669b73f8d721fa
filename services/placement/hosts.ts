/** The hosts of the region, with what they have and what is claimed of it. */
import { notFound } from '../../kit/fault.ts';
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
export async function setHostEnabled(tx: Transaction, hostname: string, enabled: boolean): Promise<boolean> {
  return (await updateEnabled(tx, hostname, enabled)) > 0;
}

export function inventoryOf(host: Host, resourceClass: string): Inventory {
  return host.inventories.find((each) => each.resourceClass === resourceClass) ?? { resourceClass, total: 0, reserved: 0, allocationRatio: 1, used: 0 };
}

export function capacityOf({ total, reserved, allocationRatio }: Inventory): number {
  return Math.floor((total - reserved) * allocationRatio);
}
