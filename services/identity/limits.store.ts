/** The only file that names the tables of limits. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type RegisteredLimit = { id: string; serviceId: string; regionId: string | null; resourceName: string; defaultLimit: number; description: string | null };

const registeredColumns = sql`id, service_id as "serviceId", region_id as "regionId", resource_name as "resourceName", default_limit as "defaultLimit", description`;

export function findRegisteredLimit(tx: Transaction, id: string): Promise<RegisteredLimit | undefined> {
  return tx.one<RegisteredLimit>`select ${registeredColumns} from identity.registered_limit where id = ${id}`;
}

/** Locked, so that no limit refers to what becomes another one meanwhile. */
export function lockRegisteredLimit(tx: Transaction, id: string): Promise<RegisteredLimit | undefined> {
  return tx.one<RegisteredLimit>`select ${registeredColumns} from identity.registered_limit where id = ${id} for update`;
}

export function lockRegisteredLimitOf(tx: Transaction, { serviceId, regionId, resourceName }: Pick<RegisteredLimit, 'serviceId' | 'regionId' | 'resourceName'>): Promise<RegisteredLimit | undefined> {
  return tx.one<RegisteredLimit>`
    select ${registeredColumns} from identity.registered_limit
    where service_id = ${serviceId} and region_id is not distinct from ${regionId} and resource_name = ${resourceName} for update`;
}

export function listRegisteredLimits(tx: Transaction, conditions: readonly Sql[], most: number): Promise<RegisteredLimit[]> {
  return tx.rows<RegisteredLimit>`select ${registeredColumns} from identity.registered_limit where ${sql.and(conditions)} order by id limit ${most}`;
}

export async function insertRegisteredLimit(tx: Transaction, { id, serviceId, regionId, resourceName, defaultLimit, description }: RegisteredLimit): Promise<void> {
  await tx.run`
    insert into identity.registered_limit (id, service_id, region_id, resource_name, default_limit, description)
    values (${id}, ${serviceId}, ${regionId}, ${resourceName}, ${defaultLimit}, ${description})`;
}

export async function updateRegisteredLimit(tx: Transaction, { id, serviceId, regionId, resourceName, defaultLimit, description }: RegisteredLimit): Promise<void> {
  await tx.run`
    update identity.registered_limit
    set service_id = ${serviceId}, region_id = ${regionId}, resource_name = ${resourceName}, default_limit = ${defaultLimit}, description = ${description}
    where id = ${id}`;
}

export async function deleteRegisteredLimit(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from identity.registered_limit where id = ${id}`;
}

export async function isRegisteredLimitUsed(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.one`select 1 from identity.resource_limit where registered_limit_id = ${id} limit 1`) !== undefined;
}

export type Limit = {
  id: string;
  registeredLimitId: string;
  projectId: string | null;
  domainId: string | null;
  resourceLimit: number;
  description: string | null;
  serviceId: string;
  regionId: string | null;
  resourceName: string;
};

/** What is filtered by is in two tables. */
const limits = sql`(
  select l.id, l.registered_limit_id as "registeredLimitId", l.project_id as "projectId", l.domain_id as "domainId", l.resource_limit as "resourceLimit", l.description,
    r.service_id as "serviceId", r.region_id as "regionId", r.resource_name as "resourceName"
  from identity.resource_limit l join identity.registered_limit r on r.id = l.registered_limit_id
) l`;

export function findLimit(tx: Transaction, id: string): Promise<Limit | undefined> {
  return tx.one<Limit>`select * from ${limits} where id = ${id}`;
}

export function listLimits(tx: Transaction, conditions: readonly Sql[], most: number): Promise<Limit[]> {
  return tx.rows<Limit>`select * from ${limits} where ${sql.and(conditions)} order by id limit ${most}`;
}

export async function insertLimit(tx: Transaction, { id, registeredLimitId, projectId, domainId, resourceLimit, description }: Limit): Promise<void> {
  await tx.run`
    insert into identity.resource_limit (id, registered_limit_id, project_id, domain_id, resource_limit, description)
    values (${id}, ${registeredLimitId}, ${projectId}, ${domainId}, ${resourceLimit}, ${description})`;
}

export async function updateLimit(tx: Transaction, { id, resourceLimit, description }: Limit): Promise<void> {
  await tx.run`update identity.resource_limit set resource_limit = ${resourceLimit}, description = ${description} where id = ${id}`;
}

export async function deleteLimit(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.run`delete from identity.resource_limit where id = ${id}`) === 1;
}

/** Of the resource: of this domain, and the largest of its projects. */
export async function findLimitsAround(tx: Transaction, registeredLimitId: string, domainId: string): Promise<{ ofDomain: number | null; largestOfProjects: number | null }> {
  const row = await tx.one<{ ofDomain: number | null; largestOfProjects: number | null }>`
    select (select resource_limit from identity.resource_limit where registered_limit_id = ${registeredLimitId} and domain_id = ${domainId}) as "ofDomain",
      (select max(l.resource_limit) from identity.resource_limit l join identity.project p on p.id = l.project_id
        where l.registered_limit_id = ${registeredLimitId} and p.domain_id = ${domainId}) as "largestOfProjects"`;
  return row ?? { ofDomain: null, largestOfProjects: null };
}
