/** The only file that names the tables of regions, services and endpoints. */
import { sql, type Explain, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { endpointOfProject } from './endpoint-filters.store.ts';

export type Region = { id: string; description: string; parentRegionId: string | null; extra: Record<string, unknown> };
export type CatalogService = { id: string; type: string; name: string | null; description: string | null; enabled: boolean; extra: Record<string, unknown> };
export type Interface = 'admin' | 'internal' | 'public';
export type Endpoint = { id: string; serviceId: string; regionId: string | null; interface: Interface; url: string; enabled: boolean; ours: boolean; extra: Record<string, unknown> };

const regionColumns = sql`id, description, parent_region_id as "parentRegionId", extra`;
const serviceColumns = sql`id, type, name, description, enabled, extra`;
const endpointColumns = sql`id, service_id as "serviceId", region_id as "regionId", interface, url, enabled, ours, extra`;

export function findRegion(tx: Transaction, id: string): Promise<Region | undefined> {
  return tx.one<Region>`select ${regionColumns} from identity.region where id = ${id}`;
}

export function listRegions(tx: Transaction, conditions: readonly Sql[], most: number): Promise<Region[]> {
  return tx.rows<Region>`select ${regionColumns} from identity.region where ${sql.and(conditions)} order by id limit ${most}`;
}

export async function insertRegion(tx: Transaction, region: Region, explain?: Explain): Promise<void> {
  tx.queue(sql`
    insert into identity.region (id, description, parent_region_id, extra)
    values (${region.id}, ${region.description}, ${region.parentRegionId}, ${sql.json(region.extra)})`, explain);
}

export async function updateRegion(tx: Transaction, region: Region): Promise<void> {
  tx.queue(sql`
    update identity.region set description = ${region.description}, parent_region_id = ${region.parentRegionId}, extra = ${sql.json(region.extra)}
    where id = ${region.id}`);
}

/** The region and all regions above it. */
export async function listRegionLine(tx: Transaction, id: string): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>`
    with recursive line as (
      select id, parent_region_id from identity.region where id = ${id}
      union
      select r.id, r.parent_region_id from identity.region r join line on r.id = line.parent_region_id
    )
    select id from line`;
  return rows.map((row) => row.id);
}

/** Fails by a foreign key while something is in it. */
export async function deleteRegion(tx: Transaction, id: string, explain?: Explain): Promise<void> {
  tx.queue(sql`delete from identity.region where id = ${id}`, explain);
}

export function findService(tx: Transaction, id: string): Promise<CatalogService | undefined> {
  return tx.one<CatalogService>`select ${serviceColumns} from identity.service where id = ${id}`;
}

export async function findServiceByType(tx: Transaction, type: string, name: string): Promise<CatalogService | undefined> {
  const rows = await tx.rows<CatalogService>`select ${serviceColumns} from identity.service where type = ${type} and name = ${name} order by id limit 1`;
  return rows[0];
}

export function listServices(tx: Transaction, conditions: readonly Sql[], most: number): Promise<CatalogService[]> {
  return tx.rows<CatalogService>`select ${serviceColumns} from identity.service where ${sql.and(conditions)} order by id limit ${most}`;
}

export async function insertService(tx: Transaction, service: CatalogService): Promise<void> {
  tx.queue(sql`
    insert into identity.service (id, type, name, description, enabled, extra)
    values (${service.id}, ${service.type}, ${service.name}, ${service.description}, ${service.enabled}, ${sql.json(service.extra)})`);
}

export async function updateService(tx: Transaction, service: CatalogService): Promise<void> {
  tx.queue(sql`
    update identity.service
    set type = ${service.type}, name = ${service.name}, description = ${service.description}, enabled = ${service.enabled}, extra = ${sql.json(service.extra)}
    where id = ${service.id}`);
}

export async function deleteService(tx: Transaction, id: string): Promise<void> {
  tx.queue(sql`delete from identity.service where id = ${id}`);
}

export function findEndpoint(tx: Transaction, id: string): Promise<Endpoint | undefined> {
  return tx.one<Endpoint>`select ${endpointColumns} from identity.endpoint where id = ${id}`;
}

export function listEndpoints(tx: Transaction, conditions: readonly Sql[], most: number): Promise<Endpoint[]> {
  return tx.rows<Endpoint>`select ${endpointColumns} from identity.endpoint where ${sql.and(conditions)} order by id limit ${most}`;
}

export async function insertEndpoint(tx: Transaction, endpoint: Endpoint): Promise<void> {
  tx.queue(sql`
    insert into identity.endpoint (id, service_id, region_id, interface, url, enabled, ours, extra)
    values (${endpoint.id}, ${endpoint.serviceId}, ${endpoint.regionId}, ${endpoint.interface}, ${endpoint.url}, ${endpoint.enabled}, ${endpoint.ours}, ${sql.json(endpoint.extra)})`);
}

export async function updateEndpoint(tx: Transaction, endpoint: Endpoint): Promise<void> {
  tx.queue(sql`
    update identity.endpoint
    set service_id = ${endpoint.serviceId}, region_id = ${endpoint.regionId}, interface = ${endpoint.interface}, url = ${endpoint.url},
      enabled = ${endpoint.enabled}, extra = ${sql.json(endpoint.extra)}
    where id = ${endpoint.id}`);
}

/** The cloud's own endpoint, at its present address. */
export async function ensureOwnEndpoint(tx: Transaction, endpoint: Omit<Endpoint, 'enabled' | 'ours' | 'extra'>): Promise<void> {
  await tx.run`
    insert into identity.endpoint (id, service_id, region_id, interface, url, enabled, ours)
    values (${endpoint.id}, ${endpoint.serviceId}, ${endpoint.regionId}, ${endpoint.interface}, ${endpoint.url}, true, true)
    on conflict (service_id, region_id, interface) where ours do update set url = excluded.url`;
}

export async function deleteEndpoint(tx: Transaction, id: string): Promise<void> {
  tx.queue(sql`delete from identity.endpoint where id = ${id}`);
}

export type CatalogRow = { serviceId: string; type: string; name: string | null; endpointId: string | null; interface: Interface | null; regionId: string | null; url: string | null };

export type CatalogState = {
  /** How often services and endpoints have changed. */
  changes: number;
  /** The project is given endpoints, and sees no others. */
  isOwn: boolean;
};

export async function findCatalogState(tx: Transaction, projectId: string | null): Promise<CatalogState> {
  const state = await tx.one<CatalogState>`
    select count::float8 as changes,
      exists (select from identity.project_endpoint where project_id = ${projectId})
        or exists (select from identity.project_endpoint_group where project_id = ${projectId}) as "isOwn"
    from identity.catalog_change`;
  return state!;
}

/** A project that is given endpoints sees only these. */
export function listCatalogRows(tx: Transaction, projectId: string | null): Promise<CatalogRow[]> {
  if (projectId !== null)
    return tx.rows<CatalogRow>`
      with given as (select id from identity.endpoint where ${endpointOfProject(projectId)})
      select s.id as "serviceId", s.type, s.name, e.id as "endpointId", e.interface, e.region_id as "regionId", e.url
      from identity.service s left join identity.endpoint e on e.service_id = s.id and e.enabled and (e.id in (select id from given) or not exists (select from given))
      where s.enabled and (e.id is not null or not exists (select from given)) order by s.type, s.id, e.region_id, e.interface desc, e.id`;
  return tx.rows<CatalogRow>`
    select s.id as "serviceId", s.type, s.name, e.id as "endpointId", e.interface, e.region_id as "regionId", e.url
    from identity.service s left join identity.endpoint e on e.service_id = s.id and e.enabled
    where s.enabled order by s.type, s.id, e.region_id, e.interface desc, e.id`;
}
