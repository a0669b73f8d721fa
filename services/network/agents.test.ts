import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused } from '../../contract/client.ts';
import { startCloud } from '../../test/cloud.ts';

const refusal = (status: number) => (error: unknown) => error instanceof Refused && error.status === status;

test('agents are the hosts that report, and operators describe and forget them', async (t) => {
  const cloud = await startCloud(t);
  const { admin, alice } = cloud;
  const { agents } = (await admin.network.agents.list()).body;
  const hosts = (await admin.compute.hypervisors.list()).body.hypervisors.map((each) => each.hypervisor_hostname);
  const byName = (one = '', other = '') => (one < other ? -1 : 1);
  assert.deepEqual(agents.map((each) => each.host).toSorted(byName), hosts.flatMap((host) => [host, host]).toSorted(byName));
  assert.deepEqual([...new Set(agents.map((each) => each.agent_type))], ['OVN Controller Gateway agent', 'OVN Metadata agent']);
  assert.ok(agents.every((each) => each.alive && each.admin_state_up && each.availability_zone === 'nova'));
  assert.deepEqual((await alice.network.agents.list()).body.agents, []);

  const [first] = agents;
  const params = { agent_id: first!.id! };
  const found = (await admin.network.agents.list({ query: { host: [first!.host!], binary: ['ovn-controller'] } })).body.agents;
  assert.deepEqual(found, [first]);
  assert.deepEqual((await admin.network.agents.list({ query: { alive: ['false'] } })).body.agents, []);
  const sorted = (await admin.network.agents.list({ query: { sort_key: ['alive', 'id'], sort_dir: ['asc', 'desc'] } })).body.agents.map((each) => each.id ?? '');
  assert.deepEqual(sorted, agents.map((each) => each.id ?? '').toSorted(byName).toReversed());
  await assert.rejects(admin.network.agents.list({ query: { sort_key: ['configurations'] } }), refusal(400));
  assert.equal((await admin.network.agents.update({ params, body: { agent: { description: 'rack 7' } } })).body.agent.description, 'rack 7');
  assert.equal((await admin.network.agents.show({ params })).body.agent.description, 'rack 7');
  await assert.rejects(admin.network.agents.update({ params, body: { agent: { admin_state_up: false } } }), refusal(400));
  await assert.rejects(admin.network.agents.show({ params: { agent_id: crypto.randomUUID() } }), refusal(404));
  await cloud.rest();
  await admin.network.agents.delete({ params });
  await assert.rejects(admin.network.agents.show({ params }), refusal(404));
});

test('no agent answers DHCP, and none can be asked to', async (t) => {
  const { admin, alice } = await startCloud(t);
  const network_id = (await alice.network.networks.create({ body: { network: {} } })).body.network?.id ?? '';
  const agent_id = (await admin.network.agents.list()).body.agents[0]!.id!;
  const nowhere = crypto.randomUUID();

  assert.deepEqual((await admin.network.dhcpAgents.ofNetwork({ params: { network_id } })).body.agents, []);
  assert.deepEqual((await admin.network.dhcpAgents.networks({ params: { agent_id } })).body.networks, []);
  await assert.rejects(admin.network.dhcpAgents.networks({ params: { agent_id: nowhere } }), refusal(404));
  await assert.rejects(admin.network.dhcpAgents.ofNetwork({ params: { network_id: nowhere } }), refusal(404));
  await assert.rejects(admin.network.dhcpAgents.add({ params: { agent_id }, body: { network_id } }), refusal(404));
  await assert.rejects(admin.network.dhcpAgents.remove({ params: { agent_id, network_id } }), refusal(409));
  await assert.rejects(alice.network.dhcpAgents.ofNetwork({ params: { network_id } }), refusal(403));
});

test('networks are wished for in zones that there are', async (t) => {
  const { alice } = await startCloud(t);
  assert.deepEqual((await alice.network.networkAvailabilityZones.list({ query: { resource: ['network'] } })).body.availability_zones, [{ name: 'nova', resource: 'network', state: 'available', tenant_id: alice.projectId }]);
  const { network } = (await alice.network.networks.create({ body: { network: { availability_zone_hints: ['nova'] } } })).body;
  assert.deepEqual([network!.availability_zone_hints, network!.availability_zones], [['nova'], ['nova']]);
  await assert.rejects(alice.network.networks.create({ body: { network: { availability_zone_hints: ['moon'] } } }), refusal(404));
});
