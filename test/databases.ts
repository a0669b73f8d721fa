/** What is in the databases, whoever put it there. */
import type { Driver } from '../drivers/driver.ts';
import { sql, type Database, type Transaction } from '../kit/postgres/database.ts';

const looking = { kind: 'system', reason: 'the test looks at everything' } as const;

type Table = { schema: string; name: string; columns: string[] };

async function tables(tx: Transaction): Promise<Table[]> {
  const found = await tx.rows<Table>`
    select n.nspname as schema, c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_%'
    group by 1, 2 order by 1, 2`;
  if (found.length < 5) throw new Error('There are hardly any tables: this looks in the wrong place');
  return found;
}

/** A digest of each table. */
export function digestOf(database: Database): Promise<Map<string, string>> {
  return database.read(looking, async (tx) => {
    const all = await tables(tx);
    const each = all.map(({ schema, name }) => sql`select ${`${schema}.${name}`}::text as name, md5(coalesce(string_agg(t::text, chr(10) order by t::text), '')) as digest from ${sql.ident(schema)}.${sql.ident(name)} t`);
    const rows = await tx.rows<{ name: string; digest: string }>(each.reduce((one, other) => sql`${one} union all ${other}`));
    return new Map(rows.map(({ name, digest }) => [name, digest]));
  });
}

/** Tables that remember what was: they may grow when a thing comes and goes. */
const memory = new Set([
  'image.blob', //         bytes that nobody has any more are collected within the hour
  'image.task', //         what was done for images can be read for two days
  'placement.decision', // why servers are where they are
  'compute.action', //     what was asked of a server can be read after its end
  'compute.migration', //  where it has been, too
  'network.projection', // generations, so that a late call cannot bring back what is gone
  'object_store.account', //  is there from the first thing that was kept of it on
  'object_store.usage_change', // folded every few seconds
  'object_store.loose', //    bytes that were let go of, until the next sweep
  'object_store.blob', //     the same
  'meter.page', //         what was used, until home has it
  'meter.running', //      what lasts
  'meter.shape', //        what is measured at once
  'volume.message', //     what a project is told about its volumes is there to be read for a month
]);

/** Everything that there is, one line each; of a project where tables say whose it is, and whole tables as a number. */
export async function remainsOf(database: Database, driver: Driver, projectId: string): Promise<string[]> {
  const rows = await database.read(looking, async (tx) => {
    const lines: string[] = [];
    for (const { schema, name, columns } of await tables(tx)) {
      const table = `${schema}.${name}`;
      if (schema === 'kit' || memory.has(table)) continue;
      const from = sql`${sql.ident(schema)}.${sql.ident(name)} t`;
      const alive = columns.includes('deleted_at') ? sql`t.deleted_at is null` : sql`true`;
      if (table === 'quota.claim') lines.push(...(await tx.rows<{ line: string }>(sql`select 'counts ' || used || ' of ' || resource as line from ${from} where project_id = ${projectId} and used <> 0`)).map(({ line }) => line));
      else if (columns.includes('project_id') && columns.includes('id'))
        lines.push(...(await tx.rows<{ id: string }>(sql`select t.id::text as id from ${from} where project_id = ${projectId} and ${alive}`)).map(({ id }) => `${table} ${id}`));
      else lines.push(...(await tx.rows<{ count: number }>(sql`select count(*)::int as count from ${from} where ${alive}`)).map(({ count }) => `${table}: ${count} rows`));
    }
    return lines;
  });
  const [servers, volumes, resources] = await Promise.all([driver.servers.list(), driver.volumes.list(), driver.networks.compare([])]);
  return [
    ...rows,
    ...servers.map(({ id }) => `machine ${id}`),
    ...volumes.volumes.map(({ id }) => `volume on the storage ${id}`),
    ...volumes.snapshots.map(({ id }) => `snapshot on the storage ${id}`),
    ...resources.map(({ resource }) => `${resource.kind} in the network ${resource.id}`),
  ].sort();
}
