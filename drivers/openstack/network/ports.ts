/** A port with our MAC and our addresses. Where it is bound is the partner's. */
import { DriverError, type PortSpec } from '../../driver.ts';
import { unless } from '../refusals.ts';
import type { Names, NetworkKind } from './kind.ts';
import { only } from './networks.ts';
import type { Facts } from './observation.ts';
import { refuseQos } from './qos.ts';

export const ports: NetworkKind<PortSpec> = {
  collection: 'ports',
  alsoSeen: [],
  needs: ({ networkId, securityGroups, portSecurity }) => [{ kind: 'network', id: networkId }, ...(portSecurity ? securityGroups.map((id) => ({ kind: 'security-group' as const, id })) : [])],
  wanted: (spec, names) => ({
    once: { network_id: names.get('network', spec.networkId), mac_address: spec.mac },
    changeable: { ...plain(spec, names), fixed_ips: spec.addresses.map(({ address }) => address) },
  }),
  shown: ({ network_id, mac_address, admin_state_up, port_security_enabled, security_groups, allowed_address_pairs, fixed_ips }) => ({
    network_id, mac_address, admin_state_up, port_security_enabled, security_groups,
    allowed_address_pairs: ((allowed_address_pairs as Facts[] | undefined) ?? []).map(({ ip_address, mac_address: mac }) => ({ ip_address, mac_address: mac })),
    fixed_ips: ((fixed_ips as { ip_address: string }[] | undefined) ?? []).map(({ ip_address: address }) => address),
  }),
  body: (spec, names, fields) =>
    only(fields, {
      ...plain(spec, names), network_id: names.get('network', spec.networkId), mac_address: spec.mac,
      fixed_ips: spec.addresses.map(({ subnetId, address }) => ({ ip_address: address, ...subnetOf(names, subnetId) })),
    }),
  create: async ({ network }, body) => (await network.ports.create({ body: { port: body as { network_id: string } } })).body.port?.id ?? '',
  update: async ({ network }, id, body) => void (await network.ports.update({ params: { port_id: id }, body: { port: body } })),
  remove: async ({ services: { network } }, id) => void (await network.ports.delete({ params: { port_id: id } }).catch(unless(404))),
};

function plain({ id, adminUp, portSecurity, securityGroups, allowedAddressPairs, qos, trunk, dhcpOptions = [], otherHosts = [] }: PortSpec, names: Names): Facts {
  refuseQos(qos, `The port ${id}`);
  if (dhcpOptions.length > 0) throw new DriverError('invalid', `The port ${id} has DHCP options, which this partner cannot be asked for`);
  if (otherHosts.length > 0) throw new DriverError('invalid', `The port ${id} is bound to several hosts, which this partner cannot be asked for`);
  if (trunk) throw new DriverError('invalid', `The port ${id} goes through another, which this partner cannot be asked for`);
  return {
    admin_state_up: adminUp,
    port_security_enabled: portSecurity,
    security_groups: portSecurity ? securityGroups.map((id) => names.get('security-group', id)) : [],
    allowed_address_pairs: portSecurity ? allowedAddressPairs.map(({ mac, address }) => ({ ip_address: address, mac_address: mac })) : [],
  };
}

/** Subnets to the outside are the partner's own: there the address tells which. */
function subnetOf(names: Names, id: string): { subnet_id?: string } {
  const remoteId = names.get('subnet', id);
  return remoteId === undefined ? {} : { subnet_id: remoteId };
}
