import { quotaNames, type QuotaName } from '../../contract/network/quotas.ts';
import { badRequest, conflict, forbidden } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { claimQuota, claimQuotaLast, commonLimits, countQuota, OverQuota, projectsWithLimits, quotaUsage, releaseQuota, resetQuotaLimits, setQuotaLimits, type QuotaResource } from '../quota/quotas.ts';
import { pythonList } from './listing.ts';

export type Counted = Partial<Record<QuotaName, number>>;

/** Counts these for the project, or refuses as Neutron does. */
export async function claim(tx: Transaction, projectId: string, counted: Counted): Promise<void> {
  try {
    await claimQuota(tx, projectId, named(counted));
  } catch (error) {
    // Translated here, not at the door, which knows no quota: the resource's name is part of the message.
    throw error instanceof OverQuota ? overQuota(error) : error;
  }
}

/** As `claim`, together with the COMMIT: those who make things in one project hardly wait for one another. */
export function claimLast(tx: Transaction, projectId: string, counted: Counted): void {
  claimQuotaLast(tx, projectId, named(counted), overQuota);
}

/** Counts these though they should not fit. */
export function count(tx: Transaction, projectId: string, counted: Counted): Promise<void> {
  return countQuota(tx, projectId, named(counted));
}

function overQuota({ resource: name }: OverQuota): Error {
  return conflict(`Quota exceeded for resources: ${pythonList([name.replace('network.', '')])}.`, 'OverQuota');
}

export function release(tx: Transaction, projectId: string, counted: Counted): Promise<void> {
  return releaseQuota(tx, projectId, named(counted));
}

export async function showQuota({ tx, caller }: Context, projectId: string): Promise<Record<QuotaName, { limit: number; used: number }>> {
  if (!caller.isAdmin && caller.projectId !== projectId) throw forbidden('Only admin is authorized to access quotas for another tenant', 'AdminRequired');
  const usage = await quotaUsage(tx, projectId, quotaNames.map(resource));
  return each((name) => usage[resource(name)]!);
}

export async function defaultQuota({ tx }: Pick<Context, 'tx'>): Promise<Record<QuotaName, number>> {
  const common = await commonLimits(tx, quotaNames.map(resource));
  return each((name) => common[resource(name)]!);
}

/** Of the projects that have limits of their own. */
export async function ownQuotas({ tx }: Pick<Context, 'tx'>): Promise<({ project_id: string } & Record<QuotaName, number>)[]> {
  const projects = await projectsWithLimits(tx, quotaNames.map(resource));
  const usages = await Promise.all(projects.map((projectId) => quotaUsage(tx, projectId, quotaNames.map(resource))));
  return projects.map((project_id, index) => ({ project_id, ...each((name) => usages[index]![resource(name)]!.limit) }));
}

/** `force`: also below what is used, which stops further claims and takes nothing away. */
export async function setQuota({ tx, caller }: Context, projectId: string, limits: Counted, { force }: { force: boolean }): Promise<void> {
  // Who rents a part of the cloud says the limits of his own projects.
  if (!caller.isAdmin && caller.projectId !== projectId) throw forbidden('Only admin is authorized to access quotas for another tenant', 'AdminRequired');
  const names = Object.keys(limits) as QuotaName[];
  const usage = force ? {} : await quotaUsage(tx, projectId, names.map(resource));
  for (const name of names) {
    const [limit, used] = [limits[name]!, usage[resource(name)]?.used ?? 0];
    if (limit !== -1 && used > limit) throw badRequest(`Quota limit ${limit} for ${name} must be greater than or equal to already used ${used}`, 'HTTPBadRequest');
  }
  return setQuotaLimits(tx, projectId, named(limits));
}

export function resetQuota({ tx }: Context, projectId: string): Promise<void> {
  return resetQuotaLimits(tx, projectId, quotaNames.map(resource));
}

export function resource(name: QuotaName): QuotaResource {
  return `network.${name}`;
}

function named(counted: Counted): Partial<Record<QuotaResource, number>> {
  return Object.fromEntries(Object.entries(counted).map(([name, amount]) => [`network.${name}`, amount]));
}

function each<T>(value: (name: QuotaName) => T): Record<QuotaName, T> {
  return Object.fromEntries(quotaNames.map((name) => [name, value(name)])) as Record<QuotaName, T>;
}
