/** A typed client for any contract: `client.servers.show({ params: { server_id } })`. */
import { compareVersions, type BodyOf, type Operation, type Operations, type QueryOf, type ResponseOf, type Service } from './contract.ts';

type ParamNames<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | ParamNames<Rest> : never;

export type CallOptions<O extends Operation> = {
  params?: { [N in ParamNames<O['path']>]: string };
  query?: Partial<QueryOf<O>> & Record<string, unknown>;
  body?: BodyOf<O>;
  headers?: Record<string, string>;
};

export type Replied<T> = { status: number; headers: Headers; body: T };

export type Client<S extends Service> = {
  readonly [N in keyof S['nouns']]: S['nouns'][N] extends Operations ? { readonly [K in keyof S['nouns'][N]]: (options?: CallOptions<S['nouns'][N][K]>) => Promise<Replied<ResponseOf<S['nouns'][N][K]>>> } : never;
};

/** A refusal, as it came. */
export class Refused extends Error {
  override name = 'Refused';
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;

  constructor(what: string, status: number, body: unknown, headers: Headers) {
    super(`${what} was refused with ${status}: ${typeof body === 'string' ? body : JSON.stringify(body)}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** Where the service is: at a cloud of ours (`http://host:port`), or where a catalog says that its operations begin. */
type Place = { base: string; endpoint?: never } | { endpoint: string; base?: never };

export type ClientOptions = Place & {
  token?: () => Promise<string> | string;
  /** A microversion; the service's lowest without. */
  version?: string;
  fetch?: typeof fetch;
};

export function createClient<const S extends Service>(service: S, options: ClientOptions): Client<S> {
  const nouns = Object.entries(service.nouns).map(([noun, operations]) => {
    const calls = Object.entries(operations).map(([name, operation]) => [name, (given: Given = {}) => call(service, `${noun}.${name}`, operation, given, options)]);
    return [noun, Object.fromEntries(calls)];
  });
  return Object.fromEntries(nouns) as Client<S>;
}

type Given = { params?: Record<string, string>; query?: Record<string, unknown>; body?: unknown; headers?: Record<string, string> };

async function call(service: Service, id: string, operation: Operation, given: Given, options: ClientOptions): Promise<Replied<unknown>> {
  const { base, endpoint, token, version, fetch: send = fetch } = options;
  const headers: Record<string, string> = { accept: 'application/json', ...given.headers };
  if (token) headers['x-auth-token'] = await token();
  if (version !== undefined && service.microversions) headers['openstack-api-version'] = `${service.microversions.name} ${spoken(operation, version)}`;
  const streamed = operation.body === 'stream';
  if (given.body !== undefined) headers['content-type'] ??= streamed ? 'application/octet-stream' : (operation.consumes?.[0] ?? 'application/json');
  const response = await send(addressBelow(endpoint ?? `${base}${service.path}`, operation, given), {
    method: operation.method,
    headers,
    ...(given.body === undefined ? {} : { body: streamed ? (given.body as string) : JSON.stringify(given.body), ...(streamed ? { duplex: 'half' } : {}) }),
  } as RequestInit);
  const text = await response.text();
  const body: unknown = response.headers.get('content-type')?.includes('json') && text !== '' ? JSON.parse(text) : text === '' ? undefined : text;
  if (!response.ok && response.status !== 300) throw new Refused(`${service.type} ${id}`, response.status, body, response.headers);
  return { status: response.status, headers: response.headers, body };
}

/** What ended is asked for as it last was. */
function spoken({ until }: Operation, version: string): string {
  return until !== undefined && compareVersions(until, version) < 0 ? until : version;
}

export function addressOf(base: string, service: Service, operation: Operation, given: Pick<Given, 'params' | 'query'>): string {
  return addressBelow(`${base}${service.path}`, operation, given);
}

function addressBelow(root: string, operation: Operation, given: Pick<Given, 'params' | 'query'>): string {
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string, at: number) => {
    const value = given.params?.[name] ?? '';
    const isRest = operation.rest === true && at + name.length + 2 === operation.path.length;
    return isRest ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value);
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given.query ?? {}))
    for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined) query.append(name, String(each));
  const text = query.toString();
  return `${root}${path}${text === '' ? '' : `?${text}`}`;
}
