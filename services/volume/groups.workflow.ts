/** What happens to groups outside of transactions: their volumes are made, deleted and kept together. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { step, workflow } from '../../kit/workflow/workflow.ts';
import type { RegionParts } from '../parts.ts';
import { releaseQuota } from '../quota/quotas.ts';
import { findGroupSnapshot, deleteGroupSnapshotRow, lockGroupSnapshot, updateGroupSnapshot } from './group-snapshots.store.ts';
import { findGroupType } from './group-types.store.ts';
import { deleteGroupRow, findGroup, lockGroup, updateGroup } from './groups.store.ts';
import { takesVolumes } from './services.ts';
import { lockSnapshot, snapshotsOfGroupSnapshot, updateSnapshot } from './snapshots.store.ts';
import { asked, at, findPlace, patient, read, reason, Refused, settle, type About } from './steps.ts';
import { findType } from './types.store.ts';
import { tellGroup, tellGroupSnapshot, tellSnapshot } from './volume-events.ts';
import { namedGroups } from './volume-quotas.ts';
import { ensureVolume, forgetSnapshot, forgetVolume, takeSnapshot } from './volumes.workflow.ts';
import { volumesOfGroup } from './volumes.store.ts';

type AboutGroup = { groupId: string };
type AboutGroupSnapshot = { groupSnapshotId: string };
const hour = 3600;

export const createGroupWorkflow = workflow<AboutGroup, object, RegionParts>(
  'volume.group.create',
  [
    step<About<AboutGroup>>(findPlace, async (run) => {
      const taken = await read(run, async (tx) => {
        const group = await findGroup(tx, run.input.groupId);
        if (!group) return true;
        const { specs = {} } = (await findGroupType(tx, group.groupTypeId)) ?? {};
        const wanted = Object.fromEntries(Object.entries(specs).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])));
        if (!(await takesVolumes(tx, wanted))) return false;
        for (const id of group.typeIds) if (!(await takesVolumes(tx, (await findType(tx, undefined, id))?.extraSpecs ?? {}))) return false;
        return true;
      });
      if (!taken) throw new Refused('No valid backend was found');
    }),
    step<About<AboutGroup>>(
      'make its volumes',
      async (run) => {
        for (const volume of await read(run, (tx) => volumesOfGroup(tx, run.input.groupId))) {
          if (volume.status !== 'creating') continue;
          await asked(ensureVolume(run, volume, volume.sizeGiB));
          await run.write((tx) => settle(tx, run, volume.id, async () => ({ status: 'available' }), 'volume.create.end'));
        }
        await run.commit((tx) => settleGroup(tx, run, 'available', null));
      },
      undefined,
      { retry: patient },
    ),
  ],
  {
    deadlineSeconds: 2 * hour,
    async onFailed(tx, run, failure) {
      for (const volume of await volumesOfGroup(tx, run.input.groupId)) if (volume.status === 'creating') await settle(tx, run, volume.id, async () => ({ status: 'error', failure: reason(failure) }), 'volume.create.error');
      await settleGroup(tx, run, 'error', reason(failure));
    },
  },
);

export const deleteGroupWorkflow = workflow<AboutGroup, object, RegionParts>(
  'volume.group.delete',
  [
    step<About<AboutGroup>>(
      'delete its volumes',
      async (run) => {
        for (const { id, generation } of await read(run, (tx) => volumesOfGroup(tx, run.input.groupId))) {
          await asked(run.services.driver.volumes.remove({ id, generation }));
          await run.write((tx) => forgetVolume(tx, run, id));
        }
        await run.commit(async (tx) => {
          const group = await lockGroup(tx, run.input.groupId);
          if (!group || (await deleteGroupRow(tx, group.id)) === 0) return;
          await releaseQuota(tx, group.projectId, namedGroups(1));
          await tellGroup(at(tx, run), 'group.delete.end', { ...group, status: 'deleted' });
        });
      },
      undefined,
      { retry: patient },
    ),
  ],
  {
    deadlineSeconds: 2 * hour,
    async onFailed(tx, run, failure) {
      for (const { id } of await volumesOfGroup(tx, run.input.groupId)) await settle(tx, run, id, async () => ({ status: 'error_deleting', failure: reason(failure) }), 'volume.delete.error');
      await settleGroup(tx, run, 'error_deleting', reason(failure));
    },
  },
);

async function settleGroup(tx: Transaction, run: About<AboutGroup>, status: string, failure: string | null): Promise<void> {
  const group = await lockGroup(tx, run.input.groupId);
  if (!group) return;
  const changed = { ...group, status, failure };
  await updateGroup(tx, changed, run.services.clock.now());
  await tellGroup(at(tx, run), `group.${status}`, changed);
}

export const createGroupSnapshotWorkflow = workflow<AboutGroupSnapshot, object, RegionParts>(
  'volume.group-snapshot.create',
  [
    step<About<AboutGroupSnapshot>>(
      'take its snapshots',
      async (run) => {
        for (const snapshot of await read(run, (tx) => snapshotsOfGroupSnapshot(tx, run.input.groupSnapshotId)))
          if (snapshot.status === 'creating') await asked(takeSnapshot(run, snapshot));
        await run.commit((tx) => settleGroupSnapshot(tx, run, 'available', null));
      },
      undefined,
      { retry: patient },
    ),
  ],
  { deadlineSeconds: hour, onFailed: (tx, run, failure) => settleGroupSnapshot(tx, run, 'error', reason(failure)) },
);

export const deleteGroupSnapshotWorkflow = workflow<AboutGroupSnapshot, object, RegionParts>(
  'volume.group-snapshot.delete',
  [
    step<About<AboutGroupSnapshot>>(
      'delete its snapshots',
      async (run) => {
        for (const { id, volumeId, generation } of await read(run, (tx) => snapshotsOfGroupSnapshot(tx, run.input.groupSnapshotId))) {
          await asked(run.services.driver.volumes.removeSnapshot({ id, volumeId, generation }));
          await run.write((tx) => forgetSnapshot(tx, run, id));
        }
        await run.commit(async (tx) => {
          const found = await findGroupSnapshot(tx, run.input.groupSnapshotId);
          if (!found || (await deleteGroupSnapshotRow(tx, found.id)) === 0) return;
          await tellGroupSnapshot(at(tx, run), 'group_snapshot.delete.end', { ...found, status: 'deleted' });
        });
      },
      undefined,
      { retry: patient },
    ),
  ],
  { deadlineSeconds: hour, onFailed: (tx, run, failure) => settleGroupSnapshot(tx, run, 'error_deleting', reason(failure)) },
);

/** With its snapshots. */
async function settleGroupSnapshot(tx: Transaction, run: About<AboutGroupSnapshot>, status: string, failure: string | null): Promise<void> {
  const found = await lockGroupSnapshot(tx, run.input.groupSnapshotId);
  if (!found) return;
  const now = run.services.clock.now();
  for (const { id } of await snapshotsOfGroupSnapshot(tx, found.id)) {
    const snapshot = await lockSnapshot(tx, id);
    if (!snapshot || !['creating', 'deleting'].includes(snapshot.status)) continue;
    const changed = { ...snapshot, status, failure, workedOnAs: null };
    await updateSnapshot(tx, changed, now);
    await tellSnapshot(at(tx, run), `snapshot.${status}`, changed);
  }
  const changed = { ...found, status, failure };
  await updateGroupSnapshot(tx, changed, now);
  await tellGroupSnapshot(at(tx, run), `group_snapshot.${status}`, changed);
}
