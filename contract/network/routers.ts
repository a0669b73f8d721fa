import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { address, description, id, links, listQuery, name, nullable, owner, showQuery, shownOwner, shownStandard, shownTags, standardFilters, strict, tagFilters, text, wishRules } from './attributes.ts';

const fixedIps = Type.Array(Type.Object({ subnet_id: Type.String(), ip_address: Type.String() }));

const Route = Type.Object({ destination: address, nexthop: address }, strict);

export const Router = Type.Object({
  ...shownOwner,
  ...shownStandard,
  ...shownTags,
  name: Type.String(),
  admin_state_up: Type.Boolean(),
  status: Type.String(),
  external_gateway_info: nullable(
    Type.Object({
      network_id: Type.String(),
      enable_snat: Type.Boolean(),
      qos_policy_id: Type.Optional(nullable(Type.String())),
      external_fixed_ips: fixedIps,
    }),
  ),
  /** The first is that of `external_gateway_info`. */
  external_gateways: Type.Array(Type.Object({ network_id: Type.String(), external_fixed_ips: fixedIps })),
  enable_default_route_ecmp: Type.Boolean(),
  enable_default_route_bfd: Type.Boolean(),
  enable_ndp_proxy: Type.Boolean(),
  /** As that of the gateway, also without one: what it would be. */
  enable_snat: Type.Boolean(),
  routes: Type.Array(Route),
  ha: Type.Optional(Type.Boolean()),
  availability_zone_hints: Type.Array(Type.String()),
  availability_zones: Type.Array(Type.String()),
  /** By which its provider was chosen. */
  flavor_id: nullable(Type.String()),
});

const gatewayOptions = {
  enable_snat: Type.Optional(Type.Boolean()),
  external_fixed_ips: Type.Optional(Type.Array(Type.Object({ subnet_id: Type.Optional(id), ip_address: Type.Optional(address) }, strict), { maxItems: 10 })),
};
const Gateway = Type.Object({ network_id: Type.Optional(nullable(id)), qos_policy_id: Type.Optional(nullable(id)), ...gatewayOptions }, strict);

const settable = {
  name: Type.Optional(name),
  description: Type.Optional(description),
  admin_state_up: Type.Optional(Type.Boolean()),
  external_gateway_info: Type.Optional(nullable(Gateway)),
  ha: Type.Optional(nullable(Type.Boolean())),
  enable_default_route_ecmp: Type.Optional(nullable(Type.Boolean())),
  enable_default_route_bfd: Type.Optional(nullable(Type.Boolean())),
  enable_ndp_proxy: Type.Optional(nullable(Type.Boolean())),
};

const NewRouter = Type.Object({ ...owner, ...settable, flavor_id: Type.Optional(nullable(text(255))), availability_zone_hints: Type.Optional(Type.Array(text(255), { maxItems: 10 })) }, strict);

const InterfaceWish = Type.Object({ subnet_id: Type.Optional(id), port_id: Type.Optional(id) }, strict);
const Interface = Type.Object({
  id: Type.String(),
  project_id: Type.String(),
  tenant_id: Type.String(),
  port_id: Type.String(),
  network_id: Type.String(),
  subnet_id: Type.String(),
  subnet_ids: Type.Array(Type.String()),
});

const RoutesWish = Type.Object({ router: Type.Object({ routes: Type.Array(Route, { maxItems: 30 }) }, strict) }, strict);

const GatewaysWish = Type.Object({ router: Type.Object({ external_gateways: Type.Optional(Type.Array(Type.Object({ network_id: id, ...gatewayOptions }, strict), { maxItems: 16 })) }, strict) }, strict);

export const routers = operations({
  list: {
    method: 'GET', path: '/routers', summary: 'List routers', stability: 'stable',
    access: { rule: 'get_router', who: 'reader', adminEverywhere: true },
    query: listQuery([...standardFilters, ...tagFilters, 'admin_state_up', 'status', 'enable_snat', 'enable_ndp_proxy']),
    status: 200,
    response: Type.Object({ routers: Type.Array(Type.Partial(Router)), routers_links: Type.Optional(links) }),
    list: { resource: 'router', show: 'show', parameter: 'router_id' },
  },
  create: {
    method: 'POST', path: '/routers', summary: 'Create routers', stability: 'stable',
    access: { rule: 'create_router', who: 'member', adminEverywhere: true },
    body: Type.Object({ router: Type.Optional(NewRouter), routers: Type.Optional(Type.Array(NewRouter, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ router: Type.Optional(Router), routers: Type.Optional(Type.Array(Router)) }),
  },
  show: {
    method: 'GET', path: '/routers/{router_id}', summary: 'Show a router', stability: 'stable',
    access: { rule: 'get_router', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ router: Type.Partial(Router) }),
  },
  update: {
    method: 'PUT', path: '/routers/{router_id}', summary: 'Update a router', stability: 'stable',
    access: { rule: 'update_router', who: 'member', adminEverywhere: true },
    body: Type.Object({ router: Type.Object({ ...settable, routes: Type.Optional(nullable(Type.Array(Route, { maxItems: 30 }))) }, strict) }, strict),
    status: 200,
    response: Type.Object({ router: Router }),
  },
  delete: {
    method: 'DELETE', path: '/routers/{router_id}', summary: 'Delete a router', stability: 'stable',
    access: { rule: 'delete_router', who: 'member', adminEverywhere: true },
    status: 204,
  },
  addInterface: {
    method: 'PUT', path: '/routers/{router_id}/add_router_interface', summary: 'Plug a subnet or a port into a router', stability: 'stable',
    access: { rule: 'add_router_interface', who: 'member', adminEverywhere: true },
    body: InterfaceWish,
    status: 200,
    response: Interface,
  },
  removeInterface: {
    method: 'PUT', path: '/routers/{router_id}/remove_router_interface', summary: 'Unplug a subnet or a port from a router', stability: 'stable',
    access: { rule: 'remove_router_interface', who: 'member', adminEverywhere: true },
    body: InterfaceWish,
    status: 200,
    response: Interface,
  },
  addRoutes: {
    method: 'PUT', path: '/routers/{router_id}/add_extraroutes', summary: 'Add routes', stability: 'stable',
    access: { rule: 'add_extraroutes', who: 'member', adminEverywhere: true },
    body: RoutesWish,
    status: 200,
    response: Type.Object({ router: Router }),
  },
  addGateways: {
    method: 'PUT', path: '/routers/{router_id}/add_external_gateways', summary: 'Give a router further ways out', stability: 'stable',
    access: { rule: 'add_external_gateways', who: 'member', adminEverywhere: true },
    body: GatewaysWish,
    status: 200,
    response: Type.Object({ router: Router }),
  },
  updateGateways: {
    method: 'PUT', path: '/routers/{router_id}/update_external_gateways', summary: 'Say which ways out a router has', stability: 'stable',
    access: { rule: 'update_external_gateways', who: 'member', adminEverywhere: true },
    body: GatewaysWish,
    status: 200,
    response: Type.Object({ router: Router }),
  },
  removeGateways: {
    method: 'PUT', path: '/routers/{router_id}/remove_external_gateways', summary: 'Take ways out from a router', stability: 'stable',
    access: { rule: 'remove_external_gateways', who: 'member', adminEverywhere: true },
    body: GatewaysWish,
    status: 200,
    response: Type.Object({ router: Router }),
  },
  removeRoutes: {
    method: 'PUT', path: '/routers/{router_id}/remove_extraroutes', summary: 'Remove routes', stability: 'stable',
    access: { rule: 'remove_extraroutes', who: 'member', adminEverywhere: true },
    body: RoutesWish,
    status: 200,
    response: Type.Object({ router: Router }),
  },
});
