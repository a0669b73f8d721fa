import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectionScope } from './projection.ts';

test('a network in a VLAN of a physical network is there alone, and the engine is told of it', async (t) => {
  const { admin, alice, database } = await networkFixture(t);
  const make = (segmentation_id: number | string | null, type = 'vlan', more: object = {}) =>
    admin('POST', '/networks', { network: { 'provider:network_type': type, 'provider:physical_network': 'physnet1', 'provider:segmentation_id': segmentation_id, ...more } });

  const { network } = ok(await make('101'), 201);
  assert.deepEqual([network['provider:network_type'], network['provider:physical_network'], network['provider:segmentation_id'], network.mtu], ['vlan', 'physnet1', 101, 1500]);
  const [projected] = await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'network', id: network.id }]));
  const { physicalNetwork, vlan } = projected!.resource as NetworkSpec;
  assert.deepEqual([physicalNetwork, vlan], ['physnet1', 101]);
  assert.deepEqual(refusal(await make(101)), [409, 'VlanIdInUse']);
  assert.equal((await make(102)).status, 201);
  assert.equal((await make(null, 'flat')).status, 201, 'untagged beside the VLANs');
  assert.deepEqual(refusal(await make(null, 'flat')), [409, 'FlatNetworkInUse']);
  for (const [id, type] of [[4095, 'vlan'], [0, 'vlan'], [7, 'flat'], [7, 'geneve']] as const) assert.deepEqual(refusal(await make(id, type)), [400, 'InvalidInput'], `${type} ${id}`);
  assert.deepEqual(refusal(await alice('POST', '/networks', { network: { 'provider:segmentation_id': 7 } })), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(ok(await admin('GET', '/networks?provider:network_type=vlan&provider:segmentation_id=101&fields=id')).networks, [{ id: network.id }]);
});

test('every network is a segment, which has a name of its own', async (t) => {
  const { admin, alice } = await networkFixture(t);
  const { network } = ok(await admin('POST', '/networks', { network: { 'provider:network_type': 'vlan', 'provider:physical_network': 'physnet1', 'provider:segmentation_id': 101 } }), 201);
  const { network: tunnel } = ok(await alice('POST', '/networks', { network: {} }), 201);

  const { segments } = ok(await admin('GET', '/segments?sort_key=network_type'));
  assert.deepEqual(segments.map((each: Record<string, unknown>) => [each.network_id, each.network_type, each.physical_network, each.segmentation_id]), [[tunnel.id, 'geneve', null, 1], [network.id, 'vlan', 'physnet1', 101]]);
  const named = ok(await admin('PUT', `/segments/${segments[1].id}`, { segment: { name: 'rack 7', description: 'hall 2' } })).segment;
  assert.deepEqual([named.name, named.description, named.revision_number], ['rack 7', 'hall 2', 1]);
  assert.deepEqual(ok(await admin('GET', '/segments?physical_network=physnet1&limit=1')).segments, [named]);
  assert.deepEqual(refusal(await admin('GET', `/segments/${crypto.randomUUID()}`)), [404, 'SegmentNotFound']);
  assert.equal((await alice('GET', '/segments')).status, 403);
});

test('a port on a trunk takes the VLAN of its network', async (t) => {
  const { admin } = await networkFixture(t);
  const { network } = ok(await admin('POST', '/networks', { network: { 'provider:network_type': 'vlan', 'provider:physical_network': 'physnet1', 'provider:segmentation_id': 101 } }), 201);
  const port = async () => ok(await admin('POST', '/ports', { port: { network_id: network.id } }), 201).port.id;
  const { trunk } = ok(await admin('POST', '/trunks', { trunk: { port_id: await port(), sub_ports: [{ port_id: await port(), segmentation_type: 'inherit' }] } }), 201);
  assert.deepEqual([trunk.sub_ports[0].segmentation_type, trunk.sub_ports[0].segmentation_id], ['vlan', 101]);
});
