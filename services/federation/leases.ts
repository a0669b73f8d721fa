/** Who holds how much of a limit that is one over all regions (contract/intercloud/federation/leases.ts): together never more than there is. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { everyProject, quotaDefaults, type QuotaResource } from '../quota/quotas.ts';
import { limitsInForce } from '../identity/limits-in-force.ts';
import type { GivenBack, Held, NewLimit, Wanted } from '../quota/leases.ts';
import { countAwaited, deleteRecall, findAllowance, insertRecall, listHolders, listHoldersOf, listHoldersOfKind, listLeases, lockLimit, putLease, setAllowance, setAllowanceUnlessThere, type Lease } from './leases.store.ts';

export type { Held } from '../quota/leases.ts';

/** Woken when something is given back, or asked for again. */
export const leasesChannel = 'federation_leases';

export const unlimited = -1n;

/** What is held after that; less than `least` where there is not so much, and then all others are asked to give back what they do not use. */
export async function askLease(tx: Transaction, region: string, { kind, subject, least, wish }: Wanted, { recall = true }: { /** False for who has asked them and looks again. */ recall?: boolean } = {}): Promise<Held> {
  await lockLimit(tx);
  const { own, shares } = await sharesIn(tx, region, { kind, subject });
  const target = mostWithin(shares, wish);
  if (own.amount === unlimited || isMore(own.amount, least)) return asHeld(own, await findAllowance(tx, kind, subject));
  if (target !== unlimited && target < least) {
    if (recall) {
      for (const holder of new Set(shares.flatMap(({ holders }) => holders))) if (holder.amount !== 0n) await insertRecall(tx, holder);
      tx.wake(leasesChannel);
    }
    return asHeld(own, await findAllowance(tx, kind, subject));
  }
  return asHeld(await putLease(tx, { region, kind, subject, amount: target }), await findAllowance(tx, kind, subject));
}

/** What is to be waited for until there may be more of it. */
export async function awaitedFor(tx: Transaction, { kind, subject }: Pick<Wanted, 'kind' | 'subject'>, { region, seenAfter }: { region: string; seenAfter: Date }): Promise<number> {
  const { domain } = (await limitsInForce(tx, { kind, projectId: subject, region })) ?? {};
  return countAwaited(tx, { kind, subjects: [subject, ...(domain?.projectIds ?? [])], seenAfter });
}

type Share = { limit: bigint; holders: readonly Lease[] };

function mostWithin(shares: readonly Share[], wish: bigint): bigint {
  if (shares.length === 0) return unlimited;
  const room = shares.map(({ limit, holders }) => roomFor(limit, holders)).reduce((one, other) => (one < other ? one : other));
  return room < 0n ? 0n : lesser(room, wish);
}

/** Each limit that a region's part has to fit into, with who else holds of it. */
async function sharesIn(tx: Transaction, region: string, { kind, subject }: Pick<Wanted, 'kind' | 'subject'>): Promise<{ own: Lease; shares: Share[] }> {
  const inForce = await limitsInForce(tx, { kind, projectId: subject, region });
  const holders = await (inForce?.domain ? listHoldersOf(tx, kind, [subject, ...inForce.domain.projectIds]) : listHolders(tx, kind, subject));
  const own = holders.find((each) => each.region === region && each.subject === subject);
  const others = holders.filter((each) => each !== own);
  const shares = [
    { limit: await limitOf(tx, kind, subject), holders: others.filter((each) => each.subject === subject) },
    { limit: inForce?.domain?.shared ?? unlimited, holders: others },
    { limit: inForce?.domain?.here ?? unlimited, holders: others.filter((each) => each.region === region) },
  ];
  return { own: own ?? { region, kind, subject, amount: 0n, version: 0 }, shares: shares.filter(({ limit }) => limit !== unlimited) };
}

/** Whoever gives back has stopped to use it. What home has granted since that version was not meant. */
export async function giveBackLease(tx: Transaction, region: string, { kind, subject, amount, version }: GivenBack): Promise<Held> {
  await lockLimit(tx);
  const own = (await listHolders(tx, kind, subject)).find((each) => each.region === region) ?? { region, kind, subject, amount: 0n, version: 0 };
  await deleteRecall(tx, own);
  tx.wake(leasesChannel);
  const fits = own.version === version && amount !== unlimited && (own.amount === unlimited || amount < own.amount);
  return asHeld(fits ? await putLease(tx, { region, kind, subject, amount }) : own, await findAllowance(tx, kind, subject));
}

/** A limit below what is held takes nothing away: who holds it is asked to give back what is not used. */
export async function setLimit(tx: Transaction, limit: NewLimit): Promise<void> {
  await lockLimit(tx);
  await setAllowance(tx, limit);
  const { kind, subject } = limit;
  if (subject === everyProject) await recallAbove(tx, kind);
  const [now, holders] = [await limitOf(tx, kind, subject), await listHolders(tx, kind, subject)];
  if (now !== unlimited && roomFor(now, holders) < 0n) for (const { region, amount } of holders) if (amount !== 0n) await insertRecall(tx, { region, kind, subject });
  tx.wake(leasesChannel);
}

/** Of projects that hold more than what all have now. */
async function recallAbove(tx: Transaction, kind: string): Promise<void> {
  const common = await commonOf(tx, kind);
  if (common === unlimited) return;
  for (const [subject, holders] of Map.groupBy(await listHoldersOfKind(tx, kind), (each) => each.subject))
    if (roomFor(await limitOf(tx, kind, subject), holders) < 0n) for (const holder of holders) if (holder.amount !== 0n) await insertRecall(tx, holder);
}

/** Unless it was set before. */
export async function ensureLimit(tx: Transaction, limit: NewLimit): Promise<void> {
  await lockLimit(tx);
  if (await setAllowanceUnlessThere(tx, limit)) tx.wake(leasesChannel);
}

/** What all regions hold of it. */
export async function heldOf(tx: Transaction, kind: string, subject: string): Promise<bigint> {
  return (await listHolders(tx, kind, subject)).reduce((sum, { amount }) => sum + amount, 0n);
}

export async function leasesOf(tx: Transaction, region: string): Promise<Held[]> {
  const held: Held[] = [];
  for (const lease of await listLeases(tx, region)) held.push(asHeld(lease, await findAllowance(tx, lease.kind, lease.subject)));
  return held;
}

/** The least of what was set and what is registered, or the default of its kind; of what has no default there is nothing. */
export async function limitOf(tx: Transaction, kind: string, subject: string): Promise<bigint> {
  const set = await findAllowance(tx, kind, subject);
  // Of no region in particular.
  const inForce = await limitsInForce(tx, { kind, projectId: subject, region: '' });
  if (inForce?.shared != null) return set === undefined ? inForce.shared : lesser(set, inForce.shared);
  return set ?? (inForce?.onlyRegional === true ? unlimited : commonOf(tx, kind));
}

/** Of every project that has none of its own: as an operator has said, in whichever region, or as the service comes. */
async function commonOf(tx: Transaction, kind: string): Promise<bigint> {
  return (await findAllowance(tx, kind, everyProject)) ?? defaultOf(kind);
}

export function defaultOf(kind: string): bigint {
  return kind in quotaDefaults ? BigInt(quotaDefaults[kind as QuotaResource]) : 0n;
}

/** What is left beside these; below nothing where they hold more than there is. */
function roomFor(limit: bigint, holders: readonly Lease[]): bigint {
  if (holders.some(({ amount }) => amount === unlimited)) return -1n;
  return holders.reduce((room, { amount }) => room - amount, limit);
}

function lesser(one: bigint, other: bigint): bigint {
  if (one === unlimited || other === unlimited) return one === unlimited ? other : one;
  return one < other ? one : other;
}

function isMore(amount: bigint, least: bigint): boolean {
  return least !== unlimited && amount >= least;
}

function asHeld({ kind, subject, amount, version }: Lease, limit: bigint | undefined): Held {
  return { kind, subject, amount, limit: limit ?? null, version };
}
