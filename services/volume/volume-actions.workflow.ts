/** How volumes get another type, and other content. */
import { DriverError, type DiskKeys } from '../../drivers/driver.ts';
import { step, workflow } from '../../kit/workflow/workflow.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { vettedImage } from '../image/images.ts';
import type { RegionParts } from '../parts.ts';
import { destroyKey, keysOf } from './disk-keys.ts';
import { deleteUnmanaged } from './manageable.store.ts';
import { report } from './messages.ts';
import { lockSnapshot, updateSnapshot } from './snapshots.store.ts';
import { asked, at, demandPlace, findPlace, patient, read, reason, settle, type About } from './steps.ts';
import { tellSnapshot } from './volume-events.ts';
import { findType } from './types.store.ts';
import { diskEncryption, isShared } from './types.ts';
import { moveToType } from './volume-quotas.ts';
import { findVolume, type Volume } from './volumes.store.ts';
import { ensureThere, keysWithSource } from './volumes.workflow.ts';

type AboutVolume = { volumeId: string };
const hour = 3600;

type Retyping = AboutVolume & { from: string | null; counted: { volumes: number; snapshots: number; gigabytes: number } };

export const retypeVolumeWorkflow = workflow<Retyping, object, RegionParts>(
  'volume.retype',
  [
    step<About<Retyping>>(findPlace, (run) => demandPlace(run, run.input.volumeId)),
    step<About<Retyping>>(
      'make it as its type says',
      async (run) => {
        const { volume, type } = await retyped(run);
        if (!volume) return;
        const [multiattach, encryption] = [type !== undefined && isShared(type), type === undefined ? null : diskEncryption(type)];
        const isRelocked = encryption?.cipher !== volume.encryption?.cipher;
        if (multiattach !== volume.multiattach || isRelocked) await asked(ensureThere(run, volume, { shared: multiattach, encryption, keys: await keyWhileRetyping(run, volume) }));
        await run.commit(async (tx) => {
          await settle(tx, run, volume.id, async ({ previousStatus }) => ({ status: previousStatus ?? 'available', previousStatus: null, multiattach, ...(isRelocked ? { encryption, keyId: volume.otherKeyId, otherKeyId: null } : {}) }), 'volume.retype');
          if (isRelocked) await destroyKey(tx, volume.keyId);
        });
      },
      async (run) => {
        const { volume } = await retyped(run);
        if (!volume) return;
        // It may have been done before it was said to have failed.
        await ensureThere(run, volume, { shared: volume.multiattach, encryption: volume.encryption, keys: await keyWhileRetyping(run, volume) }).catch((error: unknown) => {
          if (!(error instanceof DriverError && error.kind === 'missing')) throw error; // There is nothing to be as it was.
        });
      },
      { retry: patient },
    ),
  ],
  {
    deadlineSeconds: 600,
    // The storage cannot do what the new type asks for: the volume is as before.
    async onFailed(tx, run) {
      const { volumeId, from, counted } = run.input;
      const volume = await findVolume(tx, volumeId);
      if (!volume) return;
      if (from !== null && volume.typeId !== null) await moveToType(tx, volume.projectId, counted, { from: volume.typeId, to: from });
      await report(at(tx, run), 'noPlaceAnew', volume);
      await settle(tx, run, volumeId, async ({ previousStatus }) => ({ status: previousStatus ?? 'available', previousStatus: null, typeId: from, otherKeyId: null }), 'volume.retype.error');
      await destroyKey(tx, volume.otherKeyId);
    },
  },
);

function retyped(run: About<Retyping>) {
  return read(run, async (tx) => {
    const volume = await findVolume(tx, run.input.volumeId);
    return { volume, type: volume?.typeId == null ? undefined : await findType(tx, undefined, volume.typeId) };
  });
}

/** One of its two kinds is not locked: the key of the other is the only one. */
function keyWhileRetyping(run: About<Retyping>, { id, keyId, otherKeyId }: Volume): Promise<DiskKeys> {
  return keysOf(run.services, [{ id, keyId: otherKeyId ?? keyId }]);
}

type Reverting = AboutVolume & { snapshotId: string };

export const revertVolumeWorkflow = workflow<Reverting, object, RegionParts>(
  'volume.revert',
  [
    step<About<Reverting>>(
      'put back what was on it',
      async (run) => {
        const volume = await read(run, (tx) => findVolume(tx, run.input.volumeId));
        if (!volume) return;
        const { id, projectId, generation, epoch, sizeGiB } = volume;
        const source = { kind: 'snapshot' as const, snapshotId: run.input.snapshotId };
        await asked(run.services.driver.volumes.ensure({ id, projectId, generation, epoch, sizeGiB, source, keys: await keysWithSource(run, volume, source) }));
        await run.commit(async (tx) => {
          await settle(tx, run, id, async () => ({ status: 'available', previousStatus: null }), 'volume.revert.end');
          await letGo(tx, run);
        });
      },
      undefined,
      { retry: patient },
    ),
  ],
  {
    deadlineSeconds: hour,
    async onFailed(tx, run, failure) {
      await settle(tx, run, run.input.volumeId, async () => ({ status: 'error', failure: reason(failure) }), 'volume.revert.error');
      await letGo(tx, run);
    },
  },
);

/** The snapshot is as it was. */
async function letGo(tx: Transaction, run: About<Reverting>): Promise<void> {
  const snapshot = await lockSnapshot(tx, run.input.snapshotId);
  if (snapshot?.status !== 'restoring') return;
  const changed = { ...snapshot, status: 'available', workedOnAs: null };
  await updateSnapshot(tx, changed, run.services.clock.now());
  await tellSnapshot(at(tx, run), 'snapshot.revert.end', changed);
}

type Managing = AboutVolume & { from: string; fromGeneration: number };

/** The data gets the new volume's name: by a copy, because no driver renames, and then without the old one. */
export const manageVolumeWorkflow = workflow<Managing, object, RegionParts>(
  'volume.manage',
  [
    step<About<Managing>>(
      'take it on',
      async (run) => {
        const { volumeId, from } = run.input;
        const volume = await read(run, (tx) => findVolume(tx, volumeId));
        if (!volume) return;
        const { id, projectId, generation, sizeGiB, multiattach: shared } = volume;
        await asked(run.services.driver.volumes.ensure({ id, projectId, generation, sizeGiB, shared, source: { kind: 'volume', volumeId: from } }));
        await run.commit(async () => undefined);
      },
      undefined,
      { retry: patient },
    ),
    step<About<Managing>>(
      'let go of what it was',
      async (run) => {
        const { volumeId, from, fromGeneration } = run.input;
        await asked(run.services.driver.volumes.remove({ id: from, generation: fromGeneration }));
        // Whatever becomes of us, that one has gone.
        await run.write(async (tx) => void (await deleteUnmanaged(tx, from)));
        await run.commit((tx) => settle(tx, run, volumeId, async () => ({ status: 'available' }), 'volume.manage.end'));
      },
      undefined,
      { retry: patient },
    ),
  ],
  { deadlineSeconds: hour, onFailed: (tx, run, failure) => settle(tx, run, run.input.volumeId, async () => ({ status: 'error_managing', failure: reason(failure) }), 'volume.manage.error') },
);

type Reimaging = AboutVolume & { imageId: string; imageMetadata: Record<string, string> };

export const reimageVolumeWorkflow = workflow<Reimaging, object, RegionParts>(
  'volume.reimage',
  [
    step<About<Reimaging>>(
      'put the image on it',
      async (run) => {
        const { volumeId, imageId, imageMetadata } = run.input;
        const volume = await read(run, (tx) => findVolume(tx, volumeId));
        if (!volume) return;
        const { id, projectId, generation, epoch, sizeGiB } = volume;
        const image = await asked(read(run, (tx) => vettedImage(tx, imageId)));
        await asked(run.services.driver.volumes.ensure({ id, projectId, generation, epoch, sizeGiB, source: { kind: 'image', image }, keys: await keysOf(run.services, [volume]) }));
        await run.commit((tx) => settle(tx, run, id, async ({ previousStatus }) => ({ status: previousStatus ?? 'available', previousStatus: null, bootable: true, imageMetadata, failure: null }), 'volume.reimage.end'));
      },
      undefined,
      { retry: patient },
    ),
  ],
  {
    deadlineSeconds: hour,
    async onFailed(tx, run, failure) {
      const volume = await findVolume(tx, run.input.volumeId);
      if (volume) await report(at(tx, run), 'notReimaged', volume);
      await settle(tx, run, run.input.volumeId, async () => ({ status: 'error', failure: reason(failure) }), 'volume.reimage.error');
    },
  },
);
