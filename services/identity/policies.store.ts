/** The only file that names the tables of policy documents. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type PolicyDocument = { id: string; type: string; blob: string; extra: Record<string, unknown> };
/** What a document is for; of these three, what is null does not matter. */
export type Association = { endpointId: string | null; serviceId: string | null; regionId: string | null };

const columns = sql`id, type, blob, extra`;

export function findPolicy(tx: Transaction, id: string): Promise<PolicyDocument | undefined> {
  return tx.one<PolicyDocument>`select ${columns} from identity.policy where id = ${id}`;
}

export function listPolicies(tx: Transaction, conditions: readonly Sql[], most: number): Promise<PolicyDocument[]> {
  return tx.rows<PolicyDocument>`select ${columns} from identity.policy where ${sql.and(conditions)} order by id limit ${most}`;
}

export async function insertPolicy(tx: Transaction, { id, type, blob, extra }: PolicyDocument): Promise<void> {
  await tx.run`insert into identity.policy (id, type, blob, extra) values (${id}, ${type}, ${blob}, ${sql.json(extra)})`;
}

export async function updatePolicy(tx: Transaction, { id, type, blob, extra }: PolicyDocument): Promise<void> {
  await tx.run`update identity.policy set type = ${type}, blob = ${blob}, extra = ${sql.json(extra)} where id = ${id}`;
}

export async function deletePolicy(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from identity.policy where id = ${id}`;
}

const about = ({ endpointId, serviceId, regionId }: Association): Sql =>
  sql`endpoint_id is not distinct from ${endpointId} and service_id is not distinct from ${serviceId} and region_id is not distinct from ${regionId}`;

/** In the place of whichever it was for. */
export async function setAssociation(tx: Transaction, policyId: string, { endpointId, serviceId, regionId }: Association): Promise<void> {
  await tx.run`
    insert into identity.policy_association (policy_id, endpoint_id, service_id, region_id) values (${policyId}, ${endpointId}, ${serviceId}, ${regionId})
    on conflict on constraint associated_once do update set policy_id = excluded.policy_id`;
}

export async function hasAssociation(tx: Transaction, policyId: string, association: Association): Promise<boolean> {
  return (await tx.one`select 1 from identity.policy_association where policy_id = ${policyId} and ${about(association)}`) !== undefined;
}

export async function deleteAssociation(tx: Transaction, policyId: string, association: Association): Promise<boolean> {
  return (await tx.run`delete from identity.policy_association where policy_id = ${policyId} and ${about(association)}`) === 1;
}

/** Endpoints that the document is for: named, of a service, or of a service in a region or one below it. */
export const endpointOfPolicy = (policyId: string): Sql => sql`exists (
  select from identity.policy_association a
  where a.policy_id = ${policyId} and (a.endpoint_id = endpoint.id or (a.service_id = endpoint.service_id and (a.region_id is null or a.region_id in (
    with recursive line as (
      select r.id, r.parent_region_id from identity.region r where r.id = endpoint.region_id
      union all
      select r.id, r.parent_region_id from identity.region r join line on r.id = line.parent_region_id
    )
    select id from line)))))`;

/** The nearest: the endpoint's own, then that of its service in its region or the next one above, then its service's. */
export function findPolicyOfEndpoint(tx: Transaction, endpointId: string): Promise<PolicyDocument | undefined> {
  return tx.one<PolicyDocument>`
    with recursive line as (
      select e.service_id, r.id, r.parent_region_id, 1 as distance from identity.endpoint e join identity.region r on r.id = e.region_id where e.id = ${endpointId}
      union all
      select line.service_id, r.id, r.parent_region_id, line.distance + 1 from identity.region r join line on r.id = line.parent_region_id
    ), found as (
      select a.policy_id, 0 as distance from identity.policy_association a where a.endpoint_id = ${endpointId}
      union all
      select a.policy_id, line.distance from identity.policy_association a join line on line.service_id = a.service_id and line.id = a.region_id
      union all
      select a.policy_id, 1000000 from identity.policy_association a join identity.endpoint e on e.service_id = a.service_id where e.id = ${endpointId} and a.region_id is null
    )
    select ${columns} from identity.policy where id = (select policy_id from found order by distance limit 1)`;
}
