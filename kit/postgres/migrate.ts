/** Forward-only, numbered, beside their service: `schema/0001-servers.sql`. What was run once never changes. */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql, type Database, type Transaction } from './database.ts';

export type Migrations = { service: string; directory: string };

type Migration = { service: string; name: string; text: string; sha256: string };

/** The kit's own tables; every database has them, so `migrate` begins with these. */
const kitMigrations: Migrations = { service: 'kit', directory: fileURLToPath(new URL('../schema', import.meta.url)) };

/**
 * Brings the schema up to date: each file in a transaction of its own, in the order of the list and
 * then of the numbers. Several processes may do it at once. Resolves to the files that were run now.
 */
export async function migrate(database: Database, list: readonly Migrations[]): Promise<string[]> {
  const wanted = await readMigrations(list);
  await database.script(bookkeeping);
  const ran: string[] = [];
  for (const migration of wanted) {
    const now = await database.transaction({ kind: 'system', reason: 'migration' }, (tx) => runOnce(tx, migration));
    if (now) ran.push(`${migration.service}/${migration.name}`);
  }
  return ran;
}

/** Every file in order, the kit's first. */
export async function readMigrations(list: readonly Migrations[]): Promise<Migration[]> {
  const services = await Promise.all([kitMigrations, ...list].map(readService));
  return services.flat();
}

async function readService({ service, directory }: Migrations): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  for (const [index, name] of names.entries()) {
    const number = String(index + 1).padStart(4, '0');
    if (!name.startsWith(`${number}-`)) throw new Error(`Expected ${number}-….sql in ${directory}, and found ${name}`);
  }
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(directory, name), 'utf8');
      return { service, name, text, sha256: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

async function runOnce(tx: Transaction, { service, name, text, sha256 }: Migration): Promise<boolean> {
  await tx.run`select pg_advisory_xact_lock(hashtext('kit.migration'))`;
  const before = await tx.one<{ sha256: string }>`
    select sha256 from kit.migration where service = ${service} and name = ${name}`;
  if (before?.sha256 === sha256) return false;
  if (before)
    throw new Error(`${service}/${name} was changed after it had been run on this database: add a new file instead`);

  await tx.run`set local statement_timeout = 0`;
  try {
    await tx.script(text);
  } catch (cause) {
    throw new Error(`Cannot run the migration ${service}/${name}`, { cause });
  }
  await tx.run(sql`insert into kit.migration (service, name, sha256) values (${service}, ${name}, ${sha256})`);
  return true;
}

const bookkeeping = `
  begin read write;
  select pg_advisory_xact_lock(hashtext('kit.migration'));
  create schema if not exists kit;
  create table if not exists kit.migration (
    service text not null,
    name text not null,
    sha256 text not null,
    ran_at timestamptz not null default now(),
    primary key (service, name)
  );
  commit;`;
