/** Somebody who has signed in at a cloud, and the typed clients that they use. */
import { createClient, Refused, type Client } from '../../contract/client.ts';
import type { Service } from '../../contract/contract.ts';
import { identity } from '../../contract/identity/service.ts';

export type Place = { project: { name: string; domain: { name: string } } } | { domain: { name: string } };

export type Login = { user: string; domain: string; password: string; scope: Place };

export type Session = {
  readonly login: Login;
  /** Where it was signed in. */
  readonly base: string;
  readonly userId: string;
  /** Of the project that it is for; empty for a domain. */
  readonly projectId: string;
  /** At the cloud's own address, or a region's; elsewhere, as the catalog says. */
  client<S extends Service>(service: S, base?: string): Client<S>;
};

const answerWithinMs = 60_000;

/** Waits for who does not answer, and no longer. */
export const limited: typeof fetch = (address, init) => fetch(address, { ...init, signal: AbortSignal.timeout(answerWithinMs) });

export async function signIn(base: string, login: Login): Promise<Session> {
  const reply = await askForToken({ base }, login);
  const { token } = reply.body;
  let kept = { token: reply.headers.get('x-subject-token') ?? '', until: Date.parse(token.expires_at) };
  const current = async () => {
    if (kept.until - Date.now() < 60_000) {
      const again = await askForToken({ base }, login);
      kept = { token: again.headers.get('x-subject-token') ?? '', until: Date.parse(again.body.token.expires_at) };
    }
    return kept.token;
  };
  return {
    login,
    base,
    userId: token.user.id,
    projectId: token.project?.id ?? '',
    client: (service, at = base) => createClient<Service>(service, { base: at, token: current, fetch: limited, ...(service.microversions ? { version: service.microversions.max } : {}) }) as unknown as Client<typeof service>,
  };
}

/** At a cloud that is not ours: each service is where its catalog says, and is spoken to as an older one understands. */
export async function signInElsewhere(authUrl: string, region: string | undefined, login: Login): Promise<Session> {
  const at = withVersion(authUrl, 'v3');
  const reply = await askForToken({ endpoint: at }, login);
  const { token } = reply.body;
  const secret = reply.headers.get('x-subject-token') ?? '';
  const places = (token.catalog ?? []).flatMap(({ type, endpoints }) => endpoints.filter((each) => each.interface === 'public' && (region === undefined || each.region_id === region)).map(({ url }) => ({ type, url })));
  const endpointOf = (service: Service) => {
    if (service.type === 'identity') return at;
    const url = places.find(({ type }) => type === service.type || (service.type === 'volumev3' && type === 'block-storage'))?.url;
    if (url === undefined) throw new Error(`${authUrl} has no service of the type ${service.type}`);
    return withVersion(url, versions[service.type]?.path ?? '');
  };
  return {
    login,
    base: authUrl,
    userId: token.user.id,
    projectId: token.project?.id ?? '',
    client(service) {
      const { speaks } = versions[service.type] ?? {};
      return createClient<Service>(service, { endpoint: endpointOf(service), token: () => secret, fetch: limited, ...(speaks === undefined ? {} : { version: speaks }) }) as unknown as Client<typeof service>;
    },
  };
}

/** With these every cloud of the last ten years can be asked. */
const versions: Record<string, { path: string; speaks?: string }> = { compute: { path: 'v2.1', speaks: '2.37' }, network: { path: 'v2.0' }, volumev3: { path: 'v3', speaks: '3.27' }, image: { path: 'v2' } };

/** Catalogs name a service with its version or without. */
function withVersion(url: string, version: string): string {
  const plain = url.replace(/\/+$/, '');
  return /\/v\d+(\.\d+)?(\/|$)/.test(plain) ? plain : `${plain}/${version}`;
}

function askForToken(place: { base: string } | { endpoint: string }, { user, domain, password, scope }: Login) {
  return createClient(identity, { ...place, fetch: limited }).tokens.create({ body: { auth: { identity: { methods: ['password'], password: { user: { name: user, domain: { name: domain }, password } } }, scope } } });
}

/** Resolves to what was looked for once it is there. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, { seconds = 120 }: { seconds?: number } = {}): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
      last = undefined;
    } catch (error) {
      // A region that is busy answers the next time; one that never does is said below.
      if (error instanceof Refused && error.status < 500) throw error;
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`Waited ${seconds} s for ${what}${last instanceof Error ? `: ${last.message}` : ''}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}
