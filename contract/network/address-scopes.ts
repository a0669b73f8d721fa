import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { links, listQuery, name, owner, showQuery, shownOwner, strict, wishRules } from './attributes.ts';

export const AddressScope = Type.Object({ ...shownOwner, name: Type.String(), ip_version: Type.Integer(), shared: Type.Boolean() });

const NewAddressScope = Type.Object({ ...owner, name: Type.Optional(name), ip_version: Type.Union([Type.Integer(), Type.Enum(['4', '6'])]), shared: Type.Optional(Type.Boolean()) }, strict);

export const addressScopes = operations({
  list: {
    method: 'GET', path: '/address-scopes', summary: 'List address scopes', stability: 'stable',
    access: { rule: 'get_address_scope', who: 'reader', adminEverywhere: true },
    query: listQuery(['id', 'name', 'project_id', 'tenant_id', 'ip_version', 'shared']),
    status: 200,
    response: Type.Object({ address_scopes: Type.Array(Type.Partial(AddressScope)), address_scopes_links: Type.Optional(links) }),
    list: { resource: 'address_scope', show: 'show', parameter: 'address_scope_id' },
  },
  create: {
    method: 'POST', path: '/address-scopes', summary: 'Create address scopes: in one, no address is of two subnet pools', stability: 'stable',
    access: { rule: 'create_address_scope', who: 'member', adminEverywhere: true },
    body: Type.Object({ address_scope: Type.Optional(NewAddressScope), address_scopes: Type.Optional(Type.Array(NewAddressScope, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ address_scope: Type.Optional(AddressScope), address_scopes: Type.Optional(Type.Array(AddressScope)) }),
  },
  show: {
    method: 'GET', path: '/address-scopes/{address_scope_id}', summary: 'Show an address scope', stability: 'stable',
    access: { rule: 'get_address_scope', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ address_scope: Type.Partial(AddressScope) }),
  },
  update: {
    method: 'PUT', path: '/address-scopes/{address_scope_id}', summary: 'Update an address scope', stability: 'stable',
    access: { rule: 'update_address_scope', who: 'member', adminEverywhere: true },
    body: Type.Object({ address_scope: Type.Object({ name: Type.Optional(name), shared: Type.Optional(Type.Boolean()) }, strict) }, strict),
    status: 200,
    response: Type.Object({ address_scope: AddressScope }),
  },
  delete: {
    method: 'DELETE', path: '/address-scopes/{address_scope_id}', summary: 'Delete an address scope in which no subnet pool is', stability: 'stable',
    access: { rule: 'delete_address_scope', who: 'member', adminEverywhere: true },
    status: 204,
  },
});
