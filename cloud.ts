/**
 * The wiring: the only file, with `main.ts`, that may import everyone. A cloud's roles are made here from what they are
 * handed; tests make them in one process, `main.ts` in a process each.
 */
import { contracts } from './contract/contracts.ts';
import { keysOf, type Membership } from './contract/intercloud/federation/invitations.ts';
import type { Driver } from './drivers/driver.ts';
import { openProvider } from './drivers/openstack/provider.ts';
import type { Clock, Random } from './kit/clock.ts';
import type { Authenticate } from './kit/http/caller.ts';
import { createDoor, type Door, type ServeOptions } from './kit/http/serve.ts';
import type { Log } from './kit/log.ts';
import { openDatabase, sql, type Database, type DatabaseOptions, type Sql } from './kit/postgres/database.ts';
import { urlOfDatabase } from './kit/postgres/external.ts';
import { migrate } from './kit/postgres/migrate.ts';
import { keyFrom, type SealingKey } from './kit/sealing.ts';
import { createEngine, type Engine, type EngineOptions } from './kit/workflow/engine.ts';
import { createWorkflows, overdue, stuck } from './kit/workflow/runs.ts';
import type { Admission } from './services/admission/admission.ts';
import type { Brands } from './services/brand/brand.ts';
import type { Broker } from './services/broker/broker.ts';
import { bootstrapCompute } from './services/compute/compute.ts';
import { bootstrapFederation, type Federation } from './services/federation/federation.ts';
import { makeFirstHomeLink, makeHomeLink } from './services/home-link/home-link.ts';
import { withLeases } from './services/home-link/leasing.ts';
import { connectHome, type HomeLink } from './services/home-link/link.ts';
import { createCatalogs } from './services/identity/catalog.ts';
import { bootstrapIdentity, type Identity } from './services/identity/identity.ts';
import type { Signers } from './services/identity/signers.ts';
import type { Abroad } from './services/image/abroad.ts';
import { bootstrapImage, bootstrapMetadefs, type ImageBlobs } from './services/image/image.ts';
import { makeMeter, remoteCounterpartLink, remoteUsageLink } from './services/meter/meter.ts';
import { usageLink } from './services/metering/metering.ts';
import { bootstrapDefaultPool, bootstrapNetwork } from './services/network/network.ts';
import type { ObjectBodies } from './services/object-store/object-store.ts';
import { createScheduler } from './services/placement/scheduler/scheduler.ts';
import type { Finding, HomeParts, Invariant, Made, RegionParts } from './services/parts.ts';
import { beginWithLeases } from './services/quota/leases.ts';
import { routedToStore } from './services/s3/s3.ts';
import { homeDatabaseName, regionDatabaseName } from './supervisor/config.ts';
import { homeSchemas, makeHome, makeRegion, regionSchemas } from './services/services.ts';

export type Databases = { home: Database; region: Database };

/** What home and every region are handed. */
type Surroundings = { database: Database; clock: Clock; random: Random; log: Log; /** How home reaches regions, and regions home. */ fetch?: typeof fetch };
export type RegionHanded = Surroundings & { region: string; driver: Driver; blobs: ImageBlobs; bodies: ObjectBodies };

/** What the processes of home are handed, which serve the first region too. */
export type Handed = Omit<RegionHanded, 'database'> & {
  databases: Databases;
  /** Of home, the newest first: what lies in its database is sealed by them. */
  cloudKeys: readonly SealingKey[];
};

/** How a region that is not home's own reaches home. */
export type HomeAddress = {
  url: string;
  /** What it was told when it joined, and the invitation by which it did. */
  membership: Membership;
  secret: Buffer;
  fetch?: typeof fetch;
};

/** Where the databases are: a server of ours by its socket, or anybody's by URL. */
export type DatabaseServer = { kind: 'embedded'; socketDir: string; port: number; user: string } | { kind: 'url'; url: string };

type Opening = Pick<DatabaseOptions, 'applicationName' | 'max' | 'log'>;

export function openHomeDatabase(server: DatabaseServer, options: Opening): Database {
  return open(server, homeDatabaseName, options);
}

export function openRegionDatabase(server: DatabaseServer, region: string, options: Opening): Database {
  return open(server, regionDatabaseName(region), options);
}

function open(server: DatabaseServer, name: string, options: Opening): Database {
  if (server.kind === 'embedded') return openDatabase({ ...options, host: server.socketDir, port: server.port, user: server.user, database: name });
  return openDatabase({ ...options, url: urlOfDatabase(server.url, name) });
}

/** Brings both schemas up to date; several processes may do it at once. */
export async function migrateDatabases({ home, region }: Databases): Promise<void> {
  await Promise.all([migrate(home, homeSchemas), migrateRegion(region)]);
}

export async function migrateRegion(database: Database): Promise<void> {
  await migrate(database, regionSchemas);
}

/** One place with its services. */
export type RegionCloud = {
  region: RegionParts;
  regionMade: readonly Made[];
  authenticate: Authenticate;
  /** Until then nobody is authenticated, and nothing is heard of other regions. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Whom to ask for help at this host. */
  contactAt: NonNullable<ServeOptions['contactAt']>;
};

/** What is one for all places. */
export type HomeCloud = { home: HomeParts; identity: Identity; federation: Federation; brands: Brands; admission: Admission; broker: Broker; signers: Signers; homeMade: readonly Made[] };

/** Home with the region that its own processes serve. */
export type Cloud = HomeCloud & RegionCloud;

export function makeCloud({ databases, ...handed }: Handed): Cloud {
  // The first region lends from home by a call, and makes its own database know that.
  const lending: { link?: HomeLink } = {};
  const catalogs = createCatalogs();
  const abroad: Abroad = { keys: handed.cloudKeys, catalog: (whose) => databases.home.read({ kind: 'system', reason: 'where the images of other regions are' }, (tx) => catalogs.catalogFor(tx, whose)) };
  const region = regionPartsOf({ ...handed, database: databases.region, sealingKeys: handed.cloudKeys, abroad }, () => lending.link!);
  const home = makeHomeCloud({ ...handed, database: databases.home }, region);
  lending.link = home.federation.link;
  const tie = makeFirstHomeLink(region, { link: lending.link });
  return {
    ...home,
    region,
    regionMade: [tie, ...makeRegion(region, { signers: home.signers }), makeMeter(region, { link: usageLink(home.home) })],
    contactAt: home.brands.contactAt,
    authenticate: home.brands.guarded(home.identity.authenticate),
    async start() {
      await home.identity.start();
      await home.federation.start();
      await tie.keeper.start();
    },
    async stop() {
      await tie.keeper.stop();
      await home.federation.stop();
    },
  };
}

function makeHomeCloud({ database, clock, random, log, fetch: send = fetch, cloudKeys }: Surroundings & Pick<Handed, 'cloudKeys'>, first: RegionParts): HomeCloud {
  const home: HomeParts = { database, clock, random, log, workflows: createWorkflows({ clock, random }) };
  const { identity, federation, brands, admission, broker, signers, made } = makeHome(home, { first, fetch: send, cloudKeys, openProvider });
  return { home, identity, federation, brands, admission, broker, signers, homeMade: made };
}

/** A region that has its home elsewhere, and reaches it by contracts only. */
export function makeRegionCloud(handed: RegionHanded, { secret, ...address }: HomeAddress): RegionCloud {
  const link = connectHome({ ...address, clock: handed.clock });
  const { seal, keep } = keysOf(handed.region, secret);
  const abroad: Abroad = { keys: [keyFrom(keep)], catalog: ({ token }) => link.catalog(token) };
  const region = regionPartsOf({ ...handed, sealingKeys: [keyFrom(keep)], abroad }, () => link);
  const tie = makeHomeLink(region, { link, sealKey: seal });
  const meter = makeMeter(region, { link: remoteUsageLink(link), counterparts: remoteCounterpartLink(link) });
  return { region, regionMade: [tie, ...makeRegion(region, { signers: tie.signers }), meter], authenticate: tie.authenticate, contactAt: async (hostName) => tie.faceAt(hostName), start: () => tie.keeper.start(), stop: () => tie.keeper.stop() };
}

function regionPartsOf({ database, clock, random, log, region, driver, blobs, bodies, sealingKeys, abroad }: RegionHanded & Pick<RegionParts, 'sealingKeys'> & { abroad: Abroad }, link: () => HomeLink): RegionParts {
  return { database: withLeases(database, { link, clock, log }), clock, random, log, workflows: createWorkflows({ clock, random }), region, driver, blobs, bodies, sealingKeys, abroad, scheduler: createScheduler() };
}

/** The API: every service at one address. */
export function createApi(cloud: Cloud | RegionCloud, options: Pick<ServeOptions, 'tls' | 'publicUrl' | 'rateLimit' | 'rules'> = {}): Door {
  const { clock, random, log } = cloud.region;
  const implementations = madeOf(cloud).flatMap(({ implementation }) => (implementation ? [implementation] : []));
  const virtual = 'broker' in cloud ? cloud.broker.virtual : [];
  return createDoor({ implementations: [...implementations, ...virtual], authenticate: cloud.authenticate, clock, random, log, contactAt: cloud.contactAt, routedTo: routedToStore, ...options });
}

function madeOf(cloud: Cloud | RegionCloud): readonly Made[] {
  return [...('homeMade' in cloud ? cloud.homeMade : []), ...cloud.regionMade];
}

/** The worker: durable workflows and reconcilers of the region, and what home has to do in time. */
export function createWorker(cloud: Cloud | RegionCloud, options: Pick<EngineOptions<RegionParts>, 'faults' | 'concurrency' | 'pollMs'> = {}): { start(): Promise<void>; stop(): Promise<void>; idle(): Promise<void> } {
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
  if ('homeMade' in cloud && cloud.homeMade.some(({ workflows, schedules }) => workflows.length + schedules.length > 0)) engines.push(engineFor(cloud.homeMade, { ...cloud.region, ...cloud.home }));
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
  const { region } = cloud.region;
  const { adminProjectId } = await bootstrapIdentity(cloud.home, { adminPassword, region, base, services: contracts });
  await bootstrapFederation(cloud.home, { region, base });
  return { adminProjectId };
}

export type RegionBootstrap = {
  adminProjectId: string;
  externalNetwork: { cidr: string; gateway: string; physicalNetwork: string };
  /** The small guest; `bytes` are read only when it is not there yet. */
  guestImage: { name: string; diskFormat: 'qcow2' | 'raw'; bytes: AsyncIterable<Uint8Array>; properties: Record<string, string> };
};

/** A region of several holds nothing of any limit until home lends it something. Before the first claim. */
export async function bootstrapLeases(cloud: RegionCloud): Promise<void> {
  await cloud.region.database.transaction({ kind: 'system', reason: 'bootstrap' }, beginWithLeases);
}

/** Makes flavors, the external network and the first image. Repeating it changes nothing. */
export async function bootstrapRegion(cloud: RegionCloud, { adminProjectId, externalNetwork, guestImage }: RegionBootstrap): Promise<void> {
  await bootstrapCompute(cloud.region);
  await bootstrapNetwork(cloud.region, { name: 'public', projectId: adminProjectId, ...externalNetwork });
  await bootstrapDefaultPool(cloud.region, adminProjectId);
  await bootstrapMetadefs(cloud.region, adminProjectId);
  await bootstrapImage(cloud.region, { ...guestImage, projectId: adminProjectId });
}

export type Diagnosis = { id: string; title: string; findings: Finding[] };

/** Checks every invariant; one that cannot be checked is itself a finding. */
export function diagnose(cloud: Cloud | RegionCloud, { durable = true }: { /** False for databases that give durability up, as tests' do. */ durable?: boolean } = {}): Promise<Diagnosis[]> {
  const invariants = madeOf(cloud).flatMap((made) => made.invariants);
  const databases = [...('home' in cloud ? databaseInvariants('home', cloud.home, durable) : []), ...databaseInvariants(cloud.region.region, cloud.region, durable)];
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
