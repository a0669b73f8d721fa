/** Which endpoints a project sees: keystone/api/os_ep_filter.py. A project that none is given to sees all. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Endpoint } from './catalog.ts';
import { Project } from './projects.ts';
import { Description, Id, listOf, Name, pageQuery, SelfLink } from './shapes.ts';

const Filters = Type.Object(
  { interface: Type.Optional(Type.Enum(['admin', 'internal', 'public'])), service_id: Type.Optional(Id), region_id: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) },
  { additionalProperties: false, minProperties: 1 },
);
export const EndpointGroup = Type.Object({ id: Type.String(), name: Type.String(), description: Description, filters: Filters, links: SelfLink });
const Shown = Type.Object({ endpoint_group: EndpointGroup });
const groups = '/OS-EP-FILTER/endpoint_groups';
const group = `${groups}/{endpoint_group_id}` as const;

export const endpointGroups = operations({
  list: {
    method: 'GET',
    path: groups,
    summary: 'List endpoint groups',
    access: { rule: 'identity:list_endpoint_groups', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, name: Type.Optional(Type.String()) }),
    status: 200,
    response: listOf('endpoint_groups', EndpointGroup),
    list: { resource: 'endpoint_group', show: 'show', parameter: 'endpoint_group_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: groups,
    summary: 'Create a group of endpoints that are alike',
    access: { rule: 'identity:create_endpoint_group', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({ endpoint_group: Type.Object({ name: Name, description: Type.Optional(Description), filters: Filters }, { additionalProperties: false }) }),
    status: 201,
    response: Shown,
  },
  show: { method: 'GET', path: group, summary: 'Show an endpoint group', access: { rule: 'identity:get_endpoint_group', who: 'user', judged: true }, stability: 'stable', status: 200, response: Shown },
  update: {
    method: 'PATCH',
    path: group,
    summary: 'Change an endpoint group',
    access: { rule: 'identity:update_endpoint_group', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({ endpoint_group: Type.Object({ id: Type.Optional(Id), name: Type.Optional(Name), description: Type.Optional(Description), filters: Type.Optional(Filters) }, { additionalProperties: false }) }),
    status: 200,
    response: Shown,
  },
  delete: { method: 'DELETE', path: group, summary: 'Delete an endpoint group', access: { rule: 'identity:delete_endpoint_group', who: 'admin', judged: true }, stability: 'stable', status: 204 },
  listEndpoints: {
    method: 'GET',
    path: `${group}/endpoints`,
    summary: 'List the endpoints of a group',
    access: { rule: 'identity:list_endpoints_associated_with_endpoint_group', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: listOf('endpoints', Endpoint),
    list: { after: { endpoint_group: 'endpoint_group_id', endpoint: null } },
  },
  listProjects: {
    method: 'GET',
    path: `${group}/projects`,
    summary: 'List the projects that see the endpoints of a group',
    access: { rule: 'identity:list_projects_associated_with_endpoint_group', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: listOf('projects', Project),
    list: { after: { endpoint_group: 'endpoint_group_id', project: null } },
  },
  showProject: {
    method: 'GET',
    path: `${group}/projects/{project_id}`,
    summary: 'Show that a project sees the endpoints of a group',
    access: { rule: 'identity:get_endpoint_group_in_project', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: Type.Object({ project_endpoint_group: Type.Object({ endpoint_group_id: Type.String(), project_id: Type.String(), links: SelfLink }) }),
  },
  addProject: {
    method: 'PUT',
    path: `${group}/projects/{project_id}`,
    summary: 'Let a project see the endpoints of a group',
    access: { rule: 'identity:add_endpoint_group_to_project', who: 'admin', judged: true },
    stability: 'stable',
    status: 204,
  },
  removeProject: {
    method: 'DELETE',
    path: `${group}/projects/{project_id}`,
    summary: 'Let a project see the endpoints of a group no more',
    access: { rule: 'identity:remove_endpoint_group_from_project', who: 'admin', judged: true },
    stability: 'stable',
    status: 204,
  },
});

export const projectEndpoints = operations({
  list: {
    method: 'GET',
    path: '/OS-EP-FILTER/projects/{project_id}/endpoints',
    summary: 'List the endpoints that a project is given, alone or in groups',
    access: { rule: 'identity:list_endpoints_for_project', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: listOf('endpoints', Endpoint),
    list: { after: { project: 'project_id', endpoint_group: null, endpoint: null } },
  },
  check: {
    method: 'GET',
    path: '/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}',
    summary: 'Ask whether a project is given an endpoint',
    access: { rule: 'identity:check_endpoint_in_project', who: 'user', judged: true },
    stability: 'stable',
    status: 204,
  },
  add: {
    method: 'PUT',
    path: '/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}',
    summary: 'Give a project an endpoint',
    access: { rule: 'identity:add_endpoint_to_project', who: 'admin', judged: true },
    stability: 'stable',
    status: 204,
  },
  remove: {
    method: 'DELETE',
    path: '/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}',
    summary: 'Take an endpoint from a project',
    access: { rule: 'identity:remove_endpoint_from_project', who: 'admin', judged: true },
    stability: 'stable',
    status: 204,
  },
  listGroups: {
    method: 'GET',
    path: '/OS-EP-FILTER/projects/{project_id}/endpoint_groups',
    summary: 'List the endpoint groups that a project is given',
    access: { rule: 'identity:list_endpoint_groups_for_project', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: listOf('endpoint_groups', EndpointGroup),
    list: { after: { project: 'project_id', endpoint_group: null } },
  },
  listProjects: {
    method: 'GET',
    path: '/OS-EP-FILTER/endpoints/{endpoint_id}/projects',
    summary: 'List the projects that are given an endpoint',
    access: { rule: 'identity:list_projects_for_endpoint', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: listOf('projects', Project),
    list: { after: { endpoint: 'endpoint_id', project: null } },
  },
});
