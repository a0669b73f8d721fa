import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { address, description, id, links, listQuery, name, nullable, owner, showQuery, shownOwner, shownStandard, shownTags, standardFilters, strict, tagFilters, wishRules } from './attributes.ts';

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
      external_fixed_ips: Type.Array(Type.Object({ subnet_id: Type.String(), ip_address: Type.String() })),
    }),
  ),
  routes: Type.Array(Route),
});

const Gateway = Type.Object(
  {
    network_id: Type.Optional(nullable(id)),
    enable_snat: Type.Optional(Type.Boolean()),
    external_fixed_ips: Type.Optional(Type.Array(Type.Object({ subnet_id: Type.Optional(id), ip_address: Type.Optional(address) }, strict), { maxItems: 10 })),
  },
  strict,
);

const settable = {
  name: Type.Optional(name),
  description: Type.Optional(description),
  admin_state_up: Type.Optional(Type.Boolean()),
  external_gateway_info: Type.Optional(nullable(Gateway)),
};

const NewRouter = Type.Object({ ...owner, ...settable }, strict);

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

export const routers = operations({
  list: {
    method: 'GET', path: '/routers', summary: 'List routers', stability: 'stable',
    access: { rule: 'get_router', who: 'reader', adminEverywhere: true },
    query: listQuery([...standardFilters, ...tagFilters, 'admin_state_up', 'status']),
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
  removeRoutes: {
    method: 'PUT', path: '/routers/{router_id}/remove_extraroutes', summary: 'Remove routes', stability: 'stable',
    access: { rule: 'remove_extraroutes', who: 'member', adminEverywhere: true },
    body: RoutesWish,
    status: 200,
    response: Type.Object({ router: Router }),
  },
});
