/**
 * A whole cloud in this process: `cloud.ts` over databases of its own and a simulated region, with people in it.
 *
 * Starting one is a copy of a prototype that is made once for all tests of the process. Time stands still unless
 * somebody moves it; `settle` moves it as far as what is under way has to wait for.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrapHome, bootstrapRegion, createApi, createWorker, diagnose as diagnoseCloud, makeCloud, migrateDatabases, type Cloud, type RegionCloud } from '../cloud.ts';
import { createClient, type Client } from '../contract/client.ts';
import { compute } from '../contract/compute/service.ts';
import { compareVersions, type Service } from '../contract/contract.ts';
import { identity } from '../contract/identity/service.ts';
import { billing } from '../contract/intercloud/billing.ts';
import { federation } from '../contract/intercloud/federation.ts';
import { metering } from '../contract/intercloud/metering.ts';
import { image } from '../contract/image/service.ts';
import { network } from '../contract/network/service.ts';
import { objectStore } from '../contract/object-store/service.ts';
import { placement } from '../contract/placement/service.ts';
import { volume } from '../contract/volume/service.ts';
import { createSimulatedDriver, type Faults, type SimulatedDriver } from '../drivers/simulated/simulated.ts';
import type { HostShape } from '../drivers/simulated/hosts.ts';
import { manualClock, seededRandom, systemRandom, type Clock, type ManualClock, type Random } from '../kit/clock.ts';
import type { Door } from '../kit/http/serve.ts';
import { createLog } from '../kit/log.ts';
import type { Database } from '../kit/postgres/database.ts';
import { testDatabase, type TestDatabase } from '../kit/postgres/testing.ts';
import type { FaultPoint } from '../kit/workflow/execution.ts';
import { fileBlobStore } from '../services/image/blobs.ts';
import { imageSettings } from '../services/image/settings.ts';
import { fileObjectBodies, type ObjectBodies } from '../services/object-store/object-store.ts';
import { soundQcow2 } from '../services/image/intake/corpus.ts';
import { passingKey } from '../services/identity/vault.ts';
import { homeSchemas, regionSchemas } from '../services/services.ts';
import { digestOf, remainsOf } from './databases.ts';

/** What `node:test` hands to a test, as far as it is needed here. */
type Test = { after(work: () => Promise<void>): void };

export type Person = {
  readonly name: string;
  readonly userId: string;
  readonly projectId: string;
  readonly password: string;
  token(): Promise<string>;
  /** Of any service, at this address or the cloud's own. */
  client<S extends Service>(service: S, base?: string, version?: string): Client<S>;
  readonly identity: Client<typeof identity>;
  readonly federation: Client<typeof federation>;
  readonly metering: Client<typeof metering>;
  readonly billing: Client<typeof billing>;
  readonly placement: Client<typeof placement>;
  readonly image: Client<typeof image>;
  readonly volume: Client<typeof volume>;
  readonly network: Client<typeof network>;
  readonly objectStore: Client<typeof objectStore>;
  readonly compute: Client<typeof compute>;
};

export type Worker = ReturnType<typeof createWorker>;

export type CloudOptions = {
  hosts?: number;
  hostShape?: HostShape;
  /** Faults of the driver. */
  faults?: Faults;
  /** Faults of the engine that does the workflows. */
  workflowFaults?: (point: FaultPoint) => void;
  /** Without: one that stands still. */
  clock?: Clock;
  /** The cloud is made anew, at a fixed moment, and whatever is drawn in it is drawn from here. */
  seed?: number;
  /** Where the bytes of objects are, instead of in files. */
  bodies?: (database: Database, clock: Clock) => ObjectBodies;
};

export type TestCloud = {
  readonly cloud: Cloud;
  readonly door: Door;
  readonly driver: SimulatedDriver;
  readonly clock: Clock;
  readonly admin: Person;
  /** A member of project A. */
  readonly alice: Person;
  /** Reads project A. */
  readonly reader: Person;
  /** A member of project B. */
  readonly bob: Person;
  /** An active image that everybody sees, of 1 GiB when unpacked. */
  readonly imageId: string;
  /** By host: the cloud's own, and those of regions that a test adds. */
  readonly doors: Map<string, Door>;
  /** Sends a request to a door without a socket in between. */
  readonly fetch: typeof fetch;
  /** Waits until nothing is under way, and moves the clock as far as that takes. */
  settle(): Promise<void>;
  /** Stops the worker, and what region and home have to tell one another: from now on nothing happens unless it is asked for. */
  rest(): Promise<void>;
  /** What is not as it must always be: nothing. */
  diagnose(): Promise<string[]>;
  /** Everything that exists for a project: in the database, at the driver, and in what is counted. */
  leftovers(projectId: string): Promise<string[]>;
  /** Changes when any row of any table does. */
  digest(): Promise<Map<string, string>>;
  /** The same databases again, as another process would open them. */
  open(): { cloud: Cloud; close(): Promise<void> };
};

type Prototype = { home: string; region: string; folder: string; people: Record<PersonName, Account>; imageId: string; startedAt: Date };
type PersonName = 'admin' | 'alice' | 'reader' | 'bob';
type Account = { name: string; password: string; userId: string; projectId: string };

const region = 'RegionOne';
/** The same for all, as their databases are copies of one. */
const cloudKeys = [passingKey(systemRandom)];
/** Named in links only: requests reach the door without a socket. */
const base = 'http://cloud.example';
const prototypes = new Map<string, Promise<Prototype>>();

export async function startCloud(t: Test, options: CloudOptions = {}): Promise<TestCloud> {
  const { hosts = 3, hostShape = { vcpus: 64, memoryMiB: 262_144, diskGiB: 4096 } } = options;
  const random = options.seed === undefined ? systemRandom : seededRandom(options.seed);
  const prototype = await (options.seed === undefined ? knownPrototype({ hosts, hostShape }) : makePrototype({ hosts, hostShape, random, startedAt: new Date('2026-01-01T00:00:00Z') }));
  const [home, regional] = [await testDatabase(t, { from: prototype.home }), await testDatabase(t, { from: prototype.region })];
  const folder = mkdtempSync(join(tmpdir(), 'test-cloud-'));
  cpSync(prototype.folder, folder, { recursive: true });
  const clock = options.clock ?? manualClock(prototype.startedAt);
  const running = await run({ ...options, hosts, hostShape, home, regional, folder, clock, random });
  t.after(async () => {
    await running.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const person = (name: PersonName) => personOf(running, prototype.people[name]);
  return { ...running, clock, admin: person('admin'), alice: person('alice'), reader: person('reader'), bob: person('bob'), imageId: prototype.imageId };
}

function knownPrototype(of: { hosts: number; hostShape: HostShape }): Promise<Prototype> {
  const shape = JSON.stringify(of);
  const making = prototypes.get(shape) ?? makePrototype({ ...of, random: systemRandom, startedAt: new Date(Math.floor(Date.now() / 1000) * 1000) });
  prototypes.set(shape, making);
  return making;
}

type Made = { hosts: number; hostShape: HostShape; home: TestDatabase; regional: TestDatabase; folder: string; clock: Clock; random: Random } & Pick<CloudOptions, 'faults' | 'workflowFaults' | 'bodies'>;
type Running = Omit<TestCloud, PersonName | 'imageId' | 'clock'> & { clock: Clock; worker: Worker; close(): Promise<void> };

async function run({ hosts, hostShape, home, regional, folder, clock, random, faults, workflowFaults, bodies: elsewhere }: Made): Promise<Running> {
  const log = createLog({ name: 'test', level: process.env['TEST_LOG'] === undefined ? 'silent' : 'warn' });
  const blobs = await fileBlobStore(join(folder, 'blobs'), imageSettings({ stores: [{ id: 'archive', folder: join(folder, 'archive') }] }));
  const bodies = elsewhere?.(regional.database, clock) ?? (await fileObjectBodies(join(folder, 'objects')));
  const driver = createSimulatedDriver({ stateDir: join(folder, 'driver'), hosts, hostShape, blobs, clock, random, ...(faults ? { faults } : {}) });
  const doors = new Map<string, Door>();
  const handed = { fetch: fetchAmong(doors), region, driver, blobs, bodies, clock, random, log, cloudKeys };
  const make = (databases: { home: TestDatabase['database']; region: TestDatabase['database'] }) => makeCloud({ ...handed, databases });
  const cloud = make({ home: home.database, region: regional.database });
  await cloud.start();
  const door = createApi(cloud, { publicUrl: base, rateLimit: { perSecond: 1e9, burst: 1e9 } });
  await door.app.ready();
  doors.set(new URL(base).host, door);
  const worker = createWorker(cloud, { pollMs: 50, ...(workflowFaults ? { faults: workflowFaults } : {}) });
  await worker.start();
  // What comes first does not depend on how quick this machine is: first what is due at the start, then who asks.
  await worker.idle();
  let resting: Promise<void> | undefined;
  const rest = () => (resting ??= worker.stop().then(() => cloud.stop()));
  return {
    cloud,
    door,
    driver,
    clock,
    worker,
    doors,
    fetch: fetchAmong(doors),
    settle: () => settleRegion(cloud, worker, clock),
    rest,
    async diagnose() {
      const found = await diagnoseCloud(cloud, { durable: false });
      return found.flatMap(({ id, findings }) => findings.map(({ message }) => `${id}: ${message}`));
    },
    leftovers: (projectId) => remainsOf(regional.database, driver, projectId),
    async digest() {
      const [one, other] = await Promise.all([digestOf(home.database), digestOf(regional.database)]);
      return new Map([...[...one].map(([table, digest]) => [`home ${table}`, digest] as const), ...[...other].map(([table, digest]) => [`region ${table}`, digest] as const)]);
    },
    open() {
      const databases = { home: home.open(), region: regional.open() };
      return { cloud: make(databases), close: () => Promise.all([databases.home.close(), databases.region.close()]).then(() => undefined) };
    },
    async close() {
      await rest();
      await door.drain();
      await driver.close();
    },
  };
}

async function makePrototype({ hosts, hostShape, random, startedAt }: { hosts: number; hostShape: HostShape; random: Random; startedAt: Date }): Promise<Prototype> {
  // The databases stay for as long as the server of this process does.
  const forever: Test = { after: () => undefined };
  const [home, regional] = [await testDatabase(forever, { migrations: homeSchemas }), await testDatabase(forever, { migrations: regionSchemas })];
  const folder = mkdtempSync(join(tmpdir(), 'test-cloud-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'driver'), { recursive: true });
  const clock = manualClock(startedAt);
  await migrateDatabases({ home: home.database, region: regional.database });
  const running = await run({ hosts, hostShape, home, regional, folder, clock, random });
  try {
    const { adminProjectId } = await bootstrapHome(running.cloud, { adminPassword: 'admin-password', base });
    // What was looked up before there was anything is forgotten.
    clock.advance(5_000);
    await running.settle();
    await bootstrapRegion(running.cloud, {
      adminProjectId,
      externalNetwork: { cidr: '198.51.100.0/24', gateway: '198.51.100.1', physicalNetwork: 'external' },
      guestImage: { name: 'cirros', diskFormat: 'qcow2', bytes: oneChunk(soundQcow2()), properties: {} },
    });
    const admin = personOf(running, { name: 'admin', password: 'admin-password', userId: '', projectId: adminProjectId });
    const people = await makePeople(admin, adminProjectId);
    const imageId = await makeImage(personOf(running, people.admin));
    await running.settle();
    return { home: home.target.database, region: regional.target.database, folder, people, imageId, startedAt: clock.now() };
  } finally {
    // A database that somebody uses cannot be copied.
    await running.close();
    await home.database.close();
    await regional.database.close();
  }
}

async function makePeople(admin: Person, adminProjectId: string): Promise<Record<PersonName, Account>> {
  const { body } = await admin.identity.users.list({ query: { name: 'admin' } });
  const roles = new Map((await admin.identity.roles.list()).body.roles.map(({ id, name }) => [name, id]));
  const project = async (name: string) => (await admin.identity.projects.create({ body: { project: { name } } })).body.project.id;
  const account = async (name: string, projectId: string, role: string): Promise<Account> => {
    const password = `${name}-password`;
    const { user } = (await admin.identity.users.create({ body: { user: { name, password } } })).body;
    await admin.identity.projectUserGrants.create({ params: { project_id: projectId, user_id: user.id, role_id: roles.get(role) ?? '' } });
    return { name, password, userId: user.id, projectId };
  };
  const [one, other] = [await project('A'), await project('B')];
  return {
    admin: { name: 'admin', password: 'admin-password', userId: body.users[0]?.id ?? '', projectId: adminProjectId },
    alice: await account('alice', one, 'member'),
    reader: await account('reader', one, 'reader'),
    bob: await account('bob', other, 'member'),
  };
}

async function makeImage(admin: Person): Promise<string> {
  const { id } = (await admin.image.images.create({ body: { name: 'small', disk_format: 'qcow2', container_format: 'bare', visibility: 'public' } })).body;
  await admin.image.imageData.upload({ params: { image_id: id ?? '' }, body: soundQcow2() as never });
  return id ?? '';
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const earlier = (one: string, other: string) => (compareVersions(one, other) < 0 ? one : other);

const services = { identity, federation, metering, billing, placement, image, volume, network, objectStore, compute };

function personOf(running: Pick<Running, 'fetch' | 'clock'>, { name, password, userId, projectId }: Account): Person {
  let kept: { token: string; until: number } | undefined;
  const token = async () => {
    // The client's clock is the cloud's.
    if (kept && kept.until > running.clock.now().getTime() + 60_000) return kept.token;
    const domain = { id: 'default' };
    const reply = await createClient(identity, { base, fetch: running.fetch }).tokens.create({
      body: { auth: { identity: { methods: ['password'], password: { user: { name, domain, password } } }, scope: { project: { id: projectId } } } },
    });
    kept = { token: reply.headers.get('x-subject-token') ?? '', until: Date.parse(reply.body.token.expires_at) };
    return kept.token;
  };
  const client = <S extends Service>(service: S, at = base, version = service.microversions?.max): Client<S> =>
    createClient<Service>(service, { base: at, token, fetch: running.fetch, ...(version === undefined ? {} : { version }) }) as unknown as Client<S>;
  return {
    name,
    userId,
    projectId,
    password,
    token,
    client,
    identity: client(services.identity),
    federation: client(services.federation),
    metering: client(services.metering),
    billing: client(services.billing),
    placement: client(services.placement),
    image: client(services.image),
    volume: client(services.volume),
    network: client(services.network),
    objectStore: client(services.objectStore),
    // The newest with which a server needs no word about networks, nor a key pair a key: tests say what they are about.
    compute: client(services.compute, base, earlier('2.35', services.compute.microversions.max)),
  };
}

/** A host without a door cannot be reached. */
function fetchAmong(doors: ReadonlyMap<string, Door>): typeof fetch {
  return async (address, init) => {
    const url = new URL(address instanceof Request ? address.url : address);
    const door = doors.get(url.host);
    if (!door) throw new TypeError(`fetch failed: ${url.host} cannot be reached`);
    const reply = await door.app.inject({
      method: (init?.method ?? 'GET') as 'GET',
      url: `${url.pathname}${url.search}`,
      headers: { host: url.host, ...(init?.headers as Record<string, string>) },
      ...(init?.body == null ? {} : { payload: init.body as unknown as string }),
    });
    const empty = reply.statusCode === 204 || reply.statusCode === 304 || init?.method === 'HEAD';
    return new Response(empty ? null : new Uint8Array(reply.rawPayload), { status: reply.statusCode, headers: reply.headers as Record<string, string> });
  };
}

export async function settleRegion(cloud: RegionCloud, worker: Worker, clock: Clock): Promise<void> {
  for (let rounds = 0; ; rounds++) {
    await worker.idle();
    const next = await nextTurn(cloud);
    if (next === undefined) return;
    if (rounds > 10_000) throw new Error('It does not settle: something is tried again and again');
    const waitMs = Math.max(next.getTime() - clock.now().getTime(), 1);
    if ('advance' in clock) (clock as ManualClock).advance(waitMs);
    else await clock.after(Math.min(waitMs, 100));
  }
}

/** When the next thing that waits is due: a workflow to be tried again, or a change that the network was not told. */
async function nextTurn({ region: { database } }: RegionCloud): Promise<Date | undefined> {
  return database.read({ kind: 'system', reason: 'the test waits' }, async (tx) => {
    const due = await tx.one<{ at: Date | null }>`
      select least(
        (select min(run_at) from kit.workflow_run where status in ('waiting', 'running') and workflow not like 'schedule:%'),
        (select greatest(min(coalesce(p.retry_at, p.dirty_since)), min(run.run_at)) from network.projection p, kit.workflow_run run
          where p.dirty_since is not null and run.workflow = 'schedule:network.project')
      ) as at`;
    return due?.at ?? undefined;
  });
}
