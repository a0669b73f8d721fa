import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Room } from './placing.ts';

export type Capacity = { region: string; availabilityZone: string; free: Room; largest: Room; images: string[]; observedAt: Date };
export type Outcome = { region: string; succeeded: number; failed: number };

/** Of every region that was seen since then, as it was last seen. */
export function listCapacities(tx: Transaction, seenAfter: Date): Promise<Capacity[]> {
  return tx.rows<Capacity>`
    select region, availability_zone as "availabilityZone",
      jsonb_build_object('vcpus', free_vcpus, 'memoryMiB', free_memory_mib, 'diskGiB', free_disk_gib) as free,
      jsonb_build_object('vcpus', largest_vcpus, 'memoryMiB', largest_memory_mib, 'diskGiB', largest_disk_gib) as largest,
      images, observed_at as "observedAt"
    from broker.capacity where observed_at > ${seenAfter} order by region, availability_zone`;
}

/** Zones that are not among these are not there any more. What was seen before something was last decided on is out of date. */
export async function setCapacity(tx: Transaction, region: string, zones: readonly Omit<Capacity, 'region'>[]): Promise<void> {
  await tx.run`delete from broker.capacity where region = ${region} and availability_zone <> all(${zones.map(({ availabilityZone }) => availabilityZone)}::text[])`;
  for (const { availabilityZone, free, largest, images, observedAt } of zones)
    await tx.run`
      insert into broker.capacity as c (region, availability_zone, free_vcpus, free_memory_mib, free_disk_gib, largest_vcpus, largest_memory_mib, largest_disk_gib, images, observed_at)
      values (${region}, ${availabilityZone}, ${free.vcpus}, ${free.memoryMiB}, ${free.diskGiB}, ${largest.vcpus}, ${largest.memoryMiB}, ${largest.diskGiB}, ${images}::text[], ${observedAt})
      on conflict (region, availability_zone) do update set free_vcpus = excluded.free_vcpus, free_memory_mib = excluded.free_memory_mib, free_disk_gib = excluded.free_disk_gib,
        largest_vcpus = excluded.largest_vcpus, largest_memory_mib = excluded.largest_memory_mib, largest_disk_gib = excluded.largest_disk_gib, images = excluded.images, observed_at = excluded.observed_at
      where c.taken_at is null or c.taken_at <= excluded.observed_at`;
}

/** Not there any more for whoever is next, until the region says anew what it has left. */
export async function takeCapacity(tx: Transaction, { region, availabilityZone }: Pick<Capacity, 'region' | 'availabilityZone'>, { vcpus, memoryMiB, diskGiB }: Room, now: Date): Promise<void> {
  await tx.run`
    update broker.capacity set
      free_vcpus = free_vcpus - ${vcpus}, free_memory_mib = free_memory_mib - ${memoryMiB}, free_disk_gib = free_disk_gib - ${diskGiB},
      largest_vcpus = least(largest_vcpus, free_vcpus - ${vcpus}), largest_memory_mib = least(largest_memory_mib, free_memory_mib - ${memoryMiB}), largest_disk_gib = least(largest_disk_gib, free_disk_gib - ${diskGiB}),
      taken_at = ${now}
    where region = ${region} and availability_zone = ${availabilityZone}`;
}

const halfLifeSeconds = 6 * 3600;

/** Outcomes that are six hours old count half. */
export function listOutcomes(tx: Transaction, now: Date): Promise<Outcome[]> {
  return tx.rows<Outcome>`
    select region, succeeded * power(0.5, extract(epoch from ${now} - weighed_at) / ${halfLifeSeconds}) as succeeded, failed * power(0.5, extract(epoch from ${now} - weighed_at) / ${halfLifeSeconds}) as failed
    from broker.outcome`;
}

export async function countOutcome(tx: Transaction, region: string, succeeded: boolean, now: Date): Promise<void> {
  const [up, down] = succeeded ? [1, 0] : [0, 1];
  const older = sql`power(0.5, greatest(0, extract(epoch from ${now} - o.weighed_at)) / ${halfLifeSeconds})`;
  await tx.run`
    insert into broker.outcome as o (region, succeeded, failed, weighed_at) values (${region}, ${up}, ${down}, ${now})
    on conflict (region) do update set succeeded = o.succeeded * ${older} + ${up}, failed = o.failed * ${older} + ${down}, weighed_at = ${now}`;
}
