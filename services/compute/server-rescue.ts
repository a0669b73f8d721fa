/** Starting a server from another image, with its own disk beside it, so that it can be mended. nova/compute/api.py, rescue */
import { badRequest, Fault } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { VettedImage } from '../../drivers/driver.ts';
import { getServerImage } from '../image/images.ts';
import { changeServer } from './server-changes.ts';
import { startWork, usable } from './server-actions.ts';
import { rescueServerWorkflow, unrescueServerWorkflow } from './server-rescue.workflow.ts';
import type { Compute } from './servers.ts';
import type { Server } from './servers.store.ts';

export type RescueWish = { imageId: string | undefined; adminPass: string; fromLocalDisk: boolean };

export async function rescueServer(compute: Compute, context: Context, id: string, wish: RescueWish): Promise<void> {
  const server = await usable(context, id, 'rescue');
  if (server.rootImage === null && wish.fromLocalDisk) throw badRequest(`Instance ${id} cannot be rescued: Cannot rescue a volume-backed instance`);
  const image = await rescueImage(context, server, wish.imageId);
  const changes: Partial<Server> = { rescue: { image, vmState: server.vmState }, taskState: 'rescuing', power: 'running', bootEpoch: server.bootEpoch + 1, adminPass: wish.adminPass };
  const changed = await changeServer(context.tx, { now: () => context.now }, server, changes, { event: 'server.rescue.start', requestId: context.requestId, intent: true });
  await startWork(compute, context, changed, 'rescue', rescueServerWorkflow, {});
}

/** The one that is asked for, or that the server was made from. */
async function rescueImage(context: Context, server: Server, imageId: string | undefined): Promise<VettedImage> {
  if (imageId === undefined) {
    if (server.rootImage) return server.rootImage;
    throw badRequest("Requested rescue image '' is not supported");
  }
  const image = await getServerImage(context, imageId).catch((error: unknown) => {
    throw error instanceof Fault ? badRequest(`Requested rescue image '${imageId}' is not supported`) : error;
  });
  return image.vetted;
}

export async function unrescueServer(compute: Compute, context: Context, id: string): Promise<void> {
  const server = await usable(context, id, 'unrescue');
  const changes: Partial<Server> = { rescue: null, taskState: 'unrescuing', power: 'running', bootEpoch: server.bootEpoch + 1 };
  const changed = await changeServer(context.tx, { now: () => context.now }, server, changes, { event: 'server.unrescue.start', requestId: context.requestId, intent: true });
  await startWork(compute, context, changed, 'unrescue', unrescueServerWorkflow, {});
}
