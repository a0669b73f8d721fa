import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { address, description, id, links, listQuery, name, nullable, owner, showQuery, shownOwner, shownStandard, shownTags, standardFilters, strict, tagFilters, text, wholeNumber, wishRules } from './attributes.ts';

const Pool = Type.Object({ start: address, end: address }, strict);
const Route = Type.Object({ destination: address, nexthop: address }, strict);

export const Subnet = Type.Object({
  ...shownOwner,
  ...shownStandard,
  ...shownTags,
  name: Type.String(),
  network_id: Type.String(),
  ip_version: Type.Integer(),
  cidr: Type.String(),
  gateway_ip: nullable(Type.String()),
  enable_dhcp: Type.Boolean(),
  allocation_pools: Type.Array(Pool),
  dns_nameservers: Type.Array(Type.String()),
  host_routes: Type.Array(Route),
  ipv6_ra_mode: nullable(Type.String()),
  ipv6_address_mode: nullable(Type.String()),
  subnetpool_id: nullable(Type.String()),
  service_types: Type.Array(Type.String()),
  'router:external': Type.Boolean(),
});

const settable = {
  name: Type.Optional(name),
  description: Type.Optional(description),
  gateway_ip: Type.Optional(nullable(address)),
  enable_dhcp: Type.Optional(Type.Boolean()),
  allocation_pools: Type.Optional(Type.Array(Pool, { maxItems: 100 })),
  dns_nameservers: Type.Optional(Type.Array(address, { maxItems: 100 })),
  host_routes: Type.Optional(Type.Array(Route, { maxItems: 100 })),
  service_types: Type.Optional(Type.Array(text(255), { maxItems: 100 })),
};

const NewSubnet = Type.Object(
  {
    ...owner,
    ...settable,
    network_id: id,
    ip_version: wholeNumber,
    cidr: Type.Optional(nullable(address)),
    ipv6_ra_mode: Type.Optional(nullable(text(32))),
    ipv6_address_mode: Type.Optional(nullable(text(32))),
    subnetpool_id: Type.Optional(nullable(id)),
    use_default_subnetpool: Type.Optional(Type.Boolean()),
    prefixlen: Type.Optional(nullable(wholeNumber)),
  },
  strict,
);

export const subnets = operations({
  list: {
    method: 'GET', path: '/subnets', summary: 'List subnets', stability: 'stable',
    access: { rule: 'get_subnet', who: 'reader', adminEverywhere: true },
    query: listQuery([...standardFilters, ...tagFilters, 'network_id', 'ip_version', 'cidr', 'gateway_ip', 'enable_dhcp', 'shared', 'ipv6_ra_mode', 'ipv6_address_mode', 'subnetpool_id', 'router:external']),
    status: 200,
    response: Type.Object({ subnets: Type.Array(Type.Partial(Subnet)), subnets_links: Type.Optional(links) }),
    list: { resource: 'subnet', show: 'show', parameter: 'subnet_id' },
  },
  create: {
    method: 'POST', path: '/subnets', summary: 'Create subnets', stability: 'stable',
    access: { rule: 'create_subnet', who: 'member', adminEverywhere: true },
    body: Type.Object({ subnet: Type.Optional(NewSubnet), subnets: Type.Optional(Type.Array(NewSubnet, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ subnet: Type.Optional(Subnet), subnets: Type.Optional(Type.Array(Subnet)) }),
  },
  show: {
    method: 'GET', path: '/subnets/{subnet_id}', summary: 'Show a subnet', stability: 'stable',
    access: { rule: 'get_subnet', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ subnet: Type.Partial(Subnet) }),
  },
  update: {
    method: 'PUT', path: '/subnets/{subnet_id}', summary: 'Update a subnet', stability: 'stable',
    access: { rule: 'update_subnet', who: 'member', adminEverywhere: true },
    body: Type.Object({ subnet: Type.Object(settable, strict) }, strict),
    status: 200,
    response: Type.Object({ subnet: Subnet }),
  },
  delete: {
    method: 'DELETE', path: '/subnets/{subnet_id}', summary: 'Delete a subnet', stability: 'stable',
    access: { rule: 'delete_subnet', who: 'member', adminEverywhere: true },
    status: 204,
  },
});
