/** The one way in which a server's row changes: locked, counted, told. */
import type { Clock } from '../../kit/clock.ts';
import { emit } from '../../kit/events/events.ts';
import { notFound } from '../../kit/fault.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import type { Failure } from '../../kit/workflow/workflow.ts';
import type { PowerState } from '../../drivers/driver.ts';
import type { Thing } from '../quota/budgets.ts';
import type { Amounts } from '../quota/quotas.ts';
import { cellsOf } from '../placement/cells.ts';
import { amountsOf, resourcesOf, type Needs } from '../placement/claims.ts';
import { lockServerRow, updateServerRow, type Server, type ServerFault, type VmState } from './servers.store.ts';
import { statusOf } from './server-states.ts';

export type Change = {
  /** Such as `server.reboot.end`; `server.update` when nothing better is known. */
  event?: string;
  requestId?: string | undefined;
  /** Whether what the machine should be has changed too. */
  intent?: boolean;
};

export async function lockServer(tx: Transaction, id: string): Promise<Server> {
  const server = await lockServerRow(tx, id);
  if (!server) throw noServer(id);
  return server;
}

export function noServer(id: string) {
  return notFound(`Instance ${id} could not be found.`);
}

/** The server as it is afterwards. Its row must be locked. */
export async function changeServer(tx: Transaction, clock: Pick<Clock, 'now'>, server: Server, changes: Partial<Server>, { event = 'server.update', requestId, intent = false }: Change = {}): Promise<Server> {
  const now = clock.now();
  const generation = await updateServerRow(tx, server.id, changes, { now, bumps: intent });
  const changed = { ...server, ...changes, generation, updatedAt: now };
  await tell(tx, clock, changed, event, requestId);
  return changed;
}

export async function tell(tx: Transaction, clock: Pick<Clock, 'now'>, server: Server, type: string, requestId?: string): Promise<void> {
  const { id, projectId, userId, name, flavor, hostId, imageId, vmState, taskState, availabilityZone, createdAt, launchedAt, terminatedAt } = server;
  await emit(tx, clock, {
    type,
    resource: 'server',
    resourceId: id,
    projectId,
    requestId,
    payload: { id, projectId, userId, name, status: statusOf(server), vmState, taskState, flavor, hostId, imageId, availabilityZone, createdAt, launchedAt, terminatedAt },
  });
}

/** What the tenant is told: never what an engine said. */
export function faultFrom(failure: Failure, now: Date): ServerFault {
  const told: Record<string, string> = {
    'no-valid-host': failure.message,
    'volume-failed': failure.message,
    exhausted: 'The host has no room left for this server.',
    invalid: 'The server cannot be made here as it was asked for.',
    unavailable: 'The host of this server did not answer.',
    missing: 'Something that this server needs is not there any more.',
  };
  const message = failure.name === 'DeadlinePassed' ? 'It took too long and was given up.' : (told[failure.kind ?? ''] ?? 'The host could not do what was asked.');
  return { code: 500, message, details: `Failed to ${failure.step}.`, created: now.toISOString() };
}

/** How the machine is in a state in which nothing is under way. */
export function powerOf(vmState: VmState, server: Pick<Server, 'power'>): PowerState {
  switch (vmState) {
    case 'active':
      return 'running';
    case 'stopped':
      return 'stopped';
    case 'paused':
      return 'paused';
    case 'suspended':
      return 'suspended';
    default:
      return server.power;
  }
}

/** So many of a flavor, as they are metered when they are up. */
export function meteredAs({ name, vcpus, memoryMiB, diskGiB, ephemeralGiB }: Server['flavor'], count: number): Thing {
  return { resource: 'server', flavor: name, state: 'ACTIVE', measures: { servers: count, vcpus: vcpus * count, memoryMiB: memoryMiB * count, diskGiB: (diskGiB + ephemeralGiB) * count } };
}

/** What it counts for in its project; a resize that waits counts as the larger of both. */
export function quotaOf({ flavor, resize }: Pick<Server, 'flavor' | 'resize'>): Amounts {
  return {
    'compute.instances': 1,
    'compute.cores': Math.max(flavor.vcpus, resize?.from.vcpus ?? 0),
    'compute.ram': Math.max(flavor.memoryMiB, resize?.from.memoryMiB ?? 0),
  };
}

/** What it claims of its host; a resize that waits may have to go back, where it is. */
export function needsOf({ flavor, resize, rootDiskGiB, imageProperties }: Pick<Server, 'flavor' | 'resize' | 'rootDiskGiB' | 'imageProperties'>): Needs {
  // nova/scheduler/utils.py, resources_from_flavor
  const claimed = (of: Server['flavor']): Needs => ({ vcpus: of.vcpus, memoryMiB: of.memoryMiB, diskGiB: rootDiskGiB + of.ephemeralGiB + Math.ceil(of.swapMiB / 1024), resources: resourcesOf(of, imageProperties), cells: cellsOf(of, imageProperties) });
  if (!resize || resize.left) return claimed(flavor);
  const most: Record<string, number> = { VCPU: 0, MEMORY_MB: 0, DISK_GB: 0 };
  for (const { resourceClass, amount } of [...amountsOf(claimed(flavor)), ...amountsOf(claimed(resize.from))]) most[resourceClass] = Math.max(most[resourceClass] ?? 0, amount);
  return { ...claimed(flavor), resources: most };
}
