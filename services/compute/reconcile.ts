/** What is so on the hosts, against what should be: every difference is mended, or told to an operator. */
import type { ServerState } from '../../drivers/driver.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { running } from '../../kit/workflow/runs.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { RegionParts } from '../parts.ts';
import { selectBlockDevices, type BlockDevice } from './devices.store.ts';
import { changeServer } from './server-changes.ts';
import { refreshServerWorkflow, subjectOf } from './server-steps.ts';
import { hardRebootWorkflow } from './server-actions.workflow.ts';
import { createServerWorkflow, deleteServerWorkflow } from './servers.workflow.ts';
import { lockServerRow, selectDeleted, selectLiving, type Server } from './servers.store.ts';

const scope = { kind: 'system', reason: 'servers are compared with machines' } as const;

export const reconcileServers = schedule<RegionParts>('compute.reconcile', { everyMs: 10_000, run: reconcile });

/** Also what a test or an operator calls to have it done now. */
export async function reconcile(parts: RegionParts): Promise<void> {
  const { driver, database, log } = parts;
  // Rows before machines: a machine made in between has a row that is not known yet, and is only reported.
  const servers = await database.read(scope, selectLiving);
  const all = await driver.servers.list();
  const known = new Map(servers.map((server) => [server.id, server]));
  // On its way between hosts a server can have two: what it is goes by the one where it belongs.
  const isAway = (machine: ServerState) => known.has(machine.id) && machine.hostId !== known.get(machine.id)!.hostId;
  const machines = new Map(all.filter((machine) => !isAway(machine)).map((machine) => [machine.id, machine]));
  const devices = Map.groupBy(await database.read(scope, (tx) => selectBlockDevices(tx, servers.map(({ id }) => id))), ({ serverId }) => serverId);
  for (const server of servers) await mend(parts, { server, machine: machines.get(server.id), devices: devices.get(server.id) ?? [] });

  // To a host that does not answer nothing can be said: that waits until it does.
  const answering = ({ power }: ServerState) => power !== 'unknown';
  for (const machine of all.filter(answering).filter(isAway)) await takeAway(parts, known.get(machine.id)!, machine);

  const unknown = [...machines.values()].filter(answering).filter(({ id }) => !known.has(id));
  if (unknown.length === 0) return;
  const deleted = new Map((await database.read(scope, (tx) => selectDeleted(tx, unknown.map(({ id }) => id)))).map(({ id, generation }) => [id, generation]));
  for (const machine of unknown) {
    const generation = deleted.get(machine.id);
    // Restored from an old backup, rows may lack servers that live: what is not known to be deleted is never removed.
    if (generation === undefined) log.warn({ serverId: machine.id, hostId: machine.hostId }, 'a host has a machine that no server is known for');
    else await driver.servers.remove({ id: machine.id, hostId: machine.hostId, generation });
  }
}

/** What a server left behind on a host that it went from, when going was given up half way. Not while anything is done to it, nor what it may go back to. */
async function takeAway({ driver, database, log }: RegionParts, server: Server, { id, hostId }: ServerState): Promise<void> {
  const isLeft = await database.transaction(scope, async (tx) => {
    const now = await lockServerRow(tx, id);
    return now !== undefined && now.generation === server.generation && now.hostId !== hostId && now.resize?.left?.hostId !== hostId && (await running(tx, subjectOf(id))).length === 0;
  });
  if (!isLeft) return;
  log.warn({ serverId: id, hostId }, 'a host has a machine that belongs on another, and it is removed there');
  await driver.servers.remove({ id, hostId, generation: server.generation });
}

type Remedy = (tx: Transaction, server: Server) => Promise<void>;

/** A server as the rows and the hosts had it at about the same moment. */
type Seen = { server: Server; machine: ServerState | undefined; devices: readonly BlockDevice[] };

async function mend(parts: RegionParts, seen: Seen): Promise<void> {
  const { server } = seen;
  if (!remedyFor(parts, seen)) return;
  await parts.database.transaction(scope, async (tx) => {
    const now = await lockServerRow(tx, server.id);
    // It has changed since it was compared: the next comparison will tell.
    if (!now || now.generation !== server.generation || now.taskState !== server.taskState || now.vmState !== server.vmState) return;
    if ((await running(tx, subjectOf(server.id))).length > 0) return;
    await remedyFor(parts, { ...seen, server: now })?.(tx, now);
  });
}

function remedyFor(parts: RegionParts, { server, machine, devices }: Seen): Remedy | undefined {
  const start = (tx: Transaction, workflow: typeof refreshServerWorkflow | typeof createServerWorkflow) =>
    parts.workflows.start(tx, workflow as typeof refreshServerWorkflow, { subject: subjectOf(server.id), input: { serverId: server.id }, projectId: server.projectId });

  // What nobody works on is taken up again, or given up.
  if (server.taskState === 'deleting') return async (tx) => void (await parts.workflows.supersede(tx, deleteServerWorkflow, { subject: subjectOf(server.id), input: { serverId: server.id }, projectId: server.projectId }));
  if (server.vmState === 'building') return async (tx) => void (await start(tx, createServerWorkflow));
  if (server.taskState !== null)
    return async (tx, row) => {
      await changeServer(tx, parts.clock, row, { taskState: null }, { event: 'server.update', intent: true });
      await start(tx, refreshServerWorkflow);
    };
  if (server.hostId === null || server.vmState === 'error' || server.vmState === 'deleted') return undefined;

  const is = machine?.power ?? 'missing';
  if (is === 'unknown') return undefined;
  if (is === server.power) return hasItsVolumes(machine, devices) ? undefined : async (tx) => void (await start(tx, refreshServerWorkflow));
  // The guest has powered itself off: nova/compute/manager.py, _sync_instance_power_state
  if (server.power === 'running' && is === 'stopped')
    return async (tx, row) => void (await changeServer(tx, parts.clock, row, { power: 'stopped', ...(row.vmState === 'active' ? { vmState: 'stopped' as const } : {}) }, { event: 'server.power_off.end', intent: true }));
  if (is === 'crashed' || is === 'missing')
    return async (tx, row) => {
      parts.log.warn({ serverId: row.id, hostId: row.hostId, found: is }, 'a machine is not what it should be, and is made so again');
      await changeServer(tx, parts.clock, row, { bootEpoch: row.bootEpoch + 1 }, { intent: true });
      await parts.workflows.start(tx, row.vmState === 'active' ? hardRebootWorkflow : refreshServerWorkflow, { subject: subjectOf(row.id), input: { serverId: row.id }, projectId: row.projectId });
    };
  // Started, paused or resumed behind our back.
  return async (tx) => void (await start(tx, refreshServerWorkflow));
}

/** The root volume may be told apart from the others, or not: that is the driver's. */
function hasItsVolumes(machine: ServerState | undefined, devices: readonly BlockDevice[]): boolean {
  return devices.every(({ volumeId, state, isRoot }) => isRoot || state !== 'attached' || machine?.volumes.includes(volumeId) === true);
}
