import { floatingIps as contract } from '../../contract/network/floating-ips.ts';
import { implement } from '../../kit/http/implement.ts';
import { createFloatingIp, deleteFloatingIp, floatingIpListing, getFloatingIp, updateFloatingIp, type FloatingIp } from './floating-ips.ts';
import { selectFloatingIps } from './floating-ips.store.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';

export const floatingIps = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, floatingIpListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'floatingips', page, await selectFloatingIps(request.tx, page.tail), shown);
  },
  async create(request) {
    if (request.body.floatingip) return { floatingip: shown(await createFloatingIp(request, request.body.floatingip)) };
    const made: FloatingIp[] = [];
    for (const wish of request.body.floatingips ?? []) made.push(await createFloatingIp(request, wish));
    return { floatingips: made.map(shown) };
  },
  show: async (request) => ({ floatingip: chosen(shown(await getFloatingIp(request, request.params.floatingip_id)), request.query.fields) }),
  update: async (request) => ({ floatingip: shown(await updateFloatingIp(request, request.params.floatingip_id, request.body.floatingip)) }),
  async delete(request) {
    await deleteFloatingIp(request, request.params.floatingip_id);
    return undefined;
  },
});

function shown({ floating_port_id: _port, created_at, updated_at, ...floatingIp }: FloatingIp) {
  return { ...floatingIp, dns_name: '', dns_domain: '', tenant_id: floatingIp.project_id, created_at: seconds(created_at), updated_at: seconds(updated_at) };
}
