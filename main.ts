/**
 * Starts one role of a cloud in this process: `node main.ts <role> --state <dir> [--region <name>]`.
 *
 * supervisor keeps the others; api serves clients; worker does durable work; agent carries the driver, and alone keeps
 * root's rights where hosts need them; gate lets other machines be hosts too; part, doctor, halt and clear do one thing and end.
 */
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { givingCaptures } from './agent/captures.ts';
import { serveDriver } from './agent/host.ts';
import { connectDriver } from './agent/remote.ts';
import { clockAhead, systemClock, systemRandom } from './kit/clock.ts';
import { certificatesIn } from './kit/http/certificates.ts';
import { createLog, type Log } from './kit/log.ts';
import type { Database } from './kit/postgres/database.ts';
import type { Key } from './kit/s3/signing.ts';
import { keysFrom, type SealingKey } from './kit/sealing.ts';
import type { BlobStore, Driver } from './drivers/driver.ts';
import type { OpenstackDriver } from './drivers/openstack/openstack.ts';
import { fileBlobStore } from './services/image/blobs.ts';
import { bucketObjectBodies, fileObjectBodies, type ObjectBodies } from './services/object-store/object-store.ts';
import { codeFolderFor } from './supervisor/account.ts';
import { baseUrl, configOfRegion, layoutOf, readConfig, writeConfig, type CloudConfig } from './supervisor/config.ts';
import { usualHost } from './supervisor/host-shape.ts';
import { readOperatorRules } from './supervisor/operator-rules.ts';
import { followAuthorities } from './supervisor/trust.ts';
import { Unstartable, type StepReport } from './supervisor/steps.ts';
import type { Cloud, DatabaseServer, RegionCloud } from './cloud.ts';
import type { Membership } from './contract/intercloud/federation/invitations.ts';

const [role = '', , stateDir = '', , regionName] = process.argv.slice(2);
const config = role === 'supervisor' ? await wishedConfig() : configFor(stateDir, regionName);
const clock = clockAhead(systemClock, (config.clockAheadSeconds ?? 0) * 1_000);
// What these print is for whoever called them.
const log = createLog({ name: role, level: role === 'halt' || role === 'clear' ? 'warn' : 'info' });

const roles: Record<string, (config: CloudConfig) => Promise<void>> = { supervisor, api, worker, agent, gate, part, doctor, halt, clear };
const start = roles[role] ?? noRole;
process.on('uncaughtException', (error) => die(error, 'an error that nobody caught'));
process.on('unhandledRejection', (error) => die(error, 'a rejection that nobody caught'));
void start(config).catch((error: unknown) => die(error, `the ${role} could not start`));

/** In a state that nobody foresaw it is better to end: the supervisor starts us again, and all that matters is in the database. */
function die(error: unknown, message: string): void {
  log.fatal({ err: error }, message);
  if (role === 'supervisor' || role === 'part') tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error), ...(error instanceof Unstartable ? { remedy: error.remedy } : {}) });
  // What was told is sent first.
  setImmediate(() => process.exit(1));
}

/** A further region's, or the cloud's own. */
function configFor(stateDir: string, region: string | undefined): CloudConfig {
  const cloud = readConfig(stateDir);
  if (!cloud) throw new Error(`There is no cloud in ${stateDir}`);
  return region === undefined ? cloud : configOfRegion(cloud, region);
}

function noRole(): Promise<never> {
  return Promise.reject(new Error(`There is no role ${role}`));
}

async function supervisor(config: CloudConfig): Promise<void> {
  const { supervise } = await import('./supervisor/supervisor.ts');
  const hasHome = config.home === null && !config.member;
  const code = fileURLToPath(new URL('./', import.meta.url)).replace(/\/$/, '');
  await supervise({
    config,
    code,
    node: process.execPath,
    adminPassword: hasHome ? readFileSync(layoutOf(config.stateDir).adminPassword, 'utf8').trim() : null,
    cloudKeys: hasHome ? readFileSync(layoutOf(config.stateDir).cloudKeys, 'utf8') : null,
    engineRoomOf: async (region) => (region.driver === 'libvirt-ovn' ? (await import('./engine-room.ts')).engineRoom(region) : null),
    log,
    report: tell,
    stopped: () => process.exit(0),
  });
}

/** Kept only now that nobody else starts this cloud: the lock on the folder is ours. */
async function wishedConfig(): Promise<CloudConfig> {
  const { config } = await new Promise<{ config: CloudConfig }>((resolve) => process.once('message', resolve));
  writeConfig(config);
  return config;
}

async function api(config: CloudConfig): Promise<void> {
  followAuthorities(stateDir);
  const { cloud, close } = await prepared(config, 12);
  const { createApi } = await import('./cloud.ts');
  await cloud.start();
  const tls = config.tls && { cert: await readFile(config.tls.certificate, 'utf8'), key: await readFile(config.tls.key, 'utf8'), contextOf: certificatesIn(layoutOf(stateDir).hostCertificates) };
  const door = createApi(cloud, { rules: readOperatorRules(stateDir), ...(tls ? { tls } : {}) });
  await door.listen({ host: config.host, port: config.port });
  log.info({ url: baseUrl(config) }, 'the API answers');
  ready(async () => {
    // First the watch on home, whose own questions would be waited for.
    await cloud.stop();
    await door.drain();
    await close();
  });
}

async function worker(config: CloudConfig): Promise<void> {
  followAuthorities(stateDir);
  const { cloud, close, adminProjectId } = await prepared(config, 20);
  const { bootstrapRegion, createWorker } = await import('./cloud.ts');
  const layout = layoutOf(config.stateDir);
  const work = createWorker(cloud);
  await work.start();
  await bootstrapRegion(cloud, {
    adminProjectId,
    externalNetwork: { ...config.externalNetwork, physicalNetwork: 'external' },
    guestImage: {
      name: 'cirros',
      properties: { os_distro: 'cirros', hw_rng_model: 'virtio' },
      ...(existsSync(layout.guestImage) ? { diskFormat: 'qcow2', bytes: bytesOf(layout.guestImage) } : { diskFormat: 'raw', bytes: simulatedDisk() }),
    },
  });
  ready(async () => {
    await work.stop();
    await close();
  });
}

type Prepared<C> = { cloud: C; adminProjectId: string; close(): Promise<void> };

/** The cloud that this process serves, with its schemas up to date and what it begins with. */
async function prepared(config: CloudConfig, connections: number): Promise<Prepared<Cloud | RegionCloud>> {
  const { adminPassword = '', cloudKeys = '', homeLink = '', objectStoreKey = '' } = await secrets();
  return config.home === null ? preparedHome(config, connections, { adminPassword, cloudKeys: keysFrom(cloudKeys), objectStoreKey }) : preparedRegion(config, config.home.url, connections, { homeLink, objectStoreKey });
}

async function preparedHome(config: CloudConfig, connections: number, { adminPassword, ...keys }: { adminPassword: string; cloudKeys: readonly SealingKey[]; objectStoreKey: string }): Promise<Prepared<Cloud>> {
  const { bootstrapHome, migrateDatabases } = await import('./cloud.ts');
  const { cloud, close } = await openCloud(config, log, connections, keys);
  await migrateDatabases({ home: cloud.home.database, region: cloud.region.database });
  const { adminProjectId } = await bootstrapHome(cloud, { adminPassword, base: baseUrl(config) });
  return { cloud, adminProjectId, close };
}

async function preparedRegion(config: CloudConfig, home: string, connections: number, keys: { homeLink: string; objectStoreKey: string }): Promise<Prepared<RegionCloud>> {
  const { bootstrapLeases, migrateRegion } = await import('./cloud.ts');
  const { cloud, close, adminProjectId } = await openRegion(config, home, log, connections, keys);
  await migrateRegion(cloud.region.database);
  await bootstrapLeases(cloud);
  return { cloud, adminProjectId, close };
}

async function agent(config: CloudConfig): Promise<void> {
  if (config.member) {
    const { serveAsHost } = await import('./host-room.ts');
    const host = await serveAsHost(config, { clock, log, make: (hostId, blobs) => makeDriver(config, blobs, hostId) });
    return ready(() => host.stop());
  }
  const layout = layoutOf(config.stateDir);
  const blobs = await fileBlobStore(layout.blobs);
  const driver = await makeDriver(config, blobs);
  // An agent without root's rights is of this account itself: what it makes is its own.
  const account = process.getuid?.() === 0 ? config.account : null;
  const served = await serveDriver(account ? givingCaptures(driver, blobs, account) : driver, { socketPath: layout.agentSocket, ...(account ? { owner: account } : {}), log });
  ready(async () => {
    await served.close({ graceMs: 5_000 });
    await driver.close();
  });
}

/** Where machines come in that are to be hosts too; all hosts of the region are asked for there. */
async function gate(config: CloudConfig): Promise<void> {
  const [{ serveGate }, { hostAuthorityKey = '' }] = await Promise.all([import('./host-room.ts'), secrets()]);
  const serving = await serveGate(config, { clock, log, server: await databaseServer(config), hostAuthorityKey });
  ready(() => serving.stop());
}

/** Leaves nothing of ours at a partner whose region is about to be no more. */
async function part(config: CloudConfig): Promise<void> {
  const driver = await partnersDriver(config, await fileBlobStore(layoutOf(config.stateDir).blobs));
  await driver.part();
  ready(() => driver.close());
}

async function doctor(config: CloudConfig): Promise<void> {
  const { diagnose } = await import('./cloud.ts');
  const quiet = createLog({ name: 'doctor', level: 'silent' });
  const { homeLink, cloudKeys } = layoutOf(config.stateDir);
  // It looks whether all that is sealed can be opened.
  const objectStoreKey = config.objectStore ? await readFile(layoutOf(stateDir).objectStoreKey, 'utf8') : '';
  const { cloud } = config.home === null ? await openCloud(config, quiet, 4, { cloudKeys: keysFrom(await readFile(cloudKeys, 'utf8')), objectStoreKey }) : await openRegion(config, config.home.url, quiet, 4, { homeLink: await readFile(homeLink, 'utf8'), objectStoreKey });
  process.stdout.write(`${JSON.stringify(await diagnose(cloud))}\n`, () => process.exit(0));
}

/** Ends what a supervisor that was killed has left running. */
async function halt(config: CloudConfig): Promise<void> {
  const { predecessorsGone } = await import('./supervisor/predecessors.ts');
  await predecessorsGone(config.stateDir, log);
  for (const each of regionsOf(config)) if (each.driver === 'libvirt-ovn') await (await import('./engine-room.ts')).engineRoom(each).stop(log);
  process.exit(0);
}

async function clear(config: CloudConfig): Promise<void> {
  for (const each of regionsOf(config)) if (each.driver === 'libvirt-ovn') await (await import('./engine-room.ts')).engineRoom(each).clear();
  // Empty for us: what is mounted there is so for the account's processes alone.
  if (config.account) await rmdir(codeFolderFor(config.cloudId)).catch(unlessAbsent);
  process.exit(0);
}

/** The first one and all further ones of this machine. */
function regionsOf(config: CloudConfig): CloudConfig[] {
  return [config, ...config.regions.map(({ name }) => configOfRegion(config, name))];
}

type Opened<C> = { cloud: C; close(): Promise<void> };

/** Without keys, what is sealed stays so. */
async function openCloud(config: CloudConfig, log: Log, connections: number, { cloudKeys, objectStoreKey }: { cloudKeys: readonly SealingKey[]; objectStoreKey: string }): Promise<Opened<Cloud>> {
  const { makeCloud, openHomeDatabase, openRegionDatabase } = await import('./cloud.ts');
  const server = await databaseServer(config);
  const options = { applicationName: role, max: connections, log };
  const databases = { home: openHomeDatabase(server, options), region: openRegionDatabase(server, config.region, options) };
  const cloud = makeCloud({ databases, cloudKeys, ...(await surroundings(config, log, { database: databases.region, objectStoreKey })) });
  return { cloud, close: () => Promise.all([databases.home.close(), databases.region.close()]).then(() => undefined) };
}

async function openRegion(config: CloudConfig, home: string, log: Log, connections: number, { homeLink, objectStoreKey }: { homeLink: string; objectStoreKey: string }): Promise<Opened<RegionCloud> & { adminProjectId: string }> {
  const { makeRegionCloud, openRegionDatabase } = await import('./cloud.ts');
  const { secret, ...membership } = JSON.parse(homeLink) as Membership & { secret: string };
  const database = openRegionDatabase(await databaseServer(config), config.region, { applicationName: role, max: connections, log });
  const cloud = makeRegionCloud({ database, ...(await surroundings(config, log, { database, objectStoreKey })) }, { url: home, membership, secret: Buffer.from(secret, 'base64url') });
  return { cloud, adminProjectId: membership.adminProjectId, close: () => database.close() };
}

async function databaseServer(config: CloudConfig): Promise<DatabaseServer> {
  return config.database === 'embedded' ? { kind: 'embedded', ...JSON.parse(await readFile(layoutOf(config.stateDir).postgresAddress, 'utf8')) } : { kind: 'url', url: config.database };
}

async function surroundings(config: CloudConfig, log: Log, store: { database: Database; objectStoreKey: string }) {
  const layout = layoutOf(config.stateDir);
  return {
    region: config.region,
    // Once hosts of other machines were let in, what one agent knows is not all that there is.
    driver: connectDriver({ socketPath: () => (existsSync(layout.gateOpen) ? layout.hostsSocket : layout.agentSocket), name: config.driver }),
    blobs: await fileBlobStore(layout.blobs),
    bodies: await openBodies(config, log, store),
    clock,
    random: systemRandom,
    log,
  };
}

async function openBodies({ objectStore, stateDir }: CloudConfig, log: Log, { database, objectStoreKey }: { database: Database; objectStoreKey: string }): Promise<ObjectBodies> {
  if (!objectStore) return fileObjectBodies(layoutOf(stateDir).objects);
  const { openBucket } = await import('./kit/s3/bucket.ts');
  return bucketObjectBodies({ bucket: openBucket(objectStore, JSON.parse(objectStoreKey) as Key, clock), database, clock, log });
}

/** The code of a driver is loaded only where it is wanted. */
async function makeDriver(config: CloudConfig, blobs: BlobStore, hostId?: string): Promise<Driver> {
  const { agent: stateDir } = layoutOf(config.stateDir);
  switch (config.driver) {
    case 'libvirt-ovn':
      return (await import('./engine-room.ts')).makeRealDriver(config, blobs, log);
    case 'simulated': {
      const { createSimulatedDriver } = await import('./drivers/simulated/simulated.ts');
      await mkdir(stateDir, { recursive: true });
      return createSimulatedDriver({ stateDir, hosts: config.hosts, ...(hostId === undefined ? {} : { hostId }), hostShape: config.hostShape ?? usualHost, blobs, clock, random: systemRandom });
    }
    case 'openstack':
      return partnersDriver(config, blobs);
    default:
      return config.driver satisfies never;
  }
}

/** What of ours is what there is in the region's database. */
async function partnersDriver(config: CloudConfig, blobs: BlobStore): Promise<OpenstackDriver> {
  if (!config.partner) throw new Error(`The region ${config.region} does not say whose cloud it is`);
  const [{ partnerSecret = '' }, { openRegionDatabase }, { openOpenstackDriver }] = await Promise.all([secrets(), import('./cloud.ts'), import('./drivers/openstack/open.ts')]);
  const database = openRegionDatabase(await databaseServer(config), config.region, { applicationName: role, max: 4, log });
  const driver = await openOpenstackDriver({ settings: config.partner, secret: partnerSecret, database, blobs, clock, random: systemRandom });
  return { ...driver, close: () => driver.close().then(() => database.close()) };
}

/** Opened only when somebody reads. */
async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path) as AsyncIterable<Uint8Array>;
}

/** What simulated machines boot from: nothing runs there, so it only has to be a disk. */
async function* simulatedDisk(): AsyncGenerator<Uint8Array> {
  const disk = Buffer.alloc(1024 * 1024);
  disk.write('A disk for simulated machines.');
  yield disk;
}

/** Tells the supervisor that we serve, and stops in order when it says so or is gone. */
function ready(stop: () => Promise<void>): void {
  let stopping = false;
  const end = () => {
    if (stopping) return;
    stopping = true;
    stop().then(
      () => process.exit(0),
      (error: unknown) => die(error, 'stopping failed'),
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.on('disconnect', end);
  // Gone while we started: nobody waits for us.
  if (process.connected) process.send?.({ ready: true });
  else end();
}

/** What the supervisor hands over apart from the command line. */
function secrets(): Promise<Record<string, string>> {
  return new Promise((resolve) => process.once('message', (message: { secrets?: Record<string, string> }) => resolve(message.secrets ?? {})));
}

function tell(report: StepReport): void {
  if (report.kind === 'failed') log.error(report, 'the cloud did not start');
  else log.info(report, 'progress');
  if (process.connected) process.send?.(report);
}

function unlessAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
