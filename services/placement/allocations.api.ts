import { allocations as contract, candidates as candidatesContract, reshaper as reshaperContract, usages as usagesContract } from '../../contract/placement/allocations.ts';
import type { BodyOf } from '../../contract/contract.ts';
import { badRequest, Fault, forbidden } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { removeAllocations, setAllocations, type Claim } from './allocations.ts';
import { selectConsumer, selectUsages } from './allocations.store.ts';
import { findCandidates } from './candidates.ts';
import { allocationsWhere } from './claims.store.ts';
import { demandClasses, unknownTraits } from './names.ts';
import { read, resourcesOf } from './providers.api.ts';
import { capacityOf, getProvider, keepOnly, listProviders, setInventories, type Provider } from './providers.ts';
import { dashed, demandOneGroup, isUuid, readCandidateQuery } from './queries.ts';
import { asOf } from './freshness.ts';

/** placement/objects/consumer_type.py: whose type nobody has said. */
const unknownType = 'unknown';

export const allocations = implement(contract, {
  async show({ tx, params, now }) {
    const list = await allocationsWhere(tx, { consumerId: params.consumer_uuid });
    const consumer = list.length === 0 ? undefined : await selectConsumer(tx, params.consumer_uuid);
    const shown: Record<string, { generation: number; resources: Record<string, number> }> = {};
    for (const [id, own] of Map.groupBy(list, ({ providerId }) => providerId)) shown[id] = { generation: (await getProvider(tx, id)).generation, resources: resourcesOf(own) };
    const about = consumer ? { project_id: consumer.projectId, user_id: consumer.userId, consumer_generation: consumer.generation, consumer_type: consumer.type ?? unknownType } : {};
    return new Answer({ allocations: shown, ...about }, { headers: asOf(now) });
  },
  async set(request) {
    const id = request.params.consumer_uuid;
    if (!isUuid(id)) throw badRequest(`Malformed consumer_uuid: ${id.slice(0, 60)}`);
    await setAllocations(request, [asClaim(dashed(id), request.body)]);
  },
  async delete(request) {
    await removeAllocations(request, request.params.consumer_uuid);
  },
  async setMany(request) {
    await setAllocations(request, Object.entries(request.body).map(([id, body]) => asClaim(dashed(id), body)));
  },
});

export const reshaper = implement(reshaperContract, {
  async reshape(request) {
    const { inventories, allocations: claims } = request.body;
    const wanted = Object.entries(inventories).map(([id, { resource_provider_generation: generation, inventories: list }]) => ({ id: dashed(id), generation, list: Object.entries(list).map(([name, inventory]) => read(name, inventory)) }));
    // First what is new, then what moves there, and in the end without what is left.
    for (const { id, generation, list } of wanted) await setInventories(request, id, generation, list, { leave: true }).catch(asBad);
    if (Object.keys(claims).length > 0) await setAllocations(request, Object.entries(claims).map(([id, body]) => asClaim(dashed(id), body)));
    for (const { id, list } of wanted) await keepOnly(request, id, new Set(list.map(({ resourceClass }) => resourceClass)));
  },
});

/** What a reshape names and is not there is its mistake. */
function asBad(error: unknown): never {
  throw error instanceof Fault && error.status === 404 ? badRequest(error.message) : error;
}

type ClaimBody = BodyOf<typeof contract.set>;

function asClaim(consumerId: string, { allocations: wanted, project_id: projectId, user_id: userId, consumer_type: type, consumer_generation: generation }: ClaimBody): Claim {
  return {
    consumerId,
    projectId,
    userId,
    // Earlier microversions say no type and no generation.
    type: (type as string | undefined) ?? null,
    generation,
    allocations: new Map(Object.entries(wanted).map(([id, { resources }]) => [dashed(id), new Map(Object.entries(resources))])),
  };
}

export const usages = implement(usagesContract, {
  async show({ tx, query, caller, now }) {
    const { project_id: projectId, user_id: userId = null, consumer_type: wanted } = query;
    if (!caller.isAdmin && caller.projectId !== projectId) throw forbidden("Policy does not allow placement:usages to be performed.");
    const sums: Record<string, Record<string, number>> = {};
    for (const { type, resourceClass, used, consumers } of await selectUsages(tx, projectId, userId)) {
      const name = wanted === 'all' ? 'all' : (type ?? unknownType);
      if (wanted !== undefined && wanted !== 'all' && wanted !== name) continue;
      const own = (sums[name] ??= {});
      own[resourceClass] = (own[resourceClass] ?? 0) + used;
      own['consumer_count'] = consumers;
    }
    if (wanted === 'all') for (const own of Object.values(sums)) own['consumer_count'] = await countConsumers(tx, projectId, userId);
    return new Answer({ usages: sums }, { headers: asOf(now) });
  },
});

async function countConsumers(tx: Parameters<typeof selectUsages>[0], projectId: string, userId: string | null): Promise<number> {
  const byType = new Map((await selectUsages(tx, projectId, userId)).map(({ type, consumers }) => [type, consumers]));
  return [...byType.values()].reduce((sum, count) => sum + count, 0);
}

export const candidates = implement(candidatesContract, {
  async list({ tx, query, otherQuery, now }) {
    demandOneGroup(query);
    const wanted = readCandidateQuery(query, otherQuery);
    const groups = [...wanted.groups.values()];
    await demandClasses(tx, groups.flatMap(({ resources }) => [...resources.keys()])).catch((error: unknown) => {
      throw error instanceof Fault ? badRequest(`Invalid resource class in resources parameter: ${error.message}`) : error;
    });
    const unknown = await unknownTraits(tx, [...groups.map(({ traits }) => traits), wanted.root].flatMap(({ required, forbidden: never }) => [...required.flat(), ...never]));
    if (unknown.length > 0) throw badRequest(`No such trait(s): ${unknown.join(', ')}.`);
    const all = await listProviders(tx);
    const found = findCandidates(all, wanted);
    const roots = new Map(all.map(({ id, rootId }) => [id, rootId]));
    const trees = new Set(found.flatMap(({ allocations: own, mappings }) => [...own.keys(), ...[...mappings.values()].flat()].map((id) => roots.get(id))));
    return new Answer(
      {
        allocation_requests: found.map(({ allocations: own, mappings }) => ({
          allocations: Object.fromEntries([...own].map(([id, amounts]) => [id, { resources: Object.fromEntries(amounts) }])),
          mappings: Object.fromEntries(mappings),
        })),
        provider_summaries: Object.fromEntries(all.filter(({ rootId }) => trees.has(rootId)).map((provider) => [provider.id, asSummary(provider)])),
        requested: groups.flatMap(({ resources }) => [...resources.keys()]),
      },
      { headers: asOf(now) },
    );
  },
});

function asSummary({ inventories, traits, parentId, rootId }: Provider) {
  return {
    resources: Object.fromEntries(inventories.map((each) => [each.resourceClass, { capacity: capacityOf(each), used: each.used }])),
    traits,
    parent_provider_uuid: parentId,
    root_provider_uuid: rootId,
  };
}
