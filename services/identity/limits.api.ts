/** The doors of limits. keystone/api/{registered_limits,limits}.py */
import { limits as limitsContract, registeredLimits as registeredContract } from '../../contract/identity/limits.ts';
import { implement } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import { given } from './domains.api.ts';
import {
  createLimits,
  createRegisteredLimits,
  deleteLimit,
  deleteRegisteredLimit,
  getLimit,
  getRegisteredLimit,
  listLimits,
  listRegisteredLimits,
  showModel,
  updateLimit,
  updateRegisteredLimit,
  type Limit,
  type RegisteredLimit,
} from './limits.ts';
import { pageOf } from './pages.ts';
import { newId } from './parts.ts';

type Links = { url(path: string): string };

export const registeredLimitsDoor = implement(registeredContract, {
  async list(request) {
    const { items, rest } = pageOf(request, await listRegisteredLimits(request, request.query));
    return { registered_limits: items.map((limit) => registeredView(limit, request)), ...rest };
  },
  async create(request) {
    const wanted = request.body.registered_limits.map(({ service_id: serviceId, region_id: regionId = null, resource_name: resourceName, default_limit: defaultLimit, description = null }) => ({
      id: newId(request),
      serviceId,
      regionId,
      resourceName,
      defaultLimit,
      description,
    }));
    const made = await createRegisteredLimits(request, wanted);
    for (const { id } of made) await announce(request, 'registered_limit', 'created', id);
    return { registered_limits: made.map((limit) => registeredView(limit, request)) };
  },
  async show(request) {
    return { registered_limit: registeredView(await getRegisteredLimit(request, request.params.registered_limit_id), request) };
  },
  async update(request) {
    const { service_id: serviceId, region_id: regionId, resource_name: resourceName, default_limit: defaultLimit, description } = request.body.registered_limit;
    const limit = await updateRegisteredLimit(request, request.params.registered_limit_id, given({ serviceId, regionId, resourceName, defaultLimit, description }));
    await announce(request, 'registered_limit', 'updated', limit.id);
    return { registered_limit: registeredView(limit, request) };
  },
  async delete(request) {
    await deleteRegisteredLimit(request, request.params.registered_limit_id);
    await announce(request, 'registered_limit', 'deleted', request.params.registered_limit_id);
  },
});

export const limitsDoor = implement(limitsContract, {
  async list(request) {
    const { items, rest } = pageOf(request, await listLimits(request, request.query));
    return { limits: items.map((limit) => limitView(limit, request)), ...rest };
  },
  async create(request) {
    const wanted = request.body.limits.map(
      ({ service_id: serviceId, region_id: regionId = null, resource_name: resourceName, resource_limit: resourceLimit, project_id: projectId = null, domain_id: domainId = null, description = null }) => ({
        id: newId(request),
        serviceId,
        regionId,
        resourceName,
        resourceLimit,
        projectId,
        domainId,
        description,
      }),
    );
    const made = await createLimits(request, wanted);
    for (const { id } of made) await announce(request, 'limit', 'created', id);
    return { limits: made.map((limit) => limitView(limit, request)) };
  },
  async model(request) {
    return { model: await showModel(request) };
  },
  async show(request) {
    return { limit: limitView(await getLimit(request, request.params.limit_id), request) };
  },
  async update(request) {
    const { resource_limit: resourceLimit, description } = request.body.limit;
    const limit = await updateLimit(request, request.params.limit_id, given({ resourceLimit, description }));
    await announce(request, 'limit', 'updated', limit.id);
    return { limit: limitView(limit, request) };
  },
  async delete(request) {
    await deleteLimit(request, request.params.limit_id);
    await announce(request, 'limit', 'deleted', request.params.limit_id);
  },
});

function registeredView({ id, serviceId, regionId, resourceName, defaultLimit, description }: RegisteredLimit, { url }: Links) {
  return { id, service_id: serviceId, region_id: regionId, resource_name: resourceName, default_limit: defaultLimit, description, links: { self: url(`/registered_limits/${id}`) } };
}

function limitView(limit: Limit, { url }: Links) {
  return { ...innerLimitView(limit), links: { self: url(`/limits/${limit.id}`) } };
}

/** Inside of what it is of. */
export function innerLimitView({ id, serviceId, regionId, resourceName, resourceLimit, projectId, domainId, description }: Limit) {
  return { id, service_id: serviceId, region_id: regionId, resource_name: resourceName, resource_limit: resourceLimit, project_id: projectId, domain_id: domainId, description };
}
