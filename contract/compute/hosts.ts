/** Hosts as they were looked after before services and hypervisors could be; up to 2.42. nova/api/openstack/compute/hosts.py */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { exactly } from './fields.ts';

const old = { stability: 'deprecated', deprecation: { since: '2017-02-22' }, until: '2.42' } as const;
const admin = (verb: string) => ({ rule: `os_compute_api:os-hosts:${verb}`, who: 'admin' }) as const;
const setting = Type.Union([Type.Literal('enable'), Type.Literal('disable'), Type.Literal('Enable'), Type.Literal('Disable'), Type.Literal('ENABLE'), Type.Literal('DISABLE')]);
const power = (verb: string, summary: string) =>
  ({ ...old, method: 'GET', path: `/os-hosts/{host_name}/${verb}` as '/os-hosts/{host_name}/reboot', effects: 'none', summary, access: admin(verb === 'startup' ? 'start' : verb), status: 200, response: exactly({ host: Type.String(), power_action: Type.String() }) }) as const;

export const hosts = operations({
  list: {
    ...old,
    method: 'GET',
    path: '/os-hosts',
    summary: 'Hosts that take servers',
    access: admin('list'),
    query: Type.Object({ zone: Type.Optional(Type.String()) }),
    status: 200,
    response: exactly({ hosts: Type.Array(exactly({ host_name: Type.String(), service: Type.String(), zone: Type.String() })) }),
    list: { after: { hypervisor: null }, byItself: true },
  },
  show: {
    ...old,
    method: 'GET',
    path: '/os-hosts/{host_name}',
    summary: 'What a host has, and who uses it',
    access: admin('show'),
    status: 200,
    response: exactly({ host: Type.Array(exactly({ resource: exactly({ host: Type.String(), project: Type.String(), cpu: Type.Integer(), memory_mb: Type.Integer(), disk_gb: Type.Integer() }) })) }),
  },
  update: {
    ...old,
    method: 'PUT',
    path: '/os-hosts/{host_name}',
    summary: 'What no driver of ours does: maintenance by the hypervisor',
    access: admin('update'),
    body: Type.Object({ status: Type.Optional(setting), maintenance_mode: Type.Optional(setting) }, { additionalProperties: false, minProperties: 1 }),
    status: 200,
    response: exactly({ host: Type.String(), status: Type.Optional(Type.String()), maintenance_mode: Type.Optional(Type.String()) }),
  },
  reboot: power('reboot', 'What no driver of ours does: restart a host'),
  shutdown: power('shutdown', 'What no driver of ours does: power a host off'),
  startup: power('startup', 'What no driver of ours does: power a host on'),
});
