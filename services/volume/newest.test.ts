import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startService } from './service.fixture.ts';

test('each microversion shows what it has, and nothing of later ones', async (t) => {
  const { alice, admin, idle } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1, metadata: { a: 'b' } } })).body.volume;
  await idle();
  const fields = ['group_id', 'shared_targets', 'service_uuid', 'volume_type_id', 'consumes_quota'];
  for (const [version, has] of [['3.12', 0], ['3.13', 1], ['3.48', 3], ['3.63', 4], ['3.65', 5], ['3.71', 5]] as const) {
    const { volume } = (await alice('GET', `/volumes/${id}`, undefined, version)).body;
    assert.deepEqual(fields.filter((field) => field in volume), fields.slice(0, has), version);
  }
  assert.equal((await admin('GET', `/volumes/${id}`, undefined, '3.61')).body.volume.cluster_name, null);
  assert.equal((await alice('GET', '/volumes', undefined, '3.72')).status, 406);
  assert.deepEqual((await alice('GET', '/volumes/summary', undefined, '3.36')).body['volume-summary'].metadata, { a: ['b'] });
  assert.equal('metadata' in (await alice('GET', '/volumes/summary', undefined, '3.35')).body['volume-summary'], false);
});

test('lists are filtered by what they have, and by nothing else since 3.31', async (t) => {
  const { alice, admin, idle } = await startService(t);
  for (const name of ['one', 'two']) await alice('POST', '/volumes', { volume: { size: 1, name } });
  await idle();
  const names = async (query: string, version = '3.71') => (await alice('GET', `/volumes?${query}`, undefined, version)).body.volumes.map(({ name }: { name: string }) => name).sort();
  assert.deepEqual((await alice('GET', '/volumes/detail?with_count=true&limit=1', undefined, '3.45')).body.count, 2);
  assert.equal('count' in (await alice('GET', '/volumes?with_count=true', undefined, '3.44')).body, false);
  assert.deepEqual([await names('created_at=gt:2020-01-01T00:00:00'), await names('created_at=lt:2020-01-01T00:00:00Z'), await names('consumes_quota=false'), await names('name~=w')], [['one', 'two'], [], [], ['two']]);
  for (const wrong of ['created_at=at:2020-01-01T00:00:00', 'created_at=gt:never', 'bootable=perhaps', 'colour=blue', 'volume_type=x'])
    assert.equal((await alice('GET', `/volumes?${wrong}`, undefined, '3.71')).status, 400, wrong);
  assert.equal((await alice('GET', '/volumes?colour=blue', undefined, '3.30')).status, 200);
  assert.equal((await alice('GET', '/volumes?bootable=perhaps', undefined, '3.1')).status, 200);
  assert.equal((await admin('GET', '/volumes?colour=blue', undefined, '3.71')).status, 200);
  for (const path of ['/snapshots', '/backups', '/groups', '/group_snapshots', '/attachments', '/messages']) assert.equal((await alice('GET', `${path}?colour=blue`, undefined, '3.31')).status, 400, path);
});

test('older requests mean what they meant', async (t) => {
  const { alice, idle, findings } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1, user_id: 'x', status: 'y' } }, '3.52')).body.volume;
  await idle();
  assert.equal((await alice('POST', '/volumes', { volume: { size: 1, user_id: 'x' } }, '3.53')).status, 400);
  assert.equal((await alice('PUT', `/volumes/${id}`, { volume: {} }, '3.52')).status, 200);
  assert.equal((await alice('PUT', `/volumes/${id}`, { volume: {} }, '3.53')).status, 400);
  await alice('POST', `/volumes/${id}/action`, { 'os-attach': { host_name: 'h', mountpoint: '/dev/vdb' } });
  assert.equal((await alice('POST', '/snapshots', { snapshot: { volume_id: id } }, '3.65')).status, 400);
  assert.equal((await alice('POST', '/snapshots', { snapshot: { volume_id: id, force: 'false' } }, '3.66')).status, 400);
  assert.equal((await alice('POST', '/snapshots', { snapshot: { volume_id: id } }, '3.66')).status, 202);
  await idle();
  assert.deepEqual(await findings(), []);
});

test('a volume is made from a backup, from 3.47 on', async (t) => {
  const { alice, idle, findings } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const backupId = (await alice('POST', '/backups', { backup: { volume_id: id } })).body.backup.id;
  await idle();
  assert.equal((await alice('POST', '/volumes', { volume: { backup_id: backupId, size: 2 } }, '3.46')).status, 400);
  const made = await alice('POST', '/volumes', { volume: { backup_id: backupId, size: 2 } }, '3.47');
  assert.deepEqual([made.status, made.body.volume.status], [202, 'creating']);
  await idle();
  const { volume } = (await alice('GET', `/volumes/${made.body.volume.id}`)).body;
  assert.deepEqual([volume.status, volume.size], ['available', 2]);
  assert.equal((await alice('GET', `/backups/${backupId}`)).body.backup.status, 'available');
  assert.deepEqual(await findings(), []);
});

test('a volume is given away without its snapshots, and stays while they do', async (t) => {
  const { alice, bob, idle, findings } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const snapshotId = (await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot.id;
  await idle();
  const { transfer } = (await alice('POST', '/volume-transfers', { transfer: { volume_id: id, no_snapshots: true } }, '3.57')).body;
  assert.deepEqual([transfer.no_snapshots, transfer.source_project_id, transfer.accepted], [true, 'alice-project', false]);
  assert.equal((await bob('POST', `/volume-transfers/${transfer.id}/accept`, { accept: { auth_key: transfer.auth_key } }, '3.55')).status, 202);
  assert.equal((await alice('GET', `/snapshots/${snapshotId}`)).status, 200);
  assert.equal((await bob('DELETE', `/volumes/${id}`)).status, 400);
  assert.deepEqual(await findings(), []);
  await alice('DELETE', `/snapshots/${snapshotId}`);
  await idle();
  assert.equal((await bob('DELETE', `/volumes/${id}`)).status, 202);
  await idle();
  assert.deepEqual(await findings(), []);
});

test('projects have default types of their own', async (t) => {
  const { alice, admin } = await startService(t);
  await admin('POST', '/types', { volume_type: { name: 'ours' } });
  assert.equal((await admin('PUT', '/default-types/alice-project', { default_type: { volume_type: 'nothing' } }, '3.62')).status, 400);
  assert.equal((await admin('PUT', '/default-types/alice-project', { default_type: { volume_type: 'ours' } }, '3.62')).status, 200);
  assert.equal((await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume.volume_type, 'ours');
  assert.equal((await alice('GET', '/types/default')).body.volume_type.name, 'ours');
  const { volume_type_id: typeId } = (await admin('GET', '/default-types/alice-project', undefined, '3.62')).body.default_type;
  assert.equal((await admin('DELETE', `/types/${typeId}`)).status, 400);
  assert.equal((await admin('DELETE', '/default-types/alice-project', undefined, '3.62')).status, 204);
  assert.equal((await admin('GET', '/default-types/alice-project', undefined, '3.62')).status, 404);
  assert.deepEqual((await admin('GET', '/default-types', undefined, '3.62')).body, { default_types: [] });
});
