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
  assert.deepEqual((await alice('GET', '/group_types', undefined, version)).body.group_types.map(({ name }: { name: string }) => name), ['default_cgsnapshot_type']);
  assert.equal((await admin('GET', '/group_types?is_public=None', undefined, version)).body.group_types.length, 2);
  assert.equal((await alice('GET', '/group_types/default', undefined, version)).status, 404);
});

test('older clients find groups and their snapshots by the names that these had', async (t) => {
  const { alice, admin, bob, idle, findings } = await startService(t);
  const { type, group } = await makeGroup({ admin, alice, idle });
  const { id: volumeId } = (await alice('POST', '/volumes', { volume: { size: 1, volume_type: 'grouped' } })).body.volume;
  await idle();
  assert.equal((await alice('PUT', `/consistencygroups/${group.id}/update`, { consistencygroup: {} })).status, 400);
  assert.equal((await alice('PUT', `/consistencygroups/${group.id}/update`, { consistencygroup: { name: 'renamed', add_volumes: volumeId } })).status, 202);
  const { created_at: madeAt, ...shown } = (await alice('GET', `/consistencygroups/${group.id}`)).body.consistencygroup;
  assert.deepEqual(shown, { id: group.id, name: 'renamed', description: null, status: 'available', availability_zone: 'nova', volume_types: [type.id] });
  assert.deepEqual((await alice('GET', '/consistencygroups')).body, { consistencygroups: [{ id: group.id, name: 'renamed' }] });
  assert.deepEqual((await alice('GET', '/consistencygroups/detail')).body.consistencygroups, [{ ...shown, created_at: madeAt }]);
  assert.equal((await bob('GET', `/consistencygroups/${group.id}`)).status, 404);

  const kept = await alice('POST', '/cgsnapshots', { cgsnapshot: { consistencygroup_id: group.id, name: 's' } });
  assert.equal(kept.status, 202);
  const { id: snapshotId } = kept.body.cgsnapshot;
  await idle();
  const { created_at: _keptAt, ...snapshot } = (await alice('GET', `/cgsnapshots/${snapshotId}`)).body.cgsnapshot;
  assert.deepEqual(snapshot, { id: snapshotId, name: 's', description: null, status: 'available', consistencygroup_id: group.id });
  assert.deepEqual((await alice('GET', '/cgsnapshots?limit=1')).body, { cgsnapshots: [{ id: snapshotId, name: 's' }] });
  assert.deepEqual((await alice('GET', '/cgsnapshots/detail?offset=1')).body, { cgsnapshots: [] });
  assert.equal((await bob('DELETE', `/cgsnapshots/${snapshotId}`)).status, 404);

  const copyOf = (source: object) => alice('POST', '/consistencygroups/create_from_src', { 'consistencygroup-from-src': { name: 'copy', ...source } });
  for (const wrong of [{}, { cgsnapshot_id: snapshotId, source_cgid: group.id }]) assert.equal((await copyOf(wrong)).status, 400);
  const copy = await copyOf({ cgsnapshot_id: snapshotId });
  assert.equal(copy.status, 202);
  await idle();
  assert.equal((await alice('GET', `/consistencygroups/${copy.body.consistencygroup.id}`)).body.consistencygroup.status, 'available');
  assert.equal((await alice('DELETE', `/cgsnapshots/${snapshotId}`)).status, 202);
  await idle();
  assert.equal((await alice('POST', `/consistencygroups/${group.id}/delete`)).status, 400);
  for (const id of [group.id, copy.body.consistencygroup.id]) assert.equal((await alice('POST', `/consistencygroups/${id}/delete`, { consistencygroup: { force: true } })).status, 202);
  await idle();
  assert.deepEqual((await alice('GET', '/consistencygroups')).body, { consistencygroups: [] });
  assert.deepEqual((await alice('GET', '/volumes')).body.volumes, []);
  assert.deepEqual(await findings(), []);
});

test('a consistency group is an error where no storage takes snapshots of one moment', async (t) => {
  const { alice, admin, idle } = await startService(t);
  const { volume_type: type } = (await admin('POST', '/types', { volume_type: { name: 'grouped' } })).body;
  const made = await alice('POST', '/consistencygroups', { consistencygroup: { name: 'c', volume_types: `${type.id},` } });
  assert.equal(made.status, 202);
  await idle();
  assert.equal((await alice('GET', `/consistencygroups/${made.body.consistencygroup.id}`)).body.consistencygroup.status, 'error');
  const { id } = made.body.consistencygroup;
  assert.equal((await alice('POST', '/cgsnapshots', { cgsnapshot: { consistencygroup_id: id } })).status, 400);
  const { group_type: kind } = (await alice('GET', `/groups/${id}`, undefined, version)).body.group;
  for (const [method, path, body] of [
    ['POST', '/groups', { group: { group_type: kind, volume_types: [type.id] } }],
    ['PUT', `/groups/${id}`, { group: { name: 'other' } }],
    ['POST', `/groups/${id}/action`, { delete: {} }],
    ['POST', '/groups/action', { 'create-from-src': { source_group_id: id } }],
    ['POST', '/group_snapshots', { group_snapshot: { group_id: id } }],
  ] as const)
    assert.match((await alice(method, path, body, version)).body.badRequest.message, /can only be operated by CG APIs/);
  assert.equal((await alice('POST', `/consistencygroups/${id}/delete`)).status, 202);
  await idle();
  assert.equal((await alice('GET', `/consistencygroups/${id}`)).status, 404);
});
