/** The door of limits, quotas and zones. */
import { limits as contract } from '../../contract/volume/limits.ts';
import { implement } from '../../kit/http/implement.ts';
import { listExtensions } from './extensions.ts';
import { classLimits, resetLimits, setClassLimits, setLimits, usage, type Use } from './project-quotas.ts';
import { availabilityZone } from './volumes.ts';

export const limits = implement(contract, {
  async limits(request) {
    const { project_id: projectId, tenant_id: tenantId } = request.query;
    const use = await usage(request, projectId ?? tenantId ?? request.caller.projectId ?? '');
    const [volumes, snapshots, gigabytes, backups, backupGigabytes] = (['volumes', 'snapshots', 'gigabytes', 'backups', 'backup_gigabytes'] as const).map((name) => use[name]!) as [Each, Each, Each, Each, Each];
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
    const use = await usage(request, id);
    if (request.query.usage !== true) return { quota_set: { id, ...limitsOf(use) } };
    return { quota_set: { id, ...Object.fromEntries(Object.entries(use).map(([name, { limit, used }]) => [name, { limit, in_use: used, reserved: 0, allocated: 0 }])) } };
  },

  defaultQuota: async (request) => ({ quota_set: { id: request.params.project_id, ...(await classLimits(request, 'default')) } }),

  async updateQuota(request) {
    const { tenant_id: _tenant, force: _force, skip_validation: _skip, ...wanted } = request.body.quota_set as Record<string, unknown>;
    await setLimits(request, request.params.project_id, numbersIn(wanted));
    return { quota_set: limitsOf(await usage(request, request.params.project_id)) };
  },

  async deleteQuota(request) {
    await resetLimits(request, request.params.project_id);
    return undefined;
  },

  showClass: async (request) => ({ quota_class_set: { id: request.params.class_name, ...(await classLimits(request, request.params.class_name)) } }),

  async updateClass(request) {
    const { class_name: _name, id: _id, ...wanted } = request.body.quota_class_set as Record<string, unknown>;
    await setClassLimits(request, request.params.class_name, numbersIn(wanted));
    return { quota_class_set: await classLimits(request, request.params.class_name) };
  },

  zones: () => Promise.resolve({ availabilityZoneInfo: [{ zoneName: availabilityZone, zoneState: { available: true } }] }),
  extensions: () => Promise.resolve({ extensions: listExtensions() }),
});

type Each = Use[string];

function limitsOf(use: Use): Record<string, number> {
  return Object.fromEntries(Object.entries(use).map(([name, { limit }]) => [name, limit]));
}

function numbersIn(wanted: Readonly<Record<string, unknown>>): Record<string, number> {
  return Object.fromEntries(Object.entries(wanted).map(([name, value]) => [name, Number(value)]));
}
