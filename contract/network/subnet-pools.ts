import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { address, description, id, links, listQuery, name, nullable, owner, showQuery, shownOwner, shownStandard, shownTags, standardFilters, strict, tagFilters, wholeNumber, wishRules } from './attributes.ts';

export const SubnetPool = Type.Object({
  ...shownOwner,
  ...shownStandard,
  ...shownTags,
  name: Type.String(),
  prefixes: Type.Array(Type.String()),
  ip_version: Type.Integer(),
  // As text: neutron/db/db_base_plugin_common.py, _make_subnetpool_dict.
  default_prefixlen: Type.String(),
  min_prefixlen: Type.String(),
  max_prefixlen: Type.String(),
  default_quota: nullable(Type.Integer()),
  is_default: Type.Boolean(),
  address_scope_id: nullable(Type.String()),
  shared: Type.Boolean(),
});

const settable = {
  name: Type.Optional(name),
  description: Type.Optional(description),
  default_prefixlen: Type.Optional(wholeNumber),
  min_prefixlen: Type.Optional(wholeNumber),
  max_prefixlen: Type.Optional(wholeNumber),
  default_quota: Type.Optional(nullable(wholeNumber)),
  is_default: Type.Optional(Type.Boolean()),
  address_scope_id: Type.Optional(nullable(id)),
};
const prefixes = Type.Array(address, { maxItems: 100 });
const Prefixes = Type.Object({ prefixes }, strict);
const NewSubnetPool = Type.Object({ ...owner, ...settable, name, prefixes, shared: Type.Optional(Type.Boolean()) }, strict);

export const subnetPools = operations({
  list: {
    method: 'GET', path: '/subnetpools', summary: 'List subnet pools', stability: 'stable',
    access: { rule: 'get_subnetpool', who: 'reader', adminEverywhere: true },
    query: listQuery([...standardFilters, ...tagFilters, 'ip_version', 'default_prefixlen', 'min_prefixlen', 'max_prefixlen', 'default_quota', 'is_default', 'address_scope_id', 'shared']),
    status: 200,
    response: Type.Object({ subnetpools: Type.Array(Type.Partial(SubnetPool)), subnetpools_links: Type.Optional(links) }),
    list: { resource: 'subnetpool', show: 'show', parameter: 'subnetpool_id' },
  },
  create: {
    method: 'POST', path: '/subnetpools', summary: 'Create subnet pools', stability: 'stable',
    access: { rule: 'create_subnetpool', who: 'member', adminEverywhere: true },
    body: Type.Object({ subnetpool: Type.Optional(NewSubnetPool), subnetpools: Type.Optional(Type.Array(NewSubnetPool, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ subnetpool: Type.Optional(SubnetPool), subnetpools: Type.Optional(Type.Array(SubnetPool)) }),
  },
  show: {
    method: 'GET', path: '/subnetpools/{subnetpool_id}', summary: 'Show a subnet pool', stability: 'stable',
    access: { rule: 'get_subnetpool', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ subnetpool: Type.Partial(SubnetPool) }),
  },
  update: {
    method: 'PUT', path: '/subnetpools/{subnetpool_id}', summary: 'Update a subnet pool', stability: 'stable',
    access: { rule: 'update_subnetpool', who: 'member', adminEverywhere: true },
    body: Type.Object({ subnetpool: Type.Object({ ...settable, prefixes: Type.Optional(prefixes) }, strict) }, strict),
    status: 200,
    response: Type.Object({ subnetpool: SubnetPool }),
  },
  delete: {
    method: 'DELETE', path: '/subnetpools/{subnetpool_id}', summary: 'Delete a subnet pool of which nothing is taken', stability: 'stable',
    access: { rule: 'delete_subnetpool', who: 'member', adminEverywhere: true },
    status: 204,
  },
  addPrefixes: {
    method: 'PUT', path: '/subnetpools/{subnetpool_id}/add_prefixes', summary: 'Add prefixes to a subnet pool', stability: 'stable',
    access: { rule: 'add_prefixes', who: 'member', adminEverywhere: true },
    body: Prefixes,
    status: 200,
    response: Prefixes,
  },
  removePrefixes: {
    method: 'PUT', path: '/subnetpools/{subnetpool_id}/remove_prefixes', summary: 'Remove prefixes of which nothing is taken from a subnet pool', stability: 'stable',
    access: { rule: 'remove_prefixes', who: 'member', adminEverywhere: true },
    body: Prefixes,
    status: 200,
    response: Prefixes,
  },
  onboard: {
    method: 'PUT', path: '/subnetpools/{subnetpool_id}/onboard_network_subnets', summary: 'Take the subnets of a network into a subnet pool', stability: 'stable',
    access: { rule: 'onboard_network_subnets', who: 'member', adminEverywhere: true },
    body: Type.Object({ network_id: id }, strict),
    status: 200,
    response: Type.Array(Type.Object({ id: Type.String(), cidr: Type.String() })),
  },
});
