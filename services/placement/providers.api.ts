import { allocations as allocationsContract, providers as providersContract, resourceClasses as classesContract } from '../../contract/placement/providers.ts';
import { badRequest, notFound } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { allocationsWhere, type Allocation } from './claims.store.ts';
import { capacityOf, getProvider, inventoryOf, listHosts, type Host, type Inventory } from './hosts.ts';

/** Those that hosts report; the others of os-resource-classes have no inventory here. */
const classes = ['VCPU', 'MEMORY_MB', 'DISK_GB'];
const maxUnit = 2147483647;

export const providers = implement(providersContract, {
  async list({ tx, query }) {
    const wanted = readResources(query.resources);
    const hosts = (await listHosts(tx)).filter(
      (host) =>
        (query.name === undefined || host.hostname === query.name) &&
        (query.uuid === undefined || host.id === query.uuid) &&
        // Hosts are in no aggregate here.
        query.member_of === undefined &&
        wanted.every(([resourceClass, amount]) => inventoryOf(host, resourceClass).used + amount <= capacityOf(inventoryOf(host, resourceClass))),
    );
    return { resource_providers: hosts.map(asProvider) };
  },
  async show({ tx, params }) {
    return asProvider(await getProvider(tx, params.uuid));
  },
  async inventories({ tx, params }) {
    const host = await getProvider(tx, params.uuid);
    return { resource_provider_generation: host.generation, inventories: Object.fromEntries(host.inventories.map((each) => [each.resourceClass, asInventory(each)])) };
  },
  async inventory({ tx, params }) {
    const host = await getProvider(tx, params.uuid);
    const found = host.inventories.find(({ resourceClass }) => resourceClass === params.resource_class);
    if (!found) throw notFound(`No inventory of class ${params.resource_class} for ${host.id}`);
    return { resource_provider_generation: host.generation, ...asInventory(found) };
  },
  async usages({ tx, params }) {
    const host = await getProvider(tx, params.uuid);
    return { resource_provider_generation: host.generation, usages: Object.fromEntries(host.inventories.map(({ resourceClass, used }) => [resourceClass, used])) };
  },
  async allocations({ tx, params }) {
    const host = await getProvider(tx, params.uuid);
    const byConsumer = Map.groupBy(await allocationsWhere(tx, { providerId: host.id }), ({ consumerId }) => consumerId);
    return { resource_provider_generation: host.generation, allocations: Object.fromEntries([...byConsumer].map(([id, list]) => [id, { resources: resourcesOf(list) }])) };
  },
  async aggregates({ tx, params }) {
    await getProvider(tx, params.uuid);
    return { aggregates: [] };
  },
});

export const allocations = implement(allocationsContract, {
  async show({ tx, params }) {
    const byProvider = Map.groupBy(await allocationsWhere(tx, { consumerId: params.consumer_uuid }), ({ providerId }) => providerId);
    const generations = new Map((await listHosts(tx)).map(({ id, generation }) => [id, generation]));
    return { allocations: Object.fromEntries([...byProvider].map(([id, list]) => [id, { generation: generations.get(id) ?? 0, resources: resourcesOf(list) }])) };
  },
});

export const resourceClasses = implement(classesContract, {
  async list() {
    return { resource_classes: classes.map(asClass) };
  },
  async show({ params }) {
    if (!classes.includes(params.name)) throw notFound(`No such resource class ${params.name}.`);
    return asClass(params.name);
  },
});

/** `VCPU:2,MEMORY_MB:1024` */
function readResources(text: string | undefined): [string, number][] {
  return (text ?? '').split(',').filter(Boolean).map((part) => {
    const [name = '', amount] = part.split(':');
    if (!classes.includes(name)) throw badRequest(`Invalid resource class in resources parameter: No such resource class ${name}.`);
    return [name, Number(amount)];
  });
}

function asProvider({ id, hostname, generation }: Host) {
  const href = `/placement/resource_providers/${id}`;
  return {
    uuid: id,
    name: hostname,
    generation,
    links: [{ rel: 'self', href }, ...['inventories', 'usages', 'aggregates'].map((rel) => ({ rel, href: `${href}/${rel}` }))],
  };
}

function asInventory({ total, reserved, allocationRatio }: Inventory) {
  return { total, reserved, min_unit: 1, max_unit: Math.min(total, maxUnit), step_size: 1, allocation_ratio: allocationRatio };
}

function resourcesOf(list: readonly Allocation[]): Record<string, number> {
  return Object.fromEntries(list.map(({ resourceClass, used }) => [resourceClass, used]));
}

function asClass(name: string) {
  return { name, links: [{ rel: 'self', href: `/placement/resource_classes/${name}` }] };
}
