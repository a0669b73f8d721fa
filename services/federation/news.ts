/** What a region must know at once (contract/intercloud/federation/feed.ts): found when it asks, and when something happens while it waits. */
import type { Static } from 'typebox';
import { seal } from '../../contract/intercloud/federation/invitations.ts';
import type { News, Standing, TokenKey } from '../../contract/intercloud/federation/feed.ts';
import { createHash } from 'node:crypto';
import type { Clock, Random } from '../../kit/clock.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import { directoryChannel, type Directory } from '../identity/directory.ts';
import { limitsChannel, limitsSince } from '../identity/limits-in-force.ts';
import { countRoleChanges, listRoleNumbers, revocationsSince } from '../identity/directory-news.ts';
import { listAllowances, listRecalls } from './leases.store.ts';
import { leasesChannel } from './leases.ts';
import { findSealKey, markSeen } from './regions.store.ts';

export type NewsParts = { database: Database; clock: Clock; random: Random; directory: Directory; wakes: Wakes; standing: StandingOf };

/** What other services have to say about a region. Told as a whole, with the keys, when either is another than before. */
export type StandingOf = (tx: Transaction, region: string) => Promise<Static<typeof Standing>>;

/** Where a region is: the newest revocation, change of roles, keys, limit and registered limit that it has heard of. */
type Cursor = { revocation: number; roles: number; keys: number; limit: number; bound: number };

const nothing: Cursor = { revocation: 0, roles: 0, keys: 0, limit: 0, bound: 0 };
const most = 5_000;
// A wake may be lost: a revocation reaches every region within a second all the same.
const lookEveryMs = 900;

const scope = { kind: 'system', reason: 'what regions must know' } as const;

/** Answers at once when there is something new, or nothing is to be waited for. */
export async function newsFor(parts: NewsParts, region: string, { after, waitMs, signal, byItself }: { after: string | undefined; waitMs: number; signal: AbortSignal; /** Not by an administrator who looks. */ byItself: boolean }): Promise<Static<typeof News>> {
  const { database, clock, directory, wakes } = parts;
  await directory.current();
  if (byItself) await database.transaction(scope, (tx) => markSeen(tx, region, clock.now()));
  const since = readCursor(after);
  const until = clock.now().getTime() + waitMs;
  for (;;) {
    const woken = wakes.next();
    const news = await database.read(scope, (tx) => look(parts, tx, region, since));
    const isNew = writeCursor(since) !== news.cursor || news.recalls.length > 0;
    if (isNew || after === undefined || signal.aborted || clock.now().getTime() >= until) return news;
    const patience = new AbortController();
    const stop = AbortSignal.any([patience.signal, signal]);
    await Promise.race([woken, clock.after(Math.min(lookEveryMs, until - clock.now().getTime()), stop).catch(endOfPatience)]);
    patience.abort();
  }
}

async function look({ directory, random, standing: standingOf }: NewsParts, tx: Transaction, region: string, since: Cursor): Promise<Static<typeof News>> {
  const revocations = await revocationsSince(tx, since.revocation, most);
  const roles = await countRoleChanges(tx);
  const tokenKeys: TokenKey[] = directory.keys().map(({ id, secret }) => ({ id, secret: secret.toString('base64url') }));
  const standing = await standingOf(tx, region);
  const keys = fingerprintOf(tokenKeys, standing);
  const limits = await listAllowances(tx, since.limit, most);
  const { bounds, ...heard } = await limitsSince(tx, { region, after: since.bound, most });
  const cursor: Cursor = { revocation: revocations.at(-1)?.id ?? since.revocation, roles, keys, limit: limits.at(-1)?.number ?? since.limit, bound: heard.last };
  const sealKey = (await findSealKey(tx, region))?.sealKey;
  return {
    cursor: writeCursor(cursor),
    more: revocations.length === most || limits.length === most || heard.more,
    // The first region needs no keys: it asks home's own directory.
    ...(keys !== since.keys && sealKey ? { keys: seal(sealKey, random.bytes(12), tokenKeys) } : {}),
    ...(roles === since.roles ? {} : { roles: (await listRoleNumbers(tx)).map(({ number, name }) => ({ number, name })) }),
    ...(keys === since.keys ? {} : { standing }),
    revocations: revocations.map(({ id, subject, at }) => ({ id, subject, at: at.toISOString() })),
    limits: limits.map(({ kind, subject, amount }) => ({ kind, subject, amount })),
    bounds: bounds.map(({ amount, ...rest }) => ({ ...rest, amount: amount === null ? null : String(amount) })),
    recalls: await listRecalls(tx, region),
  };
}

function readCursor(text: string | undefined): Cursor {
  if (text === undefined) return nothing;
  const [revocation = 0, roles = 0, keys = 0, limit = 0, bound = 0] = text.split('.').map(Number);
  return { revocation, roles, keys, limit, bound };
}

function writeCursor({ revocation, roles, keys, limit, bound }: Cursor): string {
  return [revocation, roles, keys, limit, bound].join('.');
}

/** Of which keys there are, not of what they are. */
function fingerprintOf(keys: readonly TokenKey[], standing: Static<typeof Standing>): number {
  return createHash('sha256').update(keys.map(({ id }) => id).join()).update(JSON.stringify(standing)).digest().readUIntBE(0, 6) % 1e15;
}

/** Who waits is woken together, by one ear at the database. */
export type Wakes = {
  /** Resolves at the next wake after it was called. */
  next(): Promise<void>;
  stop(): void;
};

export async function listenForWakes(database: Database, channels: readonly string[]): Promise<Wakes> {
  let waiting = Promise.withResolvers<void>();
  const wake = () => {
    waiting.resolve();
    waiting = Promise.withResolvers();
  };
  const stops: (() => void)[] = [];
  for (const channel of channels) stops.push(await database.listen(channel, wake));
  return { next: () => waiting.promise, stop: () => stops.forEach((stop) => stop()) };
}

/** Woken when a region's standing is another than before. */
export const standingChannel = 'federation_standing';

export const newsChannels = [directoryChannel, leasesChannel, limitsChannel, standingChannel];

/** Woken before, or told to stop. */
function endOfPatience(): void {}
