import { aggregates as contract } from '../../contract/compute/aggregates.ts';
import { badRequest } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { addHost, createAggregate, deleteAggregate, getAggregate, listAggregates, removeHostFrom, updateAggregate, type Aggregate } from '../placement/aggregates.ts';
import { countHosted } from './hosted-servers.store.ts';
import { asPreciseTime } from './words.ts';

export const aggregates = implement(contract, {
  async list({ tx }) {
    return { aggregates: (await listAggregates(tx)).map(asAggregate) };
  },
  async show({ tx, params }) {
    return { aggregate: asAggregate(await getAggregate(tx, numberIn(params.aggregate_id))) };
  },
  async create(request) {
    const { name, availability_zone: zone = null } = request.body.aggregate;
    return { aggregate: withoutMembers(await createAggregate(request, name.trim(), zone)) };
  },
  async update(request) {
    const { name, availability_zone: zone } = request.body.aggregate;
    const changes = { ...(name === undefined ? {} : { name: name.trim() }), ...(zone === undefined ? {} : { metadata: { availability_zone: zone } }) };
    return { aggregate: asAggregate(await updateAggregate(request, numberIn(request.params.aggregate_id), changes, '', hosting(request))) };
  },
  async delete(request) {
    await deleteAggregate(request, numberIn(request.params.aggregate_id));
  },
  async addHost(request) {
    return { aggregate: asAggregate(await addHost(request, numberIn(request.params.aggregate_id), request.body.add_host.host, hosting(request))) };
  },
  async removeHost(request) {
    return { aggregate: asAggregate(await removeHostFrom(request, numberIn(request.params.aggregate_id), request.body.remove_host.host, hosting(request))) };
  },
  async setMetadata(request) {
    const { metadata } = request.body.set_metadata;
    return { aggregate: asAggregate(await updateAggregate(request, numberIn(request.params.aggregate_id), { metadata }, 'metadata of ', hosting(request))) };
  },
  // Hosts read images from the region's own store, which has all of them: nothing is left to be fetched.
  async cacheImages({ tx, params, body }) {
    const ids = body.cache.map(({ id }) => id);
    const number = numberIn(params.aggregate_id);
    if (new Set(ids).size < ids.length) throw badRequest('Duplicate images in request');
    await getAggregate(tx, number);
  },
});

function numberIn(id: string): number {
  if (/^-?\d{1,9}$/.test(id)) return Number(id);
  throw badRequest(`Invalid input received: id must be an integer, and ${id} is none`);
}

function hosting({ tx }: Pick<Context, 'tx'>): (hostIds: string[]) => Promise<number> {
  return (hostIds) => countHosted(tx, hostIds);
}

function asAggregate(aggregate: Aggregate) {
  return { ...withoutMembers(aggregate), hosts: aggregate.hosts, metadata: aggregate.metadata };
}

/** As Nova answers who has just made one. */
function withoutMembers({ id, number, name, metadata, createdAt, updatedAt }: Aggregate) {
  return {
    id: number,
    uuid: id,
    name,
    availability_zone: metadata['availability_zone'] ?? null,
    created_at: asPreciseTime(createdAt),
    updated_at: updatedAt && asPreciseTime(updatedAt),
    deleted: false,
    deleted_at: null,
  };
}
