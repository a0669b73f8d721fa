import { Client } from 'pg';
import { administratorRole, type EmbeddedPostgres } from './embedded.ts';

/** One short connection as the superuser of the embedded server. */
export async function withAdministrator<T>(
  { socketDir, port }: Pick<EmbeddedPostgres, 'socketDir' | 'port'>,
  work: (admin: Client) => Promise<T>,
): Promise<T> {
  const admin = new Client({
    host: socketDir,
    port,
    user: administratorRole,
    database: 'postgres',
    connectionTimeoutMillis: 10_000,
    query_timeout: 60_000,
  });
  let lost: Error | undefined;
  // A connection that breaks between two statements says so here; the next statement fails by itself.
  admin.on('error', (error) => (lost = error));
  await admin.connect();
  try {
    return await work(admin);
  } catch (error) {
    throw lost ?? error;
  } finally {
    await admin.end();
  }
}
