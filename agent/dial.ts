/** The host's end: connects to the gate of its region, is called over that, and asks it for images. */
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DriverError } from '../drivers/driver.ts';
import type { Clock, Random } from '../kit/clock.ts';
import type { Log } from '../kit/log.ts';
import { gateName, gatePath, HOST_PROTOCOL, PROTOCOL_HEADER, PROTOCOL_VERSION, SOUTHBOUND_PROTOCOL, type GateAddress, type HostIdentity } from './enrolment.ts';
import { calledEnd, written } from './tunnel.ts';

export type DialOptions = {
  gate: GateAddress;
  identity: HostIdentity;
  /** Is handed each connection by which the region calls. */
  accept: (connection: Duplex) => void;
  clock: Clock;
  random: Random;
  log: Log;
  /** The longest pause between two attempts. */
  longestMs?: number;
};

const firstMs = 250;
const answersWithinMs = 15_000;

/** Until it is told to stop: when the region is away, it tries again and again, and what runs here runs on. */
export function dial({ gate, identity, accept, clock, random, log, longestMs = 15_000 }: DialOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;

  async function connectOnce(): Promise<void> {
    const socket = await upgraded(gate, identity, { path: gatePath.agent, protocol: HOST_PROTOCOL, signal });
    await written(socket, '');
    const { closed, close } = calledEnd(socket, accept);
    signal.addEventListener('abort', close, { once: true });
    log.info({ gate }, 'connected to the region');
    await closed;
    signal.removeEventListener('abort', close);
    if (!signal.aborted) log.warn({ gate }, 'the connection to the region is gone');
  }

  async function run(): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      const begun = performance.now();
      await connectOnce().catch((error: unknown) => {
        if (!signal.aborted) log.warn({ err: error, gate, failures }, 'the region was not reached');
      });
      failures = performance.now() - begun > longestMs ? 0 : failures + 1;
      // Anywhere below a bound that doubles: thousands that were cut off at once must not come back at once.
      const chance = random.bytes(4).readUInt32BE() / 2 ** 32;
      await clock.after(chance * Math.min(longestMs, firstMs * 2 ** failures), signal).catch(() => undefined);
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort(new Error('the agent stops'));
      await running;
    },
  };
}

/** Bytes of an image that this host was told to work with. The reader finds out whether they are the right ones. */
export async function readImage(gate: GateAddress, identity: HostIdentity, sha256: string): Promise<Readable> {
  const response = await answered({ ...options(gate, identity), method: 'GET', path: gatePath.image(sha256) });
  return demandSuccess(response, `the image ${sha256}`);
}

export async function sendCapture(gate: GateAddress, identity: HostIdentity, upload: string, { bytes, size }: { bytes: Readable; size: number }): Promise<void> {
  const response = await answered({ ...options(gate, identity), method: 'PUT', path: gatePath.capture(upload), headers: { 'content-length': size } }, bytes);
  (await demandSuccess(response, `the upload ${upload}`)).resume();
}

/** A connection of the host's own to the southbound database, as the gate carries it. */
export function openSouthbound(gate: GateAddress, identity: HostIdentity, signal: AbortSignal): Promise<Duplex> {
  return upgraded(gate, identity, { path: gatePath.southbound, protocol: SOUTHBOUND_PROTOCOL, signal });
}

function upgraded(gate: GateAddress, identity: HostIdentity, { path, protocol, signal }: { path: string; protocol: string; signal: AbortSignal }): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({ ...options(gate, identity), path, headers: { connection: 'Upgrade', upgrade: protocol, [PROTOCOL_HEADER]: PROTOCOL_VERSION }, signal });
    const late = setTimeout(() => request.destroy(new Error(`no answer in ${answersWithinMs} ms`)), answersWithinMs);
    request.once('close', () => clearTimeout(late));
    request.once('error', reject);
    request.once('response', (response: IncomingMessage) => {
      response.resume();
      const why = response.statusCode === 426 ? `it speaks version ${PROTOCOL_VERSION} and the region ${response.headers[PROTOCOL_HEADER] ?? 'another'}. Upgrade one version after another` : `${response.statusCode}. Was it removed, or its key taken back?`;
      reject(new Error(`The region refused this host: ${why}`));
    });
    request.once('upgrade', (_response, socket: Duplex, head: Buffer) => {
      clearTimeout(late);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.end();
  });
}

/** The gate is who the authority says it is, and nobody else's authority counts. */
function options({ host, port }: GateAddress, { key, certificate, authority }: HostIdentity): RequestOptions {
  return { host, port, servername: gateName, ca: [authority], cert: certificate, key, minVersion: 'TLSv1.3', agent: false };
}

async function answered(wish: RequestOptions, body?: Readable): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = httpsRequest(wish, resolve);
  request.setTimeout(60_000, () => request.destroy(new Error('the gate is silent')));
  request.once('error', (cause) => reject(new DriverError('unavailable', `The gate of the region did not answer: ${cause.message}`, { cause })));
  if (body) pipeline(body, request).catch((cause: unknown) => reject(new DriverError('unavailable', 'The gate of the region did not take it', { cause })));
  else request.end();
  return promise;
}

async function demandSuccess(response: IncomingMessage, what: string): Promise<IncomingMessage> {
  if (response.statusCode === 200) return response;
  response.resume();
  throw new DriverError(response.statusCode === 404 ? 'missing' : 'failed', `The gate of the region refused ${what}: ${response.statusCode}`);
}
