import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compute } from '../../contract/compute/service.ts';
import { startCloud } from '../../test/cloud.ts';
import { noteGrowth } from './volume-news.ts';

test('a server shows that a volume which it uses has grown, whoever tells of it', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin, settle } = cloud;
  const { body } = await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: cloud.imageId, networks: [] } } });
  const server_id = 'server' in body ? body.server.id : assert.fail();
  const volume_id = (await alice.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume.id;
  await settle();
  const extend = async (new_size: number) => {
    await alice.volume.volumes.extend({ params: { volume_id }, body: { 'os-extend': { new_size } } });
    await settle();
    await noteGrowth(cloud.cloud.region);
  };
  const shown = async () => {
    const { instanceActions } = (await alice.compute.instanceActions.list({ params: { server_id } })).body;
    const about = instanceActions.filter(({ action }) => action === 'extend_volume');
    const events = await Promise.all(about.map(async ({ request_id }) => (await alice.client(compute).instanceActions.show({ params: { server_id, request_id } })).body.instanceAction.events?.map(({ event, result }) => [event, result])));
    return about.map(({ user_id, message }, index) => ({ user_id, message, events: events[index] }));
  };
  const growth = (user_id: string) => ({ user_id, message: null, events: [['compute_extend_volume', 'Success']] });

  await extend(2);
  assert.deepEqual(await shown(), []);
  await alice.compute.serverVolumes.attach({ params: { server_id }, body: { volumeAttachment: { volumeId: volume_id } } });
  await settle();
  await extend(3);
  await noteGrowth(cloud.cloud.region);

  assert.deepEqual(await shown(), [growth(alice.userId)]);
  await admin.client(compute).externalEvents.create({ body: { events: [{ name: 'volume-extended', server_uuid: server_id, tag: volume_id }] } });
  assert.deepEqual((await shown()).map(({ user_id }) => user_id === alice.userId), [false, true]);
  await settle();
  assert.deepEqual(await cloud.diagnose(), []);
});
