/** How fast a region's meter turns events into records of use: by what it and its PostgreSQL work for it, whoever else is on the machine. */
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { systemClock } from '../kit/clock.ts';
import { dropDatabase, ensureDatabase, applicationRole } from '../kit/postgres/embedded.ts';
import { openDatabase } from '../kit/postgres/database.ts';
import { migrate } from '../kit/postgres/migrate.ts';
import { meterEvents } from '../services/meter/meters.ts';
import type { Server } from './own-cloud.ts';
import type { Worked } from './processors.ts';

export type MeterMeasured = { events: number; records: number; /** By the clock on the wall. */ perSecond: number; perCoreSecond: number };

const name = 'bench_meter';
const schemas = ['quota', 'meter'].map((service) => ({ service, directory: fileURLToPath(new URL(`../services/${service}/schema/`, import.meta.url)) }));
/** Servers that come and go before it is counted: so many events it takes until all of the code that they run through is compiled. */
const warming = 10_000;
/** What a server goes through. */
const states = ['BUILD', 'ACTIVE', 'SHUTOFF', 'ACTIVE', 'DELETED'];

/** `postgres`: what its processes have worked. The meter is this process. */
export async function measureMeter(server: Server, { events: wanted, postgres, say }: { events: number; postgres: Worked; say: (line: string) => void }): Promise<MeterMeasured> {
  const place = { socketDir: server.host, port: server.port };
  await ensureDatabase(place, name);
  const database = openDatabase({ host: server.host, port: server.port, user: applicationRole, database: name, applicationName: 'bench' });
  const admin = new Client({ ...server, database: name });
  try {
    await admin.connect();
    await migrate(database, schemas);
    await fill(admin, { from: 0, servers: warming });
    await meterEvents({ database, clock: systemClock });
    const servers = Math.ceil(wanted / states.length);
    say(`${servers * states.length} events of ${servers} servers are metered`);
    await fill(admin, { from: warming, servers });
    const [begun, before, postgresBefore] = [performance.now(), process.cpuUsage(), postgres()];
    const events = await meterEvents({ database, clock: systemClock });
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1_000_000 + postgres() - postgresBefore;
    const wallSeconds = (performance.now() - begun) / 1_000;
    const { rows } = await admin.query<{ records: number }>('select sum(count)::int as records from meter.page');
    if (events !== servers * states.length || rows[0]!.records !== events + warming * states.length) throw new Error(`${events} events were metered, and there are ${rows[0]!.records} records`);
    return { events, records: rows[0]!.records, perSecond: events / wallSeconds, perCoreSecond: events / seconds };
  } finally {
    await admin.end();
    await database.close();
    await dropDatabase(place, name);
  }
}

/** As the compute service emits them: each state of all servers, a minute after the one before, all within one hour, so that each makes one record. */
async function fill(admin: Client, { from, servers }: { from: number; servers: number }): Promise<void> {
  await admin.query(
    `with told as (
      insert into kit.event (type, resource, resource_id, project_id, request_id, payload, at)
      select case when state = 'DELETED' then 'server.delete.end' else 'server.update' end, 'server', id, project, 'req-' || id,
        jsonb_build_object('id', id, 'projectId', project, 'userId', project, 'name', 'web', 'status', state, 'vmState', lower(state), 'taskState', null, 'hostId', 'host-1', 'imageId', id, 'availabilityZone', 'nova',
          'createdAt', now(), 'launchedAt', now(), 'terminatedAt', null,
          'flavor', jsonb_build_object('id', size, 'name', 'm1.' || size, 'vcpus', size, 'memoryMiB', size * 1024, 'diskGiB', size * 10, 'ephemeralGiB', 0, 'swapMiB', 0, 'extraSpecs', '{}'::jsonb)),
        date_trunc('hour', now()) - interval '1 hour' + place * interval '1 minute'
      from unnest($3::text[]) with ordinality as step (state, place),
        lateral (select '6f1e2d3c-4b5a-4678-9abc-' || lpad(number::text, 12, '0') as id, '0123456789abcdef0123456789ab' || lpad((number % 100)::text, 4, '0') as project, 1 + number % 5 as size
          from generate_series($1::int, $1::int + $2::int - 1) number) server
      order by place, id
      returning id, resource_id
    )
    insert into kit.event_delivery (consumer, event_id, about) select 'meter', id, 'server/' || resource_id from told`,
    [from, servers, states],
  );
  await admin.query('analyze kit.event, kit.event_delivery');
}
