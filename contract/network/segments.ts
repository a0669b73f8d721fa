import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { id, links, listQuery, nullable, owner, showQuery, strict, text, wholeNumber } from './attributes.ts';

export const Segment = Type.Object({
  id: Type.String(),
  network_id: Type.String(),
  name: nullable(Type.String()),
  description: nullable(Type.String()),
  network_type: Type.Enum(['geneve', 'flat', 'vlan']),
  physical_network: nullable(Type.String()),
  segmentation_id: nullable(Type.Integer()),
  revision_number: Type.Integer(),
  created_at: Type.String(),
  updated_at: Type.String(),
});

const settable = { name: Type.Optional(nullable(text(255))), description: Type.Optional(nullable(text(255))) };
const NewSegment = Type.Object(
  { ...owner, ...settable, network_id: id, network_type: text(32), physical_network: Type.Optional(text(64)), segmentation_id: Type.Optional(wholeNumber) },
  strict,
);

export const segments = operations({
  list: {
    method: 'GET', path: '/segments', summary: 'List the segments of networks', stability: 'stable',
    access: { rule: 'get_segment', who: 'admin', adminEverywhere: true },
    query: listQuery(['id', 'network_id', 'name', 'network_type', 'physical_network', 'segmentation_id']),
    status: 200,
    response: Type.Object({ segments: Type.Array(Type.Partial(Segment)), segments_links: Type.Optional(links) }),
  },
  create: {
    method: 'POST', path: '/segments', summary: 'Let a network be in one place more', stability: 'stable',
    access: { rule: 'create_segment', who: 'admin', adminEverywhere: true },
    body: Type.Object({ segment: NewSegment }, strict),
    status: 201,
    response: Type.Object({ segment: Segment }),
  },
  show: {
    method: 'GET', path: '/segments/{segment_id}', summary: 'Show a segment', stability: 'stable',
    access: { rule: 'get_segment', who: 'admin', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ segment: Type.Partial(Segment) }),
  },
  update: {
    method: 'PUT', path: '/segments/{segment_id}', summary: 'Name a segment', stability: 'stable',
    access: { rule: 'update_segment', who: 'admin', adminEverywhere: true },
    body: Type.Object({ segment: Type.Object(settable, strict) }, strict),
    status: 200,
    response: Type.Object({ segment: Segment }),
  },
  delete: {
    method: 'DELETE', path: '/segments/{segment_id}', summary: 'Take a network out of one of its places', stability: 'stable',
    access: { rule: 'delete_segment', who: 'admin', adminEverywhere: true },
    status: 204,
  },
});
