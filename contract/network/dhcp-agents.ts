import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Agent } from './agents.ts';
import { id, showQuery, strict } from './attributes.ts';
import { Network } from './networks.ts';

const path = '/agents/{agent_id}/dhcp-networks' as const;

export const dhcpAgents = operations({
  ofNetwork: {
    method: 'GET', path: '/networks/{network_id}/dhcp-agents', summary: 'List the agents that answer DHCP on a network', stability: 'stable',
    access: { rule: 'get_dhcp-agents', who: 'admin', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ agents: Type.Array(Type.Partial(Agent)) }),
  },
  networks: {
    method: 'GET', path, summary: 'List the networks on which an agent answers DHCP', stability: 'stable',
    access: { rule: 'get_dhcp-networks', who: 'admin', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ networks: Type.Array(Type.Partial(Network)) }),
  },
  add: {
    method: 'POST', path, summary: 'Let an agent answer DHCP on a network', stability: 'stable',
    access: { rule: 'create_dhcp-network', who: 'admin', adminEverywhere: true },
    body: Type.Object({ network_id: id }, strict),
    status: 201,
  },
  remove: {
    method: 'DELETE', path: `${path}/{network_id}`, summary: 'Let an agent answer DHCP on a network no more', stability: 'stable',
    access: { rule: 'delete_dhcp-network', who: 'admin', adminEverywhere: true },
    status: 204,
  },
});
