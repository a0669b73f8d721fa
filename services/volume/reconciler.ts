/**
 * Sees to it that nothing stays in transit (I7).
 *
 * A volume in a transient state has a workflow that ends it; when there is none, for whatever reason,
 * it is made an error that its owner can delete. What is on the storage and has no row is only
 * reported: after a restored backup it may be somebody's (FAILURES 46).
 */
import { running } from '../../kit/workflow/runs.ts';
import type { RegionParts } from '../parts.ts';
import { deleteExpired } from './messages.store.ts';
import { listSnapshotsInTransit, lockSnapshot, updateSnapshot } from './snapshots.store.ts';
import { listInTransit, lockVolume, updateVolume } from './volumes.store.ts';

const reconciling = { kind: 'system', reason: 'what is lost is of every project' } as const;
const graceMs = 60_000;

const failed: Record<string, string> = { creating: 'error', extending: 'error_extending', deleting: 'error_deleting', uploading: 'error' };

export async function reconcileVolumes({ database, clock }: Pick<RegionParts, 'database' | 'clock'>): Promise<void> {
  const now = clock.now();
  await database.transaction(reconciling, (tx) => deleteExpired(tx, now));
  const old = ({ updatedAt }: { updatedAt: Date }) => updatedAt.getTime() < now.getTime() - graceMs;
  const { volumes, snapshots } = await database.read(reconciling, async (tx) => ({ volumes: await listInTransit(tx), snapshots: await listSnapshotsInTransit(tx) }));
  for (const { id, status, generation } of volumes.filter(old))
    await database.transaction(reconciling, async (tx) => {
      const volume = await lockVolume(tx, id);
      if (volume?.status === status && volume.generation === generation && (await running(tx, `volume/${id}`)).length === 0) await updateVolume(tx, id, { status: failed[status]!, failure: 'What was to be done with it was lost.' }, { now });
    });
  for (const { id, status, generation } of snapshots.filter(old))
    await database.transaction(reconciling, async (tx) => {
      const snapshot = await lockSnapshot(tx, id);
      if (snapshot?.status === status && snapshot.generation === generation && (await running(tx, `snapshot/${id}`)).length === 0) await updateSnapshot(tx, { ...snapshot, status: failed[status]!, failure: 'What was to be done with it was lost.' }, now);
    });
}
