import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compute } from '../../contract/compute/service.ts';
import type { ManualClock } from '../../kit/clock.ts';
import { servedAt } from '../../kit/http/versions.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';

test('the default class says what projects may use for which nothing was said', async (t) => {
  const cloud = await startCloud(t);
  const { admin, alice } = cloud;

  // Those of server groups are shown from 2.50 on only.
  await admin.client(compute, undefined, '2.1').quotaClasses.update({ params: { quota_class: 'default' }, body: { quota_class_set: { instances: 1, server_groups: 10, server_group_members: 10 } } });

  const params = { tenant_id: alice.projectId };
  assert.deepEqual([(await alice.compute.quotaSets.show({ params })).body.quota_set.instances, (await alice.compute.quotaSets.defaults({ params })).body.quota_set.instances, (await alice.compute.limits.show()).body.limits.absolute.maxTotalInstances], [1, 1, 1]);
  await makeServer(cloud);
  await assert.rejects(makeServer(cloud), { status: 403 });
  await admin.compute.quotaSets.update({ params, body: { quota_set: { instances: 2 } } });
  await makeServer(cloud);
});

test('a user uses no more of what the project may than was set for him', async (t) => {
  const cloud = await startCloud(t);
  const { admin, alice } = cloud;
  const params = { tenant_id: alice.projectId };
  const query = { user_id: alice.userId };

  await admin.compute.quotaSets.update({ params, query, body: { quota_set: { instances: 1 } } });

  assert.equal((await admin.compute.quotaSets.show({ params, query })).body.quota_set.instances, 1);
  assert.equal((await admin.compute.quotaSets.show({ params })).body.quota_set.instances, 10);
  await makeServer(cloud);
  await assert.rejects(makeServer(cloud), { status: 403 });
  await assert.rejects(admin.compute.quotaSets.update({ params, query, body: { quota_set: { cores: 100 } } }), { status: 400 });
  assert.deepEqual((await admin.compute.quotaSets.detail({ params, query })).body.quota_set.instances, { in_use: 1, limit: 1, reserved: 0 });
  await admin.compute.quotaSets.delete({ params, query });
  await makeServer(cloud);
});

test('a resize is a migration, which says what became of it', async (t) => {
  const cloud = await startCloud(t);
  const { admin, alice } = cloud;
  const server_id = await makeServer(cloud);
  const statuses = async () => (await admin.compute.migrations.list({ query: { instance_uuid: server_id } })).body.migrations.map(({ status, source_compute: source }) => [status, source !== null]);

  await alice.compute.serverActions.resize({ params: { server_id }, body: { resize: { flavorRef: '2' } } });
  await cloud.settle();
  assert.deepEqual(await statuses(), [['finished', true]]);
  await alice.compute.serverActions.confirmResize({ params: { server_id }, body: { confirmResize: null } });

  assert.deepEqual(await statuses(), [['confirmed', true]]);
  assert.deepEqual((await admin.compute.migrations.list({ query: { status: 'finished' } })).body.migrations, []);
});

test('what other services tell is taken for servers that there are, and refused one by one for others', async (t) => {
  const cloud = await startCloud(t);
  const server_uuid = await makeServer(cloud);
  const nobody = '11111111-1111-4111-8111-111111111111';

  const all = await cloud.admin.compute.externalEvents.create({ body: { events: [{ name: 'network-changed', server_uuid }] } });
  const some = await cloud.admin.compute.externalEvents.create({ body: { events: [{ name: 'network-changed', server_uuid }, { name: 'network-vif-plugged', server_uuid: nobody, tag: nobody }] } });

  assert.deepEqual([all.status, all.body.events], [200, [{ name: 'network-changed', server_uuid, status: 'completed', code: 200 }]]);
  assert.deepEqual([some.status, some.body.events.map(({ status, code }) => [status, code])], [207, [['completed', 200], ['failed', 404]]]);
  await assert.rejects(cloud.alice.compute.externalEvents.create({ body: { events: [{ name: 'network-changed', server_uuid }] } }), { status: 403 });
  await cloud.settle();
  assert.deepEqual(await cloud.diagnose(), []);
});

test('usage is told in pages of servers', async (t) => {
  const cloud = await startCloud(t);
  const servers = [await makeServer(cloud), await makeServer(cloud), await makeServer(cloud)];
  if ('advance' in cloud.clock) (cloud.clock as ManualClock).advance(60_000);
  const ask = async (query: string) => {
    const reply = await cloud.fetch(`http://cloud.example/compute/v2.1/os-simple-tenant-usage/${cloud.alice.projectId}?start=2020-01-01T00:00:00&end=2100-01-01T00:00:00${query}`, { headers: { 'x-auth-token': await cloud.admin.token() } });
    return (await reply.json()) as { tenant_usage: { server_usages: { instance_id: string }[] } };
  };

  assert.deepEqual((await ask('')).tenant_usage.server_usages.map(({ instance_id: id }) => id), servers.toSorted());
});

test('what flavors ask of hosts is checked from 2.86 on', () => {
  const { flavorExtraSpecs } = compute.nouns;
  const at = (version: string) => servedAt('flavorExtraSpecs.create', flavorExtraSpecs.create, compute, version)?.checkBody ?? assert.fail();
  const refused = (version: string, extra_specs: Record<string, string>) => at(version)({ extra_specs }) !== undefined;

  for (const wrong of [{ 'hw:cpu_policy': 'sharde' }, { 'hw:cpu_polciy': 'shared' }, { 'trait:HW_CPU_X86_AVX': 'requierd' }, { 'resources:VCPU': 'two' }, { 'hw:numa_nodes': '0' }]) {
    assert.ok(refused('2.86', wrong as never), JSON.stringify(wrong));
    assert.ok(!refused('2.85', wrong as never), JSON.stringify(wrong));
  }
  for (const right of [{ 'hw:cpu_policy': 'dedicated' }, { 'trait:CUSTOM_FAST': 'forbidden' }, { 'resources1:CUSTOM_GPU': '1' }, { 'hw:numa_cpus.0': '0-1' }, { 'ours:anything': 'at all' }, { plain: 'x' }, { 'capabilities:hypervisor_type': 'QEMU' }])
    assert.ok(!refused('2.86', right as never), JSON.stringify(right));
});

async function makeServer(cloud: TestCloud): Promise<string> {
  const { alice, imageId } = cloud;
  const { body } = await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId } } });
  await cloud.settle();
  return 'server' in body ? body.server.id : assert.fail();
}

test('what is not counted is limited for a project too, and for all that have no limit of their own', async (t) => {
  const cloud = await startCloud(t);
  const { admin, alice } = cloud;
  const params = { tenant_id: alice.projectId };
  const limitsNow = async () => (await alice.compute.limits.show()).body.limits.absolute;

  await admin.compute.quotaClasses.update({ params: { quota_class: 'default' }, body: { quota_class_set: { metadata_items: 5 } } });
  assert.equal((await limitsNow()).maxServerMeta, 5);
  await admin.compute.quotaSets.update({ params, body: { quota_set: { metadata_items: 1, server_group_members: 1 } } });
  assert.equal((await limitsNow()).maxServerMeta, 1);
  const server_id = await makeServer(cloud);
  const two = { one: '1', two: '2' };
  await assert.rejects(alice.compute.serverMetadata.replace({ params: { server_id }, body: { metadata: two } }), { status: 403 });

  const { server_group: group } = (await alice.compute.serverGroups.create({ body: { server_group: { name: 'pair', policies: ['anti-affinity'] } } })).body;
  const join = () => alice.compute.servers.create({ body: { server: { name: 'member', flavorRef: '1', imageRef: cloud.imageId, networks: [] }, 'os:scheduler_hints': { group: group.id } } });
  await join();
  await assert.rejects(join(), { status: 403 });

  await admin.compute.quotaSets.delete({ params });
  assert.equal((await limitsNow()).maxServerMeta, 5);
  await alice.compute.serverMetadata.replace({ params: { server_id }, body: { metadata: two } });
});
