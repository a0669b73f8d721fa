/**
 * The one connection that is nobody's turn: it listens, and holds the locks by which others see that this
 * process lives. It comes back by itself, and says that something may have been missed meanwhile.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../log.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import { DatabaseUnavailable } from './errors.ts';
import { compile, sql } from './sql.ts';

export class Session {
  readonly #options: ConnectionOptions;
  readonly #waitMs: number;
  readonly #log: Log | undefined;
  readonly #handlers = new Map<string, Set<() => void>>();
  readonly #locks = new Map<string, readonly [number, number]>();
  readonly #closing = new AbortController();
  #connection: Promise<Connection> | undefined;

  constructor({ waitMs, ...options }: ConnectionOptions & { waitMs: number }, log?: Log) {
    this.#waitMs = waitMs;
    this.#options = { ...options, applicationName: `${options.applicationName} session` };
    this.#log = log;
  }

  /** `handler` is called for every notification, and after the connection was lost and is back. */
  async listen(channel: string, handler: () => void): Promise<() => void> {
    const connection = await this.#connected();
    const handlers = this.#handlers.get(channel) ?? new Set();
    this.#handlers.set(channel, handlers.add(handler));
    await connection.query(compile(sql`listen ${sql.ident(channel)}`));
    return () => void handlers.delete(handler);
  }

  /** Held for as long as this process has its connection, and taken again after a loss. */
  async hold(group: number, member: number): Promise<void> {
    const connection = await this.#connected();
    this.#locks.set(`${group} ${member}`, [group, member]);
    await connection.query(lock(group, member));
  }

  async release(group: number, member: number): Promise<void> {
    if (!this.#locks.delete(`${group} ${member}`)) return;
    const connection = await this.#connected();
    await connection.query(compile(sql`select pg_advisory_unlock(${group}::int, ${member}::int)`));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const [connection] = await Promise.allSettled([this.#connection]);
    if (connection.status === 'fulfilled') await connection.value?.close();
  }

  async #connected(): Promise<Connection> {
    if (this.#closing.signal.aborted) throw new DatabaseUnavailable('The database is closed');
    this.#connection ??= this.#connect();
    const waiting = new AbortController();
    const tooLong = delay(this.#waitMs, undefined, { signal: waiting.signal }).then(() => {
      throw new DatabaseUnavailable(`Cannot listen to the database: no connection in ${this.#waitMs} ms`);
    });
    return Promise.race([this.#connection, tooLong]).finally(() => waiting.abort());
  }

  async #connect(): Promise<Connection> {
    const signal = this.#closing.signal;
    for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
      signal.throwIfAborted();
      let connection: Connection | undefined;
      let serves = false;
      try {
        // Until it serves, it is this loop that tries again: a second one beside it would double the attempts each time.
        connection = await Connection.open(this.#options, () => serves && this.#lost());
        connection.onNotification((channel) => this.#tell(channel));
        for (const channel of this.#handlers.keys()) await connection.query(compile(sql`listen ${sql.ident(channel)}`));
        for (const [group, member] of this.#locks.values()) await connection.query(lock(group, member));
        serves = true;
        return connection;
      } catch (error) {
        connection?.destroy();
        this.#log?.warn({ err: error, retryInMs: pauseMs }, 'cannot listen to the database');
        await delay(pauseMs, undefined, { signal });
      }
    }
  }

  #lost(): void {
    if (this.#closing.signal.aborted) return;
    this.#connection = this.#connect();
    this.#connection.then(
      () => {
        for (const channel of this.#handlers.keys()) this.#tell(channel);
      },
      (error: unknown) => {
        if (!this.#closing.signal.aborted) this.#log?.error({ err: error }, 'no longer listening to the database');
      },
    );
  }

  #tell(channel: string): void {
    for (const handler of this.#handlers.get(channel) ?? []) handler();
  }
}

function lock(group: number, member: number) {
  return compile(sql`select pg_advisory_lock(${group}::int, ${member}::int)`);
}
