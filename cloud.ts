/**
 * The wiring: the only file, with `main.ts`, that may import everyone. A cloud's roles are made here from what they are
 * handed; tests make them in one process, `main.ts` in a process each.
 */
import { contracts } from './contract/contracts.ts';
import type { Driver } from './drivers/driver.ts';
import type { Clock, Random } from './kit/clock.ts';
import { createDoor, type Door, type ServeOptions } from './kit/http/serve.ts';
import type { Log } from './kit/log.ts';
import { openDatabase, sql, type Database, type DatabaseOptions, type Sql } from './kit/postgres/database.ts';
import { urlOfDatabase } from './kit/postgres/external.ts';
import { migrate } from './kit/postgres/migrate.ts';
import { createEngine, type Engine, type EngineOptions } from './kit/workflow/engine.ts';
import { createWorkflows, overdue, stuck } from './kit/workflow/runs.ts';
import { bootstrapCompute } from './services/compute/compute.ts';
import { bootstrapIdentity } from './services/identity/identity.ts';
import { bootstrapImage, type ImageBlobs } from './services/image/image.ts';
import { bootstrapNetwork } from './services/network/network.ts';
import type { Finding, HomeParts, Invariant, Made, RegionParts } from './services/parts.ts';
import { databaseNames } from './supervisor/config.ts';
import { homeSchemas, makeHome, makeRegion, regionSchemas } from './services/services.ts';

export type Databases = { home: Database; region: Database };

/** What every role is handed. */
export type Handed = {
  databases: Databases;
  region: string;
  driver: Driver;
  blobs: ImageBlobs;
  clock: Clock;
  random: Random;
  log: Log;
};

/** Where the databases are: a server of ours by its socket, or anybody's by URL. */
export type DatabaseServer = { kind: 'embedded'; socketDir: string; port: number; user: string } | { kind: 'url'; url: string };

export function openDatabases(server: DatabaseServer, region: string, options: Pick<DatabaseOptions, 'applicationName' | 'max' | 'log'>): Databases {
  const names = databaseNames(region);
  const open = (name: string): Database => {
    if (server.kind === 'embedded') return openDatabase({ ...options, host: server.socketDir, port: server.port, user: server.user, database: name });
    return openDatabase({ ...options, url: urlOfDatabase(server.url, name) });
  };
  return { home: open(names.home), region: open(names.region) };
}

/** Brings both schemas up to date; several processes may do it at once. */
export async function migrateDatabases({ home, region }: Databases): Promise<void> {
  await Promise.all([migrate(home, homeSchemas), migrate(region, regionSchemas)]);
}

export type Cloud = {
  home: HomeParts;
  region: RegionParts;
  identity: ReturnType<typeof makeHome>['identity'];
  homeMade: readonly Made[];
  regionMade: readonly Made[];
};

export function makeCloud(handed: Handed): Cloud {
  const { databases, clock, random, log } = handed;
  const workflows = createWorkflows({ clock, random });
  const home: HomeParts = { database: databases.home, clock, random, log, workflows };
  const region: RegionParts = { ...home, database: databases.region, region: handed.region, driver: handed.driver, blobs: handed.blobs };
  const { identity, made } = makeHome(home);
  return { home, region, identity, homeMade: made, regionMade: makeRegion(region) };
}

/** The API: every service at one address. */
export function createApi(cloud: Cloud, options: Pick<ServeOptions, 'tls' | 'publicUrl' | 'rateLimit'> = {}): Door {
  const { clock, random, log } = cloud.home;
  const implementations = [...cloud.homeMade, ...cloud.regionMade].flatMap(({ implementation }) => (implementation ? [implementation] : []));
  return createDoor({ implementations, authenticate: cloud.identity.authenticate, clock, random, log, ...options });
}

/** The worker: durable workflows and reconcilers of the region, and what home has to do in time. */
export function createWorker(cloud: Cloud, options: Pick<EngineOptions<RegionParts>, 'faults' | 'concurrency' | 'pollMs'> = {}): { start(): Promise<void>; stop(): Promise<void>; idle(): Promise<void> } {
  const engineFor = (made: readonly Made[], parts: RegionParts): Engine =>
    createEngine<RegionParts>({
      database: parts.database,
      clock: parts.clock,
      random: parts.random,
      log: parts.log,
      workflows: made.flatMap(({ workflows }) => workflows),
      schedules: made.flatMap(({ schedules }) => schedules),
      services: parts,
      ...options,
    });
  const engines = [engineFor(cloud.regionMade, cloud.region)];
  if (cloud.homeMade.some(({ workflows, schedules }) => workflows.length + schedules.length > 0)) engines.push(engineFor(cloud.homeMade, { ...cloud.region, ...cloud.home }));
  return {
    async start() {
      for (const engine of engines) await engine.start();
    },
    async stop() {
      await Promise.all(engines.map((engine) => engine.stop()));
    },
    async idle() {
      await Promise.all(engines.map((engine) => engine.idle()));
    },
  };
}

export type HomeBootstrap = { adminPassword: string; base: string };

/** Makes what every cloud begins with at home: domain, admin, roles, catalog. Repeating it changes nothing but addresses. */
export async function bootstrapHome(cloud: Cloud, { adminPassword, base }: HomeBootstrap): Promise<{ adminProjectId: string }> {
  return bootstrapIdentity(cloud.home, { adminPassword, region: cloud.region.region, base, services: contracts });
}

export type RegionBootstrap = {
  adminProjectId: string;
  externalNetwork: { cidr: string; gateway: string; physicalNetwork: string };
  /** The small guest; `bytes` are read only when it is not there yet. */
  guestImage: { name: string; diskFormat: 'qcow2' | 'raw'; bytes: AsyncIterable<Uint8Array>; properties: Record<string, string> };
};

/** Makes flavors, the external network and the first image. Repeating it changes nothing. */
export async function bootstrapRegion(cloud: Cloud, { adminProjectId, externalNetwork, guestImage }: RegionBootstrap): Promise<void> {
  await bootstrapCompute(cloud.region);
  await bootstrapNetwork(cloud.region, { name: 'public', projectId: adminProjectId, ...externalNetwork });
  await bootstrapImage(cloud.region, { ...guestImage, projectId: adminProjectId });
}

export type Diagnosis = { id: string; title: string; findings: Finding[] };

/** Checks every invariant; one that cannot be checked is itself a finding. */
export function diagnose(cloud: Cloud, { durable = true }: { /** False for databases that give durability up, as tests' do. */ durable?: boolean } = {}): Promise<Diagnosis[]> {
  const invariants = [...cloud.homeMade, ...cloud.regionMade].flatMap((made) => made.invariants);
  const databases = [databaseInvariants('home', cloud.home, durable), databaseInvariants(cloud.region.region, cloud.region, durable)].flat();
  return Promise.all(
    [...invariants, ...databases, ...workflowInvariants(cloud.region)].map(async ({ id, title, check }) => {
      try {
        return { id, title, findings: await check() };
      } catch (error) {
        return { id, title, findings: [{ message: `It could not be checked: ${error instanceof Error ? error.message : String(error)}`, remedy: 'intercloud status shows which process does not run' }] };
      }
    }),
  );
}

/** What every database of ours keeps, whatever services it has. */
function databaseInvariants(name: string, { database }: HomeParts, durable: boolean): Invariant[] {
  const ask = <T extends object>(statement: Sql) => database.read({ kind: 'system', reason: 'doctor' }, (tx) => tx.rows<T>(statement));
  return [
    {
      id: 'I8',
      title: `what the database of ${name} acknowledges is on disk`,
      async check() {
        if (!durable) return [];
        const settings = await ask<{ name: string; setting: string }>(sql`select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting in ('off', 'local')`);
        return settings.map((each) => ({ message: `${each.name} is ${each.setting}: a power failure may lose what clients were told is done`, remedy: `Set ${each.name} = on in PostgreSQL's configuration` }));
      },
    },
    {
      id: 'I11',
      title: `one audit entry for each change in the database of ${name}`,
      async check() {
        const twice = await ask<{ request_id: string; entries: number }>(sql`select request_id, count(*)::int as entries from kit.audit where request_id is not null group by request_id having count(*) > 1 limit 20`);
        return twice.map(({ request_id: id, entries }) => ({ message: `Request ${id} has ${entries} audit entries`, remedy: 'Report it with the log of that request: a change was recorded more than once' }));
      },
    },
  ];
}

function workflowInvariants({ database, clock }: RegionParts): Invariant[] {
  return [
    {
      id: 'I7',
      title: 'no workflow outlives its deadline, and none is stuck',
      check: () =>
        database.read({ kind: 'system', reason: 'doctor' }, async (tx) => {
          const [late, given] = [await overdue(tx, { now: clock.now() }), await stuck(tx)];
          return [...late, ...given].map(({ id, workflow, subject, status }) => ({
            message: `${workflow} for ${subject} (run ${id}) is ${status === 'stuck' ? 'stuck' : 'past its deadline'}`,
            remedy: status === 'stuck' ? 'Its failure is in kit.workflow_run; mend the cause, then it is undone again' : 'Is a worker running? intercloud status',
          }));
        }),
    },
  ];
}
