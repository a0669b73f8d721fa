import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { address, links, listQuery, name, owner, showQuery, shownOwner, shownStandard, strict, text, wishRules } from './attributes.ts';

export const AddressGroup = Type.Object({ ...shownOwner, ...shownStandard, name: Type.String(), addresses: Type.Array(Type.String()) });

const settable = { name: Type.Optional(name), description: Type.Optional(text(1024)) };
const addresses = Type.Array(address, { maxItems: 1000 });
const NewAddressGroup = Type.Object({ ...owner, ...settable, addresses: Type.Optional(Type.Union([addresses, Type.Null()])) }, strict);
const Addresses = Type.Object({ addresses }, strict);

export const addressGroups = operations({
  list: {
    method: 'GET', path: '/address-groups', summary: 'List address groups', stability: 'stable',
    access: { rule: 'get_address_group', who: 'reader', adminEverywhere: true },
    query: listQuery(['id', 'name', 'description', 'project_id', 'tenant_id', 'revision_number']),
    status: 200,
    response: Type.Object({ address_groups: Type.Array(Type.Partial(AddressGroup)), address_groups_links: Type.Optional(links) }),
    list: { resource: 'address_group', show: 'show', parameter: 'address_group_id' },
  },
  create: {
    method: 'POST', path: '/address-groups', summary: 'Create address groups, which rules of security groups can name', stability: 'stable',
    access: { rule: 'create_address_group', who: 'member', adminEverywhere: true },
    body: Type.Object({ address_group: Type.Optional(NewAddressGroup), address_groups: Type.Optional(Type.Array(NewAddressGroup, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ address_group: Type.Optional(AddressGroup), address_groups: Type.Optional(Type.Array(AddressGroup)) }),
  },
  show: {
    method: 'GET', path: '/address-groups/{address_group_id}', summary: 'Show an address group', stability: 'stable',
    access: { rule: 'get_address_group', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ address_group: Type.Partial(AddressGroup) }),
  },
  update: {
    method: 'PUT', path: '/address-groups/{address_group_id}', summary: 'Update an address group', stability: 'stable',
    access: { rule: 'update_address_group', who: 'member', adminEverywhere: true },
    body: Type.Object({ address_group: Type.Object(settable, strict) }, strict),
    status: 200,
    response: Type.Object({ address_group: AddressGroup }),
  },
  delete: {
    method: 'DELETE', path: '/address-groups/{address_group_id}', summary: 'Delete an address group that no rule names', stability: 'stable',
    access: { rule: 'delete_address_group', who: 'member', adminEverywhere: true },
    status: 204,
  },
  addAddresses: {
    method: 'PUT', path: '/address-groups/{address_group_id}/add_addresses', summary: 'Add addresses to an address group', stability: 'stable',
    access: { rule: 'add_addresses', who: 'member', adminEverywhere: true },
    body: Addresses,
    status: 200,
    response: Type.Object({ address_group: AddressGroup }),
  },
  removeAddresses: {
    method: 'PUT', path: '/address-groups/{address_group_id}/remove_addresses', summary: 'Remove addresses from an address group', stability: 'stable',
    access: { rule: 'remove_addresses', who: 'member', adminEverywhere: true },
    body: Addresses,
    status: 200,
    response: Type.Object({ address_group: AddressGroup }),
  },
});
