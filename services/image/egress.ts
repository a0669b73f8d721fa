/**
 * The way out for what users name: bytes come from public addresses only (ATTACKS 8).
 *
 * A name is resolved once, every address that it has must be allowed, and the connection goes to one of those and
 * to nothing else; what is behind a redirect is looked at in the same way.
 */
import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import type { ImageSettings } from './settings.ts';

/** Why nothing was fetched, in words for whoever named the address. Asking again does not help, unless it says so. */
export class Unreachable extends Error {
  override name = 'Unreachable';
  readonly retryable: boolean;

  constructor(message: string, more: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.retryable = more.retryable ?? false;
  }
}

type Filter = ImageSettings['downloads'];

const mostRedirects = 5;
const connectMs = 20_000;
/** Nothing for so long is a dead server. */
const silenceMs = 60_000;

/** glance/common/utils.py, validate_import_uri; and a port that is not named counts as the scheme's own. */
export function passesFilter(address: string, filter: Filter): boolean {
  return URL.canParse(address) && isAllowed(new URL(address), filter);
}

function isAllowed({ protocol, hostname, port, username, password }: URL, filter: Filter): boolean {
  const scheme = protocol.slice(0, -1);
  // Others cannot be fetched, whatever an operator allows.
  if (scheme !== 'http' && scheme !== 'https') return false;
  if (username !== '' || password !== '') return false;
  return (
    passes(scheme, filter.allowed_schemes, filter.disallowed_schemes) &&
    passes(plainHost(hostname), filter.allowed_hosts.map(plainHost), filter.disallowed_hosts.map(plainHost)) &&
    passes(port === '' ? (scheme === 'http' ? 80 : 443) : Number(port), filter.allowed_ports, filter.disallowed_ports)
  );
}

function passes<T>(value: T, allowed: readonly T[], disallowed: readonly T[]): boolean {
  return allowed.length > 0 ? allowed.includes(value) : !disallowed.includes(value);
}

/** One spelling of each host. */
function plainHost(host: string): string {
  return (isIP(host) !== 0 ? host : domainToASCII(host)).toLowerCase().replace(/\.$/, '');
}

export type Download = { bytes: AsyncIterable<Uint8Array>; sizeBytes: number | undefined };

type Fetching = {
  filter: Filter;
  signal: AbortSignal;
  headers?: Record<string, string>;
  /** A server that the operator has named, not a user: it may be anywhere, at any port. */
  known?: string;
};

/** What is there. Whoever iterates ends the connection with that; `signal` does so at any time. */
export async function download(address: string, { filter, signal, headers = {}, known }: Fetching): Promise<Download> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(filter.max_seconds * 1000)]);
  let url = new URL(address);
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const isKnown = url.origin === known;
    if (!isKnown && !isAllowed(url, filter)) throw new Unreachable(`${hop === 0 ? 'The address' : 'A redirect'} to ${url.protocol}//${url.host} is not allowed`);
    // What is for one server is not told to another: redirects go without.
    const reply = await ask(url, { filter: isKnown ? undefined : filter, signal: bounded, headers: hop === 0 ? headers : {} });
    const status = reply.statusCode ?? 0;
    const next = reply.headers.location;
    if (status >= 300 && status < 400 && next !== undefined) {
      reply.destroy();
      if (!URL.canParse(next, url)) throw new Unreachable(`${url.host} redirects to what is no address`);
      url = new URL(next, url);
      continue;
    }
    if (status !== 200) {
      reply.destroy();
      throw new Unreachable(`${url.host} answers with ${status}`, { retryable: status >= 500 });
    }
    const length = reply.headers['content-length'];
    const sizeBytes = length === undefined ? undefined : Number(length);
    if (sizeBytes !== undefined && sizeBytes > filter.max_bytes) {
      reply.destroy();
      throw new Unreachable(`${url.host} has ${sizeBytes} bytes there, and ${filter.max_bytes} are allowed`);
    }
    return { bytes: whole(reply, { host: url.host, sizeBytes, mostBytes: filter.max_bytes }), sizeBytes };
  }
  throw new Unreachable(`${url.host} redirects too often`);
}

async function* whole(reply: IncomingMessage, { host, sizeBytes, mostBytes }: { host: string; sizeBytes: number | undefined; mostBytes: number }): AsyncGenerator<Uint8Array> {
  let count = 0;
  try {
    for await (const chunk of reply as AsyncIterable<Buffer>) {
      count += chunk.length;
      if (count > mostBytes) throw new Unreachable(`${host} sends more than the ${mostBytes} bytes that are allowed`);
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof Unreachable) throw cause;
    throw new Unreachable(`The download from ${host} was interrupted after ${count} bytes`, { retryable: true, cause });
  }
  if (sizeBytes !== undefined && count < sizeBytes) throw new Unreachable(`${host} ended after ${count} of ${sizeBytes} bytes`, { retryable: true });
}

async function ask(url: URL, { filter, signal, headers }: { filter: Filter | undefined; signal: AbortSignal; headers: Record<string, string> }): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const address = await allowedAddress(host, filter?.allowed_networks);
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send({
      // The address that was looked at, and no other: the name is not asked for again.
      host: address,
      port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
      path: `${url.pathname}${url.search}`,
      headers: { 'user-agent': 'intercloud', 'accept-encoding': 'identity', ...headers, host: url.host },
      ...(isIP(host) === 0 ? { servername: host } : {}),
      agent: false,
      signal,
    });
    const waiting = setTimeout(() => request.destroy(new Unreachable(`${url.host} does not answer`, { retryable: true })), connectMs);
    request.setTimeout(silenceMs, () => request.destroy(new Unreachable(`${url.host} says nothing any more`, { retryable: true })));
    request.once('response', (reply) => {
      clearTimeout(waiting);
      resolve(reply);
    });
    request.once('error', (cause) => {
      clearTimeout(waiting);
      reject(cause instanceof Unreachable ? cause : new Unreachable(`${url.host} cannot be reached`, { retryable: true, cause }));
    });
    request.end();
  });
}

/** Every address of the name has to be public: one that is not tells of somebody who tries. */
async function allowedAddress(host: string, allowedNetworks: readonly string[] | undefined): Promise<string> {
  const addresses = isIP(host) !== 0 ? [host] : await resolved(host);
  if (allowedNetworks === undefined) return addresses[0]!;
  const allowed = blocks(allowedNetworks);
  for (const address of addresses) if (!isPublic(address) && !contains(allowed, address)) throw new Unreachable(`${host} is not at a public address`);
  return addresses[0]!;
}

async function resolved(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    throw new Unreachable(`${host} is not known`, { retryable: true, cause });
  }
}

/** What the registry of special addresses keeps for other ends than the public internet: IANA, RFC 6890. */
const special = blocks([
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24',
  '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
]);
/** Of the sixth version only what is given to somebody is public, and not what tunnels to the fourth. */
const global = blocks(['2000::/3']);
const tunnels = blocks(['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);

export function isPublic(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPublic(mapped);
  return isIP(address) === 4 ? !contains(special, address) : contains(global, address) && !contains(tunnels, address);
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

function blocks(wanted: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of wanted) {
    const [address = '', length] = block.split('/');
    list.addSubnet(address, Number(length), isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
