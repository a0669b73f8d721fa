/** The doors of services, endpoints and regions. keystone/api/{services,endpoints,regions}.py */
import { endpoints as endpointsContract, regions as regionsContract, services as servicesContract } from '../../contract/identity/catalog.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { announce } from './announcements.ts';
import {
  createEndpoint,
  createRegion,
  createService,
  deleteEndpoint,
  deleteRegion,
  deleteService,
  ensureRegion,
  getEndpoint,
  getRegion,
  getService,
  listEndpoints,
  listRegions,
  listServices,
  updateEndpoint,
  updateRegion,
  updateService,
  type CatalogService,
  type Endpoint,
  type Region,
} from './catalog.ts';
import { given } from './domains.api.ts';
import { extraOf } from './extra.ts';
import { pageOf } from './pages.ts';
import { newId, type IdentityParts } from './parts.ts';
import { invalid } from './refusals.ts';

type Links = { url(path: string): string };

const serviceColumns = ['id', 'type', 'name', 'description', 'enabled', 'links'];
const endpointColumns = ['id', 'service_id', 'region_id', 'region', 'interface', 'url', 'enabled', 'links'];
const regionColumns = ['id', 'description', 'parent_region_id', 'links'];

export function servicesDoor(parts: IdentityParts) {
  return implement(servicesContract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listServices(request, request.query));
      return { services: items.map((service) => serviceView(service, request)), ...rest };
    },
    async create(request) {
      const { type, name = null, description = null, enabled = true } = request.body.service;
      const service = await createService(request, { id: newId(parts), type, name, description, enabled, extra: extraOf(request.body.service, serviceColumns) });
      await announce(request, 'service', 'created', service.id);
      return { service: serviceView(service, request) };
    },
    async show(request) {
      return { service: serviceView(await getService(request, request.params.service_id), request) };
    },
    async update(request) {
      const { type, name, description, enabled } = request.body.service;
      const service = await updateService(request, request.params.service_id, { ...given({ type, name, description, enabled }), extra: extraOf(request.body.service, serviceColumns) });
      await announce(request, 'service', 'updated', service.id);
      return { service: serviceView(service, request) };
    },
    async delete(request) {
      await deleteService(request, request.params.service_id);
      await announce(request, 'service', 'deleted', request.params.service_id);
    },
  });
}

export function endpointsDoor(parts: IdentityParts) {
  return implement(endpointsContract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listEndpoints(request, request.query));
      return { endpoints: items.map((endpoint) => endpointView(endpoint, request)), ...rest };
    },
    async create(request) {
      const { interface: face, service_id: serviceId, url, region_id: regionId, region, enabled = true } = request.body.endpoint;
      if (regionId == null && region != null) await regionOfOldClient(request, region);
      const endpoint = await createEndpoint(request, {
        id: newId(parts),
        serviceId,
        // `region` is what version 2 called it, and clients still send it.
        regionId: regionId ?? region ?? null,
        interface: face,
        url,
        enabled,
        ours: false,
        extra: extraOf(request.body.endpoint, endpointColumns),
      });
      await announce(request, 'endpoint', 'created', endpoint.id);
      return { endpoint: endpointView(endpoint, request) };
    },
    async show(request) {
      return { endpoint: endpointView(await getEndpoint(request, request.params.endpoint_id), request) };
    },
    async update(request) {
      const { interface: face, service_id: serviceId, url, region_id: regionId, region, enabled } = request.body.endpoint;
      if (regionId == null && region != null) await regionOfOldClient(request, region);
      const change = { ...given({ interface: face, serviceId, url, regionId: regionId ?? region, enabled }), extra: extraOf(request.body.endpoint, endpointColumns) };
      const endpoint = await updateEndpoint(request, request.params.endpoint_id, change);
      await announce(request, 'endpoint', 'updated', endpoint.id);
      return { endpoint: endpointView(endpoint, request) };
    },
    async delete(request) {
      await deleteEndpoint(request, request.params.endpoint_id);
      await announce(request, 'endpoint', 'deleted', request.params.endpoint_id);
    },
  });
}

/** keystone/api/endpoints.py, _validate_endpoint_region: version 2's clients named regions that nobody had made. */
async function regionOfOldClient(request: Context, id: string): Promise<void> {
  if (await ensureRegion(request, id)) await announce(request, 'region', 'created', id);
}

export function regionsDoor(parts: IdentityParts) {
  return implement(regionsContract, {
    async list(request) {
      const { items, rest } = pageOf(request, await listRegions(request, request.query));
      return { regions: items.map((region) => regionView(region, request)), ...rest };
    },
    async create(request) {
      const { id, description, parent_region_id: parentRegionId = null } = request.body.region;
      const region = await createRegion(request, { id: id || newId(parts), description: description ?? '', parentRegionId, extra: extraOf(request.body.region, regionColumns) });
      await announce(request, 'region', 'created', region.id);
      return { region: regionView(region, request) };
    },
    async createNamed(request) {
      const { id, description, parent_region_id: parentRegionId = null } = request.body.region;
      if (id !== undefined && id !== request.params.region_id) throw invalid(`Conflicting region IDs specified: "${request.params.region_id}" != "${id}"`);
      const region = await createRegion(request, { id: request.params.region_id, description: description ?? '', parentRegionId, extra: extraOf(request.body.region, regionColumns) });
      await announce(request, 'region', 'created', region.id);
      return { region: regionView(region, request) };
    },
    async show(request) {
      return { region: regionView(await getRegion(request, request.params.region_id), request) };
    },
    async update(request) {
      const { description, parent_region_id: parentRegionId } = request.body.region;
      const change = { ...given({ description: description === null ? '' : description, parentRegionId }), extra: extraOf(request.body.region, regionColumns) };
      const region = await updateRegion(request, request.params.region_id, change);
      await announce(request, 'region', 'updated', region.id);
      return { region: regionView(region, request) };
    },
    async delete(request) {
      await deleteRegion(request, request.params.region_id);
      await announce(request, 'region', 'deleted', request.params.region_id);
    },
  });
}

function serviceView({ id, type, name, description, enabled, extra }: CatalogService, { url }: Links) {
  return { ...extra, id, type, ...(name === null ? {} : { name }), ...(description === null ? {} : { description }), enabled, links: { self: url(`/services/${id}`) } };
}

export function endpointView({ id, serviceId, regionId, interface: face, url: address, enabled, extra }: Endpoint, { url }: Links) {
  return { ...extra, id, interface: face, service_id: serviceId, region_id: regionId, region: regionId, url: address, enabled, links: { self: url(`/endpoints/${id}`) } };
}

function regionView({ id, description, parentRegionId, extra }: Region, { url }: Links) {
  return { ...extra, id, description, parent_region_id: parentRegionId, links: { self: url(`/regions/${encodeURIComponent(id)}`) } };
}
