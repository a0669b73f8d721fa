/**
 * Secrets that must be known again (of credentials, of consumers), sealed by a key of ours in the database, which is
 * sealed by the key of the cloud, which is not. Both can be replaced while everything runs.
 */
import type { Clock, Random } from '../../kit/clock.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import { keyFrom, seal, sealedBy, unseal, Unsealable, type SealingKey } from '../../kit/sealing.ts';
import { Secret } from '../../kit/secret.ts';
import {
  deleteUnusedKeys,
  findSealingKey,
  insertSealingKey,
  listSealingKeys,
  lockRowsOfOtherKeys,
  lockSealingKeys,
  newestSealingKey,
  nextSealingKeyId,
  replaceSealed,
  sealedTables,
  updateSealingKey,
  type SealedTable,
  type StoredKey,
} from './vault.store.ts';

export type Sealed = { sealed: Buffer; sealingKeyId: number };

export type Vault = {
  seal(tx: Transaction, table: SealedTable, id: string, plain: string): Promise<Sealed>;
  open(tx: Transaction, table: SealedTable, id: string, sealed: Buffer): Promise<string>;
  /** For keys themselves: by the key of the cloud. */
  sealKey(place: string, key: Buffer): Buffer;
  openKey(place: string, sealed: Buffer): Buffer;
  /** Whether it was sealed by a key of the cloud that has been replaced. */
  isOutdated(sealed: Buffer): boolean;
  /** Seals anew what an older key has sealed; makes a new key first when the newest has served its time. */
  renew(): Promise<void>;
};

const keyBytes = 32;
const keyServesMs = 30 * 24 * 3_600_000;
// A transaction that found it the newest may still be sealing with it.
const keyLingersMs = 3_600_000;
const rowsAtOnce = 200;

export function createVault({ database, clock, random, cloudKeys }: { database: Database; clock: Clock; random: Random; cloudKeys: readonly SealingKey[] }): Vault {
  const opened = new Map<number, SealingKey>();

  function cloudKey(): SealingKey {
    const [newest] = cloudKeys;
    if (!newest) throw new Error('This process was not handed the key of the cloud');
    return newest;
  }

  function sealKey(place: string, key: Buffer): Buffer {
    return seal({ key: cloudKey(), random, place, plain: key });
  }

  function openKey(place: string, sealed: Buffer): Buffer {
    const key = cloudKeys.find(({ id }) => id === sealedBy(sealed));
    if (!key) throw new Unsealable(`The key of the cloud that ${place} was sealed by is not among those in the file of keys`);
    return unseal({ key, place, sealed });
  }

  function open(stored: StoredKey): SealingKey {
    const known = opened.get(stored.id);
    if (known) return known;
    const key = { id: stored.id, secret: new Secret(openKey(placeOfKey(stored.id), stored.sealed)) };
    opened.set(stored.id, key);
    return key;
  }

  async function makeKey(tx: Transaction): Promise<StoredKey> {
    const id = await nextSealingKeyId(tx);
    const made = { id, sealed: sealKey(placeOfKey(id), random.bytes(keyBytes)), createdAt: clock.now() };
    await insertSealingKey(tx, made);
    return made;
  }

  async function newest(tx: Transaction): Promise<SealingKey> {
    const found = await newestSealingKey(tx);
    if (found) return open(found);
    await lockSealingKeys(tx);
    return open((await newestSealingKey(tx)) ?? (await makeKey(tx)));
  }

  async function keyOf(tx: Transaction, sealed: Buffer): Promise<SealingKey> {
    const id = sealedBy(sealed);
    const known = opened.get(id);
    if (known) return known;
    const stored = await findSealingKey(tx, id);
    if (!stored) throw new Unsealable(`There is no sealing key ${id}`);
    return open(stored);
  }

  async function renewRows(table: SealedTable): Promise<number> {
    return database.transaction(everything, async (tx) => {
      const key = await newest(tx);
      const rows = await lockRowsOfOtherKeys(tx, table, key.id, rowsAtOnce);
      for (const { id, sealed } of rows) {
        const place = placeOf(table, id);
        const plain = unseal({ key: await keyOf(tx, sealed), place, sealed });
        await replaceSealed(tx, table, { id, sealed: seal({ key, random, place, plain }) }, key.id);
      }
      return rows.length;
    });
  }

  const isOutdated = (sealed: Buffer) => sealedBy(sealed) !== cloudKey().id;

  return {
    async seal(tx, table, id, plain) {
      const key = await newest(tx);
      return { sealed: seal({ key, random, place: placeOf(table, id), plain: Buffer.from(plain) }), sealingKeyId: key.id };
    },
    async open(tx, table, id, sealed) {
      return unseal({ key: await keyOf(tx, sealed), place: placeOf(table, id), sealed }).toString();
    },
    sealKey,
    openKey,
    isOutdated,
    async renew() {
      const newestId = await database.transaction(everything, async (tx) => {
        await lockSealingKeys(tx);
        const keys = await listSealingKeys(tx);
        for (const { id, sealed } of keys) if (isOutdated(sealed)) await updateSealingKey(tx, { id, sealed: sealKey(placeOfKey(id), openKey(placeOfKey(id), sealed)) });
        const last = keys.at(-1);
        if (last && clock.now().getTime() - last.createdAt.getTime() < keyServesMs) return last.id;
        return (await makeKey(tx)).id;
      });
      for (const table of sealedTables) while ((await renewRows(table)) > 0) continue;
      await database.transaction(everything, (tx) => deleteUnusedKeys(tx, newestId, new Date(clock.now().getTime() - keyLingersMs)));
    },
  };
}

const everything = { kind: 'system', reason: 'sealing anew' } as const;

function placeOfKey(id: number): string {
  return `sealing key ${id}`;
}

function placeOf(table: SealedTable, id: string): string {
  return `${table} ${id}`;
}

/** For clouds that nobody else can read, such as those of tests. */
export function passingKey(random: Random): SealingKey {
  return keyFrom(random.bytes(keyBytes));
}
