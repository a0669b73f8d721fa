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

/** By project, of these. */
export async function listLimitsOfProjects(tx: Transaction, projectIds: readonly string[]): Promise<Map<string, Limit[]>> {
  return Map.groupBy(await tx.rows<Limit & { projectId: string }>`select * from ${limits} where "projectId" = any(${[...projectIds]}::text[]) order by id`, ({ projectId }) => projectId);
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

/** Where a limit is another one than before: what it is now. */
export type LimitChange = { serviceType: string; resourceName: string; regionId: string | null; /** Null: everybody. */ projectId: string | null; amount: number | null; number: number };

/** In the order of the commits. */
export function listLimitChanges(tx: Transaction, after: number, most: number): Promise<LimitChange[]> {
  return tx.rows<LimitChange>`
    select c.service_type as "serviceType", c.resource_name as "resourceName", c.region_id as "regionId", nullif(c.subject, '') as "projectId", c.number,
      (select min(case when c.subject = '' then r.default_limit else l.resource_limit end)
        from identity.service s join identity.registered_limit r on r.service_id = s.id left join identity.resource_limit l on l.registered_limit_id = r.id and l.project_id = c.subject
        where s.type = c.service_type and r.resource_name = c.resource_name and r.region_id is not distinct from c.region_id) as amount
    from identity.limit_change c where c.number > ${after} order by c.number limit ${most}`;
}

/** Of what limits were ever registered. */
export function listNotedResources(tx: Transaction): Promise<Pick<LimitChange, 'serviceType' | 'resourceName'>[]> {
  return tx.rows<Pick<LimitChange, 'serviceType' | 'resourceName'>>`select distinct service_type as "serviceType", resource_name as "resourceName" from identity.limit_change`;
}

/** What is registered of a resource, with what this project and its domain have instead. */
export type RegisteredFor = { regionId: string | null; common: number; ofProject: number | null; ofDomain: number | null };

export function listRegisteredFor(tx: Transaction, { serviceTypes, resourceName, projectId }: { serviceTypes: readonly string[]; resourceName: string; projectId: string }): Promise<RegisteredFor[]> {
  return tx.rows<RegisteredFor>`
    select r.region_id as "regionId", r.default_limit as common,
      (select l.resource_limit from identity.resource_limit l where l.registered_limit_id = r.id and l.project_id = ${projectId}) as "ofProject",
      (select l.resource_limit from identity.resource_limit l join identity.project p on p.domain_id = l.domain_id
        where l.registered_limit_id = r.id and p.id = ${projectId}) as "ofDomain"
    from identity.registered_limit r join identity.service s on s.id = r.service_id
    where s.type = any(${[...serviceTypes]}::text[]) and r.resource_name = ${resourceName}`;
}
