/** nova/api/openstack/compute/{flavors,flavor_manage,flavors_extraspecs,flavor_access}.py */
import { Type } from 'typebox';
import { closedSince, operations, since, until } from '../contract.ts';
import { extraSpec, extraSpecs } from './extra-specs.ts';
import { boolean, exactly, links, name, nonNegativeInteger, nullableText, paging, positiveInteger } from './fields.ts';

const description = since('2.55', nullableText);
const brief = exactly({ id: Type.String(), name: Type.String(), description, links });

const flavor = exactly({
  id: Type.String(),
  name: Type.String(),
  ram: Type.Integer(),
  vcpus: Type.Integer(),
  disk: Type.Integer(),
  'OS-FLV-EXT-DATA:ephemeral': Type.Integer(),
  /** Without a swap disk nothing was said, as an empty text, up to 2.74. */
  swap: Type.Union([Type.Integer(), until('2.74', Type.Literal(''))]),
  rxtx_factor: Type.Number(),
  'os-flavor-access:is_public': Type.Boolean(),
  'OS-FLV-DISABLED:disabled': Type.Boolean(),
  description,
  extra_specs: since('2.61', Type.Record(Type.String(), Type.String())),
  links,
});

const query = closedSince(
  '2.75',
  Type.Object({
    ...paging,
    is_public: Type.Optional(Type.String()),
    minRam: Type.Optional(Type.String()),
    minDisk: Type.Optional(Type.String()),
    sort_key: Type.Optional(Type.String()),
    sort_dir: Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')])),
  }),
);

/** Any printable text, over several lines too. */
const newDescription = Type.Union([Type.String({ maxLength: 65535, pattern: '^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]*$' }), Type.Null()]);

const everyone = { rule: 'os_compute_api:flavors', who: 'reader' } as const;
const manage = (verb: string) => ({ rule: `os_compute_api:os-flavor-manage:${verb}`, who: 'admin' }) as const;
const extra = (verb: string) => ({ rule: `os_compute_api:os-flavor-extra-specs:${verb}`, who: verb === 'index' || verb === 'show' ? 'reader' : 'admin' }) as const;

const watched = { resource: 'flavor', show: 'show', parameter: 'flavor_id', ofNoProject: true } as const;

export const flavors = operations({
  list: {
    method: 'GET',
    path: '/flavors',
    summary: 'Flavors that the project may use',
    access: everyone,
    stability: 'stable',
    query,
    status: 200,
    response: exactly({ flavors: Type.Array(brief), flavors_links: Type.Optional(links) }),
    list: watched,
  },
  detail: {
    method: 'GET',
    path: '/flavors/detail',
    summary: 'Flavors that the project may use, with all that they are',
    access: everyone,
    stability: 'stable',
    query,
    status: 200,
    response: exactly({ flavors: Type.Array(flavor), flavors_links: Type.Optional(links) }),
    list: watched,
  },
  show: { method: 'GET', path: '/flavors/{flavor_id}', summary: 'One flavor', access: everyone, stability: 'stable', status: 200, response: exactly({ flavor }) },
  create: {
    method: 'POST',
    path: '/flavors',
    summary: 'Make a flavor',
    access: manage('create'),
    stability: 'stable',
    body: exactly({
      flavor: exactly({
        name,
        id: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 255, pattern: '^(?! )[a-zA-Z0-9. _-]+(?<! )$' }), Type.Integer(), Type.Null()])),
        ram: positiveInteger,
        vcpus: positiveInteger,
        disk: nonNegativeInteger,
        'OS-FLV-EXT-DATA:ephemeral': Type.Optional(nonNegativeInteger),
        swap: Type.Optional(nonNegativeInteger),
        rxtx_factor: Type.Optional(Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?$' })])),
        'os-flavor-access:is_public': Type.Optional(boolean),
        description: since('2.55', Type.Optional(newDescription)),
      }),
    }),
    status: 200,
    response: exactly({ flavor }),
  },
  update: {
    method: 'PUT',
    path: '/flavors/{flavor_id}',
    since: '2.55',
    summary: 'Describe a flavor',
    access: manage('update'),
    stability: 'stable',
    body: exactly({ flavor: exactly({ description: newDescription }) }),
    status: 200,
    response: exactly({ flavor }),
  },
  delete: { method: 'DELETE', path: '/flavors/{flavor_id}', summary: 'Delete a flavor; servers keep what they were made with', access: manage('delete'), stability: 'stable', status: 202 },
});

const storedSpecs = Type.Record(Type.String(), Type.String());

/** Of one flavor. */
const parts = { after: { flavor: 'flavor_id' } } as const;

export const flavorExtraSpecs = operations({
  list: { method: 'GET', path: '/flavors/{flavor_id}/os-extra_specs', summary: 'What else is asked of hosts', access: extra('index'), stability: 'stable', status: 200, response: exactly({ extra_specs: storedSpecs }), list: parts },
  show: { method: 'GET', path: '/flavors/{flavor_id}/os-extra_specs/{key}', summary: 'One extra specification', access: extra('show'), stability: 'stable', status: 200, response: storedSpecs },
  create: {
    method: 'POST',
    path: '/flavors/{flavor_id}/os-extra_specs',
    summary: 'Add extra specifications',
    access: extra('create'),
    stability: 'stable',
    body: exactly({ extra_specs: extraSpecs }),
    status: 200,
    response: exactly({ extra_specs: storedSpecs }),
  },
  update: { method: 'PUT', path: '/flavors/{flavor_id}/os-extra_specs/{key}', summary: 'Set one extra specification', access: extra('update'), stability: 'stable', body: extraSpec, status: 200, response: storedSpecs },
  delete: { method: 'DELETE', path: '/flavors/{flavor_id}/os-extra_specs/{key}', summary: 'Take an extra specification away', access: extra('delete'), stability: 'stable', status: 200 },
});

const access = exactly({ flavor_access: Type.Array(exactly({ flavor_id: Type.String(), tenant_id: Type.String() })) });
const tenant = exactly({ tenant: Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-]*$' }) });

export const flavorAccess = operations({
  list: { method: 'GET', path: '/flavors/{flavor_id}/os-flavor-access', summary: 'Projects that may use a private flavor', access: { rule: 'os_compute_api:os-flavor-access', who: 'admin' }, stability: 'stable', status: 200, response: access, list: parts },
  add: {
    method: 'POST',
    path: '/flavors/{flavor_id}/action',
    action: 'addTenantAccess',
    summary: 'Let a project use a private flavor',
    access: { rule: 'os_compute_api:os-flavor-access:add_tenant_access', who: 'admin' },
    stability: 'stable',
    // No client may say the latter: `changes` does for older ones.
    body: exactly({ addTenantAccess: exactly({ ...tenant.properties, alsoPublic: until('2.0', Type.Optional(Type.Boolean())) }) }),
    status: 200,
    response: access,
  },
  remove: {
    method: 'POST',
    path: '/flavors/{flavor_id}/action',
    action: 'removeTenantAccess',
    summary: 'No longer let a project use a private flavor',
    access: { rule: 'os_compute_api:os-flavor-access:remove_tenant_access', who: 'admin' },
    stability: 'stable',
    body: exactly({ removeTenantAccess: tenant }),
    status: 200,
    response: access,
  },
});
