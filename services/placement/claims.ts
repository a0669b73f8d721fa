/**
 * Who has claimed which host's processors, memory and disk. A claim is made in the caller's transaction,
 * beside the intent that it is for, so that the sum of claims is the sum of intents (invariant I3).
 */
import type { HostReport } from '../../drivers/driver.ts';
import { emit } from '../../kit/events/events.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { isHeldAs, registerCells, type CellWish } from './cells.ts';
import { addUse, allocationsWhere, deleteAllocations, deleteIdleConsumer, handOverAllocations, insertAllocations, insertMachineTraits, lockProvider, raiseGeneration, upsertInventories, upsertProviders, upsertServerConsumer, type Allocation } from './claims.store.ts';
import { machineTraits } from './machines.ts';
import { amountsOf, classOfDevice, type Asked } from './scheduler/wishes.ts';

export { amountsOf, resourcesOf } from './scheduler/wishes.ts';

/** `resources`: by class, instead of what the others say of it, or besides. */
export type Needs = { vcpus: number; memoryMiB: number; diskGiB: number; resources?: Readonly<Record<string, number>>; /** Undefined: it does not matter to which of the host's it is held. */ cells?: CellWish | undefined };

export type ClaimWish = Needs &
  Partial<Pick<Asked, 'different' | 'same' | 'near' | 'availabilityZone' | 'hostname' | 'group'>> & {
    consumerId: string;
    projectId: string;
    userId?: string;
    now: Date;
    /** Hosts that were tried and could not. */
    exclude?: readonly string[];
    /** What the flavor asks of hosts besides. */
    extraSpecs?: Readonly<Record<string, string>>;
    /** What the image says of the machine that it wants. */
    image?: Readonly<Record<string, string>>;
    /** How many servers of each host something is being done with. */
    underWay?(tx: Transaction): Promise<ReadonlyMap<string, number>>;
  };

/** No host has room. Trying again at once would find the same. */
export class NoValidHost extends Error {
  override name = 'NoValidHost';
  readonly kind = 'no-valid-host';
  readonly retryable = false;

  /** `why`: how many hosts there were left after each thing that was asked of them; names none. */
  constructor(why = '') {
    // nova/exception.py, NoValidHost
    super(`No valid host was found. There are not enough hosts available.${why}`);
  }
}

/** A host that was not reported for so long takes nothing new: nova/conf/service.py, service_down_time. */
export const hostSilenceSeconds = 60;
/** That it was seen is written down no more often, unless there is something else to say of it. */
const seenEverySeconds = 15;

/** nova/conf/compute.py: initial_cpu_allocation_ratio, reserved_host_memory_mb. */
const vcpuRatio = 4;
const reservedMemoryMiB = 512;

/** Makes the consumer's claim as large as this, on the host where it is. Throws NoValidHost when that has no room. */
export async function moveClaim(tx: Transaction, wish: Needs & { consumerId: string; projectId: string; now: Date }): Promise<void> {
  const before = await allocationsWhere(tx, { consumerId: wish.consumerId });
  const hostId = before[0]?.providerId;
  if (hostId === undefined) throw new Error(`There is no claim of ${wish.consumerId} that could be changed`);
  await lockProvider(tx, hostId);
  const had = new Map(before.map(({ resourceClass, used }) => [resourceClass, used]));
  const amounts = amountsOf(wish);
  const classes = new Set([...had.keys(), ...amounts.map(({ resourceClass }) => resourceClass)]);
  const wanted = new Map(amounts.map(({ resourceClass, amount }) => [resourceClass, amount]));
  const changes = [...classes].map((resourceClass) => ({ resourceClass, amount: (wanted.get(resourceClass) ?? 0) - (had.get(resourceClass) ?? 0) })).filter(({ amount }) => amount !== 0);
  const isHeld = await isHeldAs(tx, wish.consumerId, wish.cells);
  if (changes.length === 0 && isHeld) return;
  // Another host may have the cells; that this one has them is seen only when none of them is held any more.
  if (!isHeld || wish.cells) throw new NoValidHost();
  if (!(await addUse(tx, hostId, changes))) throw new NoValidHost();
  await deleteAllocations(tx, wish.consumerId, hostId);
  await upsertServerConsumer(tx, { consumerId: wish.consumerId, projectId: wish.projectId, userId: '' }, wish.now);
  await insertAllocations(tx, { ...wish, providerId: hostId }, amounts);
  await changed(tx, hostId, wish.now);
}

/** What one has claimed is another's from now on, who has claimed nothing yet. */
export async function handOverClaim(tx: Transaction, { from, to, projectId, userId, now }: { from: string; to: string; projectId: string; userId: string; now: Date }): Promise<void> {
  await upsertServerConsumer(tx, { consumerId: to, projectId, userId }, now);
  for (const { providerId } of await allocationsWhere(tx, { consumerId: from })) await changed(tx, providerId, now);
  await handOverAllocations(tx, from, to);
  await deleteIdleConsumer(tx, from);
}

/** Gives back all that the consumer has claimed; nothing when it has nothing. */
export async function releaseClaim(tx: Transaction, consumerId: string, now: Date): Promise<void> {
  const byHost = Map.groupBy(await allocationsWhere(tx, { consumerId }), ({ providerId }) => providerId);
  for (const [hostId, allocations] of [...byHost].sort(([one], [other]) => (one < other ? -1 : 1))) {
    await lockProvider(tx, hostId);
    await addUse(tx, hostId, allocations.map(({ resourceClass, used }) => ({ resourceClass, amount: -used })));
    await deleteAllocations(tx, consumerId, hostId);
    await changed(tx, hostId, now);
  }
  await deleteIdleConsumer(tx, consumerId);
}

/** Takes down what the driver reports of its hosts; a host that is missing from it is merely not seen. */
export async function registerHosts(tx: Transaction, reports: readonly HostReport[], now: Date): Promise<void> {
  await upsertProviders(tx, reports, { now, seenBefore: new Date(now.getTime() - seenEverySeconds * 1000) });
  await upsertInventories(
    tx,
    reports.flatMap(({ id: providerId, vcpus, memoryMiB, diskGiB, contracted, ownVcpus = 0, devices = {} }) => [
      { providerId, resourceClass: 'VCPU', amount: vcpus - ownVcpus, reserved: 0, ratio: contracted ? 1 : vcpuRatio },
      ...(ownVcpus === 0 ? [] : [{ providerId, resourceClass: 'PCPU', amount: ownVcpus, reserved: 0, ratio: 1 }]),
      { providerId, resourceClass: 'MEMORY_MB', amount: memoryMiB, reserved: contracted ? 0 : reservedMemoryMiB, ratio: 1 },
      { providerId, resourceClass: 'DISK_GB', amount: diskGiB, reserved: 0, ratio: 1 },
      ...Object.entries(devices).map(([alias, amount]) => ({ providerId, resourceClass: classOfDevice(alias), amount, reserved: 0, ratio: 1 })),
    ]),
  );
  await registerCells(tx, reports);
  await insertMachineTraits(tx, machineTraits);
}

/** All that servers have claimed, for invariant I3. */
export function listClaims(tx: Transaction): Promise<Allocation[]> {
  return allocationsWhere(tx, { ofServers: true });
}

export function aliveAfter(now: Date): Date {
  return new Date(now.getTime() - hostSilenceSeconds * 1000);
}

async function changed(tx: Transaction, hostId: string, now: Date): Promise<void> {
  await raiseGeneration(tx, hostId);
  await emit(tx, { now: () => now }, { type: 'resource_provider.update', resource: 'resource_provider', resourceId: hostId, payload: {} });
}
