/**
 * What every process remembers so that looking at a token asks no database: the keys, the names of the
 * roles, and what was revoked. Kept current by a wake at each change; because a wake may be lost, nothing is
 * judged by what was read more than a second ago: a revoked token is refused within one second everywhere,
 * and here at once.
 */
import type { Clock, Random } from '../../kit/clock.ts';
import type { Log } from '../../kit/log.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import {
  countRoleChanges,
  deleteRevocations,
  deleteTokenKeys,
  ensureFirstTokenKey,
  insertRevocations,
  insertTokenKey,
  listRevocations,
  listRoleNumbers,
  listTokenKeys,
  replaceTokenKey,
  type Revocation,
  type StoredTokenKey,
} from './directory.store.ts';
import { expiredWindowMs, longestTokenMs } from './token-format.ts';
import { trustsEndedBy } from './trusts.store.ts';
import type { Vault } from './vault.ts';

export type Directory = {
  /** Rises with everything that may change what a token is worth. */
  readonly changes: number;
  key(id: number): Buffer | undefined;
  /** For the regions, which verify tokens too. */
  keys(): readonly { id: number; secret: Buffer }[];
  signingKey(now: Date): { id: number; secret: Buffer };
  roleName(number: number): string | undefined;
  role(number: number): { id: string; name: string } | undefined;
  isRevokedAfter(epoch: number, subjects: readonly string[]): boolean;
  /** Makes all tokens invalid that concern these subjects and were issued before the commit. What goes with them is deleted before. */
  revoke(tx: Transaction, subjects: readonly string[], now: Date): Promise<void>;
  /** A role was made, changed or deleted in this transaction: this one, or several. */
  rolesChanged(tx: Transaction, role?: ChangedRole): void;
  /** Makes a key that will sign from a moment on when every process knows it. */
  rotateKey(tx: Transaction, now: Date): Promise<void>;
  /** Rotates when the newest key has signed for long enough, and seals what an older key of the cloud has sealed, or none. */
  renewKeys(): Promise<void>;
  /** Undefined: what is remembered may be judged by. Otherwise wait for it. */
  current(): Promise<void> | undefined;
};

/** Woken by everything that changes what is remembered. */
export const directoryChannel = 'identity_directory';
const freshForMs = 1_000;
const betweenLooksMs = 100;
// A database that does not answer must not stop every service: then tokens are judged by what is known.
const lookWithinMs = 500;
const keyKnownAfterMs = 10_000;
const keyBytes = 32;
const keySignsMs = 24 * 3_600_000;
const tidyEveryMs = 3_600_000;
const placeOfKeys = 'token key';

/** Without a name it is gone. */
type ChangedRole = { id: string; number: number; name: string | undefined };
type TokenKey = { id: number; secret: Buffer; signsFrom: Date };

const everyone = { kind: 'system', reason: 'what every process remembers about tokens' } as const;

export function createDirectory({ database, clock, random, log, vault }: { database: Database; clock: Clock; random: Random; log: Log; vault: Vault }): Directory {
  let changes = 0;
  let keys: TokenKey[] = [];
  let roles = new Map<number, { id: string; name: string }>();
  let roleCount = -1;
  /** Changed here since the last look began. */
  let meanwhile: ChangedRole[] = [];
  const revokedAt = new Map<string, number>();
  let seen = 0;
  let begun: Promise<void> | undefined;
  let lookedAt = Number.NaN;
  let tidiedAt = clock.now().getTime();
  /** Something was revoked here that is not remembered yet. */
  let isBehind = false;
  let looking: Promise<void> | undefined;
  let soon: NodeJS.Timeout | undefined;
  let lookedSoonAt = -Infinity;
  /** What everybody waits for who comes while it is looked. */
  let waiting: Promise<void> | undefined;

  function remember(revocations: readonly Revocation[]): void {
    for (const { id, subject } of revocations) if (id > (revokedAt.get(subject) ?? 0)) revokedAt.set(subject, id);
    if (revocations.length > 0) changes += 1;
  }

  function rememberRole({ id, number, name }: ChangedRole): void {
    if (name === undefined) roles.delete(number);
    else roles.set(number, { id, name });
  }

  function opened({ id, secret, isSealed, signsFrom }: StoredTokenKey): TokenKey {
    const known = keys.find((key) => key.id === id);
    return known ?? { id, secret: isSealed ? vault.openKey(placeOfKeys, secret) : secret, signsFrom };
  }

  async function sealKeys(tx: Transaction): Promise<void> {
    for (const { id, secret, isSealed } of await listTokenKeys(tx)) {
      if (isSealed && !vault.isOutdated(secret)) continue;
      await replaceTokenKey(tx, id, { from: secret, to: vault.sealKey(placeOfKeys, isSealed ? vault.openKey(placeOfKeys, secret) : secret) });
    }
  }

  async function rotateKey(tx: Transaction, now: Date): Promise<void> {
    await insertTokenKey(tx, { secret: vault.sealKey(placeOfKeys, random.bytes(keyBytes)), now, signsFrom: new Date(now.getTime() + keyKnownAfterMs) });
    tx.wake(directoryChannel);
  }

  async function read(): Promise<void> {
    isBehind = false;
    meanwhile = [];
    const [stored, revocations, count] = await database.read(everyone, (tx) => Promise.all([listTokenKeys(tx), listRevocations(tx, seen), countRoleChanges(tx)]));
    keys = stored.map(opened);
    remember(revocations);
    seen = Math.max(seen, revocations.at(-1)?.id ?? 0);
    if (count === roleCount) return;
    const found = await database.read(everyone, listRoleNumbers);
    roles = new Map(found.map(({ number, id, name }) => [number, { id, name }]));
    meanwhile.forEach(rememberRole);
    roleCount = count;
    changes += 1;
  }

  /** What concerns no token that can still be asked about is forgotten, in the table and here. */
  async function tidy(): Promise<void> {
    const before = new Date(clock.now().getTime() - longestTokenMs - expiredWindowMs - tidyEveryMs);
    await database.transaction(everyone, async (tx) => {
      await deleteRevocations(tx, before);
      await deleteTokenKeys(tx, before);
    });
    const left = new Set((await database.read(everyone, (tx) => listRevocations(tx, 0))).map(({ subject }) => subject));
    for (const [subject, id] of revokedAt) if (id <= seen && !left.has(subject)) revokedAt.delete(subject);
  }

  /** One look at a time; whoever comes meanwhile gets one that begins afterwards. */
  function look(): Promise<void> {
    const next = (looking ?? Promise.resolve())
      .then(read)
      .catch((error: unknown) => log.warn({ err: error }, 'cannot read what was revoked: tokens are judged by what is known'))
      .finally(() => {
        lookedAt = clock.now().getTime();
        if (looking === next) looking = undefined;
        if (lookedAt - tidiedAt < tidyEveryMs) return;
        tidiedAt = lookedAt;
        tidy().catch((error: unknown) => log.warn({ err: error }, 'cannot forget old revocations; it is tried again in an hour'));
      });
    looking = next;
    return next;
  }

  /** At once after a pause, and within one again while much changes: each look may read all roles. */
  function lookSoon(): void {
    if (soon) return;
    soon = setTimeout(() => {
      soon = undefined;
      lookedSoonAt = performance.now();
      void look();
    }, Math.max(0, lookedSoonAt + betweenLooksMs - performance.now()));
    soon.unref();
  }

  function withPatience(work: Promise<void>): Promise<void> {
    const patience = new AbortController();
    return Promise.race([work, clock.after(lookWithinMs, patience.signal).catch(ignoreTheEnd)]).finally(() => patience.abort());
  }

  async function begin(): Promise<void> {
    await database.transaction(everyone, async (tx) => {
      await ensureFirstTokenKey(tx, { secret: vault.sealKey(placeOfKeys, random.bytes(keyBytes)), now: clock.now() });
      await sealKeys(tx);
    });
    await database.listen(directoryChannel, lookSoon);
    await read();
    lookedAt = clock.now().getTime();
  }

  function start(): Promise<void> {
    begun ??= begin().catch((error: unknown) => {
      begun = undefined;
      throw error;
    });
    return begun;
  }

  return {
    get changes() {
      return changes;
    },
    key: (id) => keys.find((key) => key.id === id)?.secret,
    keys: () => keys,
    signingKey(now) {
      const key = keys.findLast(({ signsFrom }) => signsFrom <= now) ?? keys[0];
      if (!key) throw new Error('a token was to be issued before the keys were read');
      return { id: key.id, secret: key.secret };
    },
    roleName: (number) => roles.get(number)?.name,
    role: (number) => roles.get(number),
    isRevokedAfter: (epoch, subjects) => subjects.some((subject) => (revokedAt.get(subject) ?? 0) > epoch),
    async revoke(tx, subjects, now) {
      if (subjects.length === 0) return;
      const trusts = await trustsEndedBy(tx, subjects);
      let revocations: Revocation[] = [];
      insertRevocations(tx, [...new Set([...subjects, ...trusts.map((id) => `trust:${id}`)])], now, (made) => (revocations = made));
      tx.afterCommit(() => {
        remember(revocations);
        const ids = revocations.map(({ id }) => id);
        const [first, last] = [Math.min(...ids), Math.max(...ids)];
        if (first === seen + 1 && last === seen + ids.length) return void (seen = last);
        // Others revoked something, or the database did for what was deleted: the next token that is looked at waits for that.
        isBehind = true;
        waiting = undefined;
      });
      tx.wake(directoryChannel);
    },
    rolesChanged(tx, role) {
      tx.afterCommit(() => {
        // The next token that is looked at waits for what is read now.
        if (!role) return void (lookedAt = Number.NaN);
        meanwhile.push(role);
        rememberRole(role);
        changes += 1;
      });
      tx.wake(directoryChannel);
    },
    rotateKey,
    async renewKeys() {
      const now = clock.now();
      await database.transaction(everyone, async (tx) => {
        await sealKeys(tx);
        const newest = (await listTokenKeys(tx)).at(-1);
        if (newest && now.getTime() - newest.signsFrom.getTime() >= keySignsMs) await rotateKey(tx, now);
      });
    },
    current() {
      if (Number.isNaN(lookedAt)) return start().then(() => (Number.isNaN(lookedAt) ? look() : undefined));
      // A clock that was set back says nothing about how long ago it was.
      if (!isBehind && Math.abs(clock.now().getTime() - lookedAt) < freshForMs) return undefined;
      waiting ??= withPatience(isBehind ? look() : (looking ?? look())).finally(() => {
        waiting = undefined;
      });
      return waiting;
    },
  };
}

/** The wait was given up because the look was quicker. */
function ignoreTheEnd(): void {}
