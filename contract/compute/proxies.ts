/**
 * What other services hold, as Nova offered it before they had an API of their own; up to 2.35.
 * nova/api/openstack/compute/{images,image_metadata,security_groups,floating_ips,floating_ip_pools,networks,tenant_networks}.py
 */
import { Type } from 'typebox';
import { operations, type Who } from '../contract.ts';
import { exactly, links, metadata, nullableText, paging, time } from './fields.ts';

const proxy = { stability: 'deprecated', deprecation: { since: '2016-07-14' }, until: '2.35' } as const;
/** Nova forgot it when the others went: MAX_IMAGE_META_PROXY_API_VERSION */
const metadataProxy = { ...proxy, until: '2.38' } as const;
const rule = <const W extends Who>(name: string, who: W) => ({ rule: `os_compute_api:${name}`, who, adminEverywhere: true }) as const;

const imageLinks = Type.Array(exactly({ rel: Type.String(), href: Type.String(), type: Type.Optional(Type.String()) }));
const imageMetadata = Type.Record(Type.String(), nullableText);
const image = exactly({
  id: Type.String(),
  name: nullableText,
  minRam: Type.Integer(),
  minDisk: Type.Integer(),
  metadata: imageMetadata,
  created: time,
  updated: time,
  status: Type.String(),
  progress: Type.Integer(),
  'OS-EXT-IMG-SIZE:size': Type.Union([Type.Integer(), Type.Null()]),
  links: imageLinks,
  server: Type.Optional(exactly({ id: Type.String(), links })),
  'OS-DCF:diskConfig': Type.Optional(Type.String()),
});

const imageQuery = Type.Object({
  ...paging,
  name: Type.Optional(Type.String()),
  status: Type.Optional(Type.String()),
  server: Type.Optional(Type.String()),
  type: Type.Optional(Type.String()),
  minRam: Type.Optional(Type.String()),
  minDisk: Type.Optional(Type.String()),
  'changes-since': Type.Optional(Type.String()),
});

const meta = exactly({ meta: Type.Record(Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }), Type.String({ maxLength: 255 }), { additionalProperties: false, minProperties: 1, maxProperties: 1 }) });

const watchedImages = { resource: 'image', show: 'show', parameter: 'image_id' } as const;

export const imageProxies = operations({
  list: { ...proxy, method: 'GET', path: '/images', summary: 'Images', access: rule('os-images', 'reader'), query: imageQuery, status: 200, response: exactly({ images: Type.Array(exactly({ id: Type.String(), name: nullableText, links: imageLinks })), images_links: Type.Optional(links) }), list: watchedImages },
  detail: { ...proxy, method: 'GET', path: '/images/detail', summary: 'Images, with all that they are', access: rule('os-images', 'reader'), query: imageQuery, status: 200, response: exactly({ images: Type.Array(image), images_links: Type.Optional(links) }), list: watchedImages },
  show: { ...proxy, method: 'GET', path: '/images/{image_id}', summary: 'One image', access: rule('os-images', 'reader'), status: 200, response: exactly({ image }) },
  delete: { ...proxy, method: 'DELETE', path: '/images/{image_id}', summary: 'Delete an image', access: rule('os-images', 'member'), status: 204 },
});

export const imageMetadataProxies = operations({
  list: { ...metadataProxy, method: 'GET', path: '/images/{image_id}/metadata', summary: "An image's metadata", access: rule('image-metadata', 'reader'), status: 200, response: exactly({ metadata: imageMetadata }), list: { after: { image: 'image_id' } } },
  merge: { ...metadataProxy, method: 'POST', path: '/images/{image_id}/metadata', summary: "Add to an image's metadata", access: rule('image-metadata', 'member'), body: exactly({ metadata }), status: 200, response: exactly({ metadata: imageMetadata }) },
  replace: { ...metadataProxy, method: 'PUT', path: '/images/{image_id}/metadata', summary: "Set an image's metadata", access: rule('image-metadata', 'member'), body: exactly({ metadata }), status: 200, response: exactly({ metadata: imageMetadata }) },
  show: { ...metadataProxy, method: 'GET', path: '/images/{image_id}/metadata/{key}', summary: "One item of an image's metadata", access: rule('image-metadata', 'reader'), status: 200, response: exactly({ meta: imageMetadata }) },
  set: { ...metadataProxy, method: 'PUT', path: '/images/{image_id}/metadata/{key}', summary: "Set one item of an image's metadata", access: rule('image-metadata', 'member'), body: meta, status: 200, response: exactly({ meta: imageMetadata }) },
  delete: { ...metadataProxy, method: 'DELETE', path: '/images/{image_id}/metadata/{key}', summary: "Take one item of an image's metadata away", access: rule('image-metadata', 'member'), status: 204 },
});

const groupRule = exactly({
  id: Type.String(),
  parent_group_id: Type.String(),
  ip_protocol: nullableText,
  from_port: Type.Union([Type.Integer(), Type.Null()]),
  to_port: Type.Union([Type.Integer(), Type.Null()]),
  group: Type.Union([exactly({ name: Type.String(), tenant_id: Type.String() }), exactly({})]),
  ip_range: Type.Union([exactly({ cidr: Type.String() }), exactly({})]),
});
export const shownGroup = exactly({ id: Type.String(), name: Type.String(), tenant_id: Type.String(), description: nullableText, rules: Type.Array(groupRule) });
const groupText = Type.String({ maxLength: 255 });
const groupBody = exactly({ security_group: exactly({ name: Type.String({ minLength: 1, maxLength: 255 }), description: groupText }) });
const offsets = { limit: Type.Optional(Type.Integer({ minimum: 0 })), offset: Type.Optional(Type.Integer({ minimum: 0 })) };

export const securityGroupProxies = operations({
  list: { ...proxy, method: 'GET', path: '/os-security-groups', summary: 'Security groups of the project', access: rule('os-security-groups:get', 'reader'), query: Type.Object({ ...offsets, all_tenants: Type.Optional(Type.String()) }), effects: 'own', status: 200, response: exactly({ security_groups: Type.Array(shownGroup) }), list: { resource: 'security_group', show: 'show', parameter: 'group_id' } },
  create: { ...proxy, method: 'POST', path: '/os-security-groups', summary: 'Make a security group', access: { rule: 'os_compute_api:os-security-groups:create', who: 'member' }, body: groupBody, status: 200, response: exactly({ security_group: shownGroup }) },
  show: { ...proxy, method: 'GET', path: '/os-security-groups/{group_id}', summary: 'One security group', access: rule('os-security-groups:show', 'reader'), status: 200, response: exactly({ security_group: shownGroup }) },
  update: { ...proxy, method: 'PUT', path: '/os-security-groups/{group_id}', summary: 'Rename a security group', access: rule('os-security-groups:update', 'member'), body: groupBody, status: 200, response: exactly({ security_group: shownGroup }) },
  delete: { ...proxy, method: 'DELETE', path: '/os-security-groups/{group_id}', summary: 'Delete a security group', access: rule('os-security-groups:delete', 'member'), status: 202 },
});

const port = Type.Union([Type.Integer(), Type.String({ maxLength: 255 }), Type.Null()]);

export const securityGroupRuleProxies = operations({
  create: {
    ...proxy,
    method: 'POST',
    path: '/os-security-group-rules',
    summary: 'Let something in',
    access: rule('os-security-groups:rule:create', 'member'),
    body: exactly({
      security_group_rule: Type.Object({
        parent_group_id: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
        ip_protocol: Type.Optional(nullableText),
        from_port: Type.Optional(port),
        to_port: Type.Optional(port),
        cidr: Type.Optional(nullableText),
        group_id: Type.Optional(Type.Union([Type.String(), Type.Integer(), Type.Null()])),
      }),
    }),
    status: 200,
    response: exactly({ security_group_rule: groupRule }),
  },
  delete: { ...proxy, method: 'DELETE', path: '/os-security-group-rules/{rule_id}', summary: 'Let it in no longer', access: rule('os-security-groups:rule:delete', 'member'), status: 202 },
});

const floatingIp = exactly({ id: Type.String(), ip: Type.String(), pool: Type.String(), fixed_ip: nullableText, instance_id: nullableText });

export const floatingIpProxies = operations({
  list: { ...proxy, method: 'GET', path: '/os-floating-ips', summary: 'Floating IPs of the project', access: rule('os-floating-ips:list', 'reader'), status: 200, response: exactly({ floating_ips: Type.Array(floatingIp) }), list: { resource: 'floatingip', show: 'show', parameter: 'floating_ip_id' } },
  show: { ...proxy, method: 'GET', path: '/os-floating-ips/{floating_ip_id}', summary: 'One floating IP', access: rule('os-floating-ips:show', 'reader'), status: 200, response: exactly({ floating_ip: floatingIp }) },
  create: { ...proxy, method: 'POST', path: '/os-floating-ips', summary: 'Take a floating IP', access: { rule: 'os_compute_api:os-floating-ips:create', who: 'member' }, body: exactly({ pool: Type.Optional(nullableText) }), bodyOptional: true, status: 200, response: exactly({ floating_ip: floatingIp }) },
  delete: { ...proxy, method: 'DELETE', path: '/os-floating-ips/{floating_ip_id}', summary: 'Give a floating IP back', access: rule('os-floating-ips:delete', 'member'), status: 202 },
});

export const floatingIpPools = operations({
  list: { ...proxy, method: 'GET', path: '/os-floating-ip-pools', summary: 'Networks that floating IPs come from', access: rule('os-floating-ip-pools', 'user'), status: 200, response: exactly({ floating_ip_pools: Type.Array(exactly({ name: Type.String() })) }), list: { after: { network: null } } },
});
