/** Groups and group snapshots as clients older than Newton's know them: cinder/api/contrib/consistencygroups.py, cgsnapshots.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { filter, Flag, Links, orNull, paging, Text } from './volume.ts';

const closed = { additionalProperties: false };
const member = (rule: string) => ({ rule, who: 'member', adminEverywhere: true }) as const;
const reader = (rule: string) => ({ rule, who: 'reader', adminEverywhere: true }) as const;
// https://docs.openstack.org/releasenotes/cinder/pike.html
const deprecated = { stability: 'deprecated', deprecation: { since: '2017-08-30' } } as const;

const brief = { id: Type.String(), name: orNull(Type.String()) };
const Brief = Type.Object(brief, closed);
const naming = { name: Type.Optional(orNull(Text)), description: Type.Optional(orNull(Text)) };
const volumeIds = Type.Optional(orNull(Type.String({ maxLength: 65_535 })));

const ConsistencyGroup = Type.Object(
  { ...brief, status: Type.String(), availability_zone: orNull(Type.String()), created_at: Type.String(), description: orNull(Type.String()), volume_types: Type.Array(Type.String()) },
  closed,
);
const query = Type.Object({ ...paging, name: filter, status: filter });
const watched = { resource: 'volume_group', show: 'show', parameter: 'consistencygroup_id' } as const;

export const consistencyGroups = operations({
  list: {
    method: 'GET',
    path: '/consistencygroups',
    summary: 'List groups, briefly',
    access: reader('group:get_all'),
    ...deprecated,
    query,
    status: 200,
    response: Type.Object({ consistencygroups: Type.Array(Brief), consistencygroup_links: Type.Optional(Links) }, closed),
    list: watched,
  },
  detail: {
    method: 'GET',
    path: '/consistencygroups/detail',
    summary: 'List groups',
    access: reader('group:get_all'),
    ...deprecated,
    query,
    status: 200,
    response: Type.Object({ consistencygroups: Type.Array(ConsistencyGroup), consistencygroup_links: Type.Optional(Links) }, closed),
    list: watched,
  },
  create: {
    method: 'POST',
    path: '/consistencygroups',
    summary: 'Make a group whose snapshots are of one moment',
    access: member('group:create'),
    ...deprecated,
    body: Type.Object({ consistencygroup: Type.Object({ ...naming, volume_types: Type.String({ minLength: 1, maxLength: 65_535 }), availability_zone: Type.Optional(orNull(Text)) }) }),
    status: 202,
    response: Type.Object({ consistencygroup: Brief }, closed),
  },
  createFromSource: {
    method: 'POST',
    path: '/consistencygroups/create_from_src',
    summary: 'Make a group with volumes like those of a group or of a group snapshot',
    access: member('group:create'),
    ...deprecated,
    body: Type.Object({ 'consistencygroup-from-src': Type.Object({ ...naming, cgsnapshot_id: Type.Optional(Text), source_cgid: Type.Optional(Text) }) }),
    status: 202,
    response: Type.Object({ consistencygroup: Brief }, closed),
  },
  show: { method: 'GET', path: '/consistencygroups/{consistencygroup_id}', summary: 'Show a group', access: reader('group:get'), ...deprecated, status: 200, response: Type.Object({ consistencygroup: ConsistencyGroup }, closed) },
  update: {
    method: 'PUT',
    path: '/consistencygroups/{consistencygroup_id}/update',
    summary: 'Name a group, and say which volumes belong to it',
    access: member('group:update'),
    ...deprecated,
    body: Type.Object({ consistencygroup: Type.Object({ ...naming, add_volumes: volumeIds, remove_volumes: volumeIds }) }),
    status: 202,
  },
  delete: {
    method: 'POST',
    path: '/consistencygroups/{consistencygroup_id}/delete',
    summary: 'Delete a group, with its volumes if that is said',
    access: member('group:delete'),
    ...deprecated,
    body: Type.Object({ consistencygroup: Type.Optional(Type.Object({ force: Type.Optional(Flag) })) }),
    bodyOptional: true,
    status: 202,
  },
});

const CgSnapshot = Type.Object({ ...brief, consistencygroup_id: Type.String(), status: Type.String(), created_at: Type.String(), description: orNull(Type.String()) }, closed);
const page = Type.Object({ limit: paging.limit, offset: paging.offset });
const snapshotsWatched = { resource: 'volume_group_snapshot', show: 'show', parameter: 'cgsnapshot_id' } as const;

export const cgSnapshots = operations({
  list: { method: 'GET', path: '/cgsnapshots', summary: 'List group snapshots, briefly', access: reader('group:get_all_group_snapshots'), ...deprecated, query: page, status: 200, response: Type.Object({ cgsnapshots: Type.Array(Brief) }, closed), list: snapshotsWatched },
  detail: { method: 'GET', path: '/cgsnapshots/detail', summary: 'List group snapshots', access: reader('group:get_all_group_snapshots'), ...deprecated, query: page, status: 200, response: Type.Object({ cgsnapshots: Type.Array(CgSnapshot) }, closed), list: snapshotsWatched },
  create: {
    method: 'POST',
    path: '/cgsnapshots',
    summary: 'Keep what is on all volumes of a group now',
    access: member('group:create_group_snapshot'),
    ...deprecated,
    body: Type.Object({ cgsnapshot: Type.Object({ consistencygroup_id: Text, name: Type.Optional(Text), description: Type.Optional(Text) }) }),
    status: 202,
    response: Type.Object({ cgsnapshot: Brief }, closed),
  },
  show: { method: 'GET', path: '/cgsnapshots/{cgsnapshot_id}', summary: 'Show a group snapshot', access: reader('group:get_group_snapshot'), ...deprecated, status: 200, response: Type.Object({ cgsnapshot: CgSnapshot }, closed) },
  delete: { method: 'DELETE', path: '/cgsnapshots/{cgsnapshot_id}', summary: 'Delete a group snapshot with its snapshots', access: member('group:delete_group_snapshot'), ...deprecated, status: 202 },
});
