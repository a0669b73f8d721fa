/** What hangs on a server. nova/api/openstack/compute/{server_metadata,volumes,attach_interfaces,ips,security_groups,instance_actions}.py */
import { Type } from 'typebox';
import { closedSince, operations, since, until } from '../contract.ts';
import { address, boolean, exactly, links, metadata, nullableText, paging, tag, uuid } from './fields.ts';
import { shownGroup } from './proxies.ts';

const access = (rule: string, who: 'reader' | 'member') => ({ rule: `os_compute_api:${rule}`, who, adminEverywhere: true }) as const;

const stored = Type.Record(Type.String(), Type.String());
const oneItem = exactly({ meta: Type.Record(Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }), Type.String({ maxLength: 255 }), { additionalProperties: false, minProperties: 1, maxProperties: 1 }) });

export const serverMetadata = operations({
  list: { method: 'GET', path: '/servers/{server_id}/metadata', summary: 'Its metadata', access: access('server-metadata:index', 'reader'), stability: 'stable', status: 200, response: exactly({ metadata: stored }), list: { after: { server: 'server_id' } } },
  merge: { method: 'POST', path: '/servers/{server_id}/metadata', summary: 'Add to its metadata', access: access('server-metadata:create', 'member'), stability: 'stable', body: exactly({ metadata }), status: 200, response: exactly({ metadata: stored }) },
  replace: { method: 'PUT', path: '/servers/{server_id}/metadata', summary: 'Set its metadata', access: access('server-metadata:update_all', 'member'), stability: 'stable', body: exactly({ metadata }), status: 200, response: exactly({ metadata: stored }) },
  show: { method: 'GET', path: '/servers/{server_id}/metadata/{key}', summary: 'One item of its metadata', access: access('server-metadata:show', 'reader'), stability: 'stable', status: 200, response: exactly({ meta: stored }) },
  set: { method: 'PUT', path: '/servers/{server_id}/metadata/{key}', summary: 'Set one item of its metadata', access: access('server-metadata:update', 'member'), stability: 'stable', body: oneItem, status: 200, response: exactly({ meta: stored }) },
  delete: { method: 'DELETE', path: '/servers/{server_id}/metadata/{key}', summary: 'Take one item away', access: access('server-metadata:delete', 'member'), stability: 'stable', status: 204 },
});

const attached = { volumeId: Type.String(), serverId: Type.String(), device: Type.Optional(nullableText), tag: since('2.70', nullableText), delete_on_termination: since('2.79', Type.Boolean()) };

const attachment = exactly({ id: until('2.88', Type.String()), ...attached, attachment_id: since('2.89', nullableText), bdm_uuid: since('2.89', Type.String()) });

/** No client may say these: `changes` does for older ones, which could not have a volume in several servers, nor give one to a server that is shelved. */
const olderAttachment = { single: until('2.0', Type.Optional(Type.Boolean())), placed: until('2.0', Type.Optional(Type.Boolean())) };

const device = Type.Optional(Type.Union([Type.String({ pattern: '(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$' }), Type.Null()]));

export const serverVolumes = operations({
  list: {
    method: 'GET',
    path: '/servers/{server_id}/os-volume_attachments',
    summary: 'Volumes attached to it',
    access: access('os-volumes-attachments:index', 'reader'),
    stability: 'stable',
    query: closedSince('2.75', Type.Object({ limit: paging.limit, offset: Type.Optional(Type.Integer({ minimum: 0 })) })),
    status: 200,
    response: exactly({ volumeAttachments: Type.Array(attachment) }),
    list: { resource: 'server_volume', show: 'show', parameter: 'volume_id' },
  },
  show: { method: 'GET', path: '/servers/{server_id}/os-volume_attachments/{volume_id}', summary: 'One attached volume', access: access('os-volumes-attachments:show', 'reader'), stability: 'stable', status: 200, response: exactly({ volumeAttachment: attachment }) },
  attach: {
    method: 'POST',
    path: '/servers/{server_id}/os-volume_attachments',
    summary: 'Attach a volume',
    access: access('os-volumes-attachments:create', 'member'),
    stability: 'stable',
    body: exactly({ volumeAttachment: exactly({ volumeId: uuid, device, tag: since('2.49', Type.Optional(tag)), delete_on_termination: since('2.79', Type.Optional(boolean)), ...olderAttachment }) }),
    status: 200,
    // Its id stays here after 2.89: nova/api/openstack/compute/volume_attachments.py
    response: exactly({ volumeAttachment: exactly({ id: Type.String(), ...attached }) }),
  },
  update: {
    method: 'PUT',
    path: '/servers/{server_id}/os-volume_attachments/{volume_id}',
    summary: 'Whether a volume goes with its server, or which volume comes in the place of one that moves',
    access: access('os-volumes-attachments:update', 'member'),
    stability: 'stable',
    body: exactly({
      volumeAttachment: exactly({
        volumeId: uuid,
        device: since('2.85', device),
        tag: since('2.85', Type.Optional(tag)),
        delete_on_termination: since('2.85', Type.Optional(boolean)),
        serverId: since('2.85', Type.Optional(uuid)),
        id: since('2.85', Type.Optional(uuid)),
      }),
    }),
    status: 202,
  },
  detach: { method: 'DELETE', path: '/servers/{server_id}/os-volume_attachments/{volume_id}', summary: 'Detach a volume', access: access('os-volumes-attachments:delete', 'member'), stability: 'stable', query: Type.Object({ placed: until('2.0', Type.Optional(Type.Boolean())) }), status: 202 },
});

const fixedIps = Type.Array(exactly({ ip_address: Type.String(), subnet_id: Type.String() }));
const interfaceAttachment = exactly({ net_id: Type.String(), port_id: Type.String(), mac_addr: Type.String(), port_state: Type.String(), fixed_ips: fixedIps, tag: since('2.70', nullableText) });

export const serverInterfaces = operations({
  list: { method: 'GET', path: '/servers/{server_id}/os-interface', summary: 'Its interfaces', access: access('os-attach-interfaces:list', 'reader'), stability: 'stable', status: 200, response: exactly({ interfaceAttachments: Type.Array(interfaceAttachment) }), list: { resource: 'server_interface', show: 'show', parameter: 'port_id' } },
  show: { method: 'GET', path: '/servers/{server_id}/os-interface/{port_id}', summary: 'One interface', access: access('os-attach-interfaces:show', 'reader'), stability: 'stable', status: 200, response: exactly({ interfaceAttachment }) },
  attach: {
    method: 'POST',
    path: '/servers/{server_id}/os-interface',
    summary: 'Give it another interface',
    access: access('os-attach-interfaces:create', 'member'),
    stability: 'stable',
    bodyOptional: true,
    body: exactly({
      interfaceAttachment: Type.Optional(
        exactly({ net_id: Type.Optional(uuid), port_id: Type.Optional(uuid), fixed_ips: Type.Optional(Type.Array(exactly({ ip_address: address }), { minItems: 1, maxItems: 1 })), tag: since('2.49', Type.Optional(tag)) }),
      ),
    }),
    status: 200,
    response: exactly({ interfaceAttachment }),
  },
  detach: { method: 'DELETE', path: '/servers/{server_id}/os-interface/{port_id}', summary: 'Take an interface away', access: access('os-attach-interfaces:delete', 'member'), stability: 'stable', status: 202 },
});

const plainAddresses = Type.Array(exactly({ version: Type.Integer(), addr: Type.String() }));

export const serverAddresses = operations({
  list: { method: 'GET', path: '/servers/{server_id}/ips', summary: 'Its addresses by network', access: access('ips:index', 'reader'), stability: 'stable', status: 200, response: exactly({ addresses: Type.Record(Type.String(), plainAddresses) }), list: { after: { server: 'server_id', server_interface: null, port: null, floatingip: null, network: null } } },
  show: { method: 'GET', path: '/servers/{server_id}/ips/{network_label}', summary: 'Its addresses on one network', access: access('ips:show', 'reader'), stability: 'stable', status: 200, response: Type.Record(Type.String(), plainAddresses) },
});

export const serverSecurityGroups = operations({
  list: {
    method: 'GET',
    path: '/servers/{server_id}/os-security-groups',
    summary: 'Security groups of its interfaces',
    access: access('os-security-groups:list', 'reader'),
    stability: 'stable',
    status: 200,
    response: exactly({ security_groups: Type.Array(shownGroup) }),
    list: { after: { server: 'server_id', server_interface: null, port: null, security_group: null } },
  },
});

const instanceAction = {
  action: Type.String(),
  instance_uuid: Type.String(),
  request_id: Type.String(),
  user_id: Type.String(),
  project_id: Type.String(),
  start_time: Type.String(),
  updated_at: since('2.58', Type.String()),
  message: nullableText,
};

/** No client may say it: `changes` does for older ones, who were told nothing of servers that are deleted. */
const ofLiving = { living: until('2.0', Type.Optional(Type.Boolean())) };

const actionEvent = exactly({
  event: Type.String(),
  start_time: Type.String(),
  finish_time: nullableText,
  result: nullableText,
  traceback: Type.Optional(nullableText),
  host: since('2.62', Type.Optional(nullableText)),
  hostId: since('2.62', Type.String()),
  details: since('2.84', Type.Optional(nullableText)),
});

export const instanceActions = operations({
  list: {
    method: 'GET',
    path: '/servers/{server_id}/os-instance-actions',
    summary: 'What was asked of it',
    access: access('os-instance-actions:list', 'reader'),
    stability: 'stable',
    query: closedSince(
      '2.58',
      Type.Object({
        limit: since('2.58', paging.limit),
        marker: since('2.58', paging.marker),
        'changes-since': since('2.58', Type.Optional(Type.String())),
        'changes-before': since('2.66', Type.Optional(Type.String())),
        ...ofLiving,
      }),
    ),
    status: 200,
    response: exactly({ instanceActions: Type.Array(exactly(instanceAction)), links: since('2.58', Type.Optional(links)) }),
    list: { resource: 'server_action', show: 'show', parameter: 'request_id' },
  },
  show: {
    method: 'GET',
    path: '/servers/{server_id}/os-instance-actions/{request_id}',
    summary: 'What became of one request',
    access: access('os-instance-actions:show', 'reader'),
    stability: 'stable',
    query: Type.Object(ofLiving),
    status: 200,
    response: exactly({ instanceAction: exactly({ ...instanceAction, events: Type.Optional(Type.Array(actionEvent)) }) }),
  },
});

const tags = exactly({ tags: Type.Array(Type.String()) });

export const serverTags = operations({
  list: { method: 'GET', path: '/servers/{server_id}/tags', since: '2.26', summary: 'Its tags', access: access('os-server-tags:index', 'reader'), stability: 'stable', status: 200, response: tags, list: { after: { server: 'server_id' } } },
  replace: { method: 'PUT', path: '/servers/{server_id}/tags', since: '2.26', summary: 'Set its tags', access: access('os-server-tags:update_all', 'member'), stability: 'stable', body: exactly({ tags: Type.Array(tag, { maxItems: 50 }) }), status: 200, response: tags },
  clear: { method: 'DELETE', path: '/servers/{server_id}/tags', since: '2.26', summary: 'Take all its tags away', access: access('os-server-tags:delete_all', 'member'), stability: 'stable', status: 204 },
  has: { method: 'GET', path: '/servers/{server_id}/tags/{tag}', since: '2.26', summary: 'Whether it has this tag', access: access('os-server-tags:show', 'reader'), stability: 'stable', status: 204 },
  add: { method: 'PUT', path: '/servers/{server_id}/tags/{tag}', since: '2.26', summary: 'Give it a tag', access: access('os-server-tags:update', 'member'), stability: 'stable', status: 201, otherStatuses: [204] },
  remove: { method: 'DELETE', path: '/servers/{server_id}/tags/{tag}', since: '2.26', summary: 'Take a tag away', access: access('os-server-tags:delete', 'member'), stability: 'stable', status: 204 },
});

export const serverConsoles = operations({
  create: {
    method: 'POST',
    path: '/servers/{server_id}/remote-consoles',
    since: '2.6',
    summary: 'Where its console is seen',
    access: access('os-remote-consoles', 'member'),
    stability: 'stable',
    body: exactly({
      remote_console: exactly({
        protocol: Type.Union([Type.Literal('vnc'), Type.Literal('spice'), Type.Literal('serial'), Type.Literal('rdp'), Type.Literal('mks', { 'x-since': '2.8' })]),
        type: Type.Union([
          Type.Literal('novnc'),
          Type.Literal('xvpvnc'),
          Type.Literal('spice-html5'),
          Type.Literal('serial'),
          Type.Literal('rdp-html5'),
          Type.Literal('webmks', { 'x-since': '2.8' }),
          Type.Literal('spice-direct', { 'x-since': '2.99' }),
        ]),
      }),
    }),
    status: 200,
    response: exactly({ remote_console: exactly({ protocol: Type.String(), type: Type.String(), url: Type.String() }) }),
  },
});

export const consoleTokens = operations({
  show: {
    method: 'GET',
    path: '/os-console-auth-tokens/{console_token}',
    since: '2.31',
    summary: 'Where the console is that a token opens',
    access: { rule: 'os_compute_api:os-console-auth-tokens', who: 'admin' },
    stability: 'stable',
    query: closedSince('2.99', Type.Object({})),
    status: 200,
    response: exactly({ console: exactly({ instance_uuid: Type.String(), host: nullableText, port: Type.Integer(), tls_port: since('2.99', Type.Union([Type.Integer(), Type.Null()])), internal_access_path: nullableText }) }),
  },
});

const integerOrNull = Type.Union([Type.Integer(), Type.Null()]);

/** nova/api/openstack/compute/views/server_diagnostics.py */
const diagnosis = exactly({
  state: Type.String(),
  driver: Type.String(),
  hypervisor: nullableText,
  hypervisor_os: nullableText,
  uptime: integerOrNull,
  config_drive: Type.Boolean(),
  num_cpus: Type.Integer(),
  num_nics: Type.Integer(),
  num_disks: Type.Integer(),
  memory_details: exactly({ maximum: integerOrNull, used: integerOrNull }),
  cpu_details: Type.Array(exactly({ id: integerOrNull, time: integerOrNull, utilisation: integerOrNull })),
  nic_details: Type.Array(exactly({ mac_address: nullableText, rx_octets: integerOrNull, rx_errors: integerOrNull, rx_drop: integerOrNull, rx_packets: integerOrNull, rx_rate: integerOrNull, tx_octets: integerOrNull, tx_errors: integerOrNull, tx_drop: integerOrNull, tx_packets: integerOrNull, tx_rate: integerOrNull })),
  disk_details: Type.Array(exactly({ read_bytes: integerOrNull, read_requests: integerOrNull, write_bytes: integerOrNull, write_requests: integerOrNull, errors_count: integerOrNull })),
});

export const serverDiagnostics = operations({
  show: {
    method: 'GET',
    path: '/servers/{server_id}/diagnostics',
    summary: 'What its host knows of it',
    access: { rule: 'os_compute_api:os-server-diagnostics', who: 'admin' },
    stability: 'stable',
    status: 200,
    // What hypervisors say differs, up to 2.47.
    response: Type.Union([since('2.48', diagnosis), until('2.47', Type.Record(Type.String(), Type.Unknown()))]),
  },
});

export const serverTopology = operations({
  show: {
    method: 'GET',
    path: '/servers/{server_id}/topology',
    since: '2.78',
    summary: 'How its processors and memory lie',
    access: { rule: 'compute:server:topology:index', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    status: 200,
    response: exactly({
      nodes: Type.Array(
        exactly({
          vcpu_set: Type.Array(Type.Integer()),
          siblings: Type.Array(Type.Array(Type.Integer())),
          memory_mb: Type.Integer(),
          host_node: Type.Optional(Type.Integer()),
          cpu_pinning: Type.Optional(Type.Record(Type.String(), Type.Integer())),
        }),
      ),
      pagesize_kb: integerOrNull,
    }),
  },
});

export const serverPassword = operations({
  show: { method: 'GET', path: '/servers/{server_id}/os-server-password', summary: 'The password that its guest has told, encrypted', access: access('os-server-password:show', 'reader'), stability: 'stable', status: 200, response: exactly({ password: Type.String() }) },
  clear: { method: 'DELETE', path: '/servers/{server_id}/os-server-password', summary: 'Forget it', access: access('os-server-password:clear', 'member'), stability: 'stable', status: 204 },
});

