import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { test } from 'node:test';
import { DriverError } from '../../drivers/driver.ts';
import { readDisk } from '../../kit/qcow2.ts';
import { startService } from './service.fixture.ts';

type Service = Awaited<ReturnType<typeof startService>>;

const version = '3.44';

test('a backup holds what was on the volume, and gives it back to it or to a new one', async (t) => {
  const { alice, admin, bob, simulation, idle, findings, bytes } = await startBackups(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1, name: 'data' } })).body.volume;
  await idle();
  simulation.writeToVolume(id, 3 * 2 ** 20 - 4, Buffer.from('precious'));

  const made = await alice('POST', '/backups', { backup: { volume_id: id, name: 'b', metadata: { k: 'v' } } }, version);
  assert.equal(made.status, 202);
  const backupId = made.body.backup.id;
  assert.equal((await alice('GET', `/volumes/${id}`)).body.volume.status, 'backing-up');
  assert.equal((await alice('DELETE', `/backups/${backupId}`)).status, 400);
  await idle();
  assert.deepEqual([(await alice('GET', `/volumes/${id}`)).body.volume.status, await bytes(id)], ['available', 'precious']);
  const { created_at: _created, updated_at: _updated, data_timestamp: _data, links: _links, ...shown } = (await alice('GET', `/backups/${backupId}`, undefined, version)).body.backup;
  assert.deepEqual(shown, {
    id: backupId, name: 'b', status: 'available', size: 1, object_count: 2, availability_zone: null, container: null, description: null, fail_reason: null,
    volume_id: id, is_incremental: false, has_dependent_backups: false, snapshot_id: null, metadata: { k: 'v' },
  });
  assert.equal((await bob('GET', `/backups/${backupId}`)).status, 404);
  assert.equal((await admin('GET', `/backups/${backupId}`, undefined, version)).body.backup['os-backup-project-attr:project_id'], 'alice-project');
  assert.equal((await alice('GET', '/limits')).body.limits.absolute.totalBackupGigabytesUsed, 1);

  simulation.writeToVolume(id, 3 * 2 ** 20 - 4, Buffer.from('spoiled!'));
  const restored = await alice('POST', `/backups/${backupId}/restore`, { restore: { volume_id: id } });
  assert.deepEqual([restored.status, restored.body.restore], [202, { backup_id: backupId, volume_id: id, volume_name: 'data' }]);
  assert.equal((await alice('GET', `/volumes/${id}`)).body.volume.status, 'restoring-backup');
  assert.equal((await alice('POST', `/backups/${backupId}/restore`, { restore: {} })).status, 400);
  await idle();
  assert.deepEqual([(await alice('GET', `/volumes/${id}`)).body.volume.status, await bytes(id)], ['available', 'precious']);

  const anew = (await alice('POST', `/backups/${backupId}/restore`, { restore: null })).body.restore;
  await idle();
  const { volume } = (await alice('GET', `/volumes/${anew.volume_id}`)).body;
  assert.deepEqual([volume.status, volume.size, await bytes(anew.volume_id)], ['available', 1, 'precious']);
  assert.deepEqual(await findings(), []);

  assert.equal((await alice('DELETE', `/backups/${backupId}`)).status, 202);
  await idle();
  assert.equal((await alice('GET', `/backups/${backupId}`)).status, 404);
  assert.deepEqual(await findings(), []);
});

test('an incremental backup holds what has changed, and keeps the one on which it builds', async (t) => {
  const { alice, parts, simulation, idle, findings, bytes } = await startBackups(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const wish = { backup: { volume_id: id, incremental: true } };
  assert.match((await alice('POST', '/backups', wish)).body.badRequest.message, /No backups available/);
  for (let at = 0; at < 8; at++) simulation.writeToVolume(id, at * 2 ** 24, Buffer.from(`the same ${at}`));
  simulation.writeToVolume(id, 3 * 2 ** 20 - 4, Buffer.from('precious'));
  const [first] = [(await alice('POST', '/backups', { backup: { volume_id: id } })).body.backup.id];
  await idle();
  simulation.writeToVolume(id, 3 * 2 ** 20 - 4, Buffer.from('newer..!'));
  const second = (await alice('POST', '/backups', wish)).body.backup.id;
  await idle();
  const shown = async (backupId: string) => (await alice('GET', `/backups/${backupId}`)).body.backup;
  assert.deepEqual([(await shown(first)).object_count, (await shown(first)).has_dependent_backups], [10, true]);
  assert.deepEqual([(await shown(second)).object_count, (await shown(second)).is_incremental], [2, true]);
  const area = await parts.blobs.area('backups');
  const sizes = await Promise.all((await area.list()).map(async (name) => (await stat(await area.path(name))).size));
  assert.ok(Math.min(...sizes) < Math.max(...sizes), `the increment is as large: ${sizes.join(', ')}`);
  assert.match((await alice('DELETE', `/backups/${first}`)).body.badRequest.message, /Incremental backups exist/);

  await alice('POST', `/backups/${first}/restore`, { restore: { volume_id: id } });
  await idle();
  assert.equal(await bytes(id), 'precious');
  await alice('POST', `/backups/${second}/restore`, { restore: { volume_id: id } });
  await idle();
  assert.equal(await bytes(id), 'newer..!');

  for (const backupId of [second, first]) {
    assert.equal((await alice('DELETE', `/backups/${backupId}`)).status, 202);
    await idle();
  }
  assert.deepEqual(await area.list(), []);
  assert.deepEqual(await findings(), []);
});

test('a backup of a snapshot holds what was on the volume then, and the volume may be in use', async (t) => {
  const { alice, simulation, idle, findings, bytes } = await startBackups(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  simulation.writeToVolume(id, 3 * 2 ** 20 - 4, Buffer.from('precious'));
  const snapshotId = (await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot.id;
  await idle();
  simulation.writeToVolume(id, 3 * 2 ** 20 - 4, Buffer.from('newer..!'));
  await alice('POST', '/attachments', { attachment: { volume_uuid: id } }, '3.44');
  const { attachments } = (await alice('GET', '/attachments', undefined, '3.44')).body;
  await alice('POST', `/attachments/${attachments[0].id}/action`, { 'os-complete': null }, '3.44');

  assert.match((await alice('POST', '/backups', { backup: { volume_id: id } })).body.badRequest.message, /force flag/);
  const forced = (await alice('POST', '/backups', { backup: { volume_id: id, force: true } })).body.backup.id;
  const earlier = (await alice('POST', '/backups', { backup: { volume_id: id, snapshot_id: snapshotId } })).body.backup.id;
  assert.equal((await alice('GET', `/snapshots/${snapshotId}`)).body.snapshot.status, 'backing-up');
  await idle();
  assert.deepEqual([(await alice('GET', `/snapshots/${snapshotId}`)).body.snapshot.status, (await alice('GET', `/volumes/${id}`)).body.volume.status], ['available', 'in-use']);
  for (const [backupId, text] of [[forced, 'newer..!'], [earlier, 'precious']] as const) {
    const { volume_id: volumeId } = (await alice('POST', `/backups/${backupId}/restore`, { restore: {} })).body.restore;
    await idle();
    assert.equal(await bytes(volumeId), text);
  }
  assert.deepEqual(await findings(), []);
});

test('a backup that was forgotten is known again by its record, as long as its data is there', async (t) => {
  const { alice, admin, simulation, idle, findings, bytes } = await startBackups(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  simulation.writeToVolume(id, 3 * 2 ** 20 - 4, Buffer.from('precious'));
  const backupId = (await alice('POST', '/backups', { backup: { volume_id: id } })).body.backup.id;
  await idle();
  assert.equal((await alice('GET', `/backups/${backupId}/export_record`)).status, 403);
  const { 'backup-record': record } = (await admin('GET', `/backups/${backupId}/export_record`)).body;
  assert.equal((await admin('POST', '/backups/import_record', { 'backup-record': record })).status, 400);
  const again = (change: object) => ({ 'backup-record': { ...record, backup_url: Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(record.backup_url, 'base64').toString()), ...change })).toString('base64') } });

  const known = await admin('POST', '/backups/import_record', again({ id: 'another-one' }));
  assert.equal(known.status, 201);
  await idle();
  assert.equal((await admin('GET', '/backups/another-one')).body.backup.status, 'available');
  await alice('DELETE', `/backups/${backupId}`);
  await idle();
  const { volume_id: volumeId } = (await admin('POST', '/backups/another-one/restore', { restore: {} })).body.restore;
  await idle();
  assert.equal(await bytes(volumeId), 'precious');
  await admin('DELETE', '/backups/another-one');
  await idle();

  assert.match((await admin('POST', '/backups/import_record', again({ id: 'another-one' }))).body.badRequest.message, /not here/);
  for (const url of ['nonsense', Buffer.from('{"id":"x"}').toString('base64')]) assert.equal((await admin('POST', '/backups/import_record', { 'backup-record': { ...record, backup_url: url } })).status, 400);
  assert.deepEqual(await findings(), []);
});

test('a backup whose volume cannot be read says so, and leaves the volume as it was', async (t) => {
  let broken = true;
  const { alice, idle, findings } = await startBackups(t, (call, phase) => {
    if (broken && call.method === 'volumes.capture' && phase === 'before') throw new DriverError('missing', 'no such disk on /secret/path');
  });
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const backupId = (await alice('POST', '/backups', { backup: { volume_id: id } })).body.backup.id;
  await idle();
  const { backup } = (await alice('GET', `/backups/${backupId}`)).body;
  assert.deepEqual([backup.status, backup.fail_reason], ['error', 'The storage could not read the volume.']);
  assert.equal((await alice('GET', `/volumes/${id}`)).body.volume.status, 'available');
  assert.equal((await alice('GET', '/messages', undefined, version)).body.messages[0].resource_type, 'VOLUME_BACKUP');
  broken = false;
  await alice('DELETE', `/backups/${backupId}`);
  await idle();
  assert.deepEqual(await findings(), []);
});

async function startBackups(t: Parameters<typeof startService>[0], faults?: Parameters<typeof startService>[1]): Promise<Service & { bytes(volumeId: string): Promise<string> }> {
  const service = await startService(t, faults);
  /** What is where the tests write. */
  const bytes = async (volumeId: string) => {
    const { blobs, driver, random } = service.parts;
    const upload = random.uuid();
    await driver.volumes.capture({ volumeId, upload });
    const found = Buffer.alloc(8);
    for await (const chunk of readDisk(blobs.incomingPath(upload), 'qcow2'))
      for (let at = 0; at < found.length; at++) found[at] = chunk.bytes[3 * 2 ** 20 - 4 + at - chunk.offset] ?? found[at]!;
    await blobs.discard(upload);
    return found.toString();
  };
  return { ...service, bytes };
}
