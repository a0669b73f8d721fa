import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortForwardingSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectDirty, projectionScope } from './projection.ts';

/** A floating address of alice's and a port of hers, with a router between them. */
async function behindRouter(fixture: Awaited<ReturnType<typeof networkFixture>>) {
  const { alice, external, lan } = fixture;
  await external();
  const [{ id: publicId }] = ok(await alice('GET', '/networks?name=public')).networks;
  const { network, subnet } = await lan();
  const { router } = ok(await alice('POST', '/routers', { router: { external_gateway_info: { network_id: publicId } } }), 201);
  ok(await alice('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }));
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  const { floatingip } = ok(await alice('POST', '/floatingips', { floatingip: { floating_network_id: publicId } }), 201);
  return { network, subnet, router, port, floatingip, address: port.fixed_ips[0].ip_address as string };
}

test('ports of a floating address lead to a port, and the address says so', async (t) => {
  const fixture = await networkFixture(t);
  const { alice, bob, parts, database, findings } = fixture;
  const { network, router, port, floatingip, address } = await behindRouter(fixture);
  const path = `/floatingips/${floatingip.id}/port_forwardings`;
  const wish = { internal_port_id: port.id, internal_ip_address: address, protocol: 'TCP', internal_port: 22, external_port: 2222 };

  const { port_forwarding: forwarding } = ok(await alice('POST', path, { port_forwarding: { ...wish, description: 'ssh' } }), 201);
  assert.deepEqual(forwarding, {
    id: forwarding.id, protocol: 'tcp', internal_port_id: port.id, internal_ip_address: address, internal_port: 22, internal_port_range: '22:22', external_port: 2222, external_port_range: '2222:2222', description: 'ssh',
  });
  assert.deepEqual(ok(await alice('GET', path)).port_forwardings, [forwarding]);
  assert.deepEqual(ok(await alice('GET', `${path}?external_port=1`)).port_forwardings, []);
  assert.deepEqual(refusal(await bob('GET', path)), [404, 'FloatingIPNotFound']);
  await projectDirty(parts);
  const shown = ok(await alice('GET', `/floatingips/${floatingip.id}`)).floatingip;
  assert.deepEqual([shown.router_id, shown.port_id, shown.status], [router.id, null, 'ACTIVE']);
  assert.deepEqual(shown.port_forwardings, [{ id: forwarding.id, protocol: 'tcp', internal_port_id: port.id, internal_ip_address: address, internal_port: 22, external_port: 2222 }]);

  for (const wish of [{ description: 'front' }, { port_id: null }]) {
    const described = ok(await alice('PUT', `/floatingips/${floatingip.id}`, { floatingip: wish })).floatingip;
    assert.deepEqual([described.description, described.router_id, described.status], ['front', router.id, 'ACTIVE']);
  }

  const changed = ok(await alice('PUT', `${path}/${forwarding.id}`, { port_forwarding: { external_port_range: '3000:3010', internal_port_range: '4000:4010' } })).port_forwarding;
  assert.deepEqual([changed.external_port, changed.external_port_range, changed.internal_port_range], [null, '3000:3010', '4000:4010']);
  const [projected] = await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'port-forwarding', id: forwarding.id }]));
  const { generation: _, ...spec } = projected!.resource as PortForwardingSpec;
  assert.deepEqual(spec, {
    kind: 'port-forwarding', id: forwarding.id, projectId: 'alice-project', routerId: router.id, networkIds: [network.id], protocol: 'tcp', externalAddress: floatingip.floating_ip_address, internalAddress: address,
    externalPorts: { first: 3000, last: 3010 }, internalPorts: { first: 4000, last: 4010 },
  });
  ok(await alice('DELETE', `${path}/${forwarding.id}`), 204);
  const after = ok(await alice('GET', `/floatingips/${floatingip.id}`)).floatingip;
  assert.deepEqual([after.router_id, after.status, after.port_forwardings], [null, 'DOWN', []]);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
});

test('what cannot be forwarded is refused, and what is forwarded is not taken away from under it', async (t) => {
  const fixture = await networkFixture(t);
  const { alice } = fixture;
  const { network, subnet, router, port, floatingip, address } = await behindRouter(fixture);
  const path = `/floatingips/${floatingip.id}/port_forwardings`;
  const wish = { internal_port_id: port.id, internal_ip_address: address, protocol: 'tcp', internal_port: 22, external_port: 2222 };
  ok(await alice('POST', path, { port_forwarding: wish }), 201);

  const refused = async (change: object) => refusal(await alice('POST', path, { port_forwarding: { ...wish, internal_port: 23, external_port: 2223, ...change } }));
  assert.deepEqual(await refused({ external_port: 2222 }), [400, 'BadRequest']);
  assert.deepEqual(await refused({ internal_port: 22 }), [400, 'BadRequest']);
  assert.deepEqual(await refused({ external_port: undefined, external_port_range: '2200:2230' }), [400, 'BadRequest']);
  assert.deepEqual(await refused({ internal_ip_address: '10.0.0.250' }), [400, 'BadRequest']);
  assert.deepEqual(await refused({ external_port: undefined, external_port_range: '9000:9001', internal_port: undefined, internal_port_range: '1:3' }), [400, 'BadRequest']);
  assert.deepEqual(await refused({ external_port: undefined, external_port_range: '9001:9000' }), [400, 'HTTPBadRequest']);
  assert.deepEqual(await refused({ external_port: undefined, external_port_range: '1:65535' }), [400, 'BadRequest']);
  assert.deepEqual(await refused({ external_port: undefined }), [400, 'BadRequest']);
  assert.deepEqual(await refused({ protocol: 'icmp' }), [400, 'HTTPBadRequest']);
  assert.equal((await alice('POST', path, { port_forwarding: { ...wish, protocol: 'udp' } })).status, 201, 'the same ports of another protocol');

  const { port: other } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  assert.deepEqual(refusal(await alice('PUT', `/floatingips/${floatingip.id}`, { floatingip: { port_id: other.id } })), [409, 'FipInUseByPortForwarding']);
  assert.deepEqual(refusal(await alice('DELETE', `/floatingips/${floatingip.id}`)), [409, 'FipInUseByPortForwarding']);
  assert.deepEqual(refusal(await alice('PUT', `/routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id })), [409, 'RouterInterfaceInUseByFloatingIP']);
  assert.deepEqual(refusal(await alice('PUT', `/routers/${router.id}`, { router: { external_gateway_info: {} } })), [409, 'RouterExternalGatewayInUseByFloatingIp']);

  ok(await alice('DELETE', `/ports/${port.id}`), 204);
  assert.deepEqual(ok(await alice('GET', path)).port_forwardings, [], 'they go with the port that they lead to');
  ok(await alice('PUT', `/floatingips/${floatingip.id}`, { floatingip: { port_id: other.id } }));
  assert.deepEqual(refusal(await alice('POST', path, { port_forwarding: { ...wish, internal_port_id: other.id, internal_ip_address: other.fixed_ips[0].ip_address } })), [409, 'PortHasBindingFloatingIP']);
});
