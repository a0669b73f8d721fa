import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouterSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectDirty, projectionScope } from './projection.ts';

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
  assert.equal(ok(await alice('PUT', `/floatingips/${floatingip.id}`, { floatingip: {} })).floatingip.port_id, null);
  ok(await move(port.id));

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

test('an interface of a router may get another address of its subnet, and no other change', async (t) => {
  const { alice, lan, findings } = await networkFixture(t);
  const { subnet } = await lan();
  const { router } = ok(await alice('POST', '/routers', { router: { name: 'r' } }), 201);
  const { port_id: id } = ok(await alice('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }));

  const { port: same } = ok(await alice('PUT', `/ports/${id}`, { port: { fixed_ips: [{ subnet_id: subnet.id }] } }));
  assert.deepEqual(same.fixed_ips.map((each: { subnet_id: string }) => each.subnet_id), [subnet.id]);
  const { port: other } = ok(await alice('PUT', `/ports/${id}`, { port: { fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.0.0.200' }] } }));
  assert.deepEqual(other.fixed_ips, [{ subnet_id: subnet.id, ip_address: '10.0.0.200' }]);
  assert.equal((await alice('PUT', `/ports/${id}`, { port: { device_id: 'mine' } })).status, 400);
  assert.deepEqual(await findings(), []);
});

test('floating addresses that lead nowhere go with their network', async (t) => {
  const { admin, findings } = await networkFixture(t);
  const { network } = ok(await admin('POST', '/networks', { network: { name: 'outside', 'router:external': true } }), 201);
  ok(await admin('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '203.0.113.0/24' } }), 201);
  const { floatingip } = ok(await admin('POST', '/floatingips', { floatingip: { floating_network_id: network.id } }), 201);
  ok(await admin('DELETE', `/networks/${network.id}`), 204);
  assert.equal((await admin('GET', `/floatingips/${floatingip.id}`)).status, 404);
  assert.deepEqual(await findings(), []);
});

test('whether a router translates addresses is shown and filtered by, also of one without a way out', async (t) => {
  const { alice, admin, external } = await networkFixture(t);
  const { networkId } = await external();
  const { router: plain } = ok(await alice('POST', '/routers', { router: { name: 'plain' } }), 201);
  const { router: routed } = ok(await admin('POST', '/routers', { router: { name: 'routed', external_gateway_info: { network_id: networkId, enable_snat: false } } }), 201);

  const ids = async (query: string): Promise<string[]> => ok(await admin('GET', `/routers?${query}`)).routers.map(({ id }: { id: string }) => id);

  assert.deepEqual([plain.enable_snat, routed.enable_snat, routed.external_gateway_info.enable_snat], [true, false, false]);
  assert.deepEqual([await ids('enable_snat=True'), await ids('enable_snat=false'), await ids('sort_key=enable_snat&sort_dir=asc')], [[plain.id], [routed.id], [routed.id, plain.id]]);
});

test('a router gets several ways out, of which the first is its own', async (t) => {
  const { alice, admin, lan, external, findings, parts, database } = await networkFixture(t);
  const { networkId: first } = await external();
  const outside = async (cidr: string) => {
    const { network } = ok(await admin('POST', '/networks', { network: { 'router:external': true } }), 201);
    ok(await admin('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr } }), 201);
    return network.id as string;
  };
  const [second, overlapping] = [await outside('192.0.2.0/24'), await outside('192.0.2.128/25')];
  const { subnet } = await lan();
  const { router } = ok(await alice('POST', '/routers', { router: {} }), 201);
  assert.deepEqual([router.external_gateways, router.enable_default_route_ecmp, router.enable_default_route_bfd], [[], false, false]);
  ok(await alice('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }));
  const say = (verb: string, external_gateways: object[], ask = alice) => ask('PUT', `/routers/${router.id}/${verb}_external_gateways`, { router: { external_gateways } });
  const networksOf = (shown: { external_gateways: { network_id: string }[] }) => shown.external_gateways.map(({ network_id }) => network_id);

  const added = ok(await say('add', [{ network_id: first }, { network_id: second }, { network_id: first }])).router;
  assert.deepEqual(networksOf(added), [first, second, first]);
  assert.deepEqual(added.external_gateway_info, { enable_snat: true, ...added.external_gateways[0] });
  assert.ok(added.revision_number > router.revision_number);
  const read = async () => ((await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'router', id: router.id }])))[0]!.resource as RouterSpec);
  const spec = await read();
  assert.deepEqual([spec.gateway?.nextHops, spec.otherGateways?.map(({ nextHops }) => nextHops), spec.ecmp, spec.bfd], [['198.51.100.1'], [['192.0.2.1'], ['198.51.100.1']], undefined, undefined]);
  await projectDirty(parts);
  assert.equal(ok(await admin('GET', `/ports?device_id=${router.id}&device_owner=network:router_gateway`)).ports.length, 3);

  assert.deepEqual(refusal(await say('add', [{ network_id: overlapping }])), [400, 'BadRequest']);
  assert.deepEqual(refusal(await say('add', [{ network_id: second, enable_snat: false }])), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(refusal(await say('add', [{ network_id: second, enable_snat: false }], admin)), [400, 'BadRequest']);
  assert.deepEqual(refusal(await say('add', [{ network_id: second, external_fixed_ips: [{ ip_address: '192.0.2.77' }] }])), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(refusal(await say('remove', [{ network_id: first }])), [400, 'UnableToMatchGateways']);
  assert.deepEqual(refusal(await alice('PUT', `/routers/${router.id}`, { router: { enable_default_route_ecmp: true } })), [403, 'PolicyNotAuthorized']);
  const ecmp = ok(await admin('PUT', `/routers/${router.id}`, { router: { enable_default_route_ecmp: true, enable_default_route_bfd: true } })).router;
  assert.deepEqual([ecmp.enable_default_route_ecmp, ecmp.enable_default_route_bfd, (await read()).ecmp, (await read()).bfd], [true, true, true, true]);
  assert.deepEqual(networksOf(ecmp), [first, second, first], 'what is not about them leaves them');

  // Of two on one network one may go while floating addresses need the network, and not the other.
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: subnet.network_id } }), 201);
  const { floatingip } = ok(await alice('POST', '/floatingips', { floatingip: { floating_network_id: first, port_id: port.id } }), 201);
  const less = ok(await say('remove', [added.external_gateways[0]])).router;
  assert.deepEqual(less.external_gateways, [added.external_gateways[1], added.external_gateways[2]], 'another has come in its place');
  assert.deepEqual(refusal(await say('remove', [{ network_id: first }])), [409, 'RouterExternalGatewayInUseByFloatingIp']);
  assert.deepEqual(refusal(await say('update', [])), [409, 'RouterExternalGatewayInUseByFloatingIp']);

  const turned = ok(await say('update', [{ network_id: first }])).router;
  assert.deepEqual(turned.external_gateways, [added.external_gateways[2]], 'the one that is meant is kept, and the others go');
  ok(await alice('DELETE', `/floatingips/${floatingip.id}`), 204);
  assert.deepEqual(ok(await say('update', [{ network_id: second, external_fixed_ips: [{ ip_address: '192.0.2.77' }] }, { network_id: first }], admin)).router.external_gateways.map((each: { external_fixed_ips: { ip_address: string }[] }) => each.external_fixed_ips[0]!.ip_address).slice(0, 1), ['192.0.2.77']);
  assert.deepEqual(networksOf(ok(await alice('PUT', `/routers/${router.id}`, { router: { external_gateway_info: null } })).router), [first]);
  assert.deepEqual(refusal(await say('remove', [{ network_id: second }])), [400, 'UnableToMatchGateways']);
  assert.deepEqual(ok(await say('update', [])).router.external_gateways, []);
  assert.deepEqual(refusal(await say('remove', [{ network_id: first }])), [400, 'UnableToRemoveGateways']);
  ok(await say('add', [{ network_id: first }, { network_id: second }]));
  ok(await alice('PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id }));
  ok(await alice('DELETE', `/routers/${router.id}`), 204);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
});
