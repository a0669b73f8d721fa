import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { strict } from './attributes.ts';

export const quotaNames = ['network', 'subnet', 'subnetpool', 'port', 'router', 'floatingip', 'rbac_policy', 'security_group', 'security_group_rule'] as const;
export type QuotaName = (typeof quotaNames)[number];

const limit = Type.Integer({ minimum: -1, maximum: 2147483647 });
const each = <T>(value: T) => Object.fromEntries(quotaNames.map((name) => [name, value])) as Record<QuotaName, T>;
const Quota = Type.Object(each(limit));

export const quotas = operations({
  list: {
    method: 'GET', path: '/quotas', summary: 'List how much those projects may use that have limits of their own', stability: 'stable',
    access: { rule: 'get_quota', who: 'admin' },
    status: 200,
    response: Type.Object({ quotas: Type.Array(Type.Object({ ...each(limit), project_id: Type.String(), tenant_id: Type.String() })) }),
  },
  show: {
    method: 'GET', path: '/quotas/{project_id}', summary: 'Show how much a project may use', stability: 'stable',
    access: { rule: 'get_quota', who: 'reader', adminEverywhere: true },
    status: 200,
    response: Type.Object({ quota: Quota }),
  },
  defaults: {
    method: 'GET', path: '/quotas/{project_id}/default', summary: 'Show how much any project may use', stability: 'stable',
    access: { rule: 'get_quota', who: 'reader', adminEverywhere: true },
    status: 200,
    response: Type.Object({ quota: Quota }),
  },
  details: {
    method: 'GET', path: '/quotas/{project_id}/details', summary: 'Show limits and use of a project', stability: 'stable',
    access: { rule: 'get_quota', who: 'reader', adminEverywhere: true },
    status: 200,
    response: Type.Object({ quota: Type.Object(each(Type.Object({ limit, used: Type.Integer(), reserved: Type.Integer() }))) }),
  },
  update: {
    method: 'PUT', path: '/quotas/{project_id}', summary: 'Set how much a project may use', stability: 'stable',
    access: { rule: 'update_quota', who: 'renter', adminEverywhere: true },
    body: Type.Object({ quota: Type.Object({ ...each(Type.Optional(limit)), force: Type.Optional(Type.Boolean()), check_limit: Type.Optional(Type.Boolean()) }, strict) }, strict),
    status: 200,
    response: Type.Object({ quota: Quota }),
  },
  reset: {
    method: 'DELETE', path: '/quotas/{project_id}', summary: 'Put the default limits back', stability: 'stable',
    access: { rule: 'delete_quota', who: 'admin' },
    status: 204,
  },
});
