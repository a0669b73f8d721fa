/** What can be asked of a server that there is. Each: its row locked, its state asked, the wish written, the work begun. */
import { isDeepStrictEqual } from 'node:util';
import type { GuestFile } from '../../drivers/driver.ts';
import { badRequest, conflict, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { SomeWorkflow, Workflow } from '../../kit/workflow/workflow.ts';
import { getServerImage, type ServerImage } from '../image/images.ts';
import { addServerSecurityGroup, removeServerSecurityGroup } from '../network/ports.ts';
import { cellsOf } from '../placement/cells.ts';
import { moveClaim, NoValidHost, releaseClaim } from '../placement/claims.ts';
import { claimSpending, domainOf } from '../quota/budgets.ts';
import { claimQuota, releaseQuota } from '../quota/quotas.ts';
import { demandFits } from '../volume/volume-actions.ts';
import { getVolume } from '../volume/volumes.ts';
import { noteAction, noteDone } from './actions.ts';
import { selectBlockDevices } from './devices.store.ts';
import { getFlavor } from './flavors.ts';
import { demandHardware } from './hardware.ts';
import { demandFilesRoom, demandMetadataRoom } from './limits.ts';
import { beginMigration, noteMigration } from './migrations.ts';
import {
  hardRebootWorkflow,
  lessThan,
  pauseServerWorkflow,
  rebuildServerWorkflow,
  rebuildVolumeServerWorkflow,
  resizeServerWorkflow,
  resumeServerWorkflow,
  revertResizeWorkflow,
  softRebootWorkflow,
  startServerWorkflow,
  stopServerWorkflow,
  suspendServerWorkflow,
  unpauseServerWorkflow,
} from './server-actions.workflow.ts';
import { localDisksAfter, shortName } from './local-disks.ts';
import { migrateServerWorkflow, revertMigrationWorkflow } from './server-moves.workflow.ts';
import { claimElsewhere, refusalOfHost, returnTo } from './server-hosts.ts';
import { changeServer, lockServer, needsOf, meteredAs, quotaOf } from './server-changes.ts';
import { demandState, demandUnlocked, type StatefulAction } from './server-states.ts';
import { subjectOf, type About } from './server-steps.ts';
import { asBadRequest, asQuotaFault } from './refusals.ts';
import { refreshServer } from './server-refresh.ts';
import { demandFit, demandNoCertificates, knownProperties, publicKeyOf, type Compute } from './servers.ts';
import type { RegionParts } from '../parts.ts';
import type { Server } from './servers.store.ts';

type Wish = { action: StatefulAction; said: string; changes: Partial<Server>; workflow: Workflow<About, object, RegionParts> };

async function begin(compute: Compute, context: Context, id: string, { action, said, changes, workflow }: Wish): Promise<Server> {
  const server = await usable(context, id, action);
  const changed = await changeServer(context.tx, { now: () => context.now }, server, changes, { requestId: context.requestId, intent: true });
  await startWork(compute, context, changed, said, workflow, {});
  return changed;
}

/** Locked, not under a user's lock, and in a state that allows this. */
export async function usable({ tx, caller }: Context, id: string, action: StatefulAction): Promise<Server> {
  const server = await lockServer(tx, id);
  demandUnlocked(server, caller);
  demandState(server, action);
  if (server.hostId === null) throw conflict(`Instance ${id} is not ready`);
  return server;
}

/** Notes the request and begins the work, in the caller's transaction. */
export async function startWork<More extends object>(compute: Compute, context: Context, server: Server, said: string, workflow: Workflow<About & More, never, RegionParts> | SomeWorkflow, more: More): Promise<void> {
  const { tx, caller, now, requestId } = context;
  await noteAction(tx, { serverId: server.id, projectId: server.projectId, requestId, action: said, userId: caller.userId, startedAt: now });
  await compute.workflows.start(tx, workflow as SomeWorkflow, { subject: subjectOf(server.id), input: { serverId: server.id, ...more } as never, projectId: server.projectId, requestId });
}

export const startServer = (compute: Compute, context: Context, id: string) =>
  begin(compute, context, id, { action: 'os-start', said: 'start', changes: { taskState: 'powering-on', power: 'running' }, workflow: startServerWorkflow });

export const stopServer = (compute: Compute, context: Context, id: string) =>
  begin(compute, context, id, { action: 'os-stop', said: 'stop', changes: { taskState: 'powering-off', power: 'stopped' }, workflow: stopServerWorkflow });

export const pauseServer = (compute: Compute, context: Context, id: string) =>
  begin(compute, context, id, { action: 'pause', said: 'pause', changes: { taskState: 'pausing', power: 'paused' }, workflow: pauseServerWorkflow });

export const unpauseServer = (compute: Compute, context: Context, id: string) =>
  begin(compute, context, id, { action: 'unpause', said: 'unpause', changes: { taskState: 'unpausing', power: 'running' }, workflow: unpauseServerWorkflow });

export const suspendServer = (compute: Compute, context: Context, id: string) =>
  begin(compute, context, id, { action: 'suspend', said: 'suspend', changes: { taskState: 'suspending', power: 'suspended' }, workflow: suspendServerWorkflow });

export const resumeServer = (compute: Compute, context: Context, id: string) =>
  begin(compute, context, id, { action: 'resume', said: 'resume', changes: { taskState: 'resuming', power: 'running' }, workflow: resumeServerWorkflow });

export async function rebootServer(compute: Compute, context: Context, id: string, how: 'soft' | 'hard'): Promise<void> {
  if (how === 'soft') {
    await begin(compute, context, id, { action: 'rebootSoft', said: 'reboot', changes: { taskState: 'rebooting' }, workflow: softRebootWorkflow });
    return;
  }
  const server = await usable(context, id, 'rebootHard');
  const changed = await changeServer(context.tx, { now: () => context.now }, server, { taskState: 'rebooting_hard', power: 'running', bootEpoch: server.bootEpoch + 1, fault: null }, { requestId: context.requestId, intent: true });
  await startWork(compute, context, changed, 'reboot', hardRebootWorkflow, {});
}

/** An owner's lock stays an owner's when an administrator locks it again. nova/compute/api.py, lock */
export async function setLock(context: Context, id: string, reason: string | null): Promise<void> {
  const { tx, now, caller, requestId } = context;
  const server = await lockServer(tx, id);
  const isOwner = server.projectId === caller.projectId;
  if (server.locked && isOwner) return;
  await changeServer(tx, { now: () => now }, server, { locked: true, lockedBy: isOwner ? 'owner' : 'admin', ...(reason === null ? {} : { lockedReason: reason }) }, { event: 'server.lock', requestId });
  await noteDone(context, server, 'lock');
}

export async function removeLock(context: Context, id: string): Promise<void> {
  const { tx, now, caller, requestId } = context;
  const server = await lockServer(tx, id);
  if (server.lockedBy === 'admin' && !caller.isAdmin) throw forbidden("Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override to be performed.");
  await changeServer(tx, { now: () => now }, server, { locked: false, lockedBy: null, lockedReason: null }, { event: 'server.unlock', requestId });
  await noteDone(context, server, 'unlock');
}

/** By hand, for a server whose state is wrong. */
export async function resetState(context: Context, id: string, vmState: 'active' | 'error'): Promise<void> {
  const { tx, now, requestId } = context;
  const server = await lockServer(tx, id);
  await changeServer(tx, { now: () => now }, server, { vmState, taskState: null, ...(vmState === 'active' ? { power: 'running' as const } : {}) }, { event: 'server.reset_state', requestId, intent: true });
  await noteDone(context, server, 'resetState');
}

/** Both flavors are counted from now on, until one of them is given up. */
export async function resizeServer(compute: Compute, context: Context, id: string, flavorId: string, diskConfig: Server['diskConfig'] | undefined): Promise<void> {
  const { tx, caller, now, requestId } = context;
  const server = await usable(context, id, 'resize');
  const flavor = await getFlavor(context, flavorId).catch(asBadRequest);
  if (flavor.id === server.flavor.id) throw badRequest('When resizing, instances must change flavor!');
  if (flavor.diskGiB === 0 && server.flavor.diskGiB !== 0 && server.rootImage !== null) throw badRequest('Resize to zero disk flavor is not allowed.');
  // Nova's host refuses it after the API has said yes, and the server stays as it was; to say no at once is kinder.
  if (server.rootImage !== null && flavor.diskGiB < server.rootDiskGiB) throw badRequest('Server disk was unable to be resized because: a disk cannot become smaller.');
  if (server.rootImage !== null && server.imageId !== null) await getServerImage({ tx }, server.imageId).then((image) => demandFit(flavor, image, caller.isAdmin), () => undefined);
  demandHardware({ flavor, image: server.imageProperties });
  const localDisks = localDisksAfter({ flavor, image: server.imageProperties, before: server.localDisks, taken: (await selectBlockDevices(tx, [id])).map(shortName) });
  const resized = { ...server, flavor, resize: { from: server.flavor, vmState: server.vmState, localDisks: server.localDisks }, rootDiskGiB: server.rootImage === null ? 0 : flavor.diskGiB };
  await claimQuota(tx, server.projectId, lessThan(quotaOf(resized), quotaOf(server))).catch(asQuotaFault);
  await claimSpending(tx, { now, projectId: server.projectId, domainId: domainOf(caller, server.projectId), thing: meteredAs(flavor, 1) });
  const changes = { flavor, localDisks, resize: resized.resize, rootDiskGiB: resized.rootDiskGiB, taskState: 'resize_prep', ...(diskConfig ? { diskConfig } : {}) };
  // The room is claimed beside the intent, so that their sums never differ.
  const moved = await moveClaim(tx, { ...needsOf(resized), consumerId: id, projectId: server.projectId, now }).then(
    () => undefined,
    (error: unknown) => {
      if (!(error instanceof NoValidHost)) throw error;
      return claimElsewhere(compute, context, resized, null);
    },
  );
  const place = moved && { hostId: moved.hostId, hostZone: moved.hostZone, resize: { ...resized.resize, left: moved.left } };
  const changed = await changeServer(tx, { now: () => now }, server, { ...changes, ...place }, { requestId, intent: true });
  await beginMigration(tx, compute.random, server, { type: 'resize', status: 'migrating', userId: caller.userId, targetHostId: changed.hostId, newFlavor: flavor.id, now });
  await startWork(compute, context, changed, 'resize', moved ? migrateServerWorkflow : resizeServerWorkflow, {});
}

/** The old flavor is given up: nothing is left to be done on the host. */
export async function confirmResize(context: Context, id: string): Promise<void> {
  const { tx, caller, now, requestId } = context;
  const server = await usable(context, id, 'confirmResize');
  const confirmed = { ...server, resize: null };
  await releaseQuota(tx, server.projectId, lessThan(quotaOf(server), quotaOf(confirmed)));
  if (server.resize?.left) await releaseClaim(tx, server.resize.left.claimId, now);
  else await moveClaim(tx, { ...needsOf(confirmed), consumerId: id, projectId: server.projectId, now });
  await changeServer(tx, { now: () => now }, server, { resize: null, vmState: server.power === 'stopped' ? 'stopped' : 'active' }, { event: 'server.resize_confirm.end', requestId });
  await noteMigration(tx, id, 'confirmed', now);
  await noteAction(tx, { serverId: id, projectId: server.projectId, requestId, action: 'confirmResize', userId: caller.userId, startedAt: now });
}

export async function revertResize(compute: Compute, context: Context, id: string): Promise<void> {
  const { tx, now, requestId } = context;
  const server = await usable(context, id, 'revertResize');
  const reverted = { ...server, flavor: server.resize!.from, resize: null };
  await releaseQuota(tx, server.projectId, lessThan(quotaOf(server), quotaOf(reverted)));
  const left = server.resize?.left;
  const place = left ? await returnTo(tx, server, left, { now, requestId }) : await moveClaim(tx, { ...needsOf(reverted), consumerId: id, projectId: server.projectId, now });
  const changed = await changeServer(tx, { now: () => now }, server, { ...place, flavor: reverted.flavor, localDisks: server.resize!.localDisks ?? server.localDisks, resize: null, taskState: 'resize_reverting' }, { requestId, intent: true });
  await noteMigration(tx, id, 'reverted', now);
  if (left) await startWork(compute, context, changed, 'revertResize', revertMigrationWorkflow, { leftHostId: server.hostId! });
  else await startWork(compute, context, changed, 'revertResize', revertResizeWorkflow, {});
}

export type Rebuild = {
  imageId: string;
  name: string | undefined;
  adminPass: string | null;
  metadata: Record<string, string> | undefined;
  diskConfig: Server['diskConfig'] | undefined;
  accessIpv4: string | undefined;
  accessIpv6: string | undefined;
  description: string | null | undefined;
  hostname: string | undefined;
  /** Null: none from now on. */
  keyName: string | null | undefined;
  userData: string | null | undefined;
  /** Instead of those that it had. */
  files: readonly GuestFile[];
  certificates: readonly string[] | null;
  /** A root volume stays as it is. */
  keepVolume: boolean;
};

export async function rebuildServer(compute: Compute, context: Context, id: string, wish: Rebuild): Promise<Server> {
  const { tx, caller, now, requestId } = context;
  const server = await usable(context, id, 'rebuild');
  await demandMetadataRoom(tx, server.projectId, wish.metadata ?? {});
  await demandFilesRoom(tx, server.projectId, wish.files);
  demandNoCertificates(wish.certificates);
  const image = await getServerImage(context, wish.imageId).catch(asBadRequest);
  const imageProperties = knownProperties(image.properties);
  demandHardware({ flavor: server.flavor, image: imageProperties });
  if (image.id !== server.imageId) demandSameCells(server, imageProperties);
  const refusal = image.id === server.imageId ? null : await refusalOfHost(compute, context, { ...server, imageProperties });
  if (refusal !== null) {
    const refused = await changeServer(tx, { now: () => now }, server, { taskState: 'rebuilding' }, { requestId });
    await startWork(compute, context, refused, 'rebuild', rebuildServerWorkflow, { refusal });
    return refused;
  }
  const changes: Partial<Server> = {
    ...(server.rootImage === null ? await onVolume(context, server, image, wish.keepVolume) : onDisk(server, image, caller.isAdmin)),
    taskState: 'rebuilding',
    power: server.vmState === 'stopped' ? 'stopped' : 'running',
    adminPass: wish.adminPass,
    files: [...wish.files],
    ...(wish.files.length === 0 ? {} : { configDrive: 'True' }),
    ...(wish.name === undefined ? {} : { name: wish.name }),
    ...(wish.metadata === undefined ? {} : { metadata: wish.metadata }),
    ...(wish.diskConfig === undefined ? {} : { diskConfig: wish.diskConfig }),
    ...(wish.accessIpv4 === undefined ? {} : { accessIpv4: wish.accessIpv4 }),
    ...(wish.accessIpv6 === undefined ? {} : { accessIpv6: wish.accessIpv6 }),
    ...(wish.description === undefined ? {} : { description: wish.description }),
    ...(wish.hostname === undefined ? {} : { hostname: wish.hostname }),
    ...(wish.userData === undefined ? {} : { userData: wish.userData }),
    ...(wish.keyName === undefined ? {} : { keyName: wish.keyName, publicKey: wish.keyName === null ? null : await publicKeyOf(context, wish.keyName) }),
    imageProperties,
  };
  const changed = await changeServer(tx, { now: () => now }, server, changes, { requestId, intent: true });
  if (server.rootImage === null && !wish.keepVolume) await startWork(compute, context, changed, 'rebuild', rebuildVolumeServerWorkflow, { imageId: image.id });
  else await startWork(compute, context, changed, 'rebuild', rebuildServerWorkflow, {});
  return changed;
}

/** What it has of its host's processors stays: nova/compute/api.py, _validate_numa_rebuild */
function demandSameCells({ flavor, imageProperties: before }: Server, after: Readonly<Record<string, string>>): void {
  if (!isDeepStrictEqual(cellsOf(flavor, before), cellsOf(flavor, after)))
    throw badRequest("An instance's NUMA topology cannot be changed as part of a rebuild. The image provided is invalid for this instance.");
}

function onDisk(server: Server, image: ServerImage, isAdmin: boolean): Partial<Server> {
  demandFit(server.flavor, image, isAdmin);
  return { imageId: image.id, rootImage: image.vetted, diskEpoch: server.diskEpoch + 1 };
}

/** Its root volume is made anew, or stays what it is: nova/compute/api.py, reimage_boot_volume */
async function onVolume(context: Context, server: Server, image: ServerImage, keepVolume: boolean): Promise<Partial<Server>> {
  if (server.flavor.memoryMiB < image.minRamMiB) throw badRequest("Flavor's memory is too small for requested image.");
  const root = (await selectBlockDevices(context.tx, [server.id])).find(({ isRoot }) => isRoot);
  if (!root) throw badRequest(`Server ${server.id} has no root disk any more.`);
  const volume = await getVolume(context, root.volumeId);
  if (volume.status !== 'in-use') throw badRequest(`Invalid volume: volume ${volume.id} is ${volume.status}, and not in use.`);
  if (!keepVolume) demandFits(volume, image);
  else if (volume.imageMetadata?.['image_id'] !== image.id) throw badRequest(`Image ${image.id} is unacceptable: Unable to rebuild with a different image for a volume-backed server.`);
  // What else it has of its host is made anew too.
  return { bootEpoch: server.bootEpoch + 1, diskEpoch: server.diskEpoch + 1 };
}

export async function setMetadata(compute: Compute, context: Context, id: string, metadata: Record<string, string>, how: 'merge' | 'replace'): Promise<Record<string, string>> {
  const server = await changeable(context, id, 'update metadata');
  const merged = how === 'merge' ? { ...server.metadata, ...metadata } : metadata;
  await writeMetadata(compute, context, server, merged);
  return merged;
}

export async function removeMetadata(compute: Compute, context: Context, id: string, key: string): Promise<void> {
  const server = await changeable(context, id, 'delete metadata');
  const { [key]: removed, ...rest } = server.metadata;
  if (removed === undefined) throw notFound('Metadata item was not found');
  await writeMetadata(compute, context, server, rest);
}

/** Not under a user's lock, and in a state that allows this; it may have no host. */
export async function changeable({ tx, caller }: Context, id: string, action: StatefulAction): Promise<Server> {
  const server = await lockServer(tx, id);
  demandUnlocked(server, caller);
  demandState(server, action);
  return server;
}

async function writeMetadata(compute: Compute, context: Context, server: Server, metadata: Record<string, string>): Promise<void> {
  await demandMetadataRoom(context.tx, server.projectId, metadata);
  const changed = await changeServer(context.tx, { now: () => context.now }, server, { metadata }, { requestId: context.requestId, intent: true });
  await refreshServer(compute, context, changed);
}

/** nova/objects/instance.py, MAX_TAG_COUNT */
export const mostTags = 50;

/** What it has afterwards, in the order of the alphabet. */
export async function setTags(context: Context, id: string, action: StatefulAction, change: (tags: readonly string[]) => readonly string[]): Promise<string[]> {
  const server = await lockServer(context.tx, id);
  demandState(server, action);
  const tags = [...new Set(change(server.tags))].toSorted();
  if (tags.join() !== server.tags.join()) await changeServer(context.tx, { now: () => context.now }, server, { tags }, { requestId: context.requestId });
  return tags;
}

export async function setSecurityGroup(compute: Compute, context: Context, id: string, group: string, member: boolean): Promise<void> {
  const server = await lockServer(context.tx, id);
  demandUnlocked(server, context.caller);
  await (member ? addServerSecurityGroup : removeServerSecurityGroup)(context, id, group);
  // The guest reads the names of its groups from the metadata service.
  const changed = await changeServer(context.tx, { now: () => context.now }, server, {}, { requestId: context.requestId, intent: true });
  await refreshServer(compute, context, changed);
}
