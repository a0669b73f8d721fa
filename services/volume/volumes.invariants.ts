/** What must always be true of volumes (FAILURES.md). */
import type { Transaction } from '../../kit/postgres/database.ts';
import { running } from '../../kit/workflow/runs.ts';
import type { Finding, Invariant, RegionParts } from '../parts.ts';
import { countedQuota } from '../quota/quotas.ts';
import { listAttachments } from './attachments.store.ts';
import { listSnapshotsInTransit, listStoredSnapshots } from './snapshots.store.ts';
import { countUse, findVolume, listInTransit, listStored } from './volumes.store.ts';

const looking = { kind: 'system', reason: 'invariants hold for every project' } as const;
const ours = { remedy: 'This is a fault of ours: report it.' };

export function volumeInvariants({ database, driver }: RegionParts): Invariant[] {
  const within = (check: (tx: Transaction) => Promise<Finding[]>) => () => database.read(looking, check);
  return [
    { id: 'I4', title: 'volumes, snapshots and gigabytes are counted as they are', check: within(quotaFindings) },
    { id: 'I5', title: 'every volume in use has its attachment, and every attachment its volume in use', check: within(attachmentFindings) },
    { id: 'I7', title: 'every volume and snapshot in transit has a workflow that ends it', check: within(transitFindings) },
    {
      id: 'I10',
      title: 'the storage holds the volumes and snapshots that there are, and nothing else',
      async check() {
        // Rows are made before their data and deleted after it: what is in transit may be on the storage or not.
        const before = await database.read(looking, stored);
        const storage = await driver.volumes.list();
        const after = await database.read(looking, stored);
        const unknown = [
          ...storage.volumes.filter(({ id }) => !before.volumes.has(id) && !after.volumes.has(id)).map(({ id }) => `volume ${id}`),
          ...storage.snapshots.filter(({ id }) => !before.snapshots.has(id) && !after.snapshots.has(id)).map(({ id }) => `snapshot ${id}`),
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

const settled = new Set(['available', 'reserved', 'in-use', 'detaching', 'uploading', 'maintenance']);

async function stored(tx: Transaction) {
  const [volumes, snapshots] = [await listStored(tx), await listStoredSnapshots(tx)];
  return { volumes: new Map(volumes.map((volume) => [volume.id, volume])), snapshots: new Map(snapshots.map((snapshot) => [snapshot.id, snapshot])) };
}

async function quotaFindings(tx: Transaction): Promise<Finding[]> {
  const use = new Map<string, number>((await countUse(tx)).flatMap(({ projectId, volumes, snapshots, gigabytes }) => [[`${projectId} volume.volumes`, volumes], [`${projectId} volume.snapshots`, snapshots], [`${projectId} volume.gigabytes`, gigabytes]] as const));
  const counted = new Map<string, number>((await countedQuota(tx, ['volume.volumes', 'volume.snapshots', 'volume.gigabytes'])).map(({ projectId, resource, used }) => [`${projectId} ${resource}`, used]));
  return [...new Set([...use.keys(), ...counted.keys()])]
    .filter((key) => (use.get(key) ?? 0) !== (counted.get(key) ?? 0))
    .map((key) => ({ message: `Project ${key.replace(' ', ' has of ')} ${use.get(key) ?? 0} and is charged for ${counted.get(key) ?? 0}`, ...ours }));
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
    ...(await listInTransit(tx)).map(({ id, status }) => ({ id, status, noun: 'Volume', subject: `volume/${id}` })),
    ...(await listSnapshotsInTransit(tx)).map(({ id, status }) => ({ id, status, noun: 'Snapshot', subject: `snapshot/${id}` })),
  ];
  for (const { id, status, noun, subject } of about)
    if ((await running(tx, subject)).length === 0) findings.push({ message: `${noun} ${id} is ${status}, and nothing is under way that ends it`, remedy: 'Is a worker running? Its reconciler makes it an error within a minute or two.' });
  return findings;
}
