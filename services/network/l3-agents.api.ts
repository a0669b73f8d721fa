import { l3Agents as contract } from '../../contract/network/l3-agents.ts';
import { implement } from '../../kit/http/implement.ts';
import { addRouter, agentsOfRouter, removeRouter, routersOnAgent } from './l3-agents.ts';
import { chosen } from './listing.ts';
import { view } from './routers.api.ts';

export const l3Agents = implement(contract, {
  ofRouter: async (request) => ({ agents: (await agentsOfRouter(request, request.params.router_id)).map((agent) => chosen(agent, request.query.fields)) }),
  async routers(request) {
    const routers = await routersOnAgent(request, request.params.agent_id);
    return { routers: routers.map(await view(request, routers)).map((router) => chosen(router, request.query.fields)) };
  },
  async add(request) {
    await addRouter(request, request.params.agent_id, request.body.router_id);
    return {};
  },
  async remove(request) {
    await removeRouter(request, request.params.agent_id, request.params.router_id);
    return undefined;
  },
});
