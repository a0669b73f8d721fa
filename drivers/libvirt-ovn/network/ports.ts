/** A port: where a guest is plugged in, the addresses that it may use, and the groups that guard it. */
import type { PortSpec } from '../../driver.ts';
import { address, cidr, mac } from './addresses.ts';
import { dhcpKeys } from './networks.ts';
import { portGroupName, switchName, TAG, type Holder, type WantedRow } from './northbound.ts';
import { GUARDED } from './security-groups.ts';

export function portRows(port: PortSpec): WantedRow[] {
  const own = mac(port.mac);
  const addresses = [[own, ...port.addresses.map((fixed) => address(fixed.address))].join(' ')];
  const pairs = port.allowedAddressPairs.map((pair) => ({ mac: mac(pair.mac), address: writtenPair(pair.address) }));
  // A switch learns the addresses of a port that may use others than it was given.
  if (!port.portSecurity || pairs.some((pair) => pair.mac !== own)) addresses.push('unknown');
  const subnetIds = [...new Set(port.addresses.map((fixed) => fixed.subnetId))];
  const groups = port.portSecurity ? [GUARDED, ...port.securityGroups.map(portGroupName)] : [];
  return [
    {
      table: 'Logical_Switch_Port',
      key: port.id,
      columns: {
        name: port.id,
        type: '',
        addresses,
        port_security: port.portSecurity ? allowed(own, port.addresses.map((fixed) => fixed.address), pairs) : [],
        enabled: port.adminUp,
        options: port.hostId === null ? {} : { 'requested-chassis': port.hostId },
        external_ids: { [TAG.network]: port.networkId, [TAG.subnets]: subnetIds.join(' ') },
      },
      heldBy: [
        { table: 'Logical_Switch', key: switchName(port.networkId), column: 'ports' },
        ...[...new Set(groups)].map((key): Holder => ({ table: 'Port_Group', key, column: 'ports' })),
      ],
      dhcp: dhcpKeys(subnetIds),
    },
    ...qosRows(port),
  ];
}

/** One row a direction: OVN takes one rule for a packet, so the mark goes with the limit. */
function qosRows(port: PortSpec): WantedRow[] {
  const { limits = [], dscp = null } = port.qos ?? {};
  return (['egress', 'ingress'] as const).flatMap((direction): WantedRow[] => {
    const limit = limits.find((each) => each.direction === direction);
    const action: Record<string, number> = direction === 'egress' && dscp !== null ? { dscp } : {};
    if (!limit && Object.keys(action).length === 0) return [];
    return [
      {
        table: 'QoS',
        key: `${port.id}/${direction}`,
        columns: {
          direction: direction === 'egress' ? 'from-lport' : 'to-lport',
          priority: 2_002,
          match: `${direction === 'egress' ? 'inport' : 'outport'} == "${port.id}"`,
          action,
          // Without a burst TCP would get far less than the rate: neutron/plugins/ml2/drivers/openvswitch uses four fifths of it.
          bandwidth: limit ? { rate: limit.kbps, burst: limit.burstKbps || Math.ceil(limit.kbps * 0.8) } : {},
          external_ids: {},
        },
        heldBy: [{ table: 'Logical_Switch', key: switchName(port.networkId), column: 'qos_rules' }],
      },
    ];
  });
}

function allowed(own: string, fixed: string[], pairs: { mac: string; address: string }[]): string[] {
  const byMac = new Map<string, Set<string>>([[own, new Set(fixed)]]);
  for (const pair of pairs) byMac.set(pair.mac, (byMac.get(pair.mac) ?? new Set()).add(pair.address));
  return [...byMac].map(([from, addresses]) => [from, ...addresses].join(' '));
}

function writtenPair(text: string): string {
  const { address: host, prefix, version } = cidr(text);
  return prefix === (version === 4 ? 32 : 128) ? host : `${host}/${prefix}`;
}
