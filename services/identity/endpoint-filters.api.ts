/** The doors of which endpoints projects see. keystone/api/os_ep_filter.py */
import { endpointGroups as groupsContract, projectEndpoints as endpointsContract } from '../../contract/identity/endpoint-filters.ts';
import { implement } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { endpointView } from './catalog.api.ts';
import { given } from './domains.api.ts';
import {
  addEndpointToProject,
  addGroupToProject,
  createEndpointGroup,
  deleteEndpointGroup,
  demandEndpointInProject,
  demandGroupInProject,
  getEndpointGroup,
  listEndpointGroups,
  listEndpointsOfGroup,
  listEndpointsOfProject,
  listGroupsOfProject,
  listProjectsOfEndpoint,
  listProjectsOfGroup,
  removeEndpointFromProject,
  removeGroupFromProject,
  updateEndpointGroup,
  type EndpointGroup,
} from './endpoint-filters.ts';
import { pageOf, wholeList } from './pages.ts';
import { newId } from './parts.ts';
import { projectView } from './projects.api.ts';

export const endpointGroupsDoor = implement(groupsContract, {
  async list(request) {
    const { items, rest } = pageOf(request, await listEndpointGroups(request, request.query));
    return { endpoint_groups: items.map((group) => groupView(group, request)), ...rest };
  },
  async create(request) {
    const { name, description = null, filters } = request.body.endpoint_group;
    const group = await createEndpointGroup(request, { id: newId(request), name, description, filters });
    await announce(request, 'endpoint_group', 'created', group.id);
    return { endpoint_group: groupView(group, request) };
  },
  async show(request) {
    return { endpoint_group: groupView(await getEndpointGroup(request, request.params.endpoint_group_id), request) };
  },
  async update(request) {
    const { name, description, filters } = request.body.endpoint_group;
    const group = await updateEndpointGroup(request, request.params.endpoint_group_id, given({ name, description, filters }));
    await announce(request, 'endpoint_group', 'updated', group.id);
    return { endpoint_group: groupView(group, request) };
  },
  async delete(request) {
    await deleteEndpointGroup(request, request.params.endpoint_group_id);
    await announce(request, 'endpoint_group', 'deleted', request.params.endpoint_group_id);
  },
  async listEndpoints(request) {
    const endpoints = await listEndpointsOfGroup(request, request.params.endpoint_group_id);
    return { endpoints: endpoints.map((endpoint) => endpointView(endpoint, request)), ...wholeList(request) };
  },
  async listProjects(request) {
    const projects = await listProjectsOfGroup(request, request.params.endpoint_group_id);
    return { projects: projects.map((project) => projectView(project, request)), ...wholeList(request) };
  },
  async showProject(request) {
    const { endpoint_group_id: groupId, project_id: projectId } = request.params;
    await demandGroupInProject(request, groupId, projectId);
    return { project_endpoint_group: { endpoint_group_id: groupId, project_id: projectId, links: { self: request.url(`/OS-EP-FILTER/endpoint_groups/${groupId}/projects/${projectId}`) } } };
  },
  async addProject(request) {
    await addGroupToProject(request, request.params.endpoint_group_id, request.params.project_id);
    await announce(request, 'endpoint_group', 'updated', request.params.endpoint_group_id, request.params);
  },
  async removeProject(request) {
    await removeGroupFromProject(request, request.params.endpoint_group_id, request.params.project_id);
    await announce(request, 'endpoint_group', 'updated', request.params.endpoint_group_id, request.params);
  },
});

export const projectEndpointsDoor = implement(endpointsContract, {
  async list(request) {
    const endpoints = await listEndpointsOfProject(request, request.params.project_id);
    return { endpoints: endpoints.map((endpoint) => endpointView(endpoint, request)), ...wholeList(request) };
  },
  async check(request) {
    await demandEndpointInProject(request, request.params.project_id, request.params.endpoint_id);
  },
  async add(request) {
    await addEndpointToProject(request, request.params.project_id, request.params.endpoint_id);
    await announce(request, 'endpoint', 'updated', request.params.endpoint_id, request.params);
  },
  async remove(request) {
    await removeEndpointFromProject(request, request.params.project_id, request.params.endpoint_id);
    await announce(request, 'endpoint', 'updated', request.params.endpoint_id, request.params);
  },
  async listGroups(request) {
    const groups = await listGroupsOfProject(request, request.params.project_id);
    return { endpoint_groups: groups.map((group) => groupView(group, request)), ...wholeList(request) };
  },
  async listProjects(request) {
    const projects = await listProjectsOfEndpoint(request, request.params.endpoint_id);
    return { projects: projects.map((project) => projectView(project, request)), ...wholeList(request) };
  },
});

function groupView({ id, name, description, filters }: EndpointGroup, { url }: { url(path: string): string }) {
  return { id, name, description, filters, links: { self: url(`/OS-EP-FILTER/endpoint_groups/${id}`) } };
}
