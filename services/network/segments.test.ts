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

test('a network is in several places, first those that it was made with', async (t) => {
  const { admin, alice, database } = await networkFixture(t);
  const place = (type: string, physical?: string, number?: number | string) => ({
    'provider:network_type': type, ...(physical && { 'provider:physical_network': physical }), ...(number && { 'provider:segmentation_id': number }),
  });
  const make = (segments: object[], more: object = {}) => admin('POST', '/networks', { network: { segments, ...more } });

  const { network } = ok(await make([place('vlan', 'hall1', '101'), place('vlan', 'hall2', 102)]), 201);
  const shownPlaces = [['vlan', 'hall1', 101], ['vlan', 'hall2', 102]];
  const places = async () => ok(await admin('GET', `/networks/${network.id}`)).network;
  assert.deepEqual(network.segments.map((each: object) => Object.values(each)), shownPlaces);
  assert.deepEqual(['provider:network_type' in network, network.mtu, (await places()).segments], [false, 1500, network.segments]);
  assert.deepEqual(ok(await admin('GET', '/networks?provider:physical_network=hall1')).networks, [], 'which is of networks in one place');
  const [projected] = await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'network', id: network.id }]));
  const { physicalNetwork, vlan, otherPlaces, tunnel } = projected!.resource as NetworkSpec;
  assert.deepEqual([physicalNetwork, vlan, otherPlaces, tunnel], ['hall1', 101, [{ physicalNetwork: 'hall2', vlan: 102 }], null]);

  assert.deepEqual(refusal(await make([place('vlan', 'hall1', 7), place('vlan', 'hall1', 7)])), [400, 'SegmentsContainDuplicateEntry']);
  assert.deepEqual(refusal(await make([place('vlan', 'hall1', 7)], place('geneve'))), [400, 'SegmentsSetInConjunctionWithProviders']);
  assert.deepEqual(refusal(await make([place('vlan', 'hall1', 101)])), [409, 'VlanIdInUse']);
  assert.deepEqual(refusal(await make([{}])), [400, 'InvalidInput']);
  assert.deepEqual(refusal(await alice('POST', '/networks', { network: { segments: [place('geneve')] } })), [403, 'PolicyNotAuthorized']);
  const { network: mixed } = ok(await make([place('flat', 'hall3'), place('geneve'), place('geneve')]), 201);
  assert.equal(mixed.mtu, 1442, 'what goes through each of them');
  assert.equal(new Set(mixed.segments.map((each: object) => JSON.stringify(each))).size, 3);
  assert.equal((await admin('DELETE', `/networks/${mixed.id}`)).status, 204);
  assert.equal((await make([place('flat', 'hall3')])).status, 201);
});

test('an operator lets a network be in one place more, and takes it out of one', async (t) => {
  const { admin, alice } = await networkFixture(t);
  const { network } = ok(await admin('POST', '/networks', { network: { 'provider:network_type': 'vlan', 'provider:physical_network': 'hall1', 'provider:segmentation_id': 101 } }), 201);
  const add = (wish: object, as = admin) => as('POST', '/segments', { segment: { network_id: network.id, network_type: 'vlan', physical_network: 'hall2', ...wish } });
  const shownNetwork = async () => ok(await admin('GET', `/networks/${network.id}`)).network;

  const { segment } = ok(await add({ segmentation_id: 102, name: 'second', description: 'hall 2' }), 201);
  assert.deepEqual([segment.network_id, segment.network_type, segment.physical_network, segment.segmentation_id, segment.name, segment.description, segment.revision_number], [network.id, 'vlan', 'hall2', 102, 'second', 'hall 2', 0]);
  const { segments, revision_number: revision } = await shownNetwork();
  assert.deepEqual([segments.length, revision], [2, network.revision_number + 1]);
  assert.deepEqual(refusal(await add({ segmentation_id: 102 })), [409, 'VlanIdInUse']);
  assert.deepEqual(refusal(await add({ segmentation_id: 4095 })), [400, 'InvalidInput']);
  assert.deepEqual(refusal(await admin('POST', '/segments', { segment: { network_id: network.id, network_type: 'geneve' } })), [400, 'InvalidInput'], 'what goes through it is less than guests were told');
  assert.deepEqual(refusal(await add({ network_id: crypto.randomUUID() })), [404, 'NetworkNotFound']);
  assert.equal((await add({ segmentation_id: 103 }, alice)).status, 403);
  assert.equal((await alice('DELETE', `/segments/${segment.id}`)).status, 403);

  ok(await admin('POST', '/ports', { port: { network_id: network.id, 'binding:host_id': 'host-1' } }), 201);
  const [first] = ok(await admin('GET', `/segments?network_id=${network.id}&physical_network=hall1`)).segments;
  assert.deepEqual(refusal(await admin('DELETE', `/segments/${first.id}`)), [409, 'SegmentInUse']);
  assert.equal((await admin('DELETE', `/segments/${segment.id}`)).status, 204);
  const after = await shownNetwork();
  assert.deepEqual([after.segments, after['provider:physical_network'], after['provider:segmentation_id']], [undefined, 'hall1', 101]);
  assert.deepEqual(refusal(await admin('DELETE', `/segments/${segment.id}`)), [404, 'SegmentNotFound']);
});

test('a network moves to another VLAN, and to no other place', async (t) => {
  const { admin, alice } = await networkFixture(t);
  const { network } = ok(await admin('POST', '/networks', { network: { 'provider:network_type': 'vlan', 'provider:physical_network': 'hall1', 'provider:segmentation_id': 101 } }), 201);
  const change = (wish: object, id = network.id, as = admin) => as('PUT', `/networks/${id}`, { network: wish });

  assert.equal(ok(await change({ 'provider:segmentation_id': 102, 'provider:network_type': 'vlan' })).network['provider:segmentation_id'], 102);
  assert.equal((await admin('POST', '/networks', { network: { 'provider:network_type': 'vlan', 'provider:physical_network': 'hall1', 'provider:segmentation_id': 101 } })).status, 201, 'the old one is free');
  assert.deepEqual(refusal(await change({ 'provider:segmentation_id': 101 })), [409, 'VlanIdInUse']);
  assert.deepEqual(refusal(await change({ 'provider:physical_network': 'hall2' })), [400, 'InvalidInput']);
  assert.deepEqual(refusal(await change({ 'provider:network_type': 'geneve' })), [400, 'InvalidInput']);
  assert.deepEqual(refusal(await change({ segments: [{ 'provider:network_type': 'geneve' }] })), [400, 'InvalidInput']);
  const { network: tunnel } = ok(await alice('POST', '/networks', { network: {} }), 201);
  assert.deepEqual(refusal(await change({ 'provider:segmentation_id': 103 }, tunnel.id)), [400, 'InvalidInput']);
  assert.deepEqual(refusal(await change({ 'provider:segmentation_id': 103 }, tunnel.id, alice)), [403, 'PolicyNotAuthorized']);
});

test('guests have VLANs of their own on a network that was made so, unless it is a whole physical one', async (t) => {
  const { alice, admin, database } = await networkFixture(t);
  const make = (wish: object, as = alice) => as('POST', '/networks', { network: { vlan_transparent: true, ...wish } });

  const { network } = ok(await make({}), 201);
  const { network: plain } = ok(await alice('POST', '/networks', { network: {} }), 201);
  assert.deepEqual([network.vlan_transparent, plain.vlan_transparent], [true, false]);
  const told = await database.read(projectionScope, (tx) => readProjected(tx, [network, plain].map(({ id }) => ({ kind: 'network' as const, id }))));
  const of = (id: string) => (told.find((each) => each.id === id)!.resource as NetworkSpec).vlanTransparent;
  assert.deepEqual([of(network.id), of(plain.id)], [true, undefined]);
  assert.deepEqual(ok(await alice('GET', '/networks?vlan_transparent=true&fields=id')).networks, [{ id: network.id }]);
  assert.equal((await alice('PUT', `/networks/${network.id}`, { network: { vlan_transparent: false } })).status, 400);
  const place = { 'provider:physical_network': 'hall1' };
  assert.deepEqual(refusal(await make({ 'provider:network_type': 'flat', ...place }, admin)), [400, 'VlanTransparencyDriverError']);
  assert.deepEqual(refusal(await make({ segments: [{ 'provider:network_type': 'geneve' }, { 'provider:network_type': 'geneve' }] }, admin)), [400, 'VlanTransparencyDriverError']);
  assert.equal((await make({ 'provider:network_type': 'vlan', 'provider:segmentation_id': 7, ...place }, admin)).status, 201);
});
