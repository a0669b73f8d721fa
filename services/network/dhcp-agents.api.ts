import { dhcpAgents as contract } from '../../contract/network/dhcp-agents.ts';
import { conflict, notFound } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { getAgent } from './agents.ts';
import { getNetwork } from './networks.ts';

/** There are none: OVN answers DHCP where the guest is (neutron/db/agentschedulers_db.py, as it answers with ML2/OVN). */
export const dhcpAgents = implement(contract, {
  async ofNetwork(request) {
    await getNetwork(request, request.params.network_id);
    return { agents: [] };
  },
  async networks(request) {
    await getAgent(request, request.params.agent_id);
    return { networks: [] };
  },
  async add(request) {
    await getNetwork(request, request.body.network_id);
    const { id } = await getAgent(request, request.params.agent_id);
    throw notFound(`Agent ${id} is not a valid DHCP Agent or has been disabled.`, 'InvalidDHCPAgent');
  },
  async remove(request) {
    const network = await getNetwork(request, request.params.network_id);
    const agent = await getAgent(request, request.params.agent_id);
    throw conflict(`The network ${network.id} is not hosted by the DHCP Agent ${agent.id}.`, 'NetworkNotHostedByDhcpAgent');
  },
});
