/** Images of servers: of one disk, kept as backups, or of all volumes. */
import { badRequest, forbidden } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { reserveServerImage } from '../image/uploads.ts';
import { selectBlockDevices } from './devices.store.ts';
import { startWork, usable } from './server-actions.ts';
import { changeServer } from './server-changes.ts';
import { createBackupWorkflow, createImageWorkflow, type Snapshot } from './server-images.workflow.ts';
import { mostMetadata, type Compute } from './servers.ts';
import type { Server } from './servers.store.ts';

type Wish = { name: string; metadata: Record<string, string> };

/** The id of the image that will be. */
export async function createServerImage(compute: Compute, context: Context, id: string, wish: Wish): Promise<string> {
  const server = await usable(context, id, 'createImage');
  const root = (await selectBlockDevices(context.tx, [id])).find(({ isRoot }) => isRoot);
  if (root) throw badRequest(`Server ${id} boots from a volume: make a snapshot of volume ${root.volumeId} instead.`);
  const image = await reserveImage(context, server, wish, { image_type: 'snapshot' });
  const changed = await changeServer(context.tx, { now: () => context.now }, server, { taskState: 'image_snapshot' }, { requestId: context.requestId });
  await startWork(compute, context, changed, 'createImage', createImageWorkflow, { imageId: image.id, upload: image.upload });
  return image.id;
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
export function reserveImage(context: Context, server: Server, { name, metadata }: Wish, kind: Record<string, string>): Promise<{ id: string; upload: string }> {
  if (Object.keys(metadata).length > mostMetadata) throw forbidden(`Maximum number of metadata items exceeds ${mostMetadata}`);
  return reserveServerImage(context, {
    name,
    properties: { instance_uuid: server.id, user_id: server.userId, image_location: 'snapshot', base_image_ref: server.imageId ?? '', owner_id: server.projectId, ...kind, ...metadata },
    minDiskGiB: server.rootDiskGiB,
    minRamMiB: 0,
    sourceImageId: server.imageId ?? undefined,
  });
}
