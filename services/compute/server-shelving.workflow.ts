/** How a server leaves its host and comes to one again. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { step, workflow } from '../../kit/workflow/workflow.ts';
import { activateImage, dropServerImage } from '../image/uploads.ts';
import { vettedImage } from '../image/images.ts';
import { bindServerPort, projectNow } from '../network/ports.ts';
import type { RegionParts } from '../parts.ts';
import { releaseClaim } from '../placement/claims.ts';
import { completeAttachment } from '../volume/volumes.ts';
import { selectBlockDevices, selectInterfaces } from './devices.store.ts';
import { placed, shutDown } from './server-actions.workflow.ts';
import { changeServer, faultFrom, powerOf } from './server-changes.ts';
import { copyDisk, giveUpImage, takeIn, type SnapshotState } from './server-images.workflow.ts';
import { commitServer, ensureMachine, noteOutcome, nowAs, patient, refreshServerWorkflow, subjectOf, type About, type ServerRun } from './server-steps.ts';
import { placeOn } from './servers.workflow.ts';
import { lockServerRow, type Server } from './servers.store.ts';

/** Both empty for a server on a volume, which keeps its disk, and for one that is shelved and still has its host. */
type AboutImage = About & { imageId: string; upload: string };
type ShelveRun = ServerRun<AboutImage, SnapshotState>;

export const shelveServerWorkflow = workflow<AboutImage, SnapshotState, RegionParts>(
  'server.shelve',
  [
    step<ShelveRun>(shutDown.name, (run) => shutDown.act(run)),
    step<ShelveRun>('copy its disk', async (run) => {
      if (run.input.imageId !== '') await copyDisk(run, 'shelving_image_pending_upload');
    }),
    step<ShelveRun>('take it in as an image', async (run) => {
      if (run.input.imageId !== '') await takeIn(run, 'shelving_image_uploading');
    }),
    step<ShelveRun>('keep it', (run) => commitServer(run, (server, tx) => keep(server, tx, run), { event: 'server.shelve.end', intent: true })),
    step<ShelveRun>('take it off its host', takeOff, undefined, { retry: { attempts: 200, firstMs: 250, factor: 2, maxMs: 30_000 } }),
    step<ShelveRun>('give its host to others', (run) => commitServer(run, async (server, tx) => ({ ...(await letGoOfHost(tx, run, server)), vmState: 'shelved_offloaded', taskState: null }), { event: 'server.shelve_offload.end' })),
  ],
  {
    deadlineSeconds: 3600,
    onFailed: stayAsItIs,
    async onSettled(tx, run, outcome) {
      const server = await lockServerRow(tx, run.input.serverId);
      if (outcome !== 'done' && run.input.imageId !== '' && server?.shelvedImageId !== run.input.imageId) await giveUpImage(tx, run, outcome);
      await noteOutcome(tx, run, outcome, run.failure);
    },
  },
);

/** From here on the image is its disk: whatever makes its machine anew makes it from there. */
async function keep(server: Server, tx: Transaction, { input: { imageId }, state, services }: ShelveRun): Promise<Partial<Server>> {
  if (imageId === '') return { vmState: 'shelved', taskState: 'shelving_offloading' };
  await activateImage(tx, imageId, state.accepted!, services.clock.now());
  return { vmState: 'shelved', taskState: 'shelving_offloading', shelvedImageId: imageId, rootImage: await vettedImage(tx, imageId), diskEpoch: server.diskEpoch + 1 };
}

async function takeOff(run: ServerRun): Promise<void> {
  const server = await placed(run);
  if (server) await run.services.driver.servers.remove({ id: server.id, hostId: server.hostId, generation: server.generation });
}

async function letGoOfHost(tx: Transaction, run: Pick<ServerRun, 'services' | 'requestId'>, server: Server): Promise<Partial<Server>> {
  const now = run.services.clock.now();
  for (const { portId } of await selectInterfaces(tx, [server.id])) await bindServerPort({ tx, now, requestId: run.requestId }, { portId, serverId: server.id, hostId: '' });
  await releaseClaim(tx, server.id, now);
  return { hostId: null, hostZone: null };
}

/** What has its image is shelved and has a host; what has none is as it was. */
async function stayAsItIs(tx: Transaction, run: Pick<ServerRun, 'services' | 'input' | 'requestId'>, failure: Parameters<typeof faultFrom>[0]): Promise<void> {
  const server = await lockServerRow(tx, run.input.serverId);
  if (!server) return;
  const fault = faultFrom(failure, run.services.clock.now());
  await changeServer(tx, run.services.clock, server, { taskState: null, fault, power: server.vmState === 'shelved' ? 'stopped' : powerOf(server.vmState, server) }, { event: 'server.shelve.error', requestId: run.requestId, intent: true });
  if (server.hostId !== null) await run.services.workflows.start(tx, refreshServerWorkflow, { subject: subjectOf(server.id), input: { serverId: server.id }, projectId: server.projectId });
}

type UnshelveState = { claimed: boolean };
type UnshelveRun = ServerRun<About, UnshelveState>;

export const unshelveServerWorkflow = workflow<About, UnshelveState, RegionParts>(
  'server.unshelve',
  [
    step<UnshelveRun>('claim a host', claim, giveUpHost),
    step<UnshelveRun>('connect it', connect, undefined, { retry: patient }),
    step<UnshelveRun>('start it', async (run) => void (await ensureMachine(run)), removeMachine, { retry: patient }),
    step<UnshelveRun>('say it is ready', (run) => commitServer(run, (server, tx) => ready(server, tx, run), { event: 'server.unshelve.end' })),
  ],
  {
    deadlineSeconds: 900,
    async onFailed(tx, run, failure) {
      const server = await lockServerRow(tx, run.input.serverId);
      if (!server) return;
      await changeServer(tx, run.services.clock, server, { taskState: null, power: 'stopped', onlyHostname: null, fault: faultFrom(failure, run.services.clock.now()) }, { event: 'server.unshelve.error', requestId: run.requestId, intent: true });
      if (server.hostId !== null) await run.services.workflows.start(tx, refreshServerWorkflow, { subject: subjectOf(server.id), input: { serverId: server.id }, projectId: server.projectId });
    },
    onSettled: (tx, run, outcome) => noteOutcome(tx, run, outcome, run.failure),
  },
);

async function claim(run: UnshelveRun): Promise<void> {
  await run.commit(async (tx) => {
    const server = await lockServerRow(tx, run.input.serverId);
    if (!server || server.hostId !== null) return { claimed: false };
    await changeServer(tx, run.services.clock, server, { ...(await placeOn(tx, run, server, [])), bootEpoch: server.bootEpoch + 1 }, { requestId: run.requestId, intent: true });
    return { claimed: true };
  });
}

async function giveUpHost(run: UnshelveRun): Promise<void> {
  if (run.state.claimed !== true) return;
  await commitServer(run, (server, tx) => (server.hostId === null ? {} : letGoOfHost(tx, run, server)));
}

async function connect(run: UnshelveRun): Promise<void> {
  const { database } = run.services;
  const interfaces = await database.read({ kind: 'system', reason: 'the ports of a server' }, (tx) => selectInterfaces(tx, [run.input.serverId]));
  await projectNow(run.services, database, interfaces.map(({ portId }) => portId));
  await nowAs(run, 'spawning');
}

async function removeMachine(run: UnshelveRun): Promise<void> {
  if (run.state.claimed === true) await takeOff(run);
}

async function ready(server: Server, tx: Transaction, run: UnshelveRun): Promise<Partial<Server>> {
  const now = run.services.clock.now();
  for (const { attachmentId, device } of await selectBlockDevices(tx, [server.id])) await completeAttachment({ tx, now, requestId: run.requestId }, { attachmentId, device, hostId: server.hostId! });
  if (server.shelvedImageId !== null) await dropServerImage({ tx, now }, server.shelvedImageId);
  return { vmState: 'active', taskState: null, launchedAt: now, shelvedImageId: null, onlyHostname: null };
}
