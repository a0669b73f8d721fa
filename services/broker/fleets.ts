/** The rules of fleets; `fleet-keeping.ts` makes them true. */
import { emit } from '../../kit/events/events.ts';
import { conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import { findFleet, insertFleet, lockFleet, selectFleets, updateFleet, type Burst, type Fleet, type Machine, type MachineSpec } from './fleets.store.ts';

export type { Burst, Fleet, Machine, MachineSpec } from './fleets.store.ts';

/** The keeper looks at once. */
export const fleetChannel = 'broker_fleet';

export function listFleets({ tx, caller }: Context): Promise<Fleet[]> {
  return selectFleets(tx, sql`f.project_id = ${caller.projectId ?? ''}`);
}

export async function getFleet({ tx }: Pick<Context, 'tx'>, id: string): Promise<Fleet> {
  return demand(id, await findFleet(tx, id));
}

export async function createFleet(context: Context, wish: { name: string; size: number; machine: MachineSpec; burst: Burst | null }): Promise<Fleet> {
  const { tx, caller, now, random } = context;
  const id = random.uuid();
  await insertFleet(tx, { id, projectId: caller.projectId ?? '', userId: caller.userId, ...wish }, now);
  return told(context, 'create', await getFleet(context, id));
}

export async function changeFleet(context: Context, id: string, change: { name?: string | undefined; size?: number | undefined; burst?: Burst | null | undefined }): Promise<Fleet> {
  const { tx, now } = context;
  const fleet = demand(id, await lockFleet(tx, id));
  if (fleet.status === 'deleting') throw conflict(`Fleet ${id} is being deleted.`, 'fleet-deleting');
  await updateFleet(tx, { ...fleet, name: change.name ?? fleet.name, size: change.size ?? fleet.size, burst: change.burst === undefined ? fleet.burst : change.burst }, now);
  return told(context, 'update', await getFleet(context, id));
}

export async function removeFleet(context: Context, id: string): Promise<void> {
  const { tx, now } = context;
  const fleet = demand(id, await lockFleet(tx, id));
  await updateFleet(tx, { ...fleet, status: 'deleting', size: 0 }, now);
  await told(context, 'update', fleet);
}

async function told(context: Context, what: 'create' | 'update', fleet: Fleet): Promise<Fleet> {
  await tellFleet(context, what, fleet);
  context.tx.wake(fleetChannel);
  return fleet;
}

export function tellFleet({ tx, now, requestId }: { tx: Transaction; now: Date; requestId?: string }, what: 'create' | 'update' | 'delete', { id, projectId, name, size }: Fleet): Promise<void> {
  return emit(tx, { now: () => now }, { type: `fleet.${what}`, resource: 'fleet', resourceId: id, projectId, requestId, payload: { name, size } });
}

/** Nano-units that a machine at a partner's has cost by now. */
export function spentOn({ kind, hourly, since, serverId }: Machine, now: Date): bigint {
  if (kind !== 'partner' || hourly === null || serverId === null) return 0n;
  const seconds = BigInt(Math.max(0, Math.ceil((now.getTime() - Date.parse(since)) / 1000)));
  return (BigInt(hourly) * seconds + 3599n) / 3600n;
}

/** With what is still running. */
export function burstSpent({ burstSpent: ended, machines }: Fleet, now: Date): bigint {
  return machines.reduce((sum, machine) => sum + spentOn(machine, now), BigInt(ended));
}

function demand(id: string, fleet: Fleet | undefined): Fleet {
  if (!fleet) throw notFound(`There is no fleet ${id}.`, 'fleet-not-found');
  return fleet;
}
