/** Networks, and machines without a hypervisor, as Nova showed them before they had an API of their own; up to 2.35. nova/api/openstack/compute/{networks,tenant_networks,baremetal_nodes}.py */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { exactly } from './fields.ts';

const proxy = { stability: 'deprecated', deprecation: { since: '2016-07-14' }, until: '2.35' } as const;
const rule = (name: string) => ({ rule: `os_compute_api:${name}`, who: 'reader', adminEverywhere: true }) as const;

/** Of all that nova-network knew of a network there is its name. */
const forAll = ['cidr', 'netmask', 'gateway', 'broadcast', 'dns1', 'dns2', 'cidr_v6', 'gateway_v6', 'netmask_v6'] as const;
const forAdministrators = [
  ...['created_at', 'updated_at', 'deleted_at', 'deleted', 'injected', 'bridge', 'vlan', 'vpn_public_address', 'vpn_public_port', 'vpn_private_address', 'dhcp_start'] as const,
  ...['project_id', 'host', 'bridge_interface', 'multi_host', 'priority', 'rxtx_base', 'mtu', 'dhcp_server', 'enable_dhcp', 'share_address'] as const,
];
export const unknownOfNetworks = { forAll, forAdministrators };

const network = exactly({
  id: Type.String(),
  label: Type.String(),
  ...Object.fromEntries(forAll.map((field) => [field, Type.Null()])),
  ...Object.fromEntries(forAdministrators.map((field) => [field, Type.Optional(Type.Null())])),
});
const watched = { resource: 'network', show: 'show', parameter: 'network_id' } as const;

export const networkProxies = operations({
  list: { ...proxy, method: 'GET', path: '/os-networks', summary: 'Networks that the project sees', access: rule('os-networks:list'), status: 200, response: exactly({ networks: Type.Array(network) }), list: watched },
  show: { ...proxy, method: 'GET', path: '/os-networks/{network_id}', summary: 'One network', access: rule('os-networks:show'), status: 200, response: exactly({ network }) },
});

const briefNetwork = exactly({ id: Type.String(), cidr: Type.Literal('None'), label: Type.String() });

export const tenantNetworkProxies = operations({
  list: { ...proxy, method: 'GET', path: '/os-tenant-networks', summary: 'Networks that the project sees', access: rule('os-tenant-networks:list'), status: 200, response: exactly({ networks: Type.Array(briefNetwork) }), list: watched },
  show: { ...proxy, method: 'GET', path: '/os-tenant-networks/{network_id}', summary: 'One network', access: rule('os-tenant-networks:show'), status: 200, response: exactly({ network: briefNetwork }) },
});
