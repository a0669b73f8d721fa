/** A driver that is elsewhere: the same interface, carried to the agent that serves it. */
import { randomUUID } from 'node:crypto';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { DriverError, type Driver } from '../drivers/driver.ts';
import { serialised } from '../kit/serial.ts';
import { remoteConsoles } from './consoles.ts';
import { calls, DEADLINE, REQUEST_ID, STATUS, type Call, type Health, type Part, type Reply } from './calls.ts';

/** Where an agent is: at a socket, which may become another one, or at the other end of something that makes connections to it. */
export type Reach = { socketPath: string | (() => string) } | { to: string; open: () => Duplex };

export type ConnectOptions = Reach & {
  name?: string;
  /** Names what the caller is doing, in its log and the agent's. */
  requestId?: () => string;
  maxConnections?: number;
  /** Instead of each call's own. */
  timeoutMs?: number;
};

export type RemoteDriver = Driver & {
  /** Whether the agent is there; `unavailable` when it is not. */
  health(): Promise<Health>;
};

const mostReplyBytes = 256 * 2 ** 20;

/** Connects when it is first asked. An agent that is not there, or goes while it is asked, is `unavailable`. */
export function connectDriver(options: ConnectOptions): RemoteDriver {
  const { name = 'remote', requestId = randomUUID, maxConnections = 64 } = options;
  const pool = new Agent({ keepAlive: true, maxSockets: maxConnections, maxFreeSockets: maxConnections });
  const connection = () => connectionTo(options, pool);
  const agentAt = () => ('open' in options ? `the agent of ${options.to}` : `the agent at ${socketOf(options)}`);
  let isClosed = false;

  async function exchange({ method, path, body, timeoutMs, id }: { method: string; path: string; body?: string; timeoutMs: number; id: string }) {
    if (isClosed) throw new DriverError('unavailable', 'The connection to the agent is closed');
    const headers = {
      [REQUEST_ID]: id,
      [DEADLINE]: String(Date.now() + timeoutMs),
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    try {
      return await roundTrip({ ...connection(), method, path, headers, signal: AbortSignal.timeout(timeoutMs) }, body);
    } catch (cause) {
      if (cause instanceof DriverError) throw cause;
      throw new DriverError('unavailable', `${capital(agentAt())} did not answer ${path}: ${reasonOf(cause, timeoutMs)}`, { cause });
    }
  }

  function callerOf(part: Part): Record<string, (argument: unknown) => Promise<unknown>> {
    // Two connections may overtake each other, so the next call about a resource leaves when the one before has its answer.
    const serial = serialised<string>();
    const methods = Object.entries(calls[part] as unknown as Record<string, Call<unknown>>);
    return Object.fromEntries(
      methods.map(([method, call]) => [
        method,
        async (argument: unknown) => {
          const send = async () => {
            const timeoutMs = options.timeoutMs ?? (typeof call.timeoutMs === 'function' ? call.timeoutMs(argument) : call.timeoutMs);
            const body = argument === undefined ? '' : JSON.stringify(argument);
            // The host would cut it off, which looks like a host that is not there.
            if (Buffer.byteLength(body) > call.maxMiB * 2 ** 20) throw new DriverError('invalid', `The argument of ${part}.${method} is larger than ${call.maxMiB} MiB`);
            return resultOf(await exchange({ method: 'POST', path: `/${part}/${method}`, body, timeoutMs, id: requestId() }));
          };
          const order = call.order(argument);
          return order === 'part' ? serial.runAlone(send) : serial.runAll(order, send);
        },
      ]),
    );
  }

  const parts = Object.fromEntries((Object.keys(calls) as Part[]).map((part) => [part, callerOf(part)]));
  return {
    // Each part has exactly the methods of the list, and the list those of the driver: see Calls.
    ...(parts as unknown as Pick<Driver, Part>),
    consoles: remoteConsoles({ connection: () => connectionTo(options), agentAt, requestId }),
    name,
    async health() {
      const { status, text } = await exchange({ method: 'GET', path: '/health', timeoutMs: 5_000, id: requestId() });
      if (status !== 200) throw new DriverError('unavailable', `${capital(agentAt())} is not well: ${text}`);
      return JSON.parse(text) as Health;
    },
    async close() {
      isClosed = true;
      pool.destroy();
    },
  };
}

type Answer = { status: number; text: string };
type Trip = Connection & { method: string; path: string; headers: Record<string, string | number>; signal: AbortSignal };
/** As Node's requests want to be told it. */
export type Connection = { agent?: Agent; socketPath?: string; createConnection?: () => Duplex };

/** Connections that are streams of one connection cost nothing to make, and are not kept: an agent would make its own. */
function connectionTo(reach: Reach, pool?: Agent): Connection {
  return 'open' in reach ? { createConnection: reach.open } : { socketPath: socketOf(reach), ...(pool ? { agent: pool } : {}) };
}

function socketOf({ socketPath }: { socketPath: string | (() => string) }): string {
  return typeof socketPath === 'string' ? socketPath : socketPath();
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function roundTrip(trip: Trip, body: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(trip, (response) => {
      textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    // A host that somebody else has got hold of must not fill our memory.
    if (size > mostReplyBytes) throw new DriverError('failed', `The agent answered more than ${mostReplyBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function resultOf({ status, text }: Answer): unknown {
  const reply = replyIn(status, text);
  if (!('error' in reply)) return reply.result;
  const { kind, message } = reply.error;
  if (!(kind in STATUS)) throw new DriverError('failed', `The agent answered ${status} ${kind}: ${message}`);
  throw new DriverError(kind, message);
}

function replyIn(status: number, text: string): Reply {
  try {
    return JSON.parse(text) as Reply;
  } catch (cause) {
    throw new DriverError('failed', `The agent answered ${status} and no JSON`, { cause });
  }
}

function reasonOf(cause: unknown, timeoutMs: number): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.name === 'TimeoutError' || (cause.name === 'AbortError' && cause.cause instanceof Error) ? `no reply in ${timeoutMs} ms` : cause.message;
}
