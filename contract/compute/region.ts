/** The hosts of a region as operators see them, and what this API offers. nova/api/openstack/compute/{hypervisors,services,availability_zone,extension_info}.py */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { exactly, nullableText } from './fields.ts';

const admin = (rule: string) => ({ rule: `os_compute_api:${rule}`, who: 'admin' }) as const;

const hypervisorBrief = { id: Type.Integer(), hypervisor_hostname: Type.String(), state: Type.Union([Type.Literal('up'), Type.Literal('down')]), status: Type.Union([Type.Literal('enabled'), Type.Literal('disabled')]) };
const hypervisor = exactly({
  ...hypervisorBrief,
  hypervisor_type: Type.String(),
  hypervisor_version: Type.Integer(),
  host_ip: Type.String(),
  service: exactly({ id: Type.Integer(), host: Type.String(), disabled_reason: nullableText }),
  vcpus: Type.Integer(),
  memory_mb: Type.Integer(),
  local_gb: Type.Integer(),
  vcpus_used: Type.Integer(),
  memory_mb_used: Type.Integer(),
  local_gb_used: Type.Integer(),
  free_ram_mb: Type.Integer(),
  free_disk_gb: Type.Integer(),
  current_workload: Type.Integer(),
  running_vms: Type.Integer(),
  disk_available_least: Type.Union([Type.Integer(), Type.Null()]),
  /** JSON as text, up to 2.27. */
  cpu_info: Type.String(),
});

/** That a host has fallen silent no event says. */
const hosts = { after: { hypervisor: null }, byItself: true } as const;

export const hypervisors = operations({
  list: { method: 'GET', path: '/os-hypervisors', summary: 'Hosts', access: admin('os-hypervisors:list'), stability: 'stable', status: 200, response: exactly({ hypervisors: Type.Array(exactly(hypervisorBrief)) }), list: hosts },
  detail: { method: 'GET', path: '/os-hypervisors/detail', summary: 'Hosts, with all that they are', access: admin('os-hypervisors:list-detail'), stability: 'stable', status: 200, response: exactly({ hypervisors: Type.Array(hypervisor) }), list: hosts },
  statistics: {
    method: 'GET',
    path: '/os-hypervisors/statistics',
    summary: 'All hosts together',
    access: admin('os-hypervisors:statistics'),
    stability: 'stable',
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
  show: { method: 'GET', path: '/os-hypervisors/{hypervisor_id}', summary: 'One host', access: admin('os-hypervisors:show'), stability: 'stable', status: 200, response: exactly({ hypervisor }) },
});

export const services = operations({
  list: {
    method: 'GET',
    path: '/os-services',
    summary: 'What runs on the hosts',
    access: admin('os-services:list'),
    stability: 'stable',
    query: Type.Object({ host: Type.Optional(Type.String()), binary: Type.Optional(Type.String()) }),
    status: 200,
    response: exactly({
      services: Type.Array(
        exactly({ id: Type.Integer(), binary: Type.String(), host: Type.String(), zone: Type.String(), status: Type.String(), state: Type.String(), updated_at: nullableText, disabled_reason: nullableText }),
      ),
    }),
    list: hosts,
  },
  enable: {
    method: 'PUT',
    path: '/os-services/enable',
    summary: 'Let a host take new servers',
    access: admin('os-services:update'),
    stability: 'stable',
    body: exactly({ host: Type.String({ minLength: 1, maxLength: 255 }), binary: Type.String({ minLength: 1, maxLength: 255 }) }),
    status: 200,
    response: exactly({ service: exactly({ host: Type.String(), binary: Type.String(), status: Type.String() }) }),
  },
  disable: {
    method: 'PUT',
    path: '/os-services/disable',
    summary: 'Give a host no new servers',
    access: admin('os-services:update'),
    stability: 'stable',
    body: exactly({ host: Type.String({ minLength: 1, maxLength: 255 }), binary: Type.String({ minLength: 1, maxLength: 255 }) }),
    status: 200,
    response: exactly({ service: exactly({ host: Type.String(), binary: Type.String(), status: Type.String() }) }),
  },
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
