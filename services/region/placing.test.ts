import assert from 'node:assert/strict';
import { test } from 'node:test';
import { region } from '../../contract/intercloud/region.ts';
import { startCloud } from '../../test/cloud.ts';

test('an operator learns how many of a flavor fit, and it is as many as there can be made', async (t) => {
  const cloud = await startCloud(t, { hosts: 2, hostShape: { vcpus: 4, memoryMiB: 2_048, diskGiB: 10 } });
  const { admin, alice, imageId } = cloud;
  const asked = async (more: object = {}) => (await admin.client(region).placing.whatIf({ body: { flavor: '1', ...more } })).body;

  // 512 MiB of each are kept for the host itself.
  const before = await asked();
  assert.deepEqual([before.fits, before.hosts, before.room], [6, 2, [{ host: 'host-1', availability_zone: 'nova', fits: 3 }, { host: 'host-2', availability_zone: 'nova', fits: 3 }]]);
  await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId, min_count: 6, max_count: 6 } } });
  await cloud.settle();

  assert.ok((await alice.compute.servers.detail()).body.servers.every(({ status }) => status === 'ACTIVE'));
  const after = await asked();
  assert.deepEqual([after.fits, after.questions.at(-2)], [0, { filter: 'Room', says: 'have room for 512 of MEMORY_MB', hosts: 0 }]);
  assert.equal((await asked({ extra_specs: { 'trait:HW_CPU_X86_AVX': 'required' } })).questions.find(({ filter }) => filter === 'Traits')?.hosts, 0);
  await assert.rejects(alice.client(region).placing.whatIf({ body: { flavor: '1' } }), { status: 403 });
  await assert.rejects(asked({ flavor: 'none' }), { status: 400 });
});

test('an operator reads why a server is on its host, and deciding again gives the same', async (t) => {
  const cloud = await startCloud(t);
  const { admin, alice, imageId } = cloud;
  const { body } = await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId } } });
  const server_id = 'server' in body ? body.server.id : assert.fail();
  await cloud.settle();

  const why = (await admin.client(region).placing.show({ params: { server_id } })).body;

  const shown = (await admin.compute.servers.show({ params: { server_id } })).body.server;
  assert.deepEqual([why.host, why.again, why.finalists.length], [shown['OS-EXT-SRV-ATTR:host'], why.host, 3]);
  assert.ok(why.questions.every(({ hosts }) => hosts === 3));
});

test('a tenant reads of each thing that was asked how many hosts it left, and no host by name', async (t) => {
  const cloud = await startCloud(t, { hosts: 3 });
  const { admin, alice, imageId } = cloud;
  const { flavor } = (await admin.compute.flavors.create({ body: { flavor: { name: 'own', vcpus: 1, ram: 512, disk: 1 } } })).body;
  await admin.compute.flavorExtraSpecs.create({ params: { flavor_id: flavor.id }, body: { extra_specs: { 'hw:cpu_policy': 'dedicated', 'trait:HW_CPU_X86_AVX': 'forbidden' } } });

  const { body } = await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: flavor.id, imageRef: imageId } } });
  await cloud.settle();

  const params = { server_id: 'server' in body ? body.server.id : assert.fail() };
  const message = (await alice.compute.servers.show({ params })).body.server.fault?.message ?? '';
  assert.equal(
    message,
    'No valid host was found. There are not enough hosts available. Of 3 hosts, 3 are in service (ComputeFilter), 3 of these have the traits (Traits), ' +
      '0 of these can hold a guest to its processors (hw:cpu_policy=dedicated) (NUMATopologyFilter), 0 of these have room for 1 of DISK_GB (Room), 0 of these have room for 512 of MEMORY_MB (Room), 0 of these have room for 1 of PCPU (Room).',
  );
  const [action] = (await alice.compute.instanceActions.list({ params })).body.instanceActions;
  assert.equal(action?.message, message);
  assert.deepEqual(await cloud.diagnose(), []);
});
