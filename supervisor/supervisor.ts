/**
 * Keeps one cloud's processes on one machine: starts them in order, starts again what ends, stops them in
 * reverse. It serves no request and reads no input but its owner's, so that it need never be restarted itself.
 */
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { applicationRole, ensureDatabase, startEmbeddedPostgres, type EmbeddedPostgres } from '../kit/postgres/embedded.ts';
import { ensureDatabaseAt } from '../kit/postgres/external.ts';
import type { Log } from '../kit/log.ts';
import { closedFolderAbove, commandAs } from './account.ts';
import { layoutOf, type CloudConfig } from './config.ts';
import { serveControl, type Status } from './control.ts';
import { watchDaemons, type Daemon, type DaemonWatch } from './daemons.ts';
import { manageProcess, type ManagedProcess } from './process.ts';
import { doStep, Unstartable, type Report } from './steps.ts';

/** What runs below the agent, for a driver that has engines of its own. */
export type EngineRoom = {
  /** Installs and builds what is missing; each report with its title. */
  prepare(report: Report): Promise<void>;
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

export async function supervise(options: SupervisorOptions): Promise<void> {
  const { config, log, report } = options;
  const layout = layoutOf(config.stateDir);
  const begun = performance.now();
  const since = new Date().toISOString();
  makeFolders(config);
  demandReachable(config);
  await doStep(report, 'Check the address', () => demandFreePort(config));
  // The library is loaded only when a certificate is wanted: it is larger than the supervisor.
  const { tls } = config;
  if (tls?.authority) await doStep(report, 'Make the certificate', async () => (await import('./certificates.ts')).ensureCertificates({ ...tls, authority: tls.authority! }, config.account));
  if (options.engineRoom) await options.engineRoom.prepare(report);

  let postgres: PostgresKeeper | undefined;
  let daemons: DaemonWatch | undefined;
  const processes: ManagedProcess[] = [];
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= stopAll());
  const control = await serveControl(layout.supervisorSocket, async (command): Promise<unknown> => {
    if (command.command === 'status') return status();
    await stop();
    return 'stopped';
  });

  try {
    if (config.database === 'embedded') postgres = await doStep(report, 'Start PostgreSQL', () => keepPostgres(options));
    else await doStep(report, 'Prepare the databases', () => prepareDatabases(options));
    const starting: Promise<unknown>[] = [];
    // The API first of all: it answers while engines and guests are still on their way.
    const api = role('api', config.account);
    starting.push(doStep(report, 'Start the API', () => api.start()));
    // Waited for below; until then its failure must not end the process before what came first is told.
    starting[0]!.catch((error: unknown) => log.error({ err: error }, 'the API did not start'));
    if (options.engineRoom) {
      const room = options.engineRoom;
      const watched = await doStep(report, 'Start libvirt and OVN', () => room.start());
      daemons = watchDaemons(watched, log);
    }
    const agent = role('agent', null);
    await doStep(report, `Start the host agent (${config.driver})`, () => agent.start());
    const worker = role('worker', config.account);
    starting.push(doStep(report, 'Start the workers, and make flavors, network and image', () => worker.start()));
    await Promise.all(starting);
  } catch (error) {
    await stop();
    throw error;
  }
  report({ kind: 'ready', ms: Math.round(performance.now() - begun) });

  function role(name: string, account: CloudConfig['account']): ManagedProcess {
    const { command, code } = commandAs(account, options.node, smallHeap, options.code, `/run/intercloud-${config.cloudId}`);
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
    return { pid: process.pid, since, processes: own, engines: (await daemons?.states()) ?? [] };
  }

  async function stopAll(): Promise<void> {
    log.info('stopping');
    await daemons?.stop();
    // Those who ask before those who are asked.
    for (const each of processes.toReversed()) await each.stop();
    await options.engineRoom?.stop(log);
    await postgres?.stop();
    control.close();
    setImmediate(options.stopped);
  }

  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
}

type PostgresKeeper = { state(): ReturnType<ManagedProcess['state']>; stop(): Promise<void> };

/** PostgreSQL, started again when it ends without being told to. */
async function keepPostgres({ config, databases, log }: SupervisorOptions): Promise<PostgresKeeper> {
  const layout = layoutOf(config.stateDir);
  let stopping = false;
  let restarts = 0;
  let since = new Date();
  const start = () =>
    startEmbeddedPostgres({
      dataDir: layout.postgres,
      runtimeDir: layout.run,
      ...(config.account ? { socketGroup: config.account.gid } : {}),
      log,
    });
  let server: EmbeddedPostgres = await start();
  for (const name of databases) await ensureDatabase(server, name);
  writeFileSync(layout.postgresAddress, `${JSON.stringify({ socketDir: server.socketDir, port: server.port, user: applicationRole })}\n`);
  const keep = async (): Promise<void> => {
    while (!stopping) {
      const { code, signal } = await server.exited;
      if (stopping) return;
      log.warn({ code, signal }, 'PostgreSQL ended and is started again');
      restarts += 1;
      since = new Date();
      server = await start();
    }
  };
  void keep().catch((error: unknown) => log.fatal({ err: error }, 'PostgreSQL cannot be started again'));
  return {
    state: () => ({ name: 'postgresql', pid: server.pid, state: 'ready', restarts, since: since.toISOString() }),
    async stop() {
      stopping = true;
      await server.stop();
    },
  };
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
    mkdirSync(folder, { recursive: true, mode: 0o755 });
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
