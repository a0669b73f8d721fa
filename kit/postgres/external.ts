/** A PostgreSQL server that others run: what we need there. */
import { Client } from 'pg';

/** Makes the database beside the URL's own, unless it is there. The role of the URL must be allowed to. */
export function ensureDatabaseAt(url: string, name: string): Promise<void> {
  return administer(url, `Cannot make the database ${name}`, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    // Sorted by bytes: the policies of row level security compare ranges of ids (schema/0001-tenancy.sql).
    if (!rowCount) await client.query(`create database ${client.escapeIdentifier(name)} template template0 locale 'C' encoding 'UTF8'`);
  });
}

/** Deletes a database that nobody uses any more, if it is there. */
export function dropDatabaseAt(url: string, name: string): Promise<void> {
  return administer(url, `Cannot delete the database ${name}`, async (client) => {
    await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`);
  });
}

async function administer(url: string, otherwise: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 60_000 });
  let lost: Error | undefined;
  client.on('error', (error) => (lost = error));
  try {
    await client.connect();
    await work(client);
  } catch (cause) {
    throw new Error(`${otherwise}: ${(lost ?? (cause as Error)).message}`, { cause });
  } finally {
    await client.end().catch((error: unknown) => (lost ??= error as Error));
  }
}

/** The URL of another database of the same server. */
export function urlOfDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}
