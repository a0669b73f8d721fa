import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { servers } from '../../contract/compute/servers.ts';
import { compute } from '../../contract/compute/service.ts';
import type { BodyOf } from '../../contract/contract.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';

test('a server on a volume is made anew on it from 2.93 on, and before only with the image that it has', async (t) => {
  const cloud = await startCloud(t);
  const { alice, imageId } = cloud;
  const id = await onVolume(cloud);
  const params = { server_id: id };
  const volumeId = (await alice.compute.serverVolumes.list({ params })).body.volumeAttachments[0]?.volumeId ?? '';
  const other = await imageOf(cloud, id);
  const rebuild = (imageRef: string, version?: string) => alice.client(compute, undefined, version).serverActions.rebuild({ params, body: { rebuild: { imageRef } } });
  const imageOn = async () => (await alice.volume.volumes.show({ params: { volume_id: volumeId } })).body.volume.volume_image_metadata?.['image_id'];

  await assert.rejects(rebuild(other, '2.92'), { status: 400 });
  await rebuild(imageId, '2.92');
  await cloud.settle();
  assert.deepEqual([await statusOf(cloud, id), await imageOn()], ['ACTIVE', imageId]);

  await rebuild(other);
  assert.equal(await statusOf(cloud, id), 'REBUILD');
  await cloud.settle();

  const { server } = (await alice.compute.servers.show({ params })).body;
  assert.deepEqual([server.status, server.image, await imageOn()], ['ACTIVE', '', other], JSON.stringify(server.fault));
  assert.equal((await alice.volume.volumes.show({ params: { volume_id: volumeId } })).body.volume.status, 'in-use');
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a new name of a server leaves the name of its guest as it is', async (t) => {
  const cloud = await startCloud(t);
  const id = await create(cloud, { name: 'web', imageRef: cloud.imageId });
  const params = { server_id: id };
  const newest = cloud.alice.client(compute);

  await newest.serverActions.rebuild({ params, body: { rebuild: { imageRef: cloud.imageId, name: 'shop' } } });
  await cloud.settle();
  await newest.servers.update({ params, body: { server: { name: 'store' } } });

  const { server } = (await newest.servers.show({ params })).body;
  assert.deepEqual([server.name, server['OS-EXT-SRV-ATTR:hostname']], ['store', 'web']);
});

test('a server is not made anew of an image that its host may not have (ATTACKS 35)', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const { admin, alice, imageId } = cloud;
  const id = await create(cloud, { name: 'web', imageRef: imageId });
  const rooted = await onVolume(cloud);
  const other = await imageOf(cloud, id);
  await admin.image.images.update({ params: { image_id: other }, body: [{ op: 'add', path: '/trait:CUSTOM_LICENSED', value: 'required' }] });
  const rebuild = async (server_id: string) => {
    await alice.client(compute).serverActions.rebuild({ params: { server_id }, body: { rebuild: { imageRef: other, name: 'other' } } });
    assert.equal(await statusOf(cloud, server_id), 'REBUILD');
    await cloud.settle();
    return (await alice.compute.servers.show({ params: { server_id } })).body.server;
  };

  for (const each of [id, rooted]) {
    const { status, fault, name, image } = await rebuild(each);
    assert.deepEqual([status, fault?.code, name], ['ERROR', 500, each === id ? 'web' : 'rooted']);
    assert.match(fault?.message ?? '', /^No valid host was found/);
    if (each === id) assert.equal((image as { id: string }).id, imageId);
  }

  const [provider] = (await admin.placement.providers.list()).body.resource_providers;
  const params = { uuid: provider!.uuid };
  await admin.placement.traits.create({ params: { name: 'CUSTOM_LICENSED' } });
  const { body: has } = await admin.placement.providers.traits({ params });
  await admin.placement.providers.setTraits({ params, body: { traits: [...has.traits, 'CUSTOM_LICENSED'], resource_provider_generation: has.resource_provider_generation } });
  for (const each of [id, rooted]) {
    const { status, name } = await rebuild(each);
    assert.deepEqual([status, name], ['ACTIVE', 'other']);
  }
  assert.deepEqual(await cloud.diagnose(), []);
});

type Wish = BodyOf<typeof servers.create>['server'];

async function create({ alice, settle }: TestCloud, wish: Partial<Wish> & { name: string }): Promise<string> {
  const { body } = await alice.client(compute).servers.create({ body: { server: { flavorRef: '1', networks: 'none', ...wish } } });
  await settle();
  return 'server' in body ? body.server.id : assert.fail();
}

function onVolume(cloud: TestCloud): Promise<string> {
  return create(cloud, { name: 'rooted', block_device_mapping_v2: [{ boot_index: 0, source_type: 'image', destination_type: 'volume', uuid: cloud.imageId, volume_size: 2, delete_on_termination: true }] });
}

/** Another image of the same bytes. */
async function imageOf(cloud: TestCloud, beside: string): Promise<string> {
  const id = await create(cloud, { name: `beside ${beside}`, imageRef: cloud.imageId });
  const { image_id: made = '' } = (await cloud.alice.client(compute).serverActions.createImage({ params: { server_id: id }, body: { createImage: { name: 'other' } } })).body;
  await cloud.settle();
  return made;
}

async function statusOf({ alice }: TestCloud, id: string): Promise<string> {
  return (await alice.compute.servers.show({ params: { server_id: id } })).body.server.status;
}
