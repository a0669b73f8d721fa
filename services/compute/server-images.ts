/** Images of servers: of one disk, kept as backups, or of all volumes. */
import { badRequest, Fault, forbidden } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { createVolumesImage, reserveServerImage } from '../image/uploads.ts';
import { createSnapshot } from '../volume/snapshots.ts';
import { noteDone } from './actions.ts';
import { selectBlockDevices } from './devices.store.ts';
import { mappedSnapshot } from './image-disks.ts';
import { startWork, usable } from './server-actions.ts';
import { changeServer, tell } from './server-changes.ts';
import { createBackupWorkflow, createImageWorkflow, type Snapshot } from './server-images.workflow.ts';
import { demandMetadataRoom } from './limits.ts';
import type { Compute } from './servers.ts';
import type { Server } from './servers.store.ts';

type Wish = { name: string; metadata: Record<string, string> };

/** The id of the image that will be, or (without bytes) is at once. */
export async function createServerImage(compute: Compute, context: Context, id: string, wish: Wish): Promise<string> {
  const server = await usable(context, id, 'createImage');
  if (server.rootImage === null) return createVolumesImageOf(context, server, wish);
  const image = await reserveImage(context, server, wish, { image_type: 'snapshot' });
  const changed = await changeServer(context.tx, { now: () => context.now }, server, { taskState: 'image_snapshot' }, { requestId: context.requestId });
  await startWork(compute, context, changed, 'createImage', createImageWorkflow, { imageId: image.id, upload: image.upload });
  return image.id;
}

/**
 * nova/compute/api.py, snapshot_volume_backed: each volume has a snapshot, and the image says which.
 * All of it or nothing is written down here; the snapshots are then taken by workflows of their own.
 */
async function createVolumesImageOf(context: Context, server: Server, { name, metadata }: Wish): Promise<string> {
  await demandMetadataRoom(context.tx, server.projectId, metadata);
  const devices = (await selectBlockDevices(context.tx, [server.id])).filter(({ state }) => state === 'attached');
  const root = devices.find(({ isRoot }) => isRoot);
  if (!root) throw badRequest(`Server ${server.id} has no root disk any more.`);
  const mapping = [];
  for (const device of devices) {
    const snapshot = await createSnapshot(context, { volumeId: device.volumeId, name: `snapshot for ${name}`, description: null, force: true, metadata: {} }).catch(asRefusal);
    mapping.push(mappedSnapshot(device, snapshot));
  }
  const described = { root_device_name: root.device, bdm_v2: 'True', block_device_mapping: JSON.stringify(mapping) };
  const { id } = await createVolumesImage(context, { name, properties: { ...server.imageProperties, ...metadata, ...described } });
  await noteDone(context, server, 'createImage');
  await tell(context.tx, { now: () => context.now }, server, 'server.snapshot.end', context.requestId);
  return id;
}

/** Of a volume's limits Nova says that they forbid it: nova/volume/cinder.py, OverLimit. */
function asRefusal(error: unknown): never {
  throw error instanceof Fault && error.status === 413 ? forbidden(error.message) : error;
}

/** nova/compute/api.py, backup. With none to keep, none is made. */
export async function createServerBackup(compute: Compute, context: Context, id: string, { backupType, rotation, ...wish }: Wish & { backupType: string; rotation: number }): Promise<string> {
  const server = await usable(context, id, 'createBackup');
  if (server.rootImage === null) throw badRequest('Backup is not supported for volume-backed instances.');
  const image = await reserveImage(context, server, wish, { image_type: 'backup', backup_type: backupType });
  const changed = await changeServer(context.tx, { now: () => context.now }, server, { taskState: 'image_backup' }, { requestId: context.requestId });
  await startWork<Omit<Snapshot, 'serverId'>>(compute, context, changed, 'createBackup', createBackupWorkflow, { imageId: image.id, upload: image.upload, keep: { backupType, most: rotation } });
  return image.id;
}

/** nova/compute/utils.py, create_image and initialize_instance_system_metadata */
export async function reserveImage(context: Context, server: Server, { name, metadata }: Wish, kind: Record<string, string>): Promise<{ id: string; upload: string }> {
  await demandMetadataRoom(context.tx, server.projectId, metadata);
  return reserveServerImage(context, {
    name,
    properties: { instance_uuid: server.id, user_id: server.userId, image_location: 'snapshot', base_image_ref: server.imageId ?? '', owner_id: server.projectId, ...kind, ...metadata },
    minDiskGiB: server.rootDiskGiB,
    minRamMiB: 0,
    sourceImageId: server.imageId ?? undefined,
  });
}
