import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, refusal, type Ask } from './network.fixture.ts';

const poolOf = (admin: Ask) => admin('POST', '/subnetpools', { subnetpool: { name: 'default', prefixes: ['10.128.0.0/10'], default_prefixlen: 26, is_default: true, shared: true } });

test('a project that asks for a network gets one with a way out, the same each time, and gives it back whole', async (t) => {
  const { alice, bob, admin, external, findings } = await networkFixture(t);
  assert.deepEqual(refusal(await alice('GET', '/auto-allocated-topology/None')), [409, 'AutoAllocationFailure']);
  const { networkId } = await external();
  assert.deepEqual(refusal(await alice('GET', '/auto-allocated-topology/None?fields=dry-run')), [409, 'AutoAllocationFailure']);
  ok(await poolOf(admin), 201);
  assert.deepEqual(ok(await alice('GET', '/auto-allocated-topology/None?fields=dry-run')).auto_allocated_topology, { id: 'dry-run=pass', project_id: 'alice-project', tenant_id: 'alice-project' });
  assert.deepEqual(ok(await alice('GET', '/networks?router%3Aexternal=False')).networks, []);

  const { auto_allocated_topology: topology } = ok(await alice('GET', '/auto-allocated-topology/None'));
  assert.equal(ok(await alice('GET', '/auto-allocated-topology/alice-project')).auto_allocated_topology.id, topology.id);
  const { network } = ok(await alice('GET', `/networks/${topology.id}`));
  assert.deepEqual([network.name, network.admin_state_up, network.subnets.length], ['auto_allocated_network', true, 1]);
  const [router] = ok(await alice('GET', '/routers')).routers;
  assert.equal(router.external_gateway_info.network_id, networkId);
  const ours = await bob('GET', '/auto-allocated-topology/None');
  assert.notEqual(ok(ours).auto_allocated_topology.id, topology.id);
  assert.deepEqual(refusal(await bob('GET', '/auto-allocated-topology/alice-project')), [403, 'NotAuthorized']);

  ok(await alice('DELETE', '/auto-allocated-topology/None'), 204);
  ok(await alice('DELETE', '/auto-allocated-topology/None'), 204);
  assert.deepEqual(ok(await alice('GET', '/routers')).routers, []);
  assert.equal((await alice('GET', `/networks/${topology.id}`)).status, 404);
  assert.deepEqual(await findings(), []);
});

test('many who ask at once for one project get one network', async (t) => {
  const { alice, admin, external } = await networkFixture(t);
  await external();
  ok(await poolOf(admin), 201);

  const asked = await Promise.all(Array.from({ length: 6 }, () => alice('GET', '/auto-allocated-topology/None')));

  assert.equal(new Set(asked.map((reply) => ok(reply).auto_allocated_topology.id)).size, 1);
});

test('of external networks one is the default', async (t) => {
  const { admin, external } = await networkFixture(t);
  await external();
  assert.deepEqual(refusal(await admin('POST', '/networks', { network: { 'router:external': true, is_default: true } })), [409, 'DefaultExternalNetworkExists']);
});
