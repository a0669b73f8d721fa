import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal, type Ask } from './network.fixture.ts';
import { bindServerPort, releaseServerPorts, takeServerPort } from './ports.ts';
import { readProjected } from './projection.store.ts';
import { projectDirty, projectionScope } from './projection.ts';

const portOn = async (ask: Ask, network_id: string, more: object = {}) => ok(await ask('POST', '/ports', { port: { network_id, ...more } }), 201).port;

test('a port carries others, each in its VLAN, wherever it runs', async (t) => {
  const { alice, bob, lan, within, database, parts, findings } = await networkFixture(t);
  const { network } = await lan();
  const { network: inner } = await lan(alice, '10.1.0.0/24');
  const [parent, one, two] = [await portOn(alice, network.id), await portOn(alice, inner.id), await portOn(alice, inner.id)];

  const { trunk } = ok(await alice('POST', '/trunks', { trunk: { name: 't', port_id: parent.id, sub_ports: [{ port_id: one.id, segmentation_type: 'vlan', segmentation_id: 101 }] } }), 201);
  assert.deepEqual(trunk, {
    id: trunk.id, name: 't', description: '', project_id: 'alice-project', tenant_id: 'alice-project', port_id: parent.id, admin_state_up: true, status: 'ACTIVE', tags: [], revision_number: 0,
    created_at: trunk.created_at, updated_at: trunk.updated_at, sub_ports: [{ port_id: one.id, segmentation_type: 'vlan', segmentation_id: 101 }],
  });
  const more = ok(await alice('PUT', `/trunks/${trunk.id}/add_subports`, { sub_ports: [{ port_id: two.id, segmentation_type: 'vlan', segmentation_id: '102' }] }));
  assert.deepEqual(more.sub_ports.map((each: { segmentation_id: number }) => each.segmentation_id), [101, 102]);
  assert.deepEqual(ok(await alice('GET', `/trunks/${trunk.id}/get_subports`)).sub_ports, more.sub_ports);
  const shown = ok(await alice('GET', `/ports/${parent.id}`)).port;
  assert.deepEqual(shown.trunk_details, { trunk_id: trunk.id, sub_ports: [{ ...more.sub_ports[0], mac_address: one.mac_address }, { ...more.sub_ports[1], mac_address: two.mac_address }] });
  assert.equal(ok(await alice('GET', `/ports/${one.id}`)).port.device_owner, 'trunk:subport');
  assert.deepEqual(refusal(await bob('GET', `/trunks/${trunk.id}`)), [404, 'TrunkNotFound']);

  await within('alice', async (context) => {
    await takeServerPort(context, { serverId: 'server', projectId: 'alice-project', portId: parent.id, availabilityZone: 'nova' });
    await bindServerPort(context, { portId: parent.id, serverId: 'server', hostId: 'host-1' });
  });
  const told = async (id: string) => (await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'port', id }])))[0]!.resource as PortSpec;
  assert.deepEqual([(await told(one.id)).trunk, (await told(one.id)).hostId, (await told(parent.id)).trunk], [{ parentId: parent.id, tag: 101 }, 'host-1', null]);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);

  await within('alice', (context) => releaseServerPorts(context, { serverId: 'server' }));
  assert.deepEqual([(await told(one.id)).hostId, ok(await alice('GET', `/trunks/${trunk.id}`)).trunk.status], [null, 'DOWN']);
  assert.equal(ok(await alice('PUT', `/trunks/${trunk.id}/remove_subports`, { sub_ports: [{ port_id: one.id }] })).sub_ports.length, 1);
  assert.deepEqual([(await told(one.id)).trunk, ok(await alice('GET', `/ports/${one.id}`)).port.device_owner], [null, '']);
  ok(await alice('DELETE', `/trunks/${trunk.id}`), 204);
  ok(await alice('DELETE', `/ports/${two.id}`), 204);
  ok(await alice('DELETE', `/ports/${parent.id}`), 204);
});

test('a port is on one trunk, in a VLAN of its own, or it is refused', async (t) => {
  const { alice, lan, within } = await networkFixture(t);
  const { network } = await lan();
  const [parent, one, two] = [await portOn(alice, network.id), await portOn(alice, network.id), await portOn(alice, network.id)];
  const sub = (port: { id: string }, segmentation_id: number, segmentation_type = 'vlan') => ({ port_id: port.id, segmentation_type, segmentation_id });
  const { trunk } = ok(await alice('POST', '/trunks', { trunk: { port_id: parent.id, sub_ports: [sub(one, 101)] } }), 201);
  const add = async (...sub_ports: object[]) => refusal(await alice('PUT', `/trunks/${trunk.id}/add_subports`, { sub_ports }));

  assert.deepEqual(await add(sub(two, 101)), [409, 'DuplicateSubPort']);
  assert.deepEqual(await add(sub(two, 1), sub(two, 2)), [400, 'InvalidInput']);
  assert.deepEqual(await add(sub(two, 4095)), [400, 'InvalidInput']);
  assert.deepEqual(await add(sub(two, 7, 'inherit')), [400, 'InvalidInput']);
  assert.deepEqual(await add({ port_id: two.id }), [400, 'InvalidInput']);
  assert.deepEqual(await add(sub(parent, 7)), [409, 'ParentPortInUse']);
  assert.deepEqual(await add(sub(one, 7)), [409, 'TrunkPortInUse']);
  assert.deepEqual(await add({ port_id: crypto.randomUUID(), segmentation_type: 'vlan', segmentation_id: 9 }), [404, 'PortNotFound']);
  assert.deepEqual(refusal(await alice('POST', '/trunks', { trunk: { port_id: parent.id } })), [409, 'ParentPortInUse']);
  assert.deepEqual(refusal(await alice('POST', '/trunks', { trunk: { port_id: one.id } })), [409, 'TrunkPortInUse']);
  const used = await portOn(alice, network.id, { device_id: 'something' });
  assert.deepEqual(await add(sub(used, 7)), [409, 'PortInUse']);
  const wide = ok(await alice('POST', '/networks', { network: { mtu: 1400 } }), 201).network;
  const narrow = ok(await alice('POST', '/networks', { network: { mtu: 1300 } }), 201).network;
  const below = ok(await alice('POST', '/trunks', { trunk: { port_id: (await portOn(alice, narrow.id)).id } }), 201).trunk;
  assert.deepEqual(refusal(await alice('PUT', `/trunks/${below.id}/add_subports`, { sub_ports: [sub(await portOn(alice, wide.id), 7)] })), [409, 'SubPortMtuGreaterThanTrunkPortMtu']);

  assert.deepEqual(refusal(await alice('DELETE', `/ports/${parent.id}`)), [409, 'PortInUseAsTrunkParent']);
  assert.deepEqual(refusal(await alice('DELETE', `/ports/${one.id}`)), [409, 'PortInUseAsSubPort']);
  await assert.rejects(within('alice', (context) => takeServerPort(context, { serverId: 'server', projectId: 'alice-project', portId: one.id, availabilityZone: 'nova' })), { status: 409, code: 'PortInUse' });
  ok(await alice('PUT', `/trunks/${trunk.id}`, { trunk: { admin_state_up: false } }));
  assert.deepEqual(await add(sub(two, 7)), [409, 'TrunkDisabled']);
  assert.deepEqual(refusal(await alice('DELETE', `/trunks/${trunk.id}`)), [409, 'TrunkDisabled']);
});
