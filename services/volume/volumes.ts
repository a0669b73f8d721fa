/** What may be done with volumes, and what the compute service asks of them. */
import { badRequest, Fault, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { running } from '../../kit/workflow/runs.ts';
import { findVisibleImage as findImage, getServerImage } from '../image/images.ts';
import { reserveServerImage, type CaptureFormat } from '../image/uploads.ts';
import { attachmentsOfVolumes, deleteAttachmentRow, findAttachment, insertAttachment, listAttachments, setAttached, setDetaching, type Attachment } from './attachments.store.ts';
import { reserveKey } from './disk-keys.ts';
import { readFilters, type ListQuery } from './lists.ts';
import { findSnapshot, hasOthersSnapshots, snapshotsOf } from './snapshots.store.ts';
import { findQosSpec } from './qos-specs.store.ts';
import { findType } from './types.store.ts';
import { demandThawed } from './services.ts';
import { diskEncryption, isShared, typeForVolume, typeSaid } from './types.ts';
import { tellAttachment, tellVolume } from './volume-events.ts';
import { claimSpending, domainOf } from '../quota/budgets.ts';
import { claimVolumes, demandVolumeSize } from './volume-quotas.ts';
import { createVolumeWorkflow, deleteVolumeWorkflow, extendVolumeWorkflow, uploadVolumeWorkflow } from './volumes.workflow.ts';
import { countVolumes, findVolume, insertVolume, listVolumes as listRows, lockVolume, summarizeVolumes, transient, updateVolume, type Volume, type VolumeChange, type VolumeSource } from './volumes.store.ts';
import { startWork, type Starting } from './work.ts';

export type { Volume, VolumeSource } from './volumes.store.ts';
export type { Attachment } from './attachments.store.ts';

/** The only one that there is. */
export const availabilityZone = 'nova';

export type VolumeWish = {
  sizeGiB?: number | undefined;
  name?: string | null | undefined;
  description?: string | null | undefined;
  volumeType?: string | null | undefined;
  /** For several servers, also where its type does not say so. */
  multiattach?: boolean | undefined;
  zone?: string | null | undefined;
  metadata?: Record<string, string> | null | undefined;
  source: VolumeSource;
};

export async function getVolume({ tx }: Pick<Context, 'tx'>, id: string): Promise<Volume> {
  const volume = await findVolume(tx, id);
  if (!volume) throw noVolume(id);
  return volume;
}

/** The volume for a change. */
export async function getOwnVolume({ tx }: Pick<Context, 'tx'>, id: string): Promise<Volume> {
  const volume = await lockVolume(tx, id);
  if (!volume) throw noVolume(id);
  return volume;
}

/** `groupId`: of a group that takes it. */
export function createVolume(context: Context, wish: VolumeWish, { groupId = null }: { groupId?: string | null } = {}): Promise<Volume> {
  return makeVolume(context, wish, null, groupId);
}

async function makeVolume(context: Context, wish: VolumeWish, madeFor: string | null, groupId: string | null = null): Promise<Volume> {
  const volume = await recordVolume(context, wish, { madeFor, groupId });
  await startWork(context, createVolumeWorkflow, { subject: subjectOf(volume.id), projectId: volume.projectId, input: { volumeId: volume.id }, generation: 1 });
  return volume;
}

/** A volume that a backup's workflow fills. */
export function createRestoredVolume(context: Context, { status, backupId, ...wish }: Omit<VolumeWish, 'source' | 'sizeGiB'> & { sizeGiB: number; backupId: string; status: 'creating' | 'restoring-backup' }): Promise<Volume> {
  return recordVolume(context, { ...wish, source: { kind: 'backup', backupId } }, { madeFor: null, status });
}

/** A volume that a group's workflow makes with others. */
export function createGroupVolume(context: Context, { groupId, workedOnAs, ...wish }: VolumeWish & { groupId: string; workedOnAs: string }): Promise<Volume> {
  return recordVolume(context, wish, { madeFor: null, groupId, workedOnAs });
}

type Making = { madeFor: string | null; status?: string; groupId?: string | null; workedOnAs?: string | null };

/** A volume whose data is on the storage already, by another name. */
export async function recordManagedVolume(context: Context, { sizeGiB, name, description, metadata, volumeType, bootable }: { sizeGiB: number; name: string | null; description: string | null; metadata: Record<string, string>; volumeType: string | null; bootable: boolean }): Promise<Volume> {
  const volume = await recordVolume(context, { sizeGiB, name, description, metadata, volumeType, source: { kind: 'empty' } }, { madeFor: null, status: 'managing' });
  return bootable ? changeVolume(context, volume.id, { bootable }) : volume;
}

/** The volume, counted; who makes it is for the caller to say. */
async function recordVolume(context: Context, wish: VolumeWish, { madeFor, status = 'creating', groupId = null, workedOnAs = null }: Making): Promise<Volume> {
  const { tx, now, random, caller } = context;
  if (caller.projectId === null) throw forbidden('A token for a project is needed to create a volume.');
  if (wish.zone != null && wish.zone !== availabilityZone) throw badRequest(`Invalid input received: Availability zone '${wish.zone}' is invalid.`);
  const origin = await originOf(context, wish.source);
  const sizeGiB = sizeFor(wish, origin);
  const type = await typeForVolume(context, wish.volumeType ?? origin.typeId);
  // cinder: RESKEY:availability_zones, where its volumes may be.
  const zones = type.extraSpecs['RESKEY:availability_zones'];
  if (zones !== undefined && !zones.split(',').some((zone) => zone.trim() === availabilityZone)) throw badRequest(`Invalid input received: Availability zone '${availabilityZone}' is not one of those of volume type ${type.name}: ${zones}.`);
  const encryption = diskEncryption(type);
  const multiattach = isShared(type) || wish.multiattach === true;
  if (multiattach && encryption !== null) throw badRequest('Invalid volume: Multiattach cannot be used with encrypted volumes.');
  await demandVolumeSize(tx, caller.projectId, sizeGiB);
  await claimVolumes(tx, caller.projectId, { volumes: 1, gigabytes: sizeGiB }, type.id);
  await claimSpending(tx, { now, projectId: caller.projectId, domainId: caller.projectDomainId, thing: { resource: 'volume', flavor: type.name, state: 'available', measures: { volumes: 1, GiB: sizeGiB } } });
  const id = random.uuid();
  await insertVolume(
    tx,
    {
      id,
      projectId: caller.projectId,
      userId: caller.userId,
      name: wish.name ?? null,
      description: wish.description ?? null,
      sizeGiB,
      typeId: type.id,
      availabilityZone,
      bootable: origin.bootable,
      multiattach,
      metadata: wish.metadata ?? {},
      imageMetadata: origin.imageMetadata,
      source: wish.source,
      madeFor,
      status,
      groupId,
      workedOnAs,
      encryption,
      keyId: encryption === null ? null : await reserveKey(context, caller.projectId),
    },
    now,
  );
  const volume = await getVolume(context, id);
  await tellVolume(context, 'volume.create.start', volume);
  return volume;
}

type Origin = { leastGiB: number; tooSmall: (sizeGiB: number) => string; defaultGiB: number | undefined; bootable: boolean; imageMetadata: Record<string, string> | null; typeId: string | undefined };

async function originOf(context: Context, source: VolumeSource): Promise<Origin> {
  const { tx } = context;
  const nothing: Origin = { leastGiB: 1, tooSmall: () => '', defaultGiB: undefined, bootable: false, imageMetadata: null, typeId: undefined };
  switch (source.kind) {
    case 'empty':
    case 'backup':
      return nothing;
    case 'image': {
      const image = await getServerImage(context, source.imageId).catch(asImageFault(source.imageId));
      const gib = Math.ceil(image.virtualSizeBytes / 2 ** 30);
      return {
        ...nothing,
        leastGiB: Math.max(gib, image.minDiskGiB),
        tooSmall: (sizeGiB) => (sizeGiB < gib ? `Size of specified image ${gib}GB is larger than volume size ${sizeGiB}GB.` : `Volume size ${sizeGiB}GB cannot be smaller than the image minDisk size ${image.minDiskGiB}GB.`),
        bootable: true,
        imageMetadata: imageFacts(image),
        typeId: await typeSaid(context, image.properties['cinder_img_volume_type']),
      };
    }
    case 'snapshot': {
      const snapshot = await findSnapshot(tx, source.snapshotId);
      if (!snapshot) throw notFound(`Snapshot ${source.snapshotId} could not be found.`);
      if (snapshot.status !== 'available') throw badRequest(`Invalid snapshot: Originating snapshot status must be one of 'available' values`);
      const volume = await findVolume(tx, snapshot.volumeId);
      return { leastGiB: snapshot.sizeGiB, tooSmall: (sizeGiB) => `Volume size '${sizeGiB}'GB cannot be smaller than the snapshot size ${snapshot.sizeGiB}GB. They must be >= original snapshot size.`, defaultGiB: snapshot.sizeGiB, bootable: volume?.bootable ?? false, imageMetadata: volume?.imageMetadata ?? null, typeId: volume?.typeId ?? undefined };
    }
    case 'volume': {
      const volume = await getVolume(context, source.volumeId);
      if (!['available', 'in-use', 'reserved'].includes(volume.status)) throw badRequest("Invalid volume: Originating volume status must be one of 'available, in-use' values");
      return { leastGiB: volume.sizeGiB, tooSmall: (sizeGiB) => `Volume size '${sizeGiB}'GB cannot be smaller than original volume size ${volume.sizeGiB}GB. They must be >= original volume size.`, defaultGiB: volume.sizeGiB, bootable: volume.bootable, imageMetadata: volume.imageMetadata, typeId: volume.typeId ?? undefined };
    }
    default:
      return source satisfies never;
  }
}

/** Compute's images of servers that boot from volumes stand for snapshots of those. cinder/api/v3/volumes.py, _get_image_snapshot */
export async function throughImage(context: Context, source: VolumeSource & { kind: 'image' }): Promise<VolumeSource> {
  const image = await findImage(context, source.imageId);
  const boot = devicesOf(image?.properties['block_device_mapping']).find((device) => device['source_type'] === 'snapshot' && device['boot_index'] === 0);
  return typeof boot?.['snapshot_id'] === 'string' ? { kind: 'snapshot', snapshotId: boot['snapshot_id'] } : source;
}

function devicesOf(text: string | null | undefined): Record<string, unknown>[] {
  try {
    const given: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(given) ? given.filter((each): each is Record<string, unknown> => typeof each === 'object' && each !== null) : [];
  } catch {
    // Whoever made the image wrote something else there: then it is an image like others.
    return [];
  }
}

function sizeFor({ sizeGiB }: VolumeWish, { leastGiB, defaultGiB, tooSmall }: Origin): number {
  const size = sizeGiB ?? defaultGiB;
  if (size === undefined) throw badRequest("Invalid input received: Volume size 'None' must be an integer and greater than 0");
  if (size < leastGiB) throw badRequest(`Invalid input received: ${tooSmall(size)}`);
  return size;
}

/** cinder/volume/flows/api/create_volume.py: what of an image goes with its volumes. */
export function imageFacts(image: Awaited<ReturnType<typeof getServerImage>>): Record<string, string> {
  const known = { image_id: image.id, image_name: image.name ?? '', container_format: image.containerFormat ?? '', disk_format: image.diskFormat ?? '', min_disk: String(image.minDiskGiB), min_ram: String(image.minRamMiB), size: String(image.sizeBytes) };
  return { ...Object.fromEntries(Object.entries(image.properties).map(([name, value]) => [name, value ?? ''])), ...known };
}

function asImageFault(id: string) {
  return (error: unknown): never => {
    if (error instanceof Fault && error.status === 404) throw badRequest(`Invalid image identifier or unable to access requested image.`);
    throw error instanceof Fault ? badRequest(`Invalid input received: Invalid input received: Invalid image ${id}: Image status is not active.`) : error;
  };
}

// Changes

export async function changeVolume(context: Context, id: string, change: VolumeChange | ((volume: Volume) => VolumeChange)): Promise<Volume> {
  const volume = await getOwnVolume(context, id);
  const changes = typeof change === 'function' ? change(volume) : change;
  await updateVolume(context.tx, id, changes, { now: context.now });
  await tellVolume(context, 'volume.update.end', { ...volume, ...changes });
  return getVolume(context, id);
}

export async function extendVolume(context: Context, id: string, newSizeGiB: number, { inUse }: { inUse: boolean }): Promise<void> {
  const volume = await getOwnVolume(context, id);
  await demandThawed(context.tx);
  const expected = inUse ? ['available', 'in-use'] : ['available'];
  if (!expected.includes(volume.status)) throw badRequest(`Invalid volume: Volume ${id} status must be '${expected.join("' or '")}' to extend, currently ${volume.status}.`);
  if (newSizeGiB <= volume.sizeGiB) throw badRequest(`Invalid input received: New size for extend must be greater than current size. (current: ${volume.sizeGiB}, extended to: ${newSizeGiB}).`);
  await demandVolumeSize(context.tx, volume.projectId, newSizeGiB);
  const moreGiB = newSizeGiB - volume.sizeGiB;
  await claimVolumes(context.tx, volume.projectId, { gigabytes: moreGiB }, volume.typeId);
  await claimSpending(context.tx, { now: context.now, projectId: volume.projectId, domainId: domainOf(context.caller, volume.projectId), thing: { resource: 'volume', flavor: volume.typeName ?? '', state: 'available', measures: { GiB: moreGiB } } });
  await beginChange(context, volume, { status: 'extending', previousStatus: volume.status, wantedGiB: newSizeGiB }, 'volume.resize.start');
  await startWork(context, extendVolumeWorkflow, { subject: subjectOf(id), projectId: volume.projectId, input: { volumeId: id, userId: context.caller.userId }, generation: volume.generation + 1 });
}

const deletable = ['available', 'error', 'error_restoring', 'error_extending', 'error_managing', 'error_deleting', 'error_backing-up'];

export async function deleteVolume(context: Context, id: string, { cascade = false, force = false }: { cascade?: boolean; force?: boolean } = {}): Promise<void> {
  const volume = await getOwnVolume(context, id);
  const [attachments, snapshots] = [await attachmentsOfVolumes(context.tx, [id]), await snapshotsOf(context.tx, id)];
  // cinder/volume/api.py, delete
  const refused = () => badRequest('Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.');
  if (volume.status === 'deleting' && (!force || (await running(context.tx, subjectOf(id))).length > 0)) return;
  await demandThawed(context.tx);
  if (await hasOthersSnapshots(context.tx, id, volume.projectId)) throw refused();
  if (attachments.length > 0 || volume.groupId !== null || (!force && !deletable.includes(volume.status))) throw refused();
  if (snapshots.length > 0 && (!cascade || snapshots.some(({ status }) => !['available', 'error', 'error_deleting'].includes(status)))) throw refused();
  await startDeleting(context, volume);
}

async function startDeleting(context: Starting, volume: Volume): Promise<void> {
  await beginChange(context, volume, { status: 'deleting', failure: null }, 'volume.delete.start');
  await startWork(context, deleteVolumeWorkflow, { subject: subjectOf(volume.id), projectId: volume.projectId, input: { volumeId: volume.id }, generation: volume.generation + 1, supersede: true });
}

export async function beginChange(context: Starting, volume: Volume, change: VolumeChange, event: string): Promise<void> {
  await updateVolume(context.tx, volume.id, change, { now: context.now, intent: true });
  await tellVolume(context, event, { ...volume, ...change });
}

export async function resetVolumeStatus(context: Context, id: string, status: string): Promise<void> {
  const volume = await getOwnVolume(context, id);
  if (!['available', 'in-use', 'creating', 'deleting', 'error', 'error_deleting', 'error_extending', 'error_managing', 'managing', 'maintenance', 'attaching', 'detaching', 'reserved'].includes(status)) throw badRequest(`Invalid volume: Status ${status} cannot be set by hand.`);
  // A transient state is its workflow's, and the reconciler's where it has none (I7).
  if (volume.status in transient && (await running(context.tx, volume.workedOnAs ?? subjectOf(id))).length > 0) throw badRequest(`Invalid volume: Volume ${id} is ${volume.status}, and its workflow ends that by itself.`);
  const attached = (await attachmentsOfVolumes(context.tx, [id])).length > 0;
  if (attached !== ['in-use', 'reserved'].includes(status) && !status.startsWith('error') && !(status in transient) && !['maintenance', 'attaching', 'detaching'].includes(status)) throw badRequest(`Invalid volume: Volume ${id} is ${attached ? 'attached' : 'not attached'}.`);
  await changeVolume(context, id, { status });
}

export async function setReadonly(context: Context, id: string, readonly: boolean): Promise<void> {
  const volume = await getOwnVolume(context, id);
  if (volume.status !== 'available') throw badRequest(`Invalid volume: Volume ${id} status must be available to update readonly flag, but current status is: ${volume.status}.`);
  await changeVolume(context, id, { readonly });
}

export async function setReserved(context: Context, id: string, reserved: boolean): Promise<void> {
  const volume = await getOwnVolume(context, id);
  const [from, to] = reserved ? ['available', 'attaching'] : ['attaching', 'available'];
  if (volume.status !== from) throw badRequest(`Invalid volume: Volume ${id} status must be ${from}, but current status is: ${volume.status}.`);
  await changeVolume(context, id, { status: to });
}

export async function uploadVolume(context: Context, id: string, wish: { imageName: string; diskFormat: CaptureFormat; force: boolean; visibility?: 'private' | 'public' | 'shared' | 'community' | undefined; protected?: boolean | undefined }): Promise<{ volume: Volume; imageId: string }> {
  const volume = await getOwnVolume(context, id);
  if (volume.status !== 'available' && !(volume.status === 'in-use' && wish.force)) throw badRequest(`Invalid volume: Volume ${id} status must be available, but current status is: ${volume.status}.`);
  if (wish.visibility === 'public' && !context.caller.isAdmin) throw forbidden("Policy doesn't allow volume_extension:volume_actions:upload_public to be performed.");
  const { min_disk: _disk, min_ram: minRam, size: _size, image_id: _image, image_name: _name, container_format: _container, disk_format: _format, ...properties } = volume.imageMetadata ?? {};
  const image = await reserveServerImage(context, { name: wish.imageName, properties, minDiskGiB: volume.sizeGiB, minRamMiB: Number(minRam ?? 0), visibility: wish.visibility, protected: wish.protected, diskFormat: wish.diskFormat });
  await beginChange(context, volume, { status: 'uploading', previousStatus: volume.status }, 'volume.upload.start');
  await startWork(context, uploadVolumeWorkflow, { subject: subjectOf(id), projectId: volume.projectId, input: { volumeId: id, imageId: image.id, upload: image.upload, diskFormat: wish.diskFormat }, generation: volume.generation + 1 });
  return { volume: await getVolume(context, id), imageId: image.id };
}

// Lists

export type TimeFilter = { column: 'created_at' | 'updated_at'; operator: 'gt' | 'gte' | 'eq' | 'neq' | 'lt' | 'lte'; at: Date };
export type VolumeQuery = ListQuery & { bootable?: boolean | undefined; consumesQuota?: boolean | undefined; imageMetadata?: Record<string, string> | undefined; times?: readonly TimeFilter[] };

const comparisons = { gt: sql.raw('>'), gte: sql.raw('>='), eq: sql.raw('='), neq: sql.raw('<>'), lt: sql.raw('<'), lte: sql.raw('<=') };

const sortable: Record<string, Sql> = { created_at: sql.raw('v.created_at'), updated_at: sql.raw('v.updated_at'), name: sql.raw(`coalesce(v.name, '')`), display_name: sql.raw(`coalesce(v.name, '')`), size: sql.raw('v.size_gib'), status: sql.raw('v.status'), id: sql.raw('v.id'), availability_zone: sql.raw('v.availability_zone') };
const filterable: Record<string, Sql> = { size: sql.raw('v.size_gib::text'), group_id: sql.raw('v.group_id'), id: sql.raw('v.id'), name: sql.raw('v.name'), status: sql.raw('v.status'), availability_zone: sql.raw('v.availability_zone'), user_id: sql.raw('v.user_id'), project_id: sql.raw('v.project_id'), volume_type: sql.raw('coalesce(t.name, v.type_id)') };

export async function listVolumes(context: Context, query: VolumeQuery): Promise<{ found: Volume[]; count: number | undefined }> {
  const { conditions, order, beyond } = await readFilters(context, query, { sortable, filterable, columns: { name: sql.raw('v.name'), metadata: sql.raw('v.metadata'), project: sql.raw('v.project_id') }, table: sql.raw('volume.volume v left join volume.type t on t.id = v.type_id'), id: sql.raw('v.id'), noun: 'volume' });
  if (query.bootable !== undefined) conditions.push(sql`v.bootable = ${query.bootable}`);
  // All of them do: there are none that the cloud makes for itself.
  if (query.consumesQuota === false) conditions.push(sql`false`);
  if (query.imageMetadata !== undefined) conditions.push(sql`v.image_metadata @> ${sql.json(query.imageMetadata)}::jsonb`);
  for (const { column, operator, at } of query.times ?? []) conditions.push(sql`${column === 'created_at' ? sql.raw('v.created_at') : sql.raw('v.updated_at')} ${comparisons[operator]} ${at}`);
  const found = await listRows(context.tx, { conditions: [...conditions, ...beyond], order, limit: query.limit, offset: query.offset });
  return { found, count: query.withCount ? await countVolumes(context.tx, conditions) : undefined };
}

export function summary(context: Context, { everyProject }: { everyProject: boolean }): Promise<{ count: number; sizeGiB: number; metadata: Record<string, string[]> }> {
  return summarizeVolumes(context.tx, everyProject && context.caller.isAdmin ? undefined : (context.caller.projectId ?? ''));
}

/** Of many volumes at once. */
export async function attachmentsByVolume({ tx }: Pick<Context, 'tx'>, volumeIds: readonly string[]): Promise<Map<string, Attachment[]>> {
  return Map.groupBy(await attachmentsOfVolumes(tx, volumeIds), ({ volumeId }) => volumeId);
}

// Attachments

/** cinder/volume/api.py, attachment_create */
export async function createAttachment(context: Context, { volumeId, serverId, ofCompute, mode = 'rw', from = ['available'] }: { volumeId: string; serverId: string | null; ofCompute: boolean; mode?: 'rw' | 'ro'; from?: readonly string[] }): Promise<Attachment> {
  const { tx, now, random } = context;
  const volume = await getOwnVolume(context, volumeId);
  const early = volume.status === 'creating' && volume.madeFor !== null && volume.madeFor === serverId;
  const { multiattach: shared } = volume;
  const others = await attachmentsOfVolumes(tx, [volumeId]);
  const taken = shared ? serverId !== null && others.some((other) => other.serverId === serverId) : others.length > 0;
  if ((![...from, ...(shared ? ['in-use'] : [])].includes(volume.status) && !early) || taken) throw badRequest(`Invalid volume: Volume ${volumeId} status must be available or downloading to reserve, but the current status is ${volume.status}.`);
  // Every driver attaches for writing, so that what is to be read only is not attached at all: cinder/volume/manager.py, attachment_update.
  if (volume.readonly === true && (ofCompute || mode === 'rw')) throw badRequest(`Invalid attaching mode 'rw' for volume ${volumeId}.`);
  await demandNoLimits(context, volume);
  const id = random.uuid();
  await insertAttachment(tx, { id, projectId: volume.projectId, volumeId, serverId, ofCompute, mode, shared, now });
  if (!early) await beginChange(context, volume, { status: 'reserved' }, 'volume.attach.start');
  const attachment = (await findAttachment(tx, id))!;
  await tellAttachment(context, 'volume.attachment.create', attachment);
  return attachment;
}

/** What hosts are to keep to is kept to, or nothing is attached. */
async function demandNoLimits({ tx }: Pick<Context, 'tx'>, { id, typeId }: Volume): Promise<void> {
  const qosId = typeId === null ? null : ((await findType(tx, undefined, typeId))?.qosId ?? null);
  const qos = qosId === null ? undefined : await findQosSpec(tx, qosId);
  if (qos && qos.consumer !== 'back-end' && Object.keys(qos.specs).length > 0) throw badRequest(`Invalid volume: Volume ${id} has the QoS specs ${qos.name}, to which no host of this cloud can keep.`);
}

export async function getAttachment({ tx }: Pick<Context, 'tx'>, id: string): Promise<Attachment> {
  const attachment = await findAttachment(tx, id);
  if (!attachment) throw notFound(`Volume attachment could not be found with filter: attachment_id = ${id}.`);
  return attachment;
}

export async function endAttachment(context: Context, id: string): Promise<Attachment[]> {
  const attachment = await getAttachment(context, id);
  // The compute service knows whether a machine still writes to it (CVE-2023-2088).
  if (attachment.ofCompute) throw new Fault(409, 'conflictingRequest', `Detach volume from instance ${attachment.serverId} using the Compute API`);
  await detach(context, attachment);
  return attachmentsOfVolumes(context.tx, [attachment.volumeId]);
}

export async function completeClientAttachment(context: Context, id: string, { device = null, hostName = null }: { device?: string | null; hostName?: string | null } = {}): Promise<void> {
  const attachment = await getAttachment(context, id);
  if (attachment.ofCompute) throw new Fault(409, 'conflictingRequest', `The attachment is completed by the Compute API`);
  await completeAttachment(context, { attachmentId: id, device, hostId: hostName });
}

export async function listVolumeAttachments(context: Context, { volumeId, serverId, everyProject, limit, offset }: { volumeId?: string | undefined; serverId?: string | undefined; everyProject: boolean; limit: number; offset: number }): Promise<Attachment[]> {
  return listAttachments(
    context.tx,
    [
      everyProject && context.caller.isAdmin ? sql`true` : sql`project_id = ${context.caller.projectId ?? ''}`,
      volumeId === undefined ? sql`true` : sql`volume_id = ${volumeId}`,
      serverId === undefined ? sql`true` : sql`server_id = ${serverId}`,
    ],
    { limit, offset },
  );
}

async function detach(context: Starting, attachment: Attachment): Promise<void> {
  await deleteAttachmentRow(context.tx, attachment.id);
  await tellAttachment(context, 'volume.attachment.delete', attachment);
  const volume = await lockVolume(context.tx, attachment.volumeId);
  const others = await attachmentsOfVolumes(context.tx, [attachment.volumeId]);
  const left = others.length === 0 ? 'available' : others.some(({ status }) => status !== 'reserved') ? 'in-use' : 'reserved';
  if (volume && ['reserved', 'attaching', 'in-use', 'detaching'].includes(volume.status)) await beginChange(context, volume, { status: left }, 'volume.detach.end');
  // What an extension or a copy will put back is no longer in use then.
  else if (volume?.previousStatus === 'in-use') await updateVolume(context.tx, volume.id, { previousStatus: left }, { now: context.now });
}

// For the compute service

/** A volume made for a new server, which may reserve it at once; wait until `volumeState` is no longer `creating`. */
export async function createServerVolume(
  context: Context,
  { sizeGiB, source, name, volumeType, serverId }: { sizeGiB?: number | undefined; source: VolumeSource; name?: string; deleteOnTermination?: boolean; volumeType?: string; serverId: string },
): Promise<{ volumeId: string }> {
  const volume = await makeVolume(context, { sizeGiB, source, name: name ?? '', volumeType }, serverId);
  return { volumeId: volume.id };
}

export async function reserveAttachment(context: Context, { volumeId, serverId }: { volumeId: string; serverId: string }): Promise<{ attachmentId: string; volumeId: string; sizeGiB: number; bootable: boolean; multiattach: boolean }> {
  const attachment = await createAttachment(context, { volumeId, serverId, ofCompute: true });
  const { sizeGiB, bootable, multiattach } = await getVolume(context, volumeId);
  return { attachmentId: attachment.id, volumeId, sizeGiB, bootable, multiattach };
}

/** The volume is in use, as this device. Twice is once. */
export async function completeAttachment(context: Starting, { attachmentId, device, hostId }: { attachmentId: string; device: string | null; hostId: string | null }): Promise<void> {
  const { tx, now } = context;
  const attachment = await findAttachment(tx, attachmentId);
  if (!attachment) return;
  await setAttached(tx, attachmentId, { device, hostId, now });
  await tellAttachment(context, 'volume.attachment.complete', { ...attachment, status: 'attached' });
  const volume = await lockVolume(tx, attachment.volumeId);
  if (volume && ['reserved', 'attaching', 'detaching'].includes(volume.status)) await beginChange(context, volume, { status: 'in-use' }, 'volume.attach.end');
}

export async function beginDetaching(context: Starting, { volumeId, serverId }: { volumeId: string; serverId: string }): Promise<void> {
  const { tx } = context;
  const attachment = (await attachmentsOfVolumes(tx, [volumeId])).find((each) => each.serverId === serverId);
  const volume = await lockVolume(tx, volumeId);
  if (!volume || !attachment || volume.status !== 'in-use')
    throw badRequest("Invalid volume: Invalid input received: Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.");
  await setDetaching(tx, attachment.id);
  await tellAttachment(context, 'volume.attachment.detaching', { ...attachment, status: 'detaching' });
  await beginChange(context, volume, { status: 'detaching' }, 'volume.detach.start');
}

/** The server has let go of these volumes; of all without `volumeIds`. Twice is once. */
export async function releaseAttachments(context: Starting, { serverId, volumeIds }: { serverId: string; volumeIds?: readonly string[] }): Promise<void> {
  const attachments = await listAttachments(context.tx, [sql`server_id = ${serverId}`, sql`of_compute`, volumeIds === undefined ? sql`true` : sql`volume_id = any(${[...volumeIds]}::text[])`]);
  for (const attachment of attachments) await detach(context, attachment);
}

/** Volumes that go with their server: call it after `releaseAttachments`. */
export async function deleteServerVolumes(context: Starting, { volumeIds }: { serverId: string; volumeIds: readonly string[] }): Promise<void> {
  const { tx } = context;
  for (const id of volumeIds) {
    const volume = await lockVolume(tx, id);
    if (!volume || volume.status === 'deleting' || (await attachmentsOfVolumes(tx, [id])).length > 0) continue;
    // A snapshot that the owner took of it keeps it.
    if ((await snapshotsOf(tx, id)).length === 0 && !(await hasOthersSnapshots(tx, id, volume.projectId))) await startDeleting(context, volume);
  }
}

export async function attachmentsOfServers(tx: Transaction, serverIds: readonly string[]): Promise<Map<string, { volumeId: string; attachmentId: string; device: string | null; deleteOnTermination: boolean }[]>> {
  const attachments = await listAttachments(tx, [sql`server_id = any(${[...serverIds]}::text[])`, sql`of_compute`], { limit: 100_000 });
  const byServer = Map.groupBy(attachments, ({ serverId }) => serverId ?? '');
  return new Map([...byServer].map(([serverId, found]) => [serverId, found.map(({ volumeId, id, device, deleteOnTermination }) => ({ volumeId, attachmentId: id, device, deleteOnTermination }))]));
}

/** Its status; undefined when there is no such volume. */
export async function volumeState(tx: Transaction, volumeId: string): Promise<string | undefined> {
  return (await findVolume(tx, volumeId))?.status;
}

// What these share

export function subjectOf(volumeId: string): string {
  return `volume/${volumeId}`;
}

function noVolume(id: string): Fault {
  return notFound(`Volume ${id} could not be found.`);
}
