/** placement/handlers/{resource_provider,inventory,usage,allocation,aggregate,trait,resource_class}.py, read only: hosts report what they have, and compute claims it. */
import { Type, type TProperties } from 'typebox';
import { operations, since } from '../contract.ts';

function exactly<P extends TProperties>(fields: P) {
  return Type.Object(fields, { additionalProperties: false });
}

const access = (rule: string) => ({ rule: `placement:${rule}`, who: 'admin' }) as const;

const links = Type.Array(exactly({ rel: Type.String(), href: Type.String() }));
const provider = exactly({ uuid: Type.String(), name: Type.String(), generation: Type.Integer(), links });
const generation = { resource_provider_generation: Type.Integer() };
const inventory = { total: Type.Integer(), reserved: Type.Integer(), min_unit: Type.Integer(), max_unit: Type.Integer(), step_size: Type.Integer(), allocation_ratio: Type.Number() };
const amounts = Type.Record(Type.String(), Type.Integer());

const parts = { after: { resource_provider: 'uuid' } } as const;

export const providers = operations({
  list: {
    method: 'GET',
    path: '/resource_providers',
    summary: 'Hosts and what else has something to be claimed',
    access: access('resource_providers:list'),
    stability: 'stable',
    query: exactly({
      name: Type.Optional(Type.String()),
      uuid: Type.Optional(Type.String()),
      member_of: Type.Optional(since('1.3', Type.String())),
      resources: Type.Optional(since('1.4', Type.String({ pattern: '^[A-Z0-9_]+:[0-9]{1,10}(,[A-Z0-9_]+:[0-9]{1,10})*$' }))),
    }),
    status: 200,
    response: exactly({ resource_providers: Type.Array(provider) }),
    list: { resource: 'resource_provider', show: 'show', parameter: 'uuid', ofNoProject: true },
  },
  show: { method: 'GET', path: '/resource_providers/{uuid}', summary: 'One provider', access: access('resource_providers:show'), stability: 'stable', status: 200, response: provider },
  inventories: { method: 'GET', path: '/resource_providers/{uuid}/inventories', summary: 'What it has', access: access('resource_providers:inventories:list'), stability: 'stable', status: 200, response: exactly({ ...generation, inventories: Type.Record(Type.String(), exactly(inventory)) }), list: parts },
  inventory: { method: 'GET', path: '/resource_providers/{uuid}/inventories/{resource_class}', summary: 'What it has of one class', access: access('resource_providers:inventories:show'), stability: 'stable', status: 200, response: exactly({ ...generation, ...inventory }) },
  usages: { method: 'GET', path: '/resource_providers/{uuid}/usages', summary: 'What is claimed of it', access: access('resource_providers:usages'), stability: 'stable', status: 200, response: exactly({ ...generation, usages: amounts }), list: parts },
  allocations: { method: 'GET', path: '/resource_providers/{uuid}/allocations', summary: 'Who claims it', access: access('resource_providers:allocations:list'), stability: 'stable', status: 200, response: exactly({ ...generation, allocations: Type.Record(Type.String(), exactly({ resources: amounts })) }), list: parts },
  aggregates: { method: 'GET', path: '/resource_providers/{uuid}/aggregates', since: '1.1', summary: 'Groups that it is in', access: access('resource_providers:aggregates:list'), stability: 'stable', status: 200, response: exactly({ aggregates: Type.Array(Type.String()) }) },
});

export const allocations = operations({
  show: { method: 'GET', path: '/allocations/{consumer_uuid}', summary: 'What one consumer has claimed', access: access('allocations:list'), stability: 'stable', status: 200, response: exactly({ allocations: Type.Record(Type.String(), exactly({ generation: Type.Integer(), resources: amounts })) }) },
});

const resourceClass = exactly({ name: Type.String(), links });

export const resourceClasses = operations({
  list: { method: 'GET', path: '/resource_classes', since: '1.2', summary: 'What there can be to claim', access: access('resource_classes:list'), stability: 'stable', status: 200, response: exactly({ resource_classes: Type.Array(resourceClass) }) },
  show: { method: 'GET', path: '/resource_classes/{name}', since: '1.2', summary: 'One class', access: access('resource_classes:show'), stability: 'stable', status: 200, response: resourceClass },
});
