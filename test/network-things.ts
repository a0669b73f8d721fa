/** Real things of the network's further nouns, made through the API: for generated requests (things.ts, bodies.ts). */
import type { Person } from './cloud.ts';

type Making = { owner: Person; admin: Person; get(name: string): Promise<string>; unique: () => string };
type Things = { readonly owner: Person; get(name: never): Promise<string> };

export const networkMakers = {
  'rbac policy': async ({ owner, get }: Making) =>
    (await owner.network.rbacPolicies.create({ body: { rbac_policy: { object_type: 'network', object_id: await get('network'), action: 'access_as_shared', target_tenant: 'another' } } })).body.rbac_policy?.id ?? '',
  'address group': async ({ owner, unique }: Making) => (await owner.network.addressGroups.create({ body: { address_group: { name: unique(), addresses: ['192.0.2.0/24'] } } })).body.address_group?.id ?? '',
  'default group rule': async ({ admin }: Making) =>
    (await admin.network.defaultSecurityGroupRules.create({ body: { default_security_group_rule: { direction: 'ingress', protocol: 'udp', used_in_default_sg: false, used_in_non_default_sg: false } } })).body.default_security_group_rule?.id ?? '',
  'network flavor': async ({ admin, unique }: Making) => (await admin.network.flavors.create({ body: { flavor: { name: unique(), service_type: 'L3_ROUTER_NAT' } } })).body.flavor.id,
  'service profile': async ({ admin }: Making) => (await admin.network.serviceProfiles.create({ body: { service_profile: { driver: 'ovn' } } })).body.service_profile.id,
  'profile of a network flavor': async ({ admin, get }: Making) => {
    const id = await get('service profile');
    await admin.network.flavors.addProfile({ params: { flavor_id: await get('network flavor') }, body: { service_profile: { id } } });
    return id;
  },
  'qos policy': async ({ admin, owner, unique }: Making) => (await admin.network.qosPolicies.create({ body: { policy: { name: unique(), project_id: owner.projectId } } })).body.policy?.id ?? '',
  'bandwidth limit': async ({ admin, get }: Making) =>
    (await admin.network.bandwidthLimitRules.create({ params: { policy_id: await get('qos policy') }, body: { bandwidth_limit_rule: { max_kbps: 1000 } } })).body.bandwidth_limit_rule.id,
  'dscp marking': async ({ admin, get }: Making) => (await admin.network.dscpMarkingRules.create({ params: { policy_id: await get('qos policy') }, body: { dscp_marking_rule: { dscp_mark: 46 } } })).body.dscp_marking_rule.id,
  'minimum bandwidth': async ({ admin, get }: Making) =>
    (await admin.network.minimumBandwidthRules.create({ params: { policy_id: await get('qos policy') }, body: { minimum_bandwidth_rule: { min_kbps: 10 } } })).body.minimum_bandwidth_rule.id,
  'packet rate limit': async ({ admin, get }: Making) =>
    (await admin.network.packetRateLimitRules.create({ params: { policy_id: await get('qos policy') }, body: { packet_rate_limit_rule: { max_kpps: 10 } } })).body.packet_rate_limit_rule.id,
  'minimum packet rate': async ({ admin, get }: Making) =>
    (await admin.network.minimumPacketRateRules.create({ params: { policy_id: await get('qos policy') }, body: { minimum_packet_rate_rule: { min_kpps: 10 } } })).body.minimum_packet_rate_rule.id,
  'qos rule type': () => Promise.resolve('bandwidth_limit'),
  'port forwarding': async ({ owner, get }: Making) =>
    (await owner.network.portForwardings.create({ params: { floatingip_id: await get('floating ip') }, body: { port_forwarding: await forwardingTo({ owner, get }, 22) } })).body.port_forwarding.id,
  segment: async ({ admin, get }: Making) => (await admin.network.segments.create({ body: { segment: { network_id: await get('network'), network_type: 'geneve' } } })).body.segment.id,
  agent: async ({ admin }: Making) => (await admin.network.agents.list()).body.agents[0]?.id ?? '',
  'agent of the router': async ({ admin, get }: Making) => (await admin.network.l3Agents.ofRouter({ params: { router_id: await get('router') } })).body.agents[0]?.id ?? '',
  'router off an agent': async ({ admin, owner, get, unique }: Making) => {
    const router_id = (await owner.network.routers.create({ body: { router: { name: unique(), external_gateway_info: { network_id: await get('external network') } } } })).body.router?.id ?? '';
    const agent_id = (await admin.network.l3Agents.ofRouter({ params: { router_id } })).body.agents[0]?.id ?? '';
    await admin.network.l3Agents.remove({ params: { agent_id, router_id } });
    return router_id;
  },
  'agent without the router': async ({ admin, get }: Making) => {
    const { agents } = (await admin.network.l3Agents.ofRouter({ params: { router_id: await get('router off an agent') } })).body;
    const gateways = (await admin.network.agents.list({ query: { binary: ['ovn-controller'] } })).body.agents;
    return gateways.find(({ id }) => !agents.some((agent) => agent.id === id))?.id ?? '';
  },
  'proxying router': async ({ owner, admin, unique }: Making) => {
    const scope = (await admin.network.addressScopes.create({ body: { address_scope: { name: unique(), ip_version: 6, shared: true } } })).body.address_scope?.id ?? '';
    const pool = (await admin.network.subnetPools.create({ body: { subnetpool: { name: unique(), address_scope_id: scope, prefixes: ['2001:db8::/48'], default_prefixlen: 64, shared: true } } })).body.subnetpool?.id ?? '';
    const outside = (await admin.network.networks.create({ body: { network: { name: unique(), 'router:external': true } } })).body.network?.id ?? '';
    const inside = (await owner.network.networks.create({ body: { network: { name: unique() } } })).body.network?.id ?? '';
    await admin.network.subnets.create({ body: { subnet: { network_id: outside, ip_version: 6, subnetpool_id: pool } } });
    const subnet_id = (await owner.network.subnets.create({ body: { subnet: { network_id: inside, ip_version: 6, subnetpool_id: pool } } })).body.subnet?.id ?? '';
    const router_id = (await owner.network.routers.create({ body: { router: { name: unique(), enable_ndp_proxy: true, external_gateway_info: { network_id: outside } } } })).body.router?.id ?? '';
    await owner.network.routers.addInterface({ params: { router_id }, body: { subnet_id } });
    return router_id;
  },
  'ndp proxy': async ({ owner, get }: Making) => (await owner.network.ndpProxies.create({ body: { ndp_proxy: await proxyOf({ owner, get }) } })).body.ndp_proxy?.id ?? '',
  'local ip': async ({ owner, get }: Making) => {
    await get('subnet');
    return (await owner.network.localIps.create({ body: { local_ip: { network_id: await get('network') } } })).body.local_ip?.id ?? '';
  },
  'port of a local ip': async ({ owner, get }: Making) => {
    const fixed_port_id = await portOn({ owner, get });
    await owner.network.localIpAssociations.create({ params: { local_ip_id: await get('local ip of a port') }, body: { port_association: { fixed_port_id } } });
    return fixed_port_id;
  },
  'local ip of a port': async ({ owner, get }: Making) => {
    await get('subnet');
    return (await owner.network.localIps.create({ body: { local_ip: { network_id: await get('network') } } })).body.local_ip?.id ?? '';
  },
  log: async ({ admin, owner, unique }: Making) => (await admin.network.logs.create({ body: { log: { name: unique(), resource_type: 'security_group', project_id: owner.projectId } } })).body.log?.id ?? '',
  'segment range': async ({ admin, unique }: Making) =>
    (await admin.network.segmentRanges.create({ body: { network_segment_range: { network_type: 'vlan', physical_network: unique(), minimum: 1, maximum: 9 } } })).body.network_segment_range.id,
  'metering label': async ({ admin, owner, unique }: Making) => (await admin.network.meteringLabels.create({ body: { metering_label: { name: unique(), project_id: owner.projectId } } })).body.metering_label?.id ?? '',
  'metering label rule': async ({ admin, get }: Making) =>
    (await admin.network.meteringLabelRules.create({ body: { metering_label_rule: { metering_label_id: await get('metering label'), direction: 'ingress', source_ip_prefix: '192.0.2.0/24' } } })).body.metering_label_rule?.id ?? '',
  'port of a device': async (making: Making) => portOfDevice(making),
  'port of a moving device': async (making: Making) => portOfDevice(making),
  'host of a moving port': async ({ admin, get }: Making) => {
    const host = await get('host name');
    await admin.network.portBindings.create({ params: { port_id: await get('port of a moving device') }, body: { binding: { host } } });
    return host;
  },
  trunk: async ({ owner, get }: Making) => {
    await get('subnet');
    const { body } = await owner.network.ports.create({ body: { port: { network_id: await get('network') } } });
    return (await owner.network.trunks.create({ body: { trunk: { port_id: body.port?.id ?? '' } } })).body.trunk?.id ?? '';
  },
  'address scope': async ({ owner, unique }: Making) => (await owner.network.addressScopes.create({ body: { address_scope: { name: unique(), ip_version: 4 } } })).body.address_scope?.id ?? '',
};

export const networkPaths = {
  'network /rbac-policies/': 'rbac policy',
  'network /log/logs/': 'log',
  'network /ndp_proxies/': 'ndp proxy',
  'network /local_ips/': 'local ip',
  'network /local_ips/{local_ip_id}/port_associations/': 'port of a local ip',
  'network /network_segment_ranges/': 'segment range',
  'network /metering/metering-labels/': 'metering label',
  'network /metering/metering-label-rules/': 'metering label rule',
  'network /address-groups/': 'address group',
  'network /default-security-group-rules/': 'default group rule',
  'network /flavors/': 'network flavor',
  'network /flavors/{flavor_id}/service_profiles/': 'profile of a network flavor',
  'network /service_profiles/': 'service profile',
  'network /address-scopes/': 'address scope',
  'network /floatingips/{floatingip_id}/port_forwardings/': 'port forwarding',
  'network /trunks/': 'trunk',
  'network /agents/': 'agent',
  'network /agents/{agent_id}/dhcp-networks/': 'network',
  'network /agents/{agent_id}/l3-routers/': 'router',
  'network /segments/': 'segment',
  'network /qos/policies/': 'qos policy',
  'network /policies/': 'qos policy',
  'network /qos/policies/{policy_id}/bandwidth_limit_rules/': 'bandwidth limit',
  'network /qos/policies/{policy_id}/dscp_marking_rules/': 'dscp marking',
  'network /qos/policies/{policy_id}/minimum_bandwidth_rules/': 'minimum bandwidth',
  'network /qos/alias_bandwidth_limit_rules/': 'bandwidth limit',
  'network /qos/alias_dscp_marking_rules/': 'dscp marking',
  'network /qos/alias_minimum_bandwidth_rules/': 'minimum bandwidth',
  'network /qos/policies/{policy_id}/packet_rate_limit_rules/': 'packet rate limit',
  'network /qos/policies/{policy_id}/minimum_packet_rate_rules/': 'minimum packet rate',
  'network /qos/alias_minimum_packet_rate_rules/': 'minimum packet rate',
  'network /qos/rule-types/': 'qos rule type',
  'network /auto-allocated-topology/': 'project',
  'network /network-ip-availabilities/': 'network',
} as const;

const answering = { local_ip_id: 'local ip of a port', fixed_port_id: 'port of a local ip' } as const;
const moving = { port_id: 'port of a moving device', host: 'host of a moving port' } as const;

/** Where the usual thing will not do. */
export const networkSpecials = {
  'network.l3Agents.add': { agent_id: 'agent without the router' },
  'network.l3Agents.remove': { agent_id: 'agent of the router' },
  'network.localIpAssociations.show': answering,
  'network.localIpAssociations.delete': answering,
  'network.portBindings.list': { port_id: 'port of a device' },
  'network.portBindings.create': { port_id: 'port of a device' },
  'network.portBindings.show': moving,
  'network.portBindings.update': moving,
  'network.portBindings.activate': moving,
  'network.portBindings.delete': moving,
} as const;

async function portOfDevice({ owner, get }: Pick<Making, 'owner' | 'get'>): Promise<string> {
  await get('subnet');
  return (await owner.network.ports.create({ body: { port: { network_id: await get('network'), device_owner: 'compute:elsewhere', device_id: 'a device' } } })).body.port?.id ?? '';
}

async function portOn({ owner, get }: Pick<Making, 'owner' | 'get'>): Promise<string> {
  await get('subnet');
  return (await owner.network.ports.create({ body: { port: { network_id: await get('network') } } })).body.port?.id ?? '';
}

/** A port of its own behind a router that answers outside. */
async function proxyOf({ owner, get }: Pick<Making, 'owner' | 'get'>) {
  const router_id = await get('proxying router');
  const network_id = (await owner.network.ports.list({ query: { device_id: [router_id], device_owner: ['network:router_interface'] } })).body.ports[0]?.network_id ?? '';
  return { router_id, port_id: (await owner.network.ports.create({ body: { port: { network_id } } })).body.port?.id ?? '' };
}

/** The operator's own, which everybody may see. */
export const networkOperatorThings = ['segment range', 'default group rule', 'network flavor', 'service profile', 'profile of a network flavor'] as const;

/** To a port that a router joins with the outside. */
async function forwardingTo({ owner, get }: Pick<Making, 'owner' | 'get'>, internal_port: number) {
  await get('plugged subnet');
  const internal_port_id = await get('port');
  const { body } = await owner.network.ports.show({ params: { port_id: internal_port_id } });
  return { internal_port_id, internal_ip_address: body.port.fixed_ips?.[0]?.ip_address ?? '', protocol: 'tcp', internal_port, external_port: 2000 + internal_port };
}

export const networkBodies = {
  'network.flavors.create': async () => ({ flavor: { name: 'some', service_type: 'L3_ROUTER_NAT' as const } }),
  'network.flavors.addProfile': async (things: Things) => ({ service_profile: { id: await things.get('service profile' as never) } }),
  'network.serviceProfiles.create': async () => ({ service_profile: { driver: 'ovn' } }),
  'network.serviceProfiles.update': async () => ({ service_profile: { driver: 'ovn', metainfo: 'other' } }),
  'network.trunks.create': async ({ get }: Things) => ({ trunk: { port_id: await get('port' as never), sub_ports: [] } }),
  'network.trunks.addSubports': async ({ get }: Things) => ({ sub_ports: [{ port_id: await get('port' as never), segmentation_type: 'vlan', segmentation_id: 7 }] }),
  'network.trunks.removeSubports': async () => ({ sub_ports: [] }),
  'network.portForwardings.create': async ({ owner, get }: Things) => ({ port_forwarding: await forwardingTo({ owner, get: (name) => get(name as never) }, 80) }),
  'network.portForwardings.update': async () => ({ port_forwarding: { external_port: 2443 } }),
  'network.segments.create': async (things: Things) => ({ segment: { network_id: await things.get('network' as never), network_type: 'vlan', physical_network: 'some', segmentation_id: 7 } }),
  'network.localIps.create': async (things: Things) => {
    await things.get('subnet' as never);
    return { local_ip: { network_id: await things.get('network' as never) } };
  },
  'network.localIpAssociations.create': async ({ owner, get }: Things) => ({ port_association: { fixed_port_id: await portOn({ owner, get: (name) => get(name as never) }) } }),
  'network.segmentRanges.create': async () => ({ network_segment_range: { network_type: 'vlan' as const, physical_network: 'some', minimum: 100, maximum: 200 } }),
  'network.meteringLabelRules.create': async (things: Things) => ({ metering_label_rule: { metering_label_id: await things.get('metering label' as never), direction: 'egress' as const, source_ip_prefix: '10.7.0.0/16' } }),
  'network.logs.create': async () => ({ log: { resource_type: 'security_group' } }),
  'network.dhcpAgents.add': async (things: Things) => ({ network_id: await things.get('network' as never) }),
  'network.l3Agents.add': async (things: Things) => ({ router_id: await things.get('router off an agent' as never) }),
  'network.ndpProxies.create': async ({ owner, get }: Things) => ({ ndp_proxy: await proxyOf({ owner, get: (name) => get(name as never) }) }),
  'network.portBindings.create': async (things: Things) => ({ binding: { host: await things.get('host name' as never) } }),
  'network.portBindings.update': async () => ({ binding: { profile: { note: 'here' } } }),
  'network.dscpMarkingRules.create': async () => ({ dscp_marking_rule: { dscp_mark: 10 } }),
  'network.dscpMarkingRules.update': async () => ({ dscp_marking_rule: { dscp_mark: 12 } }),
  'network.dscpMarkingAliases.update': async () => ({ dscp_marking_rule: { dscp_mark: 14 } }),
  'network.addressGroups.addAddresses': async () => ({ addresses: ['198.51.100.0/24'] }),
  'network.addressGroups.removeAddresses': async () => ({ addresses: ['192.0.2.0/24'] }),
  'network.subnetPools.addPrefixes': async () => ({ prefixes: ['10.77.0.0/16'] }),
  'network.subnetPools.removePrefixes': async () => ({ prefixes: ['10.2.128.0/17'] }),
  'network.ports.addAddressPairs': async () => ({ port: { allowed_address_pairs: [{ ip_address: '10.1.0.77' }] } }),
  'network.ports.removeAddressPairs': async () => ({ port: { allowed_address_pairs: [{ ip_address: '10.1.0.78' }] } }),
  'network.addressScopes.create': async () => ({ address_scope: { name: 'scope', ip_version: 4 } }),
  'network.rbacPolicies.create': async (things: Things) => ({ rbac_policy: { object_type: 'network', object_id: await things.get('network' as never), action: 'access_as_shared', target_tenant: 'nobody' } }),
};
