/** What a project may use and has used. nova/api/openstack/compute/{limits,quota_sets,simple_tenant_usage}.py */
import { Type } from 'typebox';
import type { TSchema } from 'typebox';
import { closedSince, operations, since, until } from '../contract.ts';
import { exactly, links, nullableText } from './fields.ts';

const count = Type.Integer();

/** In Nova's order: nova/quota.py, QUOTAS.resources. */
const quotaNames = [
  'instances',
  'cores',
  'ram',
  'floating_ips',
  'fixed_ips',
  'metadata_items',
  'injected_files',
  'injected_file_content_bytes',
  'injected_file_path_bytes',
  'security_groups',
  'security_group_rules',
  'key_pairs',
  'server_groups',
  'server_group_members',
] as const;

export type QuotaName = (typeof quotaNames)[number];

/** What Nova no longer speaks of: what is Neutron's since 2.36, files put into a guest since 2.57. */
const last: Partial<Record<QuotaName, string>> = {
  floating_ips: '2.35',
  fixed_ips: '2.35',
  security_groups: '2.35',
  security_group_rules: '2.35',
  injected_files: '2.56',
  injected_file_content_bytes: '2.56',
  injected_file_path_bytes: '2.56',
};

function each<T extends TSchema>(schema: T): Record<QuotaName, T> {
  return Object.fromEntries(quotaNames.map((name) => [name, last[name] === undefined ? schema : until(last[name], schema)])) as Record<QuotaName, T>;
}

/** Classes kept the network's numbers until 2.49, and had those of server groups only from then on. */
function eachOfClass<T extends TSchema>(schema: T): Record<QuotaName, T> {
  const marked = (name: QuotaName) => (name.startsWith('server_group') ? since('2.50', schema) : last[name] === undefined ? schema : until(last[name] === '2.35' ? '2.49' : last[name], schema));
  return Object.fromEntries(quotaNames.map((name) => [name, marked(name)])) as Record<QuotaName, T>;
}

const limit = Type.Union([Type.Integer({ minimum: -1, maximum: 2147483647 }), Type.String({ pattern: '^-?[0-9]{1,10}$' })]);
const quotaSet = each(count);
const userQuery = closedSince('2.75', Type.Object({ user_id: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) }));

const quota = (verb: string, who: 'user' | 'reader' | 'renter' | 'admin') => ({ rule: `os_compute_api:os-quota-sets:${verb}`, who, adminEverywhere: true }) as const;

export const quotaSets = operations({
  show: { method: 'GET', path: '/os-quota-sets/{tenant_id}', summary: 'Limits of a project', access: quota('show', 'reader'), stability: 'stable', query: userQuery, status: 200, response: exactly({ quota_set: exactly({ id: Type.String(), ...quotaSet }) }) },
  detail: {
    method: 'GET',
    path: '/os-quota-sets/{tenant_id}/detail',
    summary: 'Limits of a project, and what it uses of them',
    access: quota('detail', 'reader'),
    stability: 'stable',
    query: userQuery,
    status: 200,
    response: exactly({ quota_set: exactly({ id: Type.String(), ...each(exactly({ in_use: count, limit: count, reserved: count })) }) }),
  },
  defaults: { method: 'GET', path: '/os-quota-sets/{tenant_id}/defaults', summary: 'Limits of projects for which none were set', access: quota('defaults', 'user'), stability: 'stable', status: 200, response: exactly({ quota_set: exactly({ id: Type.String(), ...quotaSet }) }) },
  update: {
    method: 'PUT',
    path: '/os-quota-sets/{tenant_id}',
    summary: 'Set limits of a project',
    access: quota('update', 'renter'),
    stability: 'stable',
    query: userQuery,
    body: exactly({ quota_set: exactly({ ...each(Type.Optional(limit)), force: Type.Optional(Type.Union([Type.Boolean(), Type.String()])) }) }),
    status: 200,
    response: exactly({ quota_set: exactly(quotaSet) }),
  },
  delete: { method: 'DELETE', path: '/os-quota-sets/{tenant_id}', summary: 'Give a project the default limits again', access: quota('delete', 'admin'), stability: 'stable', query: userQuery, status: 202 },
});

const ofClass = (verb: string) => ({ rule: `os_compute_api:os-quota-class-sets:${verb}`, who: 'admin' }) as const;

export const quotaClasses = operations({
  show: { method: 'GET', path: '/os-quota-class-sets/{quota_class}', summary: 'Limits of projects for which none were set', access: ofClass('show'), stability: 'stable', status: 200, response: exactly({ quota_class_set: exactly({ id: Type.String(), ...eachOfClass(count) }) }) },
  update: {
    method: 'PUT',
    path: '/os-quota-class-sets/{quota_class}',
    summary: 'Set limits of projects for which none are set',
    access: ofClass('update'),
    stability: 'stable',
    // nova/api/openstack/compute/schemas/quota_classes.py: what is not shown yet can be set.
    body: exactly({ quota_class_set: exactly({ ...eachOfClass(Type.Optional(limit)), server_groups: Type.Optional(limit), server_group_members: Type.Optional(limit) }) }),
    status: 200,
    response: exactly({ quota_class_set: exactly(eachOfClass(count)) }),
  },
});

export const limits = operations({
  show: {
    method: 'GET',
    path: '/limits',
    summary: 'Limits of the project, and what it uses of them',
    access: { rule: 'os_compute_api:limits', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    query: closedSince('2.75', Type.Object({ tenant_id: Type.Optional(Type.String()), reserved: Type.Optional(Type.String()) })),
    status: 200,
    response: exactly({
      limits: exactly({
        rate: Type.Array(Type.Unknown()),
        absolute: exactly({
          maxTotalRAMSize: count,
          maxTotalInstances: count,
          maxTotalCores: count,
          maxTotalKeypairs: count,
          maxTotalFloatingIps: until('2.35', count),
          maxServerMeta: count,
          maxImageMeta: until('2.38', count),
          maxPersonality: until('2.56', count),
          maxPersonalitySize: until('2.56', count),
          maxSecurityGroups: until('2.35', count),
          maxSecurityGroupRules: until('2.35', count),
          maxServerGroups: count,
          maxServerGroupMembers: count,
          totalRAMUsed: count,
          totalCoresUsed: count,
          totalInstancesUsed: count,
          totalFloatingIpsUsed: until('2.35', count),
          totalSecurityGroupsUsed: until('2.35', count),
          totalServerGroupsUsed: count,
        }),
      }),
    }),
  },
});

const serverUsage = exactly({
  instance_id: Type.String(),
  name: Type.String(),
  tenant_id: Type.String(),
  flavor: Type.String(),
  hours: Type.Number(),
  memory_mb: count,
  local_gb: count,
  vcpus: count,
  started_at: Type.String(),
  ended_at: nullableText,
  state: Type.String(),
  uptime: count,
});
const usage = exactly({
  tenant_id: Type.String(),
  total_hours: Type.Number(),
  total_local_gb_usage: Type.Number(),
  total_memory_mb_usage: Type.Number(),
  total_vcpus_usage: Type.Number(),
  start: Type.String(),
  stop: Type.String(),
  server_usages: Type.Optional(Type.Array(serverUsage)),
});
const period = {
  start: Type.Optional(Type.String()),
  end: Type.Optional(Type.String()),
  limit: since('2.40', Type.Optional(Type.Integer({ minimum: 0 }))),
  marker: since('2.40', Type.Optional(Type.String())),
};

export const usages = operations({
  list: {
    method: 'GET',
    path: '/os-simple-tenant-usage',
    summary: 'What every project used',
    access: { rule: 'os_compute_api:os-simple-tenant-usage:list', who: 'admin' },
    stability: 'stable',
    query: closedSince('2.75', Type.Object({ ...period, detailed: Type.Optional(Type.String()) })),
    status: 200,
    response: exactly({ tenant_usages: Type.Array(usage), tenant_usages_links: since('2.40', Type.Optional(links)) }),
    list: { after: { server: null }, byItself: true },
  },
  show: {
    method: 'GET',
    path: '/os-simple-tenant-usage/{tenant_id}',
    summary: 'What a project used',
    access: { rule: 'os_compute_api:os-simple-tenant-usage:show', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    query: closedSince('2.75', Type.Object(period)),
    status: 200,
    // Nova answers with an empty object when there was nothing.
    response: exactly({ tenant_usage: Type.Union([usage, exactly({})]), tenant_usage_links: since('2.40', Type.Optional(links)) }),
  },
});
