import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { description, links, listQuery, name, nullable, owner, showQuery, strict, text } from './attributes.ts';

/** The services that there are, in the names of neutron's plugins (neutron_lib/plugins/constants.py); only routers are given flavors. */
export const serviceTypes = ['L3_ROUTER_NAT', 'FLAVORS', 'QOS', 'PORTFORWARDING'] as const;

const Flavor = Type.Object({ id: Type.String(), name: Type.String(), description: nullable(Type.String()), service_type: Type.String(), enabled: Type.Boolean(), service_profiles: Type.Array(Type.String()) });
const settable = { name: Type.Optional(name), description: Type.Optional(nullable(description)), enabled: Type.Optional(Type.Boolean()) };
const Bound = Type.Object({ service_profile: Type.Object({ id: Type.String() }) });

export const flavors = operations({
  list: {
    method: 'GET', path: '/flavors', summary: 'List flavors of network services', stability: 'stable',
    access: { rule: 'get_flavor', who: 'reader' },
    query: listQuery(['id', 'name', 'description', 'service_type', 'enabled']),
    status: 200,
    response: Type.Object({ flavors: Type.Array(Type.Partial(Flavor)), flavors_links: Type.Optional(links) }),
    list: { resource: 'network_flavor', show: 'show', parameter: 'flavor_id', ofNoProject: true },
  },
  create: {
    method: 'POST', path: '/flavors', summary: 'Create a flavor of a network service', stability: 'stable',
    access: { rule: 'create_flavor', who: 'admin' },
    body: Type.Object({ flavor: Type.Object({ ...owner, ...settable, service_type: Type.Enum([...serviceTypes]) }, strict) }, strict),
    status: 201,
    response: Type.Object({ flavor: Flavor }),
  },
  show: {
    method: 'GET', path: '/flavors/{flavor_id}', summary: 'Show a flavor of a network service', stability: 'stable',
    access: { rule: 'get_flavor', who: 'reader' },
    query: showQuery,
    status: 200,
    response: Type.Object({ flavor: Type.Partial(Flavor) }),
  },
  update: {
    method: 'PUT', path: '/flavors/{flavor_id}', summary: 'Update a flavor of a network service', stability: 'stable',
    access: { rule: 'update_flavor', who: 'admin' },
    body: Type.Object({ flavor: Type.Object(settable, strict) }, strict),
    status: 200,
    response: Type.Object({ flavor: Flavor }),
  },
  delete: { method: 'DELETE', path: '/flavors/{flavor_id}', summary: 'Delete a flavor of a network service', stability: 'stable', access: { rule: 'delete_flavor', who: 'admin' }, status: 204 },
  addProfile: {
    method: 'POST', path: '/flavors/{flavor_id}/service_profiles', summary: 'Give a flavor a service profile', stability: 'stable',
    access: { rule: 'create_flavor_service_profile', who: 'admin' },
    body: Type.Object({ service_profile: Type.Object({ id: text(36) }, strict) }, strict),
    status: 201,
    response: Bound,
  },
  removeProfile: {
    method: 'DELETE', path: '/flavors/{flavor_id}/service_profiles/{profile_id}', summary: 'Take a service profile from a flavor', stability: 'stable',
    access: { rule: 'delete_flavor_service_profile', who: 'admin' },
    status: 204,
  },
});

const ServiceProfile = Type.Object({ id: Type.String(), description: nullable(Type.String()), driver: Type.String(), enabled: Type.Boolean(), metainfo: Type.String() });
const profileSettable = { description: Type.Optional(nullable(description)), driver: Type.Optional(text(1024)), metainfo: Type.Optional(text(4096)), enabled: Type.Optional(Type.Boolean()) };

export const serviceProfiles = operations({
  list: {
    method: 'GET', path: '/service_profiles', summary: 'List service profiles', stability: 'stable',
    access: { rule: 'get_service_profile', who: 'admin' },
    query: listQuery(['id', 'description', 'driver', 'enabled']),
    status: 200,
    response: Type.Object({ service_profiles: Type.Array(Type.Partial(ServiceProfile)), service_profiles_links: Type.Optional(links) }),
    list: { resource: 'service_profile', show: 'show', parameter: 'profile_id', ofNoProject: true },
  },
  create: {
    method: 'POST', path: '/service_profiles', summary: 'Create a service profile: which driver, and what it is told', stability: 'stable',
    access: { rule: 'create_service_profile', who: 'admin' },
    body: Type.Object({ service_profile: Type.Object({ ...owner, ...profileSettable }, strict) }, strict),
    status: 201,
    response: Type.Object({ service_profile: ServiceProfile }),
  },
  show: {
    method: 'GET', path: '/service_profiles/{profile_id}', summary: 'Show a service profile', stability: 'stable',
    access: { rule: 'get_service_profile', who: 'admin' },
    query: showQuery,
    status: 200,
    response: Type.Object({ service_profile: Type.Partial(ServiceProfile) }),
  },
  update: {
    method: 'PUT', path: '/service_profiles/{profile_id}', summary: 'Update a service profile that no flavor has', stability: 'stable',
    access: { rule: 'update_service_profile', who: 'admin' },
    body: Type.Object({ service_profile: Type.Object(profileSettable, strict) }, strict),
    status: 200,
    response: Type.Object({ service_profile: ServiceProfile }),
  },
  delete: { method: 'DELETE', path: '/service_profiles/{profile_id}', summary: 'Delete a service profile that no flavor has', stability: 'stable', access: { rule: 'delete_service_profile', who: 'admin' }, status: 204 },
});

export const serviceProviders = operations({
  list: {
    method: 'GET', path: '/service-providers', summary: 'List who provides network services', stability: 'stable',
    access: { rule: 'get_service_provider', who: 'reader' },
    query: Type.Object({ fields: Type.Optional(Type.Array(text(64), { maxItems: 64 })) }),
    status: 200,
    response: Type.Object({ service_providers: Type.Array(Type.Partial(Type.Object({ service_type: Type.String(), name: Type.String(), default: Type.Boolean() }))) }),
  },
});
