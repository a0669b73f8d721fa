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
  /** Since when its connection is gone. */
  goneAt: Date | null;
  report: HostReport;
  inventories: Inventory[];
};

const columns = sql`
  provider.id, provider.number, provider.hostname, provider.generation::int as generation, provider.availability_zone as "availabilityZone",
  provider.enabled, provider.disabled_reason as "disabledReason", provider.forced_down as "forcedDown", provider.seen_at as "seenAt", provider.gone_at as "goneAt", provider.report,
  (
    select coalesce(jsonb_agg(jsonb_build_object('resourceClass', resource_class, 'total', total, 'reserved', reserved, 'allocationRatio', allocation_ratio, 'used', used) order by resource_class), '[]')
    from placement.inventory where inventory.provider_id = provider.id
  ) as inventories`;

export function selectHosts(tx: Transaction): Promise<Host[]> {
  return tx.rows<Host>`select ${columns} from placement.provider where report is not null order by provider.number`;
}

/** What servers show of their hosts. */
export type HostShown = Pick<Host, 'id' | 'hostname' | 'enabled' | 'forcedDown' | 'seenAt' | 'goneAt'>;

export function selectHostsShown(tx: Transaction, ids: readonly string[]): Promise<HostShown[]> {
  return tx.rows`select id, hostname, enabled, forced_down as "forcedDown", seen_at as "seenAt", gone_at as "goneAt" from placement.provider where report is not null and id = any(${[...new Set(ids)]}::text[])`;
}

/** Without what they have: enough to see what has changed. */
export function selectHostStates(tx: Transaction): Promise<Pick<Host, 'id' | 'number' | 'generation' | 'forcedDown' | 'seenAt' | 'goneAt'>[]> {
  return tx.rows`select id, number, generation::int as generation, forced_down as "forcedDown", seen_at as "seenAt", gone_at as "goneAt" from placement.provider where report is not null order by number`;
}

/** Whether it was another number of failures before. */
export async function updateFailedBuilds(tx: Transaction, id: string, { failed }: { failed: boolean }): Promise<boolean> {
  return (await tx.run`update placement.provider set failed_builds = case when ${failed} then failed_builds + 1 else 0 end where id = ${id} and (${failed} or failed_builds > 0)`) === 1;
}

export function selectHost(tx: Transaction, id: string): Promise<Host | undefined> {
  return tx.one<Host>`select ${columns} from placement.provider where report is not null and provider.id = ${id}`;
}

export type HostChanges = { enabled: boolean; disabledReason: string | null; forcedDown: boolean };

export async function updateHost(tx: Transaction, id: string, { enabled, disabledReason, forcedDown }: HostChanges): Promise<void> {
  await tx.run`update placement.provider set enabled = ${enabled}, disabled_reason = ${disabledReason}, forced_down = ${forcedDown}, generation = generation + 1 where id = ${id}`;
}

/** Of those of whom that is news: schedulers see it by their generation. */
export function updateGone(tx: Transaction, ids: readonly string[], goneAt: Date | null): Promise<Pick<Host, 'id' | 'number'>[]> {
  return tx.rows`
    update placement.provider set gone_at = ${goneAt}, generation = generation + 1
    where id = any(${[...ids]}::text[]) and report is not null and (gone_at is null) <> ${goneAt === null} returning id, number`;
}

/** With all that it has; fails while anything of it is claimed. */
export async function deleteHostRow(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from placement.provider where id = ${id}`;
}
