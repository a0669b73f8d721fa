import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { servers } from '../../contract/compute/servers.ts';
import { compute } from '../../contract/compute/service.ts';
import type { BodyOf } from '../../contract/contract.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';

test('the image of a server on volumes stands for snapshots of them, and servers of it have volumes of their own', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  const id = await onVolumes(cloud);

  const { image_id: imageId = '' } = (await alice.client(compute).serverActions.createImage({ params: { server_id: id }, body: { createImage: { name: 'whole', metadata: { colour: 'red' } } } })).body;
  await cloud.settle();

  const image = (await alice.image.images.show({ params: { image_id: imageId } })).body as Record<string, unknown>;
  assert.deepEqual([image['status'], image['size'], image['colour'], image['bdm_v2'], image['root_device_name']], ['active', 0, 'red', 'True', '/dev/vda']);
  const mapping = JSON.parse(String(image['block_device_mapping'])) as Record<string, unknown>[];
  const { snapshots } = (await alice.volume.snapshots.detail()).body;
  assert.deepEqual(mapping.map((each) => [each['source_type'], each['destination_type'], each['boot_index'], each['device_name'], each['volume_size']]), [['snapshot', 'volume', 0, '/dev/vda', 2], ['snapshot', 'volume', null, '/dev/vdb', 1]]);
  assert.deepEqual(new Set(mapping.map((each) => each['snapshot_id'])), new Set(snapshots.map((each) => each.id)));
  assert.deepEqual([...new Set(snapshots.map(({ name, status }) => `${name} ${status}`))], ['snapshot for whole available']);
  assert.equal((await alice.compute.servers.show({ params: { server_id: id } })).body.server['OS-EXT-STS:task_state'], null);

  const again = await create(cloud, { name: 'again', imageRef: imageId });

  const { server } = (await alice.compute.servers.show({ params: { server_id: again } })).body;
  assert.deepEqual([server.status, typeof server.image === 'object' && server.image.id], ['ACTIVE', imageId], JSON.stringify(server.fault));
  const attached = (await alice.compute.serverVolumes.list({ params: { server_id: again } })).body.volumeAttachments;
  const volumes = await Promise.all(attached.map(async ({ volumeId, device }) => ({ device, ...(await alice.volume.volumes.show({ params: { volume_id: volumeId } })).body.volume })));
  assert.deepEqual(volumes.map(({ device, snapshot_id: snapshot, size, status }) => [device, snapshot, size, status]), mapping.map((each) => [each['device_name'], each['snapshot_id'], each['volume_size'], 'in-use']));
  assert.deepEqual(await cloud.diagnose(), []);
});

test('of a server on volumes no backup is made, and no image for which there is no room', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin } = cloud;
  const params = { server_id: await onVolumes(cloud) };

  await assert.rejects(alice.compute.serverActions.createBackup({ params, body: { createBackup: { name: 'copy', backup_type: 'daily', rotation: 1 } } }), { status: 400 });
  await admin.volume.limits.updateQuota({ params: { project_id: alice.projectId }, body: { quota_set: { snapshots: 1 } } });
  await assert.rejects(alice.compute.serverActions.createImage({ params, body: { createImage: { name: 'whole' } } }), { status: 403 });

  await cloud.settle();
  assert.deepEqual((await alice.volume.snapshots.list()).body.snapshots, []);
  assert.deepEqual((await alice.image.images.list({ query: { name: 'whole' } })).body.images, []);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('an image that describes devices that nobody knows boots nothing', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  const { image_id: imageId = '' } = (await alice.client(compute).serverActions.createImage({ params: { server_id: await onVolumes(cloud) }, body: { createImage: { name: 'whole' } } })).body;
  await cloud.settle();

  for (const block_device_mapping of ['not json', '{}', '[{"source_type":"tape"}]', '[]']) {
    await alice.image.images.update({ params: { image_id: imageId }, body: [{ op: 'replace', path: '/block_device_mapping', value: block_device_mapping }] });
    await assert.rejects(create(cloud, { name: 'none', imageRef: imageId }), { status: 400 }, block_device_mapping);
  }
});

type Wish = BodyOf<typeof servers.create>['server'];

async function create({ alice, settle }: TestCloud, wish: Partial<Wish> & { name: string }): Promise<string> {
  const { body } = await alice.client(compute).servers.create({ body: { server: { flavorRef: '1', networks: 'none', ...wish } } });
  await settle();
  return 'server' in body ? body.server.id : assert.fail();
}

/** On one that boots, and one more. */
function onVolumes(cloud: TestCloud): Promise<string> {
  const root = { boot_index: 0, source_type: 'image', destination_type: 'volume', uuid: cloud.imageId, volume_size: 2, delete_on_termination: true } as const;
  const other = { source_type: 'blank', destination_type: 'volume', volume_size: 1, delete_on_termination: true } as const;
  return create(cloud, { name: 'rooted', block_device_mapping_v2: [root, other] });
}
