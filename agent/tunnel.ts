/**
 * One connection that a host has opened, over which it is called: HTTP/2 in the other direction, whose streams are
 * connections for whoever calls. Either end notices within seconds when the other is gone.
 */
import { connect, performServerHandshake, type Http2Session } from 'node:http2';
import type { Duplex } from 'node:stream';

export type Tunnel = {
  /** A connection to the other end's server. */
  open(): Duplex;
  /** Resolves when it cannot be used any more. */
  readonly closed: Promise<void>;
  close(): void;
};

const pingEveryMs = 1_000;
/**
 * DATA-PLANE: a host's death is known in three seconds. Turns are counted and not time: a process that had none for seconds
 * finds what it was sent meanwhile before its next one, and does not take its own delay for the other end's silence.
 */
const silentTurns = 3;

/** Resolves when all that was written before is on its way: what takes the connection over counts on that (node_http2.cc, is_write_in_progress). */
export async function written(socket: Duplex, last: string): Promise<void> {
  await new Promise<void>((resolve, reject) => socket.write(last, (error) => (error ? reject(error) : resolve())));
  // The connection itself hears of it in the turn after.
  await new Promise<void>((resolve) => void setImmediate(resolve));
}

/** The end that calls. */
export function callingEnd(socket: Duplex): Tunnel {
  const session = connect('http://agent', { createConnection: () => socket });
  const closed = watched(session, { asks: true });
  return {
    open: () => session.request({ ':method': 'CONNECT', ':authority': 'agent' }),
    closed,
    close: () => session.destroy(),
  };
}

/** The end that is called: `accept` is handed each connection. */
export function calledEnd(socket: Duplex, accept: (connection: Duplex) => void): Pick<Tunnel, 'closed' | 'close'> {
  const session = performServerHandshake(socket);
  session.on('stream', (stream) => {
    // Whoever opened it was gone before this was heard: to answer it would throw.
    if (stream.destroyed || stream.closed) return;
    // Whoever opened it has gone: it ends for the one who serves it as any connection does.
    stream.on('error', () => stream.destroy());
    stream.respond({ ':status': 200 });
    accept(stream);
  });
  return { closed: watched(session, { asks: false }), close: () => session.destroy() };
}

/** One end asks, the other one hears that it is asked: of a thousand hosts that is half the work. */
function watched(session: Http2Session, { asks }: { asks: boolean }): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let unheard = 0;
  const heard = () => void (unheard = 0);
  const watching = setInterval(() => {
    unheard++;
    if (unheard >= silentTurns) return session.destroy();
    if (asks && !session.destroyed) session.ping(heard);
  }, pingEveryMs);
  session.on('ping', heard);
  // What it met, its end tells too.
  session.on('error', () => session.destroy());
  session.once('close', () => {
    clearInterval(watching);
    resolve();
  });
  return promise;
}
