/**
 * The database as services see it: transactions in a scope.
 *
 * Every transaction says whose rows it may touch, and the tables' policies (`kit.protect`) hold every
 * statement to that, also one that forgot to ask for the project.
 */
import type { Log } from '../log.ts';
import { systemRandom, type Random } from '../clock.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer, Result } from './batch.ts';
import type { Connection, Target } from './connection.ts';
import { asOurs, DatabaseUnavailable, isConnectionLoss, isTransient, UnknownOutcome } from './errors.ts';
import { Pool } from './pool.ts';
import { Session } from './session.ts';
import { SharedReads, type Seat } from './shared-reads.ts';
import { compile, isSql, sql, type Sql, type Statement } from './sql.ts';

export { sql, type Sql } from './sql.ts';
export { ConstraintViolation, DatabaseUnavailable, Raised, UnknownOutcome } from './errors.ts';

/** Whose rows: one project's, or everyone's for a reason that can be read in the code. */
export type Scope = { kind: 'project'; projectId: string } | { kind: 'system'; reason: string };

/** What a statement's failure means, in the words of whoever asked for it. */
export type Explain = (error: unknown) => unknown;

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
   * Sent without waiting for the answer, to be done before whatever is asked next: in the same breath as the COMMIT when
   * nothing is. Should it fail, so does the transaction, by what `explain` makes of the reason. `done` is given its rows.
   */
  queue<T extends object>(statement: Sql, explain?: Explain, done?: (rows: T[]) => void): void;
  /** Sent with all others of this kind that the transaction gathers, in one statement and in their order, in the same breath as the COMMIT. */
  gather<T>(kind: Gathered<T>, item: T): void;
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

export type Gathered<T> = { statement(items: readonly T[]): Sql };

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
  const reads = new SharedReads(pool);
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
    read: (scope, work) => attempt(() => read(reads, scope, work)),
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
  const gathered = new Map<Gathered<unknown>, unknown[]>();
  const statements = turn.statements(scope);
  const tx: Transaction = {
    ...statements,
    script: (text) => connection.script(text),
    gather: (kind, item) => {
      const items = gathered.get(kind as Gathered<unknown>);
      if (items) items.push(item);
      else gathered.set(kind as Gathered<unknown>, [item]);
    },
    afterCommit: (each) => void committed.work.push(each),
    wake: (channel) => void committed.channels.add(channel),
  };
  let value: T;
  try {
    value = await work(tx);
    for (const [kind, items] of gathered) statements.queue(kind.statement(items));
  } catch (error) {
    turn.end();
    rollBack(connection);
    throw turn.judge(error);
  }
  turn.end();
  await commit(connection, turn);
  return { value, committed };
}

async function commit(connection: Connection, turn: Turn): Promise<void> {
  if (turn.failure) {
    rollBack(connection);
    throw turn.judge(new Error('The transaction was rolled back: a statement in it had failed', { cause: turn.failure }));
  }
  let result: Result;
  try {
    result = await connection.query({ text: 'commit', values: [] }, turn);
  } catch (error) {
    // It may have come there, whatever became of what was sent with it.
    if (isConnectionLoss(error)) throw new UnknownOutcome('The connection broke during COMMIT', { cause: error });
    if (turn.failure) {
      // What was sent with it has failed, so that the server has passed over it.
      rollBack(connection);
      throw turn.judge(turn.explain(turn.failure));
    }
    // A deferred constraint, or a serialization failure: PostgreSQL has rolled back.
    throw isTransient(error) ? new Repeatable(error) : asOurs(error);
  }
  // After a failed statement COMMIT succeeds, and its tag says what it did.
  if (turn.failure || result.command !== 'COMMIT')
    throw turn.judge(new Error('The transaction was rolled back: a statement in it had failed', { cause: turn.failure }));
}

/** Not waited for: whoever gets this connection next is behind it. On its own, since it must be done whatever fails before it. */
function rollBack(connection: Connection): void {
  connection.flush();
  connection.send({ text: 'rollback', values: [] }, (failed) => failed && connection.destroy());
  connection.flush();
}

/**
 * Without BEGIN: the scope is set for the session, in the same round trip as the first statement, or not
 * at all when the connection has it from the last read. A connection is lent to readers of one scope at a time,
 * rows are only handed on when the setting before them succeeded, every write sets its own scope
 * anyway, and the connection is read only outside `begin read write`.
 */
async function read<T>(reads: SharedReads, scope: Scope, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const setting = settingOf(scope);
  let seat: Seat | undefined;
  // Not before something is asked: much can be answered by what is remembered.
  const turn = new Turn(async () => {
    seat = reads.join(setting);
    const connection = await seat.connection;
    if (connection.sessionScope !== setting) {
      connection.sessionScope = undefined;
      connection.send(compile(sql`select set_config('intercloud.project', ${setting}, false)`), turn.answering(() => (connection.sessionScope = setting)), turn);
    }
    return connection;
  });
  const after: (() => void)[] = [];
  const tx: Transaction = {
    ...turn.statements(scope),
    afterCommit: (each) => void after.push(each),
    script: nothingChanges,
    gather: nothingChanges,
    wake: nothingChanges,
  };
  try {
    const value = await work(tx);
    for (const each of after) each();
    return value;
  } catch (error) {
    throw turn.judge(error);
  } finally {
    turn.end();
    seat?.leave();
  }
}

function nothingChanges(): never {
  throw new Error('Nothing changes in a read');
}

/** One caller's use of a connection: what failed first decides what its end is. */
class Turn {
  failure: Error | undefined;
  #explain: Explain | undefined;
  /** Lent, or how to get one. */
  #connection: Connection | (() => Promise<Connection>);
  #coming: Promise<Connection> | undefined;
  #ended = false;

  constructor(connection: Connection | (() => Promise<Connection>)) {
    this.#connection = connection;
  }

  /** Sends a statement whose answer nobody waits for; its failure becomes that of all behind it. */
  prepare(statement: Statement, done?: (result: Result) => void, explain?: Explain): void {
    this.#send(statement, this.answering(done, explain));
  }

  answering(done?: (result: Result) => void, explain?: Explain): Answer {
    return (error, result) => {
      if (error) this.#fail(error, explain);
      else done?.(result!);
    };
  }

  #send(statement: Statement, answer: Answer): void {
    if (typeof this.#connection !== 'function') return this.#connection.send(statement, answer, this);
    this.#coming ??= this.#connection();
    this.#coming.then(
      (connection) => {
        this.#connection = connection;
        connection.send(statement, answer, this);
      },
      (error: Error) => answer(error, undefined),
    );
  }

  /** What failed first, as callers see it. */
  explain(error: unknown): unknown {
    const ours = asOurs(error);
    return this.#explain ? this.#explain(ours) : ours;
  }

  #fail(error: Error, explain?: Explain): void {
    // The scope of the session is what it was before what was sent with this.
    if (typeof this.#connection !== 'function') this.#connection.sessionScope = undefined;
    if (this.failure) return;
    this.failure = error;
    this.#explain = explain;
  }

  statements(scope: Scope): Pick<Transaction, 'scope' | 'rows' | 'one' | 'run' | 'queue'> {
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
      queue: <T>(what: Sql, explain?: Explain, done?: (rows: T[]) => void) => {
        if (this.#ended) throw new Error('This transaction is over');
        this.prepare(statement(what, []), done && (({ rows }) => done(rows as T[])), explain);
      },
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

  #query(statement: Statement): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(new Error('This transaction is over: a statement was not waited for'));
      this.#send(statement, (error, result) => {
        if (error) this.#fail(error);
        if (this.failure) reject(this.explain(this.failure));
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
