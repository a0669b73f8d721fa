/** What projects may use of compute, and of that each of their users. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { OverQuota, quotaDefaults, type Amounts, type QuotaResource } from '../quota/quotas.ts';
import { selectClassLimits, selectUsedBy, selectUserLimits } from './quota-classes.store.ts';

/** The class whose limits are those of every project for which none were set: nova/quota.py, DbQuotaDriver */
export const defaultClass = 'default';

/** Limits of compute where none were set for the project: as an operator has said, or as Nova ships them. */
export async function defaultLimits(tx: Transaction): Promise<Amounts> {
  const said = (await selectClassLimits(tx, defaultClass)).filter(({ resource }) => resource in quotaDefaults);
  return Object.fromEntries(said.map(({ resource, most }) => [resource, most]));
}

/** What a user of the project has left of what was set for him; nothing is said of what was not. Throws OverQuota. */
export async function demandUserRoom(tx: Transaction, projectId: string, userId: string, wanted: Amounts): Promise<void> {
  const limits = (await selectUserLimits(tx, projectId, userId)).filter(({ most }) => most >= 0);
  if (limits.length === 0) return;
  const { instances, cores, ram } = await selectUsedBy(tx, projectId, userId);
  const used: Partial<Record<QuotaResource, number>> = { 'compute.instances': instances, 'compute.cores': cores, 'compute.ram': ram };
  for (const { resource, most } of limits) {
    const [more, had] = [wanted[resource as QuotaResource] ?? 0, used[resource as QuotaResource] ?? 0];
    if (more > 0 && had + more > most) throw new OverQuota(resource as QuotaResource, more, had, most);
  }
}
