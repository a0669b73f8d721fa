import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused } from '../../contract/client.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';

test('servers of an anti-affinity group are on different hosts, however many are asked for at once', async (t) => {
  const cloud = await startCloud(t, { hosts: 3 });
  const group = await makeGroup(cloud, 'anti-affinity');

  await Promise.all(Array.from({ length: 5 }, (_, index) => make(cloud, group, `apart-${index}`)));
  await cloud.settle();

  const servers = (await cloud.admin.compute.servers.detail({ query: { all_tenants: '1' } })).body.servers;
  const placed = servers.filter(({ status }) => status === 'ACTIVE').map((server) => server['OS-EXT-SRV-ATTR:host']);
  assert.equal(new Set(placed).size, 3);
  assert.equal(placed.length, 3);
  assert.ok(servers.filter(({ status }) => status === 'ERROR').every(({ fault }) => fault?.message.startsWith('No valid host was found. There are not enough hosts available. Of ')));
  assert.equal((await cloud.alice.compute.serverGroups.show({ params: { server_group_id: group } })).body.server_group.members.length, 5);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('of two hundred servers of an anti-affinity group on a hundred hosts exactly a hundred are made (FAILURES 10)', async (t) => {
  const cloud = await startCloud(t, { hosts: 100 });
  const { admin, alice } = cloud;
  await admin.compute.quotaSets.update({ params: { tenant_id: alice.projectId }, body: { quota_set: { instances: -1, cores: -1, ram: -1, server_group_members: -1 } } });
  const group = await makeGroup(cloud, 'anti-affinity');

  await Promise.all(Array.from({ length: 200 }, (_, index) => make(cloud, group, `apart-${index}`)));
  await cloud.settle();

  const servers = (await admin.compute.servers.detail({ query: { all_tenants: '1', limit: 1000 } })).body.servers;
  const placed = servers.filter(({ status }) => status === 'ACTIVE').map((server) => server['OS-EXT-SRV-ATTR:host']);
  assert.deepEqual([servers.length, placed.length, new Set(placed).size], [200, 100, 100]);
});

test('servers of an affinity group share a host', async (t) => {
  const cloud = await startCloud(t, { hosts: 3 });
  const group = await makeGroup(cloud, 'affinity');

  await Promise.all(['one', 'two', 'three'].map((name) => make(cloud, group, name)));
  await cloud.settle();

  const servers = (await cloud.alice.compute.servers.detail()).body.servers;
  assert.deepEqual(servers.map(({ status }) => status), ['ACTIVE', 'ACTIVE', 'ACTIVE']);
  assert.equal(new Set(servers.map(({ hostId }) => hostId)).size, 1);
});

test('a server group of another project looks as if it did not exist, and one that is not there is refused', async (t) => {
  const cloud = await startCloud(t);
  const { alice, bob, admin } = cloud;
  const group = await makeGroup(cloud, 'anti-affinity');

  await assert.rejects(bob.compute.serverGroups.show({ params: { server_group_id: group } }), refusal(404, `Instance group ${group} could not be found.`));
  assert.deepEqual((await bob.compute.serverGroups.list()).body.server_groups, []);
  assert.equal((await admin.compute.serverGroups.list({ query: { all_projects: '1' } })).body.server_groups.length, 1);
  await alice.compute.serverGroups.delete({ params: { server_group_id: group } });
  await assert.rejects(make(cloud, group, 'late'), refusal(400, `Instance group ${group} could not be found.`));
});

test('a project has as many server groups as its quota says', async (t) => {
  const cloud = await startCloud(t);
  for (let index = 0; index < 10; index++) await makeGroup(cloud, 'affinity');

  await assert.rejects(makeGroup(cloud, 'affinity'), refusal(403, 'Quota exceeded, too many server groups.'));
  assert.deepEqual(await cloud.diagnose(), []);
});

async function makeGroup({ alice }: TestCloud, policy: 'affinity' | 'anti-affinity'): Promise<string> {
  return (await alice.compute.serverGroups.create({ body: { server_group: { name: policy, policies: [policy] } } })).body.server_group.id;
}

async function make({ alice, imageId }: TestCloud, group: string, name: string): Promise<void> {
  await alice.compute.servers.create({ body: { server: { name, flavorRef: '1', imageRef: imageId }, 'os:scheduler_hints': { group } } });
}

function refusal(status: number, message: string) {
  return (error: unknown) => {
    assert.ok(error instanceof Refused, String(error));
    assert.deepEqual([error.status, Object.values(error.body as Record<string, { message: string }>)[0]?.message], [status, message]);
    return true;
  };
}
