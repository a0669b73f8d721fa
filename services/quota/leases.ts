/**
 * A region's part of limits that are one over all regions (contract/intercloud/federation/leases.ts). What a region holds is
 * never more than what home believes that it holds: it holds more only once home has said so, and says that it gives back
 * only when it does already. So the limit is kept whoever is cut off from whom.
 */
import { sql, type Transaction } from '../../kit/postgres/database.ts';

/** Of a kind that is counted: a resource of a project here, anything with a budget elsewhere. */
export type Wanted = { kind: string; subject: string; least: bigint; wish: bigint };
export type Held = { kind: string; subject: string; amount: bigint; limit: bigint | null; version: number };
export type GivenBack = { kind: string; subject: string; amount: bigint; version: number };
export type NewLimit = { kind: string; subject: string; amount: bigint | null };

/** Woken when the only region gets company. */
export const companyChannel = 'quota_company';

const mostAtOnce = 100;

export async function isLeased(tx: Transaction): Promise<boolean> {
  return (await tx.one<{ leased: boolean }>`select leased from quota.place`)?.leased === true;
}

/** A region that begins in a cloud of several holds nothing until home gives it something. */
export async function beginWithLeases(tx: Transaction): Promise<void> {
  await tx.run`update quota.place set leased = true`;
}

/** The only region gets company: from now on it holds what it uses, and has to ask for more. Resolves to what home must know of it. */
export async function adoptLeases(tx: Transaction): Promise<{ held: Omit<GivenBack, 'version'>[]; limits: NewLimit[] }> {
  // Who claims meanwhile waits, and then finds that it is so.
  await tx.run`lock table quota.claim in share row exclusive mode`;
  if (!(await isLeased(tx))) {
    await beginWithLeases(tx);
    await tx.run`update quota.claim set lease = used, lease_at_home = used where lease is null`;
    tx.wake(companyChannel);
  }
  const held = await tx.rows<Row>`select resource as kind, project_id as subject, lease_at_home::text as amount from quota.claim where lease_version = 0 and lease_at_home <> 0`;
  const limits = await tx.rows<Row>`select resource as kind, project_id as subject, most::text as amount from quota.claim where most is not null`;
  return { held: held.map((row) => ({ ...row, amount: BigInt(row.amount) })), limits: limits.map((row) => ({ ...row, amount: BigInt(row.amount) })) };
}

/** Takes in what home says, unless it is older than what is known. */
export async function takeHeld(tx: Transaction, held: readonly Held[]): Promise<void> {
  for (const { kind, subject, amount, limit, version } of held)
    await tx.run`
      insert into quota.claim as c (project_id, resource, most, lease, lease_at_home, lease_version)
      values (${subject}, ${kind}, ${limit}::bigint, ${amount}::bigint, ${amount}::bigint, ${version})
      on conflict (project_id, resource) do update
      set lease = excluded.lease, lease_at_home = excluded.lease_at_home, lease_version = excluded.lease_version,
        most = case when c.unsaid then c.most else excluded.most end
      where excluded.lease_version > c.lease_version`;
}

/** Takes in limits that were set anywhere; one that was set here since, and home was not told yet, stays. */
export async function takeLimits(tx: Transaction, limits: readonly NewLimit[]): Promise<void> {
  for (const { kind, subject, amount } of limits)
    await tx.run`
      insert into quota.claim as c (project_id, resource, most, lease) values (${subject}, ${kind}, ${amount}::bigint, 0)
      on conflict (project_id, resource) do update set most = excluded.most where not c.unsaid`;
}

/** Holds no more than is used of these, and resolves to what home is to be told: all of these, also where nothing was left. */
export async function letGo(tx: Transaction, recalled: readonly { kind: string; subject: string }[]): Promise<GivenBack[]> {
  const given: GivenBack[] = [];
  for (const { kind, subject } of recalled) {
    const row = await tx.one<Row & { version: number }>`
      update quota.claim set lease = case when lease = -1 then used else least(lease, used) end where resource = ${kind} and project_id = ${subject} and lease is not null
      returning resource as kind, project_id as subject, lease::text as amount, lease_version as version`;
    given.push(row ? asGivenBack(row) : { kind, subject, amount: 0n, version: 0 });
  }
  return given;
}

/** Lets go of most of what was not used, and resolves to what home does not know yet: also what an earlier answer was lost of. */
export async function letGoOfUnused(tx: Transaction): Promise<GivenBack[]> {
  // Money is kept for the days in which nobody can be asked for more; who needs it asks for it.
  await tx.run`update quota.claim set lease = used + (used + 3) / 4 where lease > used + (used + 3) / 4 and resource not like 'budget:%'`;
  const rows = await tx.rows<Row & { version: number }>`
    select resource as kind, project_id as subject, lease::text as amount, lease_version as version from quota.claim
    where lease <> lease_at_home order by 1, 2 limit ${mostAtOnce}`;
  return rows.map(asGivenBack);
}

/** Limits that were set here and home was not told yet. */
export async function listUnsaid(tx: Transaction): Promise<NewLimit[]> {
  const rows = await tx.rows<{ kind: string; subject: string; amount: string | null }>`
    select resource as kind, project_id as subject, most::text as amount from quota.claim where unsaid order by 1, 2 limit ${mostAtOnce}`;
  return rows.map((row) => ({ ...row, amount: row.amount === null ? null : BigInt(row.amount) }));
}

/** Home knows them now; one that was set anew meanwhile is said again. */
export async function markSaid(tx: Transaction, limits: readonly NewLimit[]): Promise<void> {
  for (const { kind, subject, amount } of limits)
    await tx.run`update quota.claim set unsaid = false where resource = ${kind} and project_id = ${subject} and most is not distinct from ${amount}::bigint`;
}

/** All that is held here, for the comparison with what home believes. */
export async function listHeld(tx: Transaction): Promise<{ kind: string; subject: string; amount: bigint; used: bigint }[]> {
  const rows = await tx.rows<Row & { used: string }>(sql`select resource as kind, project_id as subject, lease::text as amount, used::text as used from quota.claim where lease is not null`);
  return rows.map((row) => ({ ...row, amount: BigInt(row.amount), used: BigInt(row.used) }));
}

type Row = { kind: string; subject: string; amount: string };

function asGivenBack({ kind, subject, amount, version }: Row & { version: number }): GivenBack {
  return { kind, subject, amount: BigInt(amount), version };
}
