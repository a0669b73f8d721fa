/** What works on volumes, and where, for operators: cinder/api/v3/services.py, contrib/hosts.py, contrib/scheduler_stats.py. */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { filter, orNull } from './volume.ts';

const closed = { additionalProperties: false };
const admin = (rule: string) => ({ rule, who: 'admin' }) as const;
const named = Type.String({ minLength: 1, maxLength: 255 });

const Service = Type.Object(
  {
    binary: Type.String(),
    host: Type.String(),
    zone: Type.String(),
    status: Type.Enum(['enabled', 'disabled']),
    state: Type.Enum(['up', 'down']),
    updated_at: Type.String(),
    disabled_reason: orNull(Type.String()),
    cluster: since('3.7', Type.Null()),
    replication_status: Type.Optional(Type.String()),
    active_backend_id: Type.Optional(Type.Null()),
    frozen: Type.Optional(Type.Boolean()),
  },
  closed,
);

/** Older clients say `service`. */
const which = { host: named, binary: Type.Optional(named), service: Type.Optional(named) };
const Changed = Type.Object(
  { host: Type.String(), service: Type.String(), binary: Type.String(), disabled: Type.Boolean(), status: Type.Enum(['enabled', 'disabled']), disabled_reason: Type.Optional(orNull(Type.String())) },
  closed,
);

/** That one has fallen silent no event says. */
const beating = { after: { volume_service: null }, byItself: true } as const;

export const services = operations({
  list: {
    method: 'GET',
    path: '/os-services',
    summary: 'List what works on volumes, and whether it does',
    access: admin('volume_extension:services:index'),
    stability: 'stable',
    query: Type.Object({ host: filter, binary: filter }),
    status: 200,
    response: Type.Object({ services: Type.Array(Service) }, closed),
    list: beating,
  },
  enable: {
    method: 'PUT',
    path: '/os-services/enable',
    summary: 'Let storage take new volumes again',
    access: admin('volume_extension:services:update'),
    stability: 'stable',
    body: Type.Object(which, closed),
    status: 200,
    response: Changed,
  },
  disable: {
    method: 'PUT',
    path: '/os-services/disable',
    summary: 'Keep storage from taking new volumes',
    access: admin('volume_extension:services:update'),
    stability: 'stable',
    body: Type.Object(which, closed),
    status: 200,
    response: Changed,
  },
  disableWithReason: {
    method: 'PUT',
    path: '/os-services/disable-log-reason',
    summary: 'Keep storage from taking new volumes, and say why',
    access: admin('volume_extension:services:update'),
    stability: 'stable',
    body: Type.Object({ ...which, disabled_reason: named }, closed),
    status: 200,
    response: Changed,
  },
});

const Use = Type.Object(
  { host: Type.String(), project: Type.String(), volume_count: Type.String(), total_volume_gb: Type.String(), snapshot_count: Type.String(), total_snapshot_gb: Type.String() },
  closed,
);

export const hosts = operations({
  list: {
    method: 'GET',
    path: '/os-hosts',
    summary: 'List hosts that take new volumes or say where they go',
    access: admin('volume_extension:hosts'),
    stability: 'stable',
    query: Type.Object({ zone: filter }),
    status: 200,
    response: Type.Object(
      {
        hosts: Type.Array(
          Type.Object(
            { host_name: Type.String(), service: Type.String(), zone: Type.String(), 'service-status': Type.Enum(['available', 'unavailable']), 'service-state': Type.Enum(['enabled', 'disabled']), 'last-update': Type.String() },
            closed,
          ),
        ),
      },
      closed,
    ),
    list: beating,
  },
  show: {
    method: 'GET',
    path: '/os-hosts/{host_name}',
    summary: 'How much each project has on a host',
    access: admin('volume_extension:hosts'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ host: Type.Array(Type.Object({ resource: Use }, closed)) }, closed),
  },
  update: {
    method: 'PUT',
    path: '/os-hosts/{host_name}',
    summary: 'Let a host take new volumes, or not',
    access: admin('volume_extension:hosts'),
    stability: 'stable',
    body: Type.Object({ status: Type.Enum(['enable', 'disable']) }, closed),
    status: 200,
    response: Type.Object({ host: Type.String(), status: Type.Enum(['enabled', 'disabled']) }, closed),
  },
});

export const pools = operations({
  list: {
    method: 'GET',
    path: '/scheduler-stats/get_pools',
    summary: 'List places for volumes',
    access: admin('scheduler_extension:scheduler_stats:get_pools'),
    stability: 'stable',
    query: Type.Object({ detail: Type.Optional(Type.Boolean()), name: filter }),
    status: 200,
    response: Type.Object({ pools: Type.Array(Type.Object({ name: Type.String(), capabilities: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }, closed)) }, closed),
    list: { after: { volume: null } },
  },
});
