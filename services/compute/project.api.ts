/** Limits, quotas and usage of projects. */
import { limits as limitsContract, quotaClasses as classesContract, quotaSets as quotaContract, usages as usagesContract, type QuotaName } from '../../contract/compute/project.ts';
import { badRequest, forbidden } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { commonLimits, quotaDefaults, quotaUsage, resetQuotaLimits, setCommonLimits, setQuotaLimits, type QuotaResource } from '../quota/quotas.ts';
import { defaultClass, defaultLimits, plainDefaults, plainLimits, plainOf, type PlainLimits } from './limits.ts';
import { mostPerPage, nextLinks } from './lists.ts';
import { deleteUserLimits, selectClassLimits, selectUsedBy, selectUserLimits, upsertClassLimits, upsertPlainLimits, upsertUserLimits, type Limit } from './quota-classes.store.ts';
import { isServerId } from './servers.store.ts';
import { selectRanBetween, type UsedServer } from './usages.store.ts';
import { asPreciseTime, truth } from './words.ts';

/** What is counted, under the name that the quota service has for it. */
const counted = {
  instances: 'compute.instances',
  cores: 'compute.cores',
  ram: 'compute.ram',
  key_pairs: 'compute.key_pairs',
  server_groups: 'compute.server_groups',
} as const satisfies Partial<Record<QuotaName, QuotaResource>>;

type Limits = Record<QuotaName, { limit: number; used: number }>;

async function limitsOf({ tx }: Pick<Context, 'tx'>, projectId: string, userId?: string): Promise<Limits> {
  const [usage, plain] = await Promise.all([defaultLimits(tx).then((common) => quotaUsage(tx, projectId, Object.values(counted), common)), plainLimits(tx, projectId)]);
  const ofCounted = Object.entries(counted).map(([name, resource]) => [name, usage[resource]!]);
  // Key pairs are the user's: a project uses none of them.
  const ofProject = { ...unused(plain), ...Object.fromEntries(ofCounted), key_pairs: { limit: usage['compute.key_pairs']!.limit, used: 0 } } as Limits;
  return userId === undefined ? ofProject : ofUser(tx, ofProject, projectId, userId);
}

/** What was set for the user, and else the project's; and what is his of what is used. */
async function ofUser(tx: Context['tx'], ofProject: Limits, projectId: string, userId: string): Promise<Limits> {
  const [set, used] = [new Map((await selectUserLimits(tx, projectId, userId)).map(({ resource, most }) => [resource, most])), await selectUsedBy(tx, projectId, userId)];
  return Object.fromEntries(
    Object.entries(ofProject).map(([name, { limit, used: all }]) => [name, { limit: set.get(counted[name as keyof typeof counted] ?? name) ?? limit, used: used[name as keyof typeof used] ?? all }]),
  ) as Limits;
}

function unused(limits: PlainLimits) {
  return Object.fromEntries(Object.entries(limits).map(([name, limit]) => [name, { limit, used: 0 }]));
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
    return { quota_set: { id, ...justLimits(await limitsOf(request, id, request.query.user_id)) } };
  },
  async detail(request) {
    const id = request.params.tenant_id;
    demandOwn(request, id, 'detail');
    const each = Object.entries(await limitsOf(request, id, request.query.user_id)).map(([name, { limit, used }]) => [name, { in_use: used, limit, reserved: 0 }]);
    return { quota_set: { id, ...(Object.fromEntries(each) as Record<QuotaName, { in_use: number; limit: number; reserved: number }>) } };
  },
  async defaults({ tx, params }) {
    return { quota_set: { id: params.tenant_id, ...(await classLimits(tx, defaultClass)) } };
  },
  async update(request) {
    const id = request.params.tenant_id;
    demandOwn(request, id, 'update');
    const { user_id: userId } = request.query;
    const { force = false, ...wanted } = request.body.quota_set;
    const [ofProject, before] = [await limitsOf(request, id), await limitsOf(request, id, userId)];
    const changes: Partial<Record<QuotaResource, number>> = {};
    const plain: Limit[] = [];
    for (const [name, text] of Object.entries(wanted)) {
      const limit = Number(text);
      const resource = resourceNamed(name, limit);
      const { used } = before[name as QuotaName];
      if (!truth(force) && limit >= 0 && limit < used) throw badRequest(`Quota limit ${limit} for ${name} must be greater than or equal to already used and reserved ${used}.`);
      const most = ofProject[name as QuotaName].limit;
      if (userId !== undefined && !truth(force) && most >= 0 && (limit < 0 || limit > most)) throw badRequest(`Quota limit ${limit} for ${name} must be less than or equal to ${most}.`);
      if (resource === undefined) plain.push({ resource: name, most: limit });
      else changes[resource] = limit;
    }
    const set = Object.entries(changes).map(([resource, most]) => ({ resource, most }));
    if (userId !== undefined) await upsertUserLimits(request.tx, id, userId, [...set, ...plain]);
    else {
      await setQuotaLimits(request.tx, id, changes);
      await upsertPlainLimits(request.tx, id, plain);
    }
    return { quota_set: justLimits(await limitsOf(request, id, userId)) };
  },
  async delete({ tx, params, query }) {
    if (query.user_id === undefined) await resetQuotaLimits(tx, params.tenant_id, Object.values(counted));
    await deleteUserLimits(tx, params.tenant_id, query.user_id ?? null);
  },
});

/** Which resource a limit is of; undefined for what is not counted. */
function resourceNamed(name: string, limit: number): QuotaResource | undefined {
  const resource = counted[name as keyof typeof counted];
  if (limit < -1) throw badRequest(`Invalid input for field/attribute ${name}. Value: ${limit}. ${limit} is less than the minimum of -1`);
  return resource;
}

export const quotaClasses = implement(classesContract, {
  async show({ tx, params }) {
    return { quota_class_set: { id: params.quota_class, ...(await classLimits(tx, params.quota_class)) } };
  },
  async update({ tx, params, body }) {
    const limits = Object.entries(body.quota_class_set).map(([name, text]) => ({ resource: resourceNamed(name, Number(text)) ?? name, most: Number(text) }));
    await upsertClassLimits(tx, params.quota_class, limits);
    if (params.quota_class === defaultClass) await setCommonLimits(tx, Object.fromEntries(limits.filter(({ resource }) => resource in quotaDefaults).map(({ resource, most }) => [resource, most])));
    return { quota_class_set: await classLimits(tx, params.quota_class) };
  },
});

async function classLimits(tx: Context['tx'], name: string): Promise<Record<QuotaName, number>> {
  // Of all regions together; another class is nobody's.
  const inForce = name === defaultClass ? Object.entries(await commonLimits(tx, Object.values(counted), await defaultLimits(tx))).map(([resource, most]) => ({ resource, most })) : await selectClassLimits(tx, name);
  const plain = plainOf(await selectClassLimits(tx, name));
  const said = new Map(inForce.map(({ resource, most }) => [resource, most]));
  const ofCounted = Object.entries(counted).map(([quota, resource]) => [quota, said.get(resource) ?? quotaDefaults[resource]]);
  return { ...plainDefaults, ...plain, ...Object.fromEntries(ofCounted) } as Record<QuotaName, number>;
}

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
    const { servers, links } = await ranIn(request, period, null);
    const byProject = Map.groupBy(servers, ({ projectId }) => projectId);
    return { tenant_usages: [...byProject].map(([id, list]) => usageOf(id, list, period, request.now, request.query.detailed === '1')), ...(links ? { tenant_usages_links: links } : {}) };
  },
  async show(request) {
    const id = request.params.tenant_id;
    if (!request.caller.isAdmin && id !== request.caller.projectId) throw forbidden("Policy doesn't allow os_compute_api:os-simple-tenant-usage:show to be performed.");
    const period = readPeriod(request.query, request.now);
    const { servers, links } = await ranIn(request, period, id);
    return { tenant_usage: servers.length === 0 ? {} : usageOf(id, servers, period, request.now, true), ...(links ? { tenant_usage_links: links } : {}) };
  },
});

type Paged = Pick<Context, 'tx'> & { query: { limit?: number; marker?: string }; page(change: Record<string, string>): string };

/** A page is counted in servers. */
async function ranIn(request: Paged, { start, end }: Period, projectId: string | null): Promise<{ servers: UsedServer[]; links: ReturnType<typeof nextLinks> }> {
  const { tx, query } = request;
  const [limit, marker] = [Math.min(query.limit || mostPerPage, mostPerPage), query.marker ?? null];
  if (marker !== null && !(await isServerId(tx, marker))) throw badRequest(`Marker ${marker} could not be found.`);
  const servers = await selectRanBetween(tx, { start, end, projectId, marker, limit });
  const last = servers.at(-1);
  return { servers, links: last && servers.length === limit ? nextLinks(request.page({ marker: last.id })) : undefined };
}

/** A moment, and how it is written: to the microsecond, as it was asked. */
type Period = { start: Date; end: Date; written: { start: string; stop: string } };

function readPeriod({ start, end }: { start?: string; end?: string }, now: Date): Period {
  const period = { start: readTime(start, now), end: readTime(end, now) };
  // Nova's two defaults are two moments; ours are one, and no reason to refuse.
  const given = start !== undefined || end !== undefined;
  if (period.start > period.end || (given && period.start.getTime() === period.end.getTime())) throw badRequest('Invalid start time. The start time cannot occur after the end time.');
  const isAhead = period.end > now;
  return { start: period.start, end: isAhead ? now : period.end, written: { start: writtenTime(start, period.start), stop: isAhead ? asPreciseTime(now) : writtenTime(end, period.end) } };
}

function readTime(text: string | undefined, now: Date): Date {
  if (text === undefined) return now;
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?$/.test(text)) throw badRequest('Datetime is in invalid format');
  const date = new Date(`${text.replace(' ', 'T')}Z`);
  if (Number.isNaN(date.getTime())) throw badRequest('Datetime is in invalid format');
  return date;
}

function writtenTime(text: string | undefined, time: Date): string {
  const micros = /\.\d{3}(\d{1,3})$/.exec(text ?? '')?.[1] ?? '';
  return `${asPreciseTime(time).slice(0, 23)}${micros.padEnd(3, '0')}`;
}

function usageOf(projectId: string, servers: readonly UsedServer[], { start, end, written }: Period, now: Date, detailed: boolean) {
  const each = servers.map((server) => {
    const { id, name, flavor, terminatedAt } = server;
    const { launchedAt } = server;
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
    ...written,
    ...(detailed ? { server_usages: each } : {}),
  };
}
