import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { address, description, id, links, listQuery, name, nullable, owner, showQuery, shownOwner, shownStandard, shownTags, standardFilters, strict, tagFilters, text, wishRules } from './attributes.ts';

const Pair = Type.Object({ ip_address: Type.String(), mac_address: Type.String() });

export const Port = Type.Object({
  ...shownOwner,
  ...shownStandard,
  ...shownTags,
  name: Type.String(),
  network_id: Type.String(),
  admin_state_up: Type.Boolean(),
  status: Type.Enum(['ACTIVE', 'DOWN', 'BUILD', 'ERROR']),
  data_plane_status: nullable(Type.Enum(['ACTIVE', 'DOWN'])),
  mac_address: Type.String(),
  fixed_ips: Type.Array(Type.Object({ subnet_id: Type.String(), ip_address: Type.String() })),
  device_id: Type.String(),
  device_owner: Type.String(),
  security_groups: Type.Array(Type.String()),
  port_security_enabled: Type.Boolean(),
  allowed_address_pairs: Type.Array(Pair),
  extra_dhcp_opts: Type.Array(Type.Object({ opt_name: Type.String(), opt_value: Type.String(), ip_version: Type.Integer() })),
  dns_name: Type.String(),
  dns_domain: Type.String(),
  dns_assignment: Type.Array(Type.Object({ ip_address: Type.String(), hostname: Type.String(), fqdn: Type.String() })),
  qos_policy_id: nullable(Type.String()),
  qos_network_policy_id: nullable(Type.String()),
  trunk_details: Type.Optional(
    Type.Object({
      trunk_id: Type.String(),
      sub_ports: Type.Array(Type.Object({ port_id: Type.String(), segmentation_type: Type.String(), segmentation_id: Type.Integer(), mac_address: Type.String() })),
    }),
  ),
  'binding:vnic_type': Type.String(),
  'binding:host_id': Type.Optional(Type.String()),
  'binding:profile': Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  'binding:vif_type': Type.Optional(Type.String()),
  'binding:vif_details': Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

const pairsWish = Type.Array(Type.Object({ ip_address: address, mac_address: Type.Optional(text(17)) }, strict), { maxItems: 100 });
const PairsWish = Type.Object({ port: Type.Object({ allowed_address_pairs: pairsWish }, strict) }, strict);

/** neutron_lib/api/definitions/extra_dhcp_opt.py. */
const optionWish = Type.Object(
  {
    opt_name: Type.String({ minLength: 1, maxLength: 64 }),
    opt_value: nullable(text(255)),
    ip_version: Type.Optional(Type.Union([Type.Enum([4, 6]), Type.Enum(['4', '6'])])),
  },
  strict,
);

const settable = {
  name: Type.Optional(name),
  description: Type.Optional(description),
  admin_state_up: Type.Optional(Type.Boolean()),
  mac_address: Type.Optional(nullable(text(17))),
  fixed_ips: Type.Optional(Type.Array(Type.Object({ subnet_id: Type.Optional(id), ip_address: Type.Optional(address) }, strict), { maxItems: 100 })),
  device_id: Type.Optional(text(255)),
  device_owner: Type.Optional(text(255)),
  security_groups: Type.Optional(nullable(Type.Array(text(36), { maxItems: 100 }))),
  port_security_enabled: Type.Optional(Type.Boolean()),
  allowed_address_pairs: Type.Optional(nullable(pairsWish)),
  extra_dhcp_opts: Type.Optional(nullable(Type.Array(optionWish, { maxItems: 100 }))),
  dns_name: Type.Optional(text(256)),
  dns_domain: Type.Optional(text(256)),
  qos_policy_id: Type.Optional(nullable(id)),
  'binding:vnic_type': Type.Optional(Type.Enum(['normal'])),
  'binding:host_id': Type.Optional(nullable(text(255))),
  'binding:profile': Type.Optional(nullable(Type.Record(Type.String(), Type.Unknown()))),
};

const NewPort = Type.Object({ ...owner, ...settable, network_id: id, tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 50, uniqueItems: true })) }, strict);

export const ports = operations({
  list: {
    method: 'GET', path: '/ports', summary: 'List ports', stability: 'stable',
    access: { rule: 'get_port', who: 'reader', adminEverywhere: true },
    query: listQuery([...standardFilters, ...tagFilters, 'network_id', 'admin_state_up', 'status', 'mac_address', 'device_id', 'device_owner', 'fixed_ips', 'security_groups', 'port_security_enabled', 'qos_policy_id', 'binding:host_id', 'binding:vnic_type']),
    status: 200,
    response: Type.Object({ ports: Type.Array(Type.Partial(Port)), ports_links: Type.Optional(links) }),
    list: { resource: 'port', show: 'show', parameter: 'port_id' },
  },
  create: {
    method: 'POST', path: '/ports', summary: 'Create ports', stability: 'stable',
    access: { rule: 'create_port', who: 'member', adminEverywhere: true },
    body: Type.Object({ port: Type.Optional(NewPort), ports: Type.Optional(Type.Array(NewPort, { minItems: 1, maxItems: 1000 })) }, wishRules),
    maxBodyBytes: 4 * 1024 * 1024,
    status: 201,
    response: Type.Object({ port: Type.Optional(Port), ports: Type.Optional(Type.Array(Port)) }),
  },
  show: {
    method: 'GET', path: '/ports/{port_id}', summary: 'Show a port', stability: 'stable',
    access: { rule: 'get_port', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ port: Type.Partial(Port) }),
  },
  update: {
    method: 'PUT', path: '/ports/{port_id}', summary: 'Update a port', stability: 'stable',
    access: { rule: 'update_port', who: 'member', adminEverywhere: true },
    body: Type.Object({ port: Type.Object({ ...settable, data_plane_status: Type.Optional(nullable(Type.Enum(['ACTIVE', 'DOWN']))) }, strict) }, strict),
    status: 200,
    response: Type.Object({ port: Port }),
  },
  delete: {
    method: 'DELETE', path: '/ports/{port_id}', summary: 'Delete a port', stability: 'stable',
    access: { rule: 'delete_port', who: 'member', adminEverywhere: true },
    status: 204,
  },
  addAddressPairs: {
    method: 'PUT', path: '/ports/{port_id}/add_allowed_address_pairs', summary: 'Add allowed address pairs', stability: 'stable',
    access: { rule: 'add_allowed_address_pairs', who: 'member', adminEverywhere: true },
    body: PairsWish,
    status: 200,
    response: Type.Object({ port: Port }),
  },
  removeAddressPairs: {
    method: 'PUT', path: '/ports/{port_id}/remove_allowed_address_pairs', summary: 'Remove allowed address pairs', stability: 'stable',
    access: { rule: 'remove_allowed_address_pairs', who: 'member', adminEverywhere: true },
    body: PairsWish,
    status: 200,
    response: Type.Object({ port: Port }),
  },
});
