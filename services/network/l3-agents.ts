/** On which hosts routers' ways out are, and how operators move them: neutron/services/ovn_l3/plugin.py. */
import { gatewayOrder } from '../../drivers/driver.ts';
import { conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { gatewayAgents, type Agent } from './agents.ts';
import { mark, tell } from './changes.ts';
import { getRouter, lockedRouter, type Router } from './routers.ts';
import { putGatewayHosts, selectRouters } from './routers.store.ts';

type Asking = Pick<Context, 'tx' | 'now'>;

/** The first of them has it, as long as that host is there. */
export async function agentsOfRouter(context: Asking, routerId: string): Promise<Agent[]> {
  const router = await getRouter(context, routerId);
  const agents = await gatewayAgents(context);
  return hostsOf(router, agents).flatMap((hostId) => agents.filter((agent) => hostOf(agent) === hostId));
}

export async function routersOnAgent(context: Asking, agentId: string): Promise<Router[]> {
  const agents = await gatewayAgents(context);
  const agent = theAgent(agents, agentId);
  const routers = await selectRouters(context.tx, sql`exists (select from network.port p where p.router_id = r.id and p.device_owner = 'network:router_gateway') order by r.id`);
  return routers.filter((router) => hostsOf(router, agents).includes(hostOf(agent)));
}

export async function addRouter(context: Context, agentId: string, routerId: string): Promise<void> {
  const router = await lockedRouter(context, routerId);
  const agents = await gatewayAgents(context);
  const agent = theAgent(agents, agentId);
  if (router.gateway === null) throw conflict(`Router ${routerId} does not support agent scheduling.`, 'RouterDoesntSupportScheduling');
  const hosts = hostsOf(router, agents);
  if (hosts.includes(hostOf(agent))) throw conflict(`The router ${routerId} has been already hosted by the L3 Agent ${agentId}.`, 'RouterHostedByL3Agent');
  if (!isInZones(router, agent)) throw notAnAgent(agentId);
  await move(context, router, [...hosts, hostOf(agent)]);
}

export async function removeRouter(context: Context, agentId: string, routerId: string): Promise<void> {
  const router = await lockedRouter(context, routerId);
  const agents = await gatewayAgents(context);
  const agent = theAgent(agents, agentId);
  const hosts = hostsOf(router, agents);
  if (!hosts.includes(hostOf(agent))) throw conflict(`The router ${routerId} is not hosted by the L3 Agent ${agentId}.`, 'RouterNotHostedByL3Agent');
  await move(context, router, hosts.filter((each) => each !== hostOf(agent)));
}

async function move(context: Context, router: Router, hosts: string[]): Promise<void> {
  const { tx, now } = context;
  await putGatewayHosts(tx, router.id, hosts);
  await mark(tx, now, 'router', [router.id]);
  await tell(context, 'router', 'update', router);
}

/** As the engine has them: of a router without a way out none, of one that is not kept ready elsewhere the first alone. */
function hostsOf(router: Router, agents: readonly Agent[]): string[] {
  if (router.gateway === null) return [];
  const there = router.gateway_hosts ?? gatewayOrder(agents.filter((agent) => isInZones(router, agent)).map(hostOf), router.id);
  return there.slice(0, router.ha ? undefined : 1);
}

const hostOf = ({ configurations }: Agent): string => configurations.chassis_name;

const isInZones = ({ availability_zone_hints: hints }: Router, agent: Agent): boolean => hints.length === 0 || hints.includes(agent.availability_zone);

function theAgent(agents: readonly Agent[], id: string): Agent {
  const agent = agents.find((each) => each.id === id);
  if (!agent) throw notAnAgent(id);
  return agent;
}

const notAnAgent = (id: string) => notFound(`Agent ${id} is not a L3 Agent or has been disabled`, 'InvalidL3Agent');
