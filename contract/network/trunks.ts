import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { description, id, links, listQuery, name, owner, showQuery, shownOwner, shownStandard, shownTags, standardFilters, strict, tagFilters, text, wholeNumber, wishRules } from './attributes.ts';

const Subport = Type.Object({ port_id: Type.String(), segmentation_type: Type.String(), segmentation_id: Type.Integer() });

export const Trunk = Type.Object({
  ...shownOwner, ...shownStandard, ...shownTags,
  name: Type.String(), admin_state_up: Type.Boolean(), status: Type.Enum(['ACTIVE', 'DOWN', 'BUILD', 'DEGRADED', 'ERROR']), port_id: Type.String(), sub_ports: Type.Array(Subport),
});

const subports = Type.Array(Type.Object({ port_id: id, segmentation_type: Type.Optional(text(32)), segmentation_id: Type.Optional(wholeNumber) }, strict), { maxItems: 1000 });
const settable = { name: Type.Optional(name), description: Type.Optional(description), admin_state_up: Type.Optional(Type.Boolean()) };
const NewTrunk = Type.Object({ ...owner, ...settable, port_id: id, sub_ports: Type.Optional(subports) }, strict);
const Subports = Type.Object({ sub_ports: subports }, strict);

export const trunks = operations({
  list: {
    method: 'GET', path: '/trunks', summary: 'List trunks', stability: 'stable',
    access: { rule: 'get_trunk', who: 'reader', adminEverywhere: true },
    query: listQuery([...standardFilters, ...tagFilters, 'admin_state_up', 'status', 'port_id']),
    status: 200,
    response: Type.Object({ trunks: Type.Array(Type.Partial(Trunk)), trunks_links: Type.Optional(links) }),
    list: { resource: 'trunk', show: 'show', parameter: 'trunk_id' },
  },
  create: {
    method: 'POST', path: '/trunks', summary: 'Make trunks of ports', stability: 'stable',
    access: { rule: 'create_trunk', who: 'member', adminEverywhere: true },
    body: Type.Object({ trunk: Type.Optional(NewTrunk), trunks: Type.Optional(Type.Array(NewTrunk, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ trunk: Type.Optional(Trunk), trunks: Type.Optional(Type.Array(Trunk)) }),
  },
  show: {
    method: 'GET', path: '/trunks/{trunk_id}', summary: 'Show a trunk', stability: 'stable',
    access: { rule: 'get_trunk', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ trunk: Type.Partial(Trunk) }),
  },
  update: {
    method: 'PUT', path: '/trunks/{trunk_id}', summary: 'Update a trunk', stability: 'stable',
    access: { rule: 'update_trunk', who: 'member', adminEverywhere: true },
    body: Type.Object({ trunk: Type.Object(settable, strict) }, strict),
    status: 200,
    response: Type.Object({ trunk: Trunk }),
  },
  delete: {
    method: 'DELETE', path: '/trunks/{trunk_id}', summary: 'Make a plain port of a trunk again', stability: 'stable',
    access: { rule: 'delete_trunk', who: 'member', adminEverywhere: true },
    status: 204,
  },
  addSubports: {
    method: 'PUT', path: '/trunks/{trunk_id}/add_subports', summary: 'Add ports to a trunk', stability: 'stable',
    access: { rule: 'add_subports', who: 'member', adminEverywhere: true },
    body: Subports,
    status: 200,
    response: Trunk,
  },
  removeSubports: {
    method: 'PUT', path: '/trunks/{trunk_id}/remove_subports', summary: 'Take ports off a trunk', stability: 'stable',
    access: { rule: 'remove_subports', who: 'member', adminEverywhere: true },
    body: Subports,
    status: 200,
    response: Trunk,
  },
  subports: {
    method: 'GET', path: '/trunks/{trunk_id}/get_subports', summary: 'List the ports on a trunk', stability: 'stable',
    access: { rule: 'get_subports', who: 'reader', adminEverywhere: true },
    status: 200,
    response: Type.Object({ sub_ports: Type.Array(Subport) }),
    list: { after: { trunk: 'trunk_id' } },
  },
});
