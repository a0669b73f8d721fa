import { ports as contract } from '../../contract/network/ports.ts';
import { implement } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { assignmentsOf } from './dns-names.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { addAddressPairs, createPort, createPorts, deletePort, getPort, portListing, removeAddressPairs, shownOption, updatePort, visiblePorts, type Port } from './ports.ts';
import { selectPorts } from './ports.store.ts';

export const ports = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, portListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'ports', page, await selectPorts(request.tx, sql`${visiblePorts(request)} and ${page.tail}`), (row) => shown(row, request.caller.isAdmin));
  },
  async create(request) {
    const { isAdmin } = request.caller;
    if (request.body.port) return { port: shown(await createPort(request, request.body.port, { counted: 'at the commit' }), isAdmin) };
    return { ports: (await createPorts(request, request.body.ports ?? [], { counted: 'at the commit' })).map((port) => shown(port, isAdmin)) };
  },
  show: async (request) => ({ port: chosen(shown(await getPort(request, request.params.port_id), request.caller.isAdmin), request.query.fields) }),
  update: async (request) => ({ port: shown(await updatePort(request, request.params.port_id, request.body.port), request.caller.isAdmin) }),
  async delete(request) {
    await deletePort(request, request.params.port_id);
    return undefined;
  },
  addAddressPairs: async (request) => ({ port: shown(await addAddressPairs(request, request.params.port_id, request.body.port.allowed_address_pairs), request.caller.isAdmin) }),
  removeAddressPairs: async (request) => ({ port: shown(await removeAddressPairs(request, request.params.port_id, request.body.port.allowed_address_pairs), request.caller.isAdmin) }),
});

function shown(port: Port, isAdmin: boolean) {
  const { internal, router_id: _router, server_id: _server, made_for_server: _made, trunk_details, extra_dhcp_opts, host_id, vnic_type, profile, created_at, updated_at, ...rest } = port;
  const project = internal ? '' : port.project_id;
  return {
    ...rest,
    project_id: project,
    tenant_id: project,
    ...(trunk_details ? { trunk_details } : {}),
    extra_dhcp_opts: extra_dhcp_opts.map(shownOption),
    dns_assignment: assignmentsOf(port),
    'binding:vnic_type': vnic_type,
    ...(isAdmin
      ? {
          'binding:host_id': host_id,
          'binding:profile': profile,
          'binding:vif_type': host_id === '' ? 'unbound' : 'ovs',
          'binding:vif_details': host_id === '' ? {} : { port_filter: true, connectivity: 'l2' },
        }
      : {}),
    created_at: seconds(created_at),
    updated_at: seconds(updated_at),
  };
}
