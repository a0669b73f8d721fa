/** Limits, quotas and usage of projects. */
import { limits as limitsContract, quotaSets as quotaContract, usages as usagesContract, type QuotaName } from '../../contract/compute/project.ts';
import { badRequest, forbidden } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { quotaDefaults, quotaUsage, resetQuotaLimits, setQuotaLimits, type QuotaResource } from '../quota/quotas.ts';
import { selectRanBetween, type Server } from './servers.store.ts';
import { mostMetadata } from './servers.ts';
import { asPreciseTime, truth } from './words.ts';

/** What is counted, under the name that the quota service has for it. */
const counted = {
  instances: 'compute.instances',
  cores: 'compute.cores',
  ram: 'compute.ram',
  key_pairs: 'compute.key_pairs',
  server_groups: 'compute.server_groups',
} as const satisfies Partial<Record<QuotaName, QuotaResource>>;

/** What Nova limits one by one, or has handed to Neutron: nova/quota.py */
const fixed = {
  floating_ips: -1,
  fixed_ips: -1,
  metadata_items: mostMetadata,
  injected_files: 5,
  injected_file_content_bytes: 10240,
  injected_file_path_bytes: 255,
  security_groups: -1,
  security_group_rules: -1,
  server_group_members: 10,
} as const;

type Limits = Record<QuotaName, { limit: number; used: number }>;

async function limitsOf({ tx }: Pick<Context, 'tx'>, projectId: string): Promise<Limits> {
  const usage = await quotaUsage(tx, projectId, Object.values(counted));
  const ofCounted = Object.entries(counted).map(([name, resource]) => [name, usage[resource]!]);
  // Key pairs are the user's: a project uses none of them.
  return { ...fromFixed(), ...Object.fromEntries(ofCounted), key_pairs: { limit: usage['compute.key_pairs']!.limit, used: 0 } } as Limits;
}

function fromFixed() {
  return Object.fromEntries(Object.entries(fixed).map(([name, limit]) => [name, { limit, used: 0 }]));
}

function justLimits(limits: Limits): Record<QuotaName, number> {
  return Object.fromEntries(Object.entries(limits).map(([name, { limit }]) => [name, limit])) as Record<QuotaName, number>;
}

/** Others' limits are for administrators. */
function demandOwn({ caller }: Pick<Context, 'caller'>, projectId: string, rule: string): void {
  if (!caller.isAdmin && caller.projectId !== projectId) throw forbidden(`Policy doesn't allow os_compute_api:os-quota-sets:${rule} to be performed.`);
}

export const quotaSets = implement(quotaContract, {
  async show(request) {
    const id = request.params.tenant_id;
    demandOwn(request, id, 'show');
    return { quota_set: { id, ...justLimits(await limitsOf(request, id)) } };
  },
  async detail(request) {
    const id = request.params.tenant_id;
    demandOwn(request, id, 'detail');
    const each = Object.entries(await limitsOf(request, id)).map(([name, { limit, used }]) => [name, { in_use: used, limit, reserved: 0 }]);
    return { quota_set: { id, ...(Object.fromEntries(each) as Record<QuotaName, { in_use: number; limit: number; reserved: number }>) } };
  },
  async defaults({ params }) {
    const ofCounted = Object.entries(counted).map(([name, resource]) => [name, quotaDefaults[resource]]);
    return { quota_set: { id: params.tenant_id, ...(({ ...fixed, ...Object.fromEntries(ofCounted) }) as Record<QuotaName, number>) } };
  },
  async update(request) {
    const id = request.params.tenant_id;
    const { force = false, ...wanted } = request.body.quota_set;
    const before = await limitsOf(request, id);
    const changes: Partial<Record<QuotaResource, number>> = {};
    for (const [name, text] of Object.entries(wanted)) {
      const limit = Number(text);
      const resource = counted[name as keyof typeof counted];
      if (limit < -1) throw badRequest(`Invalid input for field/attribute ${name}. Value: ${limit}. ${limit} is less than the minimum of -1`);
      if (resource === undefined) {
        if (limit !== fixed[name as keyof typeof fixed]) throw badRequest(`The limit of ${name} is the same for all projects here: ${fixed[name as keyof typeof fixed]}.`);
        continue;
      }
      const { used } = before[name as QuotaName];
      if (!truth(force) && limit >= 0 && limit < used) throw badRequest(`Quota limit ${limit} for ${name} must be greater than or equal to already used and reserved ${used}.`);
      changes[resource] = limit;
    }
    await setQuotaLimits(request.tx, id, changes);
    return { quota_set: justLimits(await limitsOf(request, id)) };
  },
  async delete({ tx, params }) {
    await resetQuotaLimits(tx, params.tenant_id, Object.values(counted));
  },
});

export const limits = implement(limitsContract, {
  async show(request) {
    const asked = request.query.tenant_id;
    if (asked !== undefined && asked !== request.caller.projectId && !request.caller.isAdmin) throw forbidden("Policy doesn't allow os_compute_api:limits:other_project to be performed.");
    const all = await limitsOf(request, asked ?? request.caller.projectId ?? '');
    return {
      limits: {
        rate: [],
        absolute: {
          maxTotalRAMSize: all.ram.limit,
          maxTotalInstances: all.instances.limit,
          maxTotalCores: all.cores.limit,
          maxTotalKeypairs: all.key_pairs.limit,
          maxTotalFloatingIps: all.floating_ips.limit,
          maxServerMeta: all.metadata_items.limit,
          maxImageMeta: all.metadata_items.limit,
          maxPersonality: all.injected_files.limit,
          maxPersonalitySize: all.injected_file_content_bytes.limit,
          maxSecurityGroups: all.security_groups.limit,
          maxSecurityGroupRules: all.security_group_rules.limit,
          maxServerGroups: all.server_groups.limit,
          maxServerGroupMembers: all.server_group_members.limit,
          totalRAMUsed: all.ram.used,
          totalCoresUsed: all.cores.used,
          totalInstancesUsed: all.instances.used,
          totalFloatingIpsUsed: 0,
          totalSecurityGroupsUsed: 0,
          totalServerGroupsUsed: all.server_groups.used,
        },
      },
    };
  },
});

export const usages = implement(usagesContract, {
  async list(request) {
    const period = readPeriod(request.query, request.now);
    const servers = await selectRanBetween(request.tx, period.start, period.end, null);
    const byProject = Map.groupBy(servers, ({ projectId }) => projectId);
    return { tenant_usages: [...byProject].map(([id, list]) => usageOf(id, list, period, request.now, request.query.detailed === '1')) };
  },
  async show(request) {
    const id = request.params.tenant_id;
    if (!request.caller.isAdmin && id !== request.caller.projectId) throw forbidden("Policy doesn't allow os_compute_api:os-simple-tenant-usage:show to be performed.");
    const period = readPeriod(request.query, request.now);
    const servers = await selectRanBetween(request.tx, period.start, period.end, id);
    return { tenant_usage: servers.length === 0 ? {} : usageOf(id, servers, period, request.now, true) };
  },
});

type Period = { start: Date; end: Date };

function readPeriod({ start, end }: { start?: string; end?: string }, now: Date): Period {
  const period = { start: readTime(start, now), end: readTime(end, now) };
  // Nova's two defaults are two moments; ours are one, and no reason to refuse.
  const given = start !== undefined || end !== undefined;
  if (period.start > period.end || (given && period.start.getTime() === period.end.getTime())) throw badRequest('Invalid start time. The start time cannot occur after the end time.');
  return { start: period.start, end: period.end > now ? now : period.end };
}

function readTime(text: string | undefined, now: Date): Date {
  if (text === undefined) return now;
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?$/.test(text)) throw badRequest('Datetime is in invalid format');
  const date = new Date(`${text.replace(' ', 'T')}Z`);
  if (Number.isNaN(date.getTime())) throw badRequest('Datetime is in invalid format');
  return date;
}

function usageOf(projectId: string, servers: readonly Server[], { start, end }: Period, now: Date, detailed: boolean) {
  const each = servers.map((server) => {
    const { id, name, flavor, terminatedAt } = server;
    const launchedAt = server.launchedAt ?? end;
    const from = Math.max(launchedAt.getTime(), start.getTime());
    const to = Math.min(terminatedAt?.getTime() ?? Infinity, end.getTime());
    return {
      instance_id: id,
      name,
      tenant_id: projectId,
      flavor: flavor.name,
      hours: Math.max(0, to - from) / 3_600_000,
      memory_mb: flavor.memoryMiB,
      local_gb: flavor.diskGiB + flavor.ephemeralGiB,
      vcpus: flavor.vcpus,
      started_at: asPreciseTime(launchedAt),
      ended_at: terminatedAt && asPreciseTime(terminatedAt),
      state: terminatedAt ? 'terminated' : server.vmState,
      uptime: Math.floor(((terminatedAt ?? now).getTime() - launchedAt.getTime()) / 1000),
    };
  });
  const sum = (of: (usage: (typeof each)[number]) => number) => each.reduce((total, usage) => total + of(usage), 0);
  return {
    tenant_id: projectId,
    total_hours: sum(({ hours }) => hours),
    total_local_gb_usage: sum(({ hours, local_gb: disk }) => hours * disk),
    total_memory_mb_usage: sum(({ hours, memory_mb: memory }) => hours * memory),
    total_vcpus_usage: sum(({ hours, vcpus }) => hours * vcpus),
    start: asPreciseTime(start),
    stop: asPreciseTime(end),
    ...(detailed ? { server_usages: each } : {}),
  };
}
