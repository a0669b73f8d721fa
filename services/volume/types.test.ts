import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startService } from './service.fixture.ts';

test('QoS specs are given to types and taken from them, and volumes that no host can limit are not attached', async (t) => {
  const { alice, admin, idle, findings } = await startService(t);
  assert.equal((await alice('GET', '/qos-specs')).status, 403);
  const made = await admin('POST', '/qos-specs', { qos_specs: { name: 'slow', consumer: 'front-end', total_iops_sec: '100' } });
  const { id } = made.body.qos_specs;
  assert.deepEqual(made.body.qos_specs, { id, name: 'slow', consumer: 'front-end', specs: { total_iops_sec: '100' } });
  assert.equal((await admin('POST', '/qos-specs', { qos_specs: { name: 'slow' } })).status, 409);
  assert.equal((await admin('POST', '/qos-specs', { qos_specs: { name: 'other', consumer: 'nobody' } })).status, 400);
  assert.deepEqual((await admin('PUT', `/qos-specs/${id}`, { qos_specs: { read_iops_sec: '5' } })).body, { qos_specs: { read_iops_sec: '5' } });
  assert.equal((await admin('PUT', `/qos-specs/${id}/delete_keys`, { keys: ['read_iops_sec'] })).status, 202);
  assert.equal((await admin('PUT', `/qos-specs/${id}/delete_keys`, { keys: ['read_iops_sec'] })).status, 404);

  const { volume_type: type } = (await admin('POST', '/types', { volume_type: { name: 'slow' } })).body;
  assert.equal((await admin('GET', `/qos-specs/${id}/associate?vol_type_id=${type.id}`)).status, 202);
  assert.deepEqual((await admin('GET', `/qos-specs/${id}/associations`)).body, { qos_associations: [{ association_type: 'volume_type', name: 'slow', id: type.id }] });
  assert.equal((await admin('GET', `/types/${type.id}`)).body.volume_type.qos_specs_id, id);
  assert.equal((await admin('DELETE', `/qos-specs/${id}`)).status, 400);
  const volume = (await alice('POST', '/volumes', { volume: { size: 1, volume_type: 'slow' } })).body.volume;
  await idle();
  assert.match((await alice('POST', '/attachments', { attachment: { volume_uuid: volume.id } }, '3.44')).body.badRequest.message, /no host of this cloud can keep/);

  assert.equal((await admin('GET', `/qos-specs/${id}/disassociate?vol_type_id=${type.id}`)).status, 202);
  assert.equal((await alice('POST', '/attachments', { attachment: { volume_uuid: volume.id } }, '3.44')).status, 200);
  assert.equal((await admin('GET', `/qos-specs/${id}/associate`)).status, 400);
  assert.equal((await admin('DELETE', `/qos-specs/${id}`)).status, 202);
  assert.equal((await admin('GET', `/qos-specs/${id}`)).status, 404);
  assert.deepEqual(await findings(), []);
});

test('a type says how its volumes are to be encrypted, until it has some', async (t) => {
  const { alice, admin, idle, findings } = await startService(t);
  const { volume_type: type } = (await admin('POST', '/types', { volume_type: { name: 'secret' } })).body;
  const path = `/types/${type.id}/encryption`;
  assert.deepEqual((await admin('GET', path)).body, {});
  const wish = { provider: 'luks', control_location: 'front-end', cipher: 'aes-xts-plain64', key_size: '256' };
  const { encryption_id: _made, ...echoed } = (await admin('POST', path, { encryption: wish })).body.encryption;
  assert.deepEqual(echoed, { ...wish, key_size: 256, volume_type_id: type.id });
  assert.equal((await admin('POST', path, { encryption: wish })).status, 400);
  const { encryption_id: id, key_size: keySize, deleted } = (await admin('GET', path)).body;
  assert.deepEqual([keySize, deleted], [256, false]);
  assert.deepEqual((await admin('GET', `${path}/cipher`)).body, { cipher: 'aes-xts-plain64' });
  assert.equal((await admin('GET', `${path}/nothing`)).status, 404);
  assert.deepEqual((await admin('PUT', `${path}/${id}`, { encryption: { key_size: 512 } })).body, { encryption: { key_size: 512 } });
  assert.equal((await admin('GET', path)).body.key_size, 512);
  assert.equal((await admin('DELETE', `${path}/${id}`)).status, 202);
  assert.equal((await admin('DELETE', `${path}/${id}`)).status, 404);
  assert.equal((await alice('POST', '/volumes', { volume: { size: 1, volume_type: 'secret' } })).status, 202);
  await idle();
  assert.deepEqual(await findings(), []);
});

test('a project has no more of a type than it may, whatever it has of others', async (t) => {
  const { alice, bob, admin, idle, findings } = await startService(t);
  const { volume_type: type } = (await admin('POST', '/types', { volume_type: { name: 'fast' } })).body;
  const wanted = { volumes_fast: 1, gigabytes_fast: 3, volumes: 5 };
  const { quota_set: set } = (await admin('PUT', '/os-quota-sets/alice-project', { quota_set: wanted })).body;
  assert.deepEqual([set.volumes_fast, set.gigabytes_fast, set.snapshots_fast, set.volumes], [1, 3, -1, 5]);
  assert.equal((await admin('PUT', '/os-quota-sets/alice-project', { quota_set: { volumes_unknown: 1 } })).status, 400);

  const volume = (await alice('POST', '/volumes', { volume: { size: 2, volume_type: 'fast' } })).body.volume;
  await idle();
  assert.match((await alice('POST', '/volumes', { volume: { size: 1, volume_type: type.id } })).body.overLimit.message, /quota 'volumes_fast'/);
  assert.equal((await alice('POST', '/volumes', { volume: { size: 1 } })).status, 202);
  assert.match((await alice('POST', `/volumes/${volume.id}/action`, { 'os-extend': { new_size: 4 } })).body.overLimit.message, /gigabytes_fast/);
  assert.match((await alice('POST', '/snapshots', { snapshot: { volume_id: volume.id } })).body.overLimit.message, /gigabytes_fast/);
  assert.equal((await admin('PUT', '/os-quota-sets/alice-project', { quota_set: { gigabytes_fast: 1 } })).status, 400);
  await idle();
  assert.deepEqual((await alice('GET', '/os-quota-sets/alice-project?usage=True')).body.quota_set.gigabytes_fast, { limit: 3, in_use: 2, reserved: 0, allocated: 0 });
  assert.deepEqual(await findings(), []);

  const { transfer } = (await alice('POST', '/os-volume-transfer', { transfer: { volume_id: volume.id } })).body;
  await bob('POST', `/os-volume-transfer/${transfer.id}/accept`, { accept: { auth_key: transfer.auth_key } });
  assert.deepEqual((await bob('GET', '/os-quota-sets/bob-project?usage=True')).body.quota_set.volumes_fast.in_use, 1);
  assert.deepEqual(await findings(), []);
  await admin('DELETE', '/os-quota-sets/alice-project');
  assert.equal((await alice('GET', '/os-quota-sets/alice-project')).body.quota_set.volumes_fast, -1);
});

test('the class of all projects says what they may have, until one is told otherwise', async (t) => {
  const { alice, bob, admin, idle, findings } = await startService(t);
  const changed = await admin('PUT', '/os-quota-class-sets/default', { quota_class_set: { volumes: 1, gigabytes___DEFAULT__: 3 } });
  assert.deepEqual([changed.body.quota_class_set.volumes, changed.body.quota_class_set.gigabytes___DEFAULT__], [1, 3]);
  assert.equal((await admin('GET', '/os-quota-class-sets/default')).body.quota_class_set.id, 'default');
  assert.equal((await alice('GET', '/os-quota-sets/alice-project/defaults')).body.quota_set.volumes, 1);
  await admin('PUT', '/os-quota-sets/bob-project', { quota_set: { volumes: 5 } });
  for (const [who, statuses] of [[alice, [202, 413]], [bob, [202, 202]]] as const)
    assert.deepEqual([(await who('POST', '/volumes', { volume: { size: 1 } })).status, (await who('POST', '/volumes', { volume: { size: 1 } })).status], statuses);
  assert.equal((await bob('POST', '/volumes', { volume: { size: 2 } })).status, 413);
  await idle();
  assert.deepEqual(await findings(), []);
});
