import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouterSpec } from '../../drivers/driver.ts';
import { registerHosts } from '../placement/claims.ts';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectDirty, projectionScope } from './projection.ts';

test("a router's way out is kept ready on the hosts of the zones that it is wished for in", async (t) => {
  const { admin, alice, database, driver, external, parts, findings } = await networkFixture(t);
  const hosts = await driver.hosts.list();
  await database.transaction(projectionScope, (tx) => registerHosts(tx, hosts, new Date()));
  await external();
  const [{ id: network_id }] = ok(await alice('GET', '/networks?name=public')).networks;
  const spec = async (id: string) => {
    const [projected] = await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'router', id }]));
    const { gatewayHosts, ha } = projected!.resource as RouterSpec;
    return { gatewayHosts, ha };
  };

  const { router } = ok(await alice('POST', '/routers', { router: { external_gateway_info: { network_id }, availability_zone_hints: ['nova'] } }), 201);
  assert.deepEqual([router.availability_zone_hints, router.availability_zones, 'ha' in router], [['nova'], ['nova'], false]);
  assert.deepEqual(await spec(router.id), { gatewayHosts: hosts.map(({ id }) => id), ha: true });
  const { router: anywhere } = ok(await alice('POST', '/routers', { router: {} }), 201);
  assert.deepEqual([anywhere.availability_zones, await spec(anywhere.id)], [[], { gatewayHosts: null, ha: true }]);
  assert.deepEqual(ok(await alice('PUT', `/routers/${anywhere.id}`, { router: { external_gateway_info: { network_id } } })).router.availability_zones, ['nova']);
  assert.deepEqual(refusal(await alice('POST', '/routers', { router: { availability_zone_hints: ['moon'] } })), [404, 'AvailabilityZoneNotFound']);
  assert.deepEqual(refusal(await alice('POST', '/routers', { router: { ha: false } })), [403, 'PolicyNotAuthorized']);
  assert.equal(ok(await admin('PUT', `/routers/${router.id}`, { router: { ha: false } })).router.ha, false);
  assert.equal((await spec(router.id)).ha, false);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
});

test('operators move a router’s way out from host to host', async (t) => {
  const { admin, alice, database, driver, external, parts, findings } = await networkFixture(t);
  const [host] = await driver.hosts.list();
  const names = ['one', 'two', 'three'];
  await database.transaction(projectionScope, (tx) => registerHosts(tx, names.map((name) => ({ ...host!, id: name, hostname: name })), new Date()));
  await external();
  const [{ id: network_id }] = ok(await alice('GET', '/networks?name=public')).networks;
  const { router } = ok(await alice('POST', '/routers', { router: { external_gateway_info: { network_id } } }), 201);
  const spec = async () => {
    const [projected] = await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'router', id: router.id }]));
    const { gatewayHosts, inOrder } = projected!.resource as RouterSpec;
    return { gatewayHosts, inOrder };
  };
  type Shown = { id: string; host: string; agent_type: string };
  const agents: Shown[] = ok(await admin('GET', '/agents')).agents;
  const agentOn = (name: string) => agents.find((agent) => agent.host === name && agent.agent_type === 'OVN Controller Gateway agent')!.id;
  const hosting = async () => (ok(await admin('GET', `/routers/${router.id}/l3-agents`)).agents as Shown[]).map((agent) => agent.host);
  const on = async (name: string) => (ok(await admin('GET', `/agents/${agentOn(name)}/l3-routers`)).routers as Shown[]).map(({ id }) => id);

  const [first = '', second = '', third = ''] = await hosting();
  assert.deepEqual([first, second, third].toSorted(), names.toSorted());
  assert.deepEqual([await on(third), (await spec()).gatewayHosts], [[router.id], null]);
  ok(await admin('DELETE', `/agents/${agentOn(first)}/l3-routers/${router.id}`), 204);
  assert.deepEqual([await hosting(), await on(first), await spec()], [[second, third], [], { gatewayHosts: [second, third], inOrder: true }]);
  assert.deepEqual(refusal(await admin('DELETE', `/agents/${agentOn(first)}/l3-routers/${router.id}`)), [409, 'RouterNotHostedByL3Agent']);
  ok(await admin('POST', `/agents/${agentOn(first)}/l3-routers`, { router_id: router.id }), 201);
  assert.deepEqual(await hosting(), [second, third, first]);
  assert.deepEqual(refusal(await admin('POST', `/agents/${agentOn(first)}/l3-routers`, { router_id: router.id })), [409, 'RouterHostedByL3Agent']);
  ok(await admin('PUT', `/routers/${router.id}`, { router: { ha: false } }));
  assert.deepEqual([await hosting(), await on(third)], [[second], []]);

  const metadata = agents.find((agent) => agent.agent_type !== 'OVN Controller Gateway agent')!.id;
  assert.deepEqual(refusal(await admin('POST', `/agents/${metadata}/l3-routers`, { router_id: router.id })), [404, 'InvalidL3Agent']);
  assert.equal((await alice('GET', `/routers/${router.id}/l3-agents`)).status, 403);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);

  // What was said of a way out goes with it.
  ok(await alice('PUT', `/routers/${router.id}`, { router: { external_gateway_info: {} } }));
  assert.deepEqual([await hosting(), await on(second)], [[], []]);
  assert.deepEqual(refusal(await admin('POST', `/agents/${agentOn(first)}/l3-routers`, { router_id: router.id })), [409, 'RouterDoesntSupportScheduling']);
  ok(await alice('PUT', `/routers/${router.id}`, { router: { external_gateway_info: { network_id } } }));
  assert.equal((await spec()).gatewayHosts, null);
});
