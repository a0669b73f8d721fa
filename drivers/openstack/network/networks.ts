/** A network with its subnets. */
import type { NetworkSpec, SubnetSpec } from '../../driver.ts';
import { ensureMade } from '../creation.ts';
import { unless } from '../refusals.ts';
import type { NetworkKind, Place } from './kind.ts';
import { differing, type Facts, type Remote } from './observation.ts';

export const networks: NetworkKind<NetworkSpec> = {
  collection: 'networks',
  alsoSeen: ['subnets'],
  needs: () => [],
  wanted: ({ adminUp, mtu }) => ({ once: {}, changeable: { admin_state_up: adminUp, mtu } }),
  shown: ({ admin_state_up, mtu }) => ({ admin_state_up, mtu }),
  body: ({ adminUp, mtu }, _, fields) => only(fields, { admin_state_up: adminUp, mtu }),
  create: async ({ network }, body) => (await network.networks.create({ body: { network: body } })).body.network?.id ?? '',
  update: async ({ network }, id, body) => void (await network.networks.update({ params: { network_id: id }, body: { network: body } })),
  async remove({ services: { network }, seen, region }, id) {
    await network.networks.delete({ params: { network_id: id } }).catch(unless(404));
    const gone = new Set(seen.subnets.filter((subnet) => subnet['network_id'] === id).map((subnet) => subnet.id));
    for (const handle of await region.handles.list('subnet')) if (handle.remoteId !== null && gone.has(handle.remoteId)) await region.handles.forget(handle);
  },
  parts: {
    async ensure({ region, services, seen, names }, spec, networkId) {
      const wanted = new Set<string>();
      for (const subnet of spec.subnets) {
        const ref = { kind: 'subnet', id: subnet.id } as const;
        const there = seen.subnets.find(({ id }) => id === names.get('subnet', subnet.id));
        if (!there && names.get('subnet', subnet.id) !== undefined) await region.handles.forget(ref);
        const remoteId = await ensureMade(region, ref, spec.projectId, {
          find: async (tag) => (await services.network.subnets.list({ query: { network_id: [networkId] } })).body.subnets.flatMap(({ id = '', description, created_at: createdAt = '' }) => (description === tag ? [{ id, createdAt }] : [])),
          make: async (tag) => {
            const body = { network_id: networkId, name: `intercloud-${subnet.id}`, description: tag, project_id: services.projectId ?? '', ...onceOf(subnet), ...changeableOf(subnet, spec) };
            return (await services.network.subnets.create({ body: { subnet: body as typeof body & { ip_version: number } } })).body.subnet?.id ?? '';
          },
        });
        names.set('subnet', subnet.id, remoteId);
        wanted.add(remoteId);
        const fields = there ? differing(there, changeableOf(subnet, spec)) : [];
        if (fields.length > 0) await services.network.subnets.update({ params: { subnet_id: remoteId }, body: { subnet: only(fields, changeableOf(subnet, spec)) } });
      }
      for (const { id } of subnetsOf(seen.subnets, networkId)) {
        if (wanted.has(id)) continue;
        await services.network.subnets.delete({ params: { subnet_id: id } }).catch(unless(404));
        const handle = (await region.handles.list('subnet')).find(({ remoteId }) => remoteId === id);
        if (handle) await region.handles.forget(handle);
      }
    },
    compare({ seen, names }: Place, spec, networkId) {
      const details = spec.subnets.flatMap((subnet) => {
        const there = seen.subnets.find(({ id }) => id === names.get('subnet', subnet.id));
        if (!there) return [`the subnet ${subnet.id} is missing`];
        return differing(there, { ...onceOf(subnet), ...changeableOf(subnet, spec) }).map((field) => `the subnet ${subnet.id} differs in ${field}`);
      });
      const wanted = new Set(spec.subnets.map(({ id }) => names.get('subnet', id)));
      return [...details, ...subnetsOf(seen.subnets, networkId).filter(({ id }) => !wanted.has(id)).map(({ id }) => `the subnet ${id} there is unwanted`)];
    },
  },
};

function subnetsOf(subnets: readonly Remote[], networkId: string): Remote[] {
  return subnets.filter((subnet) => subnet['network_id'] === networkId);
}

function onceOf({ version, cidr, ipv6Mode }: SubnetSpec): Facts {
  return { ip_version: version, cidr, ...(version === 6 && ipv6Mode ? { ipv6_ra_mode: ipv6Mode, ipv6_address_mode: ipv6Mode } : {}) };
}

/** Addresses are given out here. What the partner takes for itself (DHCP, metadata), it takes where our own would have been. */
function changeableOf({ id, gateway, dhcp, dnsServers, hostRoutes }: SubnetSpec, { servicePort }: NetworkSpec): Facts {
  const pools = (servicePort?.addresses ?? []).filter(({ subnetId }) => subnetId === id).map(({ address }) => ({ start: address, end: address }));
  return { gateway_ip: gateway, enable_dhcp: dhcp, dns_nameservers: dnsServers, host_routes: hostRoutes.map(({ destination, nextHop }) => ({ destination, nexthop: nextHop })), allocation_pools: pools };
}

/** These fields of it. */
export function only(fields: readonly string[], facts: Facts): Facts {
  return Object.fromEntries(Object.entries(facts).filter(([field]) => fields.includes(field)));
}
