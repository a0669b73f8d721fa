/** What must always be true of volumes (FAILURES.md). */
import type { Transaction } from '../../kit/postgres/database.ts';
import { Unsealable } from '../../kit/sealing.ts';
import { running } from '../../kit/workflow/runs.ts';
import type { Finding, Invariant, RegionParts } from '../parts.ts';
import { countedQuota } from '../quota/quotas.ts';
import { countBackupUse, listBackupsInTransit, listPacks } from './backups.store.ts';
import { packStore } from './backups.workflow.ts';
import { listAttachments } from './attachments.store.ts';
import { listSealedKeys, listUnusedKeys, type SealedKey } from './disk-keys.store.ts';
import { demandOpenable } from './disk-keys.ts';
import { listGroupSnapshotsInTransit } from './group-snapshots.store.ts';
import { countGroups, listGroupsInTransit } from './groups.store.ts';
import { listUnmanaged } from './manageable.store.ts';
import { listSnapshotsInTransit, listStoredSnapshots } from './snapshots.store.ts';
import { countTypeUse, listTypeUse, perType } from './type-quotas.store.ts';
import { countUse, findVolume, listInTransit, listStored } from './volumes.store.ts';

const looking = { kind: 'system', reason: 'invariants hold for every project' } as const;
const ours = { remedy: 'This is a fault of ours: report it.' };

export function volumeInvariants({ database, driver, blobs, sealingKeys }: RegionParts): Invariant[] {
  const within = (check: (tx: Transaction) => Promise<Finding[]>) => () => database.read(looking, check);
  return [
    { id: 'I4', title: 'volumes, snapshots, backups and gigabytes are counted as they are', check: within(quotaFindings) },
    { id: 'I4', title: 'volumes, snapshots and gigabytes of each type are counted as they are', check: within(typeQuotaFindings) },
    { id: 'I5', title: 'every volume in use has its attachment, and every attachment its volume in use', check: within(attachmentFindings) },
    { id: 'I7', title: 'every volume and snapshot in transit has a workflow that ends it', check: within(transitFindings) },
    {
      id: 'I10',
      title: 'every key of a disk opens one that there is, and can be opened',
      check: within(async (tx) => [
        ...(await listUnusedKeys(tx)).map(({ id }) => ({ message: `The disk key ${id} opens nothing that there is`, ...ours })),
        ...(await listSealedKeys(tx)).flatMap((key) => lostKey(sealingKeys, key)),
      ]),
    },
    {
      id: 'I10',
      title: 'every backup has its data, and all data is of a backup',
      async check() {
        const before = await database.read(looking, listPacks);
        const kept = new Set(await (await packStore({ blobs })).list());
        const after = await database.read(looking, listPacks);
        const known = new Set([...before, ...after].flatMap(({ packs }) => packs));
        const complete = new Set(before.filter(({ status }) => status === 'available').map(({ id }) => id));
        return [
          ...[...kept].filter((pack) => !known.has(pack)).map((pack) => ({ message: `The data ${pack} is of no backup`, remedy: 'It is deleted within an hour.' })),
          ...after.filter(({ id, status, packs }) => status === 'available' && complete.has(id) && packs.some((pack) => !kept.has(pack))).map(({ id }) => ({ message: `Backup ${id} has lost data`, remedy: `Delete it: openstack volume backup delete ${id}` })),
        ];
      },
    },
    {
      id: 'I10',
      title: 'the storage holds the volumes and snapshots that there are, and nothing else',
      async check() {
        // Rows are made before their data and deleted after it: what is in transit may be on the storage or not.
        const before = await database.read(looking, stored);
        const storage = await driver.volumes.list();
        const after = await database.read(looking, stored);
        const letGo = new Set(await database.read(looking, listUnmanaged));
        const unknown = [
          ...storage.volumes.filter(({ id }) => !letGo.has(id) && !before.volumes.has(id) && !after.volumes.has(id)).map(({ id }) => `volume ${id}`),
          ...storage.snapshots.filter(({ id }) => !letGo.has(id) && !before.snapshots.has(id) && !after.snapshots.has(id)).map(({ id }) => `snapshot ${id}`),
        ].map((what) => ({ message: `The storage has ${what}, which the database does not know`, remedy: 'After a restored backup it may be a tenant’s: look at it before you delete it.' }));
        const sizes = new Map(storage.volumes.map(({ id, sizeGiB }) => [id, sizeGiB]));
        const taken = new Set(storage.snapshots.map(({ id }) => id));
        const lost = [...after.volumes]
          .filter(([id, { status, sizeGiB }]) => settled.has(status) && before.volumes.get(id)?.status === status && (sizes.get(id) ?? 0) < sizeGiB)
          .map(([id, { sizeGiB }]) => ({ message: `Volume ${id} of ${sizeGiB} GiB has ${sizes.get(id) ?? 'nothing'} on the storage`, remedy: 'Restore the storage from a backup.' }));
        const lostSnapshots = [...after.snapshots]
          .filter(([id, { status }]) => status === 'available' && before.snapshots.get(id)?.status === status && !taken.has(id))
          .map(([id]) => ({ message: `Snapshot ${id} is not on the storage`, remedy: 'Restore the storage from a backup.' }));
        return [...unknown, ...lost, ...lostSnapshots];
      },
    },
  ];
}

function lostKey(sealingKeys: RegionParts['sealingKeys'], key: SealedKey): Finding[] {
  try {
    demandOpenable(sealingKeys, key);
    return [];
  } catch (error) {
    if (!(error instanceof Unsealable)) throw error;
    return [{ message: error.message, remedy: 'What it opens cannot be read without it: put the file of keys back as it was' }];
  }
}

const settled = new Set(['available', 'reserved', 'in-use', 'detaching', 'uploading', 'maintenance']);

async function stored(tx: Transaction) {
  const [volumes, snapshots] = [await listStored(tx), await listStoredSnapshots(tx)];
  return { volumes: new Map(volumes.map((volume) => [volume.id, volume])), snapshots: new Map(snapshots.map((snapshot) => [snapshot.id, snapshot])) };
}

async function quotaFindings(tx: Transaction): Promise<Finding[]> {
  const use = new Map<string, number>((await countUse(tx)).flatMap(({ projectId, volumes, snapshots, gigabytes }) => [[`${projectId} volume.volumes`, volumes], [`${projectId} volume.snapshots`, snapshots], [`${projectId} volume.gigabytes`, gigabytes]] as const));
  for (const { projectId, groups } of await countGroups(tx)) use.set(`${projectId} volume.groups`, groups);
  for (const { projectId, backups, gigabytes } of await countBackupUse(tx)) use.set(`${projectId} volume.backups`, backups).set(`${projectId} volume.backup_gigabytes`, gigabytes);
  const counted = new Map<string, number>((await countedQuota(tx, ['volume.volumes', 'volume.snapshots', 'volume.gigabytes', 'volume.backups', 'volume.backup_gigabytes', 'volume.groups'])).map(({ projectId, resource, used }) => [`${projectId} ${resource}`, used]));
  return [...new Set([...use.keys(), ...counted.keys()])]
    .filter((key) => (use.get(key) ?? 0) !== (counted.get(key) ?? 0))
    .map((key) => ({ message: `Project ${key.replace(' ', ' has of ')} ${use.get(key) ?? 0} and is charged for ${counted.get(key) ?? 0}`, ...ours }));
}

async function typeQuotaFindings(tx: Transaction): Promise<Finding[]> {
  const [should, counted] = [await countTypeUse(tx), await listTypeUse(tx)];
  const use = new Map<string, number>(should.flatMap((each) => perType.map((resource) => [`${each.projectId} ${resource} of type ${each.typeId}`, each[resource]] as const)));
  const charged = new Map<string, number>(counted.map(({ projectId, typeId, resource, used }) => [`${projectId} ${resource} of type ${typeId}`, used]));
  return [...new Set([...use.keys(), ...charged.keys()])]
    .filter((key) => (use.get(key) ?? 0) !== (charged.get(key) ?? 0))
    .map((key) => ({ message: `Project ${key.replace(' ', ' has of ')} ${use.get(key) ?? 0} and is charged for ${charged.get(key) ?? 0}`, ...ours }));
}

async function attachmentFindings(tx: Transaction): Promise<Finding[]> {
  const attachments = await listAttachments(tx, [], { limit: 1_000_000 });
  const attached = new Map(attachments.map((attachment) => [attachment.volumeId, attachment]));
  const findings: Finding[] = [];
  for (const { id, status } of await listStored(tx))
    if (['reserved', 'in-use', 'detaching'].includes(status) && !attached.has(id)) findings.push({ message: `Volume ${id} is ${status} without an attachment`, remedy: `openstack volume set --state available ${id}` });
  for (const { id, volumeId, status } of attachments) {
    const volume = await findVolume(tx, volumeId);
    if (status === 'attached' && volume && ['available', 'reserved'].includes(volume.status)) findings.push({ message: `Attachment ${id} is attached and its volume ${volumeId} is ${volume.status}`, ...ours });
  }
  return findings;
}

async function transitFindings(tx: Transaction): Promise<Finding[]> {
  const findings: Finding[] = [];
  const about = [
    ...(await listInTransit(tx)).map((each) => ({ ...each, noun: 'Volume' })),
    ...(await listSnapshotsInTransit(tx)).map((each) => ({ ...each, noun: 'Snapshot' })),
    ...(await listGroupsInTransit(tx)).map((each) => ({ ...each, noun: 'Group', subject: `group/${each.id}` })),
    ...(await listGroupSnapshotsInTransit(tx)).map((each) => ({ ...each, noun: 'Group snapshot', subject: `group-snapshot/${each.id}` })),
    ...(await listBackupsInTransit(tx)).map(({ id, status, restoringTo }) => ({ id, status, noun: 'Backup', subject: status === 'restoring' ? `volume/${restoringTo}` : `backup/${id}` })),
  ];
  for (const { id, status, noun, subject } of about)
    if ((await running(tx, subject)).length === 0) findings.push({ message: `${noun} ${id} is ${status}, and nothing is under way that ends it`, remedy: 'Is a worker running? Its reconciler makes it an error within a minute or two.' });
  return findings;
}
