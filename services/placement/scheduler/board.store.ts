/** What schedulers read of hosts: all at first, then what has changed. */
import { sql, type Transaction } from '../../../kit/postgres/database.ts';
import type { HostFacts } from './board.ts';

export type News = {
  /** What is below this number has been seen. */
  seenBelow: string;
  /** Some of it was changed in this very transaction, which may come to nothing: it is not told, and not passed over. */
  isWithheld: boolean;
  aggregates: boolean;
  hosts: HostFacts[];
  gone: string[];
};

type Row = { seenBelow: string; isWithheld: boolean; about: string | null; facts: Omit<HostFacts, 'seenAt'> & { seenAt: string } | null };

/** All there is for null. */
export async function selectNews(tx: Transaction, since: string | null): Promise<News> {
  const own = sql`changed_in is not distinct from pg_current_xact_id_if_assigned()`;
  const rows = await tx.rows<Row>`
    select look.seen_below::text as "seenBelow", look.withheld as "isWithheld", news.about,
      case when provider.id is not null and provider.report is not null then jsonb_build_object(
        'id', provider.id, 'hostname', provider.hostname, 'generation', provider.generation, 'takesServers', provider.enabled and not provider.forced_down and provider.gone_at is null,
        'availabilityZone', provider.availability_zone, 'seenAt', provider.seen_at, 'failedBuilds', provider.failed_builds, 'report', provider.report,
        'inventories', (
          select coalesce(jsonb_agg(jsonb_build_object('resourceClass', resource_class, 'total', total, 'reserved', reserved, 'allocationRatio', allocation_ratio, 'used', used, 'minUnit', min_unit, 'maxUnit', max_unit, 'stepSize', step_size)), '[]')
          from placement.inventory where inventory.provider_id = provider.id
        ),
        'traits', (select coalesce(jsonb_agg(trait order by trait), '[]') from placement.provider_trait where provider_id = provider.id),
        'groups', (select coalesce(jsonb_agg(aggregate_id order by aggregate_id), '[]') from placement.provider_aggregate where provider_id = provider.id)
      ) end as facts
    from (
      select pg_snapshot_xmin(pg_current_snapshot()) as seen_below, exists (select from placement.change where ${own}) as withheld
    ) as look
    left join lateral (
      ${since === null ? sql`select id as about from placement.provider union all select 'aggregates'` : sql`select about from placement.change where changed_in >= ${since}::xid8 and not (${own})`}
    ) as news on true
    left join placement.provider on provider.id = news.about`;
  const told = rows.filter((row): row is Row & { about: string } => row.about !== null);
  return {
    seenBelow: rows[0]!.seenBelow,
    isWithheld: rows[0]!.isWithheld,
    aggregates: told.some(({ about }) => about === 'aggregates'),
    hosts: told.flatMap(({ facts }) => (facts === null ? [] : [{ ...facts, seenAt: Date.parse(facts.seenAt) }])),
    gone: told.filter(({ about, facts }) => facts === null && about !== 'aggregates').map(({ about }) => about),
  };
}

export async function selectGroups(tx: Transaction): Promise<Map<string, Record<string, string>>> {
  return new Map((await tx.rows<{ id: string; metadata: Record<string, string> }>(sql`select id, metadata from placement.aggregate`)).map(({ id, metadata }) => [id, metadata]));
}

export function selectSeenAfter(tx: Transaction, moment: Date): Promise<{ id: string; seenAt: Date }[]> {
  return tx.rows`select id, seen_at as "seenAt" from placement.provider where seen_at > ${moment} and report is not null`;
}

export async function countInstances(tx: Transaction): Promise<Map<string, number>> {
  const rows = await tx.rows<{ id: string; count: number }>(sql`
    select allocation.provider_id as id, count(distinct allocation.consumer_id)::int as count
    from placement.allocation join placement.consumer on consumer.id = allocation.consumer_id and consumer.is_server group by allocation.provider_id`);
  return new Map(rows.map(({ id, count }) => [id, count]));
}
