import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, refusal } from './network.fixture.ts';

test('a router joins a network to the outside, and its own ports are seen by administrators only', async (t) => {
  const { alice, admin, lan, external, findings } = await networkFixture(t);
  const { networkId } = await external();
  const { network, subnet } = await lan();

  const { router } = ok(await alice('POST', '/routers', { router: { name: 'r', external_gateway_info: { network_id: networkId } } }), 201);
  assert.equal(router.external_gateway_info.enable_snat, true);
  assert.match(router.external_gateway_info.external_fixed_ips[0].ip_address, /^198\.51\.100\./);
  const plugged = ok(await alice('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }));
  assert.deepEqual(plugged, { id: router.id, project_id: 'alice-project', tenant_id: 'alice-project', port_id: plugged.port_id, network_id: network.id, subnet_id: subnet.id, subnet_ids: [subnet.id] });

  const { port } = ok(await alice('GET', `/ports/${plugged.port_id}`));
  assert.deepEqual([port.device_owner, port.device_id, port.fixed_ips], ['network:router_interface', router.id, [{ subnet_id: subnet.id, ip_address: '10.0.0.1' }]]);
  assert.equal(ok(await alice('GET', `/ports?device_owner=network:router_gateway`)).ports.length, 0);
  const [gateway] = ok(await admin('GET', `/ports?device_owner=network:router_gateway`)).ports;
  assert.deepEqual([gateway.project_id, gateway.device_id], ['', router.id]);
  assert.deepEqual(refusal(await admin('DELETE', `/ports/${gateway.id}`)), [409, 'ServicePortInUse']);
  assert.deepEqual(refusal(await alice('DELETE', `/ports/${port.id}`)), [409, 'ServicePortInUse']);
  assert.equal((await alice('PUT', `/ports/${port.id}`, { port: { fixed_ips: [] } })).status, 400);
  assert.deepEqual(refusal(await alice('DELETE', `/routers/${router.id}`)), [409, 'RouterInUse']);
  assert.deepEqual(refusal(await alice('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })), [400, 'BadRequest']);

  ok(await alice('PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id }));
  ok(await alice('DELETE', `/routers/${router.id}`), 204);
  ok(await alice('DELETE', `/networks/${network.id}`), 204);
  assert.deepEqual(await findings(), []);
});

test("nobody plugs another project's subnet, port or network into a router", async (t) => {
  const { alice, bob, admin, lan } = await networkFixture(t);
  const mine = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: mine.network.id } }), 201);
  const { router } = ok(await bob('POST', '/routers', { router: {} }), 201);
  const plug = (body: object) => bob('PUT', `/routers/${router.id}/add_router_interface`, body);

  assert.deepEqual(refusal(await plug({ subnet_id: mine.subnet.id })), [404, 'SubnetNotFound']);
  assert.deepEqual(refusal(await plug({ port_id: port.id })), [404, 'PortNotFound']);
  ok(await admin('PUT', `/networks/${mine.network.id}`, { network: { shared: true } }));
  assert.deepEqual(refusal(await plug({ subnet_id: mine.subnet.id })), [404, 'SubnetNotFound']);
  assert.deepEqual(refusal(await plug({ port_id: port.id })), [404, 'PortNotFound']);
  assert.deepEqual(refusal(await alice('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: mine.subnet.id })), [404, 'RouterNotFound']);
  assert.deepEqual(refusal(await bob('PUT', `/routers/${router.id}`, { router: { external_gateway_info: { network_id: mine.network.id } } })), [400, 'BadRequest']);
  assert.deepEqual(refusal(await plug({})), [400, 'BadRequest']);
});

test('overlapping networks, unreachable hops and snat by members are refused', async (t) => {
  const { alice, lan, external } = await networkFixture(t);
  const { networkId } = await external();
  const [one, two] = [await lan(), await lan()];
  const { router } = ok(await alice('POST', '/routers', { router: {} }), 201);
  ok(await alice('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: one.subnet.id }));

  assert.deepEqual(refusal(await alice('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: two.subnet.id })), [400, 'BadRequest']);
  const routes = (...nexthops: string[]) => alice('PUT', `/routers/${router.id}`, { router: { routes: nexthops.map((nexthop) => ({ destination: '10.9.0.0/16', nexthop })) } });
  assert.deepEqual(refusal(await routes('10.3.0.1')), [400, 'InvalidRoutes']);
  assert.deepEqual(refusal(await routes('10.0.0.1')), [400, 'InvalidRoutes']);
  assert.deepEqual(ok(await routes('10.0.0.9')).router.routes, [{ destination: '10.9.0.0/16', nexthop: '10.0.0.9' }]);
  assert.deepEqual(refusal(await alice('PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: one.subnet.id })), [409, 'RouterInterfaceInUseByRoute']);
  ok(await alice('PUT', `/routers/${router.id}/add_extraroutes`, { router: { routes: [{ destination: '10.8.0.0/16', nexthop: '10.0.0.9' }] } }));
  const { router: less } = ok(await alice('PUT', `/routers/${router.id}/remove_extraroutes`, { router: { routes: [{ destination: '10.9.0.0/16', nexthop: '10.0.0.9' }] } }));
  assert.deepEqual(less.routes, [{ destination: '10.8.0.0/16', nexthop: '10.0.0.9' }]);
  assert.equal((await alice('PUT', `/routers/${router.id}`, { router: { external_gateway_info: { network_id: networkId, enable_snat: false } } })).status, 403);
});

test('a floating address is taken, moved to a port, found by it and given back', async (t) => {
  const { alice, bob, admin, lan, external, findings } = await networkFixture(t);
  const { networkId } = await external({ start: '198.51.100.10', end: '198.51.100.12' });
  const { network, subnet } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id, fixed_ips: [{ ip_address: '10.0.0.5' }] } }), 201);
  const { floatingip } = ok(await alice('POST', '/floatingips', { floatingip: { floating_network_id: networkId } }), 201);
  const move = (port_id: string | null) => alice('PUT', `/floatingips/${floatingip.id}`, { floatingip: { port_id } });
  assert.deepEqual([floatingip.status, floatingip.port_id, floatingip.router_id, floatingip.port_details], ['DOWN', null, null, null]);

  assert.deepEqual(refusal(await move(port.id)), [404, 'ExternalGatewayForFloatingIPNotFound']);
  const { router } = ok(await alice('POST', '/routers', { router: { external_gateway_info: { network_id: networkId } } }), 201);
  ok(await alice('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }));
  const { floatingip: moved } = ok(await move(port.id));
  assert.deepEqual([moved.fixed_ip_address, moved.router_id, moved.port_details.mac_address], ['10.0.0.5', router.id, port.mac_address]);
  assert.equal(ok(await alice('GET', `/floatingips?port_id=${port.id}`)).floatingips.length, 1);
  assert.equal(ok(await alice('PUT', `/floatingips/${floatingip.id}`, { floatingip: { description: 'web' } })).floatingip.port_id, port.id);

  const { floatingip: second } = ok(await alice('POST', '/floatingips', { floatingip: { floating_network_id: networkId } }), 201);
  assert.deepEqual(refusal(await alice('PUT', `/floatingips/${second.id}`, { floatingip: { port_id: port.id } })), [409, 'FloatingIPPortAlreadyAssociated']);
  assert.deepEqual(refusal(await bob('POST', '/floatingips', { floatingip: { floating_network_id: networkId } })), [409, 'IpAddressGenerationFailure']);
  assert.deepEqual(refusal(await bob('GET', `/floatingips/${floatingip.id}`)), [404, 'FloatingIPNotFound']);
  assert.deepEqual(refusal(await alice('PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id })), [409, 'RouterInterfaceInUseByFloatingIP']);
  assert.deepEqual(refusal(await alice('PUT', `/routers/${router.id}`, { router: { external_gateway_info: {} } })), [409, 'RouterExternalGatewayInUseByFloatingIp']);
  const [own] = ok(await admin('GET', '/ports?device_owner=network:floatingip')).ports.filter((each: { device_id: string }) => each.device_id === floatingip.id);
  assert.equal(own.project_id, '');

  ok(await alice('DELETE', `/ports/${port.id}`), 204);
  const { floatingip: free } = ok(await alice('GET', `/floatingips/${floatingip.id}`));
  assert.deepEqual([free.port_id, free.fixed_ip_address, free.router_id, free.status], [null, null, null, 'DOWN']);
  for (const id of [floatingip.id, second.id]) ok(await alice('DELETE', `/floatingips/${id}`), 204);
  assert.equal(ok(await admin('GET', '/ports?device_owner=network:floatingip')).ports.length, 0);
  assert.deepEqual(await findings(), []);
});

test('a project cannot take an address of the external network but by a router or as a floating address', async (t) => {
  const { alice, external } = await networkFixture(t);
  const { networkId } = await external();

  assert.deepEqual(refusal(await alice('POST', '/ports', { port: { network_id: networkId } })), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(refusal(await alice('POST', '/floatingips', { floatingip: { floating_network_id: networkId, floating_ip_address: '198.51.100.7' } })), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(await external(), { networkId });
});
