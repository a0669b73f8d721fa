/**
 * The metadata service of one host: for each network with guests here a namespace and a socket in it, all served by this
 * process. Who asks is known by the network and the source address alone, which the switch vouches for; what a request
 * says about itself counts for nothing. It needs nothing from outside the host.
 */
import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Server as SocketServer, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { DriverError, type GuestMetadata, type NetworkSpec } from '../../driver.ts';
import { serialised } from '../../../kit/serial.ts';
import { searchPath } from '../command.ts';
import type { LocalSwitch } from '../network/plug.ts';
import { findDocument } from './documents.ts';
import { ensureNamespace, pathOf, plugNamespace, removeNamespace, removePlace, strayPlaces, type SwitchPlace } from './namespace.ts';

export type MetadataService = {
  /** Makes the service be there for the network's guests, or finds it there; without a service port it is taken away. */
  ensureNetwork(network: NetworkSpec): Promise<void>;
  removeNetwork(networkId: string): Promise<void>;
  /** Removes what earlier runs left for networks that are not among these. */
  removeOthers(networkIds: string[]): Promise<void>;
  /** Stops answering. The namespaces stay, so that the next run of the agent finds them. */
  close(): Promise<void>;
};

export type MetadataLookup = (networkId: string, sourceAddress: string) => { metadata: GuestMetadata } | undefined;

export function createMetadataService({
  local,
  cloudId,
  namespace,
  lookup,
  onError,
}: {
  local: LocalSwitch;
  cloudId: string;
  /** The name of the network namespace that the switch is in, when it is not the host's. */
  namespace?: string;
  /** The guest that has this address on this network, as the host was told. */
  lookup: MetadataLookup;
  /** Told what went wrong while answering; the guest learns no more than that something did. */
  onError: (error: unknown) => void;
}): MetadataService {
  const place: SwitchPlace = { local, cloudId, ...(namespace !== undefined && { namespace }) };
  const servers = new Map<string, Server>();
  /** One network's calls go one after another; networks do not wait for each other. */
  const perNetwork = serialised<string>();
  const listeners = serialised<number>();
  let listenersAsked = 0;
  let isClosed = false;
  const stop = async (networkId: string): Promise<void> => {
    const server = servers.get(networkId);
    servers.delete(networkId);
    if (server) await closed(server);
  };
  const remove = async (networkId: string): Promise<void> => {
    await stop(networkId);
    await removeNamespace(place, networkId);
  };

  return {
    ensureNetwork: (network) =>
      perNetwork.run(network.id, async () => {
        if (isClosed) throw new DriverError('unavailable', 'The metadata service is closed');
        const { servicePort } = network;
        if (!servicePort) return remove(network.id);
        const served = { ...network, servicePort };
        const made = await ensureNamespace(place, served);
        // A socket that was opened in a namespace which has gone since hears nobody.
        if (made.isNew) await stop(network.id);
        if (!servers.get(network.id)?.listening) {
          const server = createServer(limits, (request, response) => answer(network.id, request, response, lookup, onError));
          guardAgainstFloods(server);
          await listeners.run(listenersAsked++ % MOST_LISTENERS_AT_ONCE, () => listenIn(pathOf(made.namespace), server));
          server.on('error', onError);
          servers.set(network.id, server);
        }
        await plugNamespace(place, served, made);
      }),
    removeNetwork: (networkId) => perNetwork.run(networkId, () => remove(networkId)),
    removeOthers: (networkIds) =>
      perNetwork.runAlone(async () => {
        for (const stray of await strayPlaces(cloudId, [...networkIds, ...servers.keys()])) await removePlace(place, stray);
      }),
    close: async () => {
      isClosed = true;
      await perNetwork.runAlone(() => Promise.all([...servers.keys()].map(stop)));
    },
  };
}

const limits = { maxHeaderSize: 8_192, headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 5_000, connectionsCheckingInterval: 5_000 };
const MOST_CONNECTIONS = 512;
const MOST_CONNECTIONS_PER_GUEST = 16;

/** A guest must not take the sockets that the others on its network need. */
function guardAgainstFloods(server: Server): void {
  server.maxConnections = MOST_CONNECTIONS;
  const perSource = new Map<string, number>();
  server.prependListener('connection', (socket: Socket) => {
    const source = socket.remoteAddress ?? '';
    const count = (perSource.get(source) ?? 0) + 1;
    perSource.set(source, count);
    socket.once('close', () => {
      const left = (perSource.get(source) ?? 1) - 1;
      if (left === 0) perSource.delete(source);
      else perSource.set(source, left);
    });
    if (count > MOST_CONNECTIONS_PER_GUEST) socket.destroy();
  });
}

function answer(networkId: string, request: IncomingMessage, response: ServerResponse, lookup: MetadataLookup, onError: (error: unknown) => void): void {
  const reply = (status: number, contentType = 'text/plain; charset=UTF-8', body: Buffer | string = ''): void => {
    response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  try {
    // Whoever sends these is a proxy, or wants to be taken for someone else (OSSA-2013-033).
    if (Object.keys(request.headers).some((name) => FORGED.has(name))) return reply(403);
    if (request.method !== 'GET' && request.method !== 'HEAD') return reply(405);
    const address = request.socket.remoteAddress?.replace(/^::ffff:|%.*$/g, '');
    const guest = address === undefined ? undefined : lookup(networkId, address);
    const document = guest && findDocument(pathIn(request.url ?? '/'), guest.metadata, { address });
    if (!document) return reply(404);
    reply(200, document.contentType, document.body);
  } catch (error) {
    onError(error);
    reply(500);
  }
}

const FORGED: ReadonlySet<string> = new Set([
  'x-forwarded-for', 'forwarded', 'x-real-ip', 'x-instance-id', 'x-instance-id-signature', 'x-tenant-id', 'x-metadata-provider', 'x-metadata-provider-signature',
]);

function pathIn(url: string): string {
  try {
    return decodeURIComponent(new URL(url, 'http://metadata').pathname);
  } catch (error) {
    if (error instanceof URIError || error instanceof TypeError) return '/no such path';
    throw error;
  }
}

/** The socket is opened by a process in the namespace, which hands it over and ends. */
async function listenIn(namespacePath: string, server: Server): Promise<void> {
  const listener = fileURLToPath(new URL('./listener.ts', import.meta.url));
  const child = spawn('nsenter', [`--net=${namespacePath}`, '--', process.execPath, listener], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, PATH: searchPath(), NODE_OPTIONS: '' },
  });
  const deadline = setTimeout(() => child.kill('SIGKILL'), LISTENER_DEADLINE_MS);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  child.on('error', (cause) => reject(new DriverError('unavailable', 'Cannot start the metadata listener', { cause })));
  child.on('exit', (code, signal) => reject(new DriverError('failed', `The metadata listener ended (${code ?? signal}): ${complaint.trim()}`)));
  child.on('message', (message, handle) => {
    if (handle === undefined) return reject(new DriverError('failed', `The metadata socket was not opened: ${JSON.stringify(message)}`));
    server.listen(handle as SocketServer, resolve);
    child.disconnect();
  });
  try {
    await promise;
  } finally {
    clearTimeout(deadline);
  }
}

// Each is a process of 50 MiB, for a tenth of a second.
const MOST_LISTENERS_AT_ONCE = 4;
const LISTENER_DEADLINE_MS = 15_000;

async function closed(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
