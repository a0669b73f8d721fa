import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { description, links, listQuery, name, nullable, owner, showQuery, shownStandard, strict, text, wholeNumber } from './attributes.ts';

const Range = Type.Object({
  ...shownStandard,
  id: Type.String(),
  name: Type.String(),
  default: Type.Boolean(),
  shared: Type.Boolean(),
  project_id: nullable(Type.String()),
  network_type: Type.Enum(['vlan', 'geneve']),
  /** Empty for tunnels. */
  physical_network: Type.String(),
  minimum: Type.Integer(),
  maximum: Type.Integer(),
  /** By number, whose network has it. */
  used: Type.Record(Type.String(), Type.String()),
  available: Type.Array(Type.Integer()),
});

const settable = { name: Type.Optional(name), description: Type.Optional(description) };
const NewRange = Type.Object(
  { ...owner, ...settable, shared: Type.Optional(Type.Boolean()), network_type: Type.Enum(['vlan', 'vxlan', 'gre', 'geneve']), physical_network: Type.Optional(nullable(text(64))), minimum: wholeNumber, maximum: wholeNumber },
  strict,
);

const path = '/network_segment_ranges' as const;

export const segmentRanges = operations({
  list: {
    method: 'GET', path, summary: 'List ranges of numbers for networks', stability: 'stable',
    access: { rule: 'get_network_segment_range', who: 'admin', adminEverywhere: true },
    query: listQuery(['id', 'name', 'project_id', 'network_type', 'physical_network', 'default', 'shared']),
    status: 200,
    response: Type.Object({ network_segment_ranges: Type.Array(Type.Partial(Range)), network_segment_ranges_links: Type.Optional(links) }),
    list: { resource: 'network_segment_range', show: 'show', parameter: 'network_segment_range_id', ofNoProject: true },
  },
  create: {
    method: 'POST', path, summary: 'Create a range of numbers for networks', stability: 'stable',
    access: { rule: 'create_network_segment_range', who: 'admin', adminEverywhere: true },
    body: Type.Object({ network_segment_range: NewRange }, strict),
    status: 201,
    response: Type.Object({ network_segment_range: Range }),
  },
  show: {
    method: 'GET', path: `${path}/{network_segment_range_id}`, summary: 'Show a range of numbers, and which are taken', stability: 'stable',
    access: { rule: 'get_network_segment_range', who: 'admin', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ network_segment_range: Type.Partial(Range) }),
  },
  update: {
    method: 'PUT', path: `${path}/{network_segment_range_id}`, summary: 'Update a range of numbers', stability: 'stable',
    access: { rule: 'update_network_segment_range', who: 'admin', adminEverywhere: true },
    body: Type.Object({ network_segment_range: Type.Object({ ...settable, minimum: Type.Optional(wholeNumber), maximum: Type.Optional(wholeNumber) }, strict) }, strict),
    status: 200,
    response: Type.Object({ network_segment_range: Range }),
  },
  delete: {
    method: 'DELETE', path: `${path}/{network_segment_range_id}`, summary: 'Delete a range of which no network has a number', stability: 'stable',
    access: { rule: 'delete_network_segment_range', who: 'admin', adminEverywhere: true },
    status: 204,
  },
});
