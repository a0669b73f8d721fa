/** Serves a driver on a unix socket, or on connections that somebody hands in: HTTP/1.1, one route for each call, JSON both ways. */
import { chown, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { DriverError, type Driver } from '../drivers/driver.ts';
import type { Log } from '../kit/log.ts';
import { calls, DEADLINE, REQUEST_ID, STATUS, type AnyCall, type Health, type Reply } from './calls.ts';
import { serveConsoles } from './consoles.ts';
import { limited, type Limit } from './limit.ts';

export type ServeOptions = AnswerOptions & {
  socketPath: string;
  /** Who may call, besides root: the socket is theirs alone. Without it, whoever runs this process. */
  owner?: { uid: number; gid: number };
};

export type AnswerOptions = {
  log: Log;
  /** Calls that run at one time. */
  maxRunning?: number;
  /** Calls that wait for their turn; the next is told to come back. */
  maxWaiting?: number;
};

export type ServedDriver = {
  /** Takes no more calls, lets those that run end, and waits for them at most this long. The driver stays open. */
  close(options?: { graceMs?: number }): Promise<void>;
};

/** Listens when it returns. `unavailable` when another process serves this socket. */
export async function serveDriver(driver: Driver, options: ServeOptions): Promise<ServedDriver> {
  const { socketPath, owner, log } = options;
  const { server, close } = answering(driver, options);
  await removeAbandoned(socketPath);
  await listen(server, socketPath);
  if (owner) await chown(socketPath, owner.uid, owner.gid);
  log.info({ socketPath, driver: driver.name }, 'serving');
  return { close };
}

/** Serves whoever is at the other end of the connections that it is handed. Closing waits for no call: the driver does, when it is closed. */
export function serveDriverOn(driver: Driver, options: AnswerOptions): ServedDriver & { accept(connection: Duplex): void } {
  const { server, close } = answering(driver, options);
  return { accept: (connection) => void server.emit('connection', connection), close };
}

function answering(driver: Driver, { log, maxRunning = 64, maxWaiting = 1024 }: AnswerOptions): ServedDriver & { server: Server } {
  const limit = limited({ maxRunning, maxWaiting });
  const routes = routesOf(driver);
  let isStopping = false;

  const server = createServer({ requestTimeout: 60_000, headersTimeout: 10_000, keepAliveTimeout: 75_000 }, (request, response) => {
    const answered = answer({ request, response, routes, limit, log, health: () => healthOf(driver, limit, isStopping), isStopping: () => isStopping });
    answered.catch((err: unknown) => {
      // The caller has gone, or its request could not be read: there is nobody to tell.
      log.debug({ err, url: request.url }, 'request not answered');
      response.destroy();
    });
  });
  serveConsoles(server, { consoles: driver.consoles, log });

  return {
    server,
    async close({ graceMs = 30_000 } = {}) {
      isStopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const grace = setTimeout(() => {
        log.warn({ running: limit.running }, 'calls still run; their callers are cut off');
        server.closeAllConnections();
      }, graceMs);
      await closed;
      clearTimeout(grace);
      log.info('stopped serving');
    },
  };
}

type Route = { name: string; call: AnyCall; run(argument: unknown): Promise<unknown> };

function routesOf(driver: Driver): Map<string, Route> {
  const parts = Object.entries(calls) as [string, Record<string, AnyCall>][];
  return new Map(
    parts.flatMap(([part, methods]) =>
      Object.entries(methods).map(([method, call]) => {
        // The list's type says that the driver has exactly these; no name that a caller sends is looked up on it.
        const body = driver[part as 'hosts'] as unknown as Record<string, (argument: unknown) => Promise<unknown>>;
        const route: Route = { name: `${part}.${method}`, call, run: async (argument) => body[method]!(argument) };
        return [`/${part}/${method}`, route] as const;
      }),
    ),
  );
}

type Exchange = {
  request: IncomingMessage;
  response: ServerResponse;
  routes: Map<string, Route>;
  limit: Limit;
  log: Log;
  health: () => Health;
  isStopping(): boolean;
};

async function answer({ request, response, routes, limit, log, health, isStopping }: Exchange): Promise<void> {
  if (request.method === 'GET' && request.url === '/health') return send(response, isStopping() ? 503 : 200, health());
  const route = routes.get(request.url ?? '');
  if (!route || request.method !== 'POST') return refuse(response, new DriverError('invalid', `There is no ${request.method} ${request.url}`), 404);
  if (isStopping()) return refuse(response, new DriverError('unavailable', 'The agent is stopping'));

  const started = performance.now();
  const requestId = headerOf(request, REQUEST_ID) ?? 'none';
  try {
    const argument = parse(await bodyOf(request, route.call.maxMiB * 2 ** 20));
    if (shapeOf(argument) !== route.call.takes) throw new DriverError('invalid', `${route.name} takes ${route.call.takes}, not ${shapeOf(argument)}`);
    const result = await limit.run(() => {
      // A caller that has given up may have called again: its first call must not come after its second.
      if (response.destroyed || Date.now() > deadlineOf(request)) throw new DriverError('unavailable', 'The caller has stopped waiting');
      return route.run(argument);
    });
    log.debug({ requestId, call: route.name, about: namedIn(argument), ms: since(started) }, 'done');
    // A connection that is kept would keep the agent from stopping.
    if (isStopping()) response.setHeader('connection', 'close');
    send(response, 200, { result });
  } catch (cause) {
    const error = cause instanceof DriverError ? cause : new DriverError('failed', `The driver broke: ${messageOf(cause)}`, { cause });
    log[error.kind === 'failed' ? 'error' : 'warn']({ requestId, call: route.name, ms: since(started), kind: error.kind, err: error }, 'not done');
    refuse(response, error);
  }
}

function healthOf({ name }: Driver, { running, waiting }: Limit, isStopping: boolean): Health {
  return { status: isStopping ? 'stopping' : 'ok', driver: name, running, waiting };
}

async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  // One that says so beforehand is not read at all.
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function tooLarge(maxBytes: number): DriverError {
  return new DriverError('invalid', `The argument is larger than ${maxBytes} bytes`);
}

function parse(body: string): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new DriverError('invalid', 'The argument is not JSON', { cause });
  }
}

function shapeOf(argument: unknown): AnyCall['takes'] | 'a value' {
  if (argument === undefined) return 'nothing';
  if (Array.isArray(argument)) return 'list';
  return typeof argument === 'object' && argument !== null ? 'object' : 'a value';
}

function refuse(response: ServerResponse, { kind, message }: DriverError, status = STATUS[kind]): void {
  // What is left of a body that was not read must not be taken for the next request.
  if (!response.req.complete) response.setHeader('connection', 'close');
  send(response, status, { error: { kind, message } } satisfies Reply);
}

function send(response: ServerResponse, status: number, body: Reply | Health): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function deadlineOf(request: IncomingMessage): number {
  return Number(headerOf(request, DEADLINE) ?? Number.POSITIVE_INFINITY);
}

/** What the log may know of an argument: which resource, never what is in it. */
function namedIn(argument: unknown): unknown {
  if (Array.isArray(argument)) return `${argument.length} resources`;
  if (typeof argument !== 'object' || argument === null) return undefined;
  const { id, volumeId, sha256, generation } = argument as Record<string, unknown>;
  return { id: id ?? volumeId ?? sha256, generation };
}

function since(started: number): number {
  return Math.round((performance.now() - started) * 100) / 100;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

// Setting the mode afterwards would leave a moment in which anybody may connect. The socket
// is made before `listen` returns, with the mode that the mask leaves.
async function listen(server: Server, socketPath: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const mask = process.umask(0o177);
    try {
      server.listen(socketPath, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

/** A process that was killed leaves its socket behind. */
async function removeAbandoned(socketPath: string): Promise<void> {
  const state = await new Promise<'served' | 'abandoned' | 'absent'>((resolve, reject) => {
    const socket = connect(socketPath);
    socket.setTimeout(5_000, () => socket.destroy(new DriverError('unavailable', `${socketPath} does not answer`)));
    socket.once('connect', () => (socket.destroy(), resolve('served')));
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') resolve('absent');
      else if (cause.code === 'ECONNREFUSED') resolve('abandoned');
      else reject(cause);
    });
  });
  if (state === 'served') throw new DriverError('unavailable', `Another agent serves ${socketPath}`);
  if (state === 'abandoned') await unlink(socketPath);
}
