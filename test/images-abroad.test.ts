/** Images of one region in another: `glance-download`, both ways. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { image } from '../contract/image/service.ts';
import { soundQcow2 } from '../services/image/intake/corpus.ts';
import { startCloud } from './cloud.ts';
import { addRegion } from './several-regions.ts';

test('an image of one region comes into another with its format and what hosts have to know of it, as whoever imports it sees it there', async (t) => {
  const cloud = await startCloud(t);
  const { admin, alice } = cloud;
  const two = await addRegion(t, cloud, 'two');
  // Bytes go over sockets: from now on the catalog says at which the two answer.
  for (const [region, door] of [['RegionOne', cloud.door], ['two', two.door]] as const) {
    const url = `${await door.listen({ host: '127.0.0.1', port: 0 })}/image`;
    const { services } = (await admin.identity.services.list({ query: { type: 'image' } })).body;
    const { endpoints } = (await admin.identity.endpoints.list({ query: { service_id: services[0]!.id, region_id: region } })).body;
    for (const { id } of endpoints) await admin.identity.endpoints.update({ params: { endpoint_id: id }, body: { endpoint: { url } } });
  }
  const inTwo = { images: alice.client(image, 'http://two.example'), admin: admin.client(image, 'http://two.example'), settle: two.settle };
  const inOne = { images: alice.image, admin: admin.image, settle: cloud.settle };

  for (const { from, to, region } of [{ from: inOne, to: inTwo, region: 'regionone' }, { from: inTwo, to: inOne, region: 'two' }]) {
    const body = { name: 'theirs', disk_format: 'qcow2', container_format: 'bare' } as const;
    const make = async (by: typeof from.images, more: object = {}) => (await by.images.create({ body: { ...body, ...more } })).body.id!;
    const upload = (by: typeof from.images, id: string) => by.imageData.upload({ params: { image_id: id }, body: soundQcow2() as never });
    const [theirs, empty, hidden] = [await make(from.images, { hw_disk_bus: 'virtio', os_distro: 'cirros', note: 'stays there' }), await make(from.images), await make(from.admin)];
    await upload(from.images, theirs);
    await upload(from.admin, hidden);
    assert.ok((await to.images.imports.methods()).body['import-methods'].value.includes('glance-download'));
    const bring = async (more: object = {}) => {
      const id = await make(to.images, { name: 'ours', disk_format: 'raw' });
      await to.images.imports.import({ params: { image_id: id }, body: { method: { name: 'glance-download', glance_region: region, glance_image_id: theirs, ...more } } });
      await to.settle();
      const { body: shown } = await to.images.images.show({ params: { image_id: id } });
      return shown as Record<string, unknown>;
    };

    const ours = await bring();
    const { body: there } = await from.images.images.show({ params: { image_id: theirs } });
    assert.equal(ours['os_intercloud_failure'], undefined);
    assert.deepEqual(['status', 'name', 'disk_format', 'hw_disk_bus', 'os_distro', 'note', 'os_hash_value'].map((key) => ours[key]), ['active', 'ours', 'qcow2', 'virtio', 'cirros', undefined, there.os_hash_value]);

    // Once is enough.
    if (to === inOne) continue;
    for (const [more, words] of [
      [{ glance_region: 'nowhere' }, /public glance endpoint not found for region nowhere/],
      [{ glance_service_interface: 'odd' }, /odd glance endpoint not found/],
      [{ glance_image_id: empty }, /should be active instead of queued/],
      [{ glance_image_id: hidden }, /answers with 404/],
    ] as const) {
      const failed = await bring(more);
      assert.deepEqual([failed['status'], failed['disk_format'], failed['note']], ['queued', 'raw', undefined]);
      assert.match(String(failed['os_intercloud_failure']), words);
    }
    for (const wrong of [{ glance_region: undefined }, { glance_image_id: undefined }, { glance_image_id: '../../v3' }]) await assert.rejects(bring(wrong), { status: 400 });
  }

  assert.deepEqual([await cloud.diagnose(), await two.diagnose()], [[], []]);
});
