import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, refusal } from './network.fixture.ts';

test('ports take addresses by themselves of the subnets that are meant for their like', async (t) => {
  const { alice, admin, lan } = await networkFixture(t);
  const { network, subnet } = await lan();
  const special = ok(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.9.0.0/24', service_types: ['compute:nova', 'network:floatingip'] } }), 201).subnet;
  assert.deepEqual(special.service_types, ['compute:nova', 'network:floatingip']);
  const subnetOf = async (port: object) => ok(await alice('POST', '/ports', { port: { network_id: network.id, ...port } }), 201).port.fixed_ips.map((fixed: { subnet_id: string }) => fixed.subnet_id);

  assert.deepEqual(await subnetOf({}), [subnet.id]);
  assert.deepEqual(await subnetOf({ device_owner: 'compute:nova' }), [special.id]);
  assert.deepEqual(await subnetOf({ fixed_ips: [{ subnet_id: special.id }] }), [special.id], 'who names it gets it');
  ok(await alice('PUT', `/subnets/${subnet.id}`, { subnet: { service_types: ['network:routed'] } }));
  assert.deepEqual(refusal(await alice('POST', '/ports', { port: { network_id: network.id } })), [409, 'IpAddressGenerationFailureNoMatchingSubnet']);
  assert.deepEqual(refusal(await alice('PUT', `/subnets/${subnet.id}`, { subnet: { service_types: ['guests'] } })), [400, 'InvalidSubnetServiceType']);

  const { network: outside } = ok(await admin('POST', '/networks', { network: { 'router:external': true } }), 201);
  const both = [];
  for (const [cidr, type] of [['192.0.2.0/24', 'network:router_gateway'], ['198.51.100.0/24', 'network:floatingip']])
    both.push(ok(await admin('POST', '/subnets', { subnet: { network_id: outside.id, ip_version: 4, cidr, service_types: [type] } }), 201).subnet);
  const { router } = ok(await alice('POST', '/routers', { router: { external_gateway_info: { network_id: outside.id } } }), 201);
  assert.equal(router.external_gateway_info.external_fixed_ips[0].subnet_id, both[0].id);
  assert.match(ok(await alice('POST', '/floatingips', { floatingip: { floating_network_id: outside.id } }), 201).floatingip.floating_ip_address, /^198\.51\.100\./);
  assert.deepEqual(ok(await alice('GET', `/floatingip_pools?network_id=${outside.id}&sort_key=cidr&fields=cidr`)).floatingip_pools, [{ cidr: '192.0.2.0/24' }, { cidr: '198.51.100.0/24' }]);
  assert.deepEqual(ok(await alice('GET', `/floatingip-pools?network_id=${outside.id}&sort_key=cidr&fields=cidr`)).floatingip_pools, [{ cidr: '192.0.2.0/24' }, { cidr: '198.51.100.0/24' }]);
});
