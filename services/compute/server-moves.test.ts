import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused } from '../../contract/client.ts';
import { compute } from '../../contract/compute/service.ts';
import type { FaultPoint } from '../../kit/workflow/execution.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';

/** A live migration that is on its way until the clock is moved, however quick or slow this machine is. */
function holdOnce(): (point: FaultPoint) => void {
  let isHeld = false;
  return ({ workflow, step, phase }) => {
    if (isHeld || workflow !== 'server.live-migrate' || step !== 'say that it has come over' || phase !== 'before') return;
    isHeld = true;
    throw new Error('It waits because the test says so');
  };
}

test('a migrated server waits on another host to be confirmed, or goes back', async (t) => {
  const cloud = await startCloud(t, { hosts: 2 });
  const { alice, admin } = cloud;
  const id = await make(cloud, '1');
  const params = { server_id: id };
  const first = await hostOf(cloud, id);

  await assert.rejects(alice.compute.serverActions.migrate({ params, body: { migrate: null } }), { status: 403 });
  await admin.compute.serverActions.migrate({ params, body: { migrate: null } });
  await cloud.settle();
  assert.equal(await statusOf(cloud, id), 'VERIFY_RESIZE');
  assert.notEqual(await hostOf(cloud, id), first);
  assert.deepEqual(await cloud.diagnose(), []);
  await alice.compute.serverActions.revertResize({ params, body: { revertResize: null } });
  await cloud.settle();
  assert.deepEqual([await statusOf(cloud, id), await hostOf(cloud, id)], ['ACTIVE', first]);
  assert.deepEqual(await cloud.diagnose(), []);

  await admin.compute.serverActions.migrate({ params, body: { migrate: null } });
  await cloud.settle();
  await alice.compute.serverActions.confirmResize({ params, body: { confirmResize: null } });
  assert.equal(await statusOf(cloud, id), 'ACTIVE');
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a server moves to another host while it runs, and nobody else can name the host', async (t) => {
  const cloud = await startCloud(t, { hosts: 2, workflowFaults: holdOnce() });
  const { admin } = cloud;
  const id = await make(cloud, '1');
  const params = { server_id: id };
  const first = await hostOf(cloud, id);

  await assert.rejects(earlier(cloud, id, first), refusal(400, `Unable to migrate instance (${id}) to current host (${first}).`));
  await live(cloud, id, null);
  assert.equal(await statusOf(cloud, id), 'MIGRATING');
  await cloud.settle();

  assert.equal(await statusOf(cloud, id), 'ACTIVE');
  assert.notEqual(await hostOf(cloud, id), first);
  assert.deepEqual(await cloud.diagnose(), []);
  await admin.compute.servers.delete({ params });
  await cloud.settle();
  assert.deepEqual(await cloud.driver.servers.list(), []);
});

test('a live migration that is under way is seen, and given up', async (t) => {
  const cloud = await startCloud(t, { hosts: 2, workflowFaults: holdOnce() });
  const { admin, alice } = cloud;
  const newest = admin.client(compute);
  const id = await make(cloud, '1');
  const params = { server_id: id };
  const first = await hostOf(cloud, id);
  await live(cloud, id, null);

  const [seen] = (await newest.serverMigrations.list({ params })).body.migrations;
  const about = { server_id: id, migration_id: String(seen?.id) };
  const { migration } = (await newest.serverMigrations.show({ params: about })).body;
  assert.deepEqual([migration.status, migration.source_compute, migration.server_uuid, migration.project_id], ['running', first, id, alice.projectId]);
  await assert.rejects(alice.client(compute).serverMigrations.abort({ params: about }), { status: 403 });
  await assert.rejects(newest.serverMigrations.abort({ params: { ...about, migration_id: '999' } }), refusal(404, `Migration 999 not found for instance ${id}`));
  await newest.serverMigrations.forceComplete({ params: about, body: { force_complete: null } });
  await newest.serverMigrations.abort({ params: about });
  await cloud.settle();

  assert.deepEqual([await statusOf(cloud, id), await hostOf(cloud, id)], ['ACTIVE', first]);
  assert.deepEqual((await newest.serverMigrations.list({ params })).body.migrations, []);
  const [written] = (await newest.migrations.list({ query: { instance_uuid: id } })).body.migrations;
  assert.equal(written?.status, 'cancelled');
  assert.deepEqual((await cloud.driver.servers.list()).map((machine) => [machine.id, machine.power]), [[id, 'running']]);
  assert.deepEqual(await cloud.diagnose(), []);
  const asked = (await alice.client(compute).instanceActions.list({ params })).body.instanceActions;
  assert.deepEqual(Object.fromEntries(asked.map(({ action, message }) => [action, message])), { create: null, 'live-migration': 'It was given up for what was asked after it.', live_migration_force_complete: null, live_migration_cancel: null });
  await assert.rejects(newest.serverMigrations.abort({ params: about }), refusal(409, `Cannot 'abort live migration' instance ${id} while it is in task_state None`));
});

test('that a server can go nowhere is said with the answer up to 2.33, and then by its migration', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const { admin, alice } = cloud;
  const id = await make(cloud, '1');

  await assert.rejects(earlier(cloud, id, null), { status: 400 });
  await live(cloud, id, null);
  await cloud.settle();

  assert.equal(await statusOf(cloud, id), 'ACTIVE');
  assert.equal((await admin.client(compute).migrations.list({ query: { instance_uuid: id } })).body.migrations[0]?.status, 'error');
  const [last] = (await alice.client(compute).instanceActions.list({ params: { server_id: id } })).body.instanceActions;
  assert.deepEqual([last?.action, last?.message?.startsWith('No valid host was found.')], ['live-migration', true]);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a server that does not fit on its host any more is resized on another', async (t) => {
  // 1 GiB of each host is for servers.
  const cloud = await startCloud(t, { hosts: 2, hostShape: { vcpus: 4, memoryMiB: 1536, diskGiB: 100 } });
  const flavorOf = async (name: string, ram: number) => (await cloud.admin.compute.flavors.create({ body: { flavor: { name, ram, vcpus: 1, disk: 1 } } })).body.flavor.id;
  const [half, whole] = [await flavorOf('half', 512), await flavorOf('whole', 1024)];
  const [id, other] = [await make(cloud, half), await make(cloud, half)];
  const first = await hostOf(cloud, id);
  if ((await hostOf(cloud, other)) !== first) await live(cloud, other, first);
  await cloud.settle();

  await cloud.alice.compute.serverActions.resize({ params: { server_id: id }, body: { resize: { flavorRef: whole } } });
  await cloud.settle();

  assert.equal(await statusOf(cloud, id), 'VERIFY_RESIZE');
  assert.notEqual(await hostOf(cloud, id), first);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a server is made anew elsewhere when its host is down, and not before', async (t) => {
  const cloud = await startCloud(t, { hosts: 2 });
  const { admin } = cloud;
  const id = await make(cloud, '1');
  const params = { server_id: id };
  const first = await hostOf(cloud, id);
  const newest = admin.client(compute);

  await assert.rejects(newest.serverActions.evacuate({ params, body: { evacuate: {} } }), refusal(400, `Compute service of ${first} is still in use.`));
  await admin.compute.services.forceDown({ body: { host: first, binary: 'nova-compute', forced_down: true } });
  await newest.serverActions.evacuate({ params, body: { evacuate: {} } });
  await cloud.settle();

  // From 2.95 on it waits to be started by who knows that nothing else writes to its disks.
  assert.equal(await statusOf(cloud, id), 'SHUTOFF');
  assert.notEqual(await hostOf(cloud, id), first);
  assert.deepEqual(await cloud.diagnose(), []);
  await admin.compute.services.forceDown({ body: { host: first, binary: 'nova-compute', forced_down: false } });
  await admin.compute.serverActions.start({ params, body: { 'os-start': null } });
  await cloud.settle();
  await admin.compute.services.forceDown({ body: { host: await hostOf(cloud, id), binary: 'nova-compute', forced_down: true } });
  await admin.client(compute, undefined, '2.94').serverActions.evacuate({ params, body: { evacuate: {} } });
  await cloud.settle();
  assert.equal(await statusOf(cloud, id), 'ACTIVE');
});

test('each move goes where it can, whatever those before it named, left out or failed at (FAILURES 13)', async (t) => {
  let isFailing = false;
  const cloud = await startCloud(t, {
    hosts: 2,
    workflowFaults: ({ workflow, phase }) => {
      if (isFailing && workflow === 'server.resize' && phase === 'after-effect') throw Object.assign(new Error('broken by the test'), { retryable: false });
    },
  });
  const { admin, alice } = cloud;
  const id = await make(cloud, '1');
  const params = { server_id: id };
  const first = await hostOf(cloud, id);
  const second = (await admin.compute.services.list({ query: { binary: 'nova-compute' } })).body.services.map(({ host }) => host).find((host) => host !== first) ?? '';
  const down = (host: string, forced_down: boolean) => admin.compute.services.forceDown({ body: { host, binary: 'nova-compute', forced_down } });
  const isOn = async (host: string, status: string) => {
    await cloud.settle();
    assert.deepEqual([await hostOf(cloud, id), await statusOf(cloud, id)], [host, status]);
    assert.deepEqual(await cloud.diagnose(), []);
  };

  await live(cloud, id, second);
  await isOn(second, 'ACTIVE');
  await admin.compute.serverActions.migrate({ params, body: { migrate: null } });
  await isOn(first, 'VERIFY_RESIZE');
  await alice.compute.serverActions.revertResize({ params, body: { revertResize: null } });
  await isOn(second, 'ACTIVE');
  isFailing = true;
  await alice.compute.serverActions.resize({ params, body: { resize: { flavorRef: '2' } } });
  await isOn(second, 'ACTIVE');
  isFailing = false;
  await down(second, true);
  await admin.client(compute, undefined, '2.94').serverActions.evacuate({ params, body: { evacuate: {} } });
  await isOn(first, 'ACTIVE');
  await down(second, false);
  await admin.compute.serverActions.migrate({ params, body: { migrate: null } });
  await isOn(second, 'VERIFY_RESIZE');
});

test('a server that moves has its networks as they are now, and not as they were when it was made (FAILURES 17)', async (t) => {
  const cloud = await startCloud(t, { hosts: 2 });
  const { alice } = cloud;
  const { network } = (await alice.network.networks.create({ body: { network: { name: 'private', mtu: 1400 } } })).body as { network: { id: string } };
  await alice.network.subnets.create({ body: { subnet: { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' } } });
  const { body } = await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: cloud.imageId, networks: [{ uuid: network.id }] } } });
  await cloud.settle();
  const id = 'server' in body ? body.server.id : assert.fail();
  const told = t.mock.method(cloud.driver.servers, 'ensure');

  await alice.network.networks.update({ params: { network_id: network.id }, body: { network: { mtu: 1300 } } });
  await cloud.settle();
  const first = await hostOf(cloud, id);
  await live(cloud, id, null);
  await cloud.settle();

  assert.notEqual(await hostOf(cloud, id), first);
  const [spec] = told.mock.calls.at(-1)?.arguments ?? assert.fail('the driver was told nothing');
  assert.deepEqual(spec.nics.map(({ mtu }) => mtu), [1300]);
});

function earlier({ admin }: TestCloud, id: string, host: string | null) {
  return admin.client(compute, undefined, '2.24').serverActions.migrateLive({ params: { server_id: id }, body: { 'os-migrateLive': { host, block_migration: false, disk_over_commit: false } } });
}

function live({ admin }: TestCloud, id: string, host: string | null) {
  return admin.client(compute).serverActions.migrateLive({ params: { server_id: id }, body: { 'os-migrateLive': { host, block_migration: 'auto' } as never } });
}

async function hostOf({ admin }: TestCloud, id: string): Promise<string> {
  return (await admin.compute.servers.show({ params: { server_id: id } })).body.server['OS-EXT-SRV-ATTR:host'] ?? '';
}

async function statusOf({ admin }: TestCloud, id: string): Promise<string> {
  return (await admin.compute.servers.show({ params: { server_id: id } })).body.server.status;
}

async function make({ alice, imageId, settle }: TestCloud, flavorRef: string): Promise<string> {
  const { body } = await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef, imageRef: imageId, networks: [] } } });
  await settle();
  return 'server' in body ? body.server.id : assert.fail();
}

function refusal(status: number, message: string) {
  return (error: unknown) => {
    assert.ok(error instanceof Refused, String(error));
    assert.deepEqual([error.status, Object.values(error.body as Record<string, { message: string }>)[0]?.message], [status, message]);
    return true;
  };
}
