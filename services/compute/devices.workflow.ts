/** Plugging volumes and ports into a server, and pulling them out. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { step } from '../../kit/workflow/workflow.ts';
import { projectNow, releaseServerPorts } from '../network/ports.ts';
import { completeAttachment, releaseAttachments } from '../volume/volumes.ts';
import { deleteBlockDevices, deleteInterfaces, selectBlockDevices, setBlockDeviceState, setInterfaceState, type DeviceState } from './devices.store.ts';
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
    done: async (server, tx, { input: { volumeId } }) => {
      await completed(tx, server, volumeId);
      return {};
    },
    event: 'server.volume_attach.end',
    keepsTask: true,
    putBack: async (server, tx, { input: { volumeId } }) => {
      await releaseAttachments(tx, { serverId: server.id, volumeIds: [volumeId] });
      await deleteBlockDevices(tx, server.id, volumeId);
      return {};
    },
  },
);

export const detachVolumeWorkflow = actionWorkflow<AboutVolume>('server.detach-volume', [step<ServerRun<AboutVolume>>('pull it out', async (run) => void (await ensureMachine(run)), undefined, { retry: patient })], {
  done: async (server, tx, { input: { volumeId } }) => {
    await releaseAttachments(tx, { serverId: server.id, volumeIds: [volumeId] });
    await deleteBlockDevices(tx, server.id, volumeId);
    return {};
  },
  event: 'server.volume_detach.end',
  keepsTask: true,
  putBack: async (server, tx, { input: { volumeId } }) => {
    await completed(tx, server, volumeId);
    return {};
  },
});

async function completed(tx: Transaction, server: Server, volumeId: string): Promise<void> {
  const device = (await selectBlockDevices(tx, [server.id])).find((each) => each.volumeId === volumeId);
  if (!device) return;
  await completeAttachment(tx, { attachmentId: device.attachmentId, device: device.device, hostId: server.hostId! });
  await setBlockDeviceState(tx, server.id, volumeId, 'attached');
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
  { done: portBecame('attached'), event: 'server.interface_attach.end', keepsTask: true, putBack: letGoOfPort },
);

export const detachInterfaceWorkflow = actionWorkflow<AboutPort>('server.detach-interface', [step<ServerRun<AboutPort>>('pull it out', async (run) => void (await ensureMachine(run)), undefined, { retry: patient })], {
  done: letGoOfPort,
  event: 'server.interface_detach.end',
  keepsTask: true,
  putBack: portBecame('attached'),
});

function portBecame(state: DeviceState) {
  return async (_server: Server, tx: Transaction, { input }: ServerRun<AboutPort>): Promise<Partial<Server>> => {
    await setInterfaceState(tx, input.serverId, input.portId, state);
    return {};
  };
}

async function letGoOfPort(_server: Server, tx: Transaction, { input }: ServerRun<AboutPort>): Promise<Partial<Server>> {
  await releaseServerPorts(tx, { serverId: input.serverId, portIds: [input.portId] });
  await deleteInterfaces(tx, input.serverId, input.portId);
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
