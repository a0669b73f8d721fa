/**
 * Sees to it that nothing stays in transit (I7).
 *
 * A volume in a transient state has a workflow that ends it; when there is none, for whatever reason,
 * it is made an error that its owner can delete. What is on the storage and has no row is only
 * reported: after a restored backup it may be somebody's (FAILURES 46).
 */
import { running } from '../../kit/workflow/runs.ts';
import type { RegionParts } from '../parts.ts';
import { listBackupsInTransit, lockBackup, updateBackup } from './backups.store.ts';
import { listGroupSnapshotsInTransit, lockGroupSnapshot, updateGroupSnapshot } from './group-snapshots.store.ts';
import { listGroupsInTransit, lockGroup, updateGroup } from './groups.store.ts';
import { deleteExpired } from './messages.store.ts';
import { listSnapshotsInTransit, lockSnapshot, transientSnapshot, updateSnapshot } from './snapshots.store.ts';
import { listInTransit, lockVolume, transient, updateVolume } from './volumes.store.ts';

const reconciling = { kind: 'system', reason: 'what is lost is of every project' } as const;
const graceMs = 60_000;

const transientBackup: Record<string, string> = { creating: 'error', deleting: 'error', restoring: 'available' };
const lost = 'What was to be done with it was lost.';

export async function reconcileVolumes({ database, clock }: Pick<RegionParts, 'database' | 'clock'>): Promise<void> {
  const now = clock.now();
  await database.transaction(reconciling, (tx) => deleteExpired(tx, now));
  const old = ({ updatedAt }: { updatedAt: Date }) => updatedAt.getTime() < now.getTime() - graceMs;
  const { volumes, snapshots, backups, groups, groupSnapshots } = await database.read(reconciling, async (tx) => ({ volumes: await listInTransit(tx), snapshots: await listSnapshotsInTransit(tx), backups: await listBackupsInTransit(tx), groups: await listGroupsInTransit(tx), groupSnapshots: await listGroupSnapshotsInTransit(tx) }));
  for (const { id, status, generation, subject } of volumes.filter(old))
    await database.transaction(reconciling, async (tx) => {
      const volume = await lockVolume(tx, id);
      if (volume?.status === status && volume.generation === generation && (await running(tx, subject)).length === 0) await updateVolume(tx, id, { status: transient[status]!, failure: lost, workedOnAs: null }, { now });
    });
  for (const { id, status, generation, subject } of snapshots.filter(old))
    await database.transaction(reconciling, async (tx) => {
      const snapshot = await lockSnapshot(tx, id);
      if (snapshot?.status === status && snapshot.generation === generation && (await running(tx, subject)).length === 0) await updateSnapshot(tx, { ...snapshot, status: transientSnapshot[status]!, failure: lost, workedOnAs: null }, now);
    });
  for (const { id, status, generation } of groups.filter(old))
    await database.transaction(reconciling, async (tx) => {
      const group = await lockGroup(tx, id);
      if (group?.status === status && group.generation === generation && (await running(tx, `group/${id}`)).length === 0) await updateGroup(tx, { ...group, status: status === 'creating' ? 'error' : 'error_deleting', failure: lost }, now);
    });
  for (const { id, status, generation } of groupSnapshots.filter(old))
    await database.transaction(reconciling, async (tx) => {
      const snapshot = await lockGroupSnapshot(tx, id);
      if (snapshot?.status === status && snapshot.generation === generation && (await running(tx, `group-snapshot/${id}`)).length === 0)
        await updateGroupSnapshot(tx, { ...snapshot, status: status === 'creating' ? 'error' : 'error_deleting', failure: lost }, now);
    });
  for (const { id, status, generation, restoringTo } of backups.filter(old))
    await database.transaction(reconciling, async (tx) => {
      const backup = await lockBackup(tx, id);
      const subject = status === 'restoring' ? `volume/${restoringTo}` : `backup/${id}`;
      if (backup?.status === status && backup.generation === generation && (await running(tx, subject)).length === 0) await updateBackup(tx, id, { status: transientBackup[status]!, failure: status === 'restoring' ? null : lost, restoringTo: null }, now);
    });
}
