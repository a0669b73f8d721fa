import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused } from '../../contract/client.ts';
import { startCloud } from '../../test/cloud.ts';
import { tellGuests } from './network-news.ts';

test('security groups are as Nova showed them: what they let in, with names of groups', async (t) => {
  const { alice, bob } = await startCloud(t);
  const { security_group: group } = (await alice.compute.securityGroupProxies.create({ body: { security_group: { name: 'web', description: ' d ' } } })).body;
  const add = (rule: object) => alice.compute.securityGroupRuleProxies.create({ body: { security_group_rule: { parent_group_id: group.id, ...rule } } });

  const { security_group_rule: http } = (await add({ ip_protocol: 'tcp', from_port: 80, to_port: '81' })).body;
  const { security_group_rule: members } = (await add({ ip_protocol: 'udp', group_id: group.id })).body;
  const { security_group_rule: echo } = (await add({ ip_protocol: 'ICMP', from_port: -1, to_port: -1, cidr: '10.0.0.0/8' })).body;

  assert.deepEqual(http, { id: http.id, parent_group_id: group.id, ip_protocol: 'tcp', from_port: 80, to_port: 81, group: {}, ip_range: { cidr: '0.0.0.0/0' } });
  assert.deepEqual(members, { ...http, id: members.id, ip_protocol: 'udp', from_port: 1, to_port: 65535, group: { name: 'web', tenant_id: alice.projectId }, ip_range: {} });
  assert.deepEqual(echo, { ...http, id: echo.id, ip_protocol: 'icmp', from_port: -1, to_port: -1, ip_range: { cidr: '10.0.0.0/8' } });
  const { security_groups: listed } = (await alice.compute.securityGroupProxies.list()).body;
  assert.deepEqual(listed.map(({ name, rules }) => [name, rules.length]), [['default', 2], ['web', 3]]);
  for (const [rule, reason] of [
    [{ ip_protocol: 'tcp', from_port: 80, to_port: 81 }, /already exists/],
    [{ ip_protocol: 'tcp', from_port: 9, to_port: 8 }, /Former value cannot be greater/],
    [{ ip_protocol: 'tcp', from_port: 0, to_port: 70000 }, /between 1-65535/],
    [{ ip_protocol: 'gre', from_port: 1, to_port: 1 }, /Invalid IP protocol gre/],
    [{ ip_protocol: 'tcp', from_port: 1, to_port: 2, cidr: '10.0.0.0/64' }, /not a valid IP network/],
    [{ cidr: '10.0.0.0/8' }, /Not enough parameters/],
    [{ parent_group_id: 'web', ip_protocol: 'tcp', from_port: 1, to_port: 2 }, /should be uuid/],
  ] as const)
    await assert.rejects(add(rule), refusal(400, reason));
  await assert.rejects(bob.compute.securityGroupProxies.show({ params: { group_id: group.id } }), refusal(404));
  await assert.rejects(alice.compute.securityGroupProxies.delete({ params: { group_id: listed[0]!.id } }), refusal(400));
  await alice.compute.securityGroupRuleProxies.delete({ params: { rule_id: http.id } });
  await alice.compute.securityGroupProxies.delete({ params: { group_id: group.id } });
});

test('images are as Nova showed them, and their metadata can be changed', async (t) => {
  const { alice, bob, admin, imageId } = await startCloud(t);
  const { image } = (await alice.compute.imageProxies.show({ params: { image_id: imageId } })).body;
  assert.deepEqual([image.status, image.progress], ['ACTIVE', 100]);
  const { id } = (await alice.image.images.create({ body: { name: 'mine', container_format: 'bare', disk_format: 'raw', ...{ instance_uuid: '11111111-2222-4333-8444-555555555555' } } })).body;
  const params = { image_id: String(id) };

  await alice.compute.imageMetadataProxies.merge({ params, body: { metadata: { colour: 'blue' } } });
  await alice.compute.imageMetadataProxies.set({ params: { ...params, key: 'cloth' }, body: { meta: { cloth: 'linen' } } });
  await alice.compute.imageMetadataProxies.delete({ params: { ...params, key: 'colour' } });

  const shown = (await alice.compute.imageProxies.show({ params })).body.image;
  assert.deepEqual(shown.metadata, { instance_uuid: '11111111-2222-4333-8444-555555555555', cloth: 'linen' });
  assert.deepEqual([shown.status, shown.server?.id], ['SAVING', '11111111-2222-4333-8444-555555555555']);
  const named = async (query: Record<string, string>) => (await alice.compute.imageProxies.detail({ query })).body.images.map(({ name }) => name);
  assert.deepEqual(await named({ server: 'http://cloud/servers/11111111-2222-4333-8444-555555555555' }), ['mine']);
  assert.deepEqual(await named({ status: 'SAVING' }), ['mine']);
  assert.deepEqual(await named({ name: 'other' }), []);
  assert.deepEqual((await alice.compute.imageMetadataProxies.replace({ params, body: { metadata: { only: 'this' } } })).body.metadata, { only: 'this' });
  await assert.rejects(bob.compute.imageProxies.show({ params }), refusal(404, /could not be found/));
  await assert.rejects(bob.compute.imageProxies.delete({ params: { image_id: imageId } }), refusal(403, /not allowed to delete/));
  await admin.compute.imageProxies.delete({ params });
  await assert.rejects(alice.compute.imageProxies.show({ params }), refusal(404));
});

test('floating IPs are as Nova showed them, from the pools that there are', async (t) => {
  const { alice, admin } = await startCloud(t);
  const { network } = (await admin.network.networks.create({ body: { network: { name: 'outside', 'router:external': true } } })).body;
  await admin.network.subnets.create({ body: { subnet: { network_id: network!.id!, ip_version: 4, cidr: '192.0.2.0/24' } } });
  const pools = (await alice.compute.floatingIpPools.list()).body.floating_ip_pools;

  const { floating_ip: made } = (await alice.compute.floatingIpProxies.create({ body: { pool: 'outside' } })).body;

  assert.ok(pools.some(({ name }) => name === 'outside'));
  assert.deepEqual(made, { id: made.id, ip: made.ip, pool: 'outside', fixed_ip: null, instance_id: null });
  assert.match(made.ip, /^192\.0\.2\./);
  assert.deepEqual((await alice.compute.floatingIpProxies.list()).body.floating_ips, [made]);
  await assert.rejects(alice.compute.floatingIpProxies.create({ body: { pool: 'nowhere' } }), refusal(404, /pool not found/));
  await alice.compute.floatingIpProxies.delete({ params: { floating_ip_id: made.id } });
  await assert.rejects(alice.compute.floatingIpProxies.show({ params: { floating_ip_id: made.id } }), refusal(404));
});

test('a floating IP is led to a server and away from it, and the guest hears of it', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin, bob, driver, imageId } = cloud;
  const outside = (await admin.network.networks.create({ body: { network: { name: 'outside', 'router:external': true } } })).body.network;
  await admin.network.subnets.create({ body: { subnet: { network_id: outside!.id!, ip_version: 4, cidr: '192.0.2.0/24' } } });
  const { network } = (await alice.network.networks.create({ body: { network: { name: 'private' } } })).body;
  const { subnet } = (await alice.network.subnets.create({ body: { subnet: { network_id: network!.id!, ip_version: 4, cidr: '10.1.0.0/24' } } })).body;
  const { router } = (await alice.network.routers.create({ body: { router: { external_gateway_info: { network_id: outside!.id! } } } })).body;
  await alice.network.routers.addInterface({ params: { router_id: router!.id! }, body: { subnet_id: subnet!.id! } });
  const made = (await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId, networks: [{ uuid: network!.id! }] } } })).body;
  const params = { server_id: 'server' in made ? made.server.id : assert.fail() };
  await cloud.settle();
  const { floating_ip: floatingIp } = (await alice.compute.floatingIpProxies.create({ body: { pool: 'outside' } })).body;
  const generation = async () => (await driver.servers.list()).find(({ id }) => id === params.server_id)?.generation ?? 0;
  const shown = async () => (await alice.compute.floatingIpProxies.show({ params: { floating_ip_id: floatingIp.id } })).body.floating_ip;
  const before = await generation();

  await alice.compute.serverActions.addFloatingIp({ params, body: { addFloatingIp: { address: floatingIp.ip } } });
  await cloud.settle();

  const { fixed_ip: fixed, instance_id: instance } = await shown();
  assert.match(fixed ?? '', /^10\.1\.0\./);
  assert.equal(instance, params.server_id);
  const led = await generation();
  assert.ok(led > before);
  await assert.rejects(alice.compute.serverActions.addFloatingIp({ params, body: { addFloatingIp: { address: floatingIp.ip, fixed_address: '10.9.0.250' } } }), refusal(400, /not assigned to instance/));
  await assert.rejects(alice.compute.serverActions.addFloatingIp({ params, body: { addFloatingIp: { address: '198.51.100.250' } } }), refusal(404, /floating IP not found/));
  await assert.rejects(bob.compute.serverActions.removeFloatingIp({ params, body: { removeFloatingIp: { address: floatingIp.ip } } }), refusal(404));
  await alice.compute.serverActions.removeFloatingIp({ params, body: { removeFloatingIp: { address: floatingIp.ip } } });
  await cloud.settle();
  assert.deepEqual([(await shown()).fixed_ip, (await shown()).instance_id], [null, null]);
  assert.ok((await generation()) > led);

  // Through the network's own API as well.
  const { ports } = (await alice.network.ports.list({ query: { device_id: [params.server_id] } })).body;
  const floatingip_id = (await alice.network.floatingIps.list()).body.floatingips[0]!.id!;
  for (const change of [
    () => alice.network.floatingIps.update({ params: { floatingip_id }, body: { floatingip: { port_id: ports[0]!.id! } } }),
    () => alice.network.floatingIps.update({ params: { floatingip_id }, body: { floatingip: { port_id: null } } }),
    () => alice.network.ports.update({ params: { port_id: ports[0]!.id! }, body: { port: { security_groups: [] } } }),
  ]) {
    await cloud.settle();
    const old = await generation();
    await change();
    await tellGuests(cloud.cloud.region);
    await cloud.settle();
    assert.ok((await generation()) > old);
  }
  await assert.rejects(alice.compute.serverActions.removeFloatingIp({ params, body: { removeFloatingIp: { address: floatingIp.ip } } }), refusal(409, /is not associated with instance/));
});

function refusal(status: number, message?: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof Refused, String(error));
    assert.equal(error.status, status, error.message);
    if (message) assert.match(Object.values(error.body as Record<string, { message: string }>)[0]!.message, message);
    return true;
  };
}
