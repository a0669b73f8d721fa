import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placement as placementContract } from '../../contract/placement/service.ts';
import { systemRandom } from '../../kit/clock.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';

const claimOf = (cloud: TestCloud, allocations: Record<string, Record<string, number>>, generation: number | null = null) => ({
  allocations: Object.fromEntries(Object.entries(allocations).map(([id, resources]) => [id, { resources }])),
  project_id: cloud.alice.projectId,
  user_id: cloud.alice.userId,
  consumer_generation: generation,
  consumer_type: 'INSTANCE',
});

test('what is claimed by operators and by servers is one sum, and never more than there is', async (t) => {
  const cloud = await startCloud(t, { hosts: 1, hostShape: { vcpus: 2, memoryMiB: 4096, diskGiB: 40 } });
  const { placement } = cloud.admin;
  const { uuid } = (await placement.providers.list()).body.resource_providers[0]!;
  const consumer_uuid = systemRandom.uuid();

  await placement.allocations.set({ params: { consumer_uuid }, body: claimOf(cloud, { [uuid]: { MEMORY_MB: 3000 } }) });

  assert.equal(await statusOfServer(cloud), 'ACTIVE');
  assert.equal(await statusOfServer(cloud), 'ERROR');
  await assert.rejects(placement.allocations.set({ params: { consumer_uuid }, body: claimOf(cloud, { [uuid]: { MEMORY_MB: 3500 } }, 1) }), { status: 409 });
  assert.deepEqual((await placement.allocations.show({ params: { consumer_uuid } })).body.allocations[uuid]?.resources, { MEMORY_MB: 3000 });
  await placement.allocations.delete({ params: { consumer_uuid } });
  assert.equal(await statusOfServer(cloud), 'ACTIVE');
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a claim of a server is its own: placement shows it and does not take it away', async (t) => {
  const cloud = await startCloud(t);
  await statusOfServer(cloud);
  const [server] = (await cloud.alice.compute.servers.list()).body.servers;
  const params = { consumer_uuid: server!.id };

  const { body } = await cloud.admin.placement.allocations.show({ params });

  assert.deepEqual([body.project_id, body.consumer_type, Object.values(body.allocations)[0]?.resources], [cloud.alice.projectId, 'INSTANCE', { DISK_GB: 1, MEMORY_MB: 512, VCPU: 1 }]);
  await assert.rejects(cloud.admin.placement.allocations.delete({ params }), { status: 409 });
  assert.deepEqual((await cloud.reader.placement.usages.show({ query: { project_id: cloud.alice.projectId } })).body.usages, { INSTANCE: { DISK_GB: 1, MEMORY_MB: 512, VCPU: 1, consumer_count: 1 } });
  await assert.rejects(cloud.bob.placement.usages.show({ query: { project_id: cloud.alice.projectId } }), { status: 403 });
});

test('who is a generation behind is refused, with the code by which clients know it', async (t) => {
  const { admin } = await startCloud(t);
  const { placement } = admin;
  const { uuid } = (await placement.providers.create({ body: { name: 'storage' } })).body;
  const set = (total: number, generation: number) => placement.providers.setInventories({ params: { uuid }, body: { resource_provider_generation: generation, inventories: { DISK_GB: { total } } } });

  // Up to 1.25 something has to be left.
  const kept = { resource_provider_generation: 0, inventories: { DISK_GB: { total: 100, reserved: 100 } } };
  await assert.rejects(admin.client(placementContract, undefined, '1.25').providers.setInventories({ params: { uuid }, body: kept }), { status: 400 });

  assert.equal((await set(100, 0)).body.resource_provider_generation, 1);
  const refused = await set(200, 0).then(() => assert.fail(), (error: unknown) => error as { status: number; body: { errors: { code: string }[] } });

  assert.deepEqual([refused.status, refused.body.errors[0]?.code], [409, 'placement.concurrent_update']);
  await assert.rejects(placement.providers.create({ body: { name: 'storage' } }), { status: 409 });
});

test('candidates are of one tree with what shares with it, apart where that is asked for, and have the traits', async (t) => {
  const cloud = await startCloud(t, { hosts: 0 });
  const { placement } = cloud.admin;
  const make = async (name: string, inventories: Record<string, { total: number }>, more: { parent?: string; traits?: string[]; groups?: string[] } = {}) => {
    const { uuid } = (await placement.providers.create({ body: { name, ...(more.parent ? { parent_provider_uuid: more.parent } : {}) } })).body;
    await placement.providers.setInventories({ params: { uuid }, body: { resource_provider_generation: 0, inventories } });
    if (more.traits) await placement.providers.setTraits({ params: { uuid }, body: { traits: more.traits, resource_provider_generation: 1 } });
    if (more.groups) await placement.providers.setAggregates({ params: { uuid }, body: { aggregates: more.groups, resource_provider_generation: more.traits ? 2 : 1 } });
    return uuid;
  };
  const group = systemRandom.uuid();
  const host = await make('host', { VCPU: { total: 8 }, MEMORY_MB: { total: 8192 } }, { groups: [group] });
  const [left, right] = [await make('left', { SRIOV_NET_VF: { total: 4 } }, { parent: host, traits: ['HW_NIC_SRIOV'] }), await make('right', { SRIOV_NET_VF: { total: 4 } }, { parent: host })];
  const storage = await make('storage', { DISK_GB: { total: 100 } }, { traits: ['MISC_SHARES_VIA_AGGREGATE'], groups: [group] });
  const ask = async (query: string) => {
    const reply = await cloud.fetch(`http://cloud.example/placement/allocation_candidates?${query}`, { headers: { 'x-auth-token': await cloud.admin.token(), 'openstack-api-version': 'placement 1.39' } });
    const body = (await reply.json()) as { allocation_requests: { allocations: Record<string, { resources: object }> }[] };
    return reply.status === 200 ? body.allocation_requests.map(({ allocations }) => Object.fromEntries(Object.entries(allocations).map(([id, { resources }]) => [id, resources]))) : reply.status;
  };

  assert.deepEqual(await ask('resources=VCPU:1,DISK_GB:10'), [{ [host]: { VCPU: 1 }, [storage]: { DISK_GB: 10 } }]);
  assert.deepEqual(await ask('resources=VCPU:1,MEMORY_MB:9000'), []);
  assert.deepEqual(await ask('resources=VCPU:1&resources_A=SRIOV_NET_VF:1&required_A=HW_NIC_SRIOV'), [{ [host]: { VCPU: 1 }, [left]: { SRIOV_NET_VF: 1 } }]);
  assert.deepEqual(await ask('resources=VCPU:1&resources1=SRIOV_NET_VF:1&required1=!HW_NIC_SRIOV'), [{ [host]: { VCPU: 1 }, [right]: { SRIOV_NET_VF: 1 } }]);
  assert.equal(((await ask('resources1=SRIOV_NET_VF:1&resources2=SRIOV_NET_VF:1&group_policy=isolate')) as object[]).length, 2);
  assert.equal(((await ask('resources1=SRIOV_NET_VF:1&resources2=SRIOV_NET_VF:1&group_policy=none')) as object[]).length, 4);
  assert.deepEqual(await ask('resources1=SRIOV_NET_VF:1&resources2=SRIOV_NET_VF:1&group_policy=none&same_subtree=1,2&limit=1'), [{ [left]: { SRIOV_NET_VF: 2 } }]);
  assert.equal(await ask('resources1=SRIOV_NET_VF:1&resources2=SRIOV_NET_VF:1'), 400);
  assert.equal(await ask('resources=NOTHING:1'), 400);
  assert.equal(await ask('required=HW_NIC_SRIOV'), 400);
  assert.deepEqual(await ask(`resources=VCPU:1&in_tree=${left}`), [{ [host]: { VCPU: 1 } }]);
  assert.deepEqual(await ask('resources=VCPU:1&root_required=HW_NIC_SRIOV'), []);
  assert.equal(((await ask('resources=SRIOV_NET_VF:1&required=in:HW_NIC_SRIOV,HW_NIC_DCB_ETS')) as object[]).length, 1);
});

test('a reshape moves what is claimed together with what there is', async (t) => {
  const cloud = await startCloud(t, { hosts: 0 });
  const { placement } = cloud.admin;
  const parent = (await placement.providers.create({ body: { name: 'host' } })).body.uuid;
  const child = (await placement.providers.create({ body: { name: 'gpu', parent_provider_uuid: parent } })).body.uuid;
  await placement.providers.setInventories({ params: { uuid: parent }, body: { resource_provider_generation: 0, inventories: { VGPU: { total: 4 }, VCPU: { total: 4 } } } });
  const consumer_uuid = systemRandom.uuid();
  await placement.allocations.set({ params: { consumer_uuid }, body: claimOf(cloud, { [parent]: { VGPU: 1, VCPU: 1 } }) });
  const generationOf = async (uuid: string) => (await placement.providers.show({ params: { uuid } })).body.generation;

  await placement.reshaper.reshape({
    body: {
      inventories: {
        [parent]: { resource_provider_generation: await generationOf(parent), inventories: { VCPU: { total: 4 } } },
        [child]: { resource_provider_generation: await generationOf(child), inventories: { VGPU: { total: 4 } } },
      },
      allocations: { [consumer_uuid]: claimOf(cloud, { [parent]: { VCPU: 1 }, [child]: { VGPU: 1 } }, 1) },
    },
  });

  const { body } = await placement.allocations.show({ params: { consumer_uuid } });
  assert.deepEqual([body.allocations[parent]?.resources, body.allocations[child]?.resources, body.consumer_generation], [{ VCPU: 1 }, { VGPU: 1 }, 2]);
  assert.deepEqual(Object.keys((await placement.providers.inventories({ params: { uuid: parent } })).body.inventories), ['VCPU']);
  await assert.rejects(placement.providers.delete({ params: { uuid: parent } }), { status: 409 });
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a group that placement is told of is the same as compute’s: the zone follows', async (t) => {
  const { admin } = await startCloud(t);
  const { aggregate } = (await admin.compute.aggregates.create({ body: { aggregate: { name: 'east', availability_zone: 'east' } } })).body;
  const groups = (await admin.compute.aggregates.addHost({ params: { aggregate_id: String(aggregate.id) }, body: { add_host: { host: 'host-1' } } })).body.aggregate;
  const providers = (await admin.placement.providers.list()).body.resource_providers;
  const [one, other] = ['host-1', 'host-2'].map((name) => providers.find((each) => each.name === name));

  const { body } = await admin.placement.providers.aggregates({ params: { uuid: one!.uuid } });
  await admin.placement.providers.setAggregates({ params: { uuid: other!.uuid }, body: { aggregates: body.aggregates, resource_provider_generation: other!.generation } });

  assert.deepEqual(groups.hosts, ['host-1']);
  assert.deepEqual((await admin.compute.aggregates.show({ params: { aggregate_id: String(aggregate.id) } })).body.aggregate.hosts.toSorted(), ['host-1', 'host-2']);
  assert.deepEqual((await admin.compute.services.list({ query: { binary: 'nova-compute' } })).body.services.map(({ host, zone }) => `${host} ${zone}`).toSorted(), ['host-1 east', 'host-2 east', 'host-3 nova']);
});

async function statusOfServer(cloud: TestCloud): Promise<string> {
  const { alice, imageId } = cloud;
  const { body } = await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId } } });
  await cloud.settle();
  return (await alice.compute.servers.show({ params: { server_id: 'server' in body ? body.server.id : assert.fail() } })).body.server.status;
}
