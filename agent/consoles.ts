/** Machines' consoles over the wire: a request that asks for one becomes the connection to it. */
import { request as httpRequest, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import { pipeline, type Duplex } from 'node:stream';
import { DriverError, type ConsoleAddress, type ConsoleDriver } from '../drivers/driver.ts';
import type { Log } from '../kit/log.ts';
import { CONSOLE_PROTOCOL, REQUEST_ID, STATUS, type Reply } from './calls.ts';
import type { Connection } from './remote.ts';

const path = '/consoles/open';
const answersWithinMs = 15_000;

export function serveConsoles(server: Server, { consoles, log }: { consoles: ConsoleDriver; log: Log }): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const requestId = String(request.headers[REQUEST_ID] ?? 'none');
    // Until it is joined to the console, its end is nobody else's to hear of.
    const gone = (err: Error) => log.debug({ requestId, err }, 'the caller of a console has gone');
    socket.on('error', gone);
    openFor(consoles, request).then(
      (line) => {
        log.debug({ requestId, console: addressIn(request) }, 'opened');
        socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${CONSOLE_PROTOCOL}\r\n\r\n`);
        if (head.length > 0) line.write(head);
        pipeline(socket, line, socket, (err) => log.debug({ requestId, err }, 'closed'));
      },
      (error: unknown) => {
        const { kind, message } = error instanceof DriverError ? error : new DriverError('failed', `The driver broke: ${String(error)}`, { cause: error });
        log.warn({ requestId, kind, err: error }, 'console not opened');
        const body = JSON.stringify({ error: { kind, message } } satisfies Reply);
        socket.end(`HTTP/1.1 ${STATUS[kind]} ${STATUS_CODES[STATUS[kind]]}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
      },
    );
  });
}

async function openFor(consoles: ConsoleDriver, request: IncomingMessage): Promise<Duplex> {
  if (request.headers.upgrade !== CONSOLE_PROTOCOL) throw new DriverError('invalid', `A connection here becomes ${CONSOLE_PROTOCOL}, and nothing else`);
  return consoles.open(addressIn(request));
}

function addressIn({ url = '' }: IncomingMessage): ConsoleAddress {
  const asked = new URL(url, 'http://agent');
  const { serverId, hostId, kind } = Object.fromEntries(asked.searchParams);
  if (asked.pathname !== path || serverId === undefined || hostId === undefined || (kind !== 'vnc' && kind !== 'serial')) throw new DriverError('invalid', `There is no ${asked.pathname} of that kind`);
  return { serverId, hostId, kind };
}

/** `unavailable`: the agent is not there. */
export function remoteConsoles({ connection, agentAt, requestId }: { connection: () => Connection; agentAt: () => string; requestId: () => string }): ConsoleDriver {
  return {
    open: (console) =>
      new Promise((resolve, reject) => {
        const headers = { connection: 'Upgrade', upgrade: CONSOLE_PROTOCOL, [REQUEST_ID]: requestId() };
        const request = httpRequest({ ...connection(), path: `${path}?${new URLSearchParams(console).toString()}`, headers });
        const late = setTimeout(() => request.destroy(new Error(`no answer in ${answersWithinMs} ms`)), answersWithinMs);
        request.once('close', () => clearTimeout(late));
        request.once('error', (cause) => reject(new DriverError('unavailable', `No console of ${agentAt()} was opened: ${cause.message}`, { cause })));
        request.once('response', (response) => void refusedBy(response).then(reject, reject));
        request.once('upgrade', (_response, socket, head) => {
          clearTimeout(late);
          if (head.length > 0) socket.unshift(head);
          resolve(socket);
        });
        request.end();
      }),
  };
}

async function refusedBy(response: IncomingMessage): Promise<DriverError> {
  const parts: Buffer[] = [];
  for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
  const reply = JSON.parse(Buffer.concat(parts).toString('utf8')) as Reply;
  return 'error' in reply ? new DriverError(reply.error.kind, reply.error.message) : new DriverError('failed', `The agent answered ${response.statusCode} and no console`);
}
