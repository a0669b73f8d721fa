/** The hosts of a region as operators see them, and what this API offers. nova/api/openstack/compute/{hypervisors,services,availability_zone,extension_info}.py */
import { Type } from 'typebox';
import { closedSince, operations, since, until } from '../contract.ts';
import { boolean, booleanText, exactly, hostName, links, nullableText } from './fields.ts';

const admin = (rule: string) => ({ rule: `os_compute_api:${rule}`, who: 'admin' }) as const;

/** The id is the host's own; up to 2.52 its number, which is `number` before `changes` make it the id (operators.changes.ts). */
const numbered = { id: Type.Union([since('2.53', Type.String()), until('2.52', Type.Integer())]), number: until('2.52', Type.Optional(Type.Integer())) };

const hypervisorBrief = {
  ...numbered,
  hypervisor_hostname: Type.String(),
  state: Type.Union([Type.Literal('up'), Type.Literal('down')]),
  status: Type.Union([Type.Literal('enabled'), Type.Literal('disabled')]),
  servers: since('2.53', Type.Optional(Type.Array(exactly({ name: Type.String(), uuid: Type.String() })))),
};

/** What placement tells better: nova/api/openstack/compute/rest_api_version_history.rst, 2.88 */
const room = {
  vcpus: until('2.87', Type.Integer()),
  memory_mb: until('2.87', Type.Integer()),
  local_gb: until('2.87', Type.Integer()),
  vcpus_used: until('2.87', Type.Integer()),
  memory_mb_used: until('2.87', Type.Integer()),
  local_gb_used: until('2.87', Type.Integer()),
  free_ram_mb: until('2.87', Type.Integer()),
  free_disk_gb: until('2.87', Type.Integer()),
  current_workload: until('2.87', Type.Integer()),
  running_vms: until('2.87', Type.Integer()),
  disk_available_least: until('2.87', Type.Union([Type.Integer(), Type.Null()])),
};

const cpuInfo = exactly({ arch: Type.String(), model: Type.String(), topology: exactly({ cores: Type.Integer(), threads: Type.Integer(), sockets: Type.Integer() }) });

const hypervisor = exactly({
  ...hypervisorBrief,
  hypervisor_type: Type.String(),
  hypervisor_version: Type.Integer(),
  host_ip: Type.String(),
  service: exactly({ ...numbered, host: Type.String(), disabled_reason: nullableText }),
  ...room,
  /** JSON as text, up to 2.27. */
  cpu_info: until('2.87', Type.Union([since('2.28', cpuInfo), until('2.27', Type.String())])),
  uptime: since('2.88', nullableText),
});

/** That a host has fallen silent no event says. */
const hosts = { after: { hypervisor: null }, byItself: true } as const;

const hypervisorQuery = closedSince(
  '2.53',
  Type.Object({
    limit: since('2.33', Type.Optional(Type.Integer({ minimum: 0 }))),
    marker: since('2.33', Type.Optional(Type.String())),
    hypervisor_hostname_pattern: since('2.53', Type.Optional(hostName)),
    with_servers: since('2.53', Type.Optional(booleanText)),
  }),
);

const listed = { hypervisors_links: since('2.33', Type.Optional(links)) };
const deprecated = { stability: 'deprecated', deprecation: { since: '2017-09-12' } } as const;

export const hypervisors = operations({
  list: { method: 'GET', path: '/os-hypervisors', summary: 'Hosts', access: admin('os-hypervisors:list'), stability: 'stable', query: hypervisorQuery, status: 200, response: exactly({ hypervisors: Type.Array(exactly(hypervisorBrief)), ...listed }), list: hosts },
  detail: { method: 'GET', path: '/os-hypervisors/detail', summary: 'Hosts, with all that they are', access: admin('os-hypervisors:list-detail'), stability: 'stable', query: hypervisorQuery, status: 200, response: exactly({ hypervisors: Type.Array(hypervisor), ...listed }), list: hosts },
  statistics: {
    method: 'GET',
    path: '/os-hypervisors/statistics',
    summary: 'All hosts together',
    access: admin('os-hypervisors:statistics'),
    stability: 'stable',
    until: '2.87',
    status: 200,
    response: exactly({
      hypervisor_statistics: exactly({
        count: Type.Integer(),
        current_workload: Type.Integer(),
        disk_available_least: Type.Integer(),
        free_disk_gb: Type.Integer(),
        free_ram_mb: Type.Integer(),
        local_gb: Type.Integer(),
        local_gb_used: Type.Integer(),
        memory_mb: Type.Integer(),
        memory_mb_used: Type.Integer(),
        running_vms: Type.Integer(),
        vcpus: Type.Integer(),
        vcpus_used: Type.Integer(),
      }),
    }),
  },
  show: {
    method: 'GET',
    path: '/os-hypervisors/{hypervisor_id}',
    summary: 'One host',
    access: admin('os-hypervisors:show'),
    stability: 'stable',
    query: closedSince('2.53', Type.Object({ with_servers: since('2.53', Type.Optional(booleanText)) })),
    status: 200,
    response: exactly({ hypervisor }),
  },
  uptime: { ...deprecated, method: 'GET', path: '/os-hypervisors/{hypervisor_id}/uptime', until: '2.87', summary: 'How long a host has been running', access: admin('os-hypervisors:uptime'), status: 200, response: exactly({ hypervisor: exactly({ ...hypervisorBrief, uptime: Type.String() }) }) },
  search: { ...deprecated, method: 'GET', path: '/os-hypervisors/{hypervisor_id}/search', until: '2.52', summary: 'Hosts whose name contains this', access: admin('os-hypervisors:search'), status: 200, response: exactly({ hypervisors: Type.Array(exactly(hypervisorBrief)) }) },
  servers: {
    ...deprecated,
    method: 'GET',
    path: '/os-hypervisors/{hypervisor_id}/servers',
    until: '2.52',
    summary: 'The servers of hosts whose name contains this',
    access: admin('os-hypervisors:servers'),
    status: 200,
    response: exactly({ hypervisors: Type.Array(exactly({ ...hypervisorBrief, servers: Type.Optional(Type.Array(exactly({ name: Type.String(), uuid: Type.String() }))) })) }),
  },
});

const computeService = exactly({
  ...numbered,
  binary: Type.String(),
  host: Type.String(),
  zone: Type.String(),
  status: Type.String(),
  state: Type.String(),
  updated_at: nullableText,
  disabled_reason: nullableText,
  forced_down: since('2.11', Type.Boolean()),
});

const serviceName = { host: hostName, binary: Type.String({ minLength: 1, maxLength: 255 }) };
const reason = Type.String({ minLength: 1, maxLength: 255 });
const withoutId = { ...deprecated, until: '2.52' } as const;

export const services = operations({
  list: {
    method: 'GET',
    path: '/os-services',
    summary: 'What runs on the hosts',
    access: admin('os-services:list'),
    stability: 'stable',
    query: closedSince('2.75', Type.Object({ host: Type.Optional(Type.String()), binary: Type.Optional(Type.String()) })),
    status: 200,
    response: exactly({ services: Type.Array(computeService) }),
    list: hosts,
  },
  enable: {
    ...withoutId,
    method: 'PUT',
    path: '/os-services/enable',
    summary: 'Let a host take new servers',
    access: admin('os-services:update'),
    body: exactly({ ...serviceName, disabled_reason: Type.Optional(reason), forced_down: since('2.11', Type.Optional(boolean)) }),
    status: 200,
    response: exactly({ service: exactly({ host: Type.String(), binary: Type.String(), status: Type.String() }) }),
  },
  disable: {
    ...withoutId,
    method: 'PUT',
    path: '/os-services/disable',
    summary: 'Give a host no new servers',
    access: admin('os-services:update'),
    body: exactly({ ...serviceName, disabled_reason: Type.Optional(reason), forced_down: since('2.11', Type.Optional(boolean)) }),
    status: 200,
    response: exactly({ service: exactly({ host: Type.String(), binary: Type.String(), status: Type.String() }) }),
  },
  disableWithReason: {
    ...withoutId,
    method: 'PUT',
    path: '/os-services/disable-log-reason',
    summary: 'Give a host no new servers, and say why',
    access: admin('os-services:update'),
    body: exactly({ ...serviceName, disabled_reason: reason, forced_down: since('2.11', Type.Optional(boolean)) }),
    status: 200,
    response: exactly({ service: exactly({ host: Type.String(), binary: Type.String(), status: Type.String(), disabled_reason: Type.String() }) }),
  },
  forceDown: {
    ...withoutId,
    method: 'PUT',
    path: '/os-services/force-down',
    since: '2.11',
    summary: 'Say that a host is down, or no longer say so',
    access: admin('os-services:update'),
    body: exactly({ ...serviceName, disabled_reason: Type.Optional(reason), forced_down: boolean }),
    status: 200,
    response: exactly({ service: exactly({ host: Type.String(), binary: Type.String(), forced_down: Type.Boolean() }) }),
  },
  update: {
    method: 'PUT',
    path: '/os-services/{service_id}',
    since: '2.53',
    summary: 'Whether a host takes new servers, and whether it is down whatever it reports',
    access: admin('os-services:update'),
    stability: 'stable',
    body: exactly({ status: Type.Optional(Type.Union([Type.Literal('enabled'), Type.Literal('disabled')])), disabled_reason: Type.Optional(reason), forced_down: Type.Optional(boolean) }),
    status: 200,
    response: exactly({ service: computeService }),
  },
  delete: { method: 'DELETE', path: '/os-services/{service_id}', summary: 'Forget a host that has no servers', access: admin('os-services:delete'), stability: 'stable', status: 204 },
});

const zoneState = exactly({ available: Type.Boolean() });

export const availabilityZones = operations({
  list: {
    method: 'GET',
    path: '/os-availability-zone',
    summary: 'Availability zones',
    access: { rule: 'os_compute_api:os-availability-zone:list', who: 'user' },
    stability: 'stable',
    status: 200,
    response: exactly({ availabilityZoneInfo: Type.Array(exactly({ zoneName: Type.String(), zoneState, hosts: Type.Null() })) }),
    list: hosts,
  },
  detail: {
    method: 'GET',
    path: '/os-availability-zone/detail',
    summary: 'Availability zones with their hosts',
    access: admin('os-availability-zone:detail'),
    stability: 'stable',
    status: 200,
    response: exactly({
      availabilityZoneInfo: Type.Array(
        exactly({
          zoneName: Type.String(),
          zoneState,
          hosts: Type.Union([Type.Record(Type.String(), Type.Record(Type.String(), exactly({ available: Type.Boolean(), active: Type.Boolean(), updated_at: nullableText }))), Type.Null()]),
        }),
      ),
    }),
    list: hosts,
  },
});

const extension = exactly({ alias: Type.String(), name: Type.String(), description: Type.String(), links: Type.Array(Type.Unknown()), namespace: Type.String(), updated: Type.String() });
const everyone = { rule: 'os_compute_api:extensions', who: 'user' } as const;

export const extensions = operations({
  list: { method: 'GET', path: '/extensions', summary: 'What clients of version 2.0 looked for', access: everyone, stability: 'deprecated', deprecation: { since: '2014-12-03' }, status: 200, response: exactly({ extensions: Type.Array(extension) }) },
  show: { method: 'GET', path: '/extensions/{alias}', summary: 'One of them', access: everyone, stability: 'deprecated', deprecation: { since: '2014-12-03' }, status: 200, response: exactly({ extension }) },
});
