/**
 * A client of OVSDB (RFC 7047 and ovsdb-server(7)): requests with deadlines, and replicas of tables that follow the
 * server. It comes back by itself when the connection is lost; what was asked meanwhile waits, until its deadline.
 */
import { EventEmitter, once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { DriverError } from '../driver.ts';

export type Atom = string | number | boolean | ['uuid', string] | ['named-uuid', string];
export type Datum = Atom | ['set', Atom[]] | ['map', [Atom, Atom][]];
export type Condition = [column: string, test: '==' | '!=' | 'includes' | 'excludes', value: Datum];
export type Mutation = [column: string, mutator: 'insert' | 'delete' | '+=' | '-=', value: Datum];

export type Operation =
  | { op: 'insert'; table: string; row: Record<string, Datum>; 'uuid-name'?: string }
  | { op: 'update'; table: string; where: Condition[]; row: Record<string, Datum> }
  | { op: 'mutate'; table: string; where: Condition[]; mutations: Mutation[] }
  | { op: 'delete'; table: string; where: Condition[] }
  | { op: 'select'; table: string; where: Condition[]; columns: string[] }
  | { op: 'wait'; table: string; where: Condition[]; columns: string[]; until: '==' | '!='; rows: Record<string, Datum>[]; timeout: number };

export type OperationResult = { count?: number; uuid?: ['uuid', string]; rows?: Record<string, Datum>[] };

/** How a column is read. A `?` is a column that holds one value or none. */
type Cells = {
  text: string;
  number: number;
  boolean: boolean;
  'text?': string | null;
  'number?': number | null;
  'boolean?': boolean | null;
  'uuid?': string | null;
  uuid: string;
  texts: string[];
  numbers: number[];
  uuids: string[];
  map: Record<string, string>;
};

export type ColumnKind = keyof Cells;
export type TableShape = Readonly<Record<string, ColumnKind>>;
export type DatabaseShape = Readonly<Record<string, TableShape>>;
export type Row<S extends TableShape> = { [C in keyof S]: Cells[S[C]] } & { _uuid: string };

/** The rows of some tables, as of the newest transaction that the server told. Do not write to it. */
export type Replica<D extends DatabaseShape> = {
  /** By uuid. `unavailable` while the server cannot be reached, since what is held may be old. */
  rows<T extends keyof D & string>(table: T): ReadonlyMap<string, Row<D[T]>>;
  /** Resolves when `holds` does; `unavailable` after `timeoutMs`. */
  until(holds: () => boolean, timeoutMs: number): Promise<void>;
  /** Called for every row that changed, and first for every row that is there. */
  onRow(listener: RowListener<D>): void;
};

export type RowListener<D extends DatabaseShape> = <T extends keyof D & string>(
  table: T,
  before: Row<D[T]> | undefined,
  after: Row<D[T]> | undefined,
) => void;

export type OvsdbClient = {
  readonly database: string;
  /** All of it or nothing. `failed` with the server's words, or `unavailable`. */
  transact(operations: Operation[], options?: { timeoutMs?: number }): Promise<OperationResult[]>;
  /** Follows these tables until the client is closed; resolves when the first content is here. */
  monitor<D extends DatabaseShape>(tables: D): Promise<Replica<D>>;
  close(): Promise<void>;
};

/** Something else was there, or gone, than the transaction was written for: whoever looks again may find another way. */
export class ConflictError extends DriverError {}

/** `address` as OVS writes it: unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT. Does not wait for the server. */
export function connectOvsdb({
  address,
  database,
  requestTimeoutMs = 10_000,
  tls,
}: {
  address: string;
  database: string;
  requestTimeoutMs?: number;
  tls?: { ca: string; cert: string; key: string };
}): OvsdbClient {
  const connection = new Connection(() => openSocket(address, tls), address, requestTimeoutMs);
  return {
    database,
    async transact(operations, { timeoutMs = requestTimeoutMs } = {}) {
      const results = (await connection.request('transact', [database, ...operations], timeoutMs)) as (OperationResult & {
        error?: string;
        details?: string;
      } | null)[];
      // One more element than there were operations, when the transaction as a whole could not be committed.
      const failure = results.findIndex((result) => result?.error !== undefined && result?.error !== null);
      const what = results[failure];
      if (what) {
        const operation = operations[failure];
        const place = operation ? `${operation.op} on ${operation.table}` : 'commit';
        const message = `${database} refused ${place}: ${what.error} ${what.details ?? ''}`.trim();
        // A wait operation whose condition did not come: the peer that was to bring it is not there yet.
        if (what.error === 'timed out') throw new ConflictError('unavailable', message);
        if (CONFLICTS.has(what.error ?? '')) throw new ConflictError('failed', message);
        throw new DriverError('failed', message);
      }
      return results as OperationResult[];
    },
    async monitor<D extends DatabaseShape>(tables: D) {
      const replica = new LiveReplica(database, tables);
      await connection.follow(replica, requestTimeoutMs);
      return replica;
    },
    close: () => connection.close(),
  };
}

// RFC 7047, 4.1.3
const CONFLICTS: ReadonlySet<string> = new Set(['constraint violation', 'referential integrity violation']);

// Values, to and from the wire

export function uuid(id: string): ['uuid', string] {
  return ['uuid', id];
}

export function uuidSet(ids: Iterable<string>): Datum {
  return ['set', [...ids].map(uuid)];
}

export function textSet(texts: Iterable<string>): Datum {
  return ['set', [...texts]];
}

export function textMap(map: Record<string, string>): Datum {
  return ['map', Object.entries(map)];
}

export function toDatum(kind: ColumnKind, value: Cells[ColumnKind]): Datum {
  if (value === null) return ['set', []];
  if (kind === 'map') return textMap(value as Record<string, string>);
  if (kind === 'uuids') return uuidSet(value as string[]);
  if (kind === 'uuid' || kind === 'uuid?') return uuid(value as string);
  if (Array.isArray(value)) return ['set', value as Atom[]];
  return value as Atom;
}

export function fromDatum(kind: ColumnKind, datum: Datum): Cells[ColumnKind] {
  if (kind === 'map') return Object.fromEntries(asPairs(datum).map(([key, value]) => [plain(key), String(plain(value))]));
  const atoms = asAtoms(datum).map(plain);
  if (isMany(kind)) return atoms as string[];
  return atoms[0] ?? null;
}

/** The atoms of a set; one atom is written bare. */
export function asAtoms(datum: Datum): Atom[] {
  return Array.isArray(datum) && datum[0] === 'set' ? datum[1] : [datum as Atom];
}

function asPairs(datum: Datum): [Atom, Atom][] {
  return Array.isArray(datum) && datum[0] === 'map' ? datum[1] : [];
}

function plain(atom: Atom): string | number | boolean {
  return Array.isArray(atom) ? atom[1] : atom;
}

function isMany(kind: ColumnKind): boolean {
  return kind === 'texts' || kind === 'numbers' || kind === 'uuids';
}

const EMPTY: Record<ColumnKind, Cells[ColumnKind]> = {
  text: '', number: 0, boolean: false, uuid: '00000000-0000-0000-0000-000000000000',
  'text?': null, 'number?': null, 'boolean?': null, 'uuid?': null,
  texts: [], numbers: [], uuids: [], map: {},
};

// The replica

type RowUpdate = { initial?: WireRow; insert?: WireRow; modify?: WireRow; delete?: null };
type WireRow = Record<string, Datum>;
type TableUpdates = Record<string, Record<string, RowUpdate>>;

type Follower = {
  readonly id: string;
  request(): unknown[];
  start(answer: [boolean, string, TableUpdates]): void;
  apply(lastTransaction: string, updates: TableUpdates): void;
  lost(): void;
};

class LiveReplica<D extends DatabaseShape> implements Replica<D>, Follower {
  readonly id: string;
  readonly #database: string;
  readonly #shapes: D;
  readonly #tables = new Map<string, Map<string, Record<string, unknown>>>();
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #rowListeners: RowListener<D>[] = [];
  #current = false;
  #lastTransaction = '00000000-0000-0000-0000-000000000000';

  constructor(database: string, shapes: D) {
    this.id = `${database}#${replicaCount++}`;
    this.#database = database;
    this.#shapes = shapes;
    for (const table of Object.keys(shapes)) this.#tables.set(table, new Map());
  }

  rows<T extends keyof D & string>(table: T): ReadonlyMap<string, Row<D[T]>> {
    if (!this.#current) throw new DriverError('unavailable', `${this.#database} is not connected`);
    return this.#tables.get(table) as unknown as ReadonlyMap<string, Row<D[T]>>;
  }

  async until(holds: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      while (!(this.#current && holds())) await once(this.#changes, 'change', { signal: deadline });
    } catch (cause) {
      if (!deadline.aborted) throw cause;
      throw new DriverError('unavailable', `${this.#database} did not become as awaited in ${timeoutMs} ms`, { cause });
    }
  }

  onRow(listener: RowListener<D>): void {
    this.#rowListeners.push(listener);
    for (const [table, rows] of this.#tables) for (const row of rows.values()) listener(table, undefined, row as Row<D[string]>);
  }

  request(): unknown[] {
    const tables = Object.entries(this.#shapes).map(([table, shape]) => [table, [{ columns: Object.keys(shape) }]]);
    return [this.#database, this.id, Object.fromEntries(tables), this.#lastTransaction];
  }

  /** The answer to `request`: only what is newer than we knew, when the server still knows that far back. */
  start([found, lastTransaction, updates]: [boolean, string, TableUpdates]): void {
    if (!found)
      for (const [table, rows] of this.#tables) for (const id of [...rows.keys()]) this.#put(table, rows, id, undefined);
    this.#current = true;
    this.apply(lastTransaction, updates);
  }

  apply(lastTransaction: string, updates: TableUpdates): void {
    this.#lastTransaction = lastTransaction;
    for (const [table, rows] of Object.entries(updates))
      for (const [id, update] of Object.entries(rows)) this.#applyRow(table, id, update);
    this.#changes.emit('change');
  }

  lost(): void {
    this.#current = false;
  }

  #applyRow(table: string, id: string, update: RowUpdate): void {
    const shape = this.#shapes[table];
    const rows = this.#tables.get(table);
    if (!shape || !rows) return;
    const whole = update.initial ?? update.insert;
    const before = rows.get(id);
    if (whole) {
      const row: Record<string, unknown> = { _uuid: id };
      // Columns that hold their default are left out.
      for (const [column, kind] of Object.entries(shape))
        row[column] = whole[column] === undefined ? structuredClone(EMPTY[kind]) : fromDatum(kind, whole[column]);
      this.#put(table, rows, id, row);
    } else if (update.modify && before) {
      const row = { ...before };
      for (const [column, difference] of Object.entries(update.modify)) {
        const kind = shape[column];
        if (kind) row[column] = modified(kind, row[column] as Cells[ColumnKind], difference);
      }
      this.#put(table, rows, id, row);
    } else {
      this.#put(table, rows, id, undefined);
    }
  }

  #put(table: string, rows: Map<string, Record<string, unknown>>, id: string, row: Record<string, unknown> | undefined): void {
    const before = rows.get(id);
    if (row) rows.set(id, row);
    else rows.delete(id);
    for (const listener of this.#rowListeners) listener(table, before as Row<D[string]> | undefined, row as Row<D[string]> | undefined);
  }
}

let replicaCount = 0;

/** Sets and maps come as differences, single values as they are now: ovsdb-server(7), "Update2 Notification". */
function modified(kind: ColumnKind, before: Cells[ColumnKind], difference: Datum): Cells[ColumnKind] {
  const changed = fromDatum(kind, difference);
  if (isMany(kind)) {
    const elements = new Set(before as string[]);
    for (const element of changed as string[]) if (!elements.delete(element)) elements.add(element);
    return [...elements];
  }
  if (kind === 'map') {
    const map = { ...(before as Record<string, string>) };
    for (const [key, value] of Object.entries(changed as Record<string, string>)) {
      if (map[key] === value) delete map[key];
      else map[key] = value;
    }
    return map;
  }
  return changed;
}

// The connection

type Message = { id: unknown; method?: string; params?: unknown[]; result?: unknown; error?: unknown };
type Waiting = { resolve(result: unknown): void; reject(error: Error): void; timer: NodeJS.Timeout };

class Connection {
  readonly #open: () => Socket;
  readonly #address: string;
  readonly #requestTimeoutMs: number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #replicas: Follower[] = [];
  readonly #events = new EventEmitter().setMaxListeners(0);
  #socket: Socket | undefined;
  #connected = false;
  #closed = false;
  #requests = 0;
  #backoffMs = FIRST_BACKOFF_MS;
  #retry: NodeJS.Timeout | undefined;

  constructor(open: () => Socket, address: string, requestTimeoutMs: number) {
    this.#open = open;
    this.#address = address;
    this.#requestTimeoutMs = requestTimeoutMs;
    this.#connect();
  }

  async request(method: string, params: unknown[], timeoutMs: number): Promise<unknown> {
    const deadline = performance.now() + timeoutMs;
    await this.#whenConnected(timeoutMs);
    return this.#send(method, params, Math.max(1, deadline - performance.now()));
  }

  async follow(replica: Follower, timeoutMs: number): Promise<void> {
    await this.#whenConnected(timeoutMs);
    this.#replicas.push(replica);
    await this.#startReplica(replica, timeoutMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#events.emit('closed');
    const socket = this.#socket;
    if (!socket || socket.closed) return;
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
  }

  #connect(): void {
    const socket = this.#open();
    this.#socket = socket;
    const messages = new MessageSplitter((message) => this.#receive(message as Message));
    socket.on('data', (chunk: Buffer) => {
      try {
        messages.push(chunk);
      } catch (cause) {
        socket.destroy(new Error(`${this.#address} does not speak OVSDB`, { cause }));
      }
    });
    // A peer that is silent is asked whether it is there; if it does not answer the request's deadline ends the connection.
    socket.setTimeout(PROBE_AFTER_MS, () => {
      if (this.#connected) this.#send('echo', [], this.#requestTimeoutMs).catch((error: Error) => socket.destroy(error));
    });
    socket.on(this.#address.startsWith('ssl:') ? 'secureConnect' : 'connect', () => {
      this.#connected = true;
      this.#backoffMs = FIRST_BACKOFF_MS;
      this.#events.emit('connected');
      for (const replica of this.#replicas)
        this.#startReplica(replica, this.#requestTimeoutMs).catch((error: Error) => socket.destroy(error));
    });
    let reason: Error | undefined;
    socket.on('error', (error) => (reason = error));
    socket.on('close', () => this.#lost(reason));
  }

  #lost(reason: Error | undefined): void {
    this.#connected = false;
    for (const replica of this.#replicas) replica.lost();
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new DriverError('unavailable', `Lost the connection to ${this.#address}`, { cause: reason }));
    }
    this.#waiting.clear();
    if (this.#closed) return;
    this.#retry = setTimeout(() => this.#connect(), this.#backoffMs * (0.5 + Math.random() / 2));
    this.#retry.unref();
    this.#backoffMs = Math.min(this.#backoffMs * 2, LAST_BACKOFF_MS);
  }

  async #whenConnected(timeoutMs: number): Promise<void> {
    if (this.#closed) throw new DriverError('unavailable', `The client of ${this.#address} is closed`);
    if (this.#connected) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const refuse = (): void => reject(new DriverError('unavailable', `Cannot reach ${this.#address}`));
    const timer = setTimeout(refuse, timeoutMs);
    this.#events.once('connected', resolve).once('closed', refuse);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#events.off('connected', resolve).off('closed', refuse);
    }
  }

  /** `receive` is called before the next message is looked at, which may be about what this one brought. */
  #send(method: string, params: unknown[], timeoutMs: number, receive: (result: unknown) => void = () => {}): Promise<unknown> {
    const socket = this.#socket;
    if (!socket || !this.#connected)
      return Promise.reject(new DriverError('unavailable', `${this.#address} is not connected`));
    const id = ++this.#requests;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(() => {
      this.#waiting.delete(id);
      reject(new DriverError('unavailable', `${this.#address} did not answer ${method} in ${Math.round(timeoutMs)} ms`));
    }, timeoutMs);
    const settle = (result: unknown): void => {
      receive(result);
      resolve(result);
    };
    this.#waiting.set(id, { resolve: settle, reject, timer });
    socket.write(JSON.stringify({ method, params, id }));
    return promise;
  }

  async #startReplica(replica: Follower, timeoutMs: number): Promise<void> {
    await this.#send('monitor_cond_since', replica.request(), timeoutMs, (answer) => replica.start(answer as [boolean, string, TableUpdates]));
  }

  #receive(message: Message): void {
    if (message.method === 'echo') {
      this.#socket?.write(JSON.stringify({ id: message.id, result: message.params, error: null }));
    } else if (message.method === 'update3') {
      const [id, lastTransaction, updates] = message.params as [string, string, TableUpdates];
      this.#replicas.find((replica) => replica.id === id)?.apply(lastTransaction, updates);
    } else if (message.method === undefined) {
      const waiting = this.#waiting.get(message.id as number);
      if (!waiting) return; // It came after its deadline.
      this.#waiting.delete(message.id as number);
      clearTimeout(waiting.timer);
      if (message.error === null || message.error === undefined) waiting.resolve(message.result);
      else waiting.reject(new DriverError('failed', `${this.#address}: ${JSON.stringify(message.error)}`));
    }
  }
}

const FIRST_BACKOFF_MS = 50;
const LAST_BACKOFF_MS = 4_000;
const PROBE_AFTER_MS = 10_000;

function openSocket(address: string, tls: { ca: string; cert: string; key: string } | undefined): Socket {
  const [scheme, ...rest] = address.split(':');
  if (scheme === 'unix') return connectSocket({ path: rest.join(':') });
  const port = Number(rest.pop());
  const host = rest.join(':').replace(/^\[|\]$/g, '');
  if (scheme === 'tcp') return connectSocket({ host, port, keepAlive: true });
  if (scheme === 'ssl' && tls) return connectTls({ host, port, ...tls });
  throw new DriverError('invalid', `${address} is no OVSDB address: it needs unix:, tcp:, or ssl: with certificates`);
}

/** Cuts a stream into JSON objects: OVSDB puts nothing between them. */
class MessageSplitter {
  readonly #receive: (message: unknown) => void;
  #parts: Buffer[] = [];
  #depth = 0;
  #inText = false;
  #escaped = false;

  constructor(receive: (message: unknown) => void) {
    this.#receive = receive;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inText = false;
      } else if (byte === QUOTE) {
        this.#inText = true;
      } else if (byte === OPEN) {
        this.#depth++;
      } else if (byte === CLOSE && --this.#depth === 0) {
        this.#parts.push(chunk.subarray(start, at + 1));
        start = at + 1;
        const text = Buffer.concat(this.#parts).toString();
        this.#parts = [];
        this.#receive(JSON.parse(text));
      }
    }
    if (start < chunk.length) this.#parts.push(chunk.subarray(start));
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
