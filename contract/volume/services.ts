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
    backend_state: since('3.49', Type.Optional(Type.Enum(['up', 'down']))),
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

const onHost = { host: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })), cluster: since('3.26', Type.Optional(orNull(Type.String({ maxLength: 255 })))) };
const logs = { binary: Type.Optional(orNull(Type.Enum(['', '*', 'cinder-api', 'cinder-volume', 'cinder-scheduler', 'cinder-backup']))), server: Type.Optional(orNull(Type.String({ maxLength: 255 }))), prefix: Type.Optional(orNull(Type.String({ maxLength: 255 }))) };

/** What a backend does with changes, and how much services write of what they do: cinder/api/v3/services.py. */
export const serviceActions = operations({
  freeze: { method: 'PUT', path: '/os-services/freeze', summary: 'Let nothing be made or deleted on storage', access: admin('volume:freeze_host'), stability: 'stable', body: Type.Object(onHost, closed), status: 200 },
  thaw: { method: 'PUT', path: '/os-services/thaw', summary: 'Let things be made and deleted on storage again', access: admin('volume:thaw_host'), stability: 'stable', body: Type.Object(onHost, closed), status: 200 },
  failoverHost: { method: 'PUT', path: '/os-services/failover_host', summary: 'Use the copies that storage keeps elsewhere', access: admin('volume:failover_host'), stability: 'stable', body: Type.Object({ ...onHost, backend_id: Type.Optional(orNull(Type.String({ maxLength: 255 }))) }, closed), status: 202 },
  failover: {
    method: 'PUT',
    path: '/os-services/failover',
    summary: 'Use the copies that storage or a cluster keeps elsewhere',
    access: admin('volume:failover_host'),
    stability: 'stable',
    since: '3.26',
    body: Type.Object({ ...onHost, backend_id: Type.Optional(orNull(Type.String({ maxLength: 255 }))) }, closed),
    status: 202,
  },
  setLog: {
    method: 'PUT',
    path: '/os-services/set-log',
    summary: 'Say how much services write of what they do',
    access: admin('volume_extension:services:update'),
    stability: 'stable',
    since: '3.32',
    body: Type.Object({ ...logs, level: Type.Enum(['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG', 'critical', 'error', 'warning', 'info', 'debug']) }, closed),
    status: 202,
  },
  getLog: {
    method: 'PUT',
    path: '/os-services/get-log',
    summary: 'How much services write of what they do',
    access: admin('volume_extension:services:index'),
    stability: 'stable',
    since: '3.32',
    body: Type.Object(logs, closed),
    status: 200,
    response: Type.Object({ log_levels: Type.Array(Type.Object({ binary: Type.String(), host: Type.String(), levels: Type.Record(Type.String(), Type.String()) }, closed)) }, closed),
  },
});

/** What storage can do, and by what lists may be filtered: cinder/api/contrib/capabilities.py, v3/resource_filters.py. */
export const capabilities = operations({
  show: {
    method: 'GET',
    path: '/capabilities/{host_name}',
    summary: 'What storage can do',
    access: admin('volume_extension:capabilities'),
    stability: 'stable',
    status: 200,
    response: Type.Object(
      {
        namespace: Type.String(), vendor_name: orNull(Type.String()), volume_backend_name: orNull(Type.String()), pool_name: orNull(Type.String()), driver_version: orNull(Type.String()), storage_protocol: orNull(Type.String()),
        display_name: orNull(Type.String()), description: orNull(Type.String()), visibility: orNull(Type.String()), replication_targets: Type.Array(Type.Unknown()), properties: Type.Record(Type.String(), Type.Unknown()),
      },
      closed,
    ),
  },
  resourceFilters: {
    method: 'GET',
    path: '/resource_filters',
    summary: 'By what lists may be filtered',
    access: { rule: 'volume:get_all', who: 'user' },
    stability: 'stable',
    since: '3.33',
    query: Type.Object({ resource: filter }),
    status: 200,
    response: Type.Object({ resource_filters: Type.Array(Type.Object({ resource: Type.String(), filters: Type.Array(Type.String()) }, closed)) }, closed),
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
    query: Type.Object({ detail: Type.Optional(Type.Boolean()), name: filter, volume_type: since('3.35', filter) }),
    status: 200,
    response: Type.Object({ pools: Type.Array(Type.Object({ name: Type.String(), capabilities: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }, closed)) }, closed),
    list: { after: { volume: null } },
  },
});
