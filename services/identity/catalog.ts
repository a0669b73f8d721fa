/** Where the services are. keystone/catalog/core.py */
import { Fault } from '../../kit/fault.ts';
import { ConstraintViolation, sql, type Transaction } from '../../kit/postgres/database.ts';
import { demand, type Context } from './access.ts';
import { announce } from './announcements.ts';
import {
  deleteEndpoint as removeEndpoint,
  deleteRegion as removeRegion,
  deleteService as removeService,
  findCatalogState,
  findEndpoint,
  findRegion,
  findService,
  insertEndpoint,
  insertRegion,
  insertService,
  listCatalogRows,
  listEndpoints as selectEndpoints,
  listRegionLine,
  listRegions as selectRegions,
  listServices as selectServices,
  updateEndpoint as storeEndpoint,
  updateRegion as storeRegion,
  updateService as storeService,
  type CatalogRow,
  type CatalogService,
  type CatalogState,
  type Endpoint,
  type Region,
} from './catalog.store.ts';
import { nameConditions, pageConditions, rowsFor, type PageQuery } from './pages.ts';
import { alreadyThere, couldNotFind, missingIn, notAllowed } from './refusals.ts';

export type { CatalogService, Endpoint, Region } from './catalog.store.ts';

export type Catalog = { id: string; type: string; name: string; endpoints: { id: string; interface: string; region_id: string | null; region: string | null; url: string }[] }[];

export type Catalogs = {
  /** As it is written in tokens; endpoints that need a project are left out for a token that has none. */
  catalogFor(tx: Transaction, whose: Whose, state?: CatalogState): Promise<Catalog>;
};

type Whose = { projectId: string | null; userId: string };

/** Remembers what all projects see until it changes: it is the longest part of every token. */
export function createCatalogs(): Catalogs {
  let remembered: { changes: number; fill: Fill<Catalog> } | undefined;
  return {
    async catalogFor(tx, whose, given) {
      const { changes, isOwn } = given ?? (await findCatalogState(tx, whose.projectId));
      if (isOwn) return asCatalog(await listCatalogRows(tx, whose.projectId))(whose);
      // Read after the number, so at least as new.
      if (remembered?.changes !== changes) remembered = { changes, fill: asCatalog(await listCatalogRows(tx, null)) };
      return remembered.fill(whose);
    },
  };
}

/** What can be told before it is known for whom. What is the same for all is one object for all, and nobody changes it. */
type Fill<T> = (whose: Whose) => T;

function asCatalog(all: readonly CatalogRow[]): Fill<Catalog> {
  const services = [...Map.groupBy(all, (row) => row.serviceId).values()].map(asService);
  return (whose) => services.map((service) => service(whose));
}

function asService(rows: readonly CatalogRow[]): Fill<Catalog[number]> {
  const { serviceId: id, type, name } = rows[0]!;
  const service = { id, type, name: name ?? '' };
  const endpoints = rows.flatMap(({ endpointId, interface: kind, regionId, url }) => (url === null ? [] : [{ endpoint: { id: endpointId!, interface: kind!, region_id: regionId, region: regionId, url }, urlFor: asUrl(url) }]));
  if (endpoints.every(({ urlFor }) => urlFor === undefined)) {
    const same = { ...service, endpoints: endpoints.map(({ endpoint }) => endpoint) };
    return () => same;
  }
  return (whose) => ({
    ...service,
    endpoints: endpoints.flatMap(({ endpoint, urlFor }) => {
      if (!urlFor) return [endpoint];
      const url = urlFor(whose);
      return url === undefined ? [] : [{ ...endpoint, url }];
    }),
  });
}

/** Undefined: it is the same for all. */
// keystone/common/utils.py, format_url: $(name)s and %(name)s are both written.
function asUrl(template: string): Fill<string | undefined> | undefined {
  // A text, a name, a text, …
  const [first = '', ...rest] = template.split(/[$%]\((project_id|tenant_id|user_id)\)s/);
  if (rest.length === 0) return undefined;
  return ({ projectId, userId }) => {
    let url = first;
    for (let at = 0; at < rest.length; at += 2) {
      const value = rest[at] === 'user_id' ? userId : projectId;
      if (value === null) return undefined;
      url += value + rest[at + 1]!;
    }
    return url;
  };
}

export function listServices(context: Context, query: PageQuery & { type?: string; name?: string }): Promise<CatalogService[]> {
  const { tx } = context;
  demand(context, 'identity:list_services');
  const conditions = [...pageConditions(query), ...nameConditions(query)];
  if (query.type !== undefined) conditions.push(sql`type = ${query.type}`);
  return selectServices(tx, conditions, rowsFor(query));
}

export async function getService(context: Context, id: string): Promise<CatalogService> {
  const { tx } = context;
  demand(context, 'identity:get_service');
  const service = await findService(tx, id);
  if (!service) throw couldNotFind('service', id);
  return service;
}

export async function createService(context: Context, service: CatalogService): Promise<CatalogService> {
  const { tx } = context;
  demand(context, 'identity:create_service');
  await insertService(tx, service);
  return service;
}

export async function updateService(context: Context, id: string, change: Partial<CatalogService>): Promise<CatalogService> {
  const { tx } = context;
  demand(context, 'identity:update_service');
  const before = await findService(tx, id);
  if (!before) throw couldNotFind('service', id);
  const after = { ...before, ...change, id, extra: { ...before.extra, ...change.extra } };
  await storeService(tx, after);
  return after;
}

/** With its endpoints, which are told one by one. */
export async function deleteService(context: Context, id: string): Promise<void> {
  const { tx } = context;
  demand(context, 'identity:delete_service');
  if (!(await findService(tx, id))) throw couldNotFind('service', id);
  for (const endpoint of await selectEndpoints(tx, [sql`service_id = ${id}`], 10_000)) await announce(context, 'endpoint', 'deleted', endpoint.id);
  await removeService(tx, id);
}

export function listEndpoints(context: Context, query: PageQuery & { interface?: string; service_id?: string; region_id?: string }): Promise<Endpoint[]> {
  const { tx } = context;
  demand(context, 'identity:list_endpoints');
  const conditions = pageConditions(query);
  if (query.interface !== undefined) conditions.push(sql`interface = ${query.interface}`);
  if (query.service_id !== undefined) conditions.push(sql`service_id = ${query.service_id}`);
  if (query.region_id !== undefined) conditions.push(sql`region_id = ${query.region_id}`);
  return selectEndpoints(tx, conditions, rowsFor(query));
}

export async function getEndpoint(context: Context, id: string): Promise<Endpoint> {
  const { tx } = context;
  demand(context, 'identity:get_endpoint');
  const endpoint = await findEndpoint(tx, id);
  if (!endpoint) throw couldNotFind('endpoint', id);
  return endpoint;
}

export async function createEndpoint(context: Context, endpoint: Endpoint): Promise<Endpoint> {
  const { tx } = context;
  demand(context, 'identity:create_endpoint');
  await demandEndpointFits(tx, endpoint);
  await insertEndpoint(tx, endpoint);
  return endpoint;
}

export async function updateEndpoint(context: Context, id: string, change: Partial<Endpoint>): Promise<Endpoint> {
  const { tx } = context;
  demand(context, 'identity:update_endpoint');
  const before = await findEndpoint(tx, id);
  if (!before) throw couldNotFind('endpoint', id);
  const after = { ...before, ...change, id, extra: { ...before.extra, ...change.extra } };
  await demandEndpointFits(tx, after);
  await storeEndpoint(tx, after);
  return after;
}

export async function deleteEndpoint(context: Context, id: string): Promise<void> {
  const { tx } = context;
  demand(context, 'identity:delete_endpoint');
  if (!(await findEndpoint(tx, id))) throw couldNotFind('endpoint', id);
  await removeEndpoint(tx, id);
}

export function listRegions(context: Context, query: PageQuery & { parent_region_id?: string }): Promise<Region[]> {
  const { tx } = context;
  demand(context, 'identity:list_regions');
  const conditions = pageConditions(query);
  if (query.parent_region_id !== undefined) conditions.push(sql`parent_region_id = ${query.parent_region_id}`);
  return selectRegions(tx, conditions, rowsFor(query));
}

export async function getRegion(context: Context, id: string): Promise<Region> {
  const { tx } = context;
  demand(context, 'identity:get_region');
  const region = await findRegion(tx, id);
  if (!region) throw couldNotFind('region', id);
  return region;
}

export async function createRegion(context: Context, region: Region): Promise<Region> {
  const { tx } = context;
  demand(context, 'identity:create_region');
  if (region.parentRegionId !== null && !(await findRegion(tx, region.parentRegionId))) throw couldNotFind('region', region.parentRegionId);
  await insertRegion(tx, region, (error) => (error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('region', `Duplicate ID, ${region.id}.`) : error));
  return region;
}

/** False: it was there. */
export async function ensureRegion({ tx }: Pick<Context, 'tx'>, id: string): Promise<boolean> {
  if (await findRegion(tx, id)) return false;
  await insertRegion(tx, { id, description: '', parentRegionId: null, extra: {} });
  return true;
}

export async function updateRegion(context: Context, id: string, change: Partial<Region>): Promise<Region> {
  const { tx } = context;
  demand(context, 'identity:update_region');
  const before = await findRegion(tx, id);
  if (!before) throw couldNotFind('region', id);
  const after = { ...before, ...change, id, extra: { ...before.extra, ...change.extra } };
  if (after.parentRegionId !== null) {
    const line = await listRegionLine(tx, after.parentRegionId);
    if (line.length === 0) throw couldNotFind('region', after.parentRegionId);
    if (line.includes(id)) throw new Fault(400, 'CircularRegionHierarchyError', `The specified parent region ${after.parentRegionId} would create a circular region hierarchy.`);
  }
  await storeRegion(tx, after);
  return after;
}

export async function deleteRegion(context: Context, id: string): Promise<void> {
  const { tx } = context;
  demand(context, 'identity:delete_region');
  if (!(await findRegion(tx, id))) throw couldNotFind('region', id);
  await removeRegion(tx, id, (error) => (error instanceof ConstraintViolation && error.kind === 'foreign key' ? notAllowed(`Unable to delete region ${id} because it or its child regions have associated endpoints.`) : error));
}

async function demandEndpointFits(tx: Transaction, { serviceId, regionId, url }: Endpoint): Promise<void> {
  if (!(await findService(tx, serviceId))) throw missingIn('endpoint service_id', 'service table');
  if (regionId !== null && !(await findRegion(tx, regionId))) throw missingIn('endpoint region_id', 'region table');
  // Only what can be filled in: keystone/catalog/core.py, format_url's allow-list.
  const left = url.replaceAll(/[$%]\((project_id|tenant_id|user_id)\)s/g, '');
  if (/[$%]\(/.test(left)) throw new Fault(400, 'URLValidationError', `Cannot create an endpoint with an invalid URL: ${url}.`);
}
