/** nova/api/openstack/compute/servers.py and views/servers.py */
import { Type, type TOptional, type TString } from 'typebox';
import { closedSince, operations, since, until } from '../contract.ts';
import { address, adminPass, boolean, certificates, description, diskConfig, domainName, exactly, hostname, links, metadata, name, nullableText, paging, positiveInteger, preciseTime, tag, time, uuid } from './fields.ts';

const brief = exactly({ id: Type.String(), name: Type.String(), links });

/** The addresses of one network, in the order of the guest's interfaces. */
export const addresses = Type.Array(
  exactly({ version: Type.Integer(), addr: Type.String(), 'OS-EXT-IPS:type': Type.Union([Type.Literal('fixed'), Type.Literal('floating')]), 'OS-EXT-IPS-MAC:mac_addr': Type.String() }),
);

/** Up to 2.46 a flavor is named; then it is told as the server was given it. nova/api/openstack/compute/views/flavors.py */
const embeddedFlavor = exactly({
  id: until('2.46', Type.String()),
  links: until('2.46', links),
  vcpus: since('2.47', Type.Integer()),
  ram: since('2.47', Type.Integer()),
  disk: since('2.47', Type.Integer()),
  ephemeral: since('2.47', Type.Integer()),
  swap: since('2.47', Type.Integer()),
  original_name: since('2.47', Type.String()),
  extra_specs: since('2.47', Type.Optional(Type.Record(Type.String(), Type.String()))),
});

const image = exactly({ id: Type.String(), links, properties: since('2.98', Type.Record(Type.String(), Type.Unknown())) });

const fields = {
  id: Type.String(),
  name: Type.String(),
  status: Type.String(),
  tenant_id: Type.String(),
  user_id: Type.String(),
  metadata: Type.Record(Type.String(), Type.String()),
  hostId: Type.String(),
  image: Type.Union([image, Type.Literal('')]),
  flavor: embeddedFlavor,
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
  locked: since('2.9', Type.Boolean()),
  host_status: since('2.16', Type.Optional(Type.Union([Type.Literal('UP'), Type.Literal('DOWN'), Type.Literal('UNKNOWN'), Type.Literal('MAINTENANCE'), Type.Literal('')]))),
  description: since('2.19', nullableText),
  tags: since('2.26', Type.Array(Type.String())),
  trusted_image_certificates: since('2.63', Type.Union([Type.Array(Type.String()), Type.Null()])),
  locked_reason: since('2.73', nullableText),
  pinned_availability_zone: since('2.96', nullableText),
  scheduler_hints: since('2.100', Type.Object({}, { additionalProperties: true })),
};

/** In lists. */
export const server = exactly(fields);

/** By itself, it also names its groups. */
export const oneServer = exactly({ ...fields, server_groups: since('2.71', Type.Array(Type.String())) });

/**
 * What renaming and rebuilding answer: until 2.75 without what extensions of version 2.0 had added.
 * nova/api/openstack/compute/servers.py, update and _action_rebuild
 */
export const changedServer = exactly({
  ...oneServer.properties,
  ...Object.fromEntries(
    Object.entries(oneServer.properties)
      .filter(([field]) => /^OS-(EXT-(AZ|STS|SRV-ATTR)|SRV-USG):|^(config_drive|key_name|security_groups|host_status|os-extended-volumes:volumes_attached)$/.test(field))
      .map(([field, schema]) => [field, Type.Optional(since('2.75', schema))]),
  ),
  addresses: Type.Record(
    Type.String(),
    Type.Array(exactly({ version: Type.Integer(), addr: Type.String(), 'OS-EXT-IPS:type': Type.Optional(since('2.75', Type.Union([Type.Literal('fixed'), Type.Literal('floating')]))), 'OS-EXT-IPS-MAC:mac_addr': Type.Optional(since('2.75', Type.String())) })),
  ),
}) as unknown as typeof oneServer;

const blockDeviceFields = {
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
  volume_type: since('2.67', Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]))),
  virtual_name: Type.Optional(Type.String({ maxLength: 255 })),
  connection_info: Type.Optional(Type.String({ maxLength: 16777215 })),
};

/** Tags were there in 2.32, were lost by mistake in 2.33, and came back in 2.42; of networks, in 2.37. */
const lateTag = (lost: string) => since('2.32', Type.Optional(Type.Union([until(lost, tag), since('2.42', tag)])));

const blockDevice = exactly({ ...blockDeviceFields, tag: lateTag('2.32') });

const someServers = Type.Union([uuid, Type.Array(uuid)]);

/** Further ones are kept, and nobody asks for them. */
const hints = Type.Object(
  {
    group: Type.Optional(Type.Union([uuid, Type.Array(uuid)])),
    different_host: Type.Optional(someServers),
    same_host: Type.Optional(someServers),
    query: Type.Optional(Type.Union([Type.String(), Type.Object({}, { additionalProperties: true })])),
    target_cell: Type.Optional(name),
    different_cell: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
    build_near_host_ip: Type.Optional(address),
    cidr: Type.Optional(Type.String({ pattern: '^/[0-9a-f.:]+$' })),
  },
  { additionalProperties: true },
);

/** From 2.37 on they have to be said: `changes` says none for older ones, which is the only one that there is. */
const networks = Type.Union([
  Type.Literal('none', { 'x-since': '2.37' }),
  Type.Literal('auto', { 'x-since': '2.37' }),
  Type.Array(exactly({ uuid: Type.Optional(Type.Union([until('2.36', Type.String()), since('2.37', uuid)])), port: Type.Optional(Type.Union([uuid, Type.Null()])), fixed_ip: Type.Optional(address), tag: lateTag('2.36') })),
]);

const legacyBlockDevice = exactly({
  virtual_name: Type.Optional(Type.String({ maxLength: 255 })),
  volume_id: Type.Optional(uuid),
  snapshot_id: Type.Optional(uuid),
  volume_size: blockDeviceFields.volume_size,
  device_name: blockDeviceFields.device_name,
  delete_on_termination: Type.Optional(boolean),
  no_device: Type.Optional(Type.Unknown()),
  connection_info: Type.Optional(Type.String({ maxLength: 16777215 })),
});

export const userData = Type.String({ maxLength: 65535, pattern: '^[A-Za-z0-9+/\\s]*={0,2}\\s*$' });

/** Files for the config drive, in base64. nova/api/validation/parameter_types.py, personality */
export const personality = Type.Array(exactly({ path: Type.String(), contents: Type.String({ pattern: '^\\s*(([A-Za-z0-9+/]\\s*){4})*(([A-Za-z0-9+/]\\s*){2}(=\\s*){2}|([A-Za-z0-9+/]\\s*){3}=\\s*)?$' }) }));

/** A whole domain name from 2.94 on. */
export const hostnameOrDomain = Type.Union([until('2.93', hostname), since('2.94', domainName)]);

const newServer = exactly({
  name,
  imageRef: Type.Optional(Type.Union([uuid, Type.Literal('')])),
  flavorRef: Type.Union([Type.String({ minLength: 1 }), Type.Integer()]),
  adminPass: Type.Optional(adminPass),
  metadata: Type.Optional(metadata),
  networks: Type.Optional(networks),
  'OS-DCF:diskConfig': Type.Optional(diskConfig),
  accessIPv4: Type.Optional(address),
  accessIPv6: Type.Optional(address),
  personality: until('2.56', Type.Optional(personality)),
  availability_zone: Type.Optional(name),
  block_device_mapping: Type.Optional(Type.Array(legacyBlockDevice)),
  block_device_mapping_v2: Type.Optional(Type.Array(blockDevice)),
  config_drive: Type.Optional(boolean),
  key_name: Type.Optional(name),
  min_count: Type.Optional(positiveInteger),
  max_count: Type.Optional(positiveInteger),
  return_reservation_id: Type.Optional(boolean),
  security_groups: Type.Optional(Type.Array(exactly({ name }))),
  user_data: Type.Optional(userData),
  description: since('2.19', Type.Optional(description)),
  tags: since('2.52', Type.Optional(Type.Array(tag, { maxItems: 50 }))),
  trusted_image_certificates: since('2.63', Type.Optional(certificates)),
  host: since('2.74', Type.Optional(domainName)),
  hypervisor_hostname: since('2.74', Type.Optional(domainName)),
  hostname: since('2.90', Type.Optional(hostnameOrDomain)),
});

/** nova/api/openstack/compute/schemas/servers.py, index_query; what only administrators may filter by is passed over for others */
const query = closedSince(
  '2.75',
  Type.Object({
    ...paging,
    ...texts(
      ...['name', 'display_name', 'description', 'display_description', 'image', 'image_ref', 'flavor', 'ip', 'ip6', 'host', 'node', 'hostname', 'project_id', 'tenant_id', 'user_id', 'uuid', 'reservation_id', 'vm_state', 'task_state'] as const,
      ...['power_state', 'key_name', 'availability_zone', 'config_drive', 'progress', 'created_at', 'launched_at', 'terminated_at', 'launch_index', 'kernel_id', 'ramdisk_id', 'root_device_name', 'access_ip_v4', 'access_ip_v6', 'auto_disk_config'] as const,
      ...['locked_by', 'all_tenants', 'soft_deleted', 'block_device_mapping', 'services', 'metadata', 'system_metadata', 'info_cache', 'security_groups', 'pci_devices'] as const,
    ),
    status: Type.Optional(Type.Array(Type.String())),
    deleted: Type.Optional(Type.Boolean()),
    'changes-since': Type.Optional(Type.String()),
    'changes-before': since('2.66', Type.Optional(Type.String())),
    tags: since('2.26', Type.Optional(Type.String())),
    'tags-any': since('2.26', Type.Optional(Type.String())),
    'not-tags': since('2.26', Type.Optional(Type.String())),
    'not-tags-any': since('2.26', Type.Optional(Type.String())),
    locked: since('2.73', Type.Optional(Type.String())),
    // No client may say these: `changes` does for older ones.
    passWrongStatus: until('2.0', Type.Optional(Type.Boolean())),
    fewFilters: until('2.0', Type.Optional(Type.Boolean())),
    sort_key: Type.Optional(Type.Array(Type.String())),
    sort_dir: Type.Optional(Type.Array(Type.Union([Type.Literal('asc'), Type.Literal('desc')]))),
  }),
);

function texts<const N extends string>(...names: readonly N[]) {
  return Object.fromEntries(names.map((each) => [each, Type.Optional(Type.String())])) as Record<N, TOptional<TString>>;
}


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
  show: { method: 'GET', path: '/servers/{server_id}', summary: 'One server', access: rule('show'), stability: 'stable', status: 200, response: exactly({ server: oneServer }) },
  update: {
    method: 'PUT',
    path: '/servers/{server_id}',
    summary: 'Rename a server, or set its access addresses',
    access: rule('update', 'member'),
    stability: 'stable',
    body: exactly({
      server: exactly({ name: Type.Optional(name), 'OS-DCF:diskConfig': Type.Optional(diskConfig), accessIPv4: Type.Optional(Type.Union([address, Type.Literal('')])), accessIPv6: Type.Optional(Type.Union([address, Type.Literal('')])), description: since('2.19', Type.Optional(description)), hostname: since('2.90', Type.Optional(hostnameOrDomain)) }),
    }),
    status: 200,
    response: exactly({ server: changedServer }),
  },
  delete: { method: 'DELETE', path: '/servers/{server_id}', summary: 'Delete a server', access: rule('delete', 'member'), stability: 'stable', status: 204 },
});

