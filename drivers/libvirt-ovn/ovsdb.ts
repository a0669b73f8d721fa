/**
 * A client of OVSDB (RFC 7047 and ovsdb-server(7)): requests with deadlines, and replicas of tables that follow the
 * server. It comes back by itself when the connection is lost; what was asked meanwhile waits, until its deadline.
 */
import { EventEmitter, once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { DriverError } from '../driver.ts';
import { LiveReplica, type Follower, type Replica, type TableUpdates } from './ovsdb-replica.ts';
import type { DatabaseShape, Datum } from './ovsdb-values.ts';

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

export type OvsdbClient = {
  readonly database: string;
  /** All of it or nothing. `failed` with the server's words, or `unavailable`. */
  transact(operations: Operation[], options?: { timeoutMs?: number }): Promise<OperationResult[]>;
  /** Follows these tables until the client is closed; resolves when the first content is here. */
  monitor<D extends DatabaseShape>(tables: D): Promise<Replica<D>>;
  /** Resolves when the replicas hold whatever was committed before the call, by anyone. */
  catchUp(): Promise<void>;
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
    // The server tells a connection all that it follows before it takes the next message from there:
    // ovsdb/jsonrpc-server.c, ovsdb_jsonrpc_session_run.
    catchUp: async () => void (await connection.request('echo', [], requestTimeoutMs)),
    close: () => connection.close(),
  };
}

// RFC 7047, 4.1.3
const CONFLICTS: ReadonlySet<string> = new Set(['constraint violation', 'referential integrity violation']);

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
