import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouterSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { projectDirty, projectionScope } from './projection.ts';
import { readProjected } from './projection.store.ts';

test('a router answers outside for addresses inside, of one scope with the outside', async (t) => {
  const { admin, alice, bob, database, parts, findings } = await networkFixture(t);
  const { address_scope: scope } = ok(await admin('POST', '/address-scopes', { address_scope: { name: 'six', ip_version: 6, shared: true } }), 201);
  const { subnetpool } = ok(await admin('POST', '/subnetpools', { subnetpool: { name: 'six', address_scope_id: scope.id, prefixes: ['2001:db8::/48'], default_prefixlen: 64, shared: true } }), 201);
  const { network: outside } = ok(await admin('POST', '/networks', { network: { name: 'outside', 'router:external': true } }), 201);
  ok(await admin('POST', '/subnets', { subnet: { network_id: outside.id, ip_version: 6, subnetpool_id: subnetpool.id } }), 201);
  const { network: lan } = ok(await alice('POST', '/networks', { network: {} }), 201);
  const { subnet } = ok(await alice('POST', '/subnets', { subnet: { network_id: lan.id, ip_version: 6, subnetpool_id: subnetpool.id } }), 201);
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: lan.id } }), 201);
  const inner = port.fixed_ips[0].ip_address;

  assert.deepEqual(refusal(await alice('POST', '/routers', { router: { enable_ndp_proxy: true } })), [409, 'RouterGatewayNotValid']);
  const { router } = ok(await alice('POST', '/routers', { router: { external_gateway_info: { network_id: outside.id } } }), 201);
  assert.equal(router.enable_ndp_proxy, false);
  const make = (more: object = {}) => ({ ndp_proxy: { router_id: router.id, port_id: port.id, ...more } });
  assert.deepEqual(refusal(await alice('POST', '/ndp_proxies', make())), [409, 'RouterNDPProxyNotEnable']);
  assert.equal(ok(await alice('PUT', `/routers/${router.id}`, { router: { enable_ndp_proxy: true } })).router.enable_ndp_proxy, true);
  assert.deepEqual(refusal(await alice('POST', '/ndp_proxies', make())), [409, 'PortUnreachableRouter']);
  ok(await alice('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }));
  assert.deepEqual(refusal(await alice('POST', '/ndp_proxies', make({ ip_address: '2001:db8::77' }))), [400, 'InvalidAddress']);
  assert.deepEqual(refusal(await bob('POST', '/ndp_proxies', make())), [404, 'RouterNotFound']);

  const { ndp_proxy: proxy } = ok(await alice('POST', '/ndp_proxies', make({ name: 'web' })), 201);
  assert.deepEqual(proxy, { ...proxy, name: 'web', description: '', project_id: 'alice-project', tenant_id: 'alice-project', router_id: router.id, port_id: port.id, ip_address: inner, revision_number: 0 });
  assert.equal((await alice('POST', '/ndp_proxies', make())).status, 409);
  assert.deepEqual(ok(await alice('GET', `/ndp_proxies?router_id=${router.id}&fields=id`)).ndp_proxies, [{ id: proxy.id }]);
  assert.equal((await bob('GET', `/ndp_proxies/${proxy.id}`)).status, 404);
  assert.equal(ok(await alice('PUT', `/ndp_proxies/${proxy.id}`, { ndp_proxy: { description: 'front' } })).ndp_proxy.description, 'front');

  const proxied = async () => {
    const [projected] = await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'router', id: router.id }]));
    return (projected!.resource as RouterSpec).proxied;
  };
  assert.deepEqual(await proxied(), [inner]);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
  assert.deepEqual(refusal(await alice('PUT', `/routers/${router.id}`, { router: { external_gateway_info: {} } })), [409, 'RouterGatewayInUseByNDPProxy']);
  assert.deepEqual(refusal(await alice('PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id })), [409, 'RouterInterfaceInUseByNDPProxy']);
  ok(await alice('PUT', `/routers/${router.id}`, { router: { enable_ndp_proxy: false } }));
  assert.equal(await proxied(), undefined);

  ok(await alice('DELETE', `/ports/${port.id}`), 204);
  assert.deepEqual(ok(await alice('GET', '/ndp_proxies')).ndp_proxies, []);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
});

test('a router answers for nothing inside that is not of the outside’s scope', async (t) => {
  const { admin, alice } = await networkFixture(t);
  const { network: outside } = ok(await admin('POST', '/networks', { network: { name: 'outside', 'router:external': true } }), 201);
  ok(await admin('POST', '/subnets', { subnet: { network_id: outside.id, ip_version: 6, cidr: '2001:db8::/64' } }), 201);
  assert.deepEqual(refusal(await alice('POST', '/routers', { router: { enable_ndp_proxy: true, external_gateway_info: { network_id: outside.id } } })), [409, 'RouterGatewayNotValid']);
});
