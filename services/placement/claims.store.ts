/** The only statements that change what hosts have and what is claimed of it. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { HostReport } from '../../drivers/driver.ts';

export type Amount = { resourceClass: string; amount: number };

export type Wanted = {
  amounts: readonly Amount[];
  exclude: readonly string[];
  onlyHostname: string | null;
  availabilityZone: string | null;
  seenAfter: Date;
  required: readonly string[];
  forbidden: readonly string[];
  /** Each of these has to be said of a group that the host is in. */
  groupKeys: readonly string[];
  groupValues: readonly string[];
};

const takesServers = ({ seenAfter }: Wanted) => sql`(provider.enabled and not provider.forced_down and provider.seen_at >= ${seenAfter})`;
const isInZone = ({ availabilityZone, onlyHostname }: Wanted) => sql`
  ((${availabilityZone}::text is null or provider.availability_zone = ${availabilityZone}) and (${onlyHostname}::text is null or provider.hostname = ${onlyHostname}))`;
const hasTraits = ({ required, forbidden }: Wanted) => sql`
  (not exists (select from unnest(${[...required]}::text[]) as wish (trait) where not exists (select from placement.provider_trait own where own.provider_id = provider.id and own.trait = wish.trait))
    and not exists (select from placement.provider_trait own where own.provider_id = provider.id and own.trait = any(${[...forbidden]}::text[])))`;
const isInGroups = ({ groupKeys, groupValues }: Wanted) => sql`
  not exists (
    select from unnest(${[...groupKeys]}::text[], ${[...groupValues]}::text[]) as wish (key, value)
    where not exists (
      select from placement.provider_aggregate member join placement.aggregate on aggregate.id = member.aggregate_id
      where member.provider_id = provider.id and aggregate.metadata ->> wish.key = wish.value
    )
  )`;

export type Refusal = { hosts: number; inService: number; inZone: number; inGroups: number; withTraits: number; untried: number };

/** How many hosts are left after each thing that is asked of them; what is not among them has no room. */
export async function countSuitable(tx: Transaction, wanted: Wanted): Promise<Refusal> {
  const counted = await tx.one<Refusal>`
    select count(*)::int as hosts, count(*) filter (where service)::int as "inService", count(*) filter (where service and zone)::int as "inZone",
      count(*) filter (where service and zone and groups)::int as "inGroups", count(*) filter (where service and zone and groups and traits)::int as "withTraits",
      count(*) filter (where service and zone and groups and traits and untried)::int as untried
    from (
      select ${takesServers(wanted)} as service, ${isInZone(wanted)} as zone, ${isInGroups(wanted)} as groups, ${hasTraits(wanted)} as traits, provider.id <> all(${[...wanted.exclude]}::text[]) as untried
      from placement.provider where provider.report is not null
    ) as host`;
  return counted ?? { hosts: 0, inService: 0, inZone: 0, inGroups: 0, withTraits: 0, untried: 0 };
}

/** Hosts where it would fit now, the emptiest first. Not locked: whoever claims one looks again. */
export function findCandidates(tx: Transaction, wanted: Wanted): Promise<{ id: string }[]> {
  const { amounts, exclude } = wanted;
  return tx.rows<{ id: string }>`
    select provider.id
    from placement.provider
    join lateral (
      select count(*) as classes, min(1 - (inventory.used + wanted.amount) / nullif(floor((inventory.total - inventory.reserved) * inventory.allocation_ratio), 0)) as free
      from placement.inventory
      join unnest(${classesOf(amounts)}::text[], ${numbersOf(amounts)}::bigint[]) as wanted (resource_class, amount) using (resource_class)
      where inventory.provider_id = provider.id
        and inventory.used + wanted.amount <= floor((inventory.total - inventory.reserved) * inventory.allocation_ratio)
        and wanted.amount between inventory.min_unit and inventory.max_unit and wanted.amount % inventory.step_size = 0
    ) as room on room.classes = ${amounts.length}
    where ${takesServers(wanted)} and provider.report is not null and provider.id <> all(${[...exclude]}::text[]) and ${isInZone(wanted)} and ${hasTraits(wanted)} and ${isInGroups(wanted)}
    -- By id at the end, so that the order is the same for all who ask at the same moment.
    order by room.free desc, provider.id
    limit 10`;
}

/** Claims of one host come one after another from here on. */
export function lockProvider(tx: Transaction, id: string): Promise<{ id: string } | undefined> {
  return tx.one<{ id: string }>`select id from placement.provider where id = ${id} for no key update`;
}

/** Changes by these amounts, all of them or (when one does not fit) none. */
export async function addUse(tx: Transaction, providerId: string, amounts: readonly Amount[]): Promise<boolean> {
  const changed = await tx.run`
    with wanted as (select * from unnest(${classesOf(amounts)}::text[], ${numbersOf(amounts)}::bigint[]) as wanted (resource_class, amount))
    update placement.inventory
    set used = inventory.used + wanted.amount
    from wanted
    where inventory.provider_id = ${providerId} and inventory.resource_class = wanted.resource_class
      and not exists (
        select from placement.inventory as other join wanted as more using (resource_class)
        where other.provider_id = ${providerId} and more.amount > 0
          and other.used + more.amount > floor((other.total - other.reserved) * other.allocation_ratio)
      )`;
  return changed === amounts.length;
}

export type Consumer = { consumerId: string; projectId: string; userId: string };

/** A server's: made by its first claim, and another generation after each. */
export async function upsertServerConsumer(tx: Transaction, { consumerId, projectId, userId }: Consumer, now: Date): Promise<void> {
  await tx.run`
    insert into placement.consumer as consumer (id, project_id, user_id, type, generation, is_server, created_at, updated_at)
    values (${consumerId}, ${projectId}, ${userId}, 'INSTANCE', 1, true, ${now}, ${now})
    on conflict (id) do update set generation = consumer.generation + 1, updated_at = excluded.updated_at, is_server = true`;
}

/** Who claims nothing any more is nobody. */
export async function deleteIdleConsumer(tx: Transaction, consumerId: string): Promise<void> {
  await tx.run`delete from placement.consumer where id = ${consumerId} and not exists (select from placement.allocation where consumer_id = ${consumerId})`;
}

export async function insertAllocations(tx: Transaction, consumer: { consumerId: string; projectId: string; providerId: string; now: Date }, amounts: readonly Amount[]): Promise<void> {
  await tx.run`
    insert into placement.allocation (consumer_id, provider_id, resource_class, used, project_id, created_at)
    select ${consumer.consumerId}, ${consumer.providerId}, resource_class, amount, ${consumer.projectId}, ${consumer.now}
    from unnest(${classesOf(amounts)}::text[], ${numbersOf(amounts)}::bigint[]) as wanted (resource_class, amount)`;
}

export type Allocation = { consumerId: string; providerId: string; resourceClass: string; used: number; projectId: string };

export function allocationsWhere(tx: Transaction, which: { consumerId?: string; providerId?: string; ofServers?: true }): Promise<Allocation[]> {
  return tx.rows<Allocation>`
    select consumer_id as "consumerId", provider_id as "providerId", resource_class as "resourceClass", used::int8 as used, project_id as "projectId"
    from placement.allocation
    where (${which.consumerId ?? null}::text is null or consumer_id = ${which.consumerId ?? null})
      and (${which.providerId ?? null}::text is null or provider_id = ${which.providerId ?? null})
      and (${which.ofServers ?? false} = false or exists (select from placement.consumer where id = consumer_id and is_server))
    order by consumer_id, provider_id, resource_class`;
}

export async function deleteAllocations(tx: Transaction, consumerId: string, providerId: string): Promise<void> {
  await tx.run`delete from placement.allocation where consumer_id = ${consumerId} and provider_id = ${providerId}`;
}

export async function handOverAllocations(tx: Transaction, from: string, to: string): Promise<void> {
  await tx.run`update placement.allocation set consumer_id = ${to} where consumer_id = ${from}`;
}

export async function raiseGeneration(tx: Transaction, providerId: string): Promise<void> {
  await tx.run`update placement.provider set generation = generation + 1 where id = ${providerId}`;
}

export type Reserve = { vcpuRatio: number; reservedMemoryMiB: number };

export async function upsertProvider(tx: Transaction, report: HostReport, now: Date): Promise<void> {
  // Two that report a new host at once would meet at its name, where ON CONFLICT (id) does not look.
  await tx.run`select pg_advisory_xact_lock(hashtext('placement.provider'), hashtext(${report.id}))`;
  await tx.run`
    insert into placement.provider (id, root_id, hostname, seen_at, created_at, report)
    values (${report.id}, ${report.id}, ${report.hostname}, ${now}, ${now}, ${sql.json(report)}::jsonb)
    on conflict (id) do update set hostname = excluded.hostname, seen_at = excluded.seen_at, report = excluded.report`;
}

export type InventoryWish = Amount & { reserved: number; ratio: number };

/**
 * Says what a host has; changed inventory is a new generation. It cannot have less than is claimed of it: that much is kept.
 * What is reserved and how often it is promised is said at first only: from then on it is the operator's.
 */
export async function upsertInventories(tx: Transaction, providerId: string, wishes: readonly InventoryWish[]): Promise<void> {
  const changed = await tx.run`
    insert into placement.inventory as inventory (provider_id, resource_class, total, reserved, allocation_ratio, max_unit)
    select ${providerId}, resource_class, total, least(reserved, total), ratio, greatest(1, least(total, 2147483647))
    from unnest(${classesOf(wishes)}::text[], ${numbersOf(wishes)}::bigint[], ${wishes.map(({ reserved }) => reserved)}::bigint[], ${wishes.map(({ ratio }) => ratio)}::float8[]) as wish (resource_class, total, reserved, ratio)
    on conflict (provider_id, resource_class) do update
    set total = greatest(excluded.total, inventory.reserved + ceil(inventory.used / inventory.allocation_ratio)::bigint),
      max_unit = case when inventory.max_unit = greatest(1, least(inventory.total, 2147483647)) then excluded.max_unit else inventory.max_unit end
    where inventory.total <> greatest(excluded.total, inventory.reserved + ceil(inventory.used / inventory.allocation_ratio)::bigint)`;
  if (changed > 0) await raiseGeneration(tx, providerId);
}

const classesOf = (amounts: readonly Amount[]) => amounts.map(({ resourceClass }) => resourceClass);
const numbersOf = (amounts: readonly Amount[]) => amounts.map(({ amount }) => amount);
