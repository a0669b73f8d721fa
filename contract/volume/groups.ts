/** Volumes that belong together: cinder/api/v3/groups.py. */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { anyFilter, filter, Flag, Links, orNull, paging, Text } from './volume.ts';

const closed = { additionalProperties: false };
const member = (rule: string) => ({ rule, who: 'member', adminEverywhere: true }) as const;
const reader = (rule: string) => ({ rule, who: 'reader', adminEverywhere: true }) as const;
const from = '3.13';

const brief = { id: Type.String(), name: orNull(Type.String()) };
const Brief = Type.Object(brief, closed);
const Group = Type.Object(
  {
    ...brief,
    status: Type.String(),
    availability_zone: orNull(Type.String()),
    created_at: Type.String(),
    description: orNull(Type.String()),
    group_type: Type.String(),
    volume_types: Type.Array(Type.String()),
    group_snapshot_id: since('3.14', orNull(Type.String())),
    source_group_id: since('3.14', orNull(Type.String())),
    volumes: since('3.25', Type.Optional(Type.Array(Type.String()))),
    replication_status: since('3.38', orNull(Type.String())),
    project_id: since('3.58', Type.Optional(Type.String())),
  },
  closed,
);
const query = Type.Object({ ...paging, name: filter, 'name~': since('3.34', filter), status: filter, list_volume: since('3.25', filter), any_filter: anyFilter });
const watched = { resource: 'volume_group', show: 'show', parameter: 'group_id' } as const;
const naming = { name: Type.Optional(orNull(Text)), description: Type.Optional(orNull(Text)) };
const path = '/groups/{group_id}/action';
const nothing = Type.Object({}, closed);

export const groups = operations({
  list: {
    method: 'GET',
    path: '/groups',
    summary: 'List groups, briefly',
    access: reader('group:get_all'),
    stability: 'stable',
    since: from,
    query,
    status: 200,
    response: Type.Object({ groups: Type.Array(Brief), group_links: Type.Optional(Links) }, closed),
    list: watched,
  },
  detail: {
    method: 'GET',
    path: '/groups/detail',
    summary: 'List groups',
    access: reader('group:get_all'),
    stability: 'stable',
    since: from,
    query,
    status: 200,
    response: Type.Object({ groups: Type.Array(Group), group_links: Type.Optional(Links) }, closed),
    list: watched,
  },
  create: {
    method: 'POST',
    path: '/groups',
    summary: 'Make a group for volumes of these types',
    access: member('group:create'),
    stability: 'stable',
    since: from,
    body: Type.Object({ group: Type.Object({ ...naming, group_type: Type.String({ minLength: 1, maxLength: 255 }), volume_types: Type.Array(Text, { minItems: 1, uniqueItems: true }), availability_zone: Type.Optional(orNull(Text)) }, closed) }, closed),
    status: 202,
    response: Type.Object({ group: Brief }, closed),
  },
  createFromSource: {
    method: 'POST',
    path: '/groups/action',
    action: 'create-from-src',
    summary: 'Make a group with volumes like those of a group or of a group snapshot',
    access: member('group:create'),
    stability: 'stable',
    since: '3.14',
    body: Type.Object(
      {
        'create-from-src': Type.Union([
          Type.Object({ ...naming, group_snapshot_id: Type.String({ minLength: 1, maxLength: 255 }) }, closed),
          Type.Object({ ...naming, source_group_id: Type.String({ minLength: 1, maxLength: 255 }) }, closed),
        ]),
      },
      closed,
    ),
    status: 202,
    response: Type.Object({ group: Brief }, closed),
  },
  show: {
    method: 'GET',
    path: '/groups/{group_id}',
    summary: 'Show a group',
    access: reader('group:get'),
    stability: 'stable',
    since: from,
    query: Type.Object({ list_volume: since('3.25', filter) }),
    status: 200,
    response: Type.Object({ group: Group }, closed),
  },
  update: {
    method: 'PUT',
    path: '/groups/{group_id}',
    summary: 'Name a group, and say which volumes belong to it',
    access: member('group:update'),
    stability: 'stable',
    since: from,
    body: Type.Object({ group: Type.Object({ ...naming, add_volumes: Type.Optional(orNull(Type.String({ maxLength: 65_535 }))), remove_volumes: Type.Optional(orNull(Type.String({ maxLength: 65_535 }))) }, { ...closed, minProperties: 1 }) }, closed),
    status: 202,
  },
  delete: {
    method: 'POST',
    path,
    action: 'delete',
    summary: 'Delete a group, with its volumes if that is said',
    access: member('group:delete'),
    stability: 'stable',
    since: from,
    body: Type.Object({ delete: Type.Object({ 'delete-volumes': Type.Optional(Flag) }, closed) }, closed),
    status: 202,
  },
  resetStatus: {
    method: 'POST',
    path,
    action: 'reset_status',
    summary: 'Correct the status of a group whose workflow has failed',
    access: { rule: 'group:reset_status', who: 'admin' },
    stability: 'stable',
    since: '3.20',
    body: Type.Object({ reset_status: Type.Object({ status: Text }, closed) }, closed),
    status: 202,
  },
  enableReplication: { method: 'POST', path, action: 'enable_replication', summary: 'Keep a copy of its volumes elsewhere', access: member('group:enable_replication'), stability: 'stable', since: '3.38', body: Type.Object({ enable_replication: nothing }, closed), status: 202 },
  disableReplication: { method: 'POST', path, action: 'disable_replication', summary: 'Keep a copy elsewhere no longer', access: member('group:disable_replication'), stability: 'stable', since: '3.38', body: Type.Object({ disable_replication: nothing }, closed), status: 202 },
  failoverReplication: {
    method: 'POST',
    path,
    action: 'failover_replication',
    summary: 'Use the copies elsewhere',
    access: member('group:failover_replication'),
    stability: 'stable',
    since: '3.38',
    body: Type.Object({ failover_replication: Type.Object({ allow_attached_volume: Type.Optional(Flag), secondary_backend_id: Type.Optional(orNull(Text)) }, closed) }, closed),
    status: 202,
  },
  listReplicationTargets: {
    method: 'POST',
    path,
    action: 'list_replication_targets',
    summary: 'List where copies of its volumes may be kept',
    access: member('group:list_replication_targets'),
    stability: 'stable',
    since: '3.38',
    body: Type.Object({ list_replication_targets: nothing }, closed),
    status: 200,
    response: Type.Object({ replication_targets: Type.Array(Type.Record(Type.String(), Type.Unknown())) }, closed),
  },
});
