/** Every change of a volume, snapshot, attachment or type, told in the transaction that makes it. */
import { emit } from '../../kit/events/events.ts';
import type { Attachment } from './attachments.store.ts';
import type { Backup } from './backups.store.ts';
import type { GroupSnapshot } from './group-snapshots.store.ts';
import type { GroupType } from './group-types.store.ts';
import type { Group } from './groups.store.ts';
import type { QosSpec } from './qos-specs.store.ts';
import type { Snapshot } from './snapshots.store.ts';
import type { Transfer } from './transfers.store.ts';
import type { VolumeService } from './services.store.ts';
import { projectsOfType, type VolumeType } from './types.store.ts';
import type { Volume } from './volumes.store.ts';
import type { Starting } from './work.ts';

export function tellVolume({ tx, now, requestId }: Starting, type: string, { id, projectId, name, status, sizeGiB, typeName }: Volume): Promise<void> {
  return emit(tx, { now: () => now }, { type, resource: 'volume', resourceId: id, projectId, requestId, payload: { name, status, sizeGiB, typeName } });
}

export function tellSnapshot({ tx, now, requestId }: Starting, type: string, { id, projectId, name, status, sizeGiB, volumeId }: Snapshot): Promise<void> {
  return emit(tx, { now: () => now }, { type, resource: 'volume_snapshot', resourceId: id, projectId, requestId, payload: { name, status, sizeGiB, volumeId } });
}

export function tellBackup({ tx, now, requestId }: Starting, type: string, { id, projectId, name, status, sizeGiB, volumeId }: Backup): Promise<void> {
  return emit(tx, { now: () => now }, { type, resource: 'volume_backup', resourceId: id, projectId, requestId, payload: { name, status, sizeGiB, volumeId } });
}

export function tellGroup({ tx, now, requestId }: Starting, type: string, { id, projectId, name, status }: Group): Promise<void> {
  return emit(tx, { now: () => now }, { type, resource: 'volume_group', resourceId: id, projectId, requestId, payload: { name, status } });
}

export function tellGroupSnapshot({ tx, now, requestId }: Starting, type: string, { id, projectId, name, status, groupId }: GroupSnapshot): Promise<void> {
  return emit(tx, { now: () => now }, { type, resource: 'volume_group_snapshot', resourceId: id, projectId, requestId, payload: { name, status, groupId } });
}

export function tellQosSpec({ tx, now, requestId }: Starting, type: string, { id, name }: QosSpec): Promise<void> {
  return emit(tx, { now: () => now }, { type, resource: 'volume_qos_spec', resourceId: id, requestId, payload: { name } });
}

export function tellDefaultType({ tx, now, requestId }: Starting, { projectId }: { projectId: string }): Promise<void> {
  return emit(tx, { now: () => now }, { type: 'volume_default_type.update', resource: 'volume_default_type', resourceId: projectId, projectId, requestId, payload: {} });
}

/** Private ones are the administrators': nobody else is told. */
export function tellGroupType({ tx, now, requestId }: Starting, type: string, { id, name, public: isPublic }: GroupType): Promise<void> {
  return emit(tx, { now: () => now }, { type, resource: 'volume_group_type', resourceId: id, requestId, payload: isPublic ? { name } : { name, seenBy: [] } });
}

export function tellAttachment({ tx, now, requestId }: Starting, type: string, { id, projectId, status, serverId, volumeId }: Attachment): Promise<void> {
  return emit(tx, { now: () => now }, { type, resource: 'volume_attachment', resourceId: id, projectId, requestId, payload: { status, serverId, volumeId } });
}

/** Public types are everyone's, so that everyone who watches is told; of private ones those who may use them. */
export async function tellType({ tx, now, requestId }: Starting, type: string, { id, name, public: isPublic }: VolumeType): Promise<void> {
  const payload = isPublic ? { name } : { name, seenBy: await projectsOfType(tx, id) };
  await emit(tx, { now: () => now }, { type, resource: 'volume_type', resourceId: id, requestId, payload });
}

export function tellService({ tx, now, requestId }: Starting, { host, binary }: VolumeService): Promise<void> {
  return emit(tx, { now: () => now }, { type: 'volume_service.update', resource: 'volume_service', resourceId: `${binary}@${host}`, requestId, payload: {} });
}

export function tellTransfer({ tx, now, requestId }: Starting, type: string, { id, projectId, volumeId, name }: Transfer): Promise<void> {
  return emit(tx, { now: () => now }, { type, resource: 'volume_transfer', resourceId: id, projectId, requestId, payload: { name, volumeId } });
}

export function tellMessage({ tx, now, requestId }: Starting, { id, projectId, resourceId }: { id: string; projectId: string; resourceId: string }): Promise<void> {
  return emit(tx, { now: () => now }, { type: 'volume.message', resource: 'volume_message', resourceId: id, projectId, requestId, payload: { about: resourceId } });
}
