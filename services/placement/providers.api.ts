import { providers as contract } from '../../contract/placement/providers.ts';
import { badRequest, Fault, notFound } from '../../kit/fault.ts';
import type { Random } from '../../kit/clock.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { selectConsumers } from './allocations.store.ts';
import { hasTraits, isIn } from './candidates.ts';
import { allocationsWhere, type Allocation } from './claims.store.ts';
import { demandClasses, unknownTraits } from './names.ts';
import {
  addInventory,
  changeInventory,
  createProvider,
  deleteProvider,
  fits,
  getProvider,
  listProviders,
  removeInventory,
  setAggregates,
  setInventories,
  setTraits,
  updateProvider,
  type NewInventory,
  type Provider,
} from './providers.ts';
import { dashed, demandOneGroup, readGroups, readResources, readTraits } from './queries.ts';
import { asOf } from './freshness.ts';

const maxUnit = 2147483647;

export function providersApi({ random }: { random: Random }) {
  return implement(contract, {
    async list({ tx, query, now }) {
      demandOneGroup(query);
      const wanted = query.resources === undefined ? new Map<string, number>() : readResources(query.resources);
      const [traits, groups] = [readTraits(query.required ?? []), readGroups(query.member_of ?? [])];
      await demandClasses(tx, wanted.keys()).catch((error: unknown) => {
        throw error instanceof Fault ? badRequest(`Invalid resource class in resources parameter: ${error.message}`) : error;
      });
      const unknown = await unknownTraits(tx, [...traits.required.flat(), ...traits.forbidden]);
      if (unknown.length > 0) throw badRequest(`Invalid trait(s) in "required" parameter: No such trait(s): ${unknown.join(', ')}.`);
      const all = await listProviders(tx);
      const root = query.in_tree === undefined ? undefined : (all.find(({ id }) => id === dashed(query.in_tree!))?.rootId ?? '-');
      const found = all.filter(
        (provider) =>
          (query.name === undefined || provider.name === query.name) &&
          (query.uuid === undefined || provider.id === dashed(query.uuid)) &&
          (root === undefined || provider.rootId === root) &&
          isIn(new Set(provider.aggregates), groups) &&
          hasTraits([provider], traits) &&
          [...wanted].every(([name, amount]) => fits(provider.inventories.find(({ resourceClass }) => resourceClass === name), amount)),
      );
      return new Answer({ resource_providers: found.map(asProvider) }, { headers: asOf(now) });
    },
    async create(request) {
      const { name, uuid, parent_provider_uuid: parent = null } = request.body;
      const made = await createProvider(request, { id: uuid === undefined ? random.uuid() : dashed(uuid), name, parentId: parent && dashed(parent) });
      return new Answer(asProvider(made), { headers: { ...asOf(request.now), location: pathOf(made.id) } });
    },
    async show({ tx, params, now }) {
      return new Answer(asProvider(await getProvider(tx, params.uuid)), { headers: asOf(now) });
    },
    async update(request) {
      const { name, parent_provider_uuid: parent } = request.body;
      const keepsParent = 'keeps_parent' in request.body;
      return new Answer(asProvider(await updateProvider(request, request.params.uuid, { name, parentId: parent === undefined || parent === null ? parent : dashed(parent), keepsParent })), { headers: asOf(request.now) });
    },
    async delete(request) {
      await deleteProvider(request, request.params.uuid);
    },

    async inventories({ tx, params, now }) {
      return new Answer(inventoriesOf(await getProvider(tx, params.uuid)), { headers: asOf(now) });
    },
    async createInventory(request) {
      const { resource_provider_generation: generation, resource_class: name, ...body } = request.body;
      const wanted = read(name, body);
      demandSome(request, 'create', [wanted]);
      const { provider, inventory } = await addInventory(request, request.params.uuid, generation, wanted);
      return new Answer({ resource_provider_generation: provider.generation, ...asInventory(inventory) }, { headers: { ...asOf(request.now), location: `${pathOf(provider.id)}/inventories/${name}` } });
    },
    async setInventories(request) {
      const { resource_provider_generation: generation, inventories } = request.body;
      const wanted = Object.entries(inventories).map(([name, inventory]) => read(name, inventory));
      demandSome(request, 'update', wanted);
      return new Answer(inventoriesOf(await setInventories(request, request.params.uuid, generation, wanted)), { headers: asOf(request.now) });
    },
    async deleteInventories(request) {
      await setInventories(request, request.params.uuid, undefined, []);
    },
    async inventory({ tx, params, now }) {
      const provider = await getProvider(tx, params.uuid);
      const found = provider.inventories.find(({ resourceClass }) => resourceClass === params.resource_class);
      if (!found) throw notFound(`No inventory of class ${params.resource_class} for ${provider.id}`);
      return new Answer({ resource_provider_generation: provider.generation, ...asInventory(found) }, { headers: asOf(now) });
    },
    async updateInventory(request) {
      const { resource_provider_generation: generation, ...body } = request.body;
      const wanted = read(request.params.resource_class, body);
      demandSome(request, 'update', [wanted]);
      const { provider, inventory } = await changeInventory(request, request.params.uuid, generation, wanted);
      return new Answer({ resource_provider_generation: provider.generation, ...asInventory(inventory) }, { headers: asOf(request.now) });
    },
    async deleteInventory(request) {
      await removeInventory(request, request.params.uuid, request.params.resource_class);
    },

    async usages({ tx, params, now }) {
      const provider = await getProvider(tx, params.uuid);
      return new Answer({ resource_provider_generation: provider.generation, usages: Object.fromEntries(provider.inventories.map(({ resourceClass, used }) => [resourceClass, used])) }, { headers: asOf(now) });
    },
    async allocations({ tx, params, now }) {
      const provider = await getProvider(tx, params.uuid);
      const byConsumer = Map.groupBy(await allocationsWhere(tx, { providerId: provider.id }), ({ consumerId }) => consumerId);
      const generations = new Map((await selectConsumers(tx, [...byConsumer.keys()])).map(({ id, generation }) => [id, generation]));
      const shown = [...byConsumer].map(([id, list]) => [id, { resources: resourcesOf(list), consumer_generation: generations.get(id) ?? 0 }]);
      return new Answer({ resource_provider_generation: provider.generation, allocations: Object.fromEntries(shown) as Record<string, { resources: Record<string, number>; consumer_generation: number }> }, { headers: asOf(now) });
    },

    async aggregates({ tx, params, now }) {
      const { aggregates, generation } = await getProvider(tx, params.uuid);
      return new Answer({ aggregates, resource_provider_generation: generation }, { headers: asOf(now) });
    },
    async setAggregates(request) {
      const { aggregates: wanted, resource_provider_generation: given } = request.body;
      const aggregates = wanted.map(dashed);
      const { generation } = await setAggregates(request, request.params.uuid, given, aggregates);
      return new Answer({ aggregates, resource_provider_generation: generation }, { headers: asOf(request.now) });
    },

    async traits({ tx, params, now }) {
      const { traits, generation } = await getProvider(tx, params.uuid);
      return new Answer({ traits, resource_provider_generation: generation }, { headers: asOf(now) });
    },
    async setTraits(request) {
      const { traits, generation } = await setTraits(request, request.params.uuid, request.body.resource_provider_generation, request.body.traits);
      return new Answer({ traits, resource_provider_generation: generation }, { headers: asOf(request.now) });
    },
    async deleteTraits(request) {
      await setTraits(request, request.params.uuid, undefined, []);
    },
  });
}

type InventoryBody = { total: number; reserved?: number; min_unit?: number; max_unit?: number; step_size?: number; allocation_ratio?: number };

/** As clients up to 1.25 know it: placement/handlers/inventory.py, _validate_inventory_capacity */
function demandSome({ body, params }: { body: object; params: { uuid: string } }, doing: 'create' | 'update', wanted: readonly NewInventory[]): void {
  const none = 'leaves_some' in body ? wanted.find(({ total, reserved }) => reserved >= total) : undefined;
  if (none) throw badRequest(`Unable to ${doing} inventory for resource provider ${params.uuid}: Invalid inventory for '${none.resourceClass}' on resource provider '${params.uuid}'. The reserved value is greater than or equal to total.`);
}

/** placement/handlers/inventory.py, INVENTORY_DEFAULTS */
export function read(resourceClass: string, { total, reserved = 0, min_unit: minUnit = 1, max_unit: most = maxUnit, step_size: stepSize = 1, allocation_ratio: allocationRatio = 1 }: InventoryBody): NewInventory {
  return { resourceClass, total, reserved, minUnit, maxUnit: most, stepSize, allocationRatio };
}

function inventoriesOf({ generation, inventories }: Provider) {
  return { resource_provider_generation: generation, inventories: Object.fromEntries(inventories.map((each) => [each.resourceClass, asInventory(each)])) };
}

function asInventory({ total, reserved, minUnit, maxUnit: most, stepSize, allocationRatio }: NewInventory) {
  return { total, reserved, min_unit: minUnit, max_unit: most, step_size: stepSize, allocation_ratio: allocationRatio };
}

export function resourcesOf(list: readonly Allocation[]): Record<string, number> {
  return Object.fromEntries(list.map(({ resourceClass, used }) => [resourceClass, used]));
}

function asProvider({ id, name, generation, parentId, rootId }: Provider) {
  const href = pathOf(id);
  return {
    uuid: id,
    name,
    generation,
    parent_provider_uuid: parentId,
    root_provider_uuid: rootId,
    links: [{ rel: 'self', href }, ...['inventories', 'usages', 'aggregates', 'traits', 'allocations'].map((rel) => ({ rel, href: `${href}/${rel}` }))],
  };
}

/** Placement's links begin at its own root. */
function pathOf(id: string): string {
  return `/placement/resource_providers/${id}`;
}
