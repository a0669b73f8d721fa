/** More regions for a cloud of a test: each joins as any region does, and reaches home by its door only. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setImmediate as immediate } from 'node:timers/promises';
import { join } from 'node:path';
import { bootstrapLeases, bootstrapRegion, createApi, createWorker, diagnose, makeRegionCloud, migrateRegion, type RegionCloud } from '../cloud.ts';
import { createClient } from '../contract/client.ts';
import { identity } from '../contract/identity/service.ts';
import { federation } from '../contract/intercloud/federation.ts';
import { keysOf, readInvitation, unseal, type Membership } from '../contract/intercloud/federation/invitations.ts';
import type { BlobStore, Driver } from '../drivers/driver.ts';
import type { HostShape } from '../drivers/simulated/hosts.ts';
import { createSimulatedDriver, type Faults, type SimulatedDriver } from '../drivers/simulated/simulated.ts';
import { systemRandom } from '../kit/clock.ts';
import type { Door } from '../kit/http/serve.ts';
import { createLog } from '../kit/log.ts';
import type { Database } from '../kit/postgres/database.ts';
import { testDatabase } from '../kit/postgres/testing.ts';
import { fileBlobStore } from '../services/image/blobs.ts';
import { fileObjectBodies } from '../services/object-store/object-store.ts';
import { findProfile, setDue } from '../services/admission/profiles.store.ts';
import { probeRegions } from '../services/admission/profiles.ts';
import { soundQcow2 } from '../services/image/intake/corpus.ts';
import { settleRegion, type TestCloud } from './cloud.ts';

type Test = { after(work: () => Promise<void>): void };

export type TestRegion = {
  readonly name: string;
  readonly cloud: RegionCloud;
  readonly driver: SimulatedDriver;
  readonly door: Door;
  settle(): Promise<void>;
  /** Has admission try what this one can do, and what others can. */
  probe(): Promise<void>;
  /** The same region once more, as another process of it would begin. */
  open(): { cloud: RegionCloud; close(): Promise<void> };
  /** A token of the region's own user at home. */
  token(): Promise<string>;
  /** Home does what it asks, and it does not hear of it, whenever this says so. */
  loseAnswers(when: () => boolean): void;
  /** From now on it reaches nobody, and nobody reaches it. */
  cutOff(): void;
  comeBack(): void;
  diagnose(): Promise<string[]>;
};

export type RegionOptions = {
  hosts?: number;
  hostShape?: HostShape;
  /** What home is told that it is. */
  driver?: string;
  faults?: Faults;
  /** Instead of simulated hosts: somebody else's cloud. */
  openDriver?: (parts: { database: Database; blobs: BlobStore }) => Promise<Driver>;
};

export async function addRegion(t: Test, cloud: TestCloud, name: string, { hosts = 1, hostShape = { vcpus: 8, memoryMiB: 16_384, diskGiB: 200 }, driver: kind = 'simulated', faults, openDriver }: RegionOptions = {}): Promise<TestRegion> {
  const { body } = await cloud.admin.federation.regions.create({ body: { name } });
  const { secret } = readInvitation(body.invitation)!;
  const { proof, seal } = keysOf(name, secret);
  const host = `${name}.example`;
  const home = 'http://cloud.example';
  const joined = await createClient(federation, { base: home, fetch: cloud.fetch }).regions.join({ params: { region: name }, body: { proof, url: `http://${host}`, driver: kind } });
  const membership = unseal(seal, joined.body.sealed) as Membership;

  const database = await testDatabase(t, {});
  await migrateRegion(database.database);
  const folder = mkdtempSync(join(tmpdir(), 'test-region-'));
  const blobs = await fileBlobStore(join(folder, 'blobs'));
  const bodies = await fileObjectBodies(join(folder, 'objects'));
  const { clock } = cloud;
  const driver = createSimulatedDriver({ stateDir: join(folder, 'driver'), hosts, hostShape, blobs, clock, random: systemRandom, ...(faults ? { faults } : {}) });
  const used = openDriver ? await openDriver({ database: database.database, blobs }) : driver;
  const log = createLog({ name: 'test', level: process.env['TEST_LOG'] === undefined ? 'silent' : 'warn' });
  const away = { now: false, loses: () => false };
  const reach: typeof fetch = async (address, init) => {
    if (away.now) throw new TypeError('fetch failed: cut off');
    const reply = await cloud.fetch(address, init);
    // What was on its way does not arrive either.
    if (away.now || away.loses()) throw new TypeError('fetch failed: the answer was lost');
    return reply;
  };
  const make = (over: Database) => makeRegionCloud({ database: over, region: name, driver: used, blobs, bodies, clock, random: systemRandom, log }, { url: home, membership, secret, fetch: reach });
  const region = make(database.database);
  await bootstrapLeases(region);
  await region.start();
  const door = createApi(region, { publicUrl: `http://${host}`, rateLimit: { perSecond: 1e9, burst: 1e9 } });
  await door.app.ready();
  cloud.doors.set(host, door);
  const worker = createWorker(region, { pollMs: 50 });
  await worker.start();
  await worker.idle();
  await bootstrapRegion(region, {
    adminProjectId: membership.adminProjectId,
    externalNetwork: { cidr: '203.0.113.0/24', gateway: '203.0.113.1', physicalNetwork: 'external' },
    guestImage: { name: 'cirros', diskFormat: 'qcow2', bytes: (async function* once() { yield soundQcow2(); })(), properties: {} },
  });
  t.after(async () => {
    await worker.stop();
    await region.stop();
    await door.drain();
    await used.close();
    if (used !== driver) await driver.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const settle = () => settleRegion(region, worker, clock);
  // A partner's takes nothing before it was seen to work.
  if (kind === 'openstack') await probe(cloud, name, settle);
  return {
    name,
    cloud: region,
    driver,
    door,
    settle,
    probe: () => probe(cloud, name, settle),
    open() {
      const own = database.open();
      return { cloud: make(own), close: () => own.close() };
    },
    async token() {
      const reply = await createClient(identity, { base: home, fetch: cloud.fetch }).tokens.create({ body: { auth: { identity: { methods: ['application_credential'], application_credential: membership.credential } } } });
      return reply.headers.get('x-subject-token') ?? '';
    },
    loseAnswers(when) {
      away.loses = when;
    },
    cutOff() {
      away.now = true;
      cloud.doors.delete(host);
    },
    comeBack() {
      away.now = false;
      cloud.doors.set(host, door);
    },
    async diagnose() {
      const found = await diagnose(region, { durable: false });
      return found.flatMap(({ id, findings }) => findings.map(({ message }) => `${name} ${id}: ${message}`));
    },
  };
}

/** Once more from now on. A probe waits for what the region's worker does, which waits for the clock. */
async function probe({ cloud }: TestCloud, region: string, settle: () => Promise<void>): Promise<void> {
  const { parts } = cloud.admission;
  const scope = { kind: 'system', reason: 'the test asks for a probe' } as const;
  const profile = () => parts.database.read(scope, (tx) => findProfile(tx, region));
  const count = async () => (await profile())?.probes ?? 0;
  const before = await count();
  await parts.database.transaction(scope, (tx) => setDue(tx, region, parts.clock.now()));
  while ((await count()) === before) {
    let under = true;
    const probing = probeRegions(parts, new AbortController().signal).finally(() => (under = false));
    while (under) await Promise.all([settle(), Promise.race([probing, immediate()])]);
    await probing;
  }
}
