/** The hosts of the region, with what they have and what is claimed of it. */
import { emit } from '../../kit/events/events.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { aliveAfter } from './claims.ts';
import { deleteHostRow, selectHost, selectHosts, selectHostsShown, selectHostStates, updateFailedBuilds, updateGone, updateHost, type Host, type HostChanges, type HostShown, type Inventory } from './hosts.store.ts';

export type { Host, HostChanges, HostShown, Inventory } from './hosts.store.ts';

export function listHosts(tx: Transaction): Promise<Host[]> {
  return selectHosts(tx);
}

/** Those of these that are there, without what they have. */
export function listHostsShown(tx: Transaction, ids: readonly string[]): Promise<HostShown[]> {
  return selectHostsShown(tx, ids);
}

/** What is known of each without looking at what it has. */
export function listHostStates(tx: Transaction): ReturnType<typeof selectHostStates> {
  return selectHostStates(tx);
}

/** Schedulers avoid hosts where servers could not be made, until one could. */
export async function noteBuild(tx: Transaction, id: string, outcome: { failed: boolean }): Promise<void> {
  await updateFailedBuilds(tx, id, outcome);
}

export function findHost(tx: Transaction, id: string): Promise<Host | undefined> {
  return selectHost(tx, id);
}

/** Whether the driver reported it lately, and no operator says otherwise. */
export function isAlive(host: Pick<Host, 'forcedDown' | 'seenAt' | 'goneAt'>, now: Date): boolean {
  return !host.forcedDown && host.goneAt === null && host.seenAt >= aliveAfter(now);
}

/** Whoever holds the connections of hosts says when one has gone, and when it is back: `null`. */
export async function noteGone(tx: Transaction, ids: readonly string[], { goneAt, now }: { goneAt: Date | null; now: Date }): Promise<void> {
  for (const host of await updateGone(tx, ids, goneAt)) await tellHost(tx, now, host);
}

/** A disabled host keeps its servers and gets no new ones. The host as it is afterwards. */
export async function changeHost({ tx, now, requestId }: Pick<Context, 'tx' | 'now' | 'requestId'>, host: Host, changes: Partial<HostChanges>): Promise<Host> {
  const { enabled, disabledReason, forcedDown } = { ...host, ...changes };
  await updateHost(tx, host.id, { enabled, disabledReason, forcedDown });
  await tellHost(tx, now, host, requestId);
  return { ...host, enabled, disabledReason, forcedDown };
}

/** Nothing may be claimed of it any more. One that still reports comes back as a new one. */
export async function removeHost({ tx, now, requestId }: Pick<Context, 'tx' | 'now' | 'requestId'>, host: Host): Promise<void> {
  await deleteHostRow(tx, host.id);
  await tellHost(tx, now, host, requestId);
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
