/** Connections that a request becomes (WebSocket, RFC 6455), and the pages that open them in a browser. */
import type { IncomingMessage, Server } from 'node:http';
import { pipeline, type Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { Fault } from '../fault.ts';
import type { Log } from '../log.ts';

export type SocketRoute = {
  path: string;
  /** To what the client is joined; a `Fault` refuses it. `origin`: of the page that asks, where a browser does. */
  open(asked: { query: URLSearchParams; origin: string | undefined }): Promise<Duplex>;
};

export type Page = { path: string; contentType: string; read(): Promise<Buffer> };

/** What a browser may do with the pages: run their own scripts, and tell nobody their address, which has a secret in it. */
export const pageHeaders = {
  'content-security-policy': "default-src 'self'; connect-src 'self' ws: wss:; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const largestMessage = 2 ** 20;

export function serveSockets(server: Server, { routes, log, stopping }: { routes: readonly SocketRoute[]; log: Log; stopping: AbortSignal }): void {
  // Old clients ask for this subprotocol, and go away unless they get it.
  const sockets = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: largestMessage, handleProtocols: (asked) => (asked.has('binary') ? 'binary' : false) });

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const gone = (err: Error) => log.debug({ err }, 'a client has gone before it was answered');
    socket.on('error', gone);
    const asked = new URL(request.url ?? '/', 'http://door');
    const route = routes.find(({ path }) => path === asked.pathname);
    const opened = route && !stopping.aborted ? route.open({ query: asked.searchParams, origin: request.headers.origin }) : Promise.reject(new Fault(404, 'itemNotFound', 'The resource could not be found.'));
    opened.then(
      (line) =>
        sockets.handleUpgrade(request, socket, head, (client) => {
          socket.off('error', gone);
          const end = () => client.close(1001);
          stopping.addEventListener('abort', end, { once: true });
          const stream = createWebSocketStream(client);
          pipeline(stream, line, stream, (err) => {
            stopping.removeEventListener('abort', end);
            log.debug({ err, path: asked.pathname }, 'a connection has ended');
          });
        }),
      (error: unknown) => {
        const status = error instanceof Fault ? error.status : 502;
        if (!(error instanceof Fault)) log.warn({ err: error, path: asked.pathname }, 'a connection could not be opened');
        // Nothing but the head: what follows it would be read as a message.
        socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      },
    );
    // A client that leaves while it is being joined leaves nothing open behind it.
    socket.once('close', () => void opened.then((line) => line.destroy(), () => undefined));
  });
}
