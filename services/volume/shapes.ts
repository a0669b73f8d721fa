/** How Cinder writes its nouns: cinder/api/v3/views. */
import { badRequest } from '../../kit/fault.ts';
import type { Attachment } from './attachments.store.ts';
import { pool, storageId } from './services.ts';
import type { Snapshot } from './snapshots.store.ts';
import type { VolumeType } from './types.ts';
import type { Volume } from './volumes.store.ts';

type Asked = { base: string; url(path: string): string; caller: { isAdmin: boolean; projectId: string | null } };

export function micros(at: Date): string {
  return at.toISOString().replace('Z', '000');
}

export function linksTo({ base, url }: Asked, path: string) {
  return [
    { rel: 'self', href: url(path) },
    { rel: 'bookmark', href: `${base}/volume${path}` },
  ];
}

export function nextLinks(next: string | undefined) {
  return next === undefined ? undefined : [{ rel: 'next', href: next }];
}

export function volumeBrief(asked: Asked, { id, name }: Volume) {
  return { id, name, links: linksTo(asked, `/volumes/${id}`) };
}

/** `extended`: with what Cinder's extensions add where a volume is looked at, and not where it is made or changed. */
export function volumeShown(asked: Asked, volume: Volume, { attachments = [], extended }: { attachments?: readonly Attachment[] | undefined; extended: boolean }) {
  const { id, source } = volume;
  return {
    id,
    name: volume.name,
    description: volume.description,
    status: volume.status,
    size: volume.sizeGiB,
    availability_zone: volume.availabilityZone,
    created_at: micros(volume.createdAt),
    updated_at: micros(volume.updatedAt),
    // As Cinder: those that are not yet in use are only in /attachments.
    attachments: attachments.filter(({ status }) => status !== 'reserved').map((attachment) => attachmentOfVolume(asked, attachment)),
    bootable: String(volume.bootable),
    encrypted: volume.keyId !== null,
    ...(volume.keyId === null ? {} : { encryption_key_id: volume.keyId }),
    user_id: volume.userId,
    volume_type: volume.typeName,
    snapshot_id: source.kind === 'snapshot' ? source.snapshotId : null,
    source_volid: source.kind === 'volume' ? source.volumeId : null,
    consistencygroup_id: null,
    replication_status: null,
    multiattach: volume.multiattach,
    // cinder/api/api_utils.py, add_visible_admin_metadata
    metadata: { ...volume.metadata, ...(volume.readonly === null ? {} : { readonly: volume.readonly ? 'True' : 'False' }) },
    links: linksTo(asked, `/volumes/${id}`),
    group_id: volume.groupId,
    // No host needs to lock what is attached by the driver alone.
    shared_targets: false,
    service_uuid: storageId,
    volume_type_id: volume.typeId,
    consumes_quota: true,
    ...(asked.caller.isAdmin ? { migration_status: null, provider_id: null, cluster_name: null } : {}),
    ...(extended ? extensionsOf(asked, volume) : {}),
  };
}

function extensionsOf({ caller }: Asked, { imageMetadata, projectId, status }: Volume) {
  return {
    ...(imageMetadata === null ? {} : { volume_image_metadata: imageMetadata }),
    'os-vol-tenant-attr:tenant_id': projectId,
    ...(caller.isAdmin ? { 'os-vol-host-attr:host': status === 'creating' ? null : pool, 'os-vol-mig-status-attr:migstat': null, 'os-vol-mig-status-attr:name_id': null } : {}),
  };
}

function attachmentOfVolume({ caller }: Asked, { id, volumeId, serverId, hostId, device, attachedAt }: Attachment) {
  return { id: volumeId, attachment_id: id, volume_id: volumeId, server_id: serverId, host_name: caller.isAdmin ? hostId : null, device, attached_at: attachedAt === null ? null : micros(attachedAt) };
}

export function snapshotShown(snapshot: Snapshot, { extended }: { extended: boolean }) {
  return {
    id: snapshot.id,
    name: snapshot.name,
    description: snapshot.description,
    status: snapshot.status,
    size: snapshot.sizeGiB,
    volume_id: snapshot.volumeId,
    created_at: micros(snapshot.createdAt),
    updated_at: micros(snapshot.updatedAt),
    metadata: snapshot.metadata,
    group_snapshot_id: snapshot.groupSnapshotId,
    user_id: snapshot.userId,
    consumes_quota: true,
    ...(extended ? { 'os-extended-snapshot-attributes:progress': snapshot.progress ?? (snapshot.status === 'available' ? '100%' : '0%'), 'os-extended-snapshot-attributes:project_id': snapshot.projectId } : {}),
  };
}

export function attachmentBrief({ id, status, serverId, volumeId }: Attachment) {
  return { id, status, instance: serverId, volume_id: volumeId };
}

export function attachmentShown(attachment: Attachment) {
  const { attachedAt } = attachment;
  return { ...attachmentBrief(attachment), attached_at: attachedAt === null ? null : micros(attachedAt), detached_at: null, attach_mode: attachedAt === null ? 'null' : attachment.mode, connection_info: {} };
}

/** `qos`: as where types are looked at; cinder/api/contrib/types_manage.py answers without. */
export function typeShown({ id, name, description, public: isPublic, extraSpecs, qosId }: VolumeType, { caller }: Asked, { qos = true }: { qos?: boolean } = {}) {
  return { id, name, description, is_public: isPublic, 'os-volume-type-access:is_public': isPublic, extra_specs: extraSpecs, ...(qos && caller.isAdmin ? { qos_specs_id: qosId } : {}) };
}

/** Truth as clients write it. */
export function isTrue(given: boolean | string | null | undefined): boolean {
  return given === true || (typeof given === 'string' && ['true', '1', 'on', 'yes', 'y', 't'].includes(given.toLowerCase()));
}

/** One entry of metadata as it is written by its own address. */
export function entryOf(meta: Record<string, string>, key: string): Record<string, string> {
  const entries = Object.entries(meta);
  if (entries.length !== 1) throw badRequest('Request body contains too many items');
  if (entries[0]![0] !== key) throw badRequest('Request body and URI mismatch');
  return meta;
}
