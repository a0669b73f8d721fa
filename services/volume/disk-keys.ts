/**
 * The keys of encrypted disks. Each volume and each snapshot has one of its own, so that it ends with what it opens: then no copy of
 * the bytes can be read by anybody. They lie sealed in the database, are opened for a driver at the moment of use, and go nowhere else.
 */
import type { DiskKeys } from '../../drivers/driver.ts';
import type { Random } from '../../kit/clock.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { seal, sealedBy, unseal, Unsealable, type SealingKey } from '../../kit/sealing.ts';
import type { RegionParts } from '../parts.ts';
import { deleteKey, findKeyIds, findKeys, insertKey, keepSealed, lockKeysOfOthers, lockUnmadeKeys, type SealedKey } from './disk-keys.store.ts';

type Keeping = Pick<RegionParts, 'database' | 'random' | 'sealingKeys'>;

const keyBytes = 32;
const rowsAtOnce = 200;
const working = { kind: 'system', reason: 'a driver needs the keys of what it works on' } as const;

/** A key to come: it is made when it is first needed, where the keys of the cloud are. */
export async function reserveKey(context: { tx: Transaction; now: Date; random: Pick<Random, 'uuid'> }, projectId: string): Promise<string> {
  const id = context.random.uuid();
  await insertKey(context.tx, { id, projectId, now: context.now });
  return id;
}

/** What it opened is gone, and nobody reads what is left of it. */
export async function destroyKey(tx: Transaction, id: string | null): Promise<void> {
  if (id !== null) await deleteKey(tx, id);
}

/** A disk, and the key that it has. */
export type Lockable = { id: string; keyId: string | null };

/** By the ids of those disks that are locked. What is made here is written down before anybody has it. */
export async function keysOf(parts: Keeping, disks: readonly Lockable[]): Promise<DiskKeys> {
  const locked = disks.flatMap(({ id, keyId }) => (keyId === null ? [] : [{ id, keyId }]));
  if (locked.length === 0) return {};
  const keyIds = locked.map(({ keyId }) => keyId);
  const stored = await parts.database.read(working, (tx) => findKeys(tx, keyIds));
  const opened = new Map(stored.some(({ sealed }) => sealed === null) ? await makeKeys(parts, keyIds) : stored.map(({ id, sealed }) => [id, open(parts.sealingKeys, { id, sealed: sealed! })]));
  // One whose key has gone is for its driver to refuse: it has none.
  return Object.fromEntries(locked.flatMap(({ id, keyId }) => (opened.has(keyId) ? [[id, opened.get(keyId)!]] : [])));
}

/** The second is the first one's secret under a name of its own; again does nothing. False: the first has gone. */
export async function copyKey(parts: Keeping, { from, to }: { from: string; to: string }): Promise<boolean> {
  const { [from]: key } = await keysOf(parts, [{ id: from, keyId: from }]);
  if (key === undefined) return false;
  await parts.database.transaction(working, async (tx) => {
    for (const { id } of await lockUnmadeKeys(tx, [to])) await keepSealed(tx, sealed(parts, id, key), newest(parts.sealingKeys).id);
  });
  return true;
}

async function makeKeys({ database, random, sealingKeys }: Keeping, ids: readonly string[]): Promise<[id: string, key: string][]> {
  return database.transaction(working, async (tx) => {
    for (const { id } of await lockUnmadeKeys(tx, ids)) await keepSealed(tx, sealed({ sealingKeys, random }, id, random.bytes(keyBytes).toString('hex')), newest(sealingKeys).id);
    return (await findKeys(tx, ids)).flatMap(({ id, sealed: bytes }) => (bytes === null ? [] : [[id, open(sealingKeys, { id, sealed: bytes })]]));
  });
}

/** For compute: of those of a server's volumes that are locked. */
export async function keysOfVolumes(parts: Keeping, volumeIds: readonly string[]): Promise<DiskKeys> {
  if (volumeIds.length === 0) return {};
  return keysOf(parts, await parts.database.read(working, (tx) => findKeyIds(tx, volumeIds)));
}

/** Seals anew what a key of the cloud has sealed that has been replaced since. */
export async function renewKeys({ database, random, sealingKeys }: Keeping): Promise<void> {
  const cloudKeyId = newest(sealingKeys).id;
  let more = true;
  while (more)
    more = await database.transaction({ kind: 'system', reason: 'sealing anew' }, async (tx) => {
      const rows = await lockKeysOfOthers(tx, cloudKeyId, rowsAtOnce);
      for (const row of rows) await keepSealed(tx, sealed({ sealingKeys, random }, row.id, open(sealingKeys, row)), cloudKeyId);
      return rows.length > 0;
    });
}

/** Throws `Unsealable`: what it opens is lost. */
export function demandOpenable(sealingKeys: readonly SealingKey[], key: SealedKey): void {
  open(sealingKeys, key);
}

function sealed({ sealingKeys, random }: Pick<Keeping, 'sealingKeys' | 'random'>, id: string, key: string): SealedKey {
  return { id, sealed: seal({ key: newest(sealingKeys), random, place: placeOf(id), plain: Buffer.from(key) }) };
}

function open(sealingKeys: readonly SealingKey[], { id, sealed: bytes }: SealedKey): string {
  const key = sealingKeys.find((each) => each.id === sealedBy(bytes));
  if (!key) throw new Unsealable(`The key of the cloud that the disk key ${id} was sealed by is not among those that this process was handed`);
  return unseal({ key, place: placeOf(id), sealed: bytes }).toString();
}

function newest([first]: readonly SealingKey[]): SealingKey {
  if (!first) throw new Error('This process was not handed a key to seal disk keys by');
  return first;
}

function placeOf(id: string): string {
  return `disk key ${id}`;
}
