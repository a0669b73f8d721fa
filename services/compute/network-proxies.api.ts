/** Networks as Nova showed them. */
import { networkProxies as contract, tenantNetworkProxies as tenantContract, unknownOfNetworks } from '../../contract/compute/network-proxies.ts';
import { Fault, notFound } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { getNetwork, type Network } from '../network/networks.ts';
import { visibleNetworks } from '../network/project-networking.ts';

export const networkProxies = implement(contract, {
  async list(request) {
    return { networks: (await visibleNetworks(request)).map((network) => shown(request, network)) };
  },
  async show(request) {
    return { network: shown(request, await found(request, request.params.network_id)) };
  },
});

export const tenantNetworkProxies = implement(tenantContract, {
  async list(request) {
    return { networks: (await visibleNetworks(request)).map(briefly) };
  },
  async show(request) {
    return { network: briefly(await found(request, request.params.network_id)) };
  },
});

function found(context: Context, id: string): Promise<Network> {
  return getNetwork(context, id).catch((error: unknown) => {
    throw error instanceof Fault && error.status === 404 ? notFound('Network not found') : error;
  });
}

function shown({ caller }: Context, { id, name }: Network) {
  const unknown = [...unknownOfNetworks.forAll, ...(caller.isAdmin ? unknownOfNetworks.forAdministrators : [])];
  return { id, label: name, ...Object.fromEntries(unknown.map((field) => [field, null])) };
}

/** As Nova wrote what it did not know: `str(None)`. */
function briefly({ id, name }: Network) {
  return { id, cidr: 'None' as const, label: name };
}
