import type { HostReport } from '../../drivers/driver.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Inventory = { resourceClass: string; total: number; reserved: number; allocationRatio: number; used: number };

export type Host = {
  id: string;
  number: number;
  hostname: string;
  generation: number;
  availabilityZone: string;
  enabled: boolean;
  disabledReason: string | null;
  forcedDown: boolean;
  seenAt: Date;
  report: HostReport;
  inventories: Inventory[];
};

const columns = sql`
  provider.id, provider.number, provider.hostname, provider.generation::int as generation, provider.availability_zone as "availabilityZone",
  provider.enabled, provider.disabled_reason as "disabledReason", provider.forced_down as "forcedDown", provider.seen_at as "seenAt", provider.report,
  (
    select coalesce(jsonb_agg(jsonb_build_object('resourceClass', resource_class, 'total', total, 'reserved', reserved, 'allocationRatio', allocation_ratio, 'used', used) order by resource_class), '[]')
    from placement.inventory where inventory.provider_id = provider.id
  ) as inventories`;

export function selectHosts(tx: Transaction): Promise<Host[]> {
  return tx.rows<Host>`select ${columns} from placement.provider where report is not null order by provider.number`;
}

export function selectHost(tx: Transaction, id: string): Promise<Host | undefined> {
  return tx.one<Host>`select ${columns} from placement.provider where report is not null and provider.id = ${id}`;
}

export type HostChanges = { enabled: boolean; disabledReason: string | null; forcedDown: boolean };

export async function updateHost(tx: Transaction, id: string, { enabled, disabledReason, forcedDown }: HostChanges): Promise<void> {
  await tx.run`update placement.provider set enabled = ${enabled}, disabled_reason = ${disabledReason}, forced_down = ${forcedDown}, generation = generation + 1 where id = ${id}`;
}

/** With all that it has; fails while anything of it is claimed. */
export async function deleteHostRow(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from placement.provider where id = ${id}`;
}
