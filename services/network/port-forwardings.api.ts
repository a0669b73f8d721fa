import { portForwardings as contract } from '../../contract/network/port-forwardings.ts';
import { implement } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { getFloatingIp } from './floating-ips.ts';
import { chosen, listAnswer, pageOf } from './listing.ts';
import { createForwarding, deleteForwarding, getForwarding, portForwardingListing, updateForwarding, written, type PortForwarding, type Ports } from './port-forwardings.ts';
import { selectForwardings } from './port-forwardings.store.ts';

export const portForwardings = implement(contract, {
  async list(request) {
    const floatingIp = await getFloatingIp(request, request.params.floatingip_id);
    const page = await pageOf(request.tx, portForwardingListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'port_forwardings', page, await selectForwardings(request.tx, sql`r.floating_ip_id = ${floatingIp.id} and ${page.tail}`), shown);
  },
  create: async (request) => ({ port_forwarding: shown(await createForwarding(request, request.params.floatingip_id, request.body.port_forwarding)) }),
  show: async (request) => ({ port_forwarding: chosen(shown(await getForwarding(request, request.params.floatingip_id, request.params.port_forwarding_id)), request.query.fields) }),
  update: async (request) => ({ port_forwarding: shown(await updateForwarding(request, request.params.floatingip_id, request.params.port_forwarding_id, request.body.port_forwarding)) }),
  async delete(request) {
    await deleteForwarding(request, request.params.floatingip_id, request.params.port_forwarding_id);
    return undefined;
  },
});

function shown({ id, protocol, internal_port_id, internal_ip_address, internal, external, description }: PortForwarding) {
  return {
    id, protocol, internal_port_id, internal_ip_address, internal_port: alone(internal), internal_port_range: written(internal), external_port: alone(external), external_port_range: written(external), description,
  };
}

const alone = ({ first, last }: Ports) => (first === last ? first : null);
