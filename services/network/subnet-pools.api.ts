import { subnetPools as contract } from '../../contract/network/subnet-pools.ts';
import { implement } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { addPrefixes, createSubnetPool, deleteSubnetPool, getSubnetPool, onboardSubnets, removePrefixes, subnetPoolListing, updateSubnetPool, type SubnetPool } from './subnet-pools.ts';
import { selectSubnetPools } from './subnet-pools.store.ts';

export const subnetPools = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, subnetPoolListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'subnetpools', page, await selectSubnetPools(request.tx, page.tail), shown);
  },
  async create(request) {
    if (request.body.subnetpool) return { subnetpool: shown(await createSubnetPool(request, request.body.subnetpool)) };
    const made: SubnetPool[] = [];
    for (const wish of request.body.subnetpools ?? []) made.push(await createSubnetPool(request, wish));
    return { subnetpools: made.map(shown) };
  },
  show: async (request) => ({ subnetpool: chosen(shown(await getSubnetPool(request, request.params.subnetpool_id)), request.query.fields) }),
  update: async (request) => ({ subnetpool: shown(await updateSubnetPool(request, request.params.subnetpool_id, request.body.subnetpool)) }),
  async delete(request) {
    await deleteSubnetPool(request, request.params.subnetpool_id);
    return undefined;
  },
  addPrefixes: async (request) => ({ prefixes: await addPrefixes(request, request.params.subnetpool_id, request.body.prefixes) }),
  removePrefixes: async (request) => ({ prefixes: await removePrefixes(request, request.params.subnetpool_id, request.body.prefixes) }),
  onboard: (request) => onboardSubnets(request, request.params.subnetpool_id, request.body.network_id),
});

function shown({ created_at, updated_at, default_prefixlen, min_prefixlen, max_prefixlen, ...pool }: SubnetPool) {
  return {
    ...pool,
    tenant_id: pool.project_id,
    default_prefixlen: String(default_prefixlen),
    min_prefixlen: String(min_prefixlen),
    max_prefixlen: String(max_prefixlen),
    created_at: seconds(created_at),
    updated_at: seconds(updated_at),
  };
}
