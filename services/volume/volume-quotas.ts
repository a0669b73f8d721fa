/** Counting as Cinder counts, and refusing in its words: cinder/quota_utils.py, process_reserve_over_quota. */
import { badRequest, Fault } from '../../kit/fault.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { claimQuota, OverQuota, quotaUsage, releaseQuota, type Amounts } from '../quota/quotas.ts';
import { claimType, perType, selectClass, selectTypeQuotas, type ClassLimit, type PerType } from './type-quotas.store.ts';
import { findType } from './types.store.ts';

export type Counted = { volumes?: number; snapshots?: number; gigabytes?: number };

function named({ volumes = 0, snapshots = 0, gigabytes = 0 }: Counted) {
  return { 'volume.volumes': volumes, 'volume.snapshots': snapshots, 'volume.gigabytes': gigabytes };
}

/** Of all types together, and of this one. */
export async function claimVolumes(tx: Transaction, projectId: string, counted: Counted, typeId: string | null): Promise<void> {
  const limits = await selectClass(tx, commonClass);
  await claimed(claimQuota(tx, projectId, named(counted), defaultsOf(limits)));
  if (typeId !== null) await claimOfType(tx, projectId, counted, typeId, limits);
}

export async function releaseVolumes(tx: Transaction, projectId: string, counted: Counted, typeId: string | null): Promise<void> {
  await releaseQuota(tx, projectId, named(counted));
  if (typeId !== null) for (const resource of perType) await claimType(tx, { projectId, typeId, resource, amount: -(counted[resource] ?? 0), fallback: -1 });
}

/** A volume with its snapshots is of another type now. */
export async function moveToType(tx: Transaction, projectId: string, counted: Counted, { from, to }: { from: string | null; to: string }): Promise<void> {
  await claimOfType(tx, projectId, counted, to, await selectClass(tx, commonClass));
  if (from !== null) for (const resource of perType) await claimType(tx, { projectId, typeId: from, resource, amount: -(counted[resource] ?? 0), fallback: -1 });
}

async function claimOfType(tx: Transaction, projectId: string, counted: Counted, typeId: string, limits: readonly ClassLimit[]): Promise<void> {
  for (const resource of perType) {
    const amount = counted[resource] ?? 0;
    const fallback = limits.find((limit) => limit.typeId === typeId && limit.resource === resource)?.most ?? -1;
    if (amount > 0 && (await claimType(tx, { projectId, typeId, resource, amount, fallback })) === 0) throw await tooManyOfType(tx, { projectId, typeId, resource, amount, fallback });
  }
}

async function tooManyOfType(tx: Transaction, { projectId, typeId, resource, amount, fallback }: { projectId: string; typeId: string; resource: PerType; amount: number; fallback: number }): Promise<Fault> {
  const row = (await selectTypeQuotas(tx, projectId)).find((quota) => quota.typeId === typeId && quota.resource === resource);
  const [limit, used] = [row?.most ?? fallback, row?.used ?? 0];
  const { name = typeId } = (await findType(tx, undefined, typeId)) ?? {};
  const message =
    resource === 'gigabytes'
      ? `VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes_${name} quota. Requested ${amount}G, quota is ${limit}G and ${used}G has been consumed.`
      : resource === 'snapshots'
        ? `SnapshotLimitExceeded: Maximum number of snapshots allowed (${limit}) exceeded`
        : `VolumeLimitExceeded: Maximum number of volumes allowed (${limit}) exceeded for quota 'volumes_${name}'.`;
  return new Fault(413, 'overLimit', message, { headers: { 'retry-after': '0' } });
}

/** The class of every project: cinder/quota.py, DEFAULT_QUOTA_CLASS. */
export const commonClass = 'default';

/** As far as they are of no type. */
export function defaultsOf(limits: readonly ClassLimit[]): Amounts {
  return Object.fromEntries(limits.flatMap(({ resource, typeId, most }) => (typeId === null ? [[`volume.${resource}`, most] as const] : [])));
}

export function namedGroups(groups: number) {
  return { 'volume.groups': groups };
}

export async function claimGroups(tx: Transaction, projectId: string, groups: number): Promise<void> {
  await claimed(claimQuota(tx, projectId, namedGroups(groups), defaultsOf(await selectClass(tx, commonClass))));
}

export function namedBackups({ backups, gigabytes }: { backups: number; gigabytes: number }) {
  return { 'volume.backups': backups, 'volume.backup_gigabytes': gigabytes };
}

export async function claimBackups(tx: Transaction, projectId: string, counted: { backups: number; gigabytes: number }): Promise<void> {
  await claimed(claimQuota(tx, projectId, namedBackups(counted), defaultsOf(await selectClass(tx, commonClass))));
}

/** Each resource has words of its own: translated here, not at the door, which knows no quota. */
async function claimed(claim: Promise<void>): Promise<void> {
  try {
    await claim;
  } catch (error) {
    if (error instanceof OverQuota) throw new Fault(413, 'overLimit', words(error), { headers: { 'retry-after': '0' }, cause: error });
    throw error;
  }
}

function words({ resource, wanted, used, limit }: OverQuota): string {
  switch (resource) {
    case 'volume.gigabytes':
      return `VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested ${wanted}G, quota is ${limit}G and ${used}G has been consumed.`;
    case 'volume.snapshots':
      return `SnapshotLimitExceeded: Maximum number of snapshots allowed (${limit}) exceeded`;
    case 'volume.groups':
      return `GroupLimitExceeded: Maximum number of groups allowed (${limit}) exceeded`;
    case 'volume.backups':
      return `BackupLimitExceeded: Maximum number of backups allowed (${limit}) exceeded`;
    case 'volume.backup_gigabytes':
      return `VolumeBackupSizeExceedsAvailableQuota: Requested backup exceeds allowed Backup gigabytes quota. Requested ${wanted}G, quota is ${limit}G and ${used}G has been consumed.`;
    default:
      return `VolumeLimitExceeded: Maximum number of volumes allowed (${limit}) exceeded for quota 'volumes'.`;
  }
}

/** cinder/exception.py, VolumeSizeExceedsLimit: how large one volume may be. */
export async function demandVolumeSize(tx: Transaction, projectId: string, sizeGiB: number): Promise<void> {
  const limit = (await quotaUsage(tx, projectId, ['volume.per_volume_gigabytes'], defaultsOf(await selectClass(tx, commonClass))))['volume.per_volume_gigabytes']!.limit;
  if (limit !== -1 && sizeGiB > limit) throw badRequest(`Requested volume size ${sizeGiB}G is larger than maximum allowed limit ${limit}G.`);
}
