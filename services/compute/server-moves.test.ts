import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused } from '../../contract/client.ts';
import { compute } from '../../contract/compute/service.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';

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
  const cloud = await startCloud(t, { hosts: 2 });
  const { admin } = cloud;
  const id = await make(cloud, '1');
  const params = { server_id: id };
  const first = await hostOf(cloud, id);

  await assert.rejects(live(cloud, id, first), refusal(400, `Unable to migrate instance (${id}) to current host (${first}).`));
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

  assert.equal(await statusOf(cloud, id), 'ACTIVE');
  assert.notEqual(await hostOf(cloud, id), first);
  assert.deepEqual(await cloud.diagnose(), []);
});

function live({ admin }: TestCloud, id: string, host: string | null) {
  return admin.compute.serverActions.migrateLive({ params: { server_id: id }, body: { 'os-migrateLive': { host, block_migration: false, disk_over_commit: false } } });
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
