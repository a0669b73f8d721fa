/** How much a project may have, and where: cinder/api/v3/limits.py, contrib/quotas.py, contrib/availability_zones.py, contrib/services.py. */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { filter } from './volume.ts';

const closed = { additionalProperties: false };
const reader = (rule: string) => ({ rule, who: 'reader', adminEverywhere: true }) as const;
const admin = (rule: string) => ({ rule, who: 'admin' }) as const;

const QuotaClassSet = Type.Object({ quota_class_set: Type.Record(Type.String(), Type.Unknown()) }, closed);
const QuotaSet = Type.Object({ quota_set: Type.Record(Type.String(), Type.Unknown()) }, closed);
/** Also of one type: `volumes_<type>`. */
const LimitOfType = Type.Union([Type.Integer({ minimum: -1, maximum: 2147483647 }), Type.String({ pattern: '^-1$|^[0-9]{1,10}$' })]);
const Limit = Type.Optional(LimitOfType);

export const limits = operations({
  limits: {
    method: 'GET',
    path: '/limits',
    summary: 'What the project may have and has',
    access: reader('limits_extension:used_limits'),
    stability: 'stable',
    query: Type.Object({ project_id: since('3.39', filter), tenant_id: since('3.39', filter) }),
    status: 200,
    response: Type.Object({ limits: Type.Object({ rate: Type.Array(Type.Unknown()), absolute: Type.Record(Type.String(), Type.Integer()) }, closed) }, closed),
  },
  showQuota: {
    method: 'GET',
    path: '/os-quota-sets/{project_id}',
    summary: 'What a project may have',
    access: reader('volume_extension:quotas:show'),
    stability: 'stable',
    query: Type.Object({ usage: Type.Optional(Type.Boolean()) }),
    status: 200,
    response: QuotaSet,
  },
  defaultQuota: { method: 'GET', path: '/os-quota-sets/{project_id}/defaults', summary: 'What projects may have unless told otherwise', access: reader('volume_extension:quotas:show'), stability: 'stable', status: 200, response: QuotaSet },
  updateQuota: {
    method: 'PUT',
    path: '/os-quota-sets/{project_id}',
    summary: 'Say what a project may have',
    access: { rule: 'volume_extension:quotas:update', who: 'renter', adminEverywhere: true },
    stability: 'stable',
    body: Type.Object({ quota_set: Type.Object({ volumes: Limit, snapshots: Limit, gigabytes: Limit, per_volume_gigabytes: Limit, backups: Limit, backup_gigabytes: Limit, groups: Limit, tenant_id: Type.Optional(Type.String()), force: Type.Optional(Type.Boolean()), skip_validation: Type.Optional(Type.Boolean()) }, { additionalProperties: LimitOfType, minProperties: 1 }) }, closed),
    status: 200,
    response: QuotaSet,
  },
  deleteQuota: { method: 'DELETE', path: '/os-quota-sets/{project_id}', summary: 'Give a project the defaults again', access: admin('volume_extension:quotas:delete'), stability: 'stable', status: 200 },
  showClass: {
    method: 'GET',
    path: '/os-quota-class-sets/{class_name}',
    summary: 'What projects of a class may have: all of them are of the class default',
    access: admin('volume_extension:quota_classes:get'),
    stability: 'stable',
    status: 200,
    response: QuotaClassSet,
  },
  updateClass: {
    method: 'PUT',
    path: '/os-quota-class-sets/{class_name}',
    summary: 'Say what projects of a class may have',
    access: admin('volume_extension:quota_classes:update'),
    stability: 'stable',
    body: Type.Object({ quota_class_set: Type.Object({ class_name: Type.Optional(Type.String()), id: Type.Optional(Type.String()) }, { additionalProperties: LimitOfType }) }, closed),
    status: 200,
    response: QuotaClassSet,
  },
  zones: {
    method: 'GET',
    path: '/os-availability-zone',
    summary: 'List availability zones',
    access: { rule: 'volume:availability_zone_list', who: 'reader' },
    stability: 'stable',
    status: 200,
    response: Type.Object({ availabilityZoneInfo: Type.Array(Type.Object({ zoneName: Type.String(), zoneState: Type.Object({ available: Type.Boolean() }, closed) }, closed)) }, closed),
  },
  extensions: {
    method: 'GET',
    path: '/extensions',
    summary: 'List the extensions of Cinder that are here',
    access: { rule: 'extension:list', who: 'user' },
    stability: 'stable',
    status: 200,
    response: Type.Object({ extensions: Type.Array(Type.Object({ alias: Type.String(), name: Type.String(), updated: Type.String(), description: Type.String(), links: Type.Array(Type.Unknown()) }, closed)) }, closed),
  },
});
