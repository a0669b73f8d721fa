/** What else may be done with a volume: cinder/volume/api.py. */
import type { DiskEncryption } from '../../drivers/driver.ts';
import { badRequest, conflict, Fault, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { getServerImage, type ServerImage } from '../image/images.ts';
import { attachmentsOfVolumes, type Attachment } from './attachments.store.ts';
import { reserveKey } from './disk-keys.ts';
import { findQosSpec } from './qos-specs.store.ts';
import { isStorage } from './services.ts';
import { hasOthersSnapshots, lockSnapshot, snapshotsOf, updateSnapshot } from './snapshots.store.ts';
import { findType } from './types.store.ts';
import { diskEncryption, isShared, typeForVolume, type VolumeType } from './types.ts';
import { reimageVolumeWorkflow, retypeVolumeWorkflow, revertVolumeWorkflow } from './volume-actions.workflow.ts';
import { tellSnapshot } from './volume-events.ts';
import { moveToType } from './volume-quotas.ts';
import { beginChange, changeVolume, completeClientAttachment, createAttachment, endAttachment, getAttachment, getOwnVolume, imageFacts, subjectOf, type Volume } from './volumes.ts';
import { lockVolume } from './volumes.store.ts';
import { startWork, type Starting } from './work.ts';

export async function retypeVolume(context: Context, id: string, newType: string, { mayCopy }: { mayCopy: boolean }): Promise<void> {
  const volume = await getOwnVolume(context, id);
  const [type, old] = [await typeForVolume(context, newType).catch(asBadType(newType)), volume.typeId === null ? undefined : await findType(context.tx, undefined, volume.typeId)];
  const encryption = diskEncryption(type);
  if (isShared(type) && encryption !== null) throw badRequest('Invalid input received: Retype requested both encryption and multi-attach, which is not supported.');
  if (isShared(type) !== (old !== undefined && isShared(old)) && volume.status !== 'available')
    throw badRequest(`Invalid input received: Invalid volume_type passed, retypes affecting multiattach are only allowed on available volumes, the specified volume however currently has a status of: ${volume.status}.`);
  if (!['available', 'in-use'].includes(volume.status) || volume.groupId !== null || type.id === volume.typeId || (volume.status === 'in-use' && (await isForHosts(context, type)) !== (old !== undefined && (await isForHosts(context, old)))))
    throw badRequest('Invalid volume: Retype needs volume to be in available or in-use state, not be part of an active migration or a consistency group, requested type has to be different that the one from the volume, and for in-use volumes front-end qos specs cannot change.');
  if (await hasOthersSnapshots(context.tx, id, volume.projectId)) throw badRequest(`Invalid volume: Another project has snapshots of volume ${id}.`);
  const snapshots = await snapshotsOf(context.tx, id);
  const otherKeyId = await beginLocking(context, volume, { encryption, type, mayCopy, hasSnapshots: snapshots.length > 0 });
  const counted = { volumes: 1, snapshots: snapshots.length, gigabytes: volume.sizeGiB + snapshots.reduce((sum, { sizeGiB }) => sum + sizeGiB, 0) };
  // It counts as of the new type from now on; if that comes to nothing, of the old one again.
  await moveToType(context.tx, volume.projectId, counted, { from: volume.typeId, to: type.id });
  await beginChange(context, volume, { status: 'retyping', previousStatus: volume.status, typeId: type.id, otherKeyId }, 'volume.retype.start');
  await startWork(context, retypeVolumeWorkflow, { subject: subjectOf(id), projectId: volume.projectId, input: { volumeId: id, from: volume.typeId, counted }, generation: volume.generation + 1 });
}

/** From a type that encrypts to one that does not, or back, is a copy of all its bytes. The key that it is to have, if it is to have one. */
async function beginLocking(context: Context, { id, projectId, status, encryption: was }: Volume, { encryption, type, mayCopy, hasSnapshots }: { encryption: DiskEncryption | null; type: VolumeType; mayCopy: boolean; hasSnapshots: boolean }): Promise<string | null> {
  if (was?.cipher === encryption?.cipher) return null;
  if (was !== null && encryption !== null) throw badRequest(`Invalid volume: Volume ${id} is encrypted by another cipher than volume type ${type.name} says: make a new volume of it.`);
  if (!mayCopy) throw badRequest(`Invalid volume: Volume ${id} has to be copied to be of volume type ${type.name}: ask for it with the migration policy on-demand.`);
  if (status !== 'available' || hasSnapshots) throw badRequest(`Invalid volume: Volume ${id} has to be copied to be of volume type ${type.name}, so that its status must be available and it must not have snapshots.`);
  return encryption === null ? null : reserveKey(context, projectId);
}

async function isForHosts({ tx }: Context, { qosId }: VolumeType): Promise<boolean> {
  const qos = qosId === null ? undefined : await findQosSpec(tx, qosId);
  return qos !== undefined && qos.consumer !== 'back-end';
}

function asBadType(wanted: string) {
  return (error: unknown): never => {
    throw error instanceof Fault && error.status === 404 ? badRequest(`Invalid input received: Invalid volume_type passed: ${wanted}.`) : error;
  };
}

export async function revertVolume(context: Context, id: string, snapshotId: string): Promise<void> {
  const { tx, now } = context;
  const volume = await getOwnVolume(context, id);
  const latest = (await snapshotsOf(tx, id)).at(-1);
  if (!latest) throw badRequest(`Volume ${id} doesn't have any snapshots.`);
  if (latest.id !== snapshotId) throw badRequest(`Specified snapshot ${snapshotId} is None or not the latest one of volume ${id}.`);
  if (latest.sizeGiB !== volume.sizeGiB) throw badRequest(`Can't revert volume ${id} to its latest snapshot ${snapshotId}. The volume size must be equal to the snapshot size.`);
  if (volume.status !== 'available') throw conflict(`Invalid volume: Can't revert volume ${id} to its latest snapshot ${snapshotId}. Volume's status must be 'available'.`);
  const snapshot = await lockSnapshot(tx, snapshotId);
  if (snapshot?.status !== 'available') throw conflict(`Invalid snapshot: Can't revert volume ${id} to its latest snapshot ${snapshotId}. Snapshot's status must be 'available'.`);
  const restoring = { ...snapshot, status: 'restoring', workedOnAs: subjectOf(id) };
  await updateSnapshot(tx, restoring, now);
  await tellSnapshot(context, 'snapshot.revert.start', restoring);
  await beginChange(context, volume, { status: 'reverting', previousStatus: volume.status, epoch: volume.epoch + 1 }, 'volume.revert.start');
  await startWork(context, revertVolumeWorkflow, { subject: subjectOf(id), projectId: volume.projectId, input: { volumeId: id, snapshotId }, generation: volume.generation + 1 });
}

export async function reimageVolume(context: Context, id: string, imageId: string, { reserved }: { reserved: boolean }): Promise<void> {
  const volume = await getOwnVolume(context, id);
  const expected = reserved ? ['available', 'error', 'reserved'] : ['available', 'error'];
  if (!expected.includes(volume.status)) throw badRequest(`Invalid volume: Volume ${id} status must be ${expected.join(' or ')}, but current status is ${volume.status}.`);
  const image = await getServerImage(context, imageId).catch((error: unknown): never => {
    if (error instanceof Fault && error.status === 404) throw notFound(`Image ${imageId} could not be found.`);
    throw error instanceof Fault ? badRequest(`Invalid input received: Image ${imageId} is not active.`) : error;
  });
  demandFits(volume, image);
  await beginReimaging(context, volume, image, volume.status === 'reserved' ? 'reserved' : 'available');
}

/** Whether this image can take the place of what is on the volume. */
export function demandFits(volume: Volume, image: ServerImage): void {
  const gib = Math.ceil(image.virtualSizeBytes / 2 ** 30);
  if (gib > volume.sizeGiB) throw badRequest(`Invalid input received: Size of specified image ${gib}GB is larger than volume size ${volume.sizeGiB}GB.`);
  if (image.minDiskGiB > volume.sizeGiB) throw badRequest(`Invalid input received: Volume size ${volume.sizeGiB}GB cannot be smaller than the image minDisk size ${image.minDiskGiB}GB.`);
}

/** For compute, while the volume's server is off its host: wait until `volumeState` is `in-use` again. */
export async function reimageServerVolume(context: Starting, { volumeId, imageId }: { volumeId: string; imageId: string }): Promise<void> {
  const volume = await lockVolume(context.tx, volumeId);
  if (volume?.status !== 'in-use') throw new Error(`Volume ${volumeId} is ${volume?.status ?? 'gone'}`);
  await beginReimaging(context, volume, await getServerImage(context, imageId), 'in-use');
}

async function beginReimaging(context: Starting, volume: Volume, image: ServerImage, previousStatus: string): Promise<void> {
  await beginChange(context, volume, { status: 'downloading', previousStatus, epoch: volume.epoch + 1 }, 'volume.reimage.start');
  await startWork(context, reimageVolumeWorkflow, { subject: subjectOf(volume.id), projectId: volume.projectId, input: { volumeId: volume.id, imageId: image.id, imageMetadata: imageFacts(image) }, generation: volume.generation + 1 });
}

/** There is one storage: what is there cannot go anywhere else. */
export async function migrateVolume(context: Context, id: string, { host, cluster }: { host: string | null; cluster: string | null }): Promise<never> {
  await getOwnVolume(context, id);
  if ((host === null) === (cluster === null)) throw badRequest('Invalid input received: One and only one of cluster and host must be set.');
  if (host === null || !isStorage(host)) throw badRequest(`Invalid host: No available service named '${host ?? cluster}'`);
  throw badRequest(`Invalid volume: Volume ${id} status must be available or in-use, must not be migrating, have snapshots, be replicated, be part of a group and destination host/cluster must be different than the current one`);
}

export async function completeMigration(context: Context, id: string, newVolumeId: string): Promise<never> {
  await getOwnVolume(context, id);
  await getOwnVolume(context, newVolumeId);
  throw badRequest('Invalid volume: Source volume not mid-migration.');
}

/** The driver tells the machine itself that its disk has grown: no extension waits for anybody. */
export async function completeExtension(context: Context, id: string): Promise<never> {
  const { status } = await getOwnVolume(context, id);
  throw badRequest(status === 'extending' ? 'Invalid volume: Required volume admin metadata is malformed or missing.' : 'Invalid volume: Volume is not being extended.');
}

// Who uses it

export async function attachVolume(context: Context, id: string, wish: { serverId: string | null; hostName: string | null; mountpoint: string; mode: 'rw' | 'ro' | null }): Promise<void> {
  const volume = await getOwnVolume(context, id);
  if (volume.readonly === true && wish.mode === 'rw') throw badRequest(`Invalid attaching mode 'rw' for volume ${id}.`);
  const attachment = await createAttachment(context, { volumeId: id, serverId: wish.serverId, ofCompute: false, mode: wish.mode ?? (volume.readonly === true ? 'ro' : 'rw'), from: ['available', 'attaching'] });
  await completeClientAttachment(context, attachment.id, { device: wish.mountpoint, hostName: wish.hostName });
}

export async function detachVolume(context: Context, id: string, attachmentId: string | null): Promise<void> {
  const volume = await getOwnVolume(context, id);
  const attachment = await attachmentOf(context, volume, attachmentId);
  if (attachment) await endAttachment(context, attachment.id);
  // cinder/volume/manager.py, detach_volume: whatever it was, now it is what those who still have it say.
  const left = await attachmentsOfVolumes(context.tx, [id]);
  if (['error', 'attaching', 'detaching'].includes(volume.status)) await changeVolume(context, id, { status: left.length > 0 ? 'in-use' : 'available' });
}

/** Undefined: nobody has it. */
async function attachmentOf(context: Context, { id }: Volume, attachmentId: string | null): Promise<Attachment | undefined> {
  if (attachmentId !== null) {
    const attachment = await getAttachment(context, attachmentId);
    if (attachment.volumeId !== id) throw notFound(`Volume attachment could not be found with filter: attachment_id = ${attachmentId}.`);
    return attachment;
  }
  const [only, another] = await attachmentsOfVolumes(context.tx, [id]);
  if (another) throw badRequest('Invalid volume: Detach volume failed: More than one attachment, but no attachment_id provided.');
  return only;
}

export async function setDetaching(context: Context, id: string, detaching: boolean): Promise<void> {
  const volume = await getOwnVolume(context, id);
  if (volume.status !== (detaching ? 'in-use' : 'detaching'))
    throw badRequest(detaching ? "Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach." : `Invalid volume: Volume ${id} status must be detaching, but current status is: ${volume.status}.`);
  await changeVolume(context, id, { status: detaching ? 'detaching' : 'in-use' });
}

/** Volumes are not exported to hosts that are not this cloud's. */
export async function connectVolume(context: Context, id: string): Promise<never> {
  await getOwnVolume(context, id);
  throw badRequest('Invalid input received: Volumes of this cloud are attached by its compute service only: no connector reaches them.');
}

export async function disconnectVolume(context: Context, id: string): Promise<void> {
  await getOwnVolume(context, id);
  const ofCompute = (await attachmentsOfVolumes(context.tx, [id])).find((attachment) => attachment.ofCompute);
  if (ofCompute) throw conflict(`Detach volume from instance ${ofCompute.serverId} using the Compute API`);
}
