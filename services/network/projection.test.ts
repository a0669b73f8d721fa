import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DriverError } from '../../drivers/driver.ts';
import { listEvents } from '../../kit/events/events.ts';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { bindServerPort, portsOfServers, prepareServerPort, releaseServerPorts } from './ports.ts';
import { countDirty, readProjected } from './projection.store.ts';
import { pollPorts, projectDirty, projectionScope, projectNow, reconcile, reconcileAfterEdits } from './projection.ts';

test('the engine holds what the projects made, and nothing when they have deleted it', async (t) => {
  const cloud = await networkFixture(t);
  const { alice, parts, findings } = cloud;
  const made = await wholeNetwork(cloud);

  await projectDirty(parts);
  assert.equal(await dirty(cloud), 0);
  assert.deepEqual(await differences(cloud), []);
  const held = await cloud.database.read(projectionScope, (tx) => readProjected(tx, 'all'));
  const router = held.find(({ kind }) => kind === 'router')!.resource;
  assert.partialDeepStrictEqual(router, { gateway: { nextHops: ['198.51.100.1'], snat: true }, interfaces: [{ addresses: ['10.0.0.1/24'] }], routes: [] });
  const lan = held.find(({ id }) => id === made.network.id)!.resource;
  assert.partialDeepStrictEqual(lan, { mtu: 1442, physicalNetwork: null, subnets: [{ cidr: '10.0.0.0/24', gateway: '10.0.0.1', dhcp: true, dnsServers: [], hostRoutes: [] }] });
  assert.equal(lan?.kind === 'network' && lan.servicePort?.addresses.length, 1);
  assert.equal(ok(await alice('GET', `/floatingips/${made.floatingip.id}`)).floatingip.status, 'ACTIVE');
  assert.equal(ok(await alice('GET', '/ports?device_owner=network:router_interface')).ports[0].status, 'ACTIVE');
  assert.deepEqual(await findings(), []);

  ok(await alice('DELETE', `/floatingips/${made.floatingip.id}`), 204);
  ok(await alice('DELETE', `/ports/${made.port.id}`), 204);
  ok(await alice('PUT', `/routers/${made.router.id}/remove_router_interface`, { subnet_id: made.subnet.id }));
  ok(await alice('DELETE', `/routers/${made.router.id}`), 204);
  ok(await alice('DELETE', `/networks/${made.network.id}`), 204);
  await projectDirty(parts);
  assert.deepEqual(await differences(cloud), []);
  const left = await cloud.database.read(projectionScope, (tx) => readProjected(tx, 'all'));
  assert.deepEqual(left.map(({ kind }) => kind).toSorted(), ['network', 'security-group']);
  assert.deepEqual(await findings(), []);
});

test('a floating address that leaves a port and comes to another one, and a port that becomes a router\'s, are told', async (t) => {
  const cloud = await networkFixture(t);
  const { alice, parts } = cloud;
  const { floatingip, port, router, network } = await wholeNetwork(cloud);
  await projectDirty(parts);

  ok(await alice('PUT', `/floatingips/${floatingip.id}`, { floatingip: { port_id: null } }));
  await projectDirty(parts);
  assert.deepEqual(await differences(cloud), []);
  assert.equal(ok(await alice('GET', `/floatingips/${floatingip.id}`)).floatingip.status, 'DOWN');
  ok(await alice('PUT', `/floatingips/${floatingip.id}`, { floatingip: { port_id: port.id } }));
  const other = await cloud.lan(alice, '10.6.0.0/24');
  const { port: foot } = ok(await alice('POST', '/ports', { port: { network_id: other.network.id } }), 201);
  await projectDirty(parts);
  ok(await alice('PUT', `/routers/${router.id}/add_router_interface`, { port_id: foot.id }));
  await projectDirty(parts);
  assert.deepEqual(await differences(cloud), []);
  assert.equal(ok(await alice('GET', `/floatingips/${floatingip.id}`)).floatingip.status, 'ACTIVE');
  assert.equal(network.name, 'lan');
});

test('an engine that somebody wrote to is mended by the reconciliation', async (t) => {
  const cloud = await networkFixture(t);
  const { driver, parts } = cloud;
  const { network, port } = await wholeNetwork(cloud);
  await projectDirty(parts);

  await driver.networks.remove([{ kind: 'port', id: port.id, generation: 1e9 }]);
  await driver.networks.ensure([{ kind: 'security-group', id: 'a stranger', projectId: 'p', generation: 1, stateful: true, rules: [] }]);
  await driver.networks.ensure([{ kind: 'network', id: network.id, projectId: 'p', generation: 1e6, adminUp: false, mtu: 1400, physicalNetwork: null, subnets: [], servicePort: null }]);
  // What the engine has seen is ahead of the database, as after the restore of a backup.
  assert.equal(await reconcile(parts), 3);
  assert.deepEqual((await differences(cloud)).map(({ detail }) => detail), []);
  assert.equal(await reconcile(parts), 0);
});

test('an engine that says that somebody wrote to it is compared, also when that failed before', async (t) => {
  const cloud = await networkFixture(t);
  const { driver } = cloud;
  const { port } = await wholeNetwork(cloud);
  await projectDirty(cloud.parts);
  await reconcileAfterEdits({ ...cloud.parts, driver: { ...cloud.parts.driver, networks: { ...driver.networks, edits: () => Promise.reject(new DriverError('invalid', 'There is no POST /networks/edits')) } } });
  let [edits, isAway] = [7, false];
  const compare: typeof driver.networks.compare = (resources) => (isAway ? Promise.reject(new DriverError('unavailable', 'not now')) : driver.networks.compare(resources));
  const parts = { ...cloud.parts, driver: { ...cloud.parts.driver, networks: { ...driver.networks, compare, edits: () => Promise.resolve(edits) } } };
  await reconcileAfterEdits(parts);
  await driver.networks.remove([{ kind: 'port', id: port.id, generation: 1e9 }]);
  assert.equal((await differences(cloud)).length, 1);

  await reconcileAfterEdits(parts);
  assert.equal((await differences(cloud)).length, 1, 'nobody said anything');
  [edits, isAway] = [8, true];
  await assert.rejects(reconcileAfterEdits(parts), /not now/);
  isAway = false;
  await reconcileAfterEdits(parts);
  assert.deepEqual(await differences(cloud), []);
});

test('one resource that the engine refuses keeps no other waiting, and is asked for again later', async (t) => {
  const cloud = await networkFixture(t);
  const { alice, driver } = cloud;
  const [bad, good] = [await cloud.lan(), await cloud.lan()];
  let refused = bad.network.id;
  const ensure: typeof driver.networks.ensure = async (resources) => {
    if (resources.some(({ id }) => id === refused)) throw new DriverError('invalid', 'never this one');
    await driver.networks.ensure(resources);
  };
  const parts = { ...cloud.parts, driver: { networks: { ...driver.networks, ensure } } };

  await projectDirty(parts);
  assert.equal(await dirty(cloud), 1);
  const held = await driver.networks.compare([]);
  assert.deepEqual(held.map(({ resource }) => resource.id), [good.network.id]);
  refused = '';
  // A new change asks at once.
  ok(await alice('PUT', `/networks/${bad.network.id}`, { network: { name: 'again' } }));
  await projectDirty(parts);
  assert.deepEqual(await differences(cloud), []);
});

test("a server's port is prepared, told at once, bound, seen up and released without a trace", async (t) => {
  const cloud = await networkFixture(t);
  const { parts, database, within, alice, findings } = cloud;
  const { network, subnet } = await cloud.lan();
  const { port: own } = ok(await alice('POST', '/ports', { port: { network_id: network.id, name: 'mine' } }), 201);

  const made = await within('alice', (context) => prepareServerPort(context, { serverId: 'server-1', projectId: 'alice-project', networkId: network.id, securityGroups: ['default'], availabilityZone: 'nova' }));
  const taken = await within('alice', (context) => prepareServerPort(context, { serverId: 'server-1', projectId: 'alice-project', portId: own.id, availabilityZone: 'nova' }));
  assert.deepEqual(made.addresses.map(({ subnetId, cidr, gateway }) => [subnetId, cidr, gateway]), [[subnet.id, '10.0.0.0/24', '10.0.0.1']]);
  assert.deepEqual([made.madeForServer, taken.madeForServer, taken.portId, made.networkName], [true, false, own.id, 'lan']);
  await assert.rejects(within('alice', (context) => prepareServerPort(context, { serverId: 'server-2', projectId: 'alice-project', portId: own.id, availabilityZone: 'nova' })), { status: 409, code: 'PortInUse' });
  await projectNow(parts, database, [made.portId, own.id]);
  await projectNow(parts, database, [made.portId, own.id]);
  assert.equal(await dirty(cloud), 0);
  await database.transaction(projectionScope, (tx) => bindServerPort({ tx, now: parts.clock.now() }, { portId: made.portId, serverId: 'server-1', hostId: 'host-1' }));

  const [first] = (await database.read(projectionScope, (tx) => portsOfServers(tx, ['server-1', 'server-2']))).get('server-1')!.filter((port) => port.portId === made.portId);
  assert.deepEqual([first!.securityGroups.map(({ name }) => name), first!.floatingIps, first!.status], [['default'], [], 'DOWN']);
  for (let again = 0; again < 2; again++) await database.transaction(projectionScope, (tx) => releaseServerPorts({ tx, now: parts.clock.now() }, { serverId: 'server-1' }));
  const { ports } = ok(await alice('GET', '/ports?device_id=server-1'));
  assert.deepEqual(ports, []);
  assert.deepEqual(ok(await alice('GET', `/ports/${own.id}`)).port.device_owner, '');
  await projectDirty(parts);
  assert.deepEqual(await differences(cloud), []);
  assert.deepEqual(await findings(), []);
});

test('a port is ACTIVE while the engine carries its traffic, which nobody has to tell, and its watchers are told (FAILURES 23)', async (t) => {
  const cloud = await networkFixture(t);
  const { alice, database, driver, within } = cloud;
  const { network } = await cloud.lan();
  const { portId } = await within('alice', (context) => prepareServerPort(context, { serverId: 's', projectId: 'alice-project', networkId: network.id, availabilityZone: 'nova' }));
  await database.transaction(projectionScope, (tx) => bindServerPort({ tx, now: cloud.parts.clock.now() }, { portId, serverId: 's', hostId: 'h' }));
  let up: string[] = [];
  const parts = { ...cloud.parts, driver: { networks: { ...driver.networks, portsUp: async (ids: string[]) => ids.filter((id) => up.includes(id)) } } };
  const status = async () => ok(await alice('GET', `/ports/${portId}`)).port.status;

  await pollPorts(parts, 'waiting');
  assert.equal(await status(), 'DOWN');
  up = [portId];
  await pollPorts(parts, 'waiting');
  assert.equal(await status(), 'ACTIVE');
  up = [];
  await pollPorts(parts, 'all');
  assert.equal(await status(), 'DOWN');
  const told = await database.read(projectionScope, (tx) => listEvents(tx, 'port', portId));
  assert.deepEqual(told.map(({ type }) => type), ['port.create.end', 'port.update.end', 'port.update.end']);
});

test("a port that merely says it is a server's is not plugged into it, and a server's port stays its own", async (t) => {
  const cloud = await networkFixture(t);
  const { alice, bob, admin, database, within } = cloud;
  const { network } = await cloud.lan();
  ok(await admin('PUT', `/networks/${network.id}`, { network: { shared: true } }));
  const { portId } = await within('alice', (context) => prepareServerPort(context, { serverId: 's', projectId: 'alice-project', networkId: network.id, availabilityZone: 'nova' }));
  ok(await bob('POST', '/ports', { port: { network_id: network.id, device_id: 's', device_owner: 'compute:nova' } }), 201);

  const ports = (await database.read(projectionScope, (tx) => portsOfServers(tx, ['s']))).get('s')!;
  assert.deepEqual(ports.map((port) => port.portId), [portId]);
  assert.deepEqual(refusal(await alice('PUT', `/ports/${portId}`, { port: { device_id: 'other' } })), [409, 'PortInUse']);
});

test('a worker tells the engine of every change by itself', { timeout: 30_000 }, async (t) => {
  const cloud = await networkFixture(t);
  const worker = cloud.worker();
  await worker.start();
  t.after(() => worker.stop());
  const { floatingip } = await wholeNetwork(cloud);

  while (ok(await cloud.alice('GET', `/floatingips/${floatingip.id}`)).floatingip.status !== 'ACTIVE') await cloud.parts.clock.after(20);

  while ((await dirty(cloud)) > 0) await cloud.parts.clock.after(20);
  assert.deepEqual(await differences(cloud), []);
});

type Cloud = Awaited<ReturnType<typeof networkFixture>>;

async function wholeNetwork({ alice, lan, external }: Cloud) {
  const { networkId } = await external();
  const { network, subnet } = await lan();
  const { router } = ok(await alice('POST', '/routers', { router: { external_gateway_info: { network_id: networkId } } }), 201);
  ok(await alice('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }));
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id, allowed_address_pairs: [{ ip_address: '10.0.0.200' }] } }), 201);
  const { floatingip } = ok(await alice('POST', '/floatingips', { floatingip: { floating_network_id: networkId, port_id: port.id } }), 201);
  return { network, subnet, router, port, floatingip };
}

const dirty = ({ database }: Cloud) => database.read(projectionScope, countDirty);

async function differences({ database, driver }: Cloud) {
  const projected = await database.read(projectionScope, (tx) => readProjected(tx, 'all'));
  return driver.networks.compare(projected.flatMap(({ resource }) => (resource ? [resource] : [])));
}
