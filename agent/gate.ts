/**
 * Where the hosts of a region come in: one port, TLS both ways. A host shows the certificate that it got when it joined; what it
 * then is, its key says, never its name or its address. It opens one connection, over which it is called, and asks at
 * others for what it was told to work with.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import { DriverError, type BlobStore } from '../drivers/driver.ts';
import { issueCertificate, type Authority } from '../kit/authority.ts';
import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Log } from '../kit/log.ts';
import { certificateYears, gatePath, HOST_PROTOCOL, PROTOCOL_HEADER, PROTOCOL_VERSION, SOUTHBOUND_PROTOCOL, type JoinAnswer, type JoinWish } from './enrolment.ts';
import type { Ledger, Member, Members } from './fleet.ts';
import type { Grants } from './grants.ts';
import { connectDriver, type RemoteDriver } from './remote.ts';
import { callingEnd, written, type Tunnel } from './tunnel.ts';

/** `key`: the SHA-256 of its public key (SPKI), in hexadecimal digits; null before it has joined, and when its key was taken back. */
export type Registered = { id: string; name: string; key: string | null };

/** Who the hosts are: a matter of the region's database. */
export type Registry = {
  /** All of them: one whose key was taken back still has what it was given. */
  list(): Promise<Registered[]>;
  /** Takes the invitation for this key, once; again for the same key until it has come. A `Fault` in its words refuses. */
  redeem(joining: { hostId: string; secret: string; key: string }): Promise<{ name: string }>;
  /** These are connected now. */
  seen(hostIds: readonly string[]): Promise<void>;
  /** These are not connected any more. */
  gone(hostIds: readonly string[]): Promise<void>;
};

export type GateOptions = {
  host: string;
  port: number;
  /** What it shows, and what its hosts' certificates come from. */
  certificate: string;
  key: string;
  authority: Authority;
  registry: Registry;
  ledger: Pick<Ledger, 'of' | 'take'>;
  grants: Grants;
  blobs: BlobStore;
  /** What a host is told of the region that it joins. */
  region: { name: string; driver: string };
  /** The port of this machine's loopback where the region's southbound database lets hosts in, where it has one. */
  southboundPort?: number;
  clock: Clock;
  log: Log;
  /** How long after the gate has opened those may take that were connected to an earlier one. */
  returnWithinMs?: number;
};

export type Gate = { members: Members; port: number; close(): Promise<void> };

type Line = { tunnel: Tunnel; driver: RemoteDriver; from: string; key: string };

const lookEveryMs = 1_000;
const tellEveryMs = 10_000;
/** As long as hosts pause at most between two attempts, and as long as one takes. */
const returnWithinMs = 20_000;
const mostWishBytes = 16_384;
const bodyWithinMs = 10_000;
/** Each host has one that lasts, and others while it fetches. */
const mostConnections = 16_384;
/** ovn-controller has one, and another while it comes back. */
const mostCarried = 8;
const mostUploadBytes = 16 * 2 ** 40;

export async function openGate(options: GateOptions): Promise<Gate> {
  const { registry, log, clock, authority } = options;
  const lines = new Map<string, Line>();
  /** Connections that are carried to the southbound database, and by which key they came. */
  const carried = new Map<Duplex, { id: string; key: string }>();
  let known = new Map<string, Registered>();
  let looking: Promise<void> | undefined;
  let toldAt = 0;
  let isClosing = false;
  /** When it is told who has not come back to this gate; undefined: it was. */
  let missedAt: number | undefined = performance.now() + (options.returnWithinMs ?? returnWithinMs);

  /** Whose key is known no more, or is another one, is cut off. */
  async function look(): Promise<void> {
    known = new Map((await registry.list()).map((each) => [each.id, each]));
    for (const [id, line] of lines) {
      if (known.get(id)?.key === line.key) continue;
      log.warn({ hostId: id, from: line.from }, 'a host is no host of this region any more, and is cut off');
      cut(id, line);
    }
    for (const [socket, { id, key }] of carried) if (known.get(id)?.key !== key) socket.destroy();
    if (lines.size > 0 && clock.now().getTime() - toldAt >= tellEveryMs) {
      toldAt = clock.now().getTime();
      await registry.seen([...lines.keys()]);
    }
    if (missedAt === undefined || performance.now() < missedAt) return;
    await registry.gone([...known.keys()].filter((id) => !lines.has(id)));
    missedAt = undefined;
  }
  const lookAgain = () => (looking ??= look().catch((error: unknown) => log.error({ err: error }, 'which hosts there are could not be learned')).finally(() => (looking = undefined)));

  function cut(id: string, line: Line): void {
    line.tunnel.close();
    if (lines.get(id) === line) lines.delete(id);
  }

  /** Who shows a certificate of ours with the key that is known for it. */
  async function hostOf(socket: TLSSocket): Promise<Registered & { key: string }> {
    const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
    if (!certificate) throw new Fault(401, 'unauthorized', 'Show the certificate that you got when you joined.');
    const id = /^CN=([0-9a-f-]{36})$/.exec(certificate.subject)?.[1] ?? '';
    const key = keyHashOf(certificate.publicKey.export({ type: 'spki', format: 'der' }));
    // It may have joined a moment ago.
    if (known.get(id)?.key !== key) await look();
    const host = known.get(id);
    if (host?.key === key) return { ...host, key };
    log.error({ hostId: id, from: socket.remoteAddress }, 'somebody came with the certificate of a host that is none any more, and was refused');
    throw new Fault(403, 'forbidden', 'This is no host of this region any more.');
  }

  async function join(request: IncomingMessage): Promise<JoinAnswer> {
    const { host_id: hostId, secret, public_key: publicKey } = wishIn(await bodyOf(request));
    const spki = Buffer.from(publicKey, 'base64');
    const certificate = await issueCertificate(authority, { subject: `CN=${hostId}`, use: 'client', publicKey: spki, now: clock.now(), years: certificateYears }).catch((cause: unknown) => {
      throw new Fault(400, 'badRequest', 'This is no public key of the curve P-256.', { cause });
    });
    // Only now: what cannot be had must not cost the invitation.
    const { name } = await registry.redeem({ hostId, secret, key: keyHashOf(spki) });
    log.info({ hostId, host: name, from: request.socket.remoteAddress }, 'a host has joined');
    return { name, region: options.region.name, driver: options.region.driver, certificate };
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '', 'https://gate');
    if (request.method === 'POST' && pathname === gatePath.join) return say(response, 200, await join(request));
    const host = await hostOf(request.socket as TLSSocket);
    const [, folder, name = ''] = pathname.split('/');
    if (request.method === 'GET' && folder === 'images') return sendImage(host, name, response);
    if (request.method === 'PUT' && folder === 'captures') return takeCapture(host, name, request, response);
    throw new Fault(404, 'notFound', `There is no ${request.method} ${pathname}.`);
  }

  async function sendImage(host: Registered, sha256: string, response: ServerResponse): Promise<void> {
    if (!options.grants.mayRead(host.id, sha256)) throw forbiddenTo(host, `the image ${sha256}`);
    const path = await options.blobs.path(sha256);
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': (await stat(path)).size });
    await pipeline(createReadStream(path), response);
  }

  async function takeCapture(host: Registered, upload: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!options.grants.mayWrite(host.id, upload)) throw forbiddenTo(host, `the upload ${upload}`);
    const path = options.blobs.incomingPath(upload);
    try {
      await pipeline(request, atMost(mostUploadBytes), createWriteStream(path, { mode: 0o600 }));
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    say(response, 200, {});
  }

  function forbiddenTo({ id, name }: Registered, what: string): Fault {
    log.error({ hostId: id, host: name, what }, 'a host asked for what it was not told to work with, and was refused');
    return new Fault(403, 'forbidden', `You were not told to work with ${what}.`);
  }

  /** Who it is there, it proves to the database once more: by its certificate, which the database's own rules look at. */
  async function carrySouthbound(socket: TLSSocket, head: Buffer, port: number): Promise<void> {
    const { id, name, key } = await hostOf(socket);
    if ([...carried.values()].filter((each) => each.id === id).length >= mostCarried) throw new Fault(429, 'tooMany', `No host has more than ${mostCarried} of these.`);
    carried.set(socket, { id, key });
    const database = connect({ host: '127.0.0.1', port });
    try {
      await once(database, 'connect');
      await written(socket, switching(SOUTHBOUND_PROTOCOL));
      if (head.length > 0) socket.unshift(head);
      await pipeline(socket, database, socket);
    } catch (err) {
      log.debug({ err, hostId: id, host: name }, 'a connection to the southbound database has ended');
    } finally {
      carried.delete(socket);
      database.destroy();
      socket.destroy();
    }
  }

  async function admit(request: IncomingMessage, socket: TLSSocket, head: Buffer): Promise<void> {
    if (options.southboundPort !== undefined && request.headers.upgrade === SOUTHBOUND_PROTOCOL && request.url === gatePath.southbound) return carrySouthbound(socket, head, options.southboundPort);
    if (request.headers.upgrade !== HOST_PROTOCOL || request.url !== gatePath.agent) throw new Fault(404, 'notFound', 'There is nothing to become here.');
    const { id, name, key } = await hostOf(socket);
    const from = `${socket.remoteAddress}:${socket.remotePort}`;
    const version = Number(request.headers[PROTOCOL_HEADER] ?? 0);
    if (!(Math.abs(version - PROTOCOL_VERSION) <= 1)) {
      log.error({ hostId: id, host: name, version, own: PROTOCOL_VERSION }, 'a host is more than one version away from the region, and is not let in: upgrade one version after another');
      throw new Fault(426, 'tooFarApart', `You speak version ${version}, and the region ${PROTOCOL_VERSION}.`);
    }
    await written(socket, switching(HOST_PROTOCOL));
    if (socket.destroyed) return;
    if (head.length > 0) socket.unshift(head);
    const before = lines.get(id);
    if (before) {
      // After a break it may be the same machine, whose end came back before ours was noticed.
      log.warn({ hostId: id, host: name, from, before: before.from }, 'a host came a second time, and the first connection is cut: unless it is one machine that came back, its key is in two places');
      cut(id, before);
    }
    const tunnel = callingEnd(socket);
    const line: Line = { tunnel, key, from, driver: connectDriver({ to: name, open: tunnel.open, name: options.region.driver }) };
    try {
      await fence({ id, name }, line.driver);
      lines.set(id, line);
      log.info({ hostId: id, host: name, from, version }, 'a host is connected');
      // Told again within seconds.
      await registry.seen([id]).catch((err: unknown) => log.warn({ err, hostId: id }, 'it could not be noted that a host has come'));
      await tunnel.closed;
    } catch (err) {
      // It comes again by itself.
      log.error({ err, hostId: id, host: name }, 'a host still has servers that went elsewhere, and is not let in');
      tunnel.close();
    }
    if (lines.get(id) === line) lines.delete(id);
    await line.driver.close();
    log.warn({ hostId: id, host: name, from }, 'a host has gone');
    if (isClosing || lines.has(id)) return;
    await registry.gone([id]);
    // It may have come back while that was written.
    if (lines.has(id)) await registry.seen([id]);
  }

  /** What went elsewhere while it was away is removed before it is told, or believed, anything. */
  async function fence({ id, name }: { id: string; name: string }, driver: RemoteDriver): Promise<void> {
    const lost = (await options.ledger.of(id)).filter(({ state }) => state === 'lost');
    if (lost.length === 0) return;
    const there = new Map((await driver.servers.list()).map((machine) => [machine.id, machine]));
    for (const { serverId } of lost) {
      const machine = there.get(serverId);
      if (machine) await driver.servers.remove({ id: serverId, hostId: id, generation: machine.generation });
      await options.ledger.take(id, serverId);
    }
    log.warn({ hostId: id, host: name, servers: lost.map(({ serverId }) => serverId) }, 'a host has come back and removed what went elsewhere while it was away');
  }

  const server = createServer(
    // Whoever joins has no certificate yet; all others are asked for it above, in words that they can read.
    { cert: `${options.certificate}\n${authority.certificate}`, key: options.key, ca: [authority.certificate], requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3', headersTimeout: 10_000, requestTimeout: 0 },
    (request, response) => {
      answer(request, response).catch((error: unknown) => refuse(response, error, log));
    },
  );
  server.maxConnections = mostConnections;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', (err) => log.debug({ err }, 'a host has gone'));
    admit(request, socket as TLSSocket, head).catch((error: unknown) => {
      if (!(error instanceof Fault)) log.error({ err: error }, 'a host could not be let in');
      socket.end(`HTTP/1.1 ${error instanceof Fault ? error.status : 500} Refused\r\nConnection: close\r\n${PROTOCOL_HEADER}: ${PROTOCOL_VERSION}\r\nContent-Length: 0\r\n\r\n`);
    });
  });
  server.on('tlsClientError', (err) => log.debug({ err }, 'not let in'));

  await look();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port }, resolve);
  });
  const timer = setInterval(() => void lookAgain(), lookEveryMs);
  const memberOf = ({ id, name }: Registered): Member => ({ id, name, driver: lines.get(id)?.driver });
  return {
    members: {
      all: () => [...known.values()].map(memberOf),
      find: (id) => {
        const host = known.get(id);
        return host && memberOf(host);
      },
    },
    port: (server.address() as { port: number }).port,
    async close() {
      clearInterval(timer);
      isClosing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const { tunnel } of lines.values()) tunnel.close();
      for (const socket of carried.keys()) socket.destroy();
      server.closeAllConnections();
      await closed;
      await looking;
    },
  };
}

function switching(protocol: string): string {
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}

export function keyHashOf(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('hex');
}

function wishIn(text: string): JoinWish {
  const wish = jsonIn(text) as Partial<JoinWish> | null;
  const isRight = typeof wish === 'object' && wish !== null && /^[0-9a-f-]{36}$/.test(String(wish.host_id)) && typeof wish.secret === 'string' && typeof wish.public_key === 'string';
  if (!isRight) throw new Fault(400, 'badRequest', 'Say who you are, and by what invitation: host_id, secret, public_key.');
  return wish as JoinWish;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Fault(400, 'badRequest', 'This is not JSON.', { cause });
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  // Whoever asks here is nobody yet: neither time nor memory is theirs.
  const late = setTimeout(() => request.destroy(new Error('no body in time')), bodyWithinMs);
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > mostWishBytes) throw new Fault(413, 'tooLarge', 'That is too much.');
      parts.push(part);
    }
  } finally {
    clearTimeout(late);
  }
  return Buffer.concat(parts).toString('utf8');
}

function atMost(bytes: number): (source: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  return async function* bounded(source) {
    let size = 0;
    for await (const part of source) {
      size += part.length;
      if (size > bytes) throw new Fault(413, 'tooLarge', 'That is too much.');
      yield part;
    }
  };
}

function say(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, error: unknown, log: Log): void {
  if (!(error instanceof Fault) && !(error instanceof DriverError)) log.error({ err: error }, 'a host was not answered');
  if (response.headersSent || response.destroyed) return void response.destroy();
  // What is left of a body that was not read must not be taken for the next request.
  response.setHeader('connection', 'close');
  if (error instanceof Fault) say(response, error.status, { message: error.message });
  else say(response, error instanceof DriverError && error.kind === 'missing' ? 404 : 500, { message: 'The region could not do that.' });
}
