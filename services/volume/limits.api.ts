/** The door of limits, quotas and zones. */
import { limits as contract } from '../../contract/volume/limits.ts';
import { forbidden } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { quotaDefaults, quotaUsage, resetQuotaLimits, setQuotaLimits } from '../quota/quotas.ts';
import { listExtensions } from './extensions.ts';
import { availabilityZone } from './volumes.ts';

const counted = ['volumes', 'snapshots', 'gigabytes', 'per_volume_gigabytes', 'backups', 'backup_gigabytes', 'groups'] as const;
type Counted = (typeof counted)[number];
const resourceOf = (name: Counted) => `volume.${name}` as const;
const resources = counted.map(resourceOf);

type Use = { limit: number; used: number };

async function usage({ tx, caller }: Context, projectId: string): Promise<Record<Counted, Use>> {
  if (projectId !== caller.projectId && !caller.isAdmin) throw forbidden("Policy doesn't allow volume_extension:quotas:show to be performed.");
  const found = await quotaUsage(tx, projectId, resources);
  return each((name) => found[resourceOf(name)]!);
}

function each<T>(of: (name: Counted) => T): Record<Counted, T> {
  return Object.fromEntries(counted.map((name) => [name, of(name)])) as Record<Counted, T>;
}

async function quotaSet(context: Context, projectId: string) {
  const found = await usage(context, projectId);
  return each((name) => found[name].limit);
}

export const limits = implement(contract, {
  async limits(request) {
    const { volumes, snapshots, gigabytes, backups, backup_gigabytes: backupGigabytes } = await usage(request, request.query.project_id ?? request.query.tenant_id ?? request.caller.projectId ?? '');
    return {
      limits: {
        rate: [],
        absolute: {
          maxTotalVolumes: volumes.limit,
          maxTotalSnapshots: snapshots.limit,
          maxTotalVolumeGigabytes: gigabytes.limit,
          maxTotalBackups: backups.limit,
          maxTotalBackupGigabytes: backupGigabytes.limit,
          totalVolumesUsed: volumes.used,
          totalSnapshotsUsed: snapshots.used,
          totalGigabytesUsed: gigabytes.used,
          totalBackupsUsed: backups.used,
          totalBackupGigabytesUsed: backupGigabytes.used,
        },
      },
    };
  },

  async showQuota(request) {
    const id = request.params.project_id;
    if (request.query.usage !== true) return { quota_set: { id, ...(await quotaSet(request, id)) } };
    const found = await usage(request, id);
    const used = (use: Use) => ({ limit: use.limit, in_use: use.used, reserved: 0, allocated: 0 });
    return { quota_set: { id, ...each((name) => used(found[name])) } };
  },

  defaultQuota: (request) => Promise.resolve({ quota_set: { id: request.params.project_id, ...each((name) => quotaDefaults[resourceOf(name)]) } }),

  async updateQuota(request) {
    const { quota_set: wish } = request.body;
    const wanted = counted.flatMap((name) => (wish[name] === undefined ? [] : [[resourceOf(name), Number(wish[name])] as const]));
    await setQuotaLimits(request.tx, request.params.project_id, Object.fromEntries(wanted));
    return { quota_set: await quotaSet(request, request.params.project_id) };
  },

  async deleteQuota(request) {
    await resetQuotaLimits(request.tx, request.params.project_id, resources);
    return undefined;
  },

  zones: () => Promise.resolve({ availabilityZoneInfo: [{ zoneName: availabilityZone, zoneState: { available: true } }] }),
  extensions: () => Promise.resolve({ extensions: listExtensions() }),
});
