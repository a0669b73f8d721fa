import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { address, id, links, listQuery, nullable, showQuery, strict, text } from './attributes.ts';

const socketPort = Type.Union([Type.Integer({ minimum: 1, maximum: 65535 }), Type.String({ pattern: '^\\d{1,5}$' })]);
/** `80` or `80:90`. */
const portRange = Type.String({ pattern: '^\\d{1,5}(:\\d{1,5})?$' });
const protocol = text(40);

/** What a floating address shows of each. */
export const ForwardingDetails = Type.Object({
  id: Type.String(),
  protocol: Type.String(),
  internal_port_id: Type.String(),
  internal_ip_address: Type.String(),
  internal_port: Type.Optional(Type.Integer()),
  external_port: Type.Optional(Type.Integer()),
});

export const PortForwarding = Type.Object({
  id: Type.String(),
  protocol: Type.String(),
  internal_port_id: Type.String(),
  internal_ip_address: Type.String(),
  internal_port: nullable(Type.Integer()),
  internal_port_range: Type.String(),
  external_port: nullable(Type.Integer()),
  external_port_range: Type.String(),
  description: Type.String(),
});

const sockets = {
  internal_port: Type.Optional(nullable(socketPort)),
  internal_port_range: Type.Optional(nullable(portRange)),
  external_port: Type.Optional(nullable(socketPort)),
  external_port_range: Type.Optional(nullable(portRange)),
  description: Type.Optional(text(1024)),
};
const NewForwarding = Type.Object({ project_id: Type.Optional(text(255)), tenant_id: Type.Optional(text(255)), ...sockets, internal_port_id: id, internal_ip_address: address, protocol }, strict);
const ForwardingChange = Type.Object({ ...sockets, internal_port_id: Type.Optional(id), internal_ip_address: Type.Optional(address), protocol: Type.Optional(protocol) }, strict);

const path = '/floatingips/{floatingip_id}/port_forwardings' as const;
const one = `${path}/{port_forwarding_id}` as const;

export const portForwardings = operations({
  list: {
    method: 'GET', path, summary: 'List the port forwardings of a floating address', stability: 'stable',
    access: { rule: 'get_floatingip_port_forwarding', who: 'reader', adminEverywhere: true },
    query: listQuery(['id', 'protocol', 'internal_port_id', 'external_port', 'external_port_range', 'description']),
    status: 200,
    response: Type.Object({ port_forwardings: Type.Array(Type.Partial(PortForwarding)), port_forwardings_links: Type.Optional(links) }),
    list: { after: { floatingip: 'floatingip_id' } },
  },
  create: {
    method: 'POST', path, summary: 'Lead ports of a floating address to a port', stability: 'stable',
    access: { rule: 'create_floatingip_port_forwarding', who: 'member', adminEverywhere: true },
    body: Type.Object({ port_forwarding: NewForwarding }, strict),
    status: 201,
    response: Type.Object({ port_forwarding: PortForwarding }),
  },
  show: {
    method: 'GET', path: one, summary: 'Show a port forwarding', stability: 'stable',
    access: { rule: 'get_floatingip_port_forwarding', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ port_forwarding: Type.Partial(PortForwarding) }),
  },
  update: {
    method: 'PUT', path: one, summary: 'Update a port forwarding', stability: 'stable',
    access: { rule: 'update_floatingip_port_forwarding', who: 'member', adminEverywhere: true },
    body: Type.Object({ port_forwarding: ForwardingChange }, strict),
    status: 200,
    response: Type.Object({ port_forwarding: PortForwarding }),
  },
  delete: {
    method: 'DELETE', path: one, summary: 'Delete a port forwarding', stability: 'stable',
    access: { rule: 'delete_floatingip_port_forwarding', who: 'member', adminEverywhere: true },
    status: 204,
  },
});
