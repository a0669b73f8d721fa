/** How a server's disk becomes an image. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { step, workflow } from '../../kit/workflow/workflow.ts';
import { acceptCapture, activateImage, backupsOf, dropServerImage, failImage } from '../image/uploads.ts';
import type { RegionParts } from '../parts.ts';
import { keysOfVolumes } from '../volume/disk-keys.ts';
import { selectBlockDevices } from './devices.store.ts';
import { placed } from './server-actions.workflow.ts';
import { changeServer } from './server-changes.ts';
import { commitServer, noteOutcome, nowAs, type About, type ServerRun } from './server-steps.ts';
import { lockServerRow } from './servers.store.ts';

/** `keep`: how many backups of this kind stay. */
export type Snapshot = About & { imageId: string; upload: string; keep?: { backupType: string; most: number } };
export type SnapshotState = { accepted: Awaited<ReturnType<typeof acceptCapture>> };
type SnapshotRun = ServerRun<Snapshot, SnapshotState>;

export const createImageWorkflow = snapshotWorkflow('server.create-image');
export const createBackupWorkflow = snapshotWorkflow('server.create-backup');

function snapshotWorkflow(name: string) {
  return workflow<Snapshot, SnapshotState, RegionParts>(
    name,
    [
      step<SnapshotRun>('copy its disk', (run) => copyDisk(run, 'image_pending_upload')),
      step<SnapshotRun>('take it in as an image', (run) => takeIn(run, 'image_uploading')),
      step<SnapshotRun>('say it is ready', async (run) => {
        await commitServer(
          run,
          async (_server, tx) => {
            await activateImage(tx, run.input.imageId, run.state.accepted!, run.services.clock.now());
            await rotate(tx, run);
            return { taskState: null };
          },
          { event: 'server.snapshot.end' },
        );
      }),
    ],
    {
      deadlineSeconds: 3600,
      async onFailed(tx, run) {
        const server = await lockServerRow(tx, run.input.serverId);
        if (server) await changeServer(tx, run.services.clock, server, { taskState: null }, { event: 'server.snapshot.error', requestId: run.requestId });
      },
      async onSettled(tx, run, outcome) {
        if (outcome !== 'done') await giveUpImage(tx, run, outcome);
        await noteOutcome(tx, run, outcome, run.failure);
      },
    },
  );
}

export async function copyDisk<Input extends { serverId: string; upload: string }>(run: ServerRun<Input>, taskState: string): Promise<void> {
  await nowAs(run, taskState);
  const server = await placed(run);
  if (!server) throw new Error(`Server ${run.input.serverId} has no host`);
  const root = (await run.services.database.read({ kind: 'system', reason: 'what a server starts from' }, (tx) => selectBlockDevices(tx, [server.id]))).filter(({ isRoot }) => isRoot);
  const keys = await keysOfVolumes(run.services, root.map(({ volumeId }) => volumeId));
  await run.services.driver.servers.capture({ id: server.id, hostId: server.hostId, upload: run.input.upload, keys });
}

export async function takeIn<Input extends { serverId: string; imageId: string; upload: string }>(run: ServerRun<Input, SnapshotState>, taskState: string): Promise<void> {
  await nowAs(run, taskState);
  const accepted = await acceptCapture(run.services, run.input);
  await run.commit(async () => ({ accepted }));
}

export function giveUpImage(tx: Transaction, { input, services }: { input: { imageId: string }; services: RegionParts }, outcome: string): Promise<void> {
  return failImage(tx, input.imageId, outcome === 'superseded' ? 'The server was deleted meanwhile.' : 'The disk could not be copied.', services.clock.now());
}

async function rotate(tx: Transaction, { input: { serverId, keep }, services }: SnapshotRun): Promise<void> {
  if (!keep) return;
  for (const id of (await backupsOf(tx, { serverId, backupType: keep.backupType })).slice(keep.most)) await dropServerImage({ tx, now: services.clock.now() }, id);
}
