/**
 * Identity's answers as a brand's customers see them: the catalog has the regions that they are offered, at the host name
 * that they asked. What is said of regions elsewhere in identity is cut to the same.
 */
import { virtualRegion } from '../../contract/virtual.ts';
import { notFound } from '../../kit/fault.ts';
import { Answer, type AnyHandler, type Implementation } from '../../kit/http/implement.ts';
import type { Caller } from '../../kit/http/caller.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { listRegions } from '../federation/regions.ts';
import type { HomeParts } from '../parts.ts';
import { regionsOffered } from './brands.ts';
import { isAnybodyLimited } from './brands.store.ts';
import { hostNameOf, type Faces } from './faces.ts';

type Asking = { tx?: Transaction; caller: Caller; headers: Readonly<Record<string, string | string[] | undefined>>; params: Record<string, string> };
type Endpoint = { url: string; region_id?: string | null; region?: string | null };
type Catalog = { endpoints: Endpoint[] }[];
type Domained = { domain?: { id?: string } };
type Token = Domained & { project?: Domained; user?: Domained; catalog?: Catalog };
type Body = { token?: Token; catalog?: Catalog; regions?: { id: string }[] };

const scope = { kind: 'system', reason: 'which regions somebody is offered' } as const;

export function dress(identity: Implementation, { database }: Pick<HomeParts, 'database'>, faces: Faces): Implementation {
  const { tokens, scopes, signatureTokens, regions, ...others } = identity.handlers;
  const catalogued = (handlers: Record<string, AnyHandler> = {}) => wrapped(handlers, (request, body) => dressCatalogs(request, body));
  return {
    ...identity,
    handlers: {
      ...others,
      ...(tokens ? { tokens: catalogued(tokens) } : {}),
      ...(scopes ? { scopes: catalogued(scopes) } : {}),
      ...(signatureTokens ? { signatureTokens: catalogued(signatureTokens) } : {}),
      ...(regions ? { regions: wrapped(regions, cutRegions, demandOffered) } : {}),
    },
  };

  async function dressCatalogs(request: Asking, body: Body): Promise<Body> {
    const token = body.token;
    const catalog = token?.catalog ?? body.catalog;
    if (!catalog) return body;
    const domainId = token ? (token.project?.domain?.id ?? token.domain?.id ?? token.user?.domain?.id) : domainOf(request.caller);
    const dressed = await dressCatalog(catalog, domainId, request);
    return token ? { ...body, token: { ...token, catalog: dressed } } : { ...body, catalog: dressed };
  }

  async function dressCatalog(catalog: Catalog, domainId: string | undefined, { headers, tx }: Asking): Promise<Catalog> {
    // Mostly nobody is limited, which the request's own transaction says for less than another would.
    const offered = tx && !(await isAnybodyLimited(tx)) ? null : await database.read(scope, (own) => regionsOffered(own, domainId));
    const address = await addressAt(headers);
    if (offered === null && !address) return catalog;
    return catalog
      .map((service) => ({ ...service, endpoints: service.endpoints.filter((each) => isOffered(offered, each.region_id ?? each.region ?? '')).map((each) => (address ? { ...each, url: address(each.url) } : each)) }))
      .filter(({ endpoints }) => endpoints.length > 0 || offered === null);
  }

  /** Regions of this machine have its names; those of others have their own. Undefined: all have their own. */
  async function addressAt(headers: Asking['headers']): Promise<((url: string) => string) | undefined> {
    const face = await faces.at(hostNameOf(headers));
    const home = face && (await database.read(scope, (tx) => listRegions({ tx }))).find(({ first }) => first)?.url;
    if (!face || !home) return undefined;
    const [asked, own] = [String(headers['host']), new URL(home)];
    return (url) => {
      const { protocol, hostname, host, port } = new URL(url);
      if (hostname !== own.hostname) return url;
      // What follows is not read as an address: it may hold %(project_id)s.
      const there = host === own.host ? asked : `${hostNameOf(headers)}${port === '' ? '' : `:${port}`}`;
      return `${protocol}//${there}${url.slice(`${protocol}//${host}`.length)}`;
    };
  }

  async function cutRegions({ caller }: Asking, body: Body): Promise<Body> {
    if (caller.isAdmin || !body.regions) return body;
    const offered = await database.read(scope, (tx) => regionsOffered(tx, domainOf(caller)));
    return { ...body, regions: body.regions.filter(({ id }) => isOffered(offered, id)) };
  }

  async function demandOffered({ caller, params }: Asking): Promise<void> {
    const id = params['region_id'];
    if (caller.isAdmin || id === undefined) return;
    const offered = await database.read(scope, (tx) => regionsOffered(tx, domainOf(caller)));
    if (!isOffered(offered, id)) throw notFound(`Could not find region: ${id}.`);
  }
}

/** With one region there is nothing to span. */
export function isOffered(offered: ReadonlySet<string> | null, region: string): boolean {
  return offered === null || offered.has(region) || (region === virtualRegion && offered.size > 1);
}

function domainOf({ projectDomainId, domainId, userDomainId }: Caller): string | undefined {
  return projectDomainId ?? domainId ?? (userDomainId === '' ? undefined : userDomainId);
}

function wrapped(handlers: Record<string, AnyHandler>, after: (request: Asking, body: Body) => Promise<Body>, before: (request: Asking) => Promise<void> = () => Promise.resolve()): Record<string, AnyHandler> {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]): [string, AnyHandler] => [
      name,
      async (request) => {
        await before(request);
        const result: unknown = await handler(request);
        if (result instanceof Answer) return isBody(result.body) ? new Answer(await after(request, result.body), result) : result;
        return isBody(result) ? after(request, result) : result;
      },
    ]),
  );
}

function isBody(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
