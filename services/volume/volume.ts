/** The block storage service, made. */
import { fileURLToPath } from 'node:url';
import { volume as contract } from '../../contract/volume/service.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import { attachments } from './attachments.api.ts';
import { backups } from './backups.api.ts';
import { createBackupWorkflow, deleteBackupWorkflow, restoreBackupWorkflow, sweepPacks } from './backups.workflow.ts';
import { cgSnapshots, consistencyGroups } from './consistency-groups.api.ts';
import { defaultTypes } from './default-types.api.ts';
import { renewKeys } from './disk-keys.ts';
import { groupTypes } from './group-types.api.ts';
import { groups, groupSnapshots } from './groups.api.ts';
import { createGroupSnapshotWorkflow, createGroupWorkflow, deleteGroupSnapshotWorkflow, deleteGroupWorkflow } from './groups.workflow.ts';
import { limits } from './limits.api.ts';
import { manageableSnapshots, manageableVolumes, snapshotManage, volumeManage } from './manageable.api.ts';
import { sweepUnmanaged } from './manageable.ts';
import { messages } from './messages.api.ts';
import { qosSpecs } from './qos-specs.api.ts';
import { reconcileVolumes } from './reconciler.ts';
import { capabilities, clusters, hosts, pools, serviceActions, services, workers } from './services.api.ts';
import { heartbeat } from './services.ts';
import { snapshots } from './snapshots.api.ts';
import { transfers, volumeTransfers } from './transfers.api.ts';
import { types } from './types.api.ts';
import { volumeActions } from './volume-actions.api.ts';
import { manageVolumeWorkflow, reimageVolumeWorkflow, retypeVolumeWorkflow, revertVolumeWorkflow } from './volume-actions.workflow.ts';
import { volumes } from './volumes.api.ts';
import { volumeInvariants } from './volumes.invariants.ts';
import { createSnapshotWorkflow, createVolumeWorkflow, deleteSnapshotWorkflow, deleteVolumeWorkflow, extendVolumeWorkflow, uploadVolumeWorkflow } from './volumes.workflow.ts';

export const schemaDirectory = fileURLToPath(new URL('./schema/', import.meta.url));

export function makeVolume(parts: RegionParts): Made {
  return {
    implementation: implementService(contract, parts.database, { volumes, volumeActions, manageableVolumes: manageableVolumes(parts), manageableSnapshots: manageableSnapshots(parts), volumeManage: volumeManage(parts), snapshotManage: snapshotManage(parts), snapshots, attachments, backups: backups(parts), groupTypes, groups, groupSnapshots, consistencyGroups, cgSnapshots, transfers, volumeTransfers, messages, types, qosSpecs, defaultTypes, limits, services, serviceActions, capabilities, clusters, workers: workers(parts), hosts, pools }),
    workflows: [
      createVolumeWorkflow, extendVolumeWorkflow, deleteVolumeWorkflow, uploadVolumeWorkflow, createSnapshotWorkflow, deleteSnapshotWorkflow,
      createBackupWorkflow, deleteBackupWorkflow, restoreBackupWorkflow,
      retypeVolumeWorkflow, revertVolumeWorkflow, reimageVolumeWorkflow, manageVolumeWorkflow,
      createGroupWorkflow, deleteGroupWorkflow, createGroupSnapshotWorkflow, deleteGroupSnapshotWorkflow,
    ],
    schedules: [
      schedule('volume.reconcile', { everyMs: 60_000, run: () => reconcileVolumes(parts) }),
      schedule('volume.backup.sweep', { everyMs: 3_600_000, run: () => sweepPacks(parts) }),
      schedule('volume.unmanaged.sweep', { everyMs: 3_600_000, run: () => sweepUnmanaged(parts) }),
      schedule('volume.keys.renew', { everyMs: 3_600_000, run: () => renewKeys(parts) }),
      schedule('volume.heartbeat', { everyMs: heartbeat.everyMs, run: () => heartbeat.beat(parts) }),
    ],
    invariants: volumeInvariants(parts),
  };
}
