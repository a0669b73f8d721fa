/** Snapshots: cinder/api/v3/snapshots.py. */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { filter, Flag, Links, Metadata, orNull, paging, Snapshot, Text } from './volume.ts';

const closed = { additionalProperties: false };
const member = (rule: string) => ({ rule, who: 'member', adminEverywhere: true }) as const;
const reader = (rule: string) => ({ rule, who: 'reader', adminEverywhere: true }) as const;
const listQuery = Type.Object({ ...paging, project_id: filter, name: filter, 'name~': since('3.34', filter), status: filter, volume_id: filter, metadata: since('3.22', filter), id: filter });
const List = Type.Object({ snapshots: Type.Array(Snapshot), snapshots_links: Type.Optional(Links) }, closed);
const One = Type.Object({ snapshot: Snapshot }, closed);
const naming = { name: Type.Optional(orNull(Text)), display_name: Type.Optional(orNull(Text)), description: Type.Optional(orNull(Text)), display_description: Type.Optional(orNull(Text)) };

export const snapshots = operations({
  list: {
    method: 'GET',
    path: '/snapshots',
    summary: 'List snapshots, briefly',
    access: reader('volume:get_all_snapshots'),
    stability: 'stable',
    query: listQuery,
    status: 200,
    response: List,
    list: { resource: 'volume_snapshot', show: 'show', parameter: 'snapshot_id' },
  },
  detail: {
    method: 'GET',
    path: '/snapshots/detail',
    summary: 'List snapshots',
    access: reader('volume:get_all_snapshots'),
    stability: 'stable',
    query: listQuery,
    status: 200,
    response: List,
    list: { resource: 'volume_snapshot', show: 'show', parameter: 'snapshot_id' },
  },
  create: {
    method: 'POST',
    path: '/snapshots',
    summary: 'Keep what is on a volume now',
    access: member('volume:create_snapshot'),
    stability: 'stable',
    body: Type.Object({ snapshot: Type.Object({ ...naming, volume_id: orNull(Text), force: Type.Optional(orNull(Flag)), metadata: Type.Optional(orNull(Metadata)) }, closed) }, closed),
    status: 202,
    response: One,
  },
  show: {
    method: 'GET',
    path: '/snapshots/{snapshot_id}',
    summary: 'Show a snapshot',
    access: reader('volume:get_snapshot'),
    stability: 'stable',
    status: 200,
    response: One,
  },
  update: {
    method: 'PUT',
    path: '/snapshots/{snapshot_id}',
    summary: 'Name and describe a snapshot',
    access: member('volume:update_snapshot'),
    stability: 'stable',
    body: Type.Object({ snapshot: Type.Object(naming, closed) }, closed),
    status: 200,
    response: One,
  },
  delete: {
    method: 'DELETE',
    path: '/snapshots/{snapshot_id}',
    summary: 'Delete a snapshot',
    access: member('volume:delete_snapshot'),
    stability: 'stable',
    status: 202,
  },
  resetStatus: {
    method: 'POST',
    path: '/snapshots/{snapshot_id}/action',
    action: 'os-reset_status',
    summary: 'Correct the status of a snapshot whose workflow has failed',
    access: { rule: 'volume_extension:snapshot_admin_actions:reset_status', who: 'admin' },
    stability: 'stable',
    body: Type.Object({ 'os-reset_status': Type.Object({ status: Text }, closed) }, closed),
    status: 202,
  },
  metadata: {
    method: 'GET',
    path: '/snapshots/{snapshot_id}/metadata',
    summary: 'Show its metadata',
    access: reader('volume:get_snapshot_metadata'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ metadata: Metadata }, closed),
  },
  addMetadata: {
    method: 'POST',
    path: '/snapshots/{snapshot_id}/metadata',
    summary: 'Add to its metadata',
    access: member('volume:update_snapshot_metadata'),
    stability: 'stable',
    body: Type.Object({ metadata: Metadata }, closed),
    status: 200,
    response: Type.Object({ metadata: Metadata }, closed),
  },
  replaceMetadata: {
    method: 'PUT',
    path: '/snapshots/{snapshot_id}/metadata',
    summary: 'Replace its metadata',
    access: member('volume:update_snapshot_metadata'),
    stability: 'stable',
    body: Type.Object({ metadata: Metadata }, closed),
    status: 200,
    response: Type.Object({ metadata: Metadata }, closed),
  },
  metadataItem: {
    method: 'GET',
    path: '/snapshots/{snapshot_id}/metadata/{key}',
    summary: 'Show one entry of its metadata',
    access: reader('volume:get_snapshot_metadata'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ meta: Metadata }, closed),
  },
  setMetadataItem: {
    method: 'PUT',
    path: '/snapshots/{snapshot_id}/metadata/{key}',
    summary: 'Write one entry of its metadata',
    access: member('volume:update_snapshot_metadata'),
    stability: 'stable',
    body: Type.Object({ meta: Metadata }, closed),
    status: 200,
    response: Type.Object({ meta: Metadata }, closed),
  },
  deleteMetadataItem: {
    method: 'DELETE',
    path: '/snapshots/{snapshot_id}/metadata/{key}',
    summary: 'Delete one entry of its metadata',
    access: member('volume:delete_snapshot_metadata'),
    stability: 'stable',
    status: 200,
  },
});
