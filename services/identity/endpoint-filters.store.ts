/** The only file that names the tables of which endpoints projects see. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type EndpointFilters = { interface?: 'admin' | 'internal' | 'public'; service_id?: string; region_id?: string };
export type EndpointGroup = { id: string; name: string; description: string | null; filters: EndpointFilters };

const columns = sql`id, name, description, filters`;

export function findEndpointGroup(tx: Transaction, id: string): Promise<EndpointGroup | undefined> {
  return tx.one<EndpointGroup>`select ${columns} from identity.endpoint_group where id = ${id}`;
}

export function listEndpointGroups(tx: Transaction, conditions: readonly Sql[], most: number): Promise<EndpointGroup[]> {
  return tx.rows<EndpointGroup>`select ${columns} from identity.endpoint_group where ${sql.and(conditions)} order by id limit ${most}`;
}

export const groupOfProject = (projectId: string): Sql => sql`id in (select endpoint_group_id from identity.project_endpoint_group where project_id = ${projectId})`;
export const projectOfGroup = (groupId: string): Sql => sql`id in (select project_id from identity.project_endpoint_group where endpoint_group_id = ${groupId})`;
export const projectOfEndpoint = (endpointId: string): Sql => sql`id in (select project_id from identity.project_endpoint where endpoint_id = ${endpointId})`;

/** Endpoints that are as the filters of the group say. */
export const endpointOfGroup = (groupId: string): Sql => sql`exists (select from identity.endpoint_group g where g.id = ${groupId} and ${matches})`;

/** Endpoints that the project is given, alone or in groups. */
export const endpointOfProject = (projectId: string): Sql => sql`(id in (select endpoint_id from identity.project_endpoint where project_id = ${projectId})
  or exists (select from identity.project_endpoint_group pg join identity.endpoint_group g on g.id = pg.endpoint_group_id where pg.project_id = ${projectId} and ${matches}))`;

const matches = sql`(not g.filters ? 'interface' or g.filters->>'interface' = endpoint.interface)
  and (not g.filters ? 'service_id' or g.filters->>'service_id' = endpoint.service_id)
  and (not g.filters ? 'region_id' or g.filters->>'region_id' = endpoint.region_id)`;

export async function insertEndpointGroup(tx: Transaction, { id, name, description, filters }: EndpointGroup): Promise<void> {
  await tx.run`insert into identity.endpoint_group (id, name, description, filters) values (${id}, ${name}, ${description}, ${sql.json(filters)})`;
}

export async function updateEndpointGroup(tx: Transaction, { id, name, description, filters }: EndpointGroup): Promise<void> {
  await tx.run`update identity.endpoint_group set name = ${name}, description = ${description}, filters = ${sql.json(filters)} where id = ${id}`;
}

export async function deleteEndpointGroup(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from identity.endpoint_group where id = ${id}`;
}

/** False: it was so. */
export async function insertProjectGroup(tx: Transaction, projectId: string, groupId: string): Promise<boolean> {
  return (await tx.run`insert into identity.project_endpoint_group (project_id, endpoint_group_id) values (${projectId}, ${groupId}) on conflict do nothing`) === 1;
}

export async function hasProjectGroup(tx: Transaction, projectId: string, groupId: string): Promise<boolean> {
  return (await tx.one`select 1 from identity.project_endpoint_group where project_id = ${projectId} and endpoint_group_id = ${groupId}`) !== undefined;
}

export async function deleteProjectGroup(tx: Transaction, projectId: string, groupId: string): Promise<boolean> {
  return (await tx.run`delete from identity.project_endpoint_group where project_id = ${projectId} and endpoint_group_id = ${groupId}`) === 1;
}

export async function insertProjectEndpoint(tx: Transaction, projectId: string, endpointId: string): Promise<boolean> {
  return (await tx.run`insert into identity.project_endpoint (project_id, endpoint_id) values (${projectId}, ${endpointId}) on conflict do nothing`) === 1;
}

export async function hasProjectEndpoint(tx: Transaction, projectId: string, endpointId: string): Promise<boolean> {
  return (await tx.one`select 1 from identity.project_endpoint where project_id = ${projectId} and endpoint_id = ${endpointId}`) !== undefined;
}

export async function deleteProjectEndpoint(tx: Transaction, projectId: string, endpointId: string): Promise<boolean> {
  return (await tx.run`delete from identity.project_endpoint where project_id = ${projectId} and endpoint_id = ${endpointId}`) === 1;
}
