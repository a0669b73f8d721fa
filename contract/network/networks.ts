import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { description, id, listQuery, name, nullable, owner, links, showQuery, shownOwner, shownStandard, shownTags, standardFilters, strict, tagFilters, text, wholeNumber, wishRules } from './attributes.ts';

export const Network = Type.Object({
  ...shownOwner,
  ...shownStandard,
  ...shownTags,
  name: Type.String(),
  admin_state_up: Type.Boolean(),
  status: Type.Enum(['ACTIVE', 'DOWN', 'BUILD', 'ERROR']),
  shared: Type.Boolean(),
  subnets: Type.Array(Type.String()),
  mtu: Type.Integer(),
  dns_domain: Type.String(),
  availability_zone_hints: Type.Array(Type.String()),
  availability_zones: Type.Array(Type.String()),
  port_security_enabled: Type.Boolean(),
  vlan_transparent: Type.Boolean(),
  qos_policy_id: nullable(Type.String()),
  ipv4_address_scope: nullable(Type.String()),
  ipv6_address_scope: nullable(Type.String()),
  'router:external': Type.Boolean(),
  is_default: Type.Optional(Type.Boolean()),
  'provider:network_type': Type.Optional(nullable(Type.Enum(['geneve', 'flat', 'vlan']))),
  'provider:physical_network': Type.Optional(nullable(Type.String())),
  'provider:segmentation_id': Type.Optional(nullable(Type.Integer())),
  /** Of a network of several; it has none of the three then. */
  segments: Type.Optional(Type.Array(Type.Object({ 'provider:network_type': Type.Enum(['geneve', 'flat', 'vlan']), 'provider:physical_network': nullable(Type.String()), 'provider:segmentation_id': nullable(Type.Integer()) }))),
});

const place = {
  'provider:network_type': Type.Optional(nullable(text(32))),
  'provider:physical_network': Type.Optional(nullable(text(64))),
  'provider:segmentation_id': Type.Optional(nullable(wholeNumber)),
};

const settable = {
  name: Type.Optional(name),
  description: Type.Optional(description),
  admin_state_up: Type.Optional(Type.Boolean()),
  shared: Type.Optional(Type.Boolean()),
  mtu: Type.Optional(wholeNumber),
  dns_domain: Type.Optional(text(256)),
  port_security_enabled: Type.Optional(Type.Boolean()),
  'router:external': Type.Optional(Type.Boolean()),
  is_default: Type.Optional(Type.Boolean()),
  qos_policy_id: Type.Optional(nullable(id)),
  ...place,
  segments: Type.Optional(Type.Array(Type.Object(place, strict), { maxItems: 100 })),
};

const NewNetwork = Type.Object(
  {
    ...owner,
    ...settable,
    vlan_transparent: Type.Optional(Type.Boolean()),
    availability_zone_hints: Type.Optional(Type.Array(text(255), { maxItems: 10 })),
  },
  strict,
);

export const networks = operations({
  list: {
    method: 'GET', path: '/networks', summary: 'List networks', stability: 'stable',
    access: { rule: 'get_network', who: 'reader', adminEverywhere: true },
    query: listQuery([...standardFilters, ...tagFilters, 'admin_state_up', 'status', 'shared', 'mtu', 'port_security_enabled', 'vlan_transparent', 'router:external', 'is_default', 'qos_policy_id', 'provider:network_type', 'provider:physical_network', 'provider:segmentation_id', 'subnets']),
    status: 200,
    response: Type.Object({ networks: Type.Array(Type.Partial(Network)), networks_links: Type.Optional(links) }),
    list: { resource: 'network', show: 'show', parameter: 'network_id' },
  },
  create: {
    method: 'POST', path: '/networks', summary: 'Create networks', stability: 'stable',
    access: { rule: 'create_network', who: 'member', adminEverywhere: true },
    body: Type.Object({ network: Type.Optional(NewNetwork), networks: Type.Optional(Type.Array(NewNetwork, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ network: Type.Optional(Network), networks: Type.Optional(Type.Array(Network)) }),
  },
  show: {
    method: 'GET', path: '/networks/{network_id}', summary: 'Show a network', stability: 'stable',
    access: { rule: 'get_network', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ network: Type.Partial(Network) }),
  },
  update: {
    method: 'PUT', path: '/networks/{network_id}', summary: 'Update a network', stability: 'stable',
    access: { rule: 'update_network', who: 'member', adminEverywhere: true },
    body: Type.Object({ network: Type.Object(settable, strict) }, strict),
    status: 200,
    response: Type.Object({ network: Network }),
  },
  delete: {
    method: 'DELETE', path: '/networks/{network_id}', summary: 'Delete a network with its subnets', stability: 'stable',
    access: { rule: 'delete_network', who: 'member', adminEverywhere: true },
    status: 204,
  },
});
