/** What projects may have, of all types together and of each: cinder/quota.py, api/contrib/quotas.py, quota_classes.py. */
import { badRequest, forbidden } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { commonLimits, quotaDefaults, quotaUsage, resetQuotaLimits, setCommonLimits, setQuotaLimits, type QuotaResource } from '../quota/quotas.ts';
import { perType, resetTypeLimits, selectClass, selectTypeQuotas, setClassLimit, setTypeLimit, type ClassLimit, type PerType } from './type-quotas.store.ts';
import { selectTypes } from './types.store.ts';
import { commonClass, defaultsOf } from './volume-quotas.ts';

export const counted = ['volumes', 'snapshots', 'gigabytes', 'per_volume_gigabytes', 'backups', 'backup_gigabytes', 'groups'] as const;
export type CountedName = (typeof counted)[number];
const resourceOf = (name: CountedName) => `volume.${name}` as const satisfies QuotaResource;

/** By Cinder's names: `volumes`, and `volumes_<type>`. */
export type Use = Record<string, { limit: number; used: number }>;

export async function usage({ tx, caller }: Pick<Context, 'tx' | 'caller'>, projectId: string): Promise<Use> {
  if (projectId !== caller.projectId && !caller.isAdmin) throw forbidden("Policy doesn't allow volume_extension:quotas:show to be performed.");
  const [limits, types] = [await selectClass(tx, commonClass), await selectTypes(tx, undefined, { publicOnly: undefined })];
  const [found, ofTypes] = [await quotaUsage(tx, projectId, counted.map(resourceOf), defaultsOf(limits)), await selectTypeQuotas(tx, projectId)];
  const use: Use = Object.fromEntries(counted.map((name) => [name, found[resourceOf(name)]!]));
  for (const { id, name } of types)
    for (const resource of perType) {
      const quota = ofTypes.find((each) => each.typeId === id && each.resource === resource);
      use[`${resource}_${name}`] = { limit: quota?.most ?? limitOf(limits, resource, id) ?? -1, used: quota?.used ?? 0 };
    }
  return use;
}

/** Of all projects that were told nothing else; another class is nobody's, and only kept. */
export async function classLimits({ tx }: Pick<Context, 'tx'>, name: string): Promise<Record<string, number>> {
  const [limits, types] = [await selectClass(tx, name), await selectTypes(tx, undefined, { publicOnly: undefined })];
  // Of all regions together; another class is nobody's.
  const inForce = name === commonClass ? await commonLimits(tx, counted.map(resourceOf), defaultsOf(limits)) : {};
  const common = counted.map((each) => [each, inForce[resourceOf(each)] ?? limitOf(limits, each, null) ?? quotaDefaults[resourceOf(each)]] as const);
  return Object.fromEntries([...common, ...types.flatMap(({ id, name: typeName }) => perType.map((each) => [`${each}_${typeName}`, limitOf(limits, each, id) ?? -1] as const))]);
}

export async function setLimits(context: Context, projectId: string, wanted: Readonly<Record<string, number>>): Promise<void> {
  const { tx } = context;
  const [use, keys] = [await usage(context, projectId), await keysOf(context, wanted)];
  for (const [name, limit] of Object.entries(wanted)) {
    const used = use[name]?.used ?? 0;
    if (limit !== -1 && name !== 'per_volume_gigabytes' && limit < used) throw badRequest(`Quota ${name} limit must be equal or greater than existing resources. Current usage is ${used} and the requested limit is ${limit}.`);
  }
  await setQuotaLimits(tx, projectId, Object.fromEntries(keys.flatMap(({ typeId, name, most }) => (typeId === null ? [[resourceOf(name as CountedName), most] as const] : []))));
  for (const { typeId, name, most } of keys) if (typeId !== null) await setTypeLimit(tx, { projectId, typeId, resource: name as PerType, most });
}

export async function resetLimits({ tx }: Context, projectId: string): Promise<void> {
  await resetQuotaLimits(tx, projectId, counted.map(resourceOf));
  await resetTypeLimits(tx, projectId);
}

export async function setClassLimits(context: Context, name: string, wanted: Readonly<Record<string, number>>): Promise<void> {
  const keys = await keysOf(context, wanted);
  for (const { typeId, name: resource, most } of keys) await setClassLimit(context.tx, name, { resource, typeId, most });
  if (name === commonClass) await setCommonLimits(context.tx, Object.fromEntries(keys.flatMap(({ typeId, name: resource, most }) => (typeId === null ? [[resourceOf(resource as CountedName), most] as const] : []))));
}

/** What these names of Cinder's stand for. */
async function keysOf({ tx }: Pick<Context, 'tx'>, wanted: Readonly<Record<string, number>>): Promise<{ name: string; typeId: string | null; most: number }[]> {
  const types = await selectTypes(tx, undefined, { publicOnly: undefined });
  const bad: string[] = [];
  const keys = Object.entries(wanted).map(([key, most]) => {
    const resource = perType.find((each) => key.startsWith(`${each}_`));
    const type = resource === undefined ? undefined : types.find(({ name }) => key === `${resource}_${name}`);
    if (type) return { name: resource!, typeId: type.id, most };
    if (!counted.some((each) => each === key)) bad.push(key);
    return { name: key, typeId: null, most };
  });
  if (bad.length > 0) throw badRequest(`Invalid input received: Bad key(s) in quota set: ${bad.join(', ')}`);
  return keys;
}

function limitOf(limits: readonly ClassLimit[], resource: string, typeId: string | null): number | undefined {
  return limits.find((limit) => limit.resource === resource && limit.typeId === typeId)?.most;
}
