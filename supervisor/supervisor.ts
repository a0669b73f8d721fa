/**
 * Keeps one cloud's processes on one machine: starts them in order, starts again what ends, stops them in
 * reverse. It serves no request and reads no input but its owner's, so that it need never be restarted itself.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { dropDatabaseAt, ensureDatabaseAt } from '../kit/postgres/external.ts';
import type { Log } from '../kit/log.ts';
import { closedFolderAbove } from './account.ts';
import { configOfRegion, databasesOf, layoutOf, regionDatabaseName, writeConfig, type CloudConfig, type GateAddress, type RegionSettings } from './config.ts';
import { serveControl, type Command, type Phase, type Status } from './control.ts';
import { keepPostgres, type PostgresKeeper } from './postgres.ts';
import { freePort } from './free-port.ts';
import { predecessorsGone } from './predecessors.ts';
import { objectStoreSecretOf } from './object-store-place.ts';
import { homeLinkOf, keepRegion, makeRegionFolders, ownFolder, partnerSecretOf, sharePostgres, type Attempt, type EngineRoom, type RegionKeeper } from './region-keeper.ts';
import { doStep, Unstartable, type Report } from './steps.ts';

export type { EngineRoom } from './region-keeper.ts';

export type SupervisorOptions = {
  config: CloudConfig;
  /** The root of the code, and the program that runs it. */
  code: string;
  node: string;
  /** The first administrator's, where home is. */
  adminPassword: string | null;
  /** The text of the file of keys. */
  cloudKeys: string | null;
  /** Null for a driver without engines of its own. */
  engineRoomOf: (config: CloudConfig) => Promise<EngineRoom | null>;
  log: Log;
  report: Report;
  /** Called when everything has been stopped. */
  stopped: () => void;
};

/** The caller holds the lock of the state folder: no other supervisor is here. */
export async function supervise(options: SupervisorOptions): Promise<void> {
  const { log, report } = options;
  let { config } = options;
  const layout = layoutOf(config.stateDir);
  const begun = performance.now();
  const since = new Date().toISOString();
  let phase: Phase = 'starting';
  let postgres: PostgresKeeper | undefined;
  const keepers: RegionKeeper[] = [];
  let stopping: Promise<void> | undefined;
  /** Regions come and go one at a time. */
  let changing: Promise<unknown> = Promise.resolve();
  const stop = () => (stopping ??= stopAll());
  makeFolders(config);
  // First of all, so that whoever comes meanwhile can see that we are here, and may say that we shall stop.
  const control = await serveControl(layout.supervisorSocket, answer);
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());

  const starting = start();
  try {
    await starting;
  } catch (error) {
    // What fails after that fails for that.
    const why = stopping ? toldToStop() : error;
    await stop();
    throw why;
  }
  if (stopping) return stopping;
  phase = 'up';
  report({ kind: 'ready', ms: Math.round(performance.now() - begun) });

  async function answer(command: Command): Promise<unknown> {
    switch (command.command) {
      case 'status':
        return status();
      case 'down':
        await stop();
        return 'stopped';
      case 'add region':
        return oneAtATime(() => addRegion(command.region));
      case 'remove region':
        return oneAtATime(() => removeRegion(command.name));
      case 'part from':
        return oneAtATime(() => partFrom(command.name));
      case 'open gate':
        return oneAtATime(() => openGate(command.gate));
      default:
        return command satisfies never;
    }
  }

  async function start(): Promise<void> {
    if (config.member) return startHost();
    demandReachable(config);
    await goOn(doStep(report, 'Check the address', () => predecessorsGone(config.stateDir, log).then(() => demandFreePort(config))));
    // The library is loaded only when a certificate is wanted: it is larger than the supervisor.
    const { tls } = config;
    if (tls?.authority) await goOn(doStep(report, 'Make the certificate', async () => (await import('./certificates.ts')).ensureCertificates({ ...tls, authority: tls.authority! }, config.account)));
    const first = await keeperOf(config);
    await goOn(first.engineRoom?.install(report));
    if (config.database === 'embedded') postgres = await doStep(report, 'Start PostgreSQL', () => keepPostgres({ config, databases: databasesOf(config), log }));
    else await doStep(report, 'Prepare the databases', () => prepareDatabases(config));
    await goOn();
    await first.start(goOn);
    await Promise.all(config.regions.map(({ name }) => startRegion(name)));
  }

  /** No cloud, so no address, no database and no certificate: only what carries machines. */
  async function startHost(): Promise<void> {
    await goOn(predecessorsGone(config.stateDir, log));
    const host = await keeperOf(config);
    await goOn(host.engineRoom?.install(report));
    await host.start(goOn);
  }

  async function keeperOf(region: CloudConfig): Promise<RegionKeeper> {
    const { code, node, adminPassword, cloudKeys } = options;
    const secrets = { ...(region.home === null ? { adminPassword: adminPassword ?? '', cloudKeys: cloudKeys ?? '' } : homeLinkOf(region)), ...objectStoreSecretOf(config) };
    const agentSecrets = region.driver === 'openstack' ? { agentSecrets: partnerSecretOf(region) } : {};
    const keeper = keepRegion({ cloud: config, config: region, code, node, secrets, ...agentSecrets, engineRoom: await options.engineRoomOf(region), log, report });
    keepers.push(keeper);
    return keeper;
  }

  async function startRegion(name: string): Promise<void> {
    const region = configOfRegion(config, name);
    makeRegionFolders(region);
    await demandFreePort(region);
    sharePostgres(config, region);
    const keeper = await keeperOf(region);
    await goOn(keeper.engineRoom?.install(report));
    await keeper.start(goOn);
  }

  /** Nothing more is started once we are told to stop. */
  async function goOn<T>(step?: Promise<T>): Promise<T> {
    const result = (await step) as T;
    if (stopping) throw toldToStop();
    return result;
  }

  async function oneAtATime<T>(change: () => Promise<T>): Promise<T> {
    const mine = changing.then(() => starting).then(() => goOn()).then(change);
    changing = mine.catch((error: unknown) => log.error({ err: error }, 'a region could not be changed'));
    return mine;
  }

  /** Forgotten again when it does not run: it is not tried again at each start of the cloud. */
  async function addRegion(settings: RegionSettings): Promise<void> {
    if (config.regions.some(({ name }) => name === settings.name)) throw new Error(`The region ${settings.name} runs here already`);
    const before = config;
    config = { ...config, regions: [...config.regions, settings] };
    // Its processes read what they are there.
    writeConfig(config);
    try {
      if (postgres) await postgres.ensure(regionDatabaseName(settings.name));
      else await ensureDatabaseAt(config.database, regionDatabaseName(settings.name));
      await startRegion(settings.name);
    } catch (error) {
      await stopRegion(settings.name);
      config = before;
      writeConfig(config);
      throw error;
    }
  }

  async function removeRegion(name: string): Promise<void> {
    const region = configOfRegion(config, name);
    const room = keepers.find((each) => each.name === name)?.engineRoom;
    await stopRegion(name);
    await room?.clear();
    config = { ...config, regions: config.regions.filter((each) => each.name !== name) };
    writeConfig(config);
    if (postgres) await postgres.drop(regionDatabaseName(name));
    else await dropDatabaseAt(config.database, regionDatabaseName(name));
    rmSync(region.stateDir, { recursive: true, force: true });
  }

  /** A partner's region stands still from then on, to be removed; where it cannot be parted from, it goes on. */
  async function partFrom(name: string): Promise<void> {
    const keeper = keepers.find((each) => each.name === name);
    if (!keeper) return;
    await keeper.stopProcesses(attempt);
    try {
      await keeper.part();
    } catch (error) {
      await stopRegion(name);
      await startRegion(name);
      throw error;
    }
    await stopRegion(name);
  }

  /** Where it is open already, it stays as it is. */
  async function openGate(gate: GateAddress): Promise<GateAddress> {
    if (config.gate) return config.gate;
    const before = config;
    const [first] = keepers;
    if (!first || config.driver === 'openstack') throw new Error(`Hosts cannot join a cloud with ${config.driver} hosts`);
    await demandFreePort(gate);
    const opened = { ...gate, ...(config.driver === 'libvirt-ovn' ? { southboundPort: await freePort() } : {}) };
    config = { ...config, gate: opened };
    // Its process reads where that is.
    writeConfig(config);
    try {
      await first.openGate(opened);
    } catch (error) {
      config = before;
      writeConfig(config);
      throw error;
    }
    return gate;
  }

  async function stopRegion(name: string): Promise<void> {
    const keeper = keepers.find((each) => each.name === name);
    if (!keeper) return;
    await keeper.stopProcesses(attempt);
    await keeper.stopEngines(attempt);
    keepers.splice(keepers.indexOf(keeper), 1);
  }

  async function status(): Promise<Status> {
    const own = keepers.flatMap((each) => each.processes());
    if (postgres) own.unshift(postgres.state());
    const engines = await Promise.all(keepers.map((each) => each.engines()));
    return { phase, pid: process.pid, since, processes: own, engines: engines.flat() };
  }

  async function stopAll(): Promise<void> {
    phase = 'stopping';
    log.info('stopping');
    for (const each of keepers.toReversed()) await each.stopProcesses(attempt);
    // A start that is under way ends first: what it still brings up is stopped here too.
    await starting.catch((error: unknown) => log.debug({ err: error }, 'the start was broken off'));
    await changing;
    for (const each of keepers.toReversed()) await each.stopEngines(attempt);
    await attempt('PostgreSQL', () => postgres?.stop());
    control.close();
    setImmediate(options.stopped);
  }

  async function attempt(...[what, work]: Parameters<Attempt>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.error({ err: error, what }, 'it could not be stopped in order');
    }
  }
}

function toldToStop(): Unstartable {
  return new Unstartable('The cloud was told to stop while it started', 'Start it again: intercloud up');
}

async function prepareDatabases(config: CloudConfig): Promise<void> {
  try {
    for (const name of databasesOf(config)) await ensureDatabaseAt(config.database, name);
  } catch (cause) {
    throw new Unstartable((cause as Error).message, 'Give --database the URL of a PostgreSQL 15 or newer whose role may create databases', { cause });
  }
}

function makeFolders(config: CloudConfig): void {
  const layout = layoutOf(config.stateDir);
  makeRegionFolders(config);
  mkdirSync(layout.postgres, { recursive: true, mode: config.account ? 0o711 : 0o700 });
  ownFolder(join(layout.cache, `code-${config.account?.uid ?? 'own'}`), config);
}

/** The API and the workers have an account of their own, which must get to their sockets. */
function demandReachable({ account, stateDir }: CloudConfig): void {
  const closed = account && closedFolderAbove(stateDir);
  if (closed) throw new Unstartable(`The account of the API (uid ${account.uid}) cannot get to ${stateDir}: ${closed} is closed to others`, `Choose another folder with --state, or open it: chmod o+x ${closed}`);
}

function demandFreePort({ host, port }: GateAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'EADDRINUSE'
          ? new Unstartable(`Port ${port} of ${host} is in use by another program`, `Choose another one: intercloud up --port ${port + 1}`, { cause })
          : new Unstartable(`Cannot listen at ${host}:${port}: ${cause.message}`, 'Choose another address with --listen and --port', { cause }),
      ),
    );
    probe.listen({ host, port }, () => probe.close(() => resolve()));
  });
}
