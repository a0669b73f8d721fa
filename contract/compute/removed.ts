/**
 * What Nova once had: it answers 410, so that a client learns that it need not try again.
 * nova/api/openstack/compute/{agents,cells,certificates,cloudpipe,consoles,fixed_ips,floating_ip_dns,floating_ips_bulk,fping,…}.py
 */
import { Type } from 'typebox';
import type { Method, Operation } from '../contract.ts';

const gone = {
  agents: ['GET /os-agents', 'POST /os-agents', 'PUT /os-agents/{id}', 'DELETE /os-agents/{id}'],
  cells: ['GET /os-cells', 'POST /os-cells', 'GET /os-cells/capacities', 'GET /os-cells/detail', 'GET /os-cells/info', 'POST /os-cells/sync_instances', 'GET /os-cells/{id}', 'PUT /os-cells/{id}', 'DELETE /os-cells/{id}', 'GET /os-cells/{id}/capacities'],
  certificates: ['POST /os-certificates', 'GET /os-certificates/{id}'],
  cloudpipe: ['GET /os-cloudpipe', 'POST /os-cloudpipe', 'PUT /os-cloudpipe/{id}'],
  consoles: ['GET /servers/{server_id}/consoles', 'POST /servers/{server_id}/consoles', 'GET /servers/{server_id}/consoles/{id}', 'DELETE /servers/{server_id}/consoles/{id}'],
  fixedIps: ['GET /os-fixed-ips/{id}', 'POST /os-fixed-ips/{id}/action'],
  floatingIpDns: ['GET /os-floating-ip-dns', 'PUT /os-floating-ip-dns/{id}', 'DELETE /os-floating-ip-dns/{id}', 'GET /os-floating-ip-dns/{domain}/entries/{id}', 'PUT /os-floating-ip-dns/{domain}/entries/{id}', 'DELETE /os-floating-ip-dns/{domain}/entries/{id}'],
  floatingIpsBulk: ['GET /os-floating-ips-bulk', 'POST /os-floating-ips-bulk', 'GET /os-floating-ips-bulk/{id}', 'PUT /os-floating-ips-bulk/{id}'],
  pings: ['GET /os-fping', 'GET /os-fping/{id}'],
  networksOfOld: ['POST /os-networks', 'POST /os-networks/add', 'DELETE /os-networks/{id}', 'POST /os-networks/{id}/action', 'POST /os-tenant-networks', 'DELETE /os-tenant-networks/{id}'],
  defaultRules: ['GET /os-security-group-default-rules', 'POST /os-security-group-default-rules', 'GET /os-security-group-default-rules/{id}', 'DELETE /os-security-group-default-rules/{id}'],
  virtualInterfaces: ['GET /servers/{server_id}/os-virtual-interfaces'],
} as const;

type Removed = Operation & { readonly effects: 'none' };

/** Any user may hear it. */
const access = { rule: 'os_compute_api:removed', who: 'user' } as const;

const removedAlike = { summary: 'Gone', access, stability: 'deprecated', deprecation: { since: '2018-02-28' }, effects: 'none', status: 410 } as const;

/** One that was an action of servers. nova/api/openstack/compute/admin_actions.py, _reset_network */
const resetNetwork: Removed = { ...removedAlike, method: 'POST', path: '/servers/{server_id}/action', action: 'resetNetwork', body: Type.Object({ resetNetwork: Type.Unknown() }, { additionalProperties: false }) };

/** nova/api/openstack/compute/remote_consoles.py, get_rdp_console */
const getRdpConsole: Removed = { ...removedAlike, method: 'POST', path: '/servers/{server_id}/action', action: 'os-getRDPConsole', until: '2.5', body: Type.Object({ 'os-getRDPConsole': Type.Unknown() }, { additionalProperties: false }) };

const routes: Record<string, Removed> = Object.fromEntries(
  Object.entries(gone).flatMap(([noun, routes]) =>
    routes.map((route, index) => {
      const [method = '', path = ''] = route.split(' ');
      return [`${noun}${index + 1}`, { ...removedAlike, method: method as Method, path }] as const;
    }),
  ),
);

export const removed: Record<string, Removed> = { ...routes, resetNetwork, getRdpConsole };
