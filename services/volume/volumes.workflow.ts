/** What happens to volumes outside of transactions. Each run is about one volume or snapshot, and ends its transient state. */
import { DriverError, type DiskKeys, type VolumeSpec } from '../../drivers/driver.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { step, workflow } from '../../kit/workflow/workflow.ts';
import { vettedImage } from '../image/images.ts';
import { acceptCapture, activateImage, failImage, type CaptureFormat } from '../image/uploads.ts';
import type { RegionParts } from '../parts.ts';
import { attachmentsOfVolumes } from './attachments.store.ts';
import { destroyKey, keysOf } from './disk-keys.ts';
import { report } from './messages.ts';
import { insertGrowth } from './server-news.store.ts';
import { deleteSnapshotRow, findSnapshot, lockSnapshot, snapshotsOf, updateSnapshot, type Snapshot } from './snapshots.store.ts';
import { asked, at, demandPlace, findPlace, patient, read, reason, settle, type About } from './steps.ts';
import { tellSnapshot, tellVolume } from './volume-events.ts';
import { releaseVolumes } from './volume-quotas.ts';
import { deleteVolumeRow, findVolume, lockVolume, type Volume, type VolumeSource } from './volumes.store.ts';

type AboutVolume = { volumeId: string };
type AboutSnapshot = { snapshotId: string };

export const createVolumeWorkflow = workflow<AboutVolume, object, RegionParts>(
  'volume.create',
  [
    step<About<AboutVolume>>(findPlace, (run) => demandPlace(run, run.input.volumeId)),
    step<About<AboutVolume>>(
      'make it',
      async (run) => {
        const volume = await read(run, (tx) => findVolume(tx, run.input.volumeId));
        if (!volume) return;
        await asked(ensureVolume(run, volume, volume.sizeGiB));
        await run.commit((tx) => settle(tx, run, volume.id, async (row) => ({ status: (await attachmentsOfVolumes(tx, [row.id])).length > 0 ? 'reserved' : 'available' }), 'volume.create.end'));
      },
      undefined,
      { retry: patient },
    ),
  ],
  {
    deadlineSeconds: 3600,
    onFailed: (tx, run, failure) =>
      settle(tx, run, run.input.volumeId, async (volume) => {
        await report(at(tx, run), failure.step === findPlace ? 'noPlace' : 'notMade', volume);
        return { status: 'error', failure: reason(failure) };
      }, 'volume.create.error'),
  },
);

export const extendVolumeWorkflow = workflow<AboutVolume & { userId?: string }, object, RegionParts>(
  'volume.extend',
  [
    step<About<AboutVolume & { userId?: string }>>(
      'make it larger',
      async (run) => {
        const { userId } = run.input;
        const volume = await read(run, (tx) => findVolume(tx, run.input.volumeId));
        if (volume?.wantedGiB == null) return;
        const { wantedGiB } = volume;
        await asked(ensureThere(run, volume, { sizeGiB: wantedGiB }));
        await run.commit(async (tx) => {
          await settle(tx, run, volume.id, async ({ previousStatus }) => ({ sizeGiB: wantedGiB, wantedGiB: null, status: previousStatus ?? 'available', previousStatus: null }), 'volume.resize.end');
          if (run.requestId !== undefined && userId !== undefined) await insertGrowth(tx, volume.id, { requestId: run.requestId, userId, at: run.services.clock.now() });
        });
      },
      undefined,
      { retry: patient },
    ),
  ],
  {
    deadlineSeconds: 600,
    // It may have grown, or not: it counts as before, and an administrator looks.
    onFailed: (tx, run, failure) =>
      settle(tx, run, run.input.volumeId, async ({ id, projectId, sizeGiB, wantedGiB, typeId }) => {
        await report(at(tx, run), 'notExtended', { id, projectId });
        await releaseVolumes(tx, projectId, { gigabytes: (wantedGiB ?? sizeGiB) - sizeGiB }, typeId);
        return { status: 'error_extending', wantedGiB: null, failure: reason(failure) };
      }, 'volume.resize.error'),
  },
);

export const deleteVolumeWorkflow = workflow<AboutVolume, object, RegionParts>(
  'volume.delete',
  [
    step<About<AboutVolume>>(
      'delete its snapshots',
      async (run) => {
        const { driver } = run.services;
        for (const { id, volumeId, generation } of await read(run, (tx) => snapshotsOf(tx, run.input.volumeId))) {
          await asked(driver.volumes.removeSnapshot({ id, volumeId, generation }));
          await run.write((tx) => forgetSnapshot(tx, run, id));
        }
      },
      undefined,
      { retry: patient },
    ),
    step<About<AboutVolume>>(
      'delete its data',
      async (run) => {
        const volume = await read(run, (tx) => findVolume(tx, run.input.volumeId));
        if (!volume) return;
        await asked(run.services.driver.volumes.remove({ id: volume.id, generation: volume.generation }));
        await run.commit((tx) => forgetVolume(tx, run, volume.id));
      },
      undefined,
      { retry: patient },
    ),
  ],
  { deadlineSeconds: 3600, onFailed: (tx, run, failure) => settle(tx, run, run.input.volumeId, async () => ({ status: 'error_deleting', failure: reason(failure) }), 'volume.delete.error') },
);

type Upload = AboutVolume & { imageId: string; upload: string; diskFormat?: CaptureFormat };
type Uploaded = { accepted: Awaited<ReturnType<typeof acceptCapture>> };

export const uploadVolumeWorkflow = workflow<Upload, Uploaded, RegionParts>(
  'volume.upload',
  [
    step<About<Upload, Uploaded>>('copy it', (run) => asked(captureVolume(run, run.input)), undefined, { retry: patient }),
    step<About<Upload, Uploaded>>('hand it in', async (run) => {
      const accepted = await acceptCapture(run.services, run.input);
      await run.commit(async () => ({ accepted }));
    }),
    step<About<Upload, Uploaded>>('say that it is ready', (run) =>
      run.commit(async (tx) => {
        await activateImage(tx, run.input.imageId, run.state.accepted!, run.services.clock.now());
        await asBefore(tx, run);
      }),
    ),
  ],
  {
    deadlineSeconds: 6 * 3600,
    async onFailed(tx, run) {
      const volume = await findVolume(tx, run.input.volumeId);
      if (volume) await report(at(tx, run), 'notCopied', volume);
      await asBefore(tx, run);
    },
    async onSettled(tx, run, outcome) {
      if (outcome !== 'done') await failImage(tx, run.input.imageId, outcome === 'superseded' ? 'The volume was deleted meanwhile.' : 'The volume could not be copied.', run.services.clock.now());
    },
  },
);

function asBefore(tx: Transaction, run: About<Upload, Uploaded>): Promise<void> {
  return settle(tx, run, run.input.volumeId, async ({ previousStatus }) => ({ status: previousStatus ?? 'available', previousStatus: null }), 'volume.upload.end');
}

export const createSnapshotWorkflow = workflow<AboutSnapshot, object, RegionParts>(
  'volume.snapshot.create',
  [
    step<About<AboutSnapshot>>(
      'take it',
      async (run) => {
        const snapshot = await read(run, (tx) => findSnapshot(tx, run.input.snapshotId));
        if (!snapshot) return;
        await asked(takeSnapshot(run, snapshot));
        await run.commit((tx) => settleSnapshot(tx, run, 'available', null));
      },
      undefined,
      { retry: patient },
    ),
  ],
  { deadlineSeconds: 600, onFailed: (tx, run, failure) => settleSnapshot(tx, run, 'error', reason(failure)) },
);

export const deleteSnapshotWorkflow = workflow<AboutSnapshot, object, RegionParts>(
  'volume.snapshot.delete',
  [
    step<About<AboutSnapshot>>(
      'delete its data',
      async (run) => {
        const snapshot = await read(run, (tx) => findSnapshot(tx, run.input.snapshotId));
        if (!snapshot) return;
        await asked(run.services.driver.volumes.removeSnapshot({ id: snapshot.id, volumeId: snapshot.volumeId, generation: snapshot.generation }));
        await run.commit((tx) => forgetSnapshot(tx, run, snapshot.id));
      },
      undefined,
      { retry: patient },
    ),
  ],
  { deadlineSeconds: 600, onFailed: (tx, run, failure) => settleSnapshot(tx, run, 'error_deleting', reason(failure)) },
);

export async function forgetVolume(tx: Transaction, run: About<unknown>, id: string): Promise<void> {
  const row = await lockVolume(tx, id);
  if (!row || (await deleteVolumeRow(tx, id)) === 0) return;
  for (const keyId of [row.keyId, row.otherKeyId]) await destroyKey(tx, keyId);
  await releaseVolumes(tx, row.projectId, { volumes: 1, gigabytes: row.wantedGiB ?? row.sizeGiB }, row.typeId);
  await tellVolume(at(tx, run), 'volume.delete.end', { ...row, status: 'deleted' });
}

export async function forgetSnapshot(tx: Transaction, run: About<unknown>, id: string): Promise<void> {
  const row = await lockSnapshot(tx, id);
  if (!row || (await deleteSnapshotRow(tx, id)) === 0) return;
  await destroyKey(tx, row.keyId);
  await releaseVolumes(tx, row.projectId, { snapshots: 1, gigabytes: row.sizeGiB }, (await findVolume(tx, row.volumeId))?.typeId ?? null);
  await tellSnapshot(at(tx, run), 'snapshot.delete.end', { ...row, status: 'deleted' });
}

async function settleSnapshot(tx: Transaction, run: About<AboutSnapshot>, status: string, failure: string | null): Promise<void> {
  const row = await lockSnapshot(tx, run.input.snapshotId);
  if (!row) return;
  if (failure !== null) await report(at(tx, run), status === 'error' ? 'noSnapshot' : 'snapshotStays', row);
  // What somebody said of how far it is ends with it. cinder/volume/manager.py, create_snapshot
  const changed: Snapshot = { ...row, status, failure, workedOnAs: null, progress: null };
  await updateSnapshot(tx, changed, run.services.clock.now());
  await tellSnapshot(at(tx, run), `snapshot.${status}`, changed);
}

export async function ensureVolume(run: About<unknown>, volume: Volume, sizeGiB: number): Promise<void> {
  const { id, projectId, generation, multiattach: shared, source, encryption } = volume;
  if (source.kind === 'backup') throw new Error('What a backup holds is written by the workflow that restores it');
  const from = source.kind === 'image' ? { kind: 'image' as const, image: await read(run, (tx) => vettedImage(tx, source.imageId)) } : source;
  await run.services.driver.volumes.ensure({ id, projectId, generation, sizeGiB, shared, encryption, keys: await keysWithSource(run, volume, source), source: from });
}

/** What a driver needs to read what it is to copy, and to write what it makes. */
export async function keysWithSource(run: About<unknown>, volume: Volume, source: VolumeSource): Promise<DiskKeys> {
  const from = await read(run, async (tx) => (source.kind === 'volume' ? findVolume(tx, source.volumeId) : source.kind === 'snapshot' ? findSnapshot(tx, source.snapshotId) : undefined));
  return keysOf(run.services, from ? [volume, from] : [volume]);
}

export async function takeSnapshot(run: About<unknown>, snapshot: Snapshot): Promise<void> {
  const { id, projectId, volumeId, generation } = snapshot;
  const volume = await read(run, (tx) => findVolume(tx, volumeId));
  await run.services.driver.volumes.ensureSnapshot({ id, projectId, volumeId, generation, keys: await keysOf(run.services, volume ? [volume, snapshot] : [snapshot]) });
}

/** Of a volume, or of a snapshot of it. */
export async function captureVolume(run: About<unknown>, { volumeId, snapshotId = null, upload }: { volumeId: string; snapshotId?: string | null; upload: string }): Promise<void> {
  const disk = await read(run, async (tx) => (snapshotId === null ? findVolume(tx, volumeId) : findSnapshot(tx, snapshotId)));
  await run.services.driver.volumes.capture({ volumeId, upload, ...(snapshotId === null ? {} : { snapshotId }), keys: await keysOf(run.services, disk ? [disk] : []) });
}

/** Its source may be gone by now, and is not needed; what is not there must not be made anew, empty. */
export async function ensureThere({ services }: About<unknown>, volume: Volume, change: Pick<Partial<VolumeSpec>, 'sizeGiB' | 'shared' | 'encryption' | 'keys'>): Promise<void> {
  const { driver } = services;
  const { id, projectId, generation, sizeGiB } = volume;
  const { volumes } = await driver.volumes.list();
  if (!volumes.some((each) => each.id === id)) throw new DriverError('missing', `There is no volume ${id}`);
  await driver.volumes.ensure({ id, projectId, generation, sizeGiB, source: { kind: 'empty' }, keys: await keysOf(services, [volume]), ...change });
}
