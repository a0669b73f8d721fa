/** Counting as Cinder counts, and refusing in its words: cinder/quota_utils.py, process_reserve_over_quota. */
import { badRequest, Fault } from '../../kit/fault.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { claimQuota, OverQuota, quotaUsage } from '../quota/quotas.ts';

export type Counted = { volumes?: number; snapshots?: number; gigabytes?: number };

export function named({ volumes = 0, snapshots = 0, gigabytes = 0 }: Counted) {
  return { 'volume.volumes': volumes, 'volume.snapshots': snapshots, 'volume.gigabytes': gigabytes };
}

export async function claimVolumes(tx: Transaction, projectId: string, counted: Counted): Promise<void> {
  await claimed(claimQuota(tx, projectId, named(counted)));
}

export function namedGroups(groups: number) {
  return { 'volume.groups': groups };
}

export async function claimGroups(tx: Transaction, projectId: string, groups: number): Promise<void> {
  await claimed(claimQuota(tx, projectId, namedGroups(groups)));
}

export function namedBackups({ backups, gigabytes }: { backups: number; gigabytes: number }) {
  return { 'volume.backups': backups, 'volume.backup_gigabytes': gigabytes };
}

export async function claimBackups(tx: Transaction, projectId: string, counted: { backups: number; gigabytes: number }): Promise<void> {
  await claimed(claimQuota(tx, projectId, namedBackups(counted)));
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
  const limit = (await quotaUsage(tx, projectId, ['volume.per_volume_gigabytes']))['volume.per_volume_gigabytes']!.limit;
  if (limit !== -1 && sizeGiB > limit) throw badRequest(`Requested volume size ${sizeGiB}G is larger than maximum allowed limit ${limit}G.`);
}
