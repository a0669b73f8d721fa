/** What a project may use and has used. nova/api/openstack/compute/{limits,quota_sets,simple_tenant_usage}.py */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { exactly, nullableText } from './fields.ts';

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

function each<T>(value: T): Record<QuotaName, T> {
  return Object.fromEntries(quotaNames.map((name) => [name, value])) as Record<QuotaName, T>;
}

const limit = Type.Union([Type.Integer({ minimum: -1, maximum: 2147483647 }), Type.String({ pattern: '^-?[0-9]{1,10}$' })]);
const quotaSet = each(count);
const userQuery = Type.Object({ user_id: Type.Optional(Type.String()) });

const quota = (verb: string, who: 'user' | 'reader' | 'admin') => ({ rule: `os_compute_api:os-quota-sets:${verb}`, who, adminEverywhere: true }) as const;

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
    access: quota('update', 'admin'),
    stability: 'stable',
    query: userQuery,
    body: exactly({ quota_set: Type.Partial(Type.Object({ ...each(limit), force: Type.Union([Type.Boolean(), Type.String()]) }), { additionalProperties: false }) }),
    status: 200,
    response: exactly({ quota_set: exactly(quotaSet) }),
  },
  delete: { method: 'DELETE', path: '/os-quota-sets/{tenant_id}', summary: 'Give a project the default limits again', access: quota('delete', 'admin'), stability: 'stable', query: userQuery, status: 202 },
});

export const limits = operations({
  show: {
    method: 'GET',
    path: '/limits',
    summary: 'Limits of the project, and what it uses of them',
    access: { rule: 'os_compute_api:limits', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    query: Type.Object({ tenant_id: Type.Optional(Type.String()), reserved: Type.Optional(Type.String()) }),
    status: 200,
    response: exactly({
      limits: exactly({
        rate: Type.Array(Type.Unknown()),
        absolute: exactly({
          maxTotalRAMSize: count,
          maxTotalInstances: count,
          maxTotalCores: count,
          maxTotalKeypairs: count,
          maxTotalFloatingIps: count,
          maxServerMeta: count,
          maxImageMeta: count,
          maxPersonality: count,
          maxPersonalitySize: count,
          maxSecurityGroups: count,
          maxSecurityGroupRules: count,
          maxServerGroups: count,
          maxServerGroupMembers: count,
          totalRAMUsed: count,
          totalCoresUsed: count,
          totalInstancesUsed: count,
          totalFloatingIpsUsed: count,
          totalSecurityGroupsUsed: count,
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
const period = { start: Type.Optional(Type.String()), end: Type.Optional(Type.String()) };

export const usages = operations({
  list: {
    method: 'GET',
    path: '/os-simple-tenant-usage',
    summary: 'What every project used',
    access: { rule: 'os_compute_api:os-simple-tenant-usage:list', who: 'admin' },
    stability: 'stable',
    query: Type.Object({ ...period, detailed: Type.Optional(Type.String()) }),
    status: 200,
    response: exactly({ tenant_usages: Type.Array(usage) }),
    list: { after: { server: null }, byItself: true },
  },
  show: {
    method: 'GET',
    path: '/os-simple-tenant-usage/{tenant_id}',
    summary: 'What a project used',
    access: { rule: 'os_compute_api:os-simple-tenant-usage:show', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    query: Type.Object(period),
    status: 200,
    // Nova answers with an empty object when there was nothing.
    response: exactly({ tenant_usage: Type.Union([usage, exactly({})]) }),
  },
});
