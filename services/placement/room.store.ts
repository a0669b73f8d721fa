import type { Transaction } from '../../kit/postgres/database.ts';

export type Room = { vcpus: number; memoryMiB: number; diskGiB: number };
export type ZoneRoom = { availabilityZone: string; hosts: number; free: Room; largest: Room };

export function selectRoom(tx: Transaction, seenAfter: Date): Promise<ZoneRoom[]> {
  return tx.rows<ZoneRoom>`
    with host as (
      select provider.id, provider.availability_zone, inventory.resource_class, floor((total - reserved) * allocation_ratio)::bigint - used as free
      from placement.provider join placement.inventory on inventory.provider_id = provider.id
      where provider.enabled and not provider.forced_down and provider.gone_at is null and provider.seen_at > ${seenAfter}
    ), zone as (
      select availability_zone, resource_class, sum(free)::bigint as free, max(free) as largest, count(distinct id)::int as hosts from host group by availability_zone, resource_class
    )
    select availability_zone as "availabilityZone", max(hosts) as hosts,
      jsonb_build_object('vcpus', coalesce(sum(free) filter (where resource_class = 'VCPU'), 0), 'memoryMiB', coalesce(sum(free) filter (where resource_class = 'MEMORY_MB'), 0), 'diskGiB', coalesce(sum(free) filter (where resource_class = 'DISK_GB'), 0)) as free,
      jsonb_build_object('vcpus', coalesce(max(largest) filter (where resource_class = 'VCPU'), 0), 'memoryMiB', coalesce(max(largest) filter (where resource_class = 'MEMORY_MB'), 0), 'diskGiB', coalesce(max(largest) filter (where resource_class = 'DISK_GB'), 0)) as largest
    from zone group by availability_zone order by availability_zone`;
}
