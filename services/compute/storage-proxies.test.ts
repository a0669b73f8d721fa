import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCloud } from '../../test/cloud.ts';

test('volumes and snapshots are as Nova showed them', async (t) => {
  const cloud = await startCloud(t);
  const { alice, bob, imageId } = cloud;
  const { volumeProxies: volumes, snapshotProxies: snapshots } = alice.compute;

  const made = (await volumes.create({ body: { volume: { size: '1', display_name: 'data', metadata: { colour: 'blue' } } } })).body.volume;
  await cloud.settle();
  const { body } = await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId, networks: [] } } });
  const serverId = 'server' in body ? body.server.id : assert.fail();
  await cloud.settle();
  await alice.compute.serverVolumes.attach({ params: { server_id: serverId }, body: { volumeAttachment: { volumeId: made.id } } });
  await cloud.settle();

  const shown = { ...made, status: 'in-use', attachments: [{ id: made.id, volumeId: made.id, serverId, device: '/dev/vdb' }] };
  assert.deepEqual([made.status, made.size, made.attachments, made.displayName, made.snapshotId, made.metadata], ['creating', 1, [{}], 'data', null, { colour: 'blue' }]);
  assert.deepEqual((await volumes.show({ params: { volume_id: made.id } })).body.volume, shown);
  assert.deepEqual((await volumes.detail()).body.volumes, [shown]);
  await assert.rejects(snapshots.create({ body: { snapshot: { volume_id: made.id } } }), { status: 400 });
  const { snapshot } = (await snapshots.create({ body: { snapshot: { volume_id: made.id, force: 'True', display_name: 'before' } } })).body;
  await cloud.settle();
  assert.deepEqual((await snapshots.list()).body.snapshots, [{ ...snapshot, status: 'available' }]);
  assert.deepEqual([(await bob.compute.volumeProxies.list()).body.volumes, (await bob.compute.snapshotProxies.list()).body.snapshots], [[], []]);
  await assert.rejects(bob.compute.snapshotProxies.show({ params: { snapshot_id: snapshot.id } }), { status: 404 });
  const copy = (await volumes.create({ body: { volume: { size: 1, snapshot_id: snapshot.id } } })).body.volume;
  assert.equal(copy.snapshotId, snapshot.id);
  await cloud.settle();

  await volumes.delete({ params: { volume_id: copy.id } });
  await snapshots.delete({ params: { snapshot_id: snapshot.id } });
  await cloud.settle();
  assert.deepEqual([(await volumes.list()).body.volumes.length, (await snapshots.detail()).body.snapshots], [1, []]);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('networks are as Nova showed them: by their names, with all else unknown', async (t) => {
  const { alice, bob, admin } = await startCloud(t);
  const { network } = (await alice.network.networks.create({ body: { network: { name: 'private' } } })).body;
  const params = { network_id: network?.id ?? '' };

  const { network: seen } = (await alice.compute.networkProxies.show({ params })).body;
  assert.deepEqual([seen.label, seen['cidr' as never], 'project_id' in seen], ['private', null, false]);
  assert.ok('project_id' in (await admin.compute.networkProxies.show({ params })).body.network);
  assert.deepEqual((await alice.compute.tenantNetworkProxies.list()).body.networks.filter(({ id }) => id === params.network_id), [{ id: params.network_id, cidr: 'None', label: 'private' }]);
  await assert.rejects(bob.compute.tenantNetworkProxies.show({ params }), { status: 404 });
});
