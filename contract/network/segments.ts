import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { links, listQuery, nullable, showQuery, strict, text } from './attributes.ts';

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

export const segments = operations({
  list: {
    method: 'GET', path: '/segments', summary: 'List the segments of networks', stability: 'stable',
    access: { rule: 'get_segment', who: 'admin', adminEverywhere: true },
    query: listQuery(['id', 'network_id', 'name', 'network_type', 'physical_network', 'segmentation_id']),
    status: 200,
    response: Type.Object({ segments: Type.Array(Type.Partial(Segment)), segments_links: Type.Optional(links) }),
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
});
