import { quotaNames, quotas as contract, type QuotaName } from '../../contract/network/quotas.ts';
import { implement } from '../../kit/http/implement.ts';
import { defaultQuota, ownQuotas, resetQuota, setQuota, showQuota } from './quotas.ts';

export const quotas = implement(contract, {
  list: async (request) => ({ quotas: (await ownQuotas(request)).map((quota) => ({ ...quota, tenant_id: quota.project_id })) }),
  show: async (request) => ({ quota: limits(await showQuota(request, request.params.project_id)) }),
  defaults: async (request) => ({ quota: await defaultQuota(request) }),
  async details(request) {
    const usage = await showQuota(request, request.params.project_id);
    return { quota: mapped((name) => ({ ...usage[name], reserved: 0 })) };
  },
  async update(request) {
    const { force = false, check_limit: _alwaysSince2025, ...wanted } = request.body.quota;
    await setQuota(request, request.params.project_id, wanted, { force });
    return { quota: limits(await showQuota(request, request.params.project_id)) };
  },
  async reset(request) {
    await resetQuota(request, request.params.project_id);
    return undefined;
  },
});

function limits(usage: Record<QuotaName, { limit: number }>): Record<QuotaName, number> {
  return mapped((name) => usage[name].limit);
}

function mapped<T>(value: (name: QuotaName) => T): Record<QuotaName, T> {
  return Object.fromEntries(quotaNames.map((name) => [name, value(name)])) as Record<QuotaName, T>;
}
