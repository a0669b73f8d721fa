/** Volumes and snapshots as Nova offered them before they had an API of their own; up to 2.35. nova/api/openstack/compute/{volumes,snapshots}.py */
import { Type } from 'typebox';
import { operations, type Who } from '../contract.ts';
import { boolean, exactly, nullableText } from './fields.ts';

const proxy = { stability: 'deprecated', deprecation: { since: '2016-07-14' }, until: '2.35' } as const;
const rule = <const W extends Who>(verb: string, who: W) => ({ rule: `os_compute_api:os-volumes:${verb}`, who, adminEverywhere: true }) as const;
const offsets = Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 0 })), offset: Type.Optional(Type.Integer({ minimum: 0 })) });
const size = Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[0-9]{1,9}$' })]);

const volume = exactly({
  id: Type.String(),
  status: Type.String(),
  size: Type.Integer(),
  availabilityZone: Type.String(),
  createdAt: Type.String(),
  /** Of one server, or an empty one. */
  attachments: Type.Array(Type.Union([exactly({ id: Type.String(), volumeId: Type.String(), serverId: Type.String(), device: Type.Optional(Type.String()) }), exactly({})])),
  displayName: nullableText,
  displayDescription: nullableText,
  volumeType: nullableText,
  snapshotId: nullableText,
  metadata: Type.Record(Type.String(), Type.String()),
});
const volumeList = exactly({ volumes: Type.Array(volume) });
const watchedVolumes = { resource: 'volume', show: 'show', parameter: 'volume_id' } as const;

export const volumeProxies = operations({
  list: { ...proxy, method: 'GET', path: '/os-volumes', summary: 'Volumes of the project', access: rule('list', 'reader'), query: offsets, status: 200, response: volumeList, list: watchedVolumes },
  detail: { ...proxy, method: 'GET', path: '/os-volumes/detail', summary: 'Volumes of the project, with all that they are', access: rule('detail', 'reader'), query: offsets, status: 200, response: volumeList, list: watchedVolumes },
  show: { ...proxy, method: 'GET', path: '/os-volumes/{volume_id}', summary: 'One volume', access: rule('show', 'reader'), status: 200, response: exactly({ volume }) },
  create: {
    ...proxy,
    method: 'POST',
    path: '/os-volumes',
    summary: 'Make a volume',
    access: { rule: 'os_compute_api:os-volumes:create', who: 'member' },
    body: exactly({
      volume: exactly({
        size,
        snapshot_id: Type.Optional(Type.String()),
        volume_type: Type.Optional(Type.String()),
        metadata: Type.Optional(Type.Record(Type.String({ minLength: 1, maxLength: 255 }), Type.String({ maxLength: 255 }))),
        availability_zone: Type.Optional(Type.String()),
        display_name: Type.Optional(Type.String({ maxLength: 255 })),
        display_description: Type.Optional(Type.String({ maxLength: 255 })),
      }),
    }),
    status: 200,
    response: exactly({ volume }),
  },
  delete: { ...proxy, method: 'DELETE', path: '/os-volumes/{volume_id}', summary: 'Delete a volume', access: rule('delete', 'member'), status: 202 },
});

const snapshot = exactly({ id: Type.String(), volumeId: Type.String(), status: Type.String(), size: Type.Integer(), createdAt: Type.String(), displayName: nullableText, displayDescription: nullableText });
const snapshotList = exactly({ snapshots: Type.Array(snapshot) });
const watchedSnapshots = { resource: 'volume_snapshot', show: 'show', parameter: 'snapshot_id' } as const;

export const snapshotProxies = operations({
  list: { ...proxy, method: 'GET', path: '/os-snapshots', summary: 'Snapshots of volumes of the project', access: rule('snapshots:list', 'reader'), query: offsets, status: 200, response: snapshotList, list: watchedSnapshots },
  detail: { ...proxy, method: 'GET', path: '/os-snapshots/detail', summary: 'Snapshots of volumes of the project, with all that they are', access: rule('snapshots:detail', 'reader'), query: offsets, status: 200, response: snapshotList, list: watchedSnapshots },
  show: { ...proxy, method: 'GET', path: '/os-snapshots/{snapshot_id}', summary: 'One snapshot', access: rule('snapshots:show', 'reader'), status: 200, response: exactly({ snapshot }) },
  create: {
    ...proxy,
    method: 'POST',
    path: '/os-snapshots',
    summary: 'Make a snapshot of a volume',
    access: { rule: 'os_compute_api:os-volumes:snapshots:create', who: 'member' },
    body: exactly({ snapshot: exactly({ volume_id: Type.String(), force: Type.Optional(boolean), display_name: Type.Optional(Type.String({ maxLength: 255 })), display_description: Type.Optional(Type.String({ maxLength: 255 })) }) }),
    status: 200,
    response: exactly({ snapshot }),
  },
  delete: { ...proxy, method: 'DELETE', path: '/os-snapshots/{snapshot_id}', summary: 'Delete a snapshot', access: rule('snapshots:delete', 'member'), status: 202 },
});
