/** What hangs on a server. nova/api/openstack/compute/{server_metadata,volumes,attach_interfaces,ips,security_groups,instance_actions}.py */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { address, exactly, metadata, nullableText, paging, uuid } from './fields.ts';
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

const attachment = exactly({ id: Type.String(), volumeId: Type.String(), serverId: Type.String(), device: Type.Optional(nullableText) });

export const serverVolumes = operations({
  list: {
    method: 'GET',
    path: '/servers/{server_id}/os-volume_attachments',
    summary: 'Volumes attached to it',
    access: access('os-volumes-attachments:index', 'reader'),
    stability: 'stable',
    query: Type.Object({ limit: paging.limit, offset: Type.Optional(Type.Integer({ minimum: 0 })) }),
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
    body: exactly({ volumeAttachment: exactly({ volumeId: uuid, device: Type.Optional(Type.Union([Type.String({ pattern: '(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$' }), Type.Null()])) }) }),
    status: 200,
    response: exactly({ volumeAttachment: attachment }),
  },
  detach: { method: 'DELETE', path: '/servers/{server_id}/os-volume_attachments/{volume_id}', summary: 'Detach a volume', access: access('os-volumes-attachments:delete', 'member'), stability: 'stable', status: 202 },
});

const fixedIps = Type.Array(exactly({ ip_address: Type.String(), subnet_id: Type.String() }));
const interfaceAttachment = exactly({ net_id: Type.String(), port_id: Type.String(), mac_addr: Type.String(), port_state: Type.String(), fixed_ips: fixedIps });

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
        exactly({ net_id: Type.Optional(uuid), port_id: Type.Optional(uuid), fixed_ips: Type.Optional(Type.Array(exactly({ ip_address: address }), { minItems: 1, maxItems: 1 })) }),
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
  message: nullableText,
};

export const instanceActions = operations({
  list: { method: 'GET', path: '/servers/{server_id}/os-instance-actions', summary: 'What was asked of it', access: access('os-instance-actions:list', 'reader'), stability: 'stable', status: 200, response: exactly({ instanceActions: Type.Array(exactly(instanceAction)) }), list: { resource: 'server_action', show: 'show', parameter: 'request_id' } },
  show: {
    method: 'GET',
    path: '/servers/{server_id}/os-instance-actions/{request_id}',
    summary: 'What became of one request',
    access: access('os-instance-actions:show', 'reader'),
    stability: 'stable',
    status: 200,
    response: exactly({
      instanceAction: exactly({
        ...instanceAction,
        events: Type.Optional(Type.Array(exactly({ event: Type.String(), start_time: Type.String(), finish_time: nullableText, result: nullableText, traceback: nullableText }))),
      }),
    }),
  },
});

