/** Counting as Cinder counts, and refusing in its words: cinder/quota_utils.py, process_reserve_over_quota. */
import { Fault } from '../../kit/fault.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { claimQuota, OverQuota } from '../quota/quotas.ts';

export type Counted = { volumes?: number; snapshots?: number; gigabytes?: number };

export function named({ volumes = 0, snapshots = 0, gigabytes = 0 }: Counted) {
  return { 'volume.volumes': volumes, 'volume.snapshots': snapshots, 'volume.gigabytes': gigabytes };
}

export async function claimVolumes(tx: Transaction, projectId: string, counted: Counted): Promise<void> {
  try {
    await claimQuota(tx, projectId, named(counted));
  } catch (error) {
    // Translated here, not at the door, which knows no quota: each resource has words of its own.
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
    default:
      return `VolumeLimitExceeded: Maximum number of volumes allowed (${limit}) exceeded for quota 'volumes'.`;
  }
}
