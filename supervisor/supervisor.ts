/**
 * Keeps one cloud's processes on one machine: starts them in order, starts again what ends, stops them in
 * reverse. It serves no request and reads no input but its owner's, so that it need never be restarted itself.
 */
import { chownSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ensureDatabaseAt } from '../kit/postgres/external.ts';
import type { Log } from '../kit/log.ts';
import { closedFolderAbove, codeFolderFor, commandAs } from './account.ts';
import { layoutOf, type CloudConfig } from './config.ts';
import { serveControl, type Phase, type Status } from './control.ts';
import { watchDaemons, type Daemon, type DaemonWatch } from './daemons.ts';
import { keepPostgres, type PostgresKeeper } from './postgres.ts';
import { predecessorsGone } from './predecessors.ts';
import { manageProcess, type ManagedProcess } from './process.ts';
import { doStep, Unstartable, type Report } from './steps.ts';

/** What runs below the agent, for a driver that has engines of its own. */
export type EngineRoom = {
  /** Installs what is missing, each step with its report. */
  install(report: Report): Promise<void>;
  /** Builds the first guest image, unless it is there. */
  buildImage(report: Report): Promise<void>;
  /** Starts the engines and returns them for watching. */
  start(): Promise<readonly Daemon[]>;
  /** Ends the engines and what runs on them, so that the next start finds it as it was. */
  stop(log: Log): Promise<void>;
};

export type SupervisorOptions = {
  config: CloudConfig;
  /** The root of the code, and the program that runs it. */
  code: string;
  node: string;
  adminPassword: string;
  /** To be made on the embedded server. */
  databases: readonly string[];
  engineRoom: EngineRoom | null;
  log: Log;
  report: Report;
  /** Called when everything has been stopped. */
  stopped: () => void;
};

const smallHeap = ['--max-semi-space-size=2'];

/** The caller holds the lock of the state folder: no other supervisor is here. */
export async function supervise(options: SupervisorOptions): Promise<void> {
  const { config, log, report } = options;
  const layout = layoutOf(config.stateDir);
  const begun = performance.now();
  const since = new Date().toISOString();
  let phase: Phase = 'starting';
  let postgres: PostgresKeeper | undefined;
  let daemons: DaemonWatch | undefined;
  const processes: ManagedProcess[] = [];
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= stopAll());
  makeFolders(config);
  // First of all, so that whoever comes meanwhile can see that we are here, and may say that we shall stop.
  const control = await serveControl(layout.supervisorSocket, async (command): Promise<unknown> => {
    if (command.command === 'status') return status();
    await stop();
    return 'stopped';
  });
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

  async function start(): Promise<void> {
    const room = options.engineRoom;
    demandReachable(config);
    await goOn(doStep(report, 'Check the address', () => predecessorsGone(config.stateDir, log).then(() => demandFreePort(config))));
    // The library is loaded only when a certificate is wanted: it is larger than the supervisor.
    const { tls } = config;
    if (tls?.authority) await goOn(doStep(report, 'Make the certificate', async () => (await import('./certificates.ts')).ensureCertificates({ ...tls, authority: tls.authority! }, config.account)));
    if (room) await goOn(room.install(report));
    if (config.database === 'embedded') postgres = await doStep(report, 'Start PostgreSQL', () => keepPostgres({ config, databases: options.databases, log }));
    else await doStep(report, 'Prepare the databases', () => prepareDatabases(options));
    await goOn();
    // The API first of all: it answers while engines and guests are still on their way.
    const api = role('api', config.account);
    const answering = doStep(report, 'Start the API', () => api.start());
    // Waited for below; until then its failure must not end the process before what came first is told.
    answering.catch((error: unknown) => log.error({ err: error }, 'the API did not start'));
    const imageBuilt = room?.buildImage(report);
    imageBuilt?.catch((error: unknown) => log.error({ err: error }, 'the guest image was not built'));
    if (room) {
      const watched = await goOn(doStep(report, 'Start libvirt and OVN', () => room.start()));
      daemons = watchDaemons(watched, log);
    }
    const agent = role('agent', null);
    await goOn(doStep(report, `Start the host agent (${config.driver})`, () => agent.start()));
    await goOn(imageBuilt);
    const worker = role('worker', config.account);
    await Promise.all([answering, doStep(report, 'Start the workers, and make flavors, network and image', () => worker.start())]);
  }

  /** Nothing more is started once we are told to stop. */
  async function goOn<T>(step?: Promise<T>): Promise<T> {
    const result = (await step) as T;
    if (stopping) throw toldToStop();
    return result;
  }

  function role(name: string, account: CloudConfig['account']): ManagedProcess {
    const { command, code } = commandAs(account, options.node, smallHeap, options.code, codeFolderFor(config.cloudId));
    const managed = manageProcess({
      name,
      command,
      args: [join(code, 'main.ts'), name, '--state', config.stateDir],
      // Compiled code is cached for the account that runs it, outside the checkout.
      env: { NODE_COMPILE_CACHE: join(layout.cache, `code-${account?.uid ?? 'own'}`), NODE_OPTIONS: '--disable-proto=delete' },
      logFile: join(layout.log, `${name}.log`),
      secrets: { adminPassword: options.adminPassword },
      log,
    });
    processes.push(managed);
    return managed;
  }

  async function status(): Promise<Status> {
    const own = processes.map((each) => each.state());
    if (postgres) own.unshift(postgres.state());
    return { phase, pid: process.pid, since, processes: own, engines: (await daemons?.states()) ?? [] };
  }

  async function stopAll(): Promise<void> {
    phase = 'stopping';
    log.info('stopping');
    // Those who ask before those who are asked. What cannot be stopped in order must not keep the rest from it.
    await attempt('the watch of the engines', () => daemons?.stop());
    for (const each of processes.toReversed()) await attempt(each.name, () => each.stop());
    // A start that is under way ends first: what it still brings up is stopped here too.
    await starting.catch((error: unknown) => log.debug({ err: error }, 'the start was broken off'));
    await attempt('the watch of the engines', () => daemons?.stop());
    await attempt('the engines', () => options.engineRoom?.stop(log));
    await attempt('PostgreSQL', () => postgres?.stop());
    control.close();
    setImmediate(options.stopped);
  }

  async function attempt(what: string, work: () => Promise<void> | undefined): Promise<void> {
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

async function prepareDatabases({ config, databases }: SupervisorOptions): Promise<void> {
  try {
    for (const name of databases) await ensureDatabaseAt(config.database, name);
  } catch (cause) {
    throw new Unstartable((cause as Error).message, 'Give --database the URL of a PostgreSQL 15 or newer whose role may create databases', { cause });
  }
}

function makeFolders(config: CloudConfig): void {
  const layout = layoutOf(config.stateDir);
  mkdirSync(config.stateDir, { recursive: true });
  for (const folder of [layout.run, layout.log, layout.cache]) mkdirSync(folder, { recursive: true, mode: 0o755 });
  mkdirSync(layout.secrets, { recursive: true, mode: 0o700 });
  mkdirSync(layout.agent, { recursive: true, mode: 0o700 });
  mkdirSync(layout.postgres, { recursive: true, mode: config.account ? 0o711 : 0o700 });
  const own = [layout.blobs, join(layout.blobs, 'incoming'), join(layout.blobs, 'aside'), join(layout.cache, `code-${config.account?.uid ?? 'own'}`)];
  for (const folder of own) {
    // Images are their projects'.
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (config.account) chownSync(folder, config.account.uid, config.account.gid);
  }
}

/** The API and the workers have an account of their own, which must get to their sockets. */
function demandReachable({ account, stateDir }: CloudConfig): void {
  const closed = account && closedFolderAbove(stateDir);
  if (closed) throw new Unstartable(`The account of the API (uid ${account.uid}) cannot get to ${stateDir}: ${closed} is closed to others`, `Choose another folder with --state, or open it: chmod o+x ${closed}`);
}

function demandFreePort({ host, port }: CloudConfig): Promise<void> {
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
