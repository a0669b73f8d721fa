import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { text } from './attributes.ts';

const Topology = Type.Object({ auto_allocated_topology: Type.Object({ id: Type.String(), project_id: Type.String(), tenant_id: Type.String() }) });

export const autoAllocatedTopologies = operations({
  show: {
    // It is made when it is first asked for.
    method: 'GET', path: '/auto-allocated-topology/{project_id}', summary: 'Show the network that a project has without having made one', stability: 'stable', effects: 'transaction',
    access: { rule: 'get_auto_allocated_topology', who: 'reader', adminEverywhere: true },
    query: Type.Object({ fields: Type.Optional(Type.Array(text(64), { maxItems: 64 })) }),
    status: 200,
    response: Topology,
  },
  delete: {
    method: 'DELETE', path: '/auto-allocated-topology/{project_id}', summary: 'Delete that network with its router', stability: 'stable',
    access: { rule: 'delete_auto_allocated_topology', who: 'member', adminEverywhere: true },
    status: 204,
  },
});
