/**
 * Who has claimed which host's processors, memory and disk. A claim is made in the caller's transaction,
 * beside the intent that it is for, so that the sum of claims is the sum of intents (invariant I3).
 */
import type { HostReport } from '../../drivers/driver.ts';
import { emit } from '../../kit/events/events.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { addUse, allocationsWhere, countSuitable, deleteAllocations, deleteIdleConsumer, findCandidates, handOverAllocations, insertAllocations, lockProvider, raiseGeneration, upsertInventories, upsertProvider, upsertServerConsumer, type Allocation, type Amount, type Refusal, type Wanted } from './claims.store.ts';

export type Needs = { vcpus: number; memoryMiB: number; diskGiB: number };

export type ClaimWish = Needs & {
  consumerId: string;
  projectId: string;
  userId?: string;
  now: Date;
  /** Hosts that were tried and could not. */
  exclude?: readonly string[];
  availabilityZone?: string | null;
  /** Only this one. */
  hostname?: string | null;
  /** What the flavor asks of hosts besides: traits, and what is said of the groups that they are in. */
  extraSpecs?: Readonly<Record<string, string>>;
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

/** nova/conf/compute.py: initial_cpu_allocation_ratio, reserved_host_memory_mb. */
const vcpuRatio = 4;
const reservedMemoryMiB = 512;

/** Claims room on the best host; claiming again for the same consumer returns what it has. Throws NoValidHost. */
export async function claimHost(tx: Transaction, wish: ClaimWish): Promise<{ hostId: string }> {
  const [before] = await allocationsWhere(tx, { consumerId: wish.consumerId });
  if (before) return { hostId: before.providerId };
  const amounts = amountsOf(wish);
  const wanted = wantedBy(wish, amounts);
  const candidates = await findCandidates(tx, wanted);
  for (const { id } of candidates) {
    // Others may have claimed it between the look and the lock.
    if (!(await lockProvider(tx, id)) || !(await addUse(tx, id, amounts))) continue;
    await upsertServerConsumer(tx, { consumerId: wish.consumerId, projectId: wish.projectId, userId: wish.userId ?? '' }, wish.now);
    await insertAllocations(tx, { consumerId: wish.consumerId, projectId: wish.projectId, providerId: id, now: wish.now }, amounts);
    await changed(tx, id, wish.now);
    return { hostId: id };
  }
  throw new NoValidHost(explain(await countSuitable(tx, wanted)));
}

const groupSpec = 'aggregate_instance_extra_specs:';

/** nova/scheduler/utils.py (traits) and filters/aggregate_instance_extra_specs.py */
function wantedBy(wish: ClaimWish, amounts: readonly Amount[]): Wanted {
  const specs = Object.entries(wish.extraSpecs ?? {});
  const traits = (how: string) => specs.filter(([name, value]) => name.startsWith('trait:') && value === how).map(([name]) => name.slice('trait:'.length));
  const groups = specs.filter(([name]) => name.startsWith(groupSpec));
  return {
    amounts,
    exclude: wish.exclude ?? [],
    onlyHostname: wish.hostname ?? null,
    availabilityZone: wish.availabilityZone ?? null,
    seenAfter: aliveAfter(wish.now),
    required: traits('required'),
    forbidden: traits('forbidden'),
    groupKeys: groups.map(([name]) => name.slice(groupSpec.length)),
    groupValues: groups.map(([, value]) => value),
  };
}

function explain({ hosts, inService, inZone, inGroups, withTraits, untried }: Refusal): string {
  return ` Of ${hosts} hosts, ${inService} are in service, ${inZone} of these are where it was wanted, ${inGroups} of these are in groups for it, ${withTraits} of these have the traits, ${untried} of these were not tried yet or ruled out by its group, and none of these has the room.`;
}

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
  if (changes.length === 0) return;
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
  for (const report of reports.toSorted((one, other) => (one.id < other.id ? -1 : 1))) {
    await upsertProvider(tx, report, now);
    await upsertInventories(tx, report.id, [
      { resourceClass: 'VCPU', amount: report.vcpus, reserved: 0, ratio: report.contracted ? 1 : vcpuRatio },
      { resourceClass: 'MEMORY_MB', amount: report.memoryMiB, reserved: report.contracted ? 0 : reservedMemoryMiB, ratio: 1 },
      { resourceClass: 'DISK_GB', amount: report.diskGiB, reserved: 0, ratio: 1 },
    ]);
  }
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

/** What is not needed is not claimed: a server on a volume has no disk on its host. */
export function amountsOf({ vcpus, memoryMiB, diskGiB }: Needs): Amount[] {
  return [
    { resourceClass: 'DISK_GB', amount: diskGiB },
    { resourceClass: 'MEMORY_MB', amount: memoryMiB },
    { resourceClass: 'VCPU', amount: vcpus },
  ].filter(({ amount }) => amount > 0);
}
