/**
 * The database as services see it: transactions in a scope.
 *
 * Every transaction says whose rows it may touch, and the tables' policies (`kit.protect`) hold every
 * statement to that, also one that forgot to ask for the project.
 */
import type { QueryResult } from 'pg';
import type { Log } from '../log.ts';
import { systemRandom, type Random } from '../clock.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Connection, Target } from './connection.ts';
import { asOurs, DatabaseUnavailable, isConnectionLoss, isTransient, UnknownOutcome } from './errors.ts';
import { Pool } from './pool.ts';
import { Session } from './session.ts';
import { compile, isSql, sql, type Sql, type Statement } from './sql.ts';

export { sql, type Sql } from './sql.ts';
export { ConstraintViolation, DatabaseUnavailable, UnknownOutcome } from './errors.ts';

/** Whose rows: one project's, or everyone's for a reason that can be read in the code. */
export type Scope = { kind: 'project'; projectId: string } | { kind: 'system'; reason: string };

export type Transaction = {
  readonly scope: Scope;
  /** All rows of a statement; from a template, or from a fragment made before. */
  rows<T extends object>(strings: TemplateStringsArray, ...values: unknown[]): Promise<T[]>;
  rows<T extends object>(statement: Sql): Promise<T[]>;
  /** The only row, or undefined; more than one is a mistake and throws. */
  one<T extends object>(strings: TemplateStringsArray, ...values: unknown[]): Promise<T | undefined>;
  one<T extends object>(statement: Sql): Promise<T | undefined>;
  /** The number of rows that were changed. */
  run(strings: TemplateStringsArray, ...values: unknown[]): Promise<number>;
  run(statement: Sql): Promise<number>;
  /**
   * Sent without waiting for the answer, to be done before whatever is asked next. Should it fail, so does the transaction,
   * and without a name for the reason: for what cannot be wrong because of what a user asked.
   */
  queue(statement: Sql): void;
  /** Several statements in one text, without values; for migrations. */
  script(text: string): Promise<void>;
  /** Called once the transaction is committed, and not when it is not. */
  afterCommit(work: () => void): void;
  /**
   * Wakes who listens to this channel, after the commit. Only a hint: it is lost when this process
   * dies in between, so whoever listens also looks now and then.
   */
  wake(channel: string): void;
};

export type Database = {
  /**
   * Runs `work` in one transaction, and again from its beginning when PostgreSQL asks for that or the
   * connection broke before COMMIT: whatever `work` does outside the database must bear repetition.
   */
  transaction<T>(scope: Scope, work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Read only, and each statement sees what is committed when it starts. */
  read<T>(scope: Scope, work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Calls `handler` when the channel is woken, and whenever a wake may have been missed. Returns how to stop. */
  listen(channel: string, handler: () => void): Promise<() => void>;
  /** Holds a lock that others can see for as long as this process lives. */
  holdLock(group: number, member: number): Promise<void>;
  releaseLock(group: number, member: number): Promise<void>;
  isReady(): Promise<boolean>;
  close(): Promise<void>;
  /** One text that brings its own `begin read write` and `commit`; for the first statements of all. */
  script(text: string): Promise<void>;
};

export type DatabaseOptions = Target & {
  applicationName: string;
  /** Connections for transactions; one more is used for listening. */
  max?: number;
  waitMs?: number;
  /** After how long a connection that nobody uses is closed. */
  idleMs?: number;
  statementTimeoutMs?: number;
  random?: Random;
  log?: Log;
};

const attempts = 5;
const betweenWakesMs = 10;

/** Returns at once; connections are made when they are asked for. */
export function openDatabase(options: DatabaseOptions): Database {
  const { max = 10, waitMs = 5_000, idleMs = 60_000, statementTimeoutMs = 30_000, random = systemRandom, log, ...target } = options;
  const pool = new Pool({ ...target, max, waitMs, idleMs, statementTimeoutMs });
  const session = new Session({ ...target, waitMs, statementTimeoutMs }, log);
  const toWake = new Set<string>();
  let isWaking = false;

  async function attempt<T>(run: () => Promise<T>): Promise<T> {
    for (let count = 1; ; count++) {
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof Repeatable)) throw error;
        if (count === attempts) throw error.thrown;
        // Two that met once should not meet again.
        await delay(count * (random.bytes(1)[0]! / 16));
      }
    }
  }

  /**
   * The first at once, and those that come soon after it together: NOTIFY takes a lock that all who notify queue for until
   * their commit, and each has every listener look.
   */
  function wake(channel: string): void {
    toWake.add(channel);
    if (isWaking) return;
    isWaking = true;
    setImmediate(wakeAll);
  }

  function wakeAll(): void {
    if (toWake.size === 0) {
      isWaking = false;
      return;
    }
    const channels = [...toWake];
    toWake.clear();
    notify(channels).catch((error: unknown) => log?.warn({ err: error, channels }, 'could not wake the listeners'));
    setTimeout(wakeAll, betweenWakesMs).unref();
  }

  async function notify(channels: string[]): Promise<void> {
    const connection = await pool.take();
    // A hint need not be durable.
    const statement = sql`
      select set_config('synchronous_commit', 'off', true), pg_notify(channel, '') from unnest(${channels}::text[]) channel`;
    await connection.query(compile(statement)).finally(() => pool.give(connection));
  }

  return {
    transaction: (scope, work) =>
      attempt(async () => {
        const connection = await pool.take();
        const { value, committed } = await write(connection, scope, work).finally(() => pool.give(connection));
        for (const each of committed.work) runAfterCommit(each, log);
        for (const channel of committed.channels) wake(channel);
        return value;
      }),
    read: (scope, work) =>
      attempt(async () => {
        const connection = await pool.take(settingOf(scope));
        return read(connection, scope, work).finally(() => pool.give(connection));
      }),
    listen: (channel, handler) => session.listen(channel, handler),
    holdLock: (group, member) => session.hold(group, member),
    releaseLock: (group, member) => session.release(group, member),
    async isReady() {
      try {
        const connection = await pool.take();
        await connection.query({ text: 'select', values: [] }).finally(() => pool.give(connection));
        return true;
      } catch (error) {
        log?.debug({ err: error }, 'the database is not ready');
        return false;
      }
    },
    async close() {
      toWake.clear();
      await Promise.all([pool.close(), session.close()]);
    },
    async script(text) {
      const connection = await pool.take();
      await connection.script(text).finally(() => pool.give(connection));
    },
  };
}

// Transactions

/** What may be done again, with the error that the caller sees when it is not. */
class Repeatable extends Error {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super('The transaction may be run again');
    this.thrown = thrown;
  }
}

async function write<T>(
  connection: Connection,
  scope: Scope,
  work: (tx: Transaction) => Promise<T>,
): Promise<{ value: T; committed: { work: (() => void)[]; channels: Set<string> } }> {
  // Sent together with the first statement of `work`, whose answer is only handed on when these succeeded.
  const turn = new Turn(connection);
  turn.prepare(beginWrite);
  turn.prepare(compile(sql`select set_config('intercloud.project', ${settingOf(scope)}, true)`));

  const committed = { work: [] as (() => void)[], channels: new Set<string>() };
  const tx: Transaction = {
    ...turn.statements(scope),
    afterCommit: (each) => void committed.work.push(each),
    wake: (channel) => void committed.channels.add(channel),
  };
  let value: T;
  try {
    value = await work(tx);
  } catch (error) {
    turn.end();
    // Not waited for: whoever gets this connection next is behind it in the pipeline.
    connection.send({ text: 'rollback', values: [] }, (failed) => failed && connection.destroy());
    throw turn.judge(error);
  }
  turn.end();
  await commit(connection, turn);
  return { value, committed };
}

async function commit(connection: Connection, turn: Turn): Promise<void> {
  let result: QueryResult;
  try {
    result = await connection.query({ text: 'commit', values: [] });
  } catch (error) {
    if (turn.failure) throw turn.judge(turn.failure);
    if (isConnectionLoss(error))
      throw new UnknownOutcome('The connection broke during COMMIT', { cause: error });
    // A deferred constraint, or a serialization failure: PostgreSQL has rolled back.
    throw isTransient(error) ? new Repeatable(error) : asOurs(error);
  }
  // After a failed statement COMMIT succeeds, and its tag says what it did.
  if (turn.failure || result.command !== 'COMMIT')
    throw turn.judge(new Error('The transaction was rolled back: a statement in it had failed', { cause: turn.failure }));
}

/**
 * Without BEGIN: the scope is set for the session, in the same round trip as the first statement, or not
 * at all when the connection has it from the last read. A connection is lent to one reader at a time,
 * rows are only handed on when the setting before them succeeded, every write sets its own scope
 * anyway, and the connection is read only outside `begin read write`.
 */
async function read<T>(connection: Connection, scope: Scope, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const turn = new Turn(connection);
  const setting = settingOf(scope);
  if (connection.sessionScope !== setting) {
    connection.sessionScope = undefined;
    turn.prepare(compile(sql`select set_config('intercloud.project', ${setting}, false)`), () => {
      connection.sessionScope = setting;
    });
  }
  const after: (() => void)[] = [];
  const tx: Transaction = {
    ...turn.statements(scope),
    afterCommit: (each) => void after.push(each),
    wake: () => {
      throw new Error('Nothing changes in a read, so there is nobody to wake');
    },
  };
  try {
    const value = await work(tx);
    for (const each of after) each();
    return value;
  } catch (error) {
    throw turn.judge(error);
  } finally {
    turn.end();
  }
}

/** One caller's use of a connection: what failed first decides what its end is. */
class Turn {
  failure: Error | undefined;
  readonly #connection: Connection;
  #ended = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sends a statement whose answer nobody waits for; its failure becomes that of all behind it. */
  prepare(statement: Statement, done?: () => void): void {
    this.#connection.send(statement, (error) => {
      if (error) this.failure ??= error;
      else done?.();
    });
  }

  statements(scope: Scope): Pick<Transaction, 'scope' | 'rows' | 'one' | 'run' | 'queue' | 'script'> {
    // One name for each kind of scope: the plan for one project's rows is not the one for everyone's.
    const mark = scope.kind === 'system' ? '/* all */ ' : '';
    const statement = (first: TemplateStringsArray | Sql, values: unknown[]): Statement => {
      const { text, values: parameters } = compile(isSql(first) ? first : sql(first, ...values));
      return { text: mark + text, values: parameters };
    };
    const ask = (first: TemplateStringsArray | Sql, values: unknown[]) => this.#query(statement(first, values));
    return {
      scope,
      rows: async <T>(first: TemplateStringsArray | Sql, ...values: unknown[]) => (await ask(first, values)).rows as T[],
      one: async <T>(first: TemplateStringsArray | Sql, ...values: unknown[]) => {
        const { rows } = await ask(first, values);
        if (rows.length > 1) throw new Error(`Expected one row and got ${rows.length}`);
        return rows[0] as T | undefined;
      },
      run: async (first: TemplateStringsArray | Sql, ...values: unknown[]) => (await ask(first, values)).rowCount ?? 0,
      queue: (what) => {
        if (this.#ended) throw new Error('This transaction is over');
        this.prepare(statement(what, []));
      },
      script: (text) => this.#connection.script(text),
    };
  }

  end(): void {
    this.#ended = true;
  }

  /** The error for the caller: what the database said first explains whatever `work` made of it. */
  judge(error: unknown): unknown {
    const { failure } = this;
    if (failure && isTransient(failure)) return new Repeatable(asOurs(error));
    if (failure && isConnectionLoss(failure))
      return new Repeatable(new DatabaseUnavailable('The connection to the database broke', { cause: failure }));
    return error;
  }

  #query(statement: Statement): Promise<QueryResult> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(new Error('This transaction is over: a statement was not waited for'));
      this.#connection.send(statement, (error, result) => {
        if (error) this.failure ??= error;
        if (this.failure) reject(asOurs(this.failure));
        else resolve(result!);
      });
    });
  }
}

const beginWrite: Statement = { text: 'begin read write', values: [] };

function settingOf(scope: Scope): string {
  if (scope.kind === 'system') return '*';
  if (scope.projectId === '*' || scope.projectId === '') throw new Error(`"${scope.projectId}" is no project`);
  return scope.projectId;
}

function runAfterCommit(work: () => void, log: Log | undefined): void {
  try {
    work();
  } catch (error) {
    // The transaction stands: to throw here would tell the caller otherwise.
    log?.error({ err: error }, 'what was to follow a commit failed');
  }
}
