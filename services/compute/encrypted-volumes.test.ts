import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compute } from '../../contract/compute/service.ts';
import { startCloud } from '../../test/cloud.ts';

test('a server starts from an encrypted volume and uses another, wherever it is, as long as they have their keys', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin } = cloud;
  const { id: typeId } = (await admin.volume.types.create({ body: { volume_type: { name: 'secret' } } })).body.volume_type;
  await admin.volume.types.createEncryption({ params: { type_id: typeId }, body: { encryption: { provider: 'luks', control_location: 'front-end', cipher: 'aes-xts-plain64', key_size: 512 } } });
  const make = async (source: object): Promise<string> => {
    const { id } = (await alice.volume.volumes.create({ body: { volume: { size: 1, volume_type: 'secret', ...source } } })).body.volume;
    await cloud.settle();
    return id;
  };
  const [root, data] = [await make({ imageRef: cloud.imageId }), await make({})];

  const { body } = await alice.client(compute).servers.create({ body: { server: { name: 'web', flavorRef: '1', networks: 'none', block_device_mapping_v2: [{ source_type: 'volume', destination_type: 'volume', uuid: root, boot_index: 0 }] } } });
  const id = 'server' in body ? body.server.id : assert.fail();
  await cloud.settle();
  await alice.compute.serverVolumes.attach({ params: { server_id: id }, body: { volumeAttachment: { volumeId: data } } });
  await cloud.settle();
  const shown = async () => (await admin.compute.servers.show({ params: { server_id: id } })).body.server;
  assert.equal((await shown()).status, 'ACTIVE', JSON.stringify((await shown()).fault));
  assert.deepEqual((await cloud.driver.servers.list())[0]?.volumes, [data]);

  const host = (await shown())['OS-EXT-SRV-ATTR:host'];
  await admin.client(compute).serverActions.migrateLive({ params: { server_id: id }, body: { 'os-migrateLive': { host: null, block_migration: 'auto' } as never } });
  await cloud.settle();
  assert.equal((await shown()).status, 'ACTIVE');
  assert.notEqual((await shown())['OS-EXT-SRV-ATTR:host'], host);
  await alice.client(compute).serverActions.reboot({ params: { server_id: id }, body: { reboot: { type: 'HARD' } } });
  await cloud.settle();
  await alice.compute.serverVolumes.detach({ params: { server_id: id, volume_id: data } });
  await cloud.settle();
  assert.deepEqual([(await shown()).status, (await cloud.driver.servers.list())[0]?.volumes], ['ACTIVE', []]);

  await alice.compute.servers.delete({ params: { server_id: id } });
  await cloud.settle();
  for (const each of [root, data]) await alice.volume.volumes.delete({ params: { volume_id: each } });
  await cloud.settle();
  assert.deepEqual(await cloud.diagnose(), []);
});
