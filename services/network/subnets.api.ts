import { subnets as contract } from '../../contract/network/subnets.ts';
import { implement } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { createSubnet, deleteSubnet, getShownSubnet, shownSubnets, subnetListing, updateSubnet, type Subnet } from './subnets.ts';
import { selectSubnets } from './subnets.store.ts';

export const subnets = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, subnetListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'subnets', page, await selectSubnets(request.tx, sql`${shownSubnets(request)} and ${page.tail}`), shown);
  },
  async create(request) {
    if (request.body.subnet) return { subnet: shown(await createSubnet(request, request.body.subnet)) };
    const made: Subnet[] = [];
    for (const wish of request.body.subnets ?? []) made.push(await createSubnet(request, wish));
    return { subnets: made.map(shown) };
  },
  show: async (request) => ({ subnet: chosen(shown(await getShownSubnet(request, request.params.subnet_id)), request.query.fields) }),
  update: async (request) => ({ subnet: shown(await updateSubnet(request, request.params.subnet_id, request.body.subnet)) }),
  async delete(request) {
    await deleteSubnet(request, request.params.subnet_id);
    return undefined;
  },
});

function shown({ network_external, network_shared: _shared, created_at, updated_at, ...subnet }: Subnet) {
  return {
    ...subnet,
    tenant_id: subnet.project_id,
    'router:external': network_external,
    created_at: seconds(created_at),
    updated_at: seconds(updated_at),
  };
}
