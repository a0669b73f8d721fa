/** placement/handlers/{resource_provider,inventory,usage,allocation,aggregate,trait}.py */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { admin, amounts, className, exactly, integer, inventoriesOf, links, memberOf, newInventory, only, requiredTraits, resourcesText, shownInventory, uuid } from './fields.ts';

const provider = exactly({
  uuid: Type.String(),
  name: Type.String(),
  generation: Type.Integer(),
  parent_provider_uuid: since('1.14', Type.Union([Type.String(), Type.Null()])),
  root_provider_uuid: since('1.14', Type.String()),
  links,
});

const generation = { resource_provider_generation: Type.Integer() };
const parent = since('1.14', Type.Optional(Type.Union([uuid, Type.Null()])));
const traitNames = Type.Array(Type.String({ minLength: 1, maxLength: 255 }));

const parts = { after: { resource_provider: 'uuid' } } as const;

export const providers = operations({
  list: {
    method: 'GET',
    path: '/resource_providers',
    summary: 'Hosts and what else has something to be claimed',
    access: admin('resource_providers:list'),
    stability: 'stable',
    query: only({
      name: Type.Optional(Type.String()),
      uuid: Type.Optional(uuid),
      member_of: Type.Optional(since('1.3', memberOf)),
      resources: Type.Optional(since('1.4', resourcesText)),
      in_tree: Type.Optional(since('1.14', uuid)),
      required: Type.Optional(since('1.18', requiredTraits)),
    }),
    status: 200,
    response: exactly({ resource_providers: Type.Array(provider) }),
    list: { resource: 'resource_provider', show: 'show', parameter: 'uuid', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/resource_providers',
    summary: 'Add a provider',
    access: admin('resource_providers:create'),
    stability: 'stable',
    body: exactly({ name: Type.String({ maxLength: 200 }), uuid: Type.Optional(uuid), parent_provider_uuid: parent }),
    status: 200,
    response: provider,
  },
  show: { method: 'GET', path: '/resource_providers/{uuid}', summary: 'One provider', access: admin('resource_providers:show'), stability: 'stable', status: 200, response: provider },
  update: {
    method: 'PUT',
    path: '/resource_providers/{uuid}',
    summary: 'Give a provider another name or parent',
    access: admin('resource_providers:update'),
    stability: 'stable',
    body: exactly({ name: Type.String({ maxLength: 200 }), parent_provider_uuid: parent }),
    status: 200,
    response: provider,
  },
  delete: { method: 'DELETE', path: '/resource_providers/{uuid}', summary: 'Take a provider away of which nothing is claimed', access: admin('resource_providers:delete'), stability: 'stable', status: 204 },

  inventories: { method: 'GET', path: '/resource_providers/{uuid}/inventories', summary: 'What it has', access: admin('resource_providers:inventories:list'), stability: 'stable', status: 200, response: exactly({ ...generation, inventories: Type.Record(Type.String(), exactly(shownInventory)) }), list: parts },
  createInventory: {
    method: 'POST',
    path: '/resource_providers/{uuid}/inventories',
    summary: 'Say what it has of one class',
    access: admin('resource_providers:inventories:create'),
    stability: 'stable',
    body: exactly({ ...newInventory, resource_class: Type.String({ pattern: className }), resource_provider_generation: Type.Optional(integer) }),
    status: 201,
    response: exactly({ ...generation, ...shownInventory }),
  },
  setInventories: {
    method: 'PUT',
    path: '/resource_providers/{uuid}/inventories',
    summary: 'Say all that it has',
    access: admin('resource_providers:inventories:update'),
    stability: 'stable',
    body: inventoriesOf,
    status: 200,
    response: exactly({ ...generation, inventories: Type.Record(Type.String(), exactly(shownInventory)) }),
  },
  deleteInventories: { method: 'DELETE', path: '/resource_providers/{uuid}/inventories', since: '1.5', absentAs: 405, summary: 'Say that it has nothing', access: admin('resource_providers:inventories:delete'), stability: 'stable', status: 204 },
  inventory: { method: 'GET', path: '/resource_providers/{uuid}/inventories/{resource_class}', summary: 'What it has of one class', access: admin('resource_providers:inventories:show'), stability: 'stable', status: 200, response: exactly({ ...generation, ...shownInventory }) },
  updateInventory: {
    method: 'PUT',
    path: '/resource_providers/{uuid}/inventories/{resource_class}',
    summary: 'Say anew what it has of one class',
    access: admin('resource_providers:inventories:update'),
    stability: 'stable',
    body: exactly({ ...newInventory, resource_provider_generation: integer }),
    status: 200,
    response: exactly({ ...generation, ...shownInventory }),
  },
  deleteInventory: { method: 'DELETE', path: '/resource_providers/{uuid}/inventories/{resource_class}', summary: 'Say that it has nothing of one class', access: admin('resource_providers:inventories:delete'), stability: 'stable', status: 204 },

  usages: { method: 'GET', path: '/resource_providers/{uuid}/usages', summary: 'What is claimed of it', access: admin('resource_providers:usages'), stability: 'stable', status: 200, response: exactly({ ...generation, usages: amounts }), list: parts },
  allocations: {
    method: 'GET',
    path: '/resource_providers/{uuid}/allocations',
    summary: 'Who claims it',
    access: admin('resource_providers:allocations:list'),
    stability: 'stable',
    status: 200,
    response: exactly({ ...generation, allocations: Type.Record(Type.String(), exactly({ resources: amounts, consumer_generation: since('1.28', Type.Integer()) })) }),
    list: parts,
  },

  aggregates: { method: 'GET', path: '/resource_providers/{uuid}/aggregates', since: '1.1', summary: 'Groups that it is in', access: admin('resource_providers:aggregates:list'), stability: 'stable', status: 200, response: exactly({ aggregates: Type.Array(Type.String()), resource_provider_generation: since('1.19', Type.Integer()) }) },
  setAggregates: {
    method: 'PUT',
    path: '/resource_providers/{uuid}/aggregates',
    since: '1.1',
    summary: 'Say which groups it is in',
    access: admin('resource_providers:aggregates:update'),
    stability: 'stable',
    body: exactly({ aggregates: Type.Array(uuid, { uniqueItems: true }), resource_provider_generation: integer }),
    status: 200,
    response: exactly({ aggregates: Type.Array(Type.String()), resource_provider_generation: since('1.19', Type.Integer()) }),
  },

  traits: { method: 'GET', path: '/resource_providers/{uuid}/traits', since: '1.6', summary: 'What it can do', access: admin('resource_providers:traits:list'), stability: 'stable', status: 200, response: exactly({ ...generation, traits: Type.Array(Type.String()) }), list: parts },
  setTraits: {
    method: 'PUT',
    path: '/resource_providers/{uuid}/traits',
    since: '1.6',
    summary: 'Say what it can do',
    access: admin('resource_providers:traits:update'),
    stability: 'stable',
    body: exactly({ traits: traitNames, resource_provider_generation: integer }),
    status: 200,
    response: exactly({ ...generation, traits: Type.Array(Type.String()) }),
  },
  deleteTraits: { method: 'DELETE', path: '/resource_providers/{uuid}/traits', since: '1.6', summary: 'Say that it can do nothing in particular', access: admin('resource_providers:traits:delete'), stability: 'stable', status: 204 },
});
