import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Agent } from './agents.ts';
import { id, showQuery, strict } from './attributes.ts';
import { Router } from './routers.ts';

const path = '/agents/{agent_id}/l3-routers' as const;

export const l3Agents = operations({
  ofRouter: {
    method: 'GET', path: '/routers/{router_id}/l3-agents', summary: 'List the agents on whose hosts a router’s way out may be', stability: 'stable',
    access: { rule: 'get_l3-agents', who: 'admin', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ agents: Type.Array(Type.Partial(Agent)) }),
  },
  routers: {
    method: 'GET', path, summary: 'List the routers whose way out may be on an agent’s host', stability: 'stable',
    access: { rule: 'get_l3-routers', who: 'admin', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ routers: Type.Array(Type.Partial(Router)) }),
  },
  add: {
    method: 'POST', path, summary: 'Let a router’s way out be on an agent’s host too, after the others', stability: 'stable',
    access: { rule: 'create_l3-router', who: 'admin', adminEverywhere: true },
    body: Type.Object({ router_id: id }, strict),
    status: 201,
    // Clients read what is in neutron `null`, and do not look at it.
    response: Type.Object({}),
  },
  remove: {
    method: 'DELETE', path: `${path}/{router_id}`, summary: 'Keep a router’s way out off an agent’s host', stability: 'stable',
    access: { rule: 'delete_l3-router', who: 'admin', adminEverywhere: true },
    status: 204,
  },
});
