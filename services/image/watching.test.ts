import assert from 'node:assert/strict';
import { test } from 'node:test';
import { image as contract } from '../../contract/image/service.ts';
import { startCloud } from '../../test/cloud.ts';
import { watch, watchable } from '../../test/watcher.ts';

test('whoever watches images or whom one is shared with is told what happens to them', async (t) => {
  const cloud = await startCloud(t);
  const { alice, bob } = cloud;
  const image_id = (await alice.image.images.create({ body: { name: 'shared', visibility: 'shared' } })).body.id;
  assert.deepEqual(watchable(contract).toSorted(), ['image.images.list', 'image.members.list']);
  const images = await watch(t, cloud, alice, '/image/v2/images');
  const members = await watch(t, cloud, alice, `/image/v2/images/${image_id}/members`);

  await alice.image.members.add({ params: { image_id }, body: { member: bob.projectId } });
  await bob.image.members.update({ params: { image_id, member_id: bob.projectId }, body: { status: 'accepted' } });
  await alice.image.members.remove({ params: { image_id, member_id: bob.projectId } });
  await alice.image.images.delete({ params: { image_id } });

  assert.equal((await members.until('the share', () => true)).data['member_id'], bob.projectId);
  await members.until('its end', ({ event }) => event === 'deleted');
  assert.deepEqual((await images.until('the end of the image', ({ event }) => event === 'deleted')).data, { id: image_id });
});

test('whom an image of somebody else is shared with cannot be watched', async (t) => {
  const cloud = await startCloud(t);
  const { id } = (await cloud.alice.image.images.create({ body: { name: 'own', visibility: 'private' } })).body;

  await assert.rejects(watch(t, cloud, cloud.bob, `/image/v2/images/${id}/members`), { actual: 404 });
});
