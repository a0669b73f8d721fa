import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { listQuery, nullable } from './attributes.ts';

const Pool = Type.Object({ subnet_id: Type.String(), subnet_name: Type.String(), network_id: Type.String(), cidr: nullable(Type.String()), project_id: Type.String(), tenant_id: Type.String() });

const list = {
  method: 'GET', summary: 'List subnets from which floating addresses are taken', stability: 'stable',
  access: { rule: 'get_floatingip_pool', who: 'reader', adminEverywhere: true },
  query: listQuery(['subnet_id', 'subnet_name', 'network_id', 'cidr', 'project_id', 'tenant_id']),
  status: 200,
  response: Type.Object({ floatingip_pools: Type.Array(Type.Partial(Pool)) }),
} as const;

export const networkFloatingIpPools = operations({
  list: { ...list, path: '/floatingip_pools' },
  // As neutron serves it, and not as its reference writes it.
  listServed: { ...list, path: '/floatingip-pools' },
});
