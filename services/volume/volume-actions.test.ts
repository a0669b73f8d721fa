import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDisk } from '../../kit/qcow2.ts';
import { bootstrapImage } from '../image/image.ts';
import { soundQcow2 } from '../image/intake/corpus.ts';
import { readStorage, sweepUnmanaged, volumesOn } from './manageable.ts';
import { listUnmanaged } from './manageable.store.ts';
import { startService } from './service.fixture.ts';

const version = '3.44';

test('a volume is as it was when its latest snapshot was taken, or holds an image, and is the same volume', async (t) => {
  const { alice, parts, simulation, idle, findings } = await startService(t);
  const text = async (volumeId: string) => textOf(parts, volumeId);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const act = (body: object) => alice('POST', `/volumes/${id}/action`, body, 'latest');
  assert.equal((await act({ revert: { snapshot_id: 'none' } })).status, 400);
  simulation.writeToVolume(id, 0, Buffer.from('first'));
  const [one, other] = [(await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot.id, (await idle(), await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot.id];
  await idle();
  simulation.writeToVolume(id, 0, Buffer.from('later'));
  assert.equal((await act({ revert: { snapshot_id: one } })).status, 400);
  assert.equal((await act({ revert: { snapshot_id: other } })).status, 202);
  assert.deepEqual([(await alice('GET', `/volumes/${id}`)).body.volume.status, (await alice('GET', `/snapshots/${other}`)).body.snapshot.status], ['reverting', 'restoring']);
  await idle();
  assert.deepEqual([await text(id), (await alice('GET', `/volumes/${id}`)).body.volume.status, (await alice('GET', `/snapshots/${other}`)).body.snapshot.status], ['first', 'available', 'available']);
  assert.deepEqual(await findings(), []);
});

test('a volume gets another type where the storage can do what it asks for, and counts as of it', async (t) => {
  const { alice, admin, idle, findings } = await startService(t);
  for (const [name, specs] of [['fast', {}], ['impossible', { volume_backend_name: 'nowhere' }]] as const) await admin('POST', '/types', { volume_type: { name, extra_specs: specs } });
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  await alice('POST', '/snapshots', { snapshot: { volume_id: id } });
  await idle();
  const retype = (type: string) => alice('POST', `/volumes/${id}/action`, { 'os-retype': { new_type: type, migration_policy: 'never' } });
  assert.equal((await retype('__DEFAULT__')).status, 400);
  assert.equal((await retype('nothing')).status, 400);
  assert.equal((await retype('fast')).status, 202);
  await idle();
  const shown = async () => (await alice('GET', `/volumes/${id}`)).body.volume;
  assert.deepEqual([(await shown()).volume_type, (await shown()).status], ['fast', 'available']);
  assert.deepEqual((await alice('GET', '/os-quota-sets/alice-project?usage=True')).body.quota_set.gigabytes_fast.in_use, 2);
  assert.equal((await retype('impossible')).status, 202);
  await idle();
  assert.deepEqual([(await shown()).volume_type, (await shown()).status], ['fast', 'available']);
  assert.deepEqual(await findings(), []);
});

test('somebody else than a server uses a volume, and lets it go', async (t) => {
  const { alice, admin, idle, findings } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const act = (body: object, who = alice) => who('POST', `/volumes/${id}/action`, body);
  assert.equal((await act({ 'os-reserve': null })).status, 202);
  assert.equal((await act({ 'os-attach': { instance_uuid: 'one', mountpoint: '/dev/vdc', mode: 'ro' } })).status, 202);
  const { volume } = (await alice('GET', `/volumes/${id}`)).body;
  assert.deepEqual([volume.status, volume.attachments[0].device, volume.attachments[0].server_id], ['in-use', '/dev/vdc', 'one']);
  assert.equal((await alice('GET', `/attachments/${volume.attachments[0].attachment_id}`, undefined, version)).body.attachment.attach_mode, 'ro');
  assert.equal((await act({ 'os-attach': { instance_uuid: 'two', mountpoint: '/dev/vdd' } })).status, 400);
  assert.equal((await act({ 'os-begin_detaching': null })).status, 202);
  assert.equal((await act({ 'os-roll_detaching': null })).status, 202);
  assert.equal((await act({ 'os-initialize_connection': { connector: {} } })).status, 400);
  assert.equal((await act({ 'os-terminate_connection': { connector: null } })).status, 202);
  assert.equal((await act({ 'os-force_detach': {} })).status, 403);
  assert.equal((await act({ 'os-detach': {} })).status, 202);
  assert.equal((await act({ 'os-detach': {} })).status, 202);
  assert.equal((await act({ 'os-migrate_volume': { host: 'intercloud@storage#storage' } }, admin)).status, 400);
  assert.equal((await alice('GET', `/volumes/${id}`)).body.volume.status, 'available');
  assert.deepEqual(await findings(), []);
});

test('a volume and its snapshot are let go of with their data, found on the storage, and taken on again', async (t) => {
  const { alice, admin, simulation, parts, idle, findings } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1, name: 'mine' } })).body.volume;
  await idle();
  simulation.writeToVolume(id, 0, Buffer.from('first'));
  const snapshotId = (await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot.id;
  await idle();
  assert.equal((await admin('POST', `/volumes/${id}/action`, { 'os-unmanage': {} })).status, 400);
  assert.equal((await admin('POST', `/snapshots/${snapshotId}/action`, { 'os-unmanage': {} })).status, 202);
  const snapshots = (await admin('GET', '/manageable_snapshots/detail?host=intercloud@storage', undefined, version)).body['manageable-snapshots'];
  assert.deepEqual(snapshots, [{ reference: { 'source-name': `_snapshot-${snapshotId}` }, size: 1, safe_to_manage: true, source_reference: { 'source-name': `volume-${id}` }, reason_not_safe: null, cinder_id: null, extra_info: null }]);
  const again = await admin('POST', '/manageable_snapshots', { snapshot: { volume_id: id, name: 'again', ref: snapshots[0]!.reference } }, version);
  assert.deepEqual([again.status, again.body.snapshot.status, again.body.snapshot.name], [202, 'available', 'again']);
  assert.equal((await admin('DELETE', `/snapshots/${again.body.snapshot.id}`)).status, 202);
  await idle();

  assert.equal((await admin('POST', `/volumes/${id}/action`, { 'os-unmanage': {} })).status, 202);
  assert.equal((await alice('GET', `/volumes/${id}`)).status, 404);
  assert.deepEqual(await findings(), []);
  assert.equal((await admin('GET', '/manageable_volumes', undefined, version)).status, 400);
  assert.equal((await admin('GET', '/manageable_volumes?host=nowhere', undefined, version)).status, 404);
  const [found] = (await admin('GET', '/manageable_volumes?host=intercloud@storage%23storage', undefined, version)).body['manageable-volumes'];
  assert.deepEqual(found, { reference: { 'source-name': `volume-${id}` }, size: 1, safe_to_manage: true });
  assert.equal((await admin('POST', '/manageable_volumes', { volume: { host: 'intercloud@storage', ref: { 'source-name': 'nothing' } } }, version)).status, 400);
  const { status, body } = await admin('POST', '/manageable_volumes', { volume: { host: 'intercloud@storage', name: 'found', bootable: true, ref: found.reference } }, version);
  assert.deepEqual([status, body.volume.name, body.volume.bootable, body.volume.size, body.volume.status], [202, 'found', 'true', 1, 'managing']);
  await idle();
  assert.equal(await textOf(parts, body.volume.id), 'first');
  await admin('POST', `/volumes/${body.volume.id}/action`, { 'os-extend': { new_size: 2 } });
  await idle();
  assert.equal((await admin('DELETE', `/volumes/${body.volume.id}`)).status, 202);
  await idle();
  assert.deepEqual(await findings(), []);
});

test('a volume that is deleted while the storage is read is not taken for nobody’s', async (t) => {
  const { alice, parts, idle } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const looking = { kind: 'system', reason: 'the test looks' } as const;
  const { driver, database } = parts;
  const slow = {
    ...driver,
    volumes: {
      ...driver.volumes,
      async list() {
        const listed = await driver.volumes.list();
        await alice('DELETE', `/volumes/${id}`);
        await idle();
        return listed;
      },
    },
  };

  const storage = await readStorage(slow, { read: (work) => database.read(looking, work) });

  assert.equal((await alice('GET', `/volumes/${id}`)).status, 404);
  assert.deepEqual((await database.read(looking, (tx) => volumesOn(tx, storage))).map(({ id: found, known }) => [found, known]), [[id, true]]);
});

test('what was let go of is remembered until others delete it on the storage', async (t) => {
  const { alice, admin, parts, idle, findings } = await startService(t);
  const [kept, gone] = [(await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume.id, (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume.id];
  await idle();
  for (const id of [kept, gone]) await admin('POST', `/volumes/${id}/action`, { 'os-unmanage': {} });
  await parts.driver.volumes.remove({ id: gone, generation: parts.clock.now().getTime() });

  await sweepUnmanaged(parts);

  assert.deepEqual(await parts.database.read({ kind: 'system', reason: 'the test looks' }, listUnmanaged), [kept]);
  assert.deepEqual(await findings(), []);
});

test('operators freeze storage, say how much is logged, and see what it can do', async (t) => {
  const { alice, admin, idle } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  assert.equal((await admin('PUT', '/os-services/freeze', { host: 'nowhere' })).status, 400);
  assert.equal((await admin('PUT', '/os-services/freeze', { host: 'intercloud@storage' })).status, 200);
  assert.equal((await admin('GET', '/os-services?binary=cinder-volume')).body.services[0].frozen, true);
  assert.equal((await alice('DELETE', `/volumes/${id}`)).status, 400);
  assert.equal((await admin('PUT', '/os-services/thaw', { host: 'intercloud@storage' })).status, 200);
  assert.equal((await alice('DELETE', `/volumes/${id}`)).status, 202);
  assert.equal((await admin('PUT', '/os-services/failover_host', { host: 'intercloud@storage' })).status, 400);
  assert.equal((await admin('PUT', '/os-services/set-log', { binary: 'cinder-volume', level: 'debug' }, version)).status, 202);
  assert.deepEqual((await admin('PUT', '/os-services/get-log', { binary: 'cinder-volume' }, version)).body.log_levels, [{ binary: 'cinder-volume', host: 'intercloud@storage', levels: { cinder: 'DEBUG' } }]);
  assert.equal((await admin('GET', '/capabilities/intercloud@storage')).body.vendor_name, 'Intercloud');
  assert.deepEqual((await alice('GET', '/resource_filters?resource=backup', undefined, version)).body, { resource_filters: [{ resource: 'backup', filters: ['name', 'status', 'volume_id'] }] });
  assert.deepEqual((await admin('GET', '/clusters', undefined, version)).body, { clusters: [] });
  assert.equal((await admin('GET', '/clusters/none', undefined, version)).status, 404);
  assert.deepEqual((await admin('POST', '/workers/cleanup', { binary: 'cinder-scheduler' }, version)).body, { cleaning: [{ id: 2, host: 'intercloud', binary: 'cinder-scheduler', cluster_name: null }], unavailable: [] });
});

test('an image takes the place of what was on a volume', async (t) => {
  const { alice, parts, idle, findings } = await startService(t);
  const image = await bootstrapImage(parts, { name: 'guest', bytes: chunks(soundQcow2()), projectId: 'admin-project' });
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  assert.equal((await alice('POST', `/volumes/${id}/action`, { 'os-reimage': { image_id: image.id } }, '3.68')).status, 202);
  await idle();
  const { volume } = (await alice('GET', `/volumes/${id}`)).body;
  assert.deepEqual([volume.status, volume.bootable, volume.volume_image_metadata.image_name, await textOf(parts, id)], ['available', 'true', 'guest', 'hello']);
  assert.deepEqual(await findings(), []);
});

async function textOf({ blobs, driver, random }: Awaited<ReturnType<typeof startService>>['parts'], volumeId: string): Promise<string> {
  const upload = random.uuid();
  await driver.volumes.capture({ volumeId, upload });
  for await (const { bytes } of readDisk(blobs.incomingPath(upload), 'qcow2')) {
    await blobs.discard(upload);
    return bytes.subarray(0, 5).toString();
  }
  return '';
}

async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

test('a status that was set by hand does not keep what is to be deleted by force', async (t) => {
  const { alice, admin, idle, findings } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const snapshot = (await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot;
  await idle();
  for (const path of [`/snapshots/${snapshot.id}`, `/volumes/${id}`]) {
    assert.equal((await admin('POST', `${path}/action`, { 'os-reset_status': { status: 'deleting' } })).status, 202);
    assert.equal((await admin('POST', `${path}/action`, { 'os-force_delete': {} })).status, 202);
    await idle();
    assert.equal((await admin('GET', path)).status, 404);
  }
  assert.deepEqual(await findings(), []);
});
