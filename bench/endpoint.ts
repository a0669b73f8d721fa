/** Any OpenStack-compatible cloud, or a Swift that stands alone, as a load generator sees it: a token, a catalog, requests. */
import { Agent as PlainAgent, request as plainRequest, type IncomingHttpHeaders } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';

export type Credentials = { authUrl: string; username: string; password: string; project: string; userDomain: string; projectDomain: string; region?: string };

export type Reply<T = unknown> = { status: number; body: T; headers: IncomingHttpHeaders };

export type Endpoint = {
  name: string;
  token: string;
  credentials: Credentials;
  /** Asks a service of the catalog; throws unless the status is one of success. */
  ask<T>(service: string, method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply<T>>;
  issueToken(): Promise<string>;
  /** Where a service of the catalog is. */
  urlOf(service: string): string;
};

type Catalog = { type: string; endpoints: { interface: string; region: string; url: string }[] }[];

export async function connectEndpoint(name: string, credentials: Credentials): Promise<Endpoint> {
  const { token, catalog } = await authenticate(credentials);
  const urlOf = (service: string): string => {
    if (service === 'identity') return identityUrl(credentials.authUrl);
    const types = service === 'volume' ? ['block-storage', 'volumev3'] : [service];
    const found = catalog.find(({ type }) => types.includes(type))?.endpoints.find((endpoint) => endpoint.interface === 'public' && (credentials.region === undefined || endpoint.region === credentials.region));
    if (!found) throw new Error(`${name} has no public endpoint for ${service}`);
    const url = found.url.replace(/\/$/, '');
    const version = { network: 'v2.0', image: 'v2' }[service];
    return version === undefined || url.endsWith(`/${version}`) ? url : `${url}/${version}`;
  };
  const urls = new Map<string, string>();
  return {
    name,
    token,
    credentials,
    urlOf,
    issueToken: async () => (await authenticate(credentials)).token,
    async ask<T>(service: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
      const url = urls.get(service) ?? urlOf(service);
      urls.set(service, url);
      const { status, text, headers: answered } = await send(method, `${url}${path}`, { 'x-auth-token': token, ...headers }, body);
      if (status < 200 || status > 299) throw new Error(`${name}: ${method} ${service}${path} answered ${status}: ${text.slice(0, 300)}`);
      return { status, headers: answered, body: (text !== '' && isJson(answered) ? JSON.parse(text) : undefined) as T };
    },
  };
}

// `fetch` would use as much of the processors as what it measures.
const plain = new PlainAgent({ keepAlive: true, maxSockets: 64 });
const secure = new SecureAgent({ keepAlive: true, maxSockets: 64 });
const answerWithinMs = 300_000;

/** One request; whatever is answered is no error here. */
export function send(method: string, url: string, headers: Record<string, string>, body?: unknown, ownAgent?: PlainAgent): Promise<{ status: number; text: string; headers: IncomingHttpHeaders }> {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const isSecure = url.startsWith('https:');
  return new Promise((resolve, reject) => {
    const request = (isSecure ? secureRequest : plainRequest)(
      url,
      {
        method,
        agent: ownAgent ?? (isSecure ? secure : plain),
        timeout: answerWithinMs,
        headers: { accept: 'application/json', ...(bytes ? { 'content-type': 'application/json', 'content-length': String(bytes.length) } : {}), ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8'), headers: response.headers }));
      },
    );
    request.on('timeout', () => request.destroy(new Error(`${method} ${url} was not answered in ${answerWithinMs / 1000} s`)));
    // The server has given up a connection that was kept alive, as this was on its way.
    request.on('error', (error: NodeJS.ErrnoException) => (request.reusedSocket && error.code === 'ECONNRESET' ? resolve(send(method, url, headers, body, ownAgent)) : reject(error)));
    request.end(bytes);
  });
}

/** From the variables that every client reads: OS_AUTH_URL, OS_USERNAME, … */
export function credentialsFrom(environment: Record<string, string | undefined>): Credentials {
  const need = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === '') throw new Error(`${name} is not set: load the other cloud's openrc first`);
    return value;
  };
  return {
    authUrl: need('OS_AUTH_URL'),
    username: need('OS_USERNAME'),
    password: need('OS_PASSWORD'),
    // A Swift alone has accounts, and each user one.
    project: isSwiftAlone(need('OS_AUTH_URL')) ? '' : need('OS_PROJECT_NAME'),
    userDomain: environment['OS_USER_DOMAIN_NAME'] ?? 'Default',
    projectDomain: environment['OS_PROJECT_DOMAIN_NAME'] ?? 'Default',
    ...(environment['OS_REGION_NAME'] === undefined ? {} : { region: environment['OS_REGION_NAME'] }),
  };
}

async function authenticate(credentials: Credentials): Promise<{ token: string; catalog: Catalog }> {
  return isSwiftAlone(credentials.authUrl) ? authenticateAtSwift(credentials) : authenticateAtIdentity(credentials);
}

/** swift/common/middleware/tempauth.py */
async function authenticateAtSwift({ authUrl, username, password }: Credentials): Promise<{ token: string; catalog: Catalog }> {
  const { status, headers } = await send('GET', authUrl, { 'x-auth-user': username, 'x-auth-key': password });
  const [token, url] = [headers['x-auth-token'], headers['x-storage-url']];
  if (typeof token !== 'string' || typeof url !== 'string') throw new Error(`${authUrl} gave no token: ${status}`);
  return { token, catalog: [{ type: 'object-store', endpoints: [{ interface: 'public', region: '', url }] }] };
}

async function authenticateAtIdentity({ authUrl, username, password, project, userDomain, projectDomain }: Credentials): Promise<{ token: string; catalog: Catalog }> {
  const { status, text, headers } = await send('POST', `${identityUrl(authUrl)}/auth/tokens`, {}, {
    auth: {
      identity: { methods: ['password'], password: { user: { name: username, domain: { name: userDomain }, password } } },
      scope: { project: { name: project, domain: { name: projectDomain } } },
    },
  });
  const token = headers['x-subject-token'];
  if (status !== 201 || typeof token !== 'string') throw new Error(`${authUrl} gave no token: ${status} ${text.slice(0, 300)}`);
  return { token, catalog: (JSON.parse(text) as { token: { catalog: Catalog } }).token.catalog };
}

function isSwiftAlone(authUrl: string): boolean {
  return /\/auth\/v1(\.0)?\/?$/.test(authUrl);
}

function isJson(headers: IncomingHttpHeaders): boolean {
  return /^application\/(\w+\+)?json/.test(headers['content-type'] ?? '');
}

/** With the version, however the other cloud's openrc wrote it. */
function identityUrl(authUrl: string): string {
  return `${authUrl.replace(/\/+$/, '').replace(/\/v3$/, '')}/v3`;
}
