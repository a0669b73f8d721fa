/** nova/api/openstack/compute/servers.py and views/servers.py */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { address, adminPass, boolean, diskConfig, exactly, links, metadata, name, nullableText, paging, positiveInteger, preciseTime, time, uuid } from './fields.ts';

const brief = exactly({ id: Type.String(), name: Type.String(), links });

/** The addresses of one network, in the order of the guest's interfaces. */
export const addresses = Type.Array(
  exactly({ version: Type.Integer(), addr: Type.String(), 'OS-EXT-IPS:type': Type.Union([Type.Literal('fixed'), Type.Literal('floating')]), 'OS-EXT-IPS-MAC:mac_addr': Type.String() }),
);

export const server = exactly({
  id: Type.String(),
  name: Type.String(),
  status: Type.String(),
  tenant_id: Type.String(),
  user_id: Type.String(),
  metadata: Type.Record(Type.String(), Type.String()),
  hostId: Type.String(),
  image: Type.Union([exactly({ id: Type.String(), links }), Type.Literal('')]),
  flavor: exactly({ id: Type.String(), links }),
  created: time,
  updated: time,
  addresses: Type.Record(Type.String(), addresses),
  accessIPv4: Type.String(),
  accessIPv6: Type.String(),
  links,
  'OS-DCF:diskConfig': diskConfig,
  progress: Type.Optional(Type.Integer()),
  fault: Type.Optional(exactly({ code: Type.Integer(), created: time, message: Type.String(), details: Type.Optional(Type.String()) })),
  'OS-EXT-AZ:availability_zone': Type.String(),
  config_drive: Type.String(),
  key_name: nullableText,
  'OS-SRV-USG:launched_at': preciseTime,
  'OS-SRV-USG:terminated_at': preciseTime,
  security_groups: Type.Optional(Type.Array(exactly({ name: Type.String() }))),
  'OS-EXT-SRV-ATTR:host': Type.Optional(nullableText),
  'OS-EXT-SRV-ATTR:instance_name': Type.Optional(Type.String()),
  'OS-EXT-SRV-ATTR:hypervisor_hostname': Type.Optional(nullableText),
  'OS-EXT-SRV-ATTR:reservation_id': Type.Optional(since('2.3', Type.String())),
  'OS-EXT-SRV-ATTR:launch_index': Type.Optional(since('2.3', Type.Integer())),
  'OS-EXT-SRV-ATTR:kernel_id': Type.Optional(since('2.3', Type.String())),
  'OS-EXT-SRV-ATTR:ramdisk_id': Type.Optional(since('2.3', Type.String())),
  'OS-EXT-SRV-ATTR:hostname': Type.Optional(since('2.3', Type.String())),
  'OS-EXT-SRV-ATTR:root_device_name': Type.Optional(since('2.3', nullableText)),
  'OS-EXT-SRV-ATTR:user_data': Type.Optional(since('2.3', nullableText)),
  'OS-EXT-STS:task_state': nullableText,
  'OS-EXT-STS:vm_state': Type.String(),
  'OS-EXT-STS:power_state': Type.Integer(),
  'os-extended-volumes:volumes_attached': Type.Array(exactly({ id: Type.String(), delete_on_termination: since('2.3', Type.Boolean()) })),
});

/**
 * What renaming and rebuilding answer: until 2.75 without what extensions of version 2.0 had added.
 * nova/api/openstack/compute/servers.py, update and _action_rebuild
 */
export const changedServer = exactly({
  ...server.properties,
  ...Object.fromEntries(
    Object.entries(server.properties)
      .filter(([field]) => /^OS-(EXT-(AZ|STS|SRV-ATTR)|SRV-USG):|^(config_drive|key_name|security_groups|os-extended-volumes:volumes_attached)$/.test(field))
      .map(([field, schema]) => [field, Type.Optional(since('2.75', schema))]),
  ),
  addresses: Type.Record(
    Type.String(),
    Type.Array(exactly({ version: Type.Integer(), addr: Type.String(), 'OS-EXT-IPS:type': Type.Optional(since('2.75', Type.Union([Type.Literal('fixed'), Type.Literal('floating')]))), 'OS-EXT-IPS-MAC:mac_addr': Type.Optional(since('2.75', Type.String())) })),
  ),
}) as unknown as typeof server;

const blockDevice = exactly({
  boot_index: Type.Optional(Type.Union([Type.Integer(), Type.String({ pattern: '^-?[0-9]+$' }), Type.Null()])),
  source_type: Type.Optional(Type.Union([Type.Literal('volume'), Type.Literal('image'), Type.Literal('snapshot'), Type.Literal('blank')])),
  destination_type: Type.Optional(Type.Union([Type.Literal('local'), Type.Literal('volume')])),
  uuid: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._-]*$' })),
  image_id: Type.Optional(uuid),
  volume_id: Type.Optional(uuid),
  snapshot_id: Type.Optional(uuid),
  volume_size: Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: 2147483647 }), Type.String({ pattern: '^[0-9]{1,10}$' })])),
  device_name: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._/-]*$' })),
  delete_on_termination: Type.Optional(boolean),
  no_device: Type.Optional(Type.Unknown()),
  guest_format: Type.Optional(Type.String({ maxLength: 255 })),
  device_type: Type.Optional(Type.String({ maxLength: 255 })),
  disk_bus: Type.Optional(Type.String({ maxLength: 255 })),
});

const hints = Type.Object({}, { additionalProperties: true });

const newServer = exactly({
  name,
  imageRef: Type.Optional(Type.Union([uuid, Type.Literal('')])),
  flavorRef: Type.Union([Type.String({ minLength: 1 }), Type.Integer()]),
  adminPass: Type.Optional(adminPass),
  metadata: Type.Optional(metadata),
  networks: Type.Optional(
    Type.Array(exactly({ uuid: Type.Optional(Type.String()), port: Type.Optional(Type.Union([uuid, Type.Null()])), fixed_ip: Type.Optional(address) })),
  ),
  'OS-DCF:diskConfig': Type.Optional(diskConfig),
  accessIPv4: Type.Optional(address),
  accessIPv6: Type.Optional(address),
  personality: Type.Optional(Type.Array(exactly({ path: Type.String(), contents: Type.String() }))),
  availability_zone: Type.Optional(name),
  block_device_mapping_v2: Type.Optional(Type.Array(blockDevice)),
  config_drive: Type.Optional(boolean),
  key_name: Type.Optional(name),
  min_count: Type.Optional(positiveInteger),
  max_count: Type.Optional(positiveInteger),
  return_reservation_id: Type.Optional(boolean),
  security_groups: Type.Optional(Type.Array(exactly({ name }))),
  user_data: Type.Optional(Type.String({ maxLength: 65535, pattern: '^[A-Za-z0-9+/\\s]*={0,2}\\s*$' })),
});

const query = Type.Object({
  ...paging,
  name: Type.Optional(Type.String()),
  status: Type.Optional(Type.Array(Type.String())),
  image: Type.Optional(Type.String()),
  flavor: Type.Optional(Type.String()),
  ip: Type.Optional(Type.String()),
  ip6: Type.Optional(Type.String()),
  host: Type.Optional(Type.String()),
  node: Type.Optional(Type.String()),
  project_id: Type.Optional(Type.String()),
  tenant_id: Type.Optional(Type.String()),
  user_id: Type.Optional(Type.String()),
  uuid: Type.Optional(Type.String()),
  reservation_id: Type.Optional(Type.String()),
  vm_state: Type.Optional(Type.String()),
  task_state: Type.Optional(Type.String()),
  power_state: Type.Optional(Type.String()),
  key_name: Type.Optional(Type.String()),
  availability_zone: Type.Optional(Type.String()),
  all_tenants: Type.Optional(Type.String()),
  deleted: Type.Optional(Type.Boolean()),
  'changes-since': Type.Optional(Type.String()),
  sort_key: Type.Optional(Type.Array(Type.String())),
  sort_dir: Type.Optional(Type.Array(Type.Union([Type.Literal('asc'), Type.Literal('desc')]))),
});

const rule = (verb: string, who: 'reader' | 'member' = 'reader') => ({ rule: `os_compute_api:servers:${verb}`, who, adminEverywhere: true }) as const;

export const servers = operations({
  list: {
    method: 'GET',
    path: '/servers',
    summary: 'Servers of the project',
    access: rule('index'),
    stability: 'stable',
    query,
    status: 200,
    response: exactly({ servers: Type.Array(brief), servers_links: Type.Optional(links) }),
    list: { resource: 'server', show: 'show', parameter: 'server_id' },
  },
  detail: {
    method: 'GET',
    path: '/servers/detail',
    summary: 'Servers of the project, with all that they are',
    access: rule('detail'),
    stability: 'stable',
    query,
    status: 200,
    response: exactly({ servers: Type.Array(server), servers_links: Type.Optional(links) }),
    list: { resource: 'server', show: 'show', parameter: 'server_id' },
  },
  create: {
    method: 'POST',
    path: '/servers',
    summary: 'Make one server or several',
    access: { rule: 'os_compute_api:servers:create', who: 'member' },
    stability: 'stable',
    body: exactly({ server: newServer, 'os:scheduler_hints': Type.Optional(hints), 'OS-SCH-HNT:scheduler_hints': Type.Optional(hints) }),
    status: 202,
    response: Type.Union([
      exactly({
        server: exactly({ id: Type.String(), links, 'OS-DCF:diskConfig': diskConfig, security_groups: Type.Array(exactly({ name: Type.String() })), adminPass: Type.Optional(Type.String()) }),
      }),
      exactly({ reservation_id: Type.String() }),
    ]),
  },
  show: { method: 'GET', path: '/servers/{server_id}', summary: 'One server', access: rule('show'), stability: 'stable', status: 200, response: exactly({ server }) },
  update: {
    method: 'PUT',
    path: '/servers/{server_id}',
    summary: 'Rename a server, or set its access addresses',
    access: rule('update', 'member'),
    stability: 'stable',
    body: exactly({
      server: exactly({ name: Type.Optional(name), 'OS-DCF:diskConfig': Type.Optional(diskConfig), accessIPv4: Type.Optional(Type.Union([address, Type.Literal('')])), accessIPv6: Type.Optional(Type.Union([address, Type.Literal('')])) }),
    }),
    status: 200,
    response: exactly({ server: changedServer }),
  },
  delete: { method: 'DELETE', path: '/servers/{server_id}', summary: 'Delete a server', access: rule('delete', 'member'), stability: 'stable', status: 204 },
});

