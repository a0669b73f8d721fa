/** Any OpenStack-compatible cloud, as a load generator sees it: a token, a catalog, requests. */
export type Credentials = { authUrl: string; username: string; password: string; project: string; userDomain: string; projectDomain: string; region?: string };

export type Endpoint = {
  name: string;
  token: string;
  credentials: Credentials;
  /** Asks a service of the catalog; throws unless the status is one of success. */
  ask<T>(service: string, method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<{ status: number; body: T; headers: Headers }>;
  issueToken(): Promise<string>;
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
  return {
    name,
    token,
    credentials,
    issueToken: async () => (await authenticate(credentials)).token,
    async ask<T>(service: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
      const response = await fetch(`${urlOf(service)}${path}`, {
        method,
        headers: { 'x-auth-token': token, accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${name}: ${method} ${service}${path} answered ${response.status}: ${text.slice(0, 300)}`);
      return { status: response.status, headers: response.headers, body: (text === '' ? undefined : JSON.parse(text)) as T };
    },
  };
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
    project: need('OS_PROJECT_NAME'),
    userDomain: environment['OS_USER_DOMAIN_NAME'] ?? 'Default',
    projectDomain: environment['OS_PROJECT_DOMAIN_NAME'] ?? 'Default',
    ...(environment['OS_REGION_NAME'] === undefined ? {} : { region: environment['OS_REGION_NAME'] }),
  };
}

async function authenticate({ authUrl, username, password, project, userDomain, projectDomain }: Credentials): Promise<{ token: string; catalog: Catalog }> {
  const response = await fetch(`${identityUrl(authUrl)}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user: { name: username, domain: { name: userDomain }, password } } },
        scope: { project: { name: project, domain: { name: projectDomain } } },
      },
    }),
  });
  const text = await response.text();
  const token = response.headers.get('x-subject-token');
  if (response.status !== 201 || token === null) throw new Error(`${authUrl} gave no token: ${response.status} ${text.slice(0, 300)}`);
  return { token, catalog: (JSON.parse(text) as { token: { catalog: Catalog } }).token.catalog };
}

/** With the version, however the other cloud's openrc wrote it. */
function identityUrl(authUrl: string): string {
  return `${authUrl.replace(/\/+$/, '').replace(/\/v3$/, '')}/v3`;
}
