import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { address, description, id, links, listQuery, nullable, owner, showQuery, shownOwner, shownStandard, shownTags, strict, tagFilters, text, wishRules } from './attributes.ts';
import { ForwardingDetails } from './port-forwardings.ts';

export const FloatingIp = Type.Object({
  ...shownOwner,
  ...shownStandard,
  ...shownTags,
  floating_network_id: Type.String(),
  floating_ip_address: Type.String(),
  port_id: nullable(Type.String()),
  fixed_ip_address: nullable(Type.String()),
  router_id: nullable(Type.String()),
  status: Type.Enum(['ACTIVE', 'DOWN', 'ERROR']),
  qos_policy_id: nullable(Type.String()),
  qos_network_policy_id: nullable(Type.String()),
  dns_name: Type.String(),
  dns_domain: Type.String(),
  port_forwardings: Type.Array(ForwardingDetails),
  port_details: nullable(
    Type.Object({
      name: Type.String(),
      network_id: Type.String(),
      mac_address: Type.String(),
      admin_state_up: Type.Boolean(),
      status: Type.String(),
      device_id: Type.String(),
      device_owner: Type.String(),
    }),
  ),
});

const settable = {
  port_id: Type.Optional(nullable(id)),
  fixed_ip_address: Type.Optional(nullable(address)),
  qos_policy_id: Type.Optional(nullable(id)),
  description: Type.Optional(description),
};

const NewFloatingIp = Type.Object(
  { ...owner, ...settable, floating_network_id: id, floating_ip_address: Type.Optional(nullable(address)), subnet_id: Type.Optional(nullable(id)), dns_name: Type.Optional(text(256)), dns_domain: Type.Optional(text(256)) },
  strict,
);

export const floatingIps = operations({
  list: {
    method: 'GET', path: '/floatingips', summary: 'List floating addresses', stability: 'stable',
    access: { rule: 'get_floatingip', who: 'reader', adminEverywhere: true },
    query: listQuery([...tagFilters, 'id', 'project_id', 'tenant_id', 'description', 'revision_number', 'floating_network_id', 'floating_ip_address', 'port_id', 'fixed_ip_address', 'router_id', 'status', 'qos_policy_id']),
    status: 200,
    response: Type.Object({ floatingips: Type.Array(Type.Partial(FloatingIp)), floatingips_links: Type.Optional(links) }),
    list: { resource: 'floatingip', show: 'show', parameter: 'floatingip_id' },
  },
  create: {
    method: 'POST', path: '/floatingips', summary: 'Take a floating address', stability: 'stable',
    access: { rule: 'create_floatingip', who: 'member', adminEverywhere: true },
    body: Type.Object({ floatingip: Type.Optional(NewFloatingIp), floatingips: Type.Optional(Type.Array(NewFloatingIp, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ floatingip: Type.Optional(FloatingIp), floatingips: Type.Optional(Type.Array(FloatingIp)) }),
  },
  show: {
    method: 'GET', path: '/floatingips/{floatingip_id}', summary: 'Show a floating address', stability: 'stable',
    access: { rule: 'get_floatingip', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ floatingip: Type.Partial(FloatingIp) }),
  },
  update: {
    method: 'PUT', path: '/floatingips/{floatingip_id}', summary: 'Move a floating address to a port or away', stability: 'stable',
    access: { rule: 'update_floatingip', who: 'member', adminEverywhere: true },
    body: Type.Object({ floatingip: Type.Object(settable, strict) }, strict),
    status: 200,
    response: Type.Object({ floatingip: FloatingIp }),
  },
  delete: {
    method: 'DELETE', path: '/floatingips/{floatingip_id}', summary: 'Give a floating address back', stability: 'stable',
    access: { rule: 'delete_floatingip', who: 'member', adminEverywhere: true },
    status: 204,
  },
});
