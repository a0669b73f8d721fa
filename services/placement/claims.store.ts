/** The only statements that change what hosts have and what is claimed of it. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { HostReport } from '../../drivers/driver.ts';

export type Amount = { resourceClass: string; amount: number };

/** All of it for a server, or nothing: `full`. Without waiting, also nothing when another one claims of the host right now. */
export async function claimRoom(tx: Transaction, { consumerId, projectId, userId, providerId, now }: Consumer & { providerId: string; now: Date }, amounts: readonly Amount[], waits: boolean): Promise<'claimed' | 'full' | 'busy'> {
  const row = await tx.one<{ result: 'claimed' | 'full' | 'busy' }>`
    select placement.claim(${consumerId}, ${projectId}, ${userId}, ${providerId}, ${classesOf(amounts)}::text[], ${numbersOf(amounts)}::bigint[], ${now}, ${waits}) as result`;
  return row!.result;
}

export async function zoneOf(tx: Transaction, providerId: string): Promise<string> {
  return (await tx.one<{ zone: string }>`select availability_zone as zone from placement.provider where id = ${providerId}`)!.zone;
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

/** For schedulers to see what is no new generation. */
export async function noteChange(tx: Transaction, providerId: string): Promise<void> {
  await tx.one`select placement.note_change(${providerId})`;
}

/** All at once: those that are new, that report something else than before, or that were not seen for a while. */
export async function upsertProviders(tx: Transaction, reports: readonly HostReport[], { now, seenBefore }: { now: Date; seenBefore: Date }): Promise<void> {
  // Two that report a new host at once would meet at its name, where ON CONFLICT (id) does not look.
  await tx.run`select pg_advisory_xact_lock(hashtext('placement.provider'), 0)`;
  await tx.run`
    insert into placement.provider as provider (id, root_id, hostname, seen_at, created_at, report)
    select report ->> 'id', report ->> 'id', report ->> 'hostname', ${now}, ${now}, report from jsonb_array_elements(${sql.json(reports)}::jsonb) as reported (report) order by report ->> 'id'
    on conflict (id) do update set hostname = excluded.hostname, seen_at = excluded.seen_at, report = excluded.report
    where provider.seen_at is null or provider.seen_at <= ${seenBefore} or provider.seen_at > excluded.seen_at or provider.hostname <> excluded.hostname
      -- What is free of a disk changes all the time, and nothing is decided by it.
      or provider.report - 'freeDiskGiB' is distinct from excluded.report - 'freeDiskGiB'`;
}

/** Of those that have none yet: from then on they are the operator's. */
export async function insertMachineTraits(tx: Transaction, traits: Readonly<Record<string, readonly string[]>>): Promise<void> {
  const pairs = Object.entries(traits).flatMap(([kind, names]) => names.map((trait) => ({ kind, trait })));
  await tx.run`
    with added as (
      insert into placement.provider_trait (provider_id, trait)
      select provider.id, made.trait from placement.provider join unnest(${pairs.map(({ kind }) => kind)}::text[], ${pairs.map(({ trait }) => trait)}::text[]) as made (kind, trait) on made.kind = lower(provider.report ->> 'hypervisorType')
      where not exists (select from placement.provider_trait known where known.provider_id = provider.id and known.trait = 'COMPUTE_NODE')
      on conflict do nothing returning provider_id
    )
    update placement.provider set generation = generation + 1 where id in (select provider_id from added)`;
}

export type InventoryWish = Amount & { providerId: string; reserved: number; ratio: number };

/**
 * Says what hosts have; changed inventory is a new generation. None can have less than is claimed of it: that much is kept.
 * What is reserved and how often it is promised is said at first only: from then on it is the operator's.
 */
export async function upsertInventories(tx: Transaction, wishes: readonly InventoryWish[]): Promise<void> {
  const inOrder = wishes.toSorted((one, other) => (one.providerId < other.providerId ? -1 : one.providerId > other.providerId ? 1 : 0));
  await tx.run`
    with wish as (
      select provider_id, resource_class, total, reserved, ratio
      from unnest(${inOrder.map(({ providerId }) => providerId)}::text[], ${classesOf(inOrder)}::text[], ${numbersOf(inOrder)}::bigint[], ${inOrder.map(({ reserved }) => reserved)}::bigint[], ${inOrder.map(({ ratio }) => ratio)}::float8[])
        as wish (provider_id, resource_class, total, reserved, ratio)
    ), fresh as (
      -- Those that say what is known already are not even tried: that would lock them all.
      select wish.* from wish left join placement.inventory known using (provider_id, resource_class)
      where known.total is null or known.total <> greatest(wish.total, known.reserved + ceil(known.used / known.allocation_ratio)::bigint)
    ), changed as (
      insert into placement.inventory as inventory (provider_id, resource_class, total, reserved, allocation_ratio, max_unit)
      select provider_id, resource_class, total, least(reserved, total), ratio, greatest(1, least(total, 2147483647)) from fresh order by provider_id, resource_class
      on conflict (provider_id, resource_class) do update
      set total = greatest(excluded.total, inventory.reserved + ceil(inventory.used / inventory.allocation_ratio)::bigint),
        max_unit = case when inventory.max_unit = greatest(1, least(inventory.total, 2147483647)) then excluded.max_unit else inventory.max_unit end
      where inventory.total <> greatest(excluded.total, inventory.reserved + ceil(inventory.used / inventory.allocation_ratio)::bigint)
      returning provider_id
    )
    update placement.provider set generation = generation + 1 where id in (select provider_id from changed)`;
}

const classesOf = (amounts: readonly Amount[]) => amounts.map(({ resourceClass }) => resourceClass);
const numbersOf = (amounts: readonly Amount[]) => amounts.map(({ amount }) => amount);
