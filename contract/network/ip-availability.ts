import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { listQuery, showQuery } from './attributes.ts';

/** Of IPv6 more than a JSON number can mostly hold: written out in full all the same, as Neutron does. */
const count = Type.Number();
const Availability = Type.Object({
  network_id: Type.String(),
  network_name: Type.String(),
  project_id: Type.String(),
  tenant_id: Type.String(),
  total_ips: count,
  used_ips: Type.Integer(),
  subnet_ip_availability: Type.Array(
    Type.Object({ subnet_id: Type.String(), subnet_name: Type.String(), cidr: Type.String(), ip_version: Type.Integer(), total_ips: count, used_ips: Type.Integer() }),
  ),
});

export const ipAvailabilities = operations({
  list: {
    method: 'GET', path: '/network-ip-availabilities', summary: 'List how many addresses networks have and how many are taken', stability: 'stable',
    access: { rule: 'get_network_ip_availability', who: 'service' },
    query: listQuery(['network_id', 'network_name', 'project_id', 'tenant_id', 'ip_version']),
    status: 200,
    response: Type.Object({ network_ip_availabilities: Type.Array(Type.Partial(Availability)) }),
  },
  show: {
    method: 'GET', path: '/network-ip-availabilities/{network_id}', summary: 'Show how many addresses a network has and how many are taken', stability: 'stable',
    access: { rule: 'get_network_ip_availability', who: 'service' },
    query: showQuery,
    status: 200,
    response: Type.Object({ network_ip_availability: Type.Partial(Availability) }),
  },
});
