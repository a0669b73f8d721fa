/** A router with its interfaces, each a port of its own there, and its gateway to the outside. */
import { DriverError, type RouterSpec } from '../../driver.ts';
import { ensureMade } from '../creation.ts';
import type { HandleStore } from '../handles.ts';
import { unless } from '../refusals.ts';
import type { Names, NetworkKind } from './kind.ts';
import { only } from './networks.ts';
import type { Facts, Remote } from './observation.ts';
import { refuseQos } from './qos.ts';

export const routers: NetworkKind<RouterSpec> = {
  collection: 'routers',
  alsoSeen: ['ports'],
  needs: ({ interfaces, gateway }) => [...interfaces, ...(gateway ? [gateway] : [])].map(({ networkId }) => ({ kind: 'network', id: networkId })),
  wanted(spec, names) {
    refuseQos(spec.gateway?.qos, `The router ${spec.id}`);
    if (spec.otherGateways || spec.bfd) throw new DriverError('invalid', `The router ${spec.id} has several ways out, or watches one, which this partner cannot be asked for`);
    if (spec.proxied) throw new DriverError('invalid', `The router ${spec.id} answers outside for addresses inside, which this partner cannot be asked for`);
    return { once: {}, changeable: { admin_state_up: spec.adminUp, external_gateway_info: gatewayOf(spec, names), routes: routesOf(spec) } };
  },
  shown: ({ admin_state_up, external_gateway_info, routes }) => ({ admin_state_up, external_gateway_info: shownGateway(external_gateway_info), routes: routes ?? [] }),
  body: (spec, names, fields) => only(fields, { admin_state_up: spec.adminUp, external_gateway_info: gatewayOf(spec, names), routes: routesOf(spec) }),
  create: async ({ network }, body) => (await network.routers.create({ body: { router: body } })).body.router?.id ?? '',
  update: async ({ network }, id, body) => void (await network.routers.update({ params: { router_id: id }, body: { router: body } })),
  async remove({ services: { network }, seen, region }, id) {
    const there = seen.routers.find((router) => router.id === id);
    if (((there?.['routes'] as unknown[] | undefined) ?? []).length > 0) await network.routers.update({ params: { router_id: id }, body: { router: { routes: [] } } }).catch(unless(404));
    for (const port of interfacesOf(seen.ports, id)) await network.routers.removeInterface({ params: { router_id: id }, body: { port_id: port.id } }).catch(unless(404));
    await network.routers.delete({ params: { router_id: id } }).catch(unless(404));
    await forgetPorts(region.handles, new Set(interfacesOf(seen.ports, id).map((port) => port.id)));
  },
  // Their next hops are reached by its interfaces.
  late: ['routes'],
  parts: {
    async ensure({ region, services, seen, names }, spec, routerId) {
      const { network } = services;
      const plugged = interfacesOf(seen.ports, routerId);
      const wanted = spec.interfaces.map((each) => ({ ...each, there: plugged.find(({ id }) => id === names.get('router-port', each.portId)) }));
      const kept = new Set(wanted.flatMap(({ there, addresses }) => (there && sameAddresses(there, addresses) ? [there.id] : [])));
      const gone = plugged.filter(({ id }) => !kept.has(id));
      for (const { id } of gone) await network.routers.removeInterface({ params: { router_id: routerId }, body: { port_id: id } }).catch(unless(404));
      await forgetPorts(region.handles, new Set(gone.map(({ id }) => id)));
      for (const { portId, networkId, mac, addresses, there } of wanted) {
        if (there && kept.has(there.id)) continue;
        const remoteNetwork = names.get('network', networkId) ?? '';
        const lost = names.get('router-port', portId);
        // A port that was made and is not plugged in yet is not among those that were seen.
        const unplugged = lost === undefined || gone.some(({ id }) => id === lost) ? undefined : (await network.ports.show({ params: { port_id: lost } }).catch(unless(404)))?.body.port;
        if (lost !== undefined && !unplugged) await region.handles.forget({ kind: 'router-port', id: portId });
        const remoteId = await ensureMade(region, { kind: 'router-port', id: portId }, spec.projectId, {
          find: async (tag) => (await network.ports.list({ query: { network_id: [remoteNetwork] } })).body.ports.flatMap(({ id = '', description, created_at: createdAt = '' }) => (description === tag ? [{ id, createdAt }] : [])),
          make: async (tag) => {
            const port = { network_id: remoteNetwork, name: `intercloud-${portId}`, description: tag, project_id: services.projectId ?? '', mac_address: mac, fixed_ips: addresses.map((address) => ({ ip_address: withoutPrefix(address) })), port_security_enabled: false, security_groups: [] };
            return (await network.ports.create({ body: { port } })).body.port?.id ?? '';
          },
        });
        names.set('router-port', portId, remoteId);
        await network.routers.addInterface({ params: { router_id: routerId }, body: { port_id: remoteId } });
      }
    },
    compare({ seen, names }, spec, routerId) {
      const plugged = interfacesOf(seen.ports, routerId);
      const missing = spec.interfaces.flatMap(({ portId, addresses }) => {
        const there = plugged.find(({ id }) => id === names.get('router-port', portId));
        if (!there) return [`the interface ${portId} is missing`];
        return sameAddresses(there, addresses) ? [] : [`the interface ${portId} has other addresses`];
      });
      const wanted = new Set(spec.interfaces.map(({ portId }) => names.get('router-port', portId)));
      return [...missing, ...plugged.filter(({ id }) => !wanted.has(id)).map(({ id }) => `the interface ${id} there is unwanted`)];
    },
  },
};

function interfacesOf(ports: readonly Remote[], routerId: string): Remote[] {
  return ports.filter((port) => port['device_id'] === routerId && /^network:(router_interface|ha_router_replicated_interface)/.test(String(port['device_owner'])));
}

/** The port is removed with the interface. */
async function forgetPorts(handles: HandleStore, remoteIds: ReadonlySet<string>): Promise<void> {
  if (remoteIds.size === 0) return;
  for (const handle of await handles.list('router-port')) if (handle.remoteId !== null && remoteIds.has(handle.remoteId)) await handles.forget(handle);
}

/** Which MAC it has, and by which next hop it leaves, is the partner's. */
function gatewayOf({ gateway }: RouterSpec, names: Names): Facts | null {
  if (!gateway) return null;
  return { network_id: names.get('network', gateway.networkId), enable_snat: gateway.snat, external_fixed_ips: gateway.addresses.map((address) => ({ ip_address: withoutPrefix(address) })) };
}

function shownGateway(gateway: unknown): Facts | null {
  if (!gateway) return null;
  const { network_id, enable_snat = true, external_fixed_ips = [] } = gateway as { network_id: string; enable_snat?: boolean; external_fixed_ips?: { ip_address: string }[] };
  return { network_id, enable_snat, external_fixed_ips: external_fixed_ips.map(({ ip_address }) => ({ ip_address })) };
}

function routesOf({ routes }: RouterSpec): Facts[] {
  return routes.map(({ destination, nextHop }) => ({ destination, nexthop: nextHop }));
}

function sameAddresses(port: Remote, addresses: readonly string[]): boolean {
  const there = ((port['fixed_ips'] as { ip_address: string }[] | undefined) ?? []).map(({ ip_address }) => ip_address);
  return there.toSorted().join() === addresses.map(withoutPrefix).toSorted().join();
}

function withoutPrefix(address: string): string {
  return address.replace(/\/\d+$/, '');
}
