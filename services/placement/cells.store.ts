import type { Transaction } from '../../kit/postgres/database.ts';
import type { HostReport } from '../../drivers/driver.ts';

/** A cell of a guest, as it is held to one of its host's; `processors`: those that are its own, by the guest's. */
export type CellClaim = { cell: number; vcpus: number[]; memoryMiB: number; processors: Record<string, number> };

/** From here on nobody else claims of them until the transaction ends. */
export function lockCells(tx: Transaction, providerId: string): Promise<{ number: number; freeMiB: number }[]> {
  return tx.rows<{ number: number; freeMiB: number }>`
    with held as materialized (select number, memory_mib from placement.cell where provider_id = ${providerId} order by number for no key update)
    select number, (memory_mib - coalesce((select sum(claim.memory_mib) from placement.cell_claim claim where claim.provider_id = ${providerId} and claim.cell = held.number), 0))::int8 as "freeMiB" from held order by number`;
}

export async function ownProcessorsOf(tx: Transaction, providerId: string): Promise<number[]> {
  return (await tx.rows<{ processor: number }>`select processor from placement.own_processor where provider_id = ${providerId}`).map(({ processor }) => processor);
}

export async function reportOf(tx: Transaction, providerId: string): Promise<HostReport | null> {
  return (await tx.one<{ report: HostReport | null }>`select report from placement.provider where id = ${providerId}`)?.report ?? null;
}

export async function insertCellClaim(tx: Transaction, { consumerId, providerId, guestCell }: { consumerId: string; providerId: string; guestCell: number }, { cell, vcpus, memoryMiB, processors }: CellClaim): Promise<void> {
  await tx.run`
    insert into placement.cell_claim (consumer_id, provider_id, guest_cell, cell, memory_mib, vcpus) values (${consumerId}, ${providerId}, ${guestCell}, ${cell}, ${memoryMiB}, ${vcpus}::integer[])`;
  const own = Object.entries(processors);
  if (own.length === 0) return;
  await tx.run`
    insert into placement.own_processor (provider_id, processor, consumer_id, guest_cell, vcpu)
    select ${providerId}, processor, ${consumerId}, ${guestCell}, vcpu from unnest(${own.map(([, processor]) => processor)}::integer[], ${own.map(([vcpu]) => Number(vcpu))}::integer[]) as own (processor, vcpu)`;
}

/** In the order of the guest's. */
export function cellClaimsOf(tx: Transaction, consumerId: string): Promise<CellClaim[]> {
  return tx.rows<CellClaim>`
    select cell, vcpus, memory_mib::int8 as "memoryMiB",
      coalesce((select jsonb_object_agg(own.vcpu, own.processor) from placement.own_processor own where own.consumer_id = claim.consumer_id and own.provider_id = claim.provider_id and own.guest_cell = claim.guest_cell), '{}') as processors
    from placement.cell_claim claim where consumer_id = ${consumerId} order by guest_cell`;
}

/** None can have less than is claimed of it. */
export async function upsertCells(tx: Transaction, cells: readonly { providerId: string; number: number; memoryMiB: number }[]): Promise<void> {
  await tx.run`
    insert into placement.cell as known (provider_id, number, memory_mib)
    select * from unnest(${cells.map(({ providerId }) => providerId)}::text[], ${cells.map(({ number }) => number)}::integer[], ${cells.map(({ memoryMiB }) => memoryMiB)}::bigint[])
    on conflict (provider_id, number) do update set memory_mib = greatest(excluded.memory_mib, (select sum(claim.memory_mib) from placement.cell_claim claim where claim.provider_id = known.provider_id and claim.cell = known.number))
    where known.memory_mib <> excluded.memory_mib`;
}
