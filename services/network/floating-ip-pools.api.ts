import { networkFloatingIpPools as contract } from '../../contract/network/floating-ip-pools.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { few } from './few.ts';
import { selectSubnets } from './subnets.store.ts';

/** neutron/db/l3_fip_pools_db.py: the IPv4 subnets of what networks the caller may reach the outside by. */
const list = async (request: Context & Parameters<typeof few>[2]) => {
  const subnets = await selectSubnets(request.tx, sql`r.network_external_to <> '{}' and r.ip_version = 4 order by r.created_at, r.id`);
  const project = request.caller.projectId ?? '';
  return few('floatingip_pools', subnets.map(({ id, name, network_id, cidr }) => ({ subnet_id: id, subnet_name: name, network_id, cidr, project_id: project, tenant_id: project })), request);
};

export const networkFloatingIpPools = implement(contract, { list, listServed: list });
