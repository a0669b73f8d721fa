/** How the bytes of volumes come into backups, and out of them again. */
import type { VettedImage } from '../../drivers/driver.ts';
import type { DiskFormat } from '../../kit/qcow2.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { step, workflow } from '../../kit/workflow/workflow.ts';
import { acceptDisk, judgeCapture } from '../image/uploads.ts';
import type { RegionParts } from '../parts.ts';
import { releaseQuota } from '../quota/quotas.ts';
import { unpack, writePack } from './backup-packs.ts';
import { deleteBackupRow, findBackup, isPackNeeded, lockBackup, updateBackup, type BackupChange } from './backups.store.ts';
import { copyKey, destroyKey, keysOf } from './disk-keys.ts';
import { report } from './messages.ts';
import { findSnapshot, lockSnapshot, updateSnapshot } from './snapshots.store.ts';
import { asked, at, demandPlace, findPlace, patient, read, reason, Refused, settle, type About } from './steps.ts';
import { tellBackup, tellSnapshot } from './volume-events.ts';
import { namedBackups } from './volume-quotas.ts';
import { findVolume } from './volumes.store.ts';

type AboutBackup = { backupId: string };
const hours = 3600;

export const createBackupWorkflow = workflow<AboutBackup, object, RegionParts>(
  'volume.backup.create',
  [
    step<About<AboutBackup>>(
      'read the volume',
      async (run) => {
        const backup = await read(run, (tx) => findBackup(tx, run.input.backupId));
        if (!backup) return;
        const { volumeId, snapshotId } = backup;
        const disk = backup.keyId === null ? undefined : await read(run, async (tx) => (snapshotId === null ? findVolume(tx, volumeId) : findSnapshot(tx, snapshotId)));
        if (backup.keyId !== null && (disk?.keyId == null || !(await copyKey(run.services, { from: disk.keyId, to: backup.keyId })))) throw new Refused('The key of what is to be kept has gone');
        // What is encrypted stays so on all its ways.
        const locked = disk === undefined ? {} : { locked: true, keys: await keysOf(run.services, [disk]) };
        await asked(run.services.driver.volumes.capture({ volumeId, upload: captureName(backup.id), ...(snapshotId === null ? {} : { snapshotId }), ...locked }));
      },
      ({ services, input }) => services.blobs.discard(captureName(input.backupId)),
      { retry: patient },
    ),
    step<About<AboutBackup>>(
      'keep its data',
      async (run) => {
        const { services, input } = run;
        const backup = await read(run, (tx) => findBackup(tx, input.backupId));
        if (!backup) return;
        const store = await packStore(services);
        await asked(judgeCapture(services, { upload: captureName(backup.id), locked: backup.keyId !== null }));
        const parent = backup.parentId === null ? null : ((await read(run, (tx) => findBackup(tx, backup.parentId!)))?.pack ?? null);
        if (backup.parentId !== null && parent === null) throw new Refused('The backup on which it builds has gone');
        const pack = await writePack(store, { upload: packName(backup.id), owner: backup.id, disk: services.blobs.incomingPath(captureName(backup.id)), format: formatOf(backup), parent });
        // The row first: what no row knows is swept away.
        await run.write((tx) => change(tx, run, backup.id, { pack: pack.sha256, packs: pack.packs, objectCount: pack.pieces }));
        await store.keep(packName(backup.id), pack.sha256);
        await store.discard(packName(backup.id));
        await services.blobs.discard(captureName(backup.id));
        await run.commit(async (tx) => {
          await change(tx, run, backup.id, { status: 'available' }, 'backup.create.end');
          await letGo(tx, run, backup);
        });
      },
      async (run) => {
        const { services, input } = run;
        const store = await packStore(services);
        await store.discard(packName(input.backupId));
        const packs = (await read(run, (tx) => findBackup(tx, input.backupId)))?.pack;
        await run.write((tx) => change(tx, run, input.backupId, { pack: null, packs: [] }));
        if (packs != null) await sweepPack(services, packs);
      },
      { retry: patient },
    ),
  ],
  {
    deadlineSeconds: 12 * hours,
    async onFailed(tx, run, failure) {
      const backup = await lockBackup(tx, run.input.backupId);
      if (!backup) return;
      await change(tx, run, backup.id, { status: 'error', failure: reason(failure) }, 'backup.create.error');
      await report(at(tx, run), 'noBackup', backup);
      await letGo(tx, run, backup);
    },
    async onSettled(tx, run, outcome) {
      const backup = outcome === 'superseded' ? await findBackup(tx, run.input.backupId) : undefined;
      if (backup) await letGo(tx, run, backup);
    },
  },
);

/** The volume or snapshot is as it was before. */
async function letGo(tx: Transaction, run: About<AboutBackup>, { id, volumeId, snapshotId }: { id: string; volumeId: string; snapshotId: string | null }): Promise<void> {
  if (snapshotId !== null) {
    const snapshot = await lockSnapshot(tx, snapshotId);
    if (snapshot?.workedOnAs !== subjectOf(id)) return;
    const changed = { ...snapshot, status: 'available', workedOnAs: null };
    await updateSnapshot(tx, changed, run.services.clock.now());
    await tellSnapshot(at(tx, run), 'snapshot.backup.end', changed);
  } else if ((await findVolume(tx, volumeId))?.workedOnAs === subjectOf(id)) await settle(tx, run, volumeId, async ({ previousStatus }) => ({ status: previousStatus ?? 'available', previousStatus: null }), 'volume.backup.end');
}

export const deleteBackupWorkflow = workflow<AboutBackup, object, RegionParts>(
  'volume.backup.delete',
  [
    step<About<AboutBackup>>('forget it', async (run) => {
      await run.services.blobs.discard(captureName(run.input.backupId));
      const pack = (await read(run, (tx) => findBackup(tx, run.input.backupId)))?.pack ?? null;
      await run.write(async (tx) => {
        const row = await lockBackup(tx, run.input.backupId);
        if (!row || (await deleteBackupRow(tx, row.id)) === 0) return;
        await destroyKey(tx, row.keyId);
        await releaseQuota(tx, row.projectId, namedBackups({ backups: 1, gigabytes: row.sizeGiB }));
        await tellBackup(at(tx, run), 'backup.delete.end', { ...row, status: 'deleted' });
      });
      // If we end here, `sweepPacks` does it.
      if (pack !== null) await sweepPack(run.services, pack);
    }, undefined, { retry: patient }),
  ],
  // As in cinder/backup/manager.py: whoever may delete it may try again.
  { deadlineSeconds: hours, onFailed: (tx, run, failure) => change(tx, run, run.input.backupId, { status: 'error', failure: reason(failure) }, 'backup.delete.error') },
);

type Restoring = AboutBackup & { volumeId: string };
type Assembled = { image: VettedImage };

export const restoreBackupWorkflow = workflow<Restoring, Assembled, RegionParts>(
  'volume.backup.restore',
  [
    step<About<Restoring, Assembled>>(findPlace, async (run) => {
      const volume = await read(run, (tx) => findVolume(tx, run.input.volumeId));
      // One that is there has its place.
      if (volume?.epoch === 0) await demandPlace(run, run.input.volumeId);
    }),
    step<About<Restoring, Assembled>>('put its data together', async (run) => {
      const { services, input } = run;
      const backup = await read(run, (tx) => findBackup(tx, input.backupId));
      if (backup?.pack == null) throw new Refused('The backup has no data');
      const upload = assemblyName(input.volumeId);
      try {
        await unpack(await packStore(services), { pack: backup.pack, to: services.blobs.incomingPath(upload), format: formatOf(backup), sizeBytes: backup.sizeGiB * 2 ** 30 });
        const image = await asked(acceptDisk(services, { id: input.volumeId, upload, locked: backup.keyId !== null }));
        await run.commit(async () => ({ image }));
      } finally {
        await services.blobs.discard(upload);
      }
    }),
    step<About<Restoring, Assembled>>(
      'write it to the volume',
      async (run) => {
        const { services, input, state } = run;
        const [volume, from] = await read(run, async (tx) => [await findVolume(tx, input.volumeId), await findBackup(tx, input.backupId)] as const);
        if (!volume) throw new Refused('The volume has gone');
        if (!from) throw new Refused('The backup has gone');
        const { id, projectId, generation, epoch, sizeGiB, multiattach: shared, encryption } = volume;
        await asked(services.driver.volumes.ensure({ id, projectId, generation, epoch, sizeGiB, shared, encryption, keys: await keysOf(services, [volume, from]), source: { kind: 'image', image: state.image!, ...(from.keyId === null ? {} : { lockedAs: from.id }) } }));
        await run.commit(async (tx) => {
          const backup = await lockBackup(tx, input.backupId);
          const facts = backup?.volumeFacts;
          await settle(tx, run, id, async ({ metadata }) => ({ status: 'available', failure: null, ...(facts ? { bootable: facts.bootable, imageMetadata: facts.imageMetadata, metadata: { ...metadata, ...facts.metadata } } : {}) }), 'volume.restore.end');
        });
      },
      undefined,
      { retry: patient },
    ),
  ],
  {
    deadlineSeconds: 2 * hours,
    async onFailed(tx, run, failure) {
      const volume = await findVolume(tx, run.input.volumeId);
      if (volume) await report(at(tx, run), 'notRestored', { id: run.input.backupId, projectId: volume.projectId });
      await settle(tx, run, run.input.volumeId, async () => ({ status: 'error_restoring', failure: reason(failure) }), 'volume.restore.error');
    },
    // However it ends, the backup is as it was.
    async onSettled(tx, run) {
      const backup = await lockBackup(tx, run.input.backupId);
      if (backup?.status === 'restoring' && backup.restoringTo === run.input.volumeId) await change(tx, run, backup.id, { status: 'available', restoringTo: null }, 'backup.restore.end');
    },
  },
);

/** Packs that no backup needs: left behind where a process ended between a row and its file. */
export async function sweepPacks(parts: Pick<RegionParts, 'blobs' | 'database'>): Promise<void> {
  for (const pack of await (await packStore(parts)).list()) await sweepPack(parts, pack);
}

async function sweepPack(parts: Pick<RegionParts, 'blobs' | 'database'>, pack: string): Promise<void> {
  const needed = () => parts.database.read(sweeping, (tx) => isPackNeeded(tx, pack));
  if (await needed()) return;
  const aside = await (await packStore(parts)).setAside(pack);
  // An import may have come to know it meanwhile.
  if (aside) await ((await needed()) ? aside.restore() : aside.destroy());
}

const sweeping = { kind: 'system', reason: 'packs are shared between projects by records that were imported' } as const;

export function packStore({ blobs }: Pick<RegionParts, 'blobs'>) {
  return blobs.area('backups');
}

async function change(tx: Transaction, run: About<unknown>, id: string, changes: BackupChange, event?: string): Promise<void> {
  const backup = await lockBackup(tx, id);
  if (!backup) return;
  await updateBackup(tx, id, changes, run.services.clock.now());
  if (event !== undefined) await tellBackup(at(tx, run), event, { ...backup, ...changes });
}

/** Of a locked disk the file is kept, of another what is on it. */
function formatOf({ keyId }: { keyId: string | null }): DiskFormat {
  return keyId === null ? 'qcow2' : 'raw';
}

function captureName(backupId: string): string {
  return `backup-${backupId}`;
}

function packName(backupId: string): string {
  return `pack-${backupId}`;
}

function assemblyName(volumeId: string): string {
  return `restore-${volumeId}`;
}

function subjectOf(backupId: string): string {
  return `backup/${backupId}`;
}
