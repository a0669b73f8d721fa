import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DriverError } from '../../drivers/driver.ts';
import { startService } from './service.fixture.ts';

const version = '3.44';

type Service = Awaited<ReturnType<typeof startService>>;

/** A kind of groups, and a group of it. */
async function makeGroup({ admin, alice, idle }: Pick<Service, 'admin' | 'alice' | 'idle'>, specs: Record<string, string> = {}) {
  const { group_type: kind } = (await admin('POST', '/group_types', { group_type: { name: 'plain', group_specs: specs } }, version)).body;
  const { volume_type: type } = (await admin('POST', '/types', { volume_type: { name: 'grouped' } })).body;
  const made = await alice('POST', '/groups', { group: { name: 'g', group_type: 'plain', volume_types: [type.id] } }, version);
  assert.equal(made.status, 202);
  await idle();
  return { kind, type, group: made.body.group };
}

test('volumes belong to a group, leave it, and are kept together by a group snapshot', async (t) => {
  const { alice, admin, bob, simulation, idle, findings } = await startService(t);
  const { kind, type, group } = await makeGroup({ admin, alice, idle });
  const { created_at: _at, ...shown } = (await alice('GET', `/groups/${group.id}`, undefined, version)).body.group;
  assert.deepEqual(shown, { id: group.id, name: 'g', description: null, status: 'available', availability_zone: 'nova', group_type: kind.id, volume_types: [type.id], group_snapshot_id: null, source_group_id: null, replication_status: 'disabled' });
  assert.equal((await bob('GET', `/groups/${group.id}`, undefined, version)).status, 404);

  const one = (await alice('POST', '/volumes', { volume: { size: 1, volume_type: 'grouped', group_id: group.id } }, version)).body.volume;
  const other = (await alice('POST', '/volumes', { volume: { size: 2, volume_type: 'grouped' } }, version)).body.volume;
  const foreign = (await alice('POST', '/volumes', { volume: { size: 1 } }, version)).body.volume;
  await idle();
  assert.equal(one.group_id, group.id);
  assert.match((await alice('PUT', `/groups/${group.id}`, { group: { add_volumes: foreign.id } }, version)).body.badRequest.message, /not supported by the group/);
  assert.equal((await alice('POST', '/volumes', { volume: { size: 1, group_id: group.id } }, version)).status, 400);
  assert.equal((await alice('PUT', `/groups/${group.id}`, { group: { name: 'renamed', add_volumes: `${other.id},` } }, version)).status, 202);
  assert.deepEqual((await alice('GET', `/groups/${group.id}?list_volume=true`, undefined, version)).body.group.volumes, [one.id, other.id]);
  assert.equal((await alice('DELETE', `/volumes/${one.id}`)).status, 400);
  assert.deepEqual((await alice('GET', `/volumes?group_id=${group.id}`, undefined, version)).body.volumes.length, 2);

  simulation.writeToVolume(one.id, 0, Buffer.from('then'));
  const made = await alice('POST', '/group_snapshots', { group_snapshot: { group_id: group.id, name: 's' } }, version);
  assert.deepEqual([made.status, made.body.group_snapshot.name], [202, 's']);
  const { id: snapshotId } = made.body.group_snapshot;
  await idle();
  assert.equal((await alice('GET', `/group_snapshots/${snapshotId}`, undefined, version)).body.group_snapshot.status, 'available');
  const snapshots = (await alice('GET', '/snapshots/detail', undefined, version)).body.snapshots;
  assert.deepEqual(snapshots.map((each: { status: string; group_snapshot_id: string }) => [each.status, each.group_snapshot_id]), [['available', snapshotId], ['available', snapshotId]]);
  assert.equal((await alice('DELETE', `/snapshots/${snapshots[0].id}`)).status, 400);
  assert.deepEqual(await findings(), []);

  for (const source of [{ group_snapshot_id: snapshotId }, { source_group_id: group.id }]) {
    const copy = await alice('POST', '/groups/action', { 'create-from-src': { name: 'copy', ...source } }, version);
    assert.equal(copy.status, 202);
    assert.equal((await alice('POST', `/groups/${group.id}/action`, { delete: { 'delete-volumes': true } }, version)).status, 400);
    await idle();
    const { group: found } = (await alice('GET', `/groups/${copy.body.group.id}?list_volume=1`, undefined, version)).body;
    assert.deepEqual([found.status, found.volumes.length], ['available', 2]);
    assert.deepEqual((await alice('GET', `/volumes/detail?group_id=${found.id}`, undefined, version)).body.volumes.map((volume: { size: number; status: string }) => [volume.size, volume.status]).sort(), [[1, 'available'], [2, 'available']]);
    assert.equal((await alice('POST', `/groups/${found.id}/action`, { delete: {} }, version)).status, 400);
    assert.equal((await alice('POST', `/groups/${found.id}/action`, { delete: { 'delete-volumes': true } }, version)).status, 202);
    await idle();
    assert.equal((await alice('GET', `/groups/${found.id}`, undefined, version)).status, 404);
  }

  assert.equal((await alice('DELETE', `/group_snapshots/${snapshotId}`, undefined, version)).status, 202);
  await idle();
  assert.deepEqual((await alice('GET', '/snapshots')).body.snapshots, []);
  assert.equal((await alice('PUT', `/groups/${group.id}`, { group: { remove_volumes: `${one.id},${other.id}` } }, version)).status, 202);
  assert.equal((await admin('DELETE', `/group_types/${kind.id}`, undefined, version)).status, 400);
  assert.equal((await alice('POST', `/groups/${group.id}/action`, { delete: {} }, version)).status, 202);
  await idle();
  assert.equal((await admin('DELETE', `/group_types/${kind.id}`, undefined, version)).status, 202);
  assert.equal((await alice('GET', `/volumes/${one.id}`)).body.volume.status, 'available');
  assert.equal((await alice('GET', '/os-quota-sets/alice-project?usage=True')).body.quota_set.groups.in_use, 0);
  assert.deepEqual(await findings(), []);
});

test('a group that asks for what no storage can do is an error, and promises nothing', async (t) => {
  const { alice, admin, idle, findings } = await startService(t);
  const { group } = await makeGroup({ admin, alice, idle }, { consistent_group_snapshot_enabled: '<is> True' });
  assert.equal((await alice('GET', `/groups/${group.id}`, undefined, version)).body.group.status, 'error');
  assert.equal((await alice('POST', '/group_snapshots', { group_snapshot: { group_id: group.id } }, version)).status, 400);
  assert.match((await alice('POST', `/groups/${group.id}/action`, { enable_replication: {} }, version)).body.badRequest.message, /not a replication group type/);
  assert.equal((await admin('POST', `/groups/${group.id}/action`, { reset_status: { status: 'odd' } }, version)).status, 400);
  assert.equal((await alice('POST', `/groups/${group.id}/action`, { delete: {} }, version)).status, 202);
  await idle();
  assert.deepEqual((await alice('GET', '/groups', undefined, version)).body, { groups: [] });
  assert.deepEqual(await findings(), []);
});

test('when a snapshot of a group cannot be taken, all of them are errors that can be deleted', async (t) => {
  let broken = true;
  const { alice, admin, idle, findings } = await startService(t, (call, phase) => {
    if (broken && call.method === 'volumes.ensureSnapshot' && phase === 'before') throw new DriverError('invalid', 'no');
  });
  const { group } = await makeGroup({ admin, alice, idle });
  for (let count = 0; count < 2; count++) await alice('POST', '/volumes', { volume: { size: 1, volume_type: 'grouped', group_id: group.id } }, version);
  await idle();
  const { id } = (await alice('POST', '/group_snapshots', { group_snapshot: { group_id: group.id } }, version)).body.group_snapshot;
  await idle();
  assert.equal((await alice('GET', `/group_snapshots/${id}`, undefined, version)).body.group_snapshot.status, 'error');
  assert.deepEqual((await alice('GET', '/snapshots')).body.snapshots.map(({ status }: { status: string }) => status), ['error', 'error']);
  assert.deepEqual(await findings(), []);
  broken = false;
  await alice('DELETE', `/group_snapshots/${id}`, undefined, version);
  await idle();
  assert.deepEqual((await alice('GET', '/snapshots')).body.snapshots, []);
  assert.deepEqual(await findings(), []);
});

test('kinds of groups are named, described and specified by administrators, and private ones are theirs', async (t) => {
  const { alice, admin } = await startService(t);
  const made = await admin('POST', '/group_types', { group_type: { name: 'plain', description: 'd', group_specs: { a: 'b' } } }, version);
  assert.equal(made.status, 202);
  const { id } = made.body.group_type;
  assert.deepEqual(made.body.group_type, { id, name: 'plain', description: 'd', is_public: true, group_specs: { a: 'b' } });
  assert.equal((await admin('POST', '/group_types', { group_type: { name: 'plain' } }, version)).status, 409);
  assert.equal((await alice('POST', '/group_types', { group_type: { name: 'mine' } }, version)).status, 403);
  assert.equal('group_specs' in (await alice('GET', `/group_types/${id}`, undefined, version)).body.group_type, false);
  assert.equal((await alice('GET', '/group_types', undefined, '3.10')).status, 404);
  assert.deepEqual((await admin('PUT', `/group_types/${id}/group_specs/a`, { a: 'c' }, version)).body, { a: 'c' });
  assert.equal((await admin('PUT', `/group_types/${id}/group_specs/a`, { b: 'c' }, version)).status, 400);
  assert.deepEqual((await admin('POST', `/group_types/${id}/group_specs`, { group_specs: { x: 'y' } }, version)).body, { group_specs: { x: 'y' } });
  assert.equal((await admin('DELETE', `/group_types/${id}/group_specs/a`, undefined, version)).status, 202);
  assert.deepEqual((await admin('GET', `/group_types/${id}/group_specs`, undefined, version)).body, { group_specs: { x: 'y' } });
  assert.equal((await admin('GET', `/group_types/${id}/group_specs/a`, undefined, version)).status, 404);
  assert.equal((await admin('PUT', `/group_types/${id}`, { group_type: {} }, version)).status, 400);
  assert.equal((await admin('PUT', `/group_types/${id}`, { group_type: { is_public: false } }, version)).body.group_type.is_public, false);
  assert.deepEqual((await alice('GET', '/group_types', undefined, version)).body, { group_types: [] });
  assert.equal((await admin('GET', '/group_types?is_public=None', undefined, version)).body.group_types.length, 1);
  assert.equal((await alice('GET', '/group_types/default', undefined, version)).status, 404);
});
