/** Floating IPs as Nova shows them. nova/api/openstack/compute/{floating_ips,floating_ip_pools}.py */
import { floatingIpPools as poolsContract, floatingIpProxies as contract } from '../../contract/compute/proxies.ts';
import { Fault, forbidden, notFound } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { createFloatingIp, deleteFloatingIp, getFloatingIp, type FloatingIp } from '../network/floating-ips.ts';
import { externalNetworks, projectFloatingIps } from '../network/project-networking.ts';

export const floatingIpProxies = implement(contract, {
  async list(request) {
    const shown = await showing(request);
    return { floating_ips: (await projectFloatingIps(request)).map(shown) };
  },
  async show(request) {
    return { floating_ip: (await showing(request))(await found(request, request.params.floating_ip_id)) };
  },
  async create(request) {
    const wanted = request.body?.pool;
    const pools = await externalNetworks(request);
    const pool = wanted === undefined || wanted === null ? pools[0] : pools.find(({ id, name }) => id === wanted || name === wanted);
    if (!pool) throw notFound('Floating IP pool not found.');
    const made = await createFloatingIp(request, { floating_network_id: pool.id }).catch((error: unknown) => {
      if (error instanceof Fault && error.code === 'OverQuota') throw forbidden(`IP allocation over quota in pool ${pool.name}.`);
      if (error instanceof Fault && error.status === 409) throw notFound(`No more floating IPs in pool ${pool.name}.`);
      throw error;
    });
    return { floating_ip: (await showing(request))(made) };
  },
  async delete(request) {
    const { id } = await found(request, request.params.floating_ip_id);
    await deleteFloatingIp(request, id);
  },
});

export const floatingIpPools = implement(poolsContract, {
  async list(request) {
    return { floating_ip_pools: (await externalNetworks(request)).map(({ name, id }) => ({ name: name || id })) };
  },
});

async function found(context: Context, id: string): Promise<FloatingIp> {
  return getFloatingIp(context, id).catch((error: unknown) => {
    throw error instanceof Fault && error.status === 404 ? notThere(id) : error;
  });
}

function notThere(id: string) {
  return notFound(`Floating IP not found for ID ${id}`);
}

/** Named by its pool: one look at the pools for all of them. */
async function showing(context: Pick<Context, 'tx'>) {
  const pools = new Map((await externalNetworks(context)).map(({ id, name }) => [id, name || id]));
  return ({ id, floating_ip_address: ip, floating_network_id: networkId, fixed_ip_address: fixed, port_details: port }: FloatingIp) => ({
    id,
    ip,
    pool: pools.get(networkId) ?? networkId,
    fixed_ip: fixed,
    instance_id: port?.device_owner.startsWith('compute:') ? port.device_id : null,
  });
}
