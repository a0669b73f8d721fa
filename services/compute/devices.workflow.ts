/** Plugging volumes and ports into a server, and pulling them out. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { step } from '../../kit/workflow/workflow.ts';
import { projectNow, releaseServerPorts } from '../network/ports.ts';
import { completeAttachment, releaseAttachments } from '../volume/volumes.ts';
import { deleteBlockDevices, deleteInterfaces, selectBlockDevices, setBlockDeviceState, setInterfaceState } from './devices.store.ts';
import { tellDevices } from './devices.ts';
import { changeServer } from './server-changes.ts';
import { actionWorkflow, ensureMachine, patient, type About, type ServerRun } from './server-steps.ts';
import { lockServerRow, type Server } from './servers.store.ts';

type AboutVolume = About & { volumeId: string };
type AboutPort = About & { portId: string };

export const attachVolumeWorkflow = actionWorkflow<AboutVolume>(
  'server.attach-volume',
  [
    step<ServerRun<AboutVolume>>(
      'plug it in',
      async (run) => void (await ensureMachine(run)),
      async (run) => {
        await intend(run, (tx) => setBlockDeviceState(tx, run.input.serverId, run.input.volumeId, 'detaching'));
        await ensureMachine(run);
      },
      { retry: patient },
    ),
  ],
  {
    done: volumeIsIn,
    event: 'server.volume_attach.end',
    keepsTask: true,
    putBack: volumeIsOut,
  },
);

export const detachVolumeWorkflow = actionWorkflow<AboutVolume>('server.detach-volume', [step<ServerRun<AboutVolume>>('pull it out', async (run) => void (await ensureMachine(run)), undefined, { retry: patient })], {
  done: volumeIsOut,
  event: 'server.volume_detach.end',
  keepsTask: true,
  putBack: volumeIsIn,
});

async function volumeIsIn(server: Server, tx: Transaction, { input: { volumeId }, services, requestId }: ServerRun<AboutVolume>): Promise<Partial<Server>> {
  const device = (await selectBlockDevices(tx, [server.id])).find((each) => each.volumeId === volumeId);
  if (!device) return {};
  await completeAttachment({ tx, now: services.clock.now(), requestId }, { attachmentId: device.attachmentId, device: device.device, hostId: server.hostId! });
  await setBlockDeviceState(tx, server.id, volumeId, 'attached');
  await tellDevices(tx, services.clock, server, [{ kind: 'volume', id: volumeId }], { verb: 'attach.end', requestId });
  return {};
}

async function volumeIsOut(server: Server, tx: Transaction, { input: { volumeId }, services, requestId }: ServerRun<AboutVolume>): Promise<Partial<Server>> {
  await releaseAttachments({ tx, now: services.clock.now(), requestId }, { serverId: server.id, volumeIds: [volumeId] });
  await deleteBlockDevices(tx, server.id, volumeId);
  await tellDevices(tx, services.clock, server, [{ kind: 'volume', id: volumeId }], { verb: 'detach.end', requestId });
  return {};
}

export const attachInterfaceWorkflow = actionWorkflow<AboutPort>(
  'server.attach-interface',
  [
    step<ServerRun<AboutPort>>('connect its port', (run) => projectNow(run.services, run.services.database, [run.input.portId]), undefined, { retry: patient }),
    step<ServerRun<AboutPort>>(
      'plug it in',
      async (run) => void (await ensureMachine(run)),
      async (run) => {
        await intend(run, (tx) => setInterfaceState(tx, run.input.serverId, run.input.portId, 'detaching'));
        await ensureMachine(run);
      },
      { retry: patient },
    ),
  ],
  { done: portIsIn, event: 'server.interface_attach.end', keepsTask: true, putBack: letGoOfPort },
);

export const detachInterfaceWorkflow = actionWorkflow<AboutPort>('server.detach-interface', [step<ServerRun<AboutPort>>('pull it out', async (run) => void (await ensureMachine(run)), undefined, { retry: patient })], {
  done: letGoOfPort,
  event: 'server.interface_detach.end',
  keepsTask: true,
  putBack: portIsIn,
});

async function portIsIn(server: Server, tx: Transaction, { input, services, requestId }: ServerRun<AboutPort>): Promise<Partial<Server>> {
  await setInterfaceState(tx, input.serverId, input.portId, 'attached');
  await tellDevices(tx, services.clock, server, [{ kind: 'interface', id: input.portId }], { verb: 'attach.end', requestId });
  return {};
}

async function letGoOfPort(server: Server, tx: Transaction, { input, services, requestId }: ServerRun<AboutPort>): Promise<Partial<Server>> {
  await releaseServerPorts({ tx, now: services.clock.now(), requestId }, { serverId: input.serverId, portIds: [input.portId] });
  await deleteInterfaces(tx, input.serverId, input.portId);
  await tellDevices(tx, services.clock, server, [{ kind: 'interface', id: input.portId }], { verb: 'detach.end', requestId });
  return {};
}

async function intend(run: ServerRun, change: (tx: Transaction) => Promise<void>): Promise<void> {
  await run.write(async (tx) => {
    const server = await lockServerRow(tx, run.input.serverId);
    if (!server) return;
    await change(tx);
    await changeServer(tx, run.services.clock, server, {}, { requestId: run.requestId, intent: true });
  });
}
