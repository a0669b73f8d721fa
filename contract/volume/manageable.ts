/** What is on the storage and is nobody's, or could be: cinder/api/v3/volume_manage.py, snapshot_manage.py. */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { filter, Flag, Metadata, orNull, Snapshot, Text, Volume } from './volume.ts';

const closed = { additionalProperties: false };
const admin = (rule: string) => ({ rule, who: 'admin' }) as const;
const from = '3.8';
const query = Type.Object({ host: filter, cluster: since('3.17', filter), limit: filter, offset: filter, marker: filter, sort: filter, sort_key: filter, sort_dir: filter });
const Reference = Type.Object({ 'source-name': Type.String() }, closed);
const brief = { reference: Reference, size: Type.Integer(), safe_to_manage: Type.Boolean() };
const details = { reason_not_safe: orNull(Type.String()), cinder_id: orNull(Type.String()), extra_info: orNull(Type.String()) };
const source = { source_reference: Reference };
const given = Type.Union([Type.Record(Type.String(), Type.String()), Type.String()]);
/** The storage tells of nothing that is done to it by others. */
const watched = { after: { volume: null, volume_snapshot: null }, byItself: true } as const;
const naming = { name: Type.Optional(orNull(Text)), description: Type.Optional(orNull(Text)), metadata: Type.Optional(orNull(Metadata)) };

export const manageableVolumes = operations({
  list: {
    method: 'GET',
    path: '/manageable_volumes',
    summary: 'List volumes on the storage, briefly',
    access: admin('volume_extension:list_manageable'),
    stability: 'stable',
    since: from,
    effects: 'own',
    query,
    status: 200,
    response: Type.Object({ 'manageable-volumes': Type.Array(Type.Object(brief, closed)) }, closed),
    list: watched,
  },
  detail: {
    method: 'GET',
    path: '/manageable_volumes/detail',
    summary: 'List volumes on the storage',
    access: admin('volume_extension:list_manageable'),
    stability: 'stable',
    since: from,
    effects: 'own',
    query,
    status: 200,
    response: Type.Object({ 'manageable-volumes': Type.Array(Type.Object({ ...brief, ...details }, closed)) }, closed),
    list: watched,
  },
  manage: {
    method: 'POST',
    path: '/manageable_volumes',
    summary: 'Take on a volume that is on the storage',
    access: admin('volume_extension:volume_manage'),
    stability: 'stable',
    since: from,
    effects: 'own',
    body: Type.Object(
      { volume: Type.Object({ ...naming, ref: given, host: Type.Optional(orNull(Text)), cluster: since('3.16', Type.Optional(orNull(Text))), availability_zone: Type.Optional(orNull(Text)), volume_type: Type.Optional(orNull(Text)), bootable: Type.Optional(Flag) }, closed) },
      closed,
    ),
    status: 202,
    response: Type.Object({ volume: Volume }, closed),
  },
});

export const manageableSnapshots = operations({
  list: {
    method: 'GET',
    path: '/manageable_snapshots',
    summary: 'List snapshots on the storage, briefly',
    access: admin('snapshot_extension:list_manageable'),
    stability: 'stable',
    since: from,
    effects: 'own',
    query,
    status: 200,
    response: Type.Object({ 'manageable-snapshots': Type.Array(Type.Object({ ...brief, ...source }, closed)) }, closed),
    list: watched,
  },
  detail: {
    method: 'GET',
    path: '/manageable_snapshots/detail',
    summary: 'List snapshots on the storage',
    access: admin('snapshot_extension:list_manageable'),
    stability: 'stable',
    since: from,
    effects: 'own',
    query,
    status: 200,
    response: Type.Object({ 'manageable-snapshots': Type.Array(Type.Object({ ...brief, ...source, ...details }, closed)) }, closed),
    list: watched,
  },
  manage: {
    method: 'POST',
    path: '/manageable_snapshots',
    summary: 'Take on a snapshot that is on the storage',
    access: admin('snapshot_extension:snapshot_manage'),
    stability: 'stable',
    since: from,
    effects: 'own',
    body: Type.Object({ snapshot: Type.Object({ ...naming, ref: given, volume_id: Text }, closed) }, closed),
    status: 202,
    response: Type.Object({ snapshot: Snapshot }, closed),
  },
});

/** As it was called before 3.8. */
export const volumeManage = operations({
  list: {
    method: 'GET',
    path: '/os-volume-manage',
    summary: 'List volumes on the storage, briefly',
    access: admin('volume_extension:list_manageable'),
    stability: 'stable',
    effects: 'own',
    query,
    status: 200,
    response: Type.Object({ 'manageable-volumes': Type.Array(Type.Object(brief, closed)) }, closed),
    list: watched,
  },
  detail: {
    method: 'GET',
    path: '/os-volume-manage/detail',
    summary: 'List volumes on the storage',
    access: admin('volume_extension:list_manageable'),
    stability: 'stable',
    effects: 'own',
    query,
    status: 200,
    response: Type.Object({ 'manageable-volumes': Type.Array(Type.Object({ ...brief, ...details }, closed)) }, closed),
    list: watched,
  },
  manage: {
    method: 'POST',
    path: '/os-volume-manage',
    summary: 'Take on a volume that is on the storage',
    access: admin('volume_extension:volume_manage'),
    stability: 'stable',
    effects: 'own',
    body: Type.Object(
      { volume: Type.Object({ ...naming, ref: given, host: Type.Optional(orNull(Text)), cluster: since('3.16', Type.Optional(orNull(Text))), availability_zone: Type.Optional(orNull(Text)), volume_type: Type.Optional(orNull(Text)), bootable: Type.Optional(Flag) }, closed) },
      closed,
    ),
    status: 202,
    response: Type.Object({ volume: Volume }, closed),
  },
});

/** As it was called before 3.8. */
export const snapshotManage = operations({
  list: {
    method: 'GET',
    path: '/os-snapshot-manage',
    summary: 'List snapshots on the storage, briefly',
    access: admin('snapshot_extension:list_manageable'),
    stability: 'stable',
    effects: 'own',
    query,
    status: 200,
    response: Type.Object({ 'manageable-snapshots': Type.Array(Type.Object({ ...brief, ...source }, closed)) }, closed),
    list: watched,
  },
  detail: {
    method: 'GET',
    path: '/os-snapshot-manage/detail',
    summary: 'List snapshots on the storage',
    access: admin('snapshot_extension:list_manageable'),
    stability: 'stable',
    effects: 'own',
    query,
    status: 200,
    response: Type.Object({ 'manageable-snapshots': Type.Array(Type.Object({ ...brief, ...source, ...details }, closed)) }, closed),
    list: watched,
  },
  manage: {
    method: 'POST',
    path: '/os-snapshot-manage',
    summary: 'Take on a snapshot that is on the storage',
    access: admin('snapshot_extension:snapshot_manage'),
    stability: 'stable',
    effects: 'own',
    body: Type.Object({ snapshot: Type.Object({ ...naming, ref: given, volume_id: Text }, closed) }, closed),
    status: 202,
    response: Type.Object({ snapshot: Snapshot }, closed),
  },
});
