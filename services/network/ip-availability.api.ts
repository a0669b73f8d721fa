/** neutron/db/network_ip_availability_db.py. */
import { ipAvailabilities as contract } from '../../contract/network/ip-availability.ts';
import { badRequest } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { networkAvailabilities, type NetworkAvailability } from './ip-availability.store.ts';
import { chosen, pythonList } from './listing.ts';
import { getNetwork } from './networks.ts';

export const ipAvailabilities = implement(contract, {
  async list(request) {
    const { fields, ...sought } = request.query;
    const unknown = Object.keys(request.otherQuery);
    if (unknown.length > 0) throw badRequest(`${pythonList(unknown)} is invalid attribute for filtering`, 'HTTPBadRequest');
    return { network_ip_availabilities: (await networkAvailabilities(request.tx, sought)).map((each) => chosen(shown(each), fields)) };
  },
  async show(request) {
    const network = await getNetwork(request, request.params.network_id);
    const [found] = await networkAvailabilities(request.tx, { network_id: [network.id] });
    return { network_ip_availability: chosen(shown(found!), request.query.fields) };
  },
});

function shown({ subnets, ...network }: NetworkAvailability) {
  return {
    ...network,
    tenant_id: network.project_id,
    total_ips: exactly(subnets.reduce((sum, { total }) => sum + BigInt(total), 0n)),
    used_ips: subnets.reduce((sum, { used_ips }) => sum + used_ips, 0),
    subnet_ip_availability: subnets.map(({ total, ...subnet }) => ({ ...subnet, total_ips: exactly(BigInt(total)) })),
  };
}

/** All digits in the reply's text. */
function exactly(count: bigint): number {
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : (JSON as unknown as { rawJSON(text: string): number }).rawJSON(String(count));
}
