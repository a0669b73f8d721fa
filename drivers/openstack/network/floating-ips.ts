/** A floating address as it was given out here: the region's outside is a range that the partner has set aside for us. */
import type { FloatingIpSpec } from '../../driver.ts';
import { unless } from '../refusals.ts';
import type { Names, NetworkKind } from './kind.ts';
import { only } from './networks.ts';
import type { Facts } from './observation.ts';
import { refuseQos } from './qos.ts';

export function floatingIps(externalNetwork: string | null): NetworkKind<FloatingIpSpec> {
  const facts = ({ externalAddress, internalAddress, portId }: FloatingIpSpec, port: string | undefined): { once: Facts; changeable: Facts } => ({
    once: { floating_ip_address: externalAddress },
    changeable: { port_id: port ?? portId ?? '', fixed_ip_address: internalAddress },
  });
  return {
    collection: 'floatingIps',
    alsoSeen: [],
    needs: ({ routerId, portId }) => [{ kind: 'router', id: routerId }, ...(portId === null ? [] : [{ kind: 'port' as const, id: portId }])],
    wanted(spec, names) {
      refuseQos(spec.qos, `The floating IP ${spec.id}`);
      return facts(spec, remotePort(spec, names));
    },
    shown: ({ floating_ip_address, port_id, fixed_ip_address }) => ({ floating_ip_address, port_id, fixed_ip_address }),
    // One does not go without the other.
    body(spec, names, fields) {
      const { once, changeable } = facts(spec, remotePort(spec, names));
      return { ...only(fields, { ...once, floating_network_id: externalNetwork }), ...changeable };
    },
    create: async ({ network }, body) => (await network.floatingIps.create({ body: { floatingip: body as { floating_network_id: string } } })).body.floatingip?.id ?? '',
    update: async ({ network }, id, body) => void (await network.floatingIps.update({ params: { floatingip_id: id }, body: { floatingip: body } })),
    remove: async ({ services: { network } }, id) => void (await network.floatingIps.delete({ params: { floatingip_id: id } }).catch(unless(404))),
  };
}

const remotePort = ({ portId }: FloatingIpSpec, names: Names) => (portId === null ? undefined : names.get('port', portId));
