import { networks as contract } from '../../contract/network/networks.ts';
import { implement } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { createNetwork, deleteNetwork, getNetwork, networkListing, updateNetwork, type Network } from './networks.ts';
import { selectNetworks } from './networks.store.ts';

export const networks = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, networkListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'networks', page, await selectNetworks(request.tx, page.tail), (row) => shown(row, request.caller.isAdmin));
  },
  async create(request) {
    const { isAdmin } = request.caller;
    if (request.body.network) return { network: shown(await createNetwork(request, request.body.network), isAdmin) };
    const made: Network[] = [];
    for (const wish of request.body.networks ?? []) made.push(await createNetwork(request, wish));
    return { networks: made.map((network) => shown(network, isAdmin)) };
  },
  show: async (request) => ({ network: chosen(shown(await getNetwork(request, request.params.network_id), request.caller.isAdmin), request.query.fields) }),
  update: async (request) => ({ network: shown(await updateNetwork(request, request.params.network_id, request.body.network), request.caller.isAdmin) }),
  async delete(request) {
    await deleteNetwork(request, request.params.network_id);
    return undefined;
  },
});

function shown(network: Network, isAdmin: boolean) {
  const { external, is_default, places, created_at, updated_at, ...rest } = network;
  return {
    ...rest,
    tenant_id: network.project_id,
    status: 'ACTIVE' as const,
    // As with OVN: where it is wanted, and nothing else limits where it can be.
    availability_zones: network.availability_zone_hints,
    'router:external': external,
    ...(external ? { is_default } : {}),
    ...(isAdmin ? shownPlaces(places) : {}),
    created_at: seconds(created_at),
    updated_at: seconds(updated_at),
  };
}

/** neutron/plugins/ml2/managers.py, extend_network_with_provider_segments. */
function shownPlaces(places: Network['places']) {
  const shownPlace = ({ network_type, physical_network, segmentation_id }: Network['places'][number]) => ({ 'provider:network_type': network_type, 'provider:physical_network': physical_network, 'provider:segmentation_id': segmentation_id });
  if (places.length > 1) return { segments: places.map(shownPlace) };
  return places[0] ? shownPlace(places[0]) : { 'provider:network_type': null, 'provider:physical_network': null, 'provider:segmentation_id': null };
}
