/**
 * A partner's cloud as a client of our own contracts: tokens, catalog, and one way in which every call is sent.
 *
 * Every call has a timeout. What only reads is asked again; of what changes something and was not answered,
 * the outcome is unknown, and is said to be. Not more calls than agreed are under way at once.
 */
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { createClient, Refused, type Client } from '../../contract/client.ts';
import { compute } from '../../contract/compute/service.ts';
import { compareVersions, type Service } from '../../contract/contract.ts';
import { identity } from '../../contract/identity/service.ts';
import { image } from '../../contract/image/service.ts';
import { network } from '../../contract/network/service.ts';
import { volume } from '../../contract/volume/service.ts';
import type { Clock } from '../../kit/clock.ts';
import { DriverError } from '../driver.ts';
import { UnknownOutcome } from './refusals.ts';

/** An application credential belongs to one project: all that is ours is then made in that one. */
export type Credential =
  | { kind: 'password'; user: string; password: string; /** Where its rights to make projects are; without, in the domain of our projects. */ project?: { name: string; domain: string } }
  | { kind: 'application-credential'; id: string; secret: string };

export type PartnerOptions = {
  authUrl: string;
  region: string;
  credential: Credential;
  /** The domain of the user, by name. */
  userDomain: string;
  /** The domain there in which our projects are. */
  domainId: string;
  interface?: 'public' | 'internal';
  clock: Clock;
  fetch?: typeof fetch;
  timeoutMs?: number;
  /** How many calls may be under way at once. */
  concurrency?: number;
  /** How often what only reads is asked when it is not answered: three times, with pauses, unless told. */
  attempts?: number;
};

/** The services as seen from one project there. */
export type Services = {
  readonly userId: string;
  readonly projectId: string | null;
  readonly roles: readonly string[];
  /** The microversion that is spoken, the newest that both know of those that this driver was written for. */
  readonly versions: { compute: string; volume: string };
  readonly identity: Client<typeof identity>;
  readonly compute: Client<typeof compute>;
  /** The same in a later microversion, for what only that can say; undefined when the partner's is older. */
  computeAt(version: string): Client<typeof compute> | undefined;
  readonly network: Client<typeof network>;
  readonly image: Client<typeof image>;
  readonly volume: Client<typeof volume>;
  /** Any other service of the catalog; undefined when there is none of its type. */
  other<const S extends Service>(service: S): Client<S> | undefined;
  /** Writes an image's bytes to a file. */
  download(imageId: string, path: string): Promise<void>;
};

export type Partner = {
  readonly perProject: boolean;
  /** As whoever may make projects. */
  own(): Promise<Services>;
  in(projectId: string): Promise<Services>;
};

/** With these it was written and tried; an older cloud is spoken to as it can. */
const NEWEST = { compute: '2.37', volume: '3.59' };
const ATTEMPTS = 3;
const MOST_REDIRECTS = 3;
const MINUTE = 60_000;

type Scope = { project: { id: string } } | { project: { name: string; domain: { name: string } } } | { domain: { id: string } } | undefined;
type Session = { token: string; until: number; userId: string; projectId: string | null; roles: string[]; endpoints: { type: string; url: string }[] };

export function openPartner(options: PartnerOptions): Partner {
  const { credential, clock, timeoutMs = MINUTE, attempts = ATTEMPTS } = options;
  const send = staying(options.fetch ?? fetch);
  const slots = semaphore(options.concurrency ?? 8);
  const authUrl = withVersion(options.authUrl, 'v3');
  const known = new Map<string, Promise<Services>>();

  /** Sends one call, and what comes back is here whole. */
  async function exchange(address: string, init: RequestInit, { limitMs = timeoutMs, reading = isReading(init.method) } = {}): Promise<Response> {
    const what = `${init.method ?? 'GET'} ${address}`;
    for (let attempt = 1; ; attempt++) {
      const answer = await slots.run(() => answered(send(address, { ...init, signal: AbortSignal.timeout(limitMs) }), limitMs)).catch((cause: unknown) => new Unanswered(`${what} was not answered`, { cause }));
      if (!(answer instanceof Unanswered) && answer.status < 500) return answer;
      const why = answer instanceof Unanswered ? answer.message : `${what} was answered with ${answer.status}`;
      const cause = answer instanceof Unanswered ? answer.cause : undefined;
      if (!reading) throw new UnknownOutcome(why, { cause });
      if (attempt >= attempts) throw new DriverError('unavailable', why, { cause });
      await clock.after(100 * attempt);
    }
  }

  async function authenticate(scope: Scope): Promise<Session> {
    const methods = credential.kind === 'password'
      ? { methods: ['password'], password: { user: { name: credential.user, domain: { name: options.userDomain }, password: credential.password } } }
      : { methods: ['application_credential'], application_credential: { id: credential.id, secret: credential.secret } };
    // A token too many harms nobody: it may be asked for again.
    const client = createClient(identity, { endpoint: authUrl, fetch: ((address: string, init: RequestInit) => exchange(address, init, { reading: true })) as typeof fetch });
    const reply = await client.tokens.create({ body: { auth: { identity: methods, ...(scope ? { scope } : {}) } } }).catch((cause: unknown) => {
      // A password that is wrong now may be right when the operator has mended it.
      if (cause instanceof Refused) throw new DriverError('unavailable', `The partner lets us in no more: ${cause.message}`, { cause });
      throw cause;
    });
    const { token } = reply.body;
    const endpoints = (token.catalog ?? []).flatMap(({ type, endpoints: places }) =>
      places.filter((place) => (place.region_id ?? place.region) === options.region && place.interface === (options.interface ?? 'public')).map(({ url }) => ({ type, url })),
    );
    return { token: reply.headers.get('x-subject-token') ?? '', until: Date.parse(token.expires_at), userId: token.user.id, projectId: token.project?.id ?? null, roles: (token.roles ?? []).map(({ name }) => name), endpoints };
  }

  /** A token that is kept, and renewed before it ends or when it is refused. */
  function sessionOf(scope: Scope) {
    let current: Promise<Session> | undefined;
    const renew = () => {
      const next = authenticate(scope);
      current = next;
      // What failed is not kept: the next who asks tries anew.
      next.catch(() => {
        if (current === next) current = undefined;
      });
      return next;
    };
    const get = async () => {
      const session = await (current ?? renew());
      return session.until - clock.now().getTime() > 5 * MINUTE ? session : renew();
    };
    return { get, renew };
  }

  async function open(scope: Scope): Promise<Services> {
    const session = sessionOf(scope);
    const { endpoints, userId, projectId, roles } = await session.get();

    const authorized = async (address: string, init: RequestInit = {}) => {
      // Bytes that are streamed up take as long as they take, and can be sent only once.
      const limitMs = isStreamed(init) ? 60 * MINUTE : timeoutMs;
      const reply = await exchange(address, init, { limitMs });
      if (reply.status !== 401 || isStreamed(init)) return reply;
      // It was not let in, so it did nothing.
      const { token } = await session.renew();
      return exchange(address, { ...init, headers: { ...(init.headers as Record<string, string>), 'x-auth-token': token } }, { limitMs });
    };
    const client = <S extends Service>(service: S, endpoint: string, version?: string): Client<S> =>
      createClient<Service>(service, { endpoint, token: async () => (await session.get()).token, fetch: authorized as typeof fetch, ...(version === undefined ? {} : { version }) }) as unknown as Client<S>;
    const endpointOf = (version: string, ...types: string[]) => {
      const found = types.flatMap((type) => endpoints.filter((each) => each.type === type))[0];
      // A token without a project has no catalog: it is good for identity alone.
      if (!found && projectId === null) return '';
      if (!found) throw new DriverError('invalid', `The partner has no ${types[0]} service in region ${options.region}`);
      return withVersion(found.url, version);
    };
    /** The newest that the service speaks. */
    const newestAt = async (endpoint: string): Promise<string> => {
      const { token } = await session.get();
      const root = endpoint.replace(/(\/v[\d.]+)\/.*$/, '$1');
      // The one wants the slash, the other will not have it.
      for (const address of [`${root}/`, root]) {
        const reply = await exchange(address, { headers: { 'x-auth-token': token, accept: 'application/json' } });
        const theirs = /"version": ?"(\d+\.\d+)"/.exec(await reply.text())?.[1];
        if (theirs !== undefined) return theirs;
      }
      throw new DriverError('invalid', `The partner does not say which versions there are at ${root}`);
    };

    const urls = { compute: endpointOf('v2.1', 'compute'), network: endpointOf('v2.0', 'network'), image: endpointOf('v2', 'image'), volume: endpointOf('v3', 'volumev3', 'block-storage', 'volume') };
    const theirs = { compute: urls.compute === '' ? NEWEST.compute : await newestAt(urls.compute), volume: urls.volume === '' ? NEWEST.volume : await newestAt(urls.volume) };
    const versions = { compute: older(theirs.compute, NEWEST.compute), volume: older(theirs.volume, NEWEST.volume) };
    return {
      userId, projectId, roles, versions,
      identity: client(identity, authUrl),
      compute: client(compute, urls.compute, versions.compute),
      computeAt: (version) => (compareVersions(theirs.compute, version) < 0 ? undefined : client(compute, urls.compute, version)),
      network: client(network, urls.network),
      image: client(image, urls.image),
      volume: client(volume, urls.volume, versions.volume),
      other(service) {
        const found = endpoints.find(({ type }) => type === service.type);
        return found && client(service, found.url);
      },
      async download(imageId, path) {
        const { token } = await session.get();
        const what = `The bytes of image ${imageId}`;
        try {
          const reply = await slots.run(() => send(`${urls.image}/images/${imageId}/file`, { headers: { 'x-auth-token': token }, signal: AbortSignal.timeout(60 * MINUTE) }));
          if (reply.status === 204 || !reply.ok || !reply.body) throw new DriverError(reply.status === 404 ? 'missing' : 'unavailable', `${what} were answered with ${reply.status}`);
          // The intake reads it as another user.
          await pipeline(reply.body as ReadableStream<Uint8Array>, createWriteStream(path, { mode: 0o644 }));
        } catch (cause) {
          if (cause instanceof DriverError) throw cause;
          throw new DriverError('unavailable', `${what} did not come whole`, { cause });
        }
      },
    };
  }

  function kept(name: string, scope: Scope): Promise<Services> {
    const services = known.get(name) ?? open(scope);
    known.set(name, services);
    services.catch(() => known.get(name) === services && known.delete(name));
    return services;
  }

  const own: Scope = credential.kind === 'application-credential' ? undefined : credential.project ? { project: { name: credential.project.name, domain: { name: credential.project.domain } } } : { domain: { id: options.domainId } };
  return {
    perProject: credential.kind === 'password',
    own: () => kept('own', own),
    in: (projectId) => (credential.kind === 'password' ? kept(projectId, { project: { id: projectId } }) : kept('own', own)),
  };
}

/** Who follows a redirect brings our token along, or our password: only what reads is sent on, and only to who has it already (ATTACKS 38). */
function staying(send: typeof fetch): (address: string, init: RequestInit) => Promise<Response> {
  return async (address, init) => {
    for (let from = address, turns = 0; ; turns++) {
      const reply = await send(from, { ...init, redirect: 'manual' });
      const place = [301, 302, 303, 307, 308].includes(reply.status) ? reply.headers.get('location') : null;
      if (place === null) return reply;
      await reply.body?.cancel();
      const to = new URL(place, from);
      if (to.origin !== new URL(from).origin || !isReading(init.method) || turns >= MOST_REDIRECTS) throw new Error(`${from} sends us to ${to.origin}, where we do not go`);
      from = to.href;
    }
  };
}

class Unanswered extends Error {}

/** The answer with all its bytes, or none: a connection may be cut in the middle of them. */
async function answered(sending: Promise<Response>, limitMs: number): Promise<Response> {
  const whole = (async () => {
    const reply = await sending;
    const bytes = await reply.arrayBuffer();
    const isEmpty = reply.status === 204 || reply.status === 304 || bytes.byteLength === 0;
    return new Response(isEmpty ? null : bytes, { status: reply.status, headers: reply.headers });
  })();
  const signal = AbortSignal.timeout(limitMs);
  return Promise.race([whole, new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }))]);
}

function older(one: string, other: string): string {
  return compareVersions(one, other) < 0 ? one : other;
}

function isReading(method = 'GET'): boolean {
  return method === 'GET' || method === 'HEAD';
}

function isStreamed({ body }: RequestInit): boolean {
  return body !== null && body !== undefined && typeof body !== 'string';
}

/** Catalogs name a service with its version or without. */
function withVersion(url: string, version: string): string {
  const plain = url.replace(/\/+$/, '');
  return /\/v\d+(\.\d+)?(\/|$)/.test(plain) ? plain : `${plain}/${version}`;
}

function semaphore(count: number) {
  const waiting: (() => void)[] = [];
  let free = count;
  return {
    async run<T>(work: () => Promise<T>): Promise<T> {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next) next();
        else free++;
      }
    },
  };
}
