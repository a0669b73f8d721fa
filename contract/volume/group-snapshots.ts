/** Snapshots of all volumes of a group: cinder/api/v3/group_snapshots.py. */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { anyFilter, filter, Links, orNull, paging, Text } from './volume.ts';

const closed = { additionalProperties: false };
const member = (rule: string) => ({ rule, who: 'member', adminEverywhere: true }) as const;
const reader = (rule: string) => ({ rule, who: 'reader', adminEverywhere: true }) as const;
const from = '3.14';

const brief = { id: Type.String(), name: orNull(Type.String()) };
const Brief = Type.Object(brief, closed);
const GroupSnapshot = Type.Object(
  { ...brief, group_id: Type.String(), group_type_id: Type.String(), status: Type.String(), created_at: Type.String(), description: orNull(Type.String()), project_id: since('3.58', Type.Optional(Type.String())) },
  closed,
);
const { limit, offset, marker, sort, sort_key: sortKey, sort_dir: sortDir, all_tenants: allTenants } = paging;
const query = Type.Object({
  all_tenants: allTenants,
  limit: since('3.29', limit), offset: since('3.29', offset), marker: since('3.29', marker), sort: since('3.29', sort), sort_key: since('3.29', sortKey), sort_dir: since('3.29', sortDir),
  name: since('3.29', filter), status: since('3.29', filter), group_id: since('3.29', filter), 'name~': since('3.34', filter), any_filter: anyFilter,
});
const watched = { resource: 'volume_group_snapshot', show: 'show', parameter: 'group_snapshot_id' } as const;

export const groupSnapshots = operations({
  list: {
    method: 'GET',
    path: '/group_snapshots',
    summary: 'List group snapshots, briefly',
    access: reader('group:get_all_group_snapshots'),
    stability: 'stable',
    since: from,
    query,
    status: 200,
    response: Type.Object({ group_snapshots: Type.Array(Brief), group_snapshot_links: Type.Optional(Links) }, closed),
    list: watched,
  },
  detail: {
    method: 'GET',
    path: '/group_snapshots/detail',
    summary: 'List group snapshots',
    access: reader('group:get_all_group_snapshots'),
    stability: 'stable',
    since: from,
    query,
    status: 200,
    response: Type.Object({ group_snapshots: Type.Array(GroupSnapshot), group_snapshot_links: Type.Optional(Links) }, closed),
    list: watched,
  },
  create: {
    method: 'POST',
    path: '/group_snapshots',
    summary: 'Keep what is on all volumes of a group now',
    access: member('group:create_group_snapshot'),
    stability: 'stable',
    since: from,
    body: Type.Object({ group_snapshot: Type.Object({ group_id: Text, name: Type.Optional(orNull(Text)), description: Type.Optional(orNull(Text)) }, closed) }, closed),
    status: 202,
    response: Type.Object({ group_snapshot: Type.Object({ ...brief, group_type_id: Type.String() }, closed) }, closed),
  },
  show: { method: 'GET', path: '/group_snapshots/{group_snapshot_id}', summary: 'Show a group snapshot', access: reader('group:get_group_snapshot'), stability: 'stable', since: from, status: 200, response: Type.Object({ group_snapshot: GroupSnapshot }, closed) },
  delete: { method: 'DELETE', path: '/group_snapshots/{group_snapshot_id}', summary: 'Delete a group snapshot with its snapshots', access: member('group:delete_group_snapshot'), stability: 'stable', since: from, status: 202 },
  resetStatus: {
    method: 'POST',
    path: '/group_snapshots/{group_snapshot_id}/action',
    action: 'reset_status',
    summary: 'Correct the status of a group snapshot whose workflow has failed',
    access: { rule: 'group:reset_group_snapshot_status', who: 'admin' },
    stability: 'stable',
    since: '3.19',
    body: Type.Object({ reset_status: Type.Object({ status: Text }, closed) }, closed),
    status: 202,
  },
});
