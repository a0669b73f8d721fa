import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused } from '../../contract/client.ts';
import { manualClock } from '../../kit/clock.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';

test('a shelved server leaves its host to others with its disk as an image, and comes back with what was on it', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const { alice, driver } = cloud;
  const id = await make(cloud);
  const params = { server_id: id };
  driver.simulation.writeToServer(id, 0, Buffer.from('kept'));

  await alice.compute.serverActions.shelve({ params, body: { shelve: null } });
  assert.equal((await alice.compute.servers.show({ params })).body.server['OS-EXT-STS:task_state'], 'shelving');
  await cloud.settle();

  const shelved = (await alice.compute.servers.show({ params })).body.server;
  assert.deepEqual([shelved.status, shelved.hostId, shelved['OS-EXT-STS:vm_state'], shelved['OS-EXT-STS:power_state'], shelved.fault], ['SHELVED_OFFLOADED', '', 'shelved_offloaded', 0, undefined]);
  assert.deepEqual(await driver.servers.list(), []);
  assert.deepEqual((await alice.image.images.list({ query: { name: 'web-shelved' } })).body.images.map(({ status }) => status), ['active']);
  assert.deepEqual(await cloud.diagnose(), []);
  await assert.rejects(alice.compute.serverActions.start({ params, body: { 'os-start': null } }), refusal(409, `Cannot 'os-start' instance ${id} while it is in vm_state shelved_offloaded`));

  await alice.compute.serverActions.unshelve({ params, body: { unshelve: null } });
  await cloud.settle();

  assert.equal((await alice.compute.servers.show({ params })).body.server.status, 'ACTIVE');
  assert.deepEqual((await alice.image.images.list({ query: { name: 'web-shelved' } })).body.images, []);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a server that is shelved and deleted leaves no image behind', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  const params = { server_id: await make(cloud) };
  await alice.compute.serverActions.shelve({ params, body: { shelve: null } });
  await cloud.settle();

  await alice.compute.servers.delete({ params });
  await cloud.settle();

  assert.deepEqual((await alice.image.images.list({ query: { name: 'web-shelved' } })).body.images, []);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a shelved server that could not leave its host gives it to others when an administrator says so', async (t) => {
  let broken = true;
  const cloud = await startCloud(t, {
    hosts: 1,
    workflowFaults({ workflow, step }) {
      if (broken && workflow === 'server.shelve' && step === 'take it off its host') throw Object.assign(new Error('the host does not answer'), { retryable: false });
    },
  });
  const { alice, admin, driver } = cloud;
  const id = await make(cloud);
  const params = { server_id: id };
  const offload = () => admin.compute.serverActions.shelveOffload({ params, body: { shelveOffload: null } });
  await assert.rejects(offload(), refusal(409, `Cannot 'shelveOffload' instance ${id} while it is in vm_state active`));
  await alice.compute.serverActions.shelve({ params, body: { shelve: null } });
  await cloud.settle();
  const shelved = (await alice.compute.servers.show({ params })).body.server;
  assert.deepEqual([shelved.status, shelved['OS-EXT-STS:task_state'], shelved.hostId !== ''], ['SHELVED', null, true]);
  assert.deepEqual(await cloud.diagnose(), []);
  await assert.rejects(alice.compute.serverActions.shelveOffload({ params, body: { shelveOffload: null } }), refusal(403, "Policy doesn't allow os_compute_api:os-shelve:shelve_offload to be performed."));

  broken = false;
  assert.equal((await offload()).status, 202);
  assert.equal((await alice.compute.servers.show({ params })).body.server['OS-EXT-STS:task_state'], 'shelving_offloading');
  await cloud.settle();

  const offloaded = (await alice.compute.servers.show({ params })).body.server;
  assert.deepEqual([offloaded.status, offloaded.hostId, offloaded['OS-EXT-STS:task_state'], offloaded.fault], ['SHELVED_OFFLOADED', '', null, undefined]);
  assert.deepEqual(await driver.servers.list(), []);
  assert.deepEqual((await alice.image.images.list({ query: { name: 'web-shelved' } })).body.images.map(({ status }) => status), ['active']);
  const asked = (await alice.compute.instanceActions.list({ params })).body.instanceActions.map(({ action }) => action);
  assert.ok(asked.includes('shelveOffload'), asked.join());
  await alice.compute.serverActions.unshelve({ params, body: { unshelve: null } });
  await cloud.settle();
  assert.equal((await alice.compute.servers.show({ params })).body.server.status, 'ACTIVE');
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a server that finds no room when it is unshelved stays shelved, and says why', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const { alice, admin } = cloud;
  const params = { server_id: await make(cloud) };
  await alice.compute.serverActions.shelve({ params, body: { shelve: null } });
  await cloud.settle();
  for (const { host, binary } of (await admin.compute.services.list({ query: { binary: 'nova-compute' } })).body.services) await admin.compute.services.disable({ body: { host, binary } });

  await alice.compute.serverActions.unshelve({ params, body: { unshelve: null } });
  await cloud.settle();

  const { status, 'OS-EXT-STS:task_state': task } = (await alice.compute.servers.show({ params })).body.server;
  assert.deepEqual([status, task], ['SHELVED_OFFLOADED', null]);
  const asked = (await alice.compute.instanceActions.list({ params })).body.instanceActions.find(({ action }) => action === 'unshelve');
  assert.match(asked?.message ?? '', /^No valid host was found\. There are not enough hosts available\. Of \d+ hosts, /);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a rescued server runs from another image, and from its own disk again when it is mended', async (t) => {
  const cloud = await startCloud(t);
  const { alice, imageId } = cloud;
  const id = await make(cloud);
  const params = { server_id: id };
  const statusOf = async () => (await alice.compute.servers.show({ params })).body.server.status;

  const { adminPass } = (await alice.compute.serverActions.rescue({ params, body: { rescue: { rescue_image_ref: imageId } } })).body;
  await cloud.settle();

  assert.equal(adminPass.length, 12);
  assert.equal(await statusOf(), 'RESCUE');
  await assert.rejects(alice.compute.serverActions.stop({ params, body: { 'os-stop': null } }), refusal(409, `Cannot 'os-stop' instance ${id} while it is in vm_state rescued`));
  await alice.compute.serverActions.unrescue({ params, body: { unrescue: null } });
  await cloud.settle();
  assert.equal(await statusOf(), 'ACTIVE');
  assert.deepEqual(await cloud.diagnose(), []);
});

test('of a kind of backup only the newest stay', async (t) => {
  const clock = manualClock(new Date());
  const cloud = await startCloud(t, { clock });
  const { alice } = cloud;
  const params = { server_id: await make(cloud) };

  for (const name of ['one', 'two', 'three']) {
    await alice.compute.serverActions.createBackup({ params, body: { createBackup: { name, backup_type: 'daily', rotation: 2 } } });
    await cloud.settle();
    clock.advance(1_000);
  }
  await alice.compute.serverActions.createBackup({ params, body: { createBackup: { name: 'other', backup_type: 'weekly', rotation: 1 } } });
  await cloud.settle();

  const backups = (await alice.image.images.list()).body.images.filter((image) => (image as Record<string, unknown>)['image_type'] === 'backup').map(({ name }) => String(name));
  assert.deepEqual(backups.toSorted(), ['other', 'three', 'two']);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('an owner cannot take away an administrator’s lock', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin } = cloud;
  const params = { server_id: await make(cloud) };
  await admin.compute.serverActions.lock({ params, body: { lock: null } });

  await assert.rejects(alice.compute.serverActions.unlock({ params, body: { unlock: null } }), refusal(403, "Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override to be performed."));
  await admin.compute.serverActions.unlock({ params, body: { unlock: null } });
  assert.equal((await alice.compute.serverActions.stop({ params, body: { 'os-stop': null } })).status, 202);
});

async function make({ alice, imageId, settle }: TestCloud): Promise<string> {
  const { body } = await alice.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId, networks: [] } } });
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
