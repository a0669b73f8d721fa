/** A bounded set of connections, each lent to one caller at a time. */
import { setTimeout as delay } from 'node:timers/promises';
import { Connection, type ConnectionOptions } from './connection.ts';
import { DatabaseUnavailable, isConnectionLoss } from './errors.ts';

export type PoolOptions = ConnectionOptions & {
  max: number;
  /** How long a caller waits for a connection before `DatabaseUnavailable`. */
  waitMs: number;
  /** A connection that nobody has used for so long is closed, except the last: each is a process of the server's, with memory of its own. */
  idleMs: number;
};

type Waiter = { give(connection: Connection | undefined): void };

export class Pool {
  readonly #options: PoolOptions;
  readonly #open = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #watch: NodeJS.Timeout;
  #opening = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#watch = setInterval(() => {
      this.#breakSilentOnes();
      this.#closeIdleOnes();
    }, Math.min(1_000, options.idleMs)).unref();
  }

  /** One that already has this scope, where there is one. */
  async take(scope?: string): Promise<Connection> {
    const deadline = performance.now() + this.#options.waitMs;
    for (;;) {
      if (this.#closed) throw new DatabaseUnavailable('The database is closed');
      const idle = this.#takeIdle(scope);
      if (idle) return idle;
      if (this.#open.size + this.#opening < this.#options.max) return this.#connect(deadline);
      const given = await this.#wait(deadline);
      if (given) return given;
    }
  }

  give(connection: Connection): void {
    if (connection.broken) return;
    if (this.#closed) return void this.#end(connection);
    const [waiter] = this.#waiters;
    if (waiter) return waiter.give(connection);
    connection.idleSince = performance.now();
    this.#idle.push(connection);
  }

  /** Waits for what is lent, but not for ever. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiter of this.#waiters) waiter.give(undefined);
    for (const connection of this.#idle.splice(0)) void this.#end(connection);
    const deadline = performance.now() + 10_000;
    while (this.#open.size + this.#opening > 0) {
      if (performance.now() > deadline) for (const connection of this.#open) connection.destroy();
      await delay(5);
    }
    clearInterval(this.#watch);
  }

  #takeIdle(scope: string | undefined): Connection | undefined {
    if (scope === undefined) return this.#idle.pop();
    const index = this.#idle.findLastIndex(({ sessionScope }) => sessionScope === scope);
    return index < 0 ? this.#idle.pop() : this.#idle.splice(index, 1)[0];
  }

  async #connect(deadline: number): Promise<Connection> {
    this.#opening++;
    try {
      for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, 500)) {
        try {
          const connection = await Connection.open(this.#options, (broken) => this.#forget(broken));
          this.#open.add(connection);
          return connection;
        } catch (cause) {
          if (!isConnectionLoss(cause) && !isConnectTimeout(cause)) throw cause;
          if (this.#closed || performance.now() + pauseMs > deadline)
            throw new DatabaseUnavailable('Cannot connect to the database', { cause });
          await delay(pauseMs);
        }
      }
    } finally {
      this.#opening--;
      this.#letOneTry();
    }
  }

  /** A connection, or undefined when there is room to open one. */
  #wait(deadline: number): Promise<Connection | undefined> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        give(connection) {
          settle();
          resolve(connection);
        },
      };
      const timer = setTimeout(() => {
        settle();
        reject(new DatabaseUnavailable(`No connection to the database became free in ${this.#options.waitMs} ms`));
      }, deadline - performance.now());
      this.#waiters.add(waiter);
    });
  }

  #letOneTry(): void {
    const [waiter] = this.#waiters;
    if (waiter && this.#open.size + this.#opening < this.#options.max) waiter.give(undefined);
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#letOneTry();
  }

  /** What was used last is used next, so that those in front are the ones that are not needed. */
  #closeIdleOnes(): void {
    const oldest = performance.now() - this.#options.idleMs;
    const unused = this.#idle.findIndex(({ idleSince }) => idleSince > oldest);
    const count = Math.min(unused < 0 ? this.#idle.length : unused, this.#open.size - 1);
    for (const connection of this.#idle.splice(0, Math.max(count, 0))) void this.#end(connection);
  }

  async #end(connection: Connection): Promise<void> {
    await connection.close();
    this.#open.delete(connection);
  }

  /** The server ends long statements itself; one that does not even say so is not there any more. */
  #breakSilentOnes(): void {
    for (const connection of this.#open)
      if (connection.waitingMs() > this.#options.statementTimeoutMs + 5_000) connection.destroy();
  }
}

function isConnectTimeout(error: unknown): boolean {
  return error instanceof Error && /timeout expired/.test(error.message);
}
