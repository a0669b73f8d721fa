/** A fresh database for each test, on one server for each process of tests. Nothing is left behind. */
import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withAdministrator } from './administration.ts';
import { openDatabase, type Database, type DatabaseOptions } from './database.ts';
import { applicationRole, ensureDatabase, startEmbeddedPostgres, type EmbeddedPostgres } from './embedded.ts';
import { migrate, readMigrations, type Migrations } from './migrate.ts';

/** What `node:test` hands to a test, as far as it is needed here. */
type Test = { after(work: () => Promise<void>): void };

export type TestDatabase = {
  database: Database;
  /** For further openings of the same database, as other processes would do. */
  target: { host: string; port: number; user: string; database: string };
  open(options?: Partial<Omit<DatabaseOptions, 'url'>>): Database;
};

/** Migrated and empty, or a copy of another one of this server, which nobody may be using; dropped when the test is over. */
export async function testDatabase(t: Test, { migrations = [], from }: { migrations?: readonly Migrations[]; from?: string } = {}): Promise<TestDatabase> {
  const server = await (shared ??= startTestServer({ leaveWithProcess: true }));
  const name = `test_${++count}`;
  await ensureDatabase(server, name, { from: from ?? (await templateFor(server, migrations)) });

  const target = { host: server.socketDir, port: server.port, user: applicationRole, database: name };
  const opened: Database[] = [];
  const open = (options: Partial<Omit<DatabaseOptions, 'url'>> = {}) => {
    const database = openDatabase({ ...target, applicationName: 'test', ...options });
    opened.push(database);
    return database;
  };
  const close = async () => {
    await Promise.all(opened.map((each) => each.close()));
    await withAdministrator(server, (admin) => admin.query(`drop database ${name} with (force)`));
  };
  // Hooks run in the order of registration, and what the test builds on the database has to end first.
  t.after(async () => t.after(close));
  return { database: open(), target, open };
}

export type TestServer = EmbeddedPostgres & { dataDir: string };

/** A server without durability, in a temporary directory. Whoever stops it also removes `dataDir`. */
export async function startTestServer({
  leaveWithProcess = false,
  durable = false,
}: { leaveWithProcess?: boolean; durable?: boolean } = {}): Promise<TestServer> {
  await removeLeftovers();
  const dataDir = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
  const server = await startEmbeddedPostgres({ dataDir, runtimeDir: tmpdir(), durable });
  if (leaveWithProcess) {
    server.unref();
    process.once('exit', () => removeWith(server.pid, dataDir));
  }
  return { ...server, dataDir };
}

let shared: Promise<TestServer> | undefined;
let count = 0;
const prefix = 'test-postgres-';
const templates = new Map<string, Promise<string>>();

async function templateFor(server: TestServer, migrations: readonly Migrations[]): Promise<string> {
  const files = await readMigrations(migrations);
  const hash = createHash('sha256').update(files.map(({ sha256 }) => sha256).join()).digest('hex').slice(0, 16);
  const name = `template_${hash}`;
  const known = templates.get(name) ?? makeTemplate(server, name, migrations);
  templates.set(name, known);
  return known;
}

async function makeTemplate(server: TestServer, name: string, migrations: readonly Migrations[]): Promise<string> {
  await ensureDatabase(server, name);
  const database = openDatabase({
    host: server.socketDir,
    port: server.port,
    user: applicationRole,
    database: name,
    applicationName: 'template',
  });
  try {
    await migrate(database, migrations);
  } finally {
    await database.close();
  }
  return name;
}

/** Nothing can be waited for while a process exits, so this tries until the server writes no more. */
function removeWith(pid: number, dataDir: string): void {
  if (isAlive(pid)) process.kill(pid, 'SIGQUIT');
  for (let tries = 0; existsSync(dataDir) && tries < 100; tries++) {
    try {
      rmSync(dataDir, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}

/** Directories of processes that were killed before they could remove them. */
async function removeLeftovers(): Promise<void> {
  const directories = (await readdir(tmpdir())).filter((name) => name.startsWith(prefix));
  const dead = directories.filter((name) => !isAlive(Number.parseInt(name.slice(prefix.length), 10)));
  await Promise.all(dead.map((name) => rm(join(tmpdir(), name), { recursive: true, force: true })));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
