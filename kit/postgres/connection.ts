/**
 * One connection. Statements are sent without waiting for the answers of those before (`pipeline`), those of one moment
 * and of one who asks together (batch.ts), and are prepared once under a name made from their text.
 */
import { createHash } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import { Client, types, type ClientConfig } from 'pg';
import { Batch, writtenValue, type Answer, type Prepared, type Result, type Sent } from './batch.ts';
import { isStalePlan } from './errors.ts';
import { parseMoment } from './moments.ts';
import type { Statement } from './sql.ts';

export type Target =
  | { url: string }
  | { /** The directory of a unix socket, or a host's name. */ host: string; port: number; user: string; database: string };

export type ConnectionOptions = Target & { applicationName: string; statementTimeoutMs: number };

export class Connection {
  /** What `kit.scope()` is outside transactions; undefined when not known. */
  sessionScope: string | undefined;
  broken = false;
  /** When its pool got it back. */
  idleSince = 0;
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #onBroken: (connection: Connection) => void;
  readonly #prepared: Prepared = new Map();
  readonly #underWay = new Set<string>();
  #opened = false;
  #gathered: Sent[] = [];
  #held = false;
  /** Those not answered yet, the oldest first. */
  readonly #batches: Batch[] = [];
  #waitingSince = 0;
  #waitingFor = 0;

  /** `onBroken` is told of a connection that was open; one that cannot be opened is an error here. */
  static async open(options: ConnectionOptions, onBroken: (connection: Connection) => void): Promise<Connection> {
    const socket = new Socket();
    const connection = new Connection(createClient(options, socket), socket, onBroken);
    await connection.#client.connect();
    await connection.#submitToRowSecurity();
    connection.#opened = true;
    return connection;
  }

  private constructor(client: Client, socket: Socket, onBroken: (connection: Connection) => void) {
    this.#client = client;
    this.#socket = socket;
    this.#onBroken = onBroken;
    // `pg` tells its queries all but this.
    (client as unknown as { connection: EventEmitter }).connection.on('parseComplete', () => this.#batches[0]?.handleParseComplete());
    client.on('error', () => this.#break());
    client.on('end', () => this.#break());
  }

  /**
   * Answers come in the order of sending, and all of one batch when its last statement is done: what is sent before this
   * process turns to something else goes together. Each who asks (`whose`) has a batch of their own, and fails alone.
   */
  send({ text, values }: Statement, answer: Answer, whose: object = this): void {
    let written: unknown[];
    try {
      written = values.map(writtenValue);
    } catch (error) {
      process.nextTick(answer, error as Error);
      return;
    }
    if (this.#gathered.length === 0 && !this.#held) process.nextTick(() => this.flush());
    this.#gathered.push({
      whose,
      text,
      values: written,
      name: nameOf(text),
      answer: (error, result) => {
        this.#waitingFor--;
        this.#waitingSince = performance.now();
        if (error && isStalePlan(error)) forgetNames();
        answer(error, result);
      },
    });
  }

  /** From now on everything is gathered, until somebody flushes. */
  hold(): void {
    this.#held = true;
  }

  /** Sends what was gathered: what comes now does not share its fate. */
  flush(): void {
    this.#held = false;
    if (this.#gathered.length === 0) return;
    const sent = this.#gathered;
    this.#gathered = [];
    if (this.#waitingFor === 0) this.#waitingSince = performance.now();
    this.#waitingFor += sent.length;
    if (sent.every(({ whose }) => whose === sent[0]!.whose)) return this.#submit(sent);
    // All of them by one write.
    this.#socket.cork();
    for (const each of Map.groupBy(sent, ({ whose }) => whose).values()) this.#submit(each);
    this.#socket.uncork();
  }

  #submit(sent: readonly Sent[]): void {
    const batch = new Batch(sent, { prepared: this.#prepared, underWay: this.#underWay, parserOf: getTypeParser, ended: () => void this.#batches.shift() });
    this.#batches.push(batch);
    this.#client.query(batch);
  }

  query(statement: Statement, whose?: object): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.send(statement, (error, result) => (error ? reject(error) : resolve(result!)), whose);
    });
  }

  /** Several statements in one text, without parameters: for migrations. */
  async script(text: string): Promise<void> {
    this.flush();
    await this.#client.query(text);
  }

  onNotification(handler: (channel: string) => void): void {
    this.#client.on('notification', ({ channel }) => handler(channel));
  }

  /** How long the oldest unanswered statement has waited since the server last gave an answer. */
  waitingMs(): number {
    return this.#waitingFor === 0 ? 0 : performance.now() - this.#waitingSince;
  }

  /** Breaks it off: what is under way fails as a lost connection. */
  destroy(): void {
    this.#socket.destroy();
  }

  async close(): Promise<void> {
    this.flush();
    await this.#client.end();
  }

  #break(): void {
    if (this.broken) return;
    this.broken = true;
    if (this.#opened) this.#onBroken(this);
  }

  /**
   * Superusers and roles with BYPASSRLS see every row whatever the policies say. Such a role, as a URL
   * from outside may carry, is exchanged for one that is bound; where that cannot be, we refuse.
   */
  async #submitToRowSecurity(): Promise<void> {
    const bypasses = 'select from pg_roles where rolname = current_user and (rolsuper or rolbypassrls)';
    const { rowCount } = await this.#client.query(bypasses);
    if (!rowCount) return;
    try {
      await this.#client.query(becomeBound);
    } catch (cause) {
      await this.close();
      throw new Error(
        'Refusing to use the database as a role that row level security does not bind: ' +
          'give a role without SUPERUSER and BYPASSRLS that may create schemas in it',
        { cause },
      );
    }
  }
}

const boundRole = 'intercloud_app';

const becomeBound = `
  begin read write;
  select pg_advisory_xact_lock(hashtext('${boundRole}'));
  do $$ begin
    -- Roles are the server's, and the lock is this database's: another database of this cloud may be first.
    begin
      if not exists (select from pg_roles where rolname = '${boundRole}') then
        create role ${boundRole} nologin nosuperuser nobypassrls;
      end if;
    exception when duplicate_object or unique_violation then null;
    end;
    execute format('grant connect, create, temporary on database %I to ${boundRole}', current_database());
    begin
      if not pg_has_role('${boundRole}', 'SET') then
        grant ${boundRole} to current_user with set true;
      end if;
    exception when unique_violation then null;
    end;
  end $$;
  commit;
  set role ${boundRole};`;

function createClient(target: ConnectionOptions, socket: Socket): Client {
  const { applicationName, statementTimeoutMs } = target;
  const config: ClientConfig = {
    ...('url' in target
      ? { connectionString: target.url }
      : { host: target.host, port: target.port, user: target.user, database: target.database }),
    application_name: applicationName,
    pipeline: true,
    stream: () => socket,
    types: { getTypeParser },
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: 60_000,
    // Only BEGIN READ WRITE makes a statement that writes possible: were BEGIN to fail, what was sent
    // behind it would otherwise be done and committed one by one.
    options: '-c default_transaction_read_only=on -c timezone=UTC',
  };
  return new Client(config);
}

// Names of prepared statements, by text. Bounded, because a text may be composed from a request's filters:
// what does not fit is sent unprepared.
const names = new Map<string, string>();
const mostNames = 1_000;
let generation = 0;

function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known || names.size >= mostNames) return known;
  const name = createHash('sha256').update(`${generation} ${text}`).digest('base64url').slice(0, 22);
  names.set(text, name);
  return name;
}

/** A migration changed what a prepared statement returns: under new names all are prepared anew, on every connection. */
function forgetNames(): void {
  generation++;
  names.clear();
}

const parsers = new Map<number, (text: string) => unknown>([
  [types.builtins.INT8, parseInteger],
  // A day has no time zone: as a Date it would become another day somewhere.
  [types.builtins.DATE, (text) => text],
  [types.builtins.TIMESTAMPTZ, parseMoment],
  [types.builtins.TIMESTAMP, (text) => new Date(`${text.replace(' ', 'T')}Z`)],
]);

function getTypeParser(oid: number): (text: string) => unknown {
  return parsers.get(oid) ?? (types.getTypeParser(oid, 'text') as (text: string) => unknown);
}

function parseInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`The bigint ${text} does not fit a number`);
  return number;
}
