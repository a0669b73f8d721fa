/** The way to the region's southbound database from a host that has joined: a port of its loopback, whose connections the gate carries. */
import { createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Log } from '../kit/log.ts';
import { openSouthbound } from './dial.ts';
import type { GateAddress, HostIdentity } from './enrolment.ts';

/** What comes here is encrypted by ovn-controller for the database: who else may open the port of this machine gets nowhere without the host's key. */
export async function carrySouthbound({ port, gate, identity, log }: { port: number; gate: GateAddress; identity: HostIdentity; log: Log }): Promise<{ port: number; stop(): Promise<void> }> {
  const stopping = new AbortController();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    carry(socket)
      // ovn-controller comes again by itself.
      .catch((err: unknown) => log.debug({ err }, 'a connection to the southbound database has ended'))
      .finally(() => {
        sockets.delete(socket);
        socket.destroy();
      });
  });

  async function carry(socket: Socket): Promise<void> {
    socket.on('error', (err) => log.debug({ err }, 'ovn-controller has gone'));
    const far = await openSouthbound(gate, identity, stopping.signal);
    try {
      await pipeline(socket, far, socket);
    } finally {
      far.destroy();
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port }, resolve);
  });
  return {
    port: (server.address() as { port: number }).port,
    async stop() {
      stopping.abort(new Error('the agent stops'));
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
