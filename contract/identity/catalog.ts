/** keystone/catalog/schema.py: where the services are. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Description, Id, listOf, Name, nameFilters, pageQuery, SelfLink } from './shapes.ts';

const ServiceType = Type.String({ minLength: 1, maxLength: 255 });
const serviceGiven = { name: Type.Optional(Name), description: Type.Optional(Description), enabled: Type.Optional(Type.Boolean()) };
export const CatalogService = Type.Object({
  id: Type.String(),
  type: Type.String(),
  name: Type.Optional(Type.String()),
  description: Type.Optional(Description),
  enabled: Type.Boolean(),
  links: SelfLink,
});
const ServiceShown = Type.Object({ service: CatalogService });

export const services = operations({
  list: {
    method: 'GET',
    path: '/services',
    summary: 'List services',
    access: { rule: 'identity:list_services', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, ...nameFilters, type: Type.Optional(Type.String()) }),
    status: 200,
    response: listOf('services', CatalogService),
    list: { resource: 'service', show: 'show', parameter: 'service_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/services',
    summary: 'Create a service',
    access: { rule: 'identity:create_service', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({ service: Type.Object({ type: ServiceType, ...serviceGiven }) }),
    status: 201,
    response: ServiceShown,
  },
  show: {
    method: 'GET',
    path: '/services/{service_id}',
    summary: 'Show a service',
    access: { rule: 'identity:get_service', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: ServiceShown,
  },
  update: {
    method: 'PATCH',
    path: '/services/{service_id}',
    summary: 'Change a service',
    access: { rule: 'identity:update_service', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({ service: Type.Object({ id: Type.Optional(Id), type: Type.Optional(ServiceType), ...serviceGiven }) }),
    status: 200,
    response: ServiceShown,
  },
  delete: {
    method: 'DELETE',
    path: '/services/{service_id}',
    summary: 'Delete a service and its endpoints',
    access: { rule: 'identity:delete_service', who: 'admin', judged: true },
    stability: 'stable',
    status: 204,
  },
});

const Interface = Type.Enum(['admin', 'internal', 'public']);
const Url = Type.String({ minLength: 1, maxLength: 225, pattern: '^https?://.+' });
const endpointGiven = {
  region_id: Type.Optional(Type.Union([Id, Type.Null()])),
  region: Type.Optional(Type.Union([Id, Type.Null()])),
  name: Type.Optional(Type.String({ maxLength: 255 })),
  description: Type.Optional(Description),
  enabled: Type.Optional(Type.Boolean()),
};
export const Endpoint = Type.Object({
  id: Type.String(),
  interface: Type.String(),
  service_id: Type.String(),
  region_id: Type.Union([Type.String(), Type.Null()]),
  region: Type.Union([Type.String(), Type.Null()]),
  url: Type.String(),
  enabled: Type.Boolean(),
  links: SelfLink,
});
const EndpointShown = Type.Object({ endpoint: Endpoint });

export const endpoints = operations({
  list: {
    method: 'GET',
    path: '/endpoints',
    summary: 'List endpoints',
    access: { rule: 'identity:list_endpoints', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({
      ...pageQuery,
      interface: Type.Optional(Type.String()),
      service_id: Type.Optional(Type.String()),
      region_id: Type.Optional(Type.String()),
    }),
    status: 200,
    response: listOf('endpoints', Endpoint),
    list: { resource: 'endpoint', show: 'show', parameter: 'endpoint_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/endpoints',
    summary: 'Create an endpoint',
    access: { rule: 'identity:create_endpoint', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({ endpoint: Type.Object({ interface: Interface, service_id: Id, url: Url, ...endpointGiven }) }),
    status: 201,
    response: EndpointShown,
  },
  show: {
    method: 'GET',
    path: '/endpoints/{endpoint_id}',
    summary: 'Show an endpoint',
    access: { rule: 'identity:get_endpoint', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: EndpointShown,
  },
  update: {
    method: 'PATCH',
    path: '/endpoints/{endpoint_id}',
    summary: 'Change an endpoint',
    access: { rule: 'identity:update_endpoint', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({
      endpoint: Type.Object({ id: Type.Optional(Id), interface: Type.Optional(Interface), service_id: Type.Optional(Id), url: Type.Optional(Url), ...endpointGiven }),
    }),
    status: 200,
    response: EndpointShown,
  },
  delete: {
    method: 'DELETE',
    path: '/endpoints/{endpoint_id}',
    summary: 'Delete an endpoint',
    access: { rule: 'identity:delete_endpoint', who: 'admin', judged: true },
    stability: 'stable',
    status: 204,
  },
});

const RegionId = Type.String({ maxLength: 255 });
export const Region = Type.Object({
  id: Type.String(),
  description: Type.String(),
  parent_region_id: Type.Union([Type.String(), Type.Null()]),
  links: SelfLink,
});
const RegionShown = Type.Object({ region: Region });
const regionGiven = { description: Type.Optional(Description), parent_region_id: Type.Optional(Type.Union([RegionId, Type.Null()])) };

export const regions = operations({
  list: {
    method: 'GET',
    path: '/regions',
    summary: 'List regions',
    access: { rule: 'identity:list_regions', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, parent_region_id: Type.Optional(Type.String()) }),
    status: 200,
    response: listOf('regions', Region),
    list: { resource: 'region', show: 'show', parameter: 'region_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/regions',
    summary: 'Create a region',
    access: { rule: 'identity:create_region', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({ region: Type.Object({ id: Type.Optional(RegionId), ...regionGiven }) }),
    status: 201,
    response: RegionShown,
  },
  createNamed: {
    method: 'PUT',
    path: '/regions/{region_id}',
    summary: 'Create a region with this id',
    access: { rule: 'identity:create_region', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({ region: Type.Object({ id: Type.Optional(RegionId), ...regionGiven }) }),
    status: 201,
    response: RegionShown,
  },
  show: {
    method: 'GET',
    path: '/regions/{region_id}',
    summary: 'Show a region',
    access: { rule: 'identity:get_region', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: RegionShown,
  },
  update: {
    method: 'PATCH',
    path: '/regions/{region_id}',
    summary: 'Change a region',
    access: { rule: 'identity:update_region', who: 'admin', judged: true },
    stability: 'stable',
    body: Type.Object({ region: Type.Object({ id: Type.Optional(RegionId), ...regionGiven }) }),
    status: 200,
    response: RegionShown,
  },
  delete: {
    method: 'DELETE',
    path: '/regions/{region_id}',
    summary: 'Delete a region that has no endpoints',
    access: { rule: 'identity:delete_region', who: 'admin', judged: true },
    stability: 'stable',
    status: 204,
  },
});
