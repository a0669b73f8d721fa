import { agents as contract, networkAvailabilityZones as zoneContract } from '../../contract/network/agents.ts';
import { implement } from '../../kit/http/implement.ts';
import { deleteAgent, getAgent, listAgents, listZones, updateAgent } from './agents.ts';
import { few } from './few.ts';
import { chosen } from './listing.ts';

export const agents = implement(contract, {
  // As neutron: a list leaves out what one may not see.
  list: async (request) => few('agents', request.caller.isAdmin ? await listAgents(request) : [], request),
  show: async (request) => ({ agent: chosen(await getAgent(request, request.params.agent_id), request.query.fields) }),
  update: async (request) => ({ agent: await updateAgent(request, request.params.agent_id, request.body.agent) }),
  async delete(request) {
    await deleteAgent(request, request.params.agent_id);
    return undefined;
  },
});

export const networkAvailabilityZones = implement(zoneContract, {
  list: async (request) => few('availability_zones', (await listZones(request)).map((zone) => ({ ...zone, tenant_id: request.caller.projectId ?? '' })), request),
});
