/** What can be asked of a server that runs. Each sentence of its steps says what an operator would see. */
import { DriverError } from '../../drivers/driver.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { step } from '../../kit/workflow/workflow.ts';
import type { RegionParts } from '../parts.ts';
import { moveClaim, NoValidHost } from '../placement/claims.ts';
import { releaseQuota, type Amounts } from '../quota/quotas.ts';
import { reimageServerVolume } from '../volume/volume-actions.ts';
import { volumeState } from '../volume/volumes.ts';
import { selectBlockDevices } from './devices.store.ts';
import { noteMigration } from './migrations.ts';
import { changeServer, needsOf, quotaOf } from './server-changes.ts';
import { actionWorkflow, asFinal, commitServer, ensureMachine, nowAs, patient, type About, type ServerRun } from './server-steps.ts';
import { findServer, lockServerRow, type Server } from './servers.store.ts';
import { VolumeFailed } from './volume-failed.ts';

export const obey = (name: string) => step<ServerRun>(name, async (run) => void (await ensureMachine(run)), undefined, { retry: patient });

/** How long a guest may take to power off before it is made to: nova/conf/compute.py, shutdown_timeout. */
export const shutdownSeconds = 60;

export const shutDown = step<ServerRun>('ask the guest to power off', async (run) => {
  const server = await placed(run);
  if (server) await run.services.driver.servers.shutdown({ id: server.id, hostId: server.hostId, generation: server.generation, seconds: shutdownSeconds }).catch(unlessMissing);
});

export const startServerWorkflow = actionWorkflow('server.start', [obey('power it on')], { done: { vmState: 'active' }, event: 'server.power_on.end' });
export const stopServerWorkflow = actionWorkflow('server.stop', [shutDown, obey('keep it off')], { done: { vmState: 'stopped' }, event: 'server.power_off.end' });
export const pauseServerWorkflow = actionWorkflow('server.pause', [obey('halt its processors')], { done: { vmState: 'paused' }, event: 'server.pause.end' });
export const unpauseServerWorkflow = actionWorkflow('server.unpause', [obey('let its processors go on')], { done: { vmState: 'active' }, event: 'server.unpause.end' });
export const suspendServerWorkflow = actionWorkflow('server.suspend', [obey('write its memory to disk')], { done: { vmState: 'suspended' }, event: 'server.suspend.end' });
export const resumeServerWorkflow = actionWorkflow('server.resume', [obey('go on from its memory on disk')], { done: { vmState: 'active' }, event: 'server.resume.end', onFailure: 'error' });
export const hardRebootWorkflow = actionWorkflow('server.reboot-hard', [obey('start it from power-off')], { done: { vmState: 'active' }, event: 'server.reboot.end', onFailure: 'error' });

export const softRebootWorkflow = actionWorkflow(
  'server.reboot-soft',
  [
    step<ServerRun>('ask the guest to restart', async (run) => {
      await nowAs(run, 'reboot_started');
      const server = await placed(run);
      if (!server) return;
      try {
        await run.services.driver.servers.reboot({ id: server.id, hostId: server.hostId, generation: server.generation });
      } catch (error) {
        if (!(error instanceof DriverError && error.kind === 'failed')) throw asFinal(error);
        // A guest that does not listen is restarted from outside, as libvirt's driver of Nova does.
        await run.write(async (tx) => {
          const locked = await lockServerRow(tx, server.id);
          if (locked) await changeServer(tx, run.services.clock, locked, { bootEpoch: locked.bootEpoch + 1 }, { requestId: run.requestId, intent: true });
        });
      }
    }),
    obey('see that it runs'),
  ],
  { done: { vmState: 'active' }, event: 'server.reboot.end' },
);

export const resizeServerWorkflow = actionWorkflow(
  'server.resize',
  [
    step<ServerRun>('claim room', async (run) => {
      await commitServer(run, async (server, tx) => {
        await moveClaim(tx, { ...needsOf(server), consumerId: server.id, projectId: server.projectId, now: run.services.clock.now() });
        return { taskState: 'resize_migrating' };
      });
    }),
    shutDown,
    step<ServerRun>('start it with the new flavor', async (run) => {
      await nowAs(run, 'resize_finish');
      await ensureMachine(run);
      await run.write((tx) => noteMigration(tx, run.input.serverId, 'finished', run.services.clock.now()));
    }, undefined, { retry: patient }),
  ],
  { done: { vmState: 'resized' }, event: 'server.resize.end', putBack: putFlavorBack, deadlineSeconds: 900 },
);

export const revertResizeWorkflow = actionWorkflow(
  'server.resize-revert',
  [shutDown, obey('start it with the old flavor')],
  {
    done: (server) => ({ vmState: server.power === 'stopped' ? 'stopped' : 'active' }),
    event: 'server.resize_revert.end',
    onFailure: 'error',
    deadlineSeconds: 900,
  },
);

/** The larger half of claim and quota is given back. The disk keeps its size when it has grown. */
export async function putFlavorBack(server: Server, tx: Transaction, run: Pick<ServerRun, 'services'>): Promise<Partial<Server>> {
  if (!server.resize) return {};
  const back = { ...server, flavor: server.resize.from, resize: null };
  await releaseQuota(tx, server.projectId, lessThan(quotaOf(server), quotaOf(back)));
  await moveClaim(tx, { ...needsOf(back), consumerId: server.id, projectId: server.projectId, now: run.services.clock.now() });
  await noteMigration(tx, server.id, 'error', run.services.clock.now());
  return { flavor: back.flavor, localDisks: server.resize.localDisks ?? server.localDisks, resize: null };
}

/** How much less the second counts than the first. */
export function lessThan(one: Amounts, other: Amounts): Amounts {
  return Object.fromEntries(Object.entries(one).map(([resource, amount]) => [resource, amount - (other[resource as keyof Amounts] ?? 0)]));
}

/** `refusal`: why its host may not have the image, which then is not that of the server. */
type Rebuilding = About & { refusal?: string };

export const rebuildServerWorkflow = actionWorkflow<Rebuilding>(
  'server.rebuild',
  [
    step<ServerRun<Rebuilding>>('make its disk anew', async (run) => {
      if (run.input.refusal !== undefined) throw new NoValidHost(run.input.refusal);
      await nowAs(run, 'rebuild_spawning');
      await ensureMachine(run);
    }, undefined, { retry: patient }),
  ],
  { done: rebuilt, event: 'server.rebuild.end', onFailure: 'error', deadlineSeconds: 900 },
);

function rebuilt(server: Server): Partial<Server> {
  return { vmState: server.power === 'stopped' ? 'stopped' : 'active', launchedAt: new Date(server.updatedAt), adminPass: null, fault: null };
}

type AboutImage = About & { imageId: string };
type ReimageRun = ServerRun<AboutImage, { began: boolean }>;

/** Off its host meanwhile, as the volume cannot become another under a machine. */
export const rebuildVolumeServerWorkflow = actionWorkflow<AboutImage>(
  'server.rebuild-volume',
  [
    step<ServerRun<AboutImage>>(shutDown.name, (run) => shutDown.act(run)),
    step<ServerRun<AboutImage>>(
      'take it off its host',
      async (run) => {
        const server = await placed(run);
        if (server) await run.services.driver.servers.remove({ id: server.id, hostId: server.hostId, generation: server.generation });
      },
      undefined,
      { retry: patient },
    ),
    step<ServerRun<AboutImage>>('make its volume anew', (run) => reimage(run as ReimageRun), undefined, { retry: { attempts: 200, firstMs: 50, factor: 1.3, maxMs: 3_000 } }),
    step<ServerRun<AboutImage>>(
      'start it',
      async (run) => {
        await nowAs(run, 'rebuild_spawning');
        await ensureMachine(run);
      },
      undefined,
      { retry: patient },
    ),
  ],
  { done: rebuilt, event: 'server.rebuild.end', onFailure: 'error', deadlineSeconds: 3600 },
);

async function reimage(run: ReimageRun): Promise<void> {
  const { database, clock } = run.services;
  const { serverId, imageId } = run.input;
  const root = (await database.read({ kind: 'system', reason: 'the root volume of a server' }, (tx) => selectBlockDevices(tx, [serverId]))).find(({ isRoot }) => isRoot);
  if (!root) return;
  await nowAs(run, 'rebuild_block_device_mapping');
  if (run.state.began !== true)
    await run.write(async (tx) => {
      await reimageServerVolume({ tx, now: clock.now(), requestId: run.requestId }, { volumeId: root.volumeId, imageId });
      return { began: true };
    });
  const state = await database.read({ kind: 'system', reason: 'the root volume of a server' }, (tx) => volumeState(tx, root.volumeId));
  if (state === 'downloading') throw new Error(`Volume ${root.volumeId} is ${state}`);
  if (state !== 'in-use') throw new VolumeFailed(`Volume ${root.volumeId} is ${state ?? 'gone'}.`);
}

export async function placed(run: { input: About; services: RegionParts }): Promise<(Server & { hostId: string }) | undefined> {
  const server = await run.services.database.read({ kind: 'system', reason: 'the host of a server' }, (tx) => findServer(tx, run.input.serverId));
  return server?.hostId ? { ...server, hostId: server.hostId } : undefined;
}

function unlessMissing(error: unknown): void {
  // What is not there is off.
  if (!(error instanceof DriverError && error.kind === 'missing')) throw asFinal(error);
}
