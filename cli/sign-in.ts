/** As whom a command asks: the user of OS_USERNAME, …, as for every client of OpenStack; or the administrator of the cloud in the state folder. */
import { readFileSync } from 'node:fs';
import { createClient, Refused } from '../contract/client.ts';
import { identity } from '../contract/identity/service.ts';
import { baseUrl, layoutOf, readConfig } from '../supervisor/config.ts';
import { Failure } from './failure.ts';

export type SignedIn = { base: string; token: () => string; fetch: typeof fetch };

const answerWithinMs = 60_000;
const limited: typeof fetch = (address, init) => fetch(address, { ...init, signal: AbortSignal.timeout(answerWithinMs) });

export async function signIn(stateDir: string, environment: Record<string, string | undefined> = process.env): Promise<SignedIn> {
  const { base, name, password, domain, scope } = environment['OS_AUTH_URL'] === undefined ? ofState(stateDir) : ofEnvironment(environment);
  try {
    const reply = await createClient(identity, { base, fetch: limited }).tokens.create({ body: { auth: { identity: { methods: ['password'], password: { user: { name, domain, password } } }, scope } } });
    const token = reply.headers.get('x-subject-token') ?? '';
    return { base, token: () => token, fetch: limited };
  } catch (error) {
    if (error instanceof Refused) throw new Failure(`${base} does not let ${name} in: ${titleOf(error)}`, 'Look at OS_USERNAME, OS_PASSWORD and the names of the domain and the project');
    throw new Failure(`${base} does not answer`, 'Is the cloud up? intercloud status');
  }
}

/** What the service said, for people. */
export function titleOf({ body, message }: Refused): string {
  const { title, error } = (typeof body === 'object' && body !== null ? body : {}) as { title?: string; error?: { message?: string } };
  return title ?? error?.message ?? message;
}

type Credentials = { base: string; name: string; password: string; domain: { id: string } | { name: string }; scope: { project: { name: string; domain: { id: string } | { name: string } } } | { domain: { id: string } | { name: string } } };

function ofState(stateDir: string): Credentials {
  const config = readConfig(stateDir);
  if (!config) throw new Failure(`There is no cloud in ${stateDir}`, 'Start one: intercloud up; or say where it is by OS_AUTH_URL');
  const domain = { id: 'default' };
  return { base: baseUrl(config), name: 'admin', password: readFileSync(layoutOf(stateDir).adminPassword, 'utf8').trim(), domain, scope: { project: { name: 'admin', domain } } };
}

function ofEnvironment(environment: Record<string, string | undefined>): Credentials {
  const need = (name: string): string => environment[name] ?? missing(name);
  const named = (prefix: string): { id: string } | { name: string } => {
    const id = environment[`${prefix}_ID`];
    return id === undefined ? { name: environment[`${prefix}_NAME`] ?? 'Default' } : { id };
  };
  const isOfDomain = environment['OS_DOMAIN_NAME'] !== undefined || environment['OS_DOMAIN_ID'] !== undefined;
  return {
    base: need('OS_AUTH_URL').replace(/\/+$/, '').replace(/\/identity(\/v3)?$/, ''),
    name: need('OS_USERNAME'),
    password: need('OS_PASSWORD'),
    domain: named('OS_USER_DOMAIN'),
    scope: isOfDomain ? { domain: named('OS_DOMAIN') } : { project: { name: need('OS_PROJECT_NAME'), domain: named('OS_PROJECT_DOMAIN') } },
  };
}

function missing(name: string): never {
  throw new Failure(`${name} is not set`, 'Load the openrc of the cloud first, or unset OS_AUTH_URL');
}
