import { quotaNames, type QuotaName } from '../../contract/network/quotas.ts';
import { conflict, forbidden } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { claimQuota, commonLimits, OverQuota, quotaUsage, releaseQuota, resetQuotaLimits, setQuotaLimits, type QuotaResource } from '../quota/quotas.ts';
import { pythonList } from './listing.ts';

export type Counted = Partial<Record<QuotaName, number>>;

/** Counts these for the project, or refuses as Neutron does. */
export async function claim(tx: Transaction, projectId: string, counted: Counted): Promise<void> {
  try {
    await claimQuota(tx, projectId, named(counted));
  } catch (error) {
    // Translated here, not at the door, which knows no quota: the resource's name is part of the message.
    if (error instanceof OverQuota) throw conflict(`Quota exceeded for resources: ${pythonList([error.resource.replace('network.', '')])}.`, 'OverQuota');
    throw error;
  }
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

export function setQuota({ tx }: Context, projectId: string, limits: Counted): Promise<void> {
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
