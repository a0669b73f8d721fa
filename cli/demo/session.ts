/** Somebody who has signed in at a cloud, and the typed clients that they use. */
import { createClient, Refused, type Client } from '../../contract/client.ts';
import type { Service } from '../../contract/contract.ts';
import { identity } from '../../contract/identity/service.ts';

export type Place = { project: { name: string; domain: { name: string } } } | { domain: { name: string } };

export type Login = { user: string; domain: string; password: string; scope: Place };

export type Session = {
  readonly login: Login;
  readonly base: string;
  readonly userId: string;
  /** Of the project that it is for; empty for a domain. */
  readonly projectId: string;
  /** At the cloud's own address, or a region's. */
  client<S extends Service>(service: S, base?: string): Client<S>;
};

const answerWithinMs = 60_000;

/** Waits for who does not answer, and no longer. */
export const limited: typeof fetch = (address, init) => fetch(address, { ...init, signal: AbortSignal.timeout(answerWithinMs) });

export async function signIn(base: string, login: Login): Promise<Session> {
  const reply = await askForToken(base, login);
  const { token } = reply.body;
  let kept = { token: reply.headers.get('x-subject-token') ?? '', until: Date.parse(token.expires_at) };
  const current = async () => {
    if (kept.until - Date.now() < 60_000) {
      const again = await askForToken(base, login);
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

function askForToken(base: string, { user, domain, password, scope }: Login) {
  return createClient(identity, { base, fetch: limited }).tokens.create({ body: { auth: { identity: { methods: ['password'], password: { user: { name: user, domain: { name: domain }, password } } }, scope } } });
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
