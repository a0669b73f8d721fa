/** Which endpoints a project sees. keystone/catalog/core.py */
import { notFound } from '../../kit/fault.ts';
import { sql } from '../../kit/postgres/database.ts';
import { demand, type Context } from './access.ts';
import { findEndpoint, listEndpoints, type Endpoint } from './catalog.store.ts';
import {
  deleteEndpointGroup as removeEndpointGroup,
  deleteProjectEndpoint,
  deleteProjectGroup,
  endpointOfGroup,
  endpointOfProject,
  findEndpointGroup,
  groupOfProject,
  hasProjectEndpoint,
  hasProjectGroup,
  insertEndpointGroup,
  insertProjectEndpoint,
  insertProjectGroup,
  listEndpointGroups as selectEndpointGroups,
  projectOfEndpoint,
  projectOfGroup,
  updateEndpointGroup as storeEndpointGroup,
  type EndpointGroup,
} from './endpoint-filters.store.ts';
import { pageConditions, rowsFor, type PageQuery } from './pages.ts';
import { findProject, listProjects, type Project } from './projects.store.ts';
import { alreadyThere, couldNotFind } from './refusals.ts';

export type { EndpointGroup } from './endpoint-filters.store.ts';

const most = 10_000;

export function listEndpointGroups(context: Context, query: PageQuery & { name?: string }): Promise<EndpointGroup[]> {
  demand(context, 'identity:list_endpoint_groups');
  const conditions = pageConditions(query);
  if (query.name !== undefined) conditions.push(sql`name = ${query.name}`);
  return selectEndpointGroups(context.tx, conditions, rowsFor(query));
}

export async function getEndpointGroup(context: Context, id: string, rule = 'identity:get_endpoint_group'): Promise<EndpointGroup> {
  demand(context, rule);
  return knownGroup(context, id);
}

export async function createEndpointGroup(context: Context, group: EndpointGroup): Promise<EndpointGroup> {
  demand(context, 'identity:create_endpoint_group');
  await insertEndpointGroup(context.tx, group);
  return group;
}

export async function updateEndpointGroup(context: Context, id: string, change: Partial<EndpointGroup>): Promise<EndpointGroup> {
  const after = { ...(await getEndpointGroup(context, id, 'identity:update_endpoint_group')), ...change, id };
  await storeEndpointGroup(context.tx, after);
  return after;
}

export async function deleteEndpointGroup(context: Context, id: string): Promise<void> {
  await getEndpointGroup(context, id, 'identity:delete_endpoint_group');
  await removeEndpointGroup(context.tx, id);
}

export async function listEndpointsOfGroup(context: Context, id: string): Promise<Endpoint[]> {
  await getEndpointGroup(context, id, 'identity:list_endpoints_associated_with_endpoint_group');
  return listEndpoints(context.tx, [endpointOfGroup(id)], most);
}

export async function listProjectsOfGroup(context: Context, id: string): Promise<Project[]> {
  await getEndpointGroup(context, id, 'identity:list_projects_associated_with_endpoint_group');
  return listProjects(context.tx, [projectOfGroup(id)], most);
}

export async function demandGroupInProject(context: Context, groupId: string, projectId: string): Promise<void> {
  await demandBoth(context, 'identity:get_endpoint_group_in_project', groupId, projectId);
  if (!(await hasProjectGroup(context.tx, projectId, groupId))) throw notAssociated();
}

export async function addGroupToProject(context: Context, groupId: string, projectId: string): Promise<void> {
  await demandBoth(context, 'identity:add_endpoint_group_to_project', groupId, projectId);
  if (!(await insertProjectGroup(context.tx, projectId, groupId))) throw alreadyThere('project_endpoint_group', 'Duplicate entry');
}

export async function removeGroupFromProject(context: Context, groupId: string, projectId: string): Promise<void> {
  await demandBoth(context, 'identity:remove_endpoint_group_from_project', groupId, projectId);
  if (!(await deleteProjectGroup(context.tx, projectId, groupId))) throw notAssociated();
}

async function demandBoth(context: Context, rule: string, groupId: string, projectId: string): Promise<void> {
  demand(context, rule);
  await demandProject(context, projectId);
  await knownGroup(context, groupId);
}

export async function listEndpointsOfProject(context: Context, projectId: string): Promise<Endpoint[]> {
  demand(context, 'identity:list_endpoints_for_project');
  await demandProject(context, projectId);
  return listEndpoints(context.tx, [endpointOfProject(projectId)], most);
}

export async function listGroupsOfProject(context: Context, projectId: string): Promise<EndpointGroup[]> {
  demand(context, 'identity:list_endpoint_groups_for_project');
  await demandProject(context, projectId);
  return selectEndpointGroups(context.tx, [groupOfProject(projectId)], most);
}

export async function listProjectsOfEndpoint(context: Context, endpointId: string): Promise<Project[]> {
  demand(context, 'identity:list_projects_for_endpoint');
  if (!(await findEndpoint(context.tx, endpointId))) throw couldNotFind('endpoint', endpointId);
  return listProjects(context.tx, [projectOfEndpoint(endpointId)], most);
}

export async function demandEndpointInProject(context: Context, projectId: string, endpointId: string): Promise<void> {
  await demandPair(context, 'identity:check_endpoint_in_project', projectId, endpointId);
  if (!(await hasProjectEndpoint(context.tx, projectId, endpointId))) throw endpointNotInProject(projectId, endpointId);
}

export async function addEndpointToProject(context: Context, projectId: string, endpointId: string): Promise<void> {
  await demandPair(context, 'identity:add_endpoint_to_project', projectId, endpointId);
  if (!(await insertProjectEndpoint(context.tx, projectId, endpointId))) throw alreadyThere('project_endpoint', 'Duplicate entry');
}

export async function removeEndpointFromProject(context: Context, projectId: string, endpointId: string): Promise<void> {
  demand(context, 'identity:remove_endpoint_from_project');
  if (!(await deleteProjectEndpoint(context.tx, projectId, endpointId))) throw endpointNotInProject(projectId, endpointId);
}

async function demandPair(context: Context, rule: string, projectId: string, endpointId: string): Promise<void> {
  demand(context, rule);
  if (!(await findEndpoint(context.tx, endpointId))) throw couldNotFind('endpoint', endpointId);
  await demandProject(context, projectId);
}

async function demandProject({ tx }: Context, id: string): Promise<void> {
  if (!(await findProject(tx, id))) throw couldNotFind('project', id);
}

async function knownGroup({ tx }: Context, id: string): Promise<EndpointGroup> {
  const group = await findEndpointGroup(tx, id);
  if (!group) throw notFound(`Could not find Endpoint Group: ${id}.`, 'EndpointGroupNotFound');
  return group;
}

const notAssociated = () => notFound('Project Endpoint Group not found', 'NotFound');
const endpointNotInProject = (projectId: string, endpointId: string) => notFound(`Endpoint ${endpointId} not found in project ${projectId}`, 'NotFound');
