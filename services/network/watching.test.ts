import assert from 'node:assert/strict';
import { test } from 'node:test';
import { network as contract } from '../../contract/network/service.ts';
import { startCloud } from '../../test/cloud.ts';
import { watch, watchable, type Watch } from '../../test/watcher.ts';

test('whoever watches a list of network things or of their tags is told what happens to them', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin } = cloud;
  const { networks, subnets, ports, routers, floatingIps, securityGroups, securityGroupRules, subnetPools, rbacPolicies, addressScopes, addressGroups, trunks, portForwardings } = alice.network;
  const outside = (await admin.network.networks.create({ body: { network: { name: 'outside', 'router:external': true } } })).body.network?.id ?? assert.fail();
  await admin.network.subnets.create({ body: { subnet: { network_id: outside, ip_version: 4, cidr: '192.0.2.0/24' } } });
  /** One of each kind; the second time around they have another name and other addresses. */
  const make = async (name: string, cidr: string) => {
    const network = (await networks.create({ body: { network: { name } } })).body.network?.id ?? assert.fail();
    const group = (await securityGroups.create({ body: { security_group: { name } } })).body.security_group?.id ?? assert.fail();
    const carrier = (await ports.create({ body: { port: { network_id: network } } })).body.port?.id ?? assert.fail();
    return {
      networks: network,
      trunks: (await trunks.create({ body: { trunk: { name, port_id: carrier } } })).body.trunk?.id,
      subnets: (await subnets.create({ body: { subnet: { network_id: network, ip_version: 4, cidr } } })).body.subnet?.id,
      ports: (await ports.create({ body: { port: { network_id: network } } })).body.port?.id,
      routers: (await routers.create({ body: { router: { name } } })).body.router?.id,
      floatingips: (await floatingIps.create({ body: { floatingip: { floating_network_id: outside } } })).body.floatingip?.id,
      'security-groups': group,
      'security-group-rules': (await securityGroupRules.create({ body: { security_group_rule: { security_group_id: group, direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22 } } })).body.security_group_rule?.id,
      'rbac-policies': (await rbacPolicies.create({ body: { rbac_policy: { object_type: 'network', object_id: network, action: 'access_as_shared', target_tenant: 'another' } } })).body.rbac_policy?.id,
      'qos/policies': (await admin.network.qosPolicies.create({ body: { policy: { name, project_id: alice.projectId } } })).body.policy?.id,
      'address-groups': (await addressGroups.create({ body: { address_group: { name } } })).body.address_group?.id,
      'address-scopes': (await addressScopes.create({ body: { address_scope: { name, ip_version: 4 } } })).body.address_scope?.id,
      subnetpools: (await subnetPools.create({ body: { subnetpool: { name, prefixes: [cidr] } } })).body.subnetpool?.id,
    };
  };
  const tagged = await make('tagged', '10.1.0.0/24');
  const paths: Record<string, keyof typeof tagged> = {
    networks: 'networks', subnets: 'subnets', ports: 'ports', routers: 'routers', floatingIps: 'floatingips', securityGroups: 'security-groups', securityGroupRules: 'security-group-rules', subnetPools: 'subnetpools',
    rbacPolicies: 'rbac-policies', addressScopes: 'address-scopes', addressGroups: 'address-groups', qosPolicies: 'qos/policies', trunks: 'trunks',
  };
  const untagged = new Set(['securityGroupRules', 'rbacPolicies', 'addressScopes', 'addressGroups', 'qosPolicies']);
  const watches = new Map<string, Watch>();
  for (const [noun, path] of Object.entries(paths)) {
    watches.set(`network.${noun}.list`, await watch(t, cloud, alice, `/network/v2.0/${path}`));
    if (!untagged.has(noun)) watches.set(`network.${noun.slice(0, -1)}Tags.list`, await watch(t, cloud, alice, `/network/v2.0/${path}/${tagged[path]}/tags`));
  }
  const policy = tagged['qos/policies'] ?? assert.fail();
  for (const [noun, path] of [['policyTags', 'policies'], ['qosPolicyTags', 'qos/policies']] as const) watches.set(`network.${noun}.list`, await watch(t, cloud, alice, `/network/v2.0/${path}/${policy}/tags`));
  const rulesOf = ['bandwidthLimit', 'dscpMarking', 'minimumBandwidth', 'packetRateLimit', 'minimumPacketRate'];
  for (const type of rulesOf) {
    const collection = `${type.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_rules`;
    watches.set(`network.${type}Rules.list`, await watch(t, cloud, alice, `/network/v2.0/qos/policies/${policy}/${collection}`));
  }
  watches.set('network.defaultSecurityGroupRules.list', await watch(t, cloud, alice, '/network/v2.0/default-security-group-rules'));
  watches.set('network.flavors.list', await watch(t, cloud, admin, '/network/v2.0/flavors'));
  watches.set('network.serviceProfiles.list', await watch(t, cloud, admin, '/network/v2.0/service_profiles'));
  watches.set('network.segmentRanges.list', await watch(t, cloud, admin, '/network/v2.0/network_segment_ranges'));
  watches.set('network.ndpProxies.list', await watch(t, cloud, alice, '/network/v2.0/ndp_proxies'));
  const local_ip_id = (await alice.network.localIps.create({ body: { local_ip: { network_id: tagged.networks } } })).body.local_ip?.id ?? assert.fail();
  watches.set('network.localIps.list', await watch(t, cloud, alice, '/network/v2.0/local_ips'));
  watches.set('network.localIpAssociations.list', await watch(t, cloud, alice, `/network/v2.0/local_ips/${local_ip_id}/port_associations`));
  watches.set('network.logs.list', await watch(t, cloud, admin, '/network/v2.0/log/logs'));
  watches.set('network.meteringLabels.list', await watch(t, cloud, admin, '/network/v2.0/metering/metering-labels'));
  watches.set('network.meteringLabelRules.list', await watch(t, cloud, admin, '/network/v2.0/metering/metering-label-rules'));
  const moving = (await ports.create({ body: { port: { network_id: tagged.networks, device_owner: 'compute:elsewhere' } } })).body.port?.id ?? assert.fail();
  watches.set('network.portBindings.list', await watch(t, cloud, admin, `/network/v2.0/ports/${moving}/bindings`));
  watches.set('network.trunks.subports', await watch(t, cloud, alice, `/network/v2.0/trunks/${tagged.trunks}/get_subports`));
  watches.set('network.portForwardings.list', await watch(t, cloud, alice, `/network/v2.0/floatingips/${tagged.floatingips}/port_forwardings`));
  assert.deepEqual([...watches.keys()].toSorted(), watchable(contract).toSorted());

  const { bandwidthLimitRules, dscpMarkingRules, minimumBandwidthRules, packetRateLimitRules, minimumPacketRateRules } = admin.network;
  await bandwidthLimitRules.create({ params: { policy_id: policy }, body: { bandwidth_limit_rule: { max_kbps: 9 } } });
  await dscpMarkingRules.create({ params: { policy_id: policy }, body: { dscp_marking_rule: { dscp_mark: 46 } } });
  await minimumBandwidthRules.create({ params: { policy_id: policy }, body: { minimum_bandwidth_rule: { min_kbps: 3 } } });
  await packetRateLimitRules.create({ params: { policy_id: policy }, body: { packet_rate_limit_rule: { max_kpps: 9 } } });
  await minimumPacketRateRules.create({ params: { policy_id: policy }, body: { minimum_packet_rate_rule: { min_kpps: 3 } } });
  for (const type of rulesOf)
    await watches.get(`network.${type}Rules.list`)!.until(type, ({ data }) => Object.values(data).some((rules) => (rules as unknown[]).length === 1));

  const { default_security_group_rule: first } = (await admin.network.defaultSecurityGroupRules.create({ body: { default_security_group_rule: { direction: 'ingress', protocol: 'tcp', used_in_default_sg: false, used_in_non_default_sg: true } } })).body;
  await watches.get('network.defaultSecurityGroupRules.list')!.until('a rule', ({ data }) => Object.values(data).some((shown) => (shown as { id?: string }).id === first?.id));
  const { flavor } = (await admin.network.flavors.create({ body: { flavor: { name: 'gold', service_type: 'L3_ROUTER_NAT' } } })).body;
  await watches.get('network.flavors.list')!.until('a flavor', ({ data }) => Object.values(data).some((shown) => (shown as { id?: string }).id === flavor?.id));
  const { service_profile: profile } = (await admin.network.serviceProfiles.create({ body: { service_profile: { description: 'gold', driver: 'ovn' } } })).body;
  await watches.get('network.serviceProfiles.list')!.until('a profile', ({ data }) => Object.values(data).some((shown) => (shown as { id?: string }).id === profile?.id));
  const label = (await admin.network.meteringLabels.create({ body: { metering_label: {} } })).body.metering_label?.id ?? assert.fail();
  const counts = (await admin.network.meteringLabelRules.create({ body: { metering_label_rule: { metering_label_id: label, direction: 'egress', source_ip_prefix: '10.0.0.0/8' } } })).body.metering_label_rule?.id ?? assert.fail();
  for (const [list, wanted] of [['meteringLabels', label], ['meteringLabelRules', counts]] as const)
    await watches.get(`network.${list}.list`)!.until(list, ({ data }) => Object.values(data).some((shown) => (shown as { id?: string }).id === wanted));
  const scope = (await admin.network.addressScopes.create({ body: { address_scope: { name: 'six', ip_version: 6, shared: true } } })).body.address_scope?.id ?? assert.fail();
  const pool = (await admin.network.subnetPools.create({ body: { subnetpool: { name: 'six', address_scope_id: scope, prefixes: ['2001:db8::/48'], default_prefixlen: 64, shared: true } } })).body.subnetpool?.id ?? assert.fail();
  const beyond = (await admin.network.networks.create({ body: { network: { name: 'beyond', 'router:external': true } } })).body.network?.id ?? assert.fail();
  const inside = (await networks.create({ body: { network: {} } })).body.network?.id ?? assert.fail();
  await admin.network.subnets.create({ body: { subnet: { network_id: beyond, ip_version: 6, subnetpool_id: pool } } });
  const six = (await subnets.create({ body: { subnet: { network_id: inside, ip_version: 6, subnetpool_id: pool } } })).body.subnet?.id ?? assert.fail();
  const front = (await routers.create({ body: { router: { enable_ndp_proxy: true, external_gateway_info: { network_id: beyond } } } })).body.router?.id ?? assert.fail();
  await routers.addInterface({ params: { router_id: front }, body: { subnet_id: six } });
  const fronted = (await ports.create({ body: { port: { network_id: inside } } })).body.port?.id ?? assert.fail();
  const { ndp_proxy: proxy } = (await alice.network.ndpProxies.create({ body: { ndp_proxy: { router_id: front, port_id: fronted } } })).body;
  await watches.get('network.ndpProxies.list')!.until('a proxy', ({ data }) => Object.values(data).some((shown) => (shown as { id?: string }).id === proxy?.id));
  await alice.network.localIps.update({ params: { local_ip_id }, body: { local_ip: { name: 'near' } } });
  await watches.get('network.localIps.list')!.until('another name', ({ data }) => Object.values(data).some((shown) => (shown as { name?: string }).name === 'near'));
  await alice.network.localIpAssociations.create({ params: { local_ip_id }, body: { port_association: { fixed_port_id: tagged.ports ?? '' } } });
  await watches.get('network.localIpAssociations.list')!.until('a port', ({ data }) => (data as { port_associations: unknown[] }).port_associations.length === 1);
  const { network_segment_range: range } = (await admin.network.segmentRanges.create({ body: { network_segment_range: { network_type: 'vlan', physical_network: 'physnet1', minimum: 1, maximum: 9 } } })).body;
  await watches.get('network.segmentRanges.list')!.until('a range', ({ data }) => Object.values(data).some((shown) => (shown as { id?: string }).id === range.id));
  const { log } = (await admin.network.logs.create({ body: { log: { resource_type: 'security_group' } } })).body;
  await watches.get('network.logs.list')!.until('a log', ({ data }) => Object.values(data).some((shown) => (shown as { id?: string }).id === log?.id));
  const host = (await admin.placement.providers.list()).body.resource_providers[0]?.name ?? assert.fail();
  await admin.network.portBindings.create({ params: { port_id: moving }, body: { binding: { host } } });
  await watches.get('network.portBindings.list')!.until('a second host', ({ data }) => (data as { bindings: unknown[] }).bindings.length === 2);
  await trunks.addSubports({ params: { trunk_id: tagged.trunks ?? '' }, body: { sub_ports: [{ port_id: tagged.ports ?? '', segmentation_type: 'vlan', segmentation_id: 7 }] } });
  await watches.get('network.trunks.subports')!.until('a port on the trunk', ({ data }) => (data as { sub_ports: unknown[] }).sub_ports.length === 1);
  const router_id = tagged.routers ?? '';
  await routers.update({ params: { router_id }, body: { router: { external_gateway_info: { network_id: outside } } } });
  await routers.addInterface({ params: { router_id }, body: { subnet_id: tagged.subnets ?? '' } });
  const [fixed] = (await ports.show({ params: { port_id: tagged.ports ?? '' } })).body.port.fixed_ips ?? [];
  const forwarding = { internal_port_id: tagged.ports ?? '', internal_ip_address: fixed?.ip_address ?? '', protocol: 'tcp', internal_port: 22, external_port: 22 };
  await portForwardings.create({ params: { floatingip_id: tagged.floatingips ?? '' }, body: { port_forwarding: forwarding } });
  await watches.get('network.portForwardings.list')!.until('a forwarding', ({ data }) => (data as { port_forwardings: unknown[] }).port_forwardings.length === 1);

  const made = await make('made', '10.2.0.0/24');
  for (const noun of ['networkTags', 'subnetTags', 'portTags', 'routerTags', 'floatingIpTags', 'securityGroupTags', 'subnetPoolTags', 'trunkTags'] as const) {
    const path = paths[`${noun.slice(0, -4)}s`]!;
    await alice.network[noun].add({ params: { id: tagged[path] ?? assert.fail(), tag: 'blue' } });
    const changed = await watches.get(`network.${noun}.list`)!.until(noun, () => true);
    assert.deepEqual(changed, { event: 'changed', data: { tags: ['blue'] } });
  }
  await admin.network.qosPolicyTags.add({ params: { id: policy, tag: 'blue' } });
  for (const noun of ['policyTags', 'qosPolicyTags'] as const) await watches.get(`network.${noun}.list`)!.until(noun, ({ data }) => (data as { tags: string[] }).tags[0] === 'blue');

  for (const [noun, path] of Object.entries(paths)) await watches.get(`network.${noun}.list`)!.until(noun, ({ data }) => Object.values(data).some((shown) => (shown as { id?: string }).id === made[path]));
});

test('the watch of the tags of what is deleted says so and ends', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  const id = (await alice.network.networks.create({ body: { network: { name: 'short-lived' } } })).body.network?.id ?? assert.fail();
  const watching = await watch(t, cloud, alice, `/network/v2.0/networks/${id}/tags`);

  await alice.network.networks.delete({ params: { network_id: id } });

  assert.deepEqual(await watching.until('the end', () => true), { event: 'deleted', data: { id } });
  await assert.rejects(watching.until('anything more', () => true), /before the list ended/);
});

test("another project's tags cannot be watched", async (t) => {
  const cloud = await startCloud(t);
  const id = (await cloud.alice.network.networks.create({ body: { network: { name: 'mine' } } })).body.network?.id ?? assert.fail();

  await assert.rejects(watch(t, cloud, cloud.bob, `/network/v2.0/networks/${id}/tags`), { actual: 404 });
});

test('who resumes the watch of a whole list is told what it has become meanwhile, and nothing when nothing has happened', async (t) => {
  const cloud = await startCloud(t);
  const { networks, networkTags } = cloud.alice.network;
  const id = (await networks.create({ body: { network: { name: 'mine' } } })).body.network?.id ?? assert.fail();
  const path = `/network/v2.0/networks/${id}/tags`;
  const before = await watch(t, cloud, cloud.alice, path);
  await networkTags.replace({ params: { id }, body: { tags: ['one'] } });
  await before.until('the first tag', ({ event }) => event === 'changed');
  const resume = { 'last-event-id': before.lastEventId() };
  await networkTags.replace({ params: { id }, body: { tags: ['one', 'two'] } });
  await before.until('the second tag', ({ event }) => event === 'changed');

  const [missed, upToDate] = await Promise.all([watch(t, cloud, cloud.alice, path, resume), watch(t, cloud, cloud.alice, path, { 'last-event-id': before.lastEventId() })]);
  assert.deepEqual(await missed.until('what was missed', () => true), { event: 'changed', data: { tags: ['one', 'two'] } });
  await networkTags.replace({ params: { id }, body: { tags: ['three'] } });

  assert.deepEqual(await upToDate.until('what comes next', () => true), { event: 'changed', data: { tags: ['three'] } });
});
