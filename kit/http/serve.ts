/**
 * The one door of all services: finds the operation, learns who calls, and hands the request to `perform`.
 * Knows no service; what differs between them is data in their contracts.
 */
import type { IncomingHttpHeaders, IncomingMessage, Server } from 'node:http';
import { Readable } from 'node:stream';
import type { SecureContext } from 'node:tls';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteOptions } from 'fastify';
import type { DiscoveryPage, Operation, Service } from '../../contract/contract.ts';
import type { Clock, Random } from '../clock.ts';
import { createDenials } from '../denials.ts';
import { createEventStream, type EventStream } from '../events/stream.ts';
import { badRequest, Fault, notFound } from '../fault.ts';
import type { Log } from '../log.ts';
import type { Database } from '../postgres/database.ts';
import { createPolicy, Denial, type Rules } from '../policy/policy.ts';
import { nobody, type Authenticate, type Caller } from './caller.ts';
import type { Implementation } from './implement.ts';
import { rateLimiter, type RateLimit } from './rate.ts';
import { faultOf, refuse } from './refusal.ts';
import { pageHeaders, serveSockets } from './sockets.ts';
import { absent, endpoint, notAllowed, perform, type Endpoint, type Incoming, type Outgoing } from './route.ts';
import { titleHeaders } from './titled-headers.ts';
import { negotiate, negotiated, versionHeaders } from './versions.ts';
import { watch } from './watch.ts';

export type ServeOptions = {
  implementations: readonly Implementation[];
  authenticate: Authenticate;
  clock: Clock;
  random: Random;
  log: Log;
  rateLimit?: RateLimit;
  /** The operator's own rules, in the place of those that the services come with. */
  rules?: Rules;
  tls?: { key: string; cert: string; /** Of other names than the usual one. */ contextOf?: (name: string) => SecureContext | undefined };
  /** `http://host:port` to write in links, when clients reach the cloud by another name than they send in Host. */
  publicUrl?: string;
  /** Where a request is routed that does not come to where its service is: by its host's name, or because it says whose it is. */
  routedTo?: (request: { method: string; url: string; headers: IncomingHttpHeaders }) => string;
  /** Whom to ask for help, by the name of the host that a client asked; it does not throw. */
  contactAt?: (hostName: string) => Promise<Contact | undefined>;
};

export type Contact = { name: string; support: string };

export type Door = {
  readonly app: FastifyInstance;
  /** The address that it listens at. */
  listen(at: { host: string; port: number }): Promise<string>;
  /** Takes no new requests, lets those under way finish, ends the watches. */
  drain(): Promise<void>;
};

const defaultRateLimit: RateLimit = { perSecond: 2000, burst: 4000 };
const defaultBodyBytes = 1024 * 1024;

/** What is known of a request before its operation runs. */
type Arrival = { requestId: string; caller: Caller; service: Service };

export function createDoor(options: ServeOptions): Door {
  const stopping = new AbortController();
  const limiter = rateLimiter(options.rateLimit ?? defaultRateLimit, options.clock);
  const ofAll = <T>(pick: (service: Service) => T) => Object.assign({}, ...options.implementations.map(({ service }) => pick(service))) as NonNullable<T>;
  const policy = createPolicy(ofAll(({ policy }) => policy), options.rules, ofAll(({ scopeTypes }) => scopeTypes));
  const denials = createDenials(options);
  const signatures = new Map(options.implementations.map(({ service, identify, open }) => [service, { identify, open }]));
  const databases = new Map(options.implementations.map(({ service, database }) => [service, database]));
  const streams = new Map<Database, Promise<EventStream>>();
  const underWay = new Set<AbortController>();
  const arrivals = new WeakMap<FastifyRequest, Arrival>();
  const app = fastify({
    https: options.tls ? secured(options.tls) : null,
    logger: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 4096 },
    bodyLimit: defaultBodyBytes,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    exposeHeadRoutes: false,
    rewriteUrl: ({ method = '', url = '/', headers }: IncomingMessage) => asPromised(options.routedTo?.({ method, url, headers }) ?? url),
    // An address that cannot be decoded never reaches a route, nor its error handler.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => sendRefusal(request, reply, error),
  } as object) as unknown as FastifyInstance;

  const lenient = options.implementations.map(({ service }) => service).filter(({ readPath }) => readPath !== undefined);
  const asPromised = (url: string) => {
    const service = lenient.find(({ path }) => url.startsWith(`${path}/`));
    if (service === undefined) return url;
    const end = url.indexOf('?');
    return end < 0 ? service.readPath!(url) : service.readPath!(url.slice(0, end)) + url.slice(end);
  };

  app.addHttpMethod('COPY');
  readBodies(app, (request) => arrivals.get(request)?.service.notJson);
  app.setErrorHandler((error, request, reply) => sendRefusal(request, reply, error));
  app.setNotFoundHandler((request, reply) => sendRefusal(request, reply, notFound('The resource could not be found.')));
  app.get('/', { config: {} }, (request, reply) => reply.send({ services: options.implementations.map(({ service }) => ({ type: service.type, name: service.name, href: `${baseOf(request)}${service.root}` })) }));
  for (const implementation of options.implementations) serveService(implementation);
  serveSockets(app.server as Server, { routes: options.implementations.flatMap(({ sockets }) => sockets ?? []), log: options.log, stopping: stopping.signal });
  return {
    app,
    listen: (at) => app.listen(at),
    async drain() {
      stopping.abort();
      for (const each of underWay) each.abort();
      // A connection that is kept alive becomes idle after its last reply, and would be waited for.
      const sweep = setInterval(() => app.server.closeIdleConnections(), 50);
      await app.close();
      clearInterval(sweep);
      for (const stream of streams.values()) await (await stream).close();
      await denials.close();
    },
  };

  function serveService(implementation: Implementation): void {
    const { service, handlers, database } = implementation;
    for (const page of service.discovery)
      app.route({
        method: ['GET', 'HEAD'],
        url: page.path,
        handler: (request, reply) => discover(service, page, request, reply),
      });
    for (const { path, contentType, read } of implementation.pages ?? []) app.get(path, async (_request, reply) => reply.headers(pageHeaders).type(contentType).send(await read()));
    const paths = new Map<string, Endpoint[]>();
    const nouns = new Map<string, Record<string, Endpoint>>();
    for (const [noun, operations] of Object.entries(service.nouns)) {
      const endpoints: Record<string, Endpoint> = {};
      for (const [name, operation] of Object.entries(operations)) {
        const handler = handlers[noun]?.[name];
        if (!handler) throw new Error(`${service.type} has no handler for ${noun}.${name}`);
        const made = endpoint(service, noun, name, operation as Operation, handler, database);
        endpoints[name] = made;
        const key = `${operation.method} ${operation.path}`;
        paths.set(key, [...(paths.get(key) ?? []), made]);
      }
      nouns.set(noun, endpoints);
    }
    for (const endpoints of paths.values()) {
      const { method, path } = endpoints[0]!.operation;
      const url = routeOf(endpoints[0]!.operation);
      const maxBodyBytes = Math.max(...endpoints.map(({ operation }) => operation.maxBodyBytes ?? defaultBodyBytes));
      const serve = (prefix: string) => ({
        method,
        url: `${prefix}${url}`,
        bodyLimit: endpoints.some(({ operation }) => operation.body === 'stream') ? Number.MAX_SAFE_INTEGER : maxBodyBytes,
        onRequest: (request: FastifyRequest, reply: FastifyReply) => {
          if (service.titledHeaders === true) titleHeaders(reply.raw);
          return service.strict === true ? arrive(request, service, endpoints).then(() => demandJson(request, endpoints[0]!)) : arrive(request, service, endpoints);
        },
        handler: (request: FastifyRequest, reply: FastifyReply) => answer(request, reply, endpoints, nouns, prefix),
      });
      const anyStream = endpoints.every(({ operation: { body, consumes } }) => body === 'stream' && consumes?.includes('*/*') === true);
      for (const start of service.olderPath === undefined ? [service.path] : [service.path, service.olderPath]) {
        if (anyStream) app.register(async (raw) => routeStream(raw, serve(start)));
        else app.route(serve(start));
        if (service.answersHead === true && method === 'GET' && !paths.has(`HEAD ${path}`)) app.route({ ...serve(start), method: 'HEAD' });
        if (service.projectInPath) app.route(serve(`${start}/:project_in_path`));
      }
    }
    if (service.strict === true) refuseOtherMethods(service, [...paths.values()].flat());
  }

  function refuseOtherMethods(service: Service, endpoints: readonly Endpoint[]): void {
    const refuseAt = (url: string, allowed: readonly string[], onRequest?: (request: FastifyRequest) => Promise<void>) =>
      app.route({ method: methods.filter((method) => !allowed.includes(method)), url, ...(onRequest ? { onRequest } : {}), handler: ({ method }) => Promise.reject(notAllowed(method, allowed.filter((each) => each !== 'HEAD'))) });
    for (const { path } of service.discovery) refuseAt(path, ['GET', 'HEAD']);
    for (const [url, here] of Map.groupBy(endpoints, ({ operation }) => `${service.path}${routeOf(operation)}`))
      refuseAt(url, here.map(({ operation: { method } }) => method), (request) => arrive(request, service, here));
  }

  function discover(service: Service, { status, document, contentType = 'application/json', headers, alternative, versioned }: DiscoveryPage, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const base = baseOf(request);
    const requestId = newRequestId(service);
    const version = versioned === true ? negotiate(service, request.headers) : undefined;
    reply.headers({ 'x-openstack-request-id': requestId, ...(service.transactionIds === true ? { 'x-trans-id': requestId } : {}), ...versionHeaders(service, version), ...headers?.(base, { version, now: options.clock.now() }), ...(alternative ? { vary: 'Accept' } : {}) });
    if (alternative && prefers(String(request.headers.accept ?? '*/*'), alternative.contentType, contentType)) return reply.code(200).type(alternative.contentType).send(JSON.stringify(alternative.document(base)));
    const shown = document(base);
    return reply.code(status).type(contentType).send(typeof shown === 'string' ? shown : JSON.stringify(shown));
  }

  /** Before a byte of the body is read. */
  async function arrive(request: FastifyRequest, service: Service, endpoints: Endpoint[]): Promise<void> {
    const arrival: Arrival = { requestId: newRequestId(service), caller: nobody, service };
    arrivals.set(request, arrival);
    arrival.caller = await callerOf(request, service);
    limiter.take(arrival.caller === nobody ? request.ip : (arrival.caller.projectId ?? arrival.caller.userId));
    if (arrival.caller === nobody && endpoints.every(({ operation: { access } }) => access.who !== 'anyone' && access.grantable !== true)) throw new Fault(401, 'unauthorized', 'The request you have made requires authentication.');
    if (service.slashAtEnd === 'unknown' && request.url.split('?')[0]!.endsWith('/')) throw notFound('The resource could not be found.');
    const project = (request.params as Record<string, string>)['project_in_path'];
    // nova/api/openstack/wsgi.py, cinder likewise: the project in the path must be the token's.
    if (project !== undefined && project !== arrival.caller.projectId && !arrival.caller.isAdmin) throw badRequest("Malformed request URL: URL's project_id doesn't match Context's project_id");
  }

  async function callerOf(request: FastifyRequest, service: Service): Promise<Caller> {
    const { headers, method, originalUrl } = request;
    return holderOf((await signatures.get(service)?.identify?.({ method, address: originalUrl, headers })) ?? headers['x-auth-token'], request, service);
  }

  async function holderOf(token: unknown, { method, url }: FastifyRequest, { type, root }: Service): Promise<Caller> {
    if (typeof token !== 'string' || token === '') return nobody;
    return (await options.authenticate(token, { service: type, root, method, path: url.split('?')[0]! })) ?? nobody;
  }

  /** The body of a page's form says who signed it, and has more in it than what is wanted. */
  async function opened(request: FastifyRequest, arrival: Arrival): Promise<unknown> {
    const { body, method, originalUrl: address } = request;
    const { open } = signatures.get(arrival.service) ?? {};
    if (!open || arrival.caller !== nobody || !(body instanceof Readable)) return body;
    const found = await open({ method, address, headers: headersOf(request) }, body);
    if (!found) return body;
    arrival.caller = await holderOf(found.token, request, arrival.service);
    return found.body;
  }

  async function answer(request: FastifyRequest, reply: FastifyReply, endpoints: Endpoint[], nouns: Map<string, Record<string, Endpoint>>, prefix: string): Promise<FastifyReply> {
    const arrival = arrivals.get(request)!;
    const given = await untyped(await opened(request, arrival), request, endpoints);
    const body = arrival.service.readBody?.(given) ?? given;
    const endpoint = chosen(endpoints, body);
    const { olderPath, microversions } = arrival.service;
    const version = olderPath !== undefined && (prefix === olderPath || prefix.startsWith(`${olderPath}/`)) ? microversions?.min : negotiate(arrival.service, request.headers);
    const signal = signalOf(reply);
    const { project_in_path: project, '*': _, ...params } = request.params as Record<string, string>;
    const rest = restOf(endpoint.operation, prefix, request.url);
    const incoming: Incoming = {
      caller: arrival.caller,
      requestId: arrival.requestId,
      now: options.clock.now(),
      random: options.random,
      policy,
      version,
      params: rest === undefined ? params : { ...params, ...rest },
      query: request.query as Record<string, string | string[]>,
      body,
      headers: headersOf(request),
      base: baseOf(request),
      address: request.originalUrl,
      path: request.url,
      prefix: project === undefined ? prefix : prefix.replace(':project_in_path', project),
      remoteAddress: request.ip,
      signal,
    };
    if (endpoint.operation.list && String(request.headers.accept).includes('text/event-stream')) {
      const again = async () => {
        const caller = await callerOf(request, arrival.service);
        return caller === nobody && arrival.caller !== nobody ? undefined : { ...incoming, caller, now: options.clock.now() };
      };
      const noun = [...nouns.values()].find((each) => Object.values(each).includes(endpoint)) ?? {};
      const events = await watch({ clock: options.clock, stream: await streamOf(endpoint.database), list: endpoint, noun, incoming, again });
      return reply.headers({ ...headersFor(arrival, version), 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).send(Readable.from(events));
    }
    const result = await perform(endpoint, incoming);
    return send(reply, result, { ...headersFor(arrival, version), ...deprecation(endpoint.operation) });
  }

  /** One for each request, not joined with that of all: such joints are left to the garbage collector, request by request. */
  function signalOf({ raw }: FastifyReply): AbortSignal {
    const left = new AbortController();
    if (stopping.signal.aborted) left.abort();
    underWay.add(left);
    raw.once('close', () => {
      underWay.delete(left);
      if (!raw.writableFinished) left.abort();
    });
    return left.signal;
  }

  /** Made for the first who watches. */
  function streamOf(database: Database): Promise<EventStream> {
    const { clock, log } = options;
    const stream = streams.get(database) ?? createEventStream({ database, clock, log });
    streams.set(database, stream);
    return stream;
  }

  async function sendRefusal(request: FastifyRequest, reply: FastifyReply, error: unknown): Promise<FastifyReply> {
    const contact = await options.contactAt?.(request.hostname.toLowerCase());
    const arrival = arrivals.get(request) ?? arrivalAt(request.url);
    let fault = faultOf(error);
    if (!fault) {
      options.log.error({ err: error, requestId: arrival.requestId, method: request.method, path: request.url.split('?')[0], userId: arrival.caller.userId, projectId: arrival.caller.projectId }, 'a request failed by our fault');
      fault = new Fault(500, 'computeFault', `Unexpected error. Report it to ${contact ? `${contact.name} (${contact.support})` : 'your provider'} with the request id ${arrival.requestId}.`);
    }
    if (fault.cause instanceof Denial) explain(fault.cause, arrival, request);
    const shaped = refuse(arrival.service, fault, arrival.requestId, String(request.headers.accept ?? ''));
    if (fault.status === 401) reply.header('www-authenticate', `Keystone uri="${baseOf(request)}/identity"`);
    // A body that was not read to its end would be taken for the next request.
    if (!request.raw.complete) reply.header('connection', 'close');
    if (contact) reply.header('x-support', contact.support);
    const told = contact && shaped.contentType === 'application/problem+json' ? { ...(shaped.body as object), support: contact.support } : shaped.body;
    const body = request.method === 'HEAD' ? undefined : typeof told === 'string' ? told : JSON.stringify(told);
    return reply
      .code(fault.status)
      .headers({ ...headersFor(arrival, versionOf(arrival.service, fault, request)), ...fault.headers, ...shaped.headers })
      .type(shaped.contentType ?? 'application/json')
      .send(body);
  }

  /** So that the operator can say why somebody was refused: `intercloud why <request id>` finds it. */
  function explain(denial: Denial, { requestId, caller, service }: Pick<Arrival, 'requestId' | 'caller'> & { service: Service | undefined }, request: FastifyRequest): void {
    const { rule, check, target } = denial;
    const { userId, projectId, domainId, system, roles } = caller;
    const database = service && databases.get(service);
    if (database) denials.note(database, { requestId, method: request.method, path: request.url.split('?')[0]!, source: request.ip, caller, denial });
    options.log.info({ requestId, rule, check, target, userId, projectId, domainId, system, roles: [...roles] }, 'denied');
  }

  function serviceAt(url: string): Service | undefined {
    const services = options.implementations.map(({ service }) => service);
    return services.find(({ root, olderPath = root }) => [root, olderPath].some((start) => url === start || url.startsWith(`${start}/`) || url.startsWith(`${start}?`)));
  }

  function arrivalAt(url: string): Omit<Arrival, 'service'> & { service: Service | undefined } {
    const service = serviceAt(url);
    return { requestId: newRequestId(service), caller: nobody, service };
  }

  function newRequestId(service?: Service): string {
    const id = options.random.uuid();
    if (service?.transactionIds !== true) return `req-${id}`;
    // swift/common/utils/__init__.py, generate_trans_id: by its second half an operator finds when it was.
    return `tx${id.replaceAll('-', '').slice(0, 21)}-${Math.floor(options.clock.now().getTime() / 1000).toString(16).padStart(10, '0')}`;
  }

  function baseOf(request: FastifyRequest): string {
    return options.publicUrl ?? `${request.protocol}://${request.host}`;
  }
}

/** A certificate that cannot be read is that of its name alone: the handshake fails. */
function secured({ contextOf, ...usual }: NonNullable<ServeOptions['tls']>) {
  if (!contextOf) return usual;
  return {
    ...usual,
    SNICallback(name: string, done: (error: Error | null, context?: SecureContext) => void) {
      try {
        done(null, contextOf(name));
      } catch (error) {
        done(error as Error);
      }
    },
  };
}

function routeOf({ path, rest }: Operation): string {
  const url = path.replaceAll(/\{(\w+)\}/g, ':$1');
  return rest === true ? url.replace(/:\w+$/, '*') : url;
}

/** The last parameter of a path that takes all that comes: as it was asked for, since the router drops a slash at its end. */
function restOf({ path, rest }: Operation, prefix: string, address: string): Record<string, string> | undefined {
  if (rest !== true) return undefined;
  const before = `${prefix}${path}`.split('/').length - 1;
  const [name = ''] = /\w+(?=\}$)/.exec(path) ?? [];
  return { [name]: decodeURIComponent(address.split('?')[0]!.split('/').slice(before).join('/')) };
}

/** Bytes of any type, or of none that can be read as one: the handler gets them as they come. */
function routeStream(app: FastifyInstance, route: RouteOptions): void {
  const { onRequest } = route;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.route({
    ...route,
    async onRequest(request, reply) {
      await (onRequest as (request: FastifyRequest, reply: FastifyReply) => Promise<void>)(request, reply);
      // Fastify refuses what is no media type, before any parser is asked.
      const { 'content-type': type, ...others } = request.headers;
      if (type === undefined) return;
      typesOfStreams.set(request, type);
      request.raw.headers = others;
    },
  });
}

const typesOfStreams = new WeakMap<FastifyRequest, string>();

function headersOf(request: FastifyRequest): Record<string, string | string[] | undefined> {
  const type = typesOfStreams.get(request);
  return type === undefined ? request.headers : { ...request.headers, 'content-type': type };
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Before the body is read, as placement does: handler.py, and util.py's require_content and check_accept */
function demandJson({ headers }: FastifyRequest, { operation, service, at }: Endpoint): void {
  const served = at(negotiate(service, headers));
  const [type] = (headers['content-type'] ?? '').split(';').map((part) => part.trim().toLowerCase());
  if (Number(headers['content-length']) > 0 && !type) throw badRequest('content-type header required when content-length > 0');
  if (!served) throw absent(operation);
  if (served.checkBody && !served.bodyOptional && type !== 'application/json') throw new Fault(415, 'badMediaType', `The media type ${type || 'None'} is not supported, use application/json`);
  const accept = headers.accept ?? '*/*';
  if (operation.response !== undefined && operation.method === 'GET' && !ours.some((each) => qualityIn(accept, each) > 0)) throw new Fault(406, 'notAcceptable', 'Only application/json is provided');
}

/** What any list may be asked for as, and any refusal. */
const ours = ['application/json', 'application/problem+json', 'text/event-stream'];

/** Nova and Cinder tell it with refusals too; who checks tokens knows of none. */
function versionOf(service: Service | undefined, { status }: Fault, { headers, url }: FastifyRequest): string | undefined {
  const older = service?.olderPath;
  return status === 401 || (older !== undefined && url.startsWith(`${older}/`)) ? undefined : negotiated(service, headers);
}

/** JSON is parsed here and leniently (some clients send no content type, or one with no body); bytes go on as a stream. */
function readBodies(app: FastifyInstance, wordsFor: (request: FastifyRequest) => Service['notJson']): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(/^application\/([\w.+-]*\+)?(json|openstack-images-v2\.[01]-json-patch|vnd\.openstack[\w.-]*)\b|^text\/plain/, { parseAs: 'string' }, (request, body, done) => {
    try {
      done(null, parse(body as string, wordsFor(request)));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
}

function parse(text: string, words?: Service['notJson']): unknown {
  if (text.trim() === '') return undefined;
  try {
    // A key named __proto__ stays an ordinary key (JSON.parse defines it as own) and no schema allows it.
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.slice(0, 100) : '';
    throw new Fault(400, 'badRequest', words?.(why) ?? `Malformed request body: it is not JSON (${why}).`, { cause });
  }
}

/** A body of which nobody says what it is, where JSON is wanted, is JSON: tempest's plugin for neutron sends no type. */
async function untyped(body: unknown, { headers }: FastifyRequest, endpoints: Endpoint[]): Promise<unknown> {
  if (!(body instanceof Readable) || headers['content-type'] !== undefined || endpoints.some(({ operation }) => operation.body === 'stream') || endpoints.every(({ operation }) => operation.body === undefined)) return body;
  const most = Math.max(...endpoints.map(({ operation }) => operation.maxBodyBytes ?? defaultBodyBytes));
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > most) throw new Fault(413, 'requestEntityTooLarge', 'Request body is too large');
    chunks.push(chunk);
  }
  return parse(Buffer.concat(chunks).toString());
}

/** The operation of this path that the body's first known key picks. */
function chosen(endpoints: Endpoint[], body: unknown): Endpoint {
  const first = endpoints[0]!;
  if (first.operation.action === undefined) {
    if (first.operation.body !== 'stream' && body instanceof Readable) {
      body.resume();
      // python-glanceclient says that nothing at all is bytes, wherever it sends nothing.
      if (first.operation.body === undefined) return first;
      throw new Fault(415, 'badMediaType', 'Unsupported Content-Type: this operation takes application/json.');
    }
    return first;
  }
  const keys = typeof body === 'object' && body !== null && !Array.isArray(body) && !(body instanceof Readable) ? Object.keys(body) : [];
  const found = keys.length === 1 ? endpoints.find(({ operation }) => operation.action === keys[0]) : undefined;
  // nova/api/openstack/wsgi.py, get_method and get_action_method.
  if (!found) throw badRequest(keys.length === 1 ? `There is no such action: ${String(keys[0]).slice(0, 60)}` : 'Malformed request body: it must be an object with the name of one action as its only key.');
  return found;
}

function headersFor(arrival: { requestId: string; service: Service | undefined }, version: string | undefined): Record<string, string> {
  return {
    'x-openstack-request-id': arrival.requestId,
    ...(arrival.service?.type === 'compute' ? { 'x-compute-request-id': arrival.requestId } : {}),
    ...(arrival.service?.transactionIds === true ? { 'x-trans-id': arrival.requestId } : {}),
    ...(arrival.service ? versionHeaders(arrival.service, version) : {}),
  };
}

/** RFC 9110, 12.5.1: whether one type is accepted more gladly than the other. */
function prefers(accept: string, one: string, other: string): boolean {
  return qualityIn(accept, one) > qualityIn(accept, other);
}

function qualityIn(accept: string, wanted: string): number {
  const ranges = accept.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    return { type, quality: Number(parameters.find((part) => part.startsWith('q='))?.slice(2) ?? 1) };
  });
  return [wanted, `${wanted.split('/')[0]}/*`, '*/*'].flatMap((each) => ranges.find(({ type }) => type === each)?.quality ?? [])[0] ?? 0;
}

function deprecation(operation: Operation): Record<string, string> {
  if (!operation.deprecation) return {};
  const { since, sunset } = operation.deprecation;
  return { deprecation: `@${Math.floor(Date.parse(since) / 1000)}`, ...(sunset === undefined ? {} : { sunset: new Date(sunset).toUTCString() }) };
}

function send(reply: FastifyReply, result: Outgoing, headers: Record<string, string>): FastifyReply {
  reply.code(result.status).headers({ ...headers, ...result.headers });
  if (result.replayed === true) reply.header('idempotent-replayed', 'true');
  if (result.body === undefined || result.body === null) return reply.send();
  if (result.body instanceof Readable) return reply.send(result.body);
  // Told as no body, it leaves the type that the handler gave to a reply that has none.
  if (result.body instanceof Uint8Array) return result.body.length === 0 ? reply.send() : reply.send(Buffer.from(result.body.buffer, result.body.byteOffset, result.body.byteLength));
  if (typeof result.body === 'object' && Symbol.asyncIterator in result.body) return reply.send(Readable.from(result.body as AsyncIterable<Uint8Array>));
  if (!('content-type' in result.headers)) reply.type('application/json');
  return reply.send(typeof result.body === 'string' ? result.body : JSON.stringify(result.body));
}
