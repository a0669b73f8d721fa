import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { links, listQuery, nullable, showQuery, strict, text } from './attributes.ts';

/** neutron/plugins/ml2/drivers/ovn/agent/neutron_agent.py. */
export const Agent = Type.Object({
  id: Type.String(),
  agent_type: Type.String(),
  binary: Type.String(),
  host: Type.String(),
  topic: Type.String(),
  admin_state_up: Type.Boolean(),
  alive: Type.Boolean(),
  availability_zone: Type.String(),
  description: Type.String(),
  configurations: Type.Object({ chassis_name: Type.String() }),
  created_at: Type.String(),
  started_at: Type.String(),
  heartbeat_timestamp: Type.String(),
  resources_synced: Type.Null(),
});

export const agents = operations({
  list: {
    method: 'GET', path: '/agents', summary: 'List the agents of the hosts', stability: 'stable',
    access: { rule: 'get_agent', who: 'reader' },
    query: listQuery(['id', 'agent_type', 'binary', 'host', 'topic', 'admin_state_up', 'alive', 'availability_zone', 'description']),
    status: 200,
    response: Type.Object({ agents: Type.Array(Type.Partial(Agent)), agents_links: Type.Optional(links) }),
  },
  show: {
    method: 'GET', path: '/agents/{agent_id}', summary: 'Show an agent', stability: 'stable',
    access: { rule: 'get_agent', who: 'admin' },
    query: showQuery,
    status: 200,
    response: Type.Object({ agent: Type.Partial(Agent) }),
  },
  update: {
    method: 'PUT', path: '/agents/{agent_id}', summary: 'Describe an agent', stability: 'stable',
    access: { rule: 'update_agent', who: 'admin' },
    body: Type.Object({ agent: Type.Object({ admin_state_up: Type.Optional(Type.Boolean()), description: Type.Optional(nullable(text(255))) }, strict) }, strict),
    status: 200,
    response: Type.Object({ agent: Agent }),
  },
  delete: {
    method: 'DELETE', path: '/agents/{agent_id}', summary: 'Forget an agent until its host reports again', stability: 'stable',
    access: { rule: 'delete_agent', who: 'admin' },
    status: 204,
  },
});

export const networkAvailabilityZones = operations({
  list: {
    method: 'GET', path: '/availability_zones', summary: 'List the availability zones of networks and routers', stability: 'stable',
    access: { rule: 'get_availability_zone', who: 'reader' },
    query: listQuery(['name', 'resource', 'state']),
    status: 200,
    response: Type.Object({ availability_zones: Type.Array(Type.Partial(Type.Object({ name: Type.String(), resource: Type.Enum(['network', 'router']), state: Type.Enum(['available', 'unavailable']), tenant_id: Type.String() }))) }),
  },
});
