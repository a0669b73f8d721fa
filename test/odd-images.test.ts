import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCompute } from '../services/compute/compute.ts';
import { makeImage } from '../services/image/image.ts';
import { makeNetwork } from '../services/network/network.ts';
import { makeVolume } from '../services/volume/volume.ts';
import { startCloud } from './cloud.ts';

test('an image without bytes is refused, those of odd sizes become disks, and no work gets less than a minute for being about little (FAILURES 48)', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  const empty = (await alice.image.images.create({ body: { name: 'empty', disk_format: 'raw', container_format: 'bare' } })).body.id;
  await assert.rejects(alice.image.imageData.upload({ params: { image_id: empty }, body: Buffer.alloc(0) as never }), { status: 415 });
  for (const bytes of [1, 511, 513, 65_537]) {
    const { id: image_id } = (await alice.image.images.create({ body: { name: `${bytes} bytes`, disk_format: 'raw', container_format: 'bare' } })).body;
    await alice.image.imageData.upload({ params: { image_id }, body: Buffer.alloc(bytes, 'x') as never });
    const image = (await alice.image.images.show({ params: { image_id } })).body;
    assert.deepEqual([image.status, image.size], ['active', bytes]);

    const { body } = await alice.compute.servers.create({ body: { server: { name: 's', flavorRef: '1', imageRef: image_id, networks: [] } } });
    const { volume } = (await alice.volume.volumes.create({ body: { volume: { size: 1, imageRef: image_id } } })).body;
    await cloud.settle();

    const server_id = 'server' in body ? body.server.id : assert.fail();
    const { server } = (await alice.compute.servers.show({ params: { server_id } })).body;
    assert.deepEqual([server.status, server.fault], ['ACTIVE', undefined]);
    assert.equal((await alice.volume.volumes.show({ params: { volume_id: volume.id } })).body.volume.status, 'available');
    await alice.compute.servers.delete({ params: { server_id } });
    await cloud.settle();
  }
  assert.deepEqual(await cloud.diagnose(), []);

  const workflows = [makeCompute, makeVolume, makeImage, makeNetwork].flatMap((make) => make(cloud.cloud.region).workflows);
  assert.ok(workflows.length > 40);
  assert.deepEqual(workflows.filter(({ deadlineSeconds }) => !(deadlineSeconds >= 60)).map(({ name }) => name), []);
});
