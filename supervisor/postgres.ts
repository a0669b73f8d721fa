/** PostgreSQL, started again when it ends without being told to. */
import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { applicationRole, dropDatabase, ensureDatabase, startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from '../kit/postgres/embedded.ts';
import type { Log } from '../kit/log.ts';
import { layoutOf, type CloudConfig } from './config.ts';
import { firstDelayMs, restartDelayMs, type ProcessState } from './process.ts';

export type PostgresKeeper = {
  state(): ProcessState;
  /** Makes a further database, unless it is there. */
  ensure(database: string): Promise<void>;
  /** Deletes a database that nobody uses any more, if it is there. */
  drop(database: string): Promise<void>;
  stop(): Promise<void>;
};

/** Serves these databases when it returns. */
export async function keepPostgres({ config, databases, log }: { config: CloudConfig; databases: readonly string[]; log: Log }): Promise<PostgresKeeper> {
  const layout = layoutOf(config.stateDir);
  const options: EmbeddedPostgresOptions = { dataDir: layout.postgres, runtimeDir: layout.run, ...(config.account ? { socketGroup: config.account.gid } : {}), log };
  const stopping = new AbortController();
  let server: EmbeddedPostgres | undefined = await startEmbeddedPostgres(options);
  let restarts = 0;
  let since = new Date();
  for (const name of databases) await ensureDatabase(server, name);
  writeFileSync(layout.postgresAddress, `${JSON.stringify({ socketDir: server.socketDir, port: server.port, user: applicationRole })}\n`);

  async function keep(): Promise<void> {
    let delayMs = firstDelayMs;
    while (!stopping.signal.aborted) {
      if (server) {
        const { code, signal } = await server.exited;
        if (stopping.signal.aborted) return;
        log.warn({ code, signal }, 'PostgreSQL ended and is started again');
        server = undefined;
        restarts += 1;
      }
      delayMs = restartDelayMs(delayMs, since);
      since = new Date();
      // Its sessions need a moment to notice that it was killed; until the last has gone, the memory that they share is taken.
      await pause(delayMs, undefined, { signal: stopping.signal }).catch(whenAborted);
      if (stopping.signal.aborted) return;
      server = await startEmbeddedPostgres(options).catch((error: unknown) => {
        log.error({ err: error }, 'PostgreSQL did not start; another try follows');
        return undefined;
      });
      if (server) since = new Date();
    }
  }
  const kept = keep();
  const running = () => {
    if (!server) throw new Error('PostgreSQL is just being started again: try it once more');
    return server;
  };

  return {
    state: () => ({ name: 'postgresql', pid: server?.pid ?? null, state: stopping.signal.aborted ? 'stopped' : server ? 'ready' : 'restarting', restarts, since: since.toISOString() }),
    ensure: (name) => ensureDatabase(running(), name),
    drop: (name) => dropDatabase(running(), name),
    async stop() {
      stopping.abort();
      // One that is just starting is stopped when it has started, so that the next start need not recover.
      await server?.stop();
      await kept;
      await server?.stop();
    },
  };
}

function whenAborted(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
