/** What bounds and marks what passes a port of a switch: of a guest, or of a router outside. */
import type { Qos } from '../../driver.ts';
import { switchName, type WantedRow } from './northbound.ts';

/** `only`: what of it is meant, more narrowly than all that the port sends (egress) and is sent. */
type Place = { key: string; portId: string; networkId: string; only?: Record<'egress' | 'ingress', string> };

/** One row a direction: OVN takes one rule for a packet, so the mark goes with the limit, and what is narrower comes first. */
export function qosRows(qos: Qos | null | undefined, { key, portId, networkId, only }: Place): WantedRow[] {
  const { limits = [], dscp = null } = qos ?? {};
  return (['egress', 'ingress'] as const).flatMap((direction): WantedRow[] => {
    const limit = limits.find((each) => each.direction === direction);
    const action: Record<string, number> = direction === 'egress' && dscp !== null ? { dscp } : {};
    if (!limit && Object.keys(action).length === 0) return [];
    return [
      {
        table: 'QoS',
        key: `${key}/${direction}`,
        columns: {
          direction: direction === 'egress' ? 'from-lport' : 'to-lport',
          priority: only ? 2_003 : 2_002,
          match: `${direction === 'egress' ? 'inport' : 'outport'} == "${portId}"${only ? ` && ${only[direction]}` : ''}`,
          action,
          // Without a burst TCP would get far less than the rate: neutron/plugins/ml2/drivers/openvswitch uses four fifths of it.
          bandwidth: limit ? { rate: limit.kbps, burst: limit.burstKbps || Math.ceil(limit.kbps * 0.8) } : {},
          external_ids: {},
        },
        heldBy: [{ table: 'Logical_Switch', key: switchName(networkId), column: 'qos_rules' }],
      },
    ];
  });
}
