/** How servers come and go. */
import { DriverError } from '../../drivers/driver.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { step, workflow } from '../../kit/workflow/workflow.ts';
import { dropServerImage } from '../image/uploads.ts';
import { bindServerPort, projectNow, releaseServerPorts } from '../network/ports.ts';
import type { RegionParts } from '../parts.ts';
import { releaseClaim } from '../placement/claims.ts';
import { noteBuild } from '../placement/hosts.ts';
import { releaseQuota } from '../quota/quotas.ts';
import { completeAttachment, deleteServerVolumes, releaseAttachments, volumeState } from '../volume/volumes.ts';
import { deleteBlockDevices, deleteInterfaces, selectBlockDevices, selectInterfaces, setBlockDeviceState, setInterfaceState, type BlockDevice, type Interface } from './devices.store.ts';
import { tellDevices, type Plugged } from './devices.ts';
import { changeServer, faultFrom, quotaOf } from './server-changes.ts';
import { asFinal, commitServer, ensureMachine, noteOutcome, nowAs, patient, type About, type ServerRun } from './server-steps.ts';
import { Unplaced } from './server-spec.ts';
import { claimInGroup } from './server-groups.ts';
import { endMigrations } from './migrations.store.ts';
import { findServer, lockServerRow, type Server } from './servers.store.ts';
import { wishOf } from './scheduler-hints.ts';
import { VolumeFailed } from './volume-failed.ts';

type CreateState = { tried: string[] };

export const createServerWorkflow = workflow<About, CreateState, RegionParts>(
  'server.create',
  [
    step('claim a host', claim, giveUpHost),
    step('wait for its volumes', waitForVolumes, undefined, { retry: { attempts: 200, firstMs: 50, factor: 1.3, maxMs: 3_000 }, isCheap: true }),
    step('connect it', connect, undefined, { retry: patient }),
    step('boot it', boot, removeMachine, { retry: patient, isCheap: true }),
    step('say it is ready', sayReady),
  ],
  {
    deadlineSeconds: 900,
    async onFailed(tx, run, failure) {
      const server = await lockServerRow(tx, run.input.serverId);
      if (!server) return;
      // What the host could not do counts against it; that there was no room on any does not.
      if (server.hostId !== null && failure.kind === 'failed') await noteBuild(tx, server.hostId, { failed: true });
      await letGoOfDevices(tx, server, run.services.clock);
      await changeServer(tx, run.services.clock, server, { vmState: 'error', taskState: null, power: 'stopped', fault: faultFrom(failure, run.services.clock.now()) }, { event: 'server.create.error', requestId: run.requestId, intent: true });
    },
    onSettled: (tx, run, outcome) => noteOutcome(tx, run, outcome, run.failure),
  },
);

type CreateRun = ServerRun<About, CreateState>;

async function claim(run: CreateRun): Promise<void> {
  await commitServer(run, async (server, tx) => ({ ...(await placeOn(tx, run, server, [])), taskState: 'networking' }));
}

/** A host that has room and that its group allows, with its ports bound there. */
export async function placeOn(tx: Transaction, run: Pick<ServerRun, 'services' | 'requestId'>, server: Server, exclude: readonly string[], onlyHostname = server.onlyHostname): Promise<{ hostId: string; hostZone: string | null }> {
  const now = run.services.clock.now();
  const wish = await wishOf(tx, server, { exclude, hostname: onlyHostname, now });
  const { hostId, availabilityZone: hostZone } = await claimInGroup(tx, run.services.scheduler, server.groupId, wish);
  for (const { portId } of await selectInterfaces(tx, [server.id])) await bindServerPort({ tx, now, requestId: run.requestId }, { portId, serverId: server.id, hostId });
  return { hostId, hostZone };
}

async function giveUpHost(run: CreateRun): Promise<void> {
  await commitServer(run, async (server, tx) => {
    await releaseClaim(tx, server.id, run.services.clock.now());
    return { hostId: null, hostZone: null };
  });
}

async function waitForVolumes(run: CreateRun): Promise<void> {
  const devices = await run.services.database.read({ kind: 'system', reason: 'the volumes of a server' }, (tx) => selectBlockDevices(tx, [run.input.serverId]));
  // Most servers have none: there is nothing to say then.
  if (devices.length === 0) return;
  await run.commit(async (tx) => {
    const server = await lockServerRow(tx, run.input.serverId);
    if (!server) return;
    for (const { volumeId } of await selectBlockDevices(tx, [server.id])) {
      const state = await volumeState(tx, volumeId);
      if (state === undefined || state.startsWith('error')) throw new VolumeFailed(`Build of instance ${server.id} aborted: volume ${volumeId} is ${state ?? 'gone'}.`);
      if (['creating', 'downloading'].includes(state)) throw new Error(`Volume ${volumeId} is ${state}`);
    }
    await changeServer(tx, run.services.clock, server, { taskState: 'block_device_mapping' }, { requestId: run.requestId });
  });
}

async function connect(run: CreateRun): Promise<void> {
  const { database } = run.services;
  const interfaces = await database.read({ kind: 'system', reason: 'the ports of a server' }, (tx) => selectInterfaces(tx, [run.input.serverId]));
  await projectNow(run.services, database, interfaces.map(({ portId }) => portId));
  await commitServer(run, () => ({ taskState: 'spawning' }));
}

async function boot(run: CreateRun): Promise<void> {
  for (;;) {
    try {
      await ensureMachine(run);
      return;
    } catch (error) {
      // The host is full although its claims say otherwise: another one may do. nova/conductor/manager.py reschedules too.
      if (!(error instanceof DriverError && error.kind === 'exhausted')) throw error;
      await moveOn(run, error);
    }
  }
}

async function moveOn(run: CreateRun, cause: DriverError): Promise<void> {
  const { database, driver } = run.services;
  const server = await database.read({ kind: 'system', reason: 'the host of a server' }, (tx) => findServer(tx, run.input.serverId));
  if (!server?.hostId) throw new Unplaced(`Server ${run.input.serverId} has no host`);
  const tried = [...(run.state.tried ?? []), server.hostId];
  if (tried.length >= 3) throw asFinal(cause);
  await driver.servers.remove({ id: server.id, hostId: server.hostId, generation: server.generation });
  await run.write(async (tx) => {
    const locked = await lockServerRow(tx, server.id);
    if (!locked) return { tried };
    await releaseClaim(tx, locked.id, run.services.clock.now());
    await noteBuild(tx, server.hostId!, { failed: true });
    await changeServer(tx, run.services.clock, locked, await placeOn(tx, run, locked, tried), { requestId: run.requestId, intent: true });
    return { tried };
  });
  const ports = await database.read({ kind: 'system', reason: 'the ports of a server' }, (tx) => selectInterfaces(tx, [server.id]));
  await projectNow(run.services, database, ports.map(({ portId }) => portId));
}

async function removeMachine(run: ServerRun): Promise<void> {
  const { database, driver } = run.services;
  const server = await database.read({ kind: 'system', reason: 'the host of a server' }, (tx) => findServer(tx, run.input.serverId));
  if (server?.hostId) await driver.servers.remove({ id: server.id, hostId: server.hostId, generation: server.generation });
  // On its way it is on one of two hosts.
  if (server?.resize?.left) await driver.servers.remove({ id: server.id, hostId: server.resize.left.hostId, generation: server.generation });
}

async function sayReady(run: CreateRun): Promise<void> {
  await commitServer(
    run,
    async (server, tx) => {
      const [volumes, interfaces] = await Promise.all([selectBlockDevices(tx, [server.id]), selectInterfaces(tx, [server.id])]);
      const now = run.services.clock.now();
      for (const { attachmentId, device, volumeId } of volumes) {
        await completeAttachment({ tx, now, requestId: run.requestId }, { attachmentId, device, hostId: server.hostId! });
        await setBlockDeviceState(tx, server.id, volumeId, 'attached');
      }
      for (const { portId } of interfaces) await setInterfaceState(tx, server.id, portId, 'attached');
      await tellDevices(tx, run.services.clock, server, pluggedIn(volumes, interfaces), { verb: 'attach.end', requestId: run.requestId });
      if (server.hostId !== null) await noteBuild(tx, server.hostId, { failed: false });
      // Who has asked for its end meanwhile goes on being told of that.
      return { vmState: 'active', taskState: server.taskState === 'deleting' ? 'deleting' : null, launchedAt: now, adminPass: null };
    },
    { event: 'server.create.end' },
  );
}

/** Its ports and volumes are others' again, or gone when they were made for it. */
async function letGoOfDevices(tx: Transaction, server: Server, clock: RegionParts['clock']): Promise<void> {
  const [devices, interfaces] = await Promise.all([selectBlockDevices(tx, [server.id]), selectInterfaces(tx, [server.id])]);
  const change = { tx, now: clock.now() };
  const gone = devices.filter(({ deleteOnTermination }) => deleteOnTermination).map(({ volumeId }) => volumeId);
  await releaseServerPorts(change, { serverId: server.id });
  await deleteInterfaces(tx, server.id, null);
  await releaseAttachments(change, { serverId: server.id });
  await deleteBlockDevices(tx, server.id, null);
  if (gone.length > 0) await deleteServerVolumes(change, { serverId: server.id, volumeIds: gone });
  await tellDevices(tx, clock, server, pluggedIn(devices, interfaces), { verb: 'detach.end' });
}

function pluggedIn(volumes: readonly BlockDevice[], interfaces: readonly Interface[]): Plugged[] {
  return [...volumes.map(({ volumeId }) => ({ kind: 'volume' as const, id: volumeId })), ...interfaces.map(({ portId }) => ({ kind: 'interface' as const, id: portId }))];
}

export const deleteServerWorkflow = workflow<About, object, RegionParts>(
  'server.delete',
  [step('remove the machine', removeMachine, undefined, { retry: { attempts: 200, firstMs: 250, factor: 2, maxMs: 30_000 } }), step('let go of everything', letGo)],
  {
    deadlineSeconds: 3600,
    async onFailed(tx, run, failure) {
      const server = await lockServerRow(tx, run.input.serverId);
      if (server) await changeServer(tx, run.services.clock, server, { vmState: 'error', taskState: null, fault: faultFrom(failure, run.services.clock.now()) }, { event: 'server.delete.error', requestId: run.requestId });
    },
    onSettled: (tx, run, outcome) => noteOutcome(tx, run, outcome, run.failure),
  },
);

async function letGo(run: ServerRun): Promise<void> {
  await nowAs(run, 'deleting');
  await commitServer(
    run,
    async (server, tx) => {
      // In the order in which making a server takes them (ports, volumes, quota, claim), so that neither waits for the other.
      await letGoOfDevices(tx, server, run.services.clock);
      await releaseQuota(tx, server.projectId, quotaOf(server));
      const now = run.services.clock.now();
      await releaseClaim(tx, server.id, now);
      await endMigrations(tx, server.id, now);
      if (server.resize?.left) await releaseClaim(tx, server.resize.left.claimId, now);
      if (server.shelvedImageId !== null) await dropServerImage({ tx, now }, server.shelvedImageId);
      return { vmState: 'deleted', taskState: null, power: 'stopped', hostId: null, hostZone: null, resize: null, rescue: null, adminPass: null, terminatedAt: now, deletedAt: now };
    },
    { event: 'server.delete.end' },
  );
}
