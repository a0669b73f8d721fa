/** Who holds how much of a limit that is one over all regions (contract/intercloud/federation/leases.ts): together never more than there is. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { quotaDefaults, type QuotaResource } from '../quota/quotas.ts';
import type { GivenBack, Held, NewLimit, Wanted } from '../quota/leases.ts';
import { deleteRecall, findAllowance, insertRecall, listHolders, listLeases, lockLimit, putLease, setAllowance, type Lease } from './leases.store.ts';

export type { Held } from '../quota/leases.ts';

/** Woken when something is given back, or asked for again. */
export const leasesChannel = 'federation_leases';

export const unlimited = -1n;

/** What is held after that; less than `least` where there is not so much, and then all others are asked to give back what they do not use. */
export async function askLease(tx: Transaction, region: string, { kind, subject, least, wish }: Wanted, { recall = true }: { /** False for who has asked them and looks again. */ recall?: boolean } = {}): Promise<Held> {
  await lockLimit(tx);
  const limit = await limitOf(tx, kind, subject);
  const holders = await listHolders(tx, kind, subject);
  const own = holders.find((each) => each.region === region) ?? { region, kind, subject, amount: 0n, version: 0 };
  const others = holders.filter((each) => each.region !== region);
  const room = roomFor(limit, others);
  const target = limit === unlimited ? unlimited : room < wish ? room : wish;
  if (own.amount === unlimited || isMore(own.amount, least)) return asHeld(own, await findAllowance(tx, kind, subject));
  if (target !== unlimited && target < least) {
    if (recall) {
      for (const { region: holder, amount } of others) if (amount !== 0n) await insertRecall(tx, { region: holder, kind, subject });
      tx.wake(leasesChannel);
    }
    return asHeld(own, await findAllowance(tx, kind, subject));
  }
  return asHeld(await putLease(tx, { region, kind, subject, amount: target }), await findAllowance(tx, kind, subject));
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
  const [now, holders] = [await limitOf(tx, kind, subject), await listHolders(tx, kind, subject)];
  if (now !== unlimited && roomFor(now, holders) < 0n) for (const { region, amount } of holders) if (amount !== 0n) await insertRecall(tx, { region, kind, subject });
  tx.wake(leasesChannel);
}

export async function leasesOf(tx: Transaction, region: string): Promise<Held[]> {
  const held: Held[] = [];
  for (const lease of await listLeases(tx, region)) held.push(asHeld(lease, await findAllowance(tx, lease.kind, lease.subject)));
  return held;
}

/** What was set, or the default of its kind; of what has no default there is nothing. */
export async function limitOf(tx: Transaction, kind: string, subject: string): Promise<bigint> {
  return (await findAllowance(tx, kind, subject)) ?? defaultOf(kind);
}

export function defaultOf(kind: string): bigint {
  return kind in quotaDefaults ? BigInt(quotaDefaults[kind as QuotaResource]) : 0n;
}

/** What is left beside these; below nothing where they hold more than there is. */
function roomFor(limit: bigint, holders: readonly Lease[]): bigint {
  if (holders.some(({ amount }) => amount === unlimited)) return -1n;
  return holders.reduce((room, { amount }) => room - amount, limit);
}

function isMore(amount: bigint, least: bigint): boolean {
  return least !== unlimited && amount >= least;
}

function asHeld({ kind, subject, amount, version }: Lease, limit: bigint | undefined): Held {
  return { kind, subject, amount, limit: limit ?? null, version };
}
