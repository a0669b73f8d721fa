import assert from 'node:assert/strict';
import { test } from 'node:test';
import { network as contract } from '../../contract/network/service.ts';
import { startCloud } from '../../test/cloud.ts';
import { watch, watchable, type Watch } from '../../test/watcher.ts';

test('whoever watches a list of network things or of their tags is told what happens to them', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin } = cloud;
  const { networks, subnets, ports, routers, floatingIps, securityGroups, securityGroupRules, subnetPools, rbacPolicies, addressScopes, addressGroups } = alice.network;
  const outside = (await admin.network.networks.create({ body: { network: { name: 'outside', 'router:external': true } } })).body.network?.id ?? assert.fail();
  await admin.network.subnets.create({ body: { subnet: { network_id: outside, ip_version: 4, cidr: '192.0.2.0/24' } } });
  /** One of each kind; the second time around they have another name and other addresses. */
  const make = async (name: string, cidr: string) => {
    const network = (await networks.create({ body: { network: { name } } })).body.network?.id ?? assert.fail();
    const group = (await securityGroups.create({ body: { security_group: { name } } })).body.security_group?.id ?? assert.fail();
    return {
      networks: network,
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
    rbacPolicies: 'rbac-policies', addressScopes: 'address-scopes', addressGroups: 'address-groups', qosPolicies: 'qos/policies',
  };
  const untagged = new Set(['securityGroupRules', 'rbacPolicies', 'addressScopes', 'addressGroups', 'qosPolicies']);
  const watches = new Map<string, Watch>();
  for (const [noun, path] of Object.entries(paths)) {
    watches.set(`network.${noun}.list`, await watch(t, cloud, alice, `/network/v2.0/${path}`));
    if (!untagged.has(noun)) watches.set(`network.${noun.slice(0, -1)}Tags.list`, await watch(t, cloud, alice, `/network/v2.0/${path}/${tagged[path]}/tags`));
  }
  const policy = tagged['qos/policies'] ?? assert.fail();
  for (const type of ['bandwidthLimit', 'dscpMarking', 'minimumBandwidth']) {
    const collection = `${type.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`)}_rules`;
    watches.set(`network.${type}Rules.list`, await watch(t, cloud, alice, `/network/v2.0/qos/policies/${policy}/${collection}`));
  }
  assert.deepEqual([...watches.keys()].toSorted(), watchable(contract).toSorted());

  const { bandwidthLimitRules, dscpMarkingRules, minimumBandwidthRules } = admin.network;
  await bandwidthLimitRules.create({ params: { policy_id: policy }, body: { bandwidth_limit_rule: { max_kbps: 9 } } });
  await dscpMarkingRules.create({ params: { policy_id: policy }, body: { dscp_marking_rule: { dscp_mark: 46 } } });
  await minimumBandwidthRules.create({ params: { policy_id: policy }, body: { minimum_bandwidth_rule: { min_kbps: 3 } } });
  for (const type of ['bandwidthLimit', 'dscpMarking', 'minimumBandwidth'])
    await watches.get(`network.${type}Rules.list`)!.until(type, ({ data }) => Object.values(data).some((rules) => (rules as unknown[]).length === 1));

  const made = await make('made', '10.2.0.0/24');
  for (const noun of ['networkTags', 'subnetTags', 'portTags', 'routerTags', 'floatingIpTags', 'securityGroupTags', 'subnetPoolTags'] as const) {
    const path = paths[`${noun.slice(0, -4)}s`]!;
    await alice.network[noun].add({ params: { id: tagged[path] ?? assert.fail(), tag: 'blue' } });
    const changed = await watches.get(`network.${noun}.list`)!.until(noun, () => true);
    assert.deepEqual(changed, { event: 'changed', data: { tags: ['blue'] } });
  }

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
