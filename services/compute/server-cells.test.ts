import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compute } from '../../contract/compute/service.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { serverSpec } from './server-spec.ts';

/** Cells 0 and 1 with 4096 MiB each; of their processors 2, 3, 6 and 7 are for one guest each. */
const hostShape = { vcpus: 8, memoryMiB: 8_192, diskGiB: 100, numaCells: 2, ownVcpus: 4, devices: { gpu: 1 } };

test('processors of its own are one server’s alone, told to its host, and another’s when it is gone', async (t) => {
  const cloud = await startCloud(t, { hosts: 1, hostShape });
  const own = await flavorOf(cloud, { vcpus: 2, ram: 1_024 }, { 'hw:cpu_policy': 'dedicated' });
  const [first, second] = [await create(cloud, own), await create(cloud, own)];

  assert.deepEqual(await nodesOf(cloud, first, 'admin'), [{ vcpu_set: [0, 1], siblings: [], memory_mb: 1_024, host_node: 0, cpu_pinning: { 0: 2, 1: 3 } }]);
  assert.deepEqual(await nodesOf(cloud, first, 'alice'), [{ vcpu_set: [0, 1], siblings: [], memory_mb: 1_024 }]);
  assert.deepEqual((await nodesOf(cloud, second, 'admin'))[0]?.cpu_pinning, { 0: 6, 1: 7 });
  const spec = await cloud.cloud.region.database.read({ kind: 'system', reason: 'a test' }, (tx) => serverSpec(tx, second));
  assert.deepEqual(spec.cells, [{ cell: 1, vcpus: [0, 1], memoryMiB: 1_024, processors: { 0: 6, 1: 7 } }]);
  assert.match(await refusalOf(cloud, await create(cloud, own)), /0 of these have room for 2 of PCPU \(Room\)\.$/);

  await cloud.alice.compute.servers.delete({ params: { server_id: first } });
  await cloud.settle();
  assert.deepEqual((await nodesOf(cloud, await create(cloud, own), 'admin'))[0]?.cpu_pinning, { 0: 2, 1: 3 });
  assert.deepEqual(await cloud.diagnose(), []);
});

test('an image asks for processors of its own where the flavor leaves that open, and a server that is made anew keeps those that it has', async (t) => {
  const cloud = await startCloud(t, { hosts: 1, hostShape });
  const { admin, alice, imageId } = cloud;
  const plain = await flavorOf(cloud, { vcpus: 2, ram: 1_024 }, {});
  const shared = await create(cloud, plain);
  const { image_id: own = '' } = (await alice.client(compute).serverActions.createImage({ params: { server_id: shared }, body: { createImage: { name: 'own' } } })).body;
  await cloud.settle();
  await admin.image.images.update({ params: { image_id: own }, body: [{ op: 'add', path: '/hw_cpu_policy', value: 'dedicated' }] });

  const pinned = await create(cloud, plain, own);

  assert.deepEqual((await nodesOf(cloud, pinned, 'admin')).map(({ vcpu_set, cpu_pinning }) => [vcpu_set, cpu_pinning]), [[[0, 1], { 0: 2, 1: 3 }]]);
  assert.deepEqual(await nodesOf(cloud, shared, 'admin'), []);
  for (const [server_id, imageRef] of [[shared, own], [pinned, imageId]] as const)
    await assert.rejects(alice.compute.serverActions.rebuild({ params: { server_id }, body: { rebuild: { imageRef } } }), { status: 400, message: /NUMA topology cannot be changed as part of a rebuild/ });
  await create(cloud, plain, own);
  assert.match(await refusalOf(cloud, await create(cloud, plain, own)), /0 of these have room for 2 of PCPU \(Room\)\.$/);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('the cells of a guest are held to cells of its host that have the memory, or it is said that none has', async (t) => {
  const cloud = await startCloud(t, { hosts: 1, hostShape });
  const both = await flavorOf(cloud, { vcpus: 2, ram: 1_024 }, { 'hw:numa_nodes': '2', 'hw:numa_cpus.0': '1', 'hw:numa_mem.0': '768', 'hw:numa_cpus.1': '0', 'hw:numa_mem.1': '256' });
  const one = await flavorOf(cloud, { vcpus: 1, ram: 2_100 }, { 'hw:numa_nodes': '1' });

  const nodes = await nodesOf(cloud, await create(cloud, both), 'admin');
  assert.deepEqual(nodes.map(({ vcpu_set, memory_mb, host_node, cpu_pinning }) => [vcpu_set, memory_mb, host_node, cpu_pinning]), [[[1], 768, 0, {}], [[0], 256, 1, {}]]);
  const held = [await create(cloud, one), await create(cloud, one)];
  assert.deepEqual(await Promise.all(held.map(async (id) => (await nodesOf(cloud, id, 'admin'))[0]?.host_node)), [0, 1]);
  assert.match(await refusalOf(cloud, await create(cloud, one)), /1 of these can hold a guest to its processors \(hw:numa_nodes=1\) \(NUMATopologyFilter\), 0 of these have that much free in as many of their cells \(NUMATopologyFilter\)/);
  assert.match(await refusalOf(cloud, await create(cloud, await flavorOf(cloud, { vcpus: 1, ram: 512 }, { 'hw:mem_page_size': 'large' }))), /0 of these can hold a guest to its processors \(hw:mem_page_size=large\)/);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a device is handed to one server, and a server that moves has cells where it is', async (t) => {
  const cloud = await startCloud(t, { hosts: 2, hostShape });
  const { alice } = cloud;
  const gpu = await flavorOf(cloud, { vcpus: 2, ram: 1_024 }, { 'pci_passthrough:alias': 'gpu:1', 'hw:cpu_policy': 'dedicated' });
  const [server_id, other] = [await create(cloud, gpu), await create(cloud, gpu)];
  assert.match(await refusalOf(cloud, await create(cloud, gpu)), /0 of these have room for 1 of CUSTOM_PCI_GPU \(Room\)/);
  await alice.compute.servers.delete({ params: { server_id: other } });
  await cloud.settle();
  const plain = await flavorOf(cloud, { vcpus: 2, ram: 2_048 }, { 'hw:numa_nodes': '2' });
  const before = await nodesOf(cloud, server_id, 'admin');

  const resize = async () => {
    await alice.compute.serverActions.resize({ params: { server_id }, body: { resize: { flavorRef: plain } } });
    await cloud.settle();
  };
  await resize();
  assert.deepEqual((await nodesOf(cloud, server_id, 'admin')).map(({ host_node, memory_mb }) => [host_node, memory_mb]), [[0, 1_024], [1, 1_024]]);
  assert.deepEqual(await cloud.diagnose(), []);
  await alice.compute.serverActions.revertResize({ params: { server_id }, body: { revertResize: null } });
  await cloud.settle();
  assert.deepEqual(await nodesOf(cloud, server_id, 'admin'), before);
  await resize();
  await alice.compute.serverActions.confirmResize({ params: { server_id }, body: { confirmResize: null } });
  await cloud.settle();
  assert.deepEqual((await nodesOf(cloud, server_id, 'admin')).length, 2);
  assert.deepEqual(await cloud.diagnose(), []);
});

async function flavorOf({ admin }: TestCloud, { vcpus, ram }: { vcpus: number; ram: number }, extra_specs: Record<string, string>): Promise<string> {
  const { flavor } = (await admin.compute.flavors.create({ body: { flavor: { name: crypto.randomUUID(), vcpus, ram, disk: 1 } } })).body;
  await admin.compute.flavorExtraSpecs.create({ params: { flavor_id: flavor.id }, body: { extra_specs } });
  return flavor.id;
}

async function create({ alice, imageId, settle }: TestCloud, flavorRef: string, imageRef = imageId): Promise<string> {
  const { body } = await alice.compute.servers.create({ body: { server: { name: 's', flavorRef, imageRef, networks: [] } } });
  await settle();
  return 'server' in body ? body.server.id : assert.fail();
}

async function nodesOf(cloud: TestCloud, server_id: string, who: 'alice' | 'admin') {
  return (await cloud[who].client(compute).serverTopology.show({ params: { server_id } })).body.nodes;
}

async function refusalOf({ alice }: TestCloud, server_id: string): Promise<string> {
  const { status, fault } = (await alice.compute.servers.show({ params: { server_id } })).body.server;
  assert.equal(status, 'ERROR');
  return fault?.message ?? '';
}
