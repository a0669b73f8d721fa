import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compute } from '../../contract/compute/service.ts';
import { Refused } from '../../contract/client.ts';
import { startCloud, type Person, type TestCloud } from '../../test/cloud.ts';
import { reconcile } from './reconcile.ts';
import { createServerWorkflow } from './servers.workflow.ts';

test('a server is built, and nothing of it is left when it is deleted', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  await makeNetwork(alice);

  const id = await create(cloud, { name: 'web' });

  assert.deepEqual(await stateOf(alice, id), { status: 'BUILD', vm: 'building', task: 'scheduling', power: 0 });
  await cloud.settle();
  assert.deepEqual(await stateOf(alice, id), { status: 'ACTIVE', vm: 'active', task: null, power: 1 });
  assert.deepEqual(await cloud.diagnose(), []);

  await alice.compute.servers.delete({ params: { server_id: id } });
  await cloud.settle();

  await assert.rejects(alice.compute.servers.show({ params: { server_id: id } }), refusal(404, `Instance ${id} could not be found.`));
  assert.deepEqual(await cloud.driver.servers.list(), []);
  assert.deepEqual(await cloud.diagnose(), []);
  assert.equal((await alice.compute.limits.show()).body.limits.absolute.totalInstancesUsed, 0);
});

test('each action leads from its state to the next, and is refused in any other in the words of Nova', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  const actions = alice.compute.serverActions;
  await makeNetwork(alice);
  const id = await create(cloud, { name: 'web' });
  const params = { server_id: id };
  await cloud.settle();
  const after = async (asked: Promise<unknown>) => {
    await asked;
    await cloud.settle();
    const { status, task } = await stateOf(alice, id);
    assert.equal(task, null);
    return status;
  };

  await assert.rejects(actions.start({ params, body: { 'os-start': null } }), refusal(409, `Cannot 'os-start' instance ${id} while it is in vm_state active`));
  await actions.stop({ params, body: { 'os-stop': null } });
  assert.equal((await stateOf(alice, id)).task, 'powering-off');
  await assert.rejects(actions.pause({ params, body: { pause: null } }), refusal(409, `Cannot 'pause' instance ${id} while it is in task_state powering-off`));
  await cloud.settle();
  assert.deepEqual(await stateOf(alice, id), { status: 'SHUTOFF', vm: 'stopped', task: null, power: 4 });
  assert.equal(await after(actions.start({ params, body: { 'os-start': null } })), 'ACTIVE');
  assert.equal(await after(actions.reboot({ params, body: { reboot: { type: 'SOFT' } } })), 'ACTIVE');
  assert.equal(await after(actions.reboot({ params, body: { reboot: { type: 'HARD' } } })), 'ACTIVE');
  assert.equal(await after(actions.pause({ params, body: { pause: null } })), 'PAUSED');
  assert.equal(await after(actions.unpause({ params, body: { unpause: null } })), 'ACTIVE');
  assert.equal(await after(actions.suspend({ params, body: { suspend: null } })), 'SUSPENDED');
  assert.equal(await after(actions.resume({ params, body: { resume: null } })), 'ACTIVE');
  assert.equal(await after(actions.rebuild({ params, body: { rebuild: { imageRef: cloud.imageId, name: 'anew' } } })), 'ACTIVE');
  assert.equal((await alice.compute.servers.show({ params })).body.server.name, 'anew');
  assert.equal(await after(actions.resize({ params, body: { resize: { flavorRef: '2' } } })), 'VERIFY_RESIZE');
  assert.deepEqual(await cloud.diagnose(), []);
  assert.equal(await after(actions.revertResize({ params, body: { revertResize: null } })), 'ACTIVE');
  assert.deepEqual(await cloud.diagnose(), []);
  assert.equal(await after(actions.resize({ params, body: { resize: { flavorRef: '3' } } })), 'VERIFY_RESIZE');
  assert.equal(await after(actions.confirmResize({ params, body: { confirmResize: null } })), 'ACTIVE');
  assert.equal((await alice.compute.limits.show()).body.limits.absolute.totalCoresUsed, 2);
  assert.deepEqual(await cloud.diagnose(), []);

  const { headers } = await actions.createImage({ params, body: { createImage: { name: 'snap' } } });
  await cloud.settle();
  const imageId = headers.get('location')?.split('/').at(-1) ?? '';
  assert.equal((await alice.image.images.show({ params: { image_id: imageId } })).body.status, 'active');
  assert.ok((await actions.getConsoleOutput({ params, body: { 'os-getConsoleOutput': { length: 5 } } })).body.output.length > 0);
  await assert.rejects(actions.changePassword({ params, body: { changePassword: { adminPass: 'x' } } }), refusal(409, 'Unable to set password on instance'));
  const asked = (await alice.compute.instanceActions.list({ params })).body.instanceActions;
  assert.ok(asked.length >= 13 && asked.every(({ message }) => message === null), JSON.stringify(asked));
});

test('a lock keeps its owner from changing a server, and an administrator not', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin } = cloud;
  await makeNetwork(alice);
  const id = await create(cloud, { name: 'web' });
  const params = { server_id: id };
  await cloud.settle();

  await alice.compute.serverActions.lock({ params, body: { lock: null } });

  await assert.rejects(alice.compute.serverActions.stop({ params, body: { 'os-stop': null } }), refusal(409, `Instance ${id} is locked`));
  await assert.rejects(alice.compute.servers.delete({ params }), refusal(409, `Instance ${id} is locked`));
  assert.equal((await admin.compute.serverActions.stop({ params, body: { 'os-stop': null } })).status, 202);
});

test('a server of another project looks as if it did not exist', async (t) => {
  const cloud = await startCloud(t);
  const { alice, bob, reader } = cloud;
  await makeNetwork(alice);
  const id = await create(cloud, { name: 'web' });
  const params = { server_id: id };

  await assert.rejects(bob.compute.servers.show({ params }), refusal(404));
  await assert.rejects(bob.compute.serverActions.stop({ params, body: { 'os-stop': null } }), refusal(404));
  await assert.rejects(bob.compute.servers.delete({ params }), refusal(404));
  await assert.rejects(reader.compute.servers.delete({ params }), refusal(403));
  assert.deepEqual((await bob.compute.servers.list()).body.servers, []);
  assert.equal((await reader.compute.servers.list()).body.servers.length, 1);
});

test('a server is among those that changed until the second that it shows, and a text that is too long is said whole', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const { alice } = cloud;
  const id = await create(cloud, { name: 'web' });
  await cloud.settle();
  const { updated } = (await alice.compute.servers.show({ params: { server_id: id } })).body.server;

  const { servers } = (await alice.client(compute).servers.list({ query: { 'changes-before': updated } })).body;

  assert.deepEqual(servers.map((server) => server.id), [id]);
  const text = 'x'.repeat(256);
  await assert.rejects(alice.client(compute).servers.update({ params: { server_id: id }, body: { server: { description: text } } }), { status: 400, message: new RegExp(`Invalid input for field/attribute description. Value: ${text}. '${text}' is too long`) });
});

test('a volume to boot from comes before the image that is named too', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  const uuid = (await alice.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume.id;
  await cloud.settle();

  const id = await create(cloud, { name: 'both', block_device_mapping_v2: [{ boot_index: 0, source_type: 'volume', destination_type: 'volume', uuid, delete_on_termination: true }] });
  await cloud.settle();

  const { server } = (await alice.compute.servers.show({ params: { server_id: id } })).body;
  assert.deepEqual([server.status, server['os-extended-volumes:volumes_attached'].map((each) => each.id)], ['ACTIVE', [uuid]]);
  // nova/compute/api.py keeps the image that was named, and compares no flavor with it: what it boots from has a size of its own.
  assert.equal(typeof server.image === 'object' && server.image.id, cloud.imageId);
  assert.equal((await alice.compute.serverVolumes.list({ params: { server_id: id } })).body.volumeAttachments[0]?.device, '/dev/vda');
});

test('a volume is attached and detached, and a server boots from one', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  await makeNetwork(alice);
  const volumeId = (await alice.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume.id;
  const rooted = await create(cloud, { name: 'rooted', imageRef: undefined, block_device_mapping_v2: [{ boot_index: 0, source_type: 'image', destination_type: 'volume', uuid: cloud.imageId, volume_size: 2, delete_on_termination: true }] });
  await cloud.settle();
  const shown = (await alice.compute.servers.show({ params: { server_id: rooted } })).body.server;
  assert.deepEqual([shown.status, shown.image, shown['os-extended-volumes:volumes_attached'].length], ['ACTIVE', '', 1], JSON.stringify(shown.fault));

  const { volumeAttachment } = (await alice.compute.serverVolumes.attach({ params: { server_id: rooted }, body: { volumeAttachment: { volumeId } } })).body;
  await cloud.settle();

  assert.deepEqual(volumeAttachment, { id: volumeId, volumeId, serverId: rooted, device: '/dev/vdb' });
  assert.equal((await alice.volume.volumes.show({ params: { volume_id: volumeId } })).body.volume.status, 'in-use');
  assert.deepEqual((await cloud.driver.servers.list())[0]?.volumes.includes(volumeId), true);
  assert.deepEqual(await cloud.diagnose(), []);

  await alice.compute.serverVolumes.detach({ params: { server_id: rooted, volume_id: volumeId } });
  await cloud.settle();
  assert.equal((await alice.volume.volumes.show({ params: { volume_id: volumeId } })).body.volume.status, 'available');
  assert.equal((await alice.compute.serverVolumes.list({ params: { server_id: rooted } })).body.volumeAttachments.length, 1);

  await alice.compute.servers.delete({ params: { server_id: rooted } });
  await cloud.settle();
  assert.deepEqual((await alice.volume.volumes.list()).body.volumes.map(({ id }) => id), [volumeId]);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('an interface is attached and detached', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  const networkId = await makeNetwork(alice);
  const id = await create(cloud, { name: 'web' });
  const params = { server_id: id };
  await cloud.settle();

  const { interfaceAttachment } = (await alice.compute.serverInterfaces.attach({ params, body: { interfaceAttachment: { net_id: networkId } } })).body;
  await cloud.settle();

  assert.equal((await alice.compute.serverInterfaces.list({ params })).body.interfaceAttachments.length, 2);
  assert.deepEqual((await cloud.driver.servers.list())[0]?.nics.includes(interfaceAttachment.port_id), true);

  await alice.compute.serverInterfaces.detach({ params: { ...params, port_id: interfaceAttachment.port_id } });
  await cloud.settle();
  assert.equal((await alice.compute.serverInterfaces.list({ params })).body.interfaceAttachments.length, 1);
  assert.deepEqual(await cloud.diagnose(), []);
});

for (const { name } of createServerWorkflow.steps) {
  test(`a server that cannot ${name} ends in ERROR with a cause, and its deletion leaves nothing behind`, async (t) => {
    const broken = Object.assign(new Error('broken by the test'), { retryable: false });
    const cloud = await startCloud(t, {
      workflowFaults: ({ workflow, step, phase }) => {
        if (workflow === 'server.create' && step === name && phase === 'after-effect') throw broken;
      },
    });
    const { alice } = cloud;
    await makeNetwork(alice);

    const id = await create(cloud, { name: 'web' });
    await cloud.settle();

    const { server } = (await alice.compute.servers.show({ params: { server_id: id } })).body;
    assert.equal(server.status, 'ERROR');
    assert.equal(server.fault?.message, 'The host could not do what was asked.');
    assert.deepEqual(await cloud.driver.servers.list(), []);
    await alice.compute.servers.delete({ params: { server_id: id } });
    await cloud.settle();
    assert.deepEqual(await cloud.diagnose(), []);
  });

  test(`deletion wins over building when it comes as it is about to ${name} (FAILURES 3, ATTACKS 28)`, async (t) => {
    const reached = Promise.withResolvers<void>();
    const cloud = await startCloud(t, {
      workflowFaults: ({ workflow, step, phase }) => {
        if (workflow === 'server.create' && step === name && phase === 'before') reached.resolve();
      },
    });
    const { alice } = cloud;
    await makeNetwork(alice);

    const id = await create(cloud, { name: 'web' });
    await Promise.all([reached.promise.then(() => alice.compute.servers.delete({ params: { server_id: id } })), cloud.settle()]);
    await cloud.settle();

    await assert.rejects(alice.compute.servers.show({ params: { server_id: id } }), refusal(404));
    assert.deepEqual(await cloud.driver.servers.list(), []);
    assert.deepEqual(await cloud.diagnose(), []);
  });
}

test('a project never gets more servers than its quota, however many ask at once', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  await makeNetwork(alice);

  const replies = await Promise.allSettled(Array.from({ length: 25 }, (_, index) => create(cloud, { name: `web-${index}`, flavorRef: '42' })));

  const made = replies.filter(({ status }) => status === 'fulfilled');
  const refused = replies.flatMap((reply) => (reply.status === 'rejected' ? [String(reply.reason)] : []));
  assert.equal(made.length, 10, refused.join('\n'));
  assert.ok(refused.every((text) => text.includes('403') && text.includes('Quota exceeded for instances')), refused.join('\n'));
  await cloud.settle();
  assert.deepEqual(await cloud.diagnose(), []);
});

test('fifty servers that come and go at once settle, and nothing stays', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin } = cloud;
  await makeNetwork(alice);
  await admin.compute.quotaSets.update({ params: { tenant_id: alice.projectId }, body: { quota_set: { instances: -1, cores: -1, ram: -1 } } });

  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const id = await create(cloud, { name: `web-${index}`, flavorRef: '42' });
      if (index % 2 === 0) await alice.compute.servers.delete({ params: { server_id: id } });
    }),
  );
  await cloud.settle();

  const { servers } = (await alice.compute.servers.detail()).body;
  assert.deepEqual(new Set(servers.map(({ status }) => status)), new Set(['ACTIVE']));
  assert.equal(servers.length, 25);
  assert.equal((await cloud.driver.servers.list()).length, 25);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a server for which no host has room ends in ERROR, and hosts are never filled beyond what they have', async (t) => {
  const cloud = await startCloud(t, { hosts: 2, hostShape: { vcpus: 4, memoryMiB: 512 + 2048, diskGiB: 100 } });
  const { alice } = cloud;
  await makeNetwork(alice);

  const ids = await Promise.all(Array.from({ length: 10 }, (_, index) => create(cloud, { name: `web-${index}`, flavorRef: '1' })));
  await cloud.settle();

  const { servers } = (await alice.compute.servers.detail()).body;
  assert.equal(ids.length, 10);
  const failed = servers.filter(({ status }) => status === 'ERROR');
  assert.deepEqual([servers.filter(({ status }) => status === 'ACTIVE').length, failed.length], [8, 2]);
  assert.ok(failed.every(({ fault }) => fault?.code === 500 && fault.message.startsWith('No valid host was found.')));
  assert.deepEqual(await cloud.diagnose(), []);
});

test('what happens on a host behind our back is seen and mended', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  await makeNetwork(alice);
  const [off, crashed, gone] = await Promise.all(['off', 'crashed', 'gone'].map((name) => create(cloud, { name })));
  await cloud.settle();
  const machines = new Map((await cloud.driver.servers.list()).map((machine) => [machine.id, machine]));
  const machine = (id: string | undefined) => machines.get(id ?? '')!;

  await cloud.driver.servers.shutdown({ ...machine(off), seconds: 1 });
  cloud.driver.simulation.crash(crashed ?? '');
  await cloud.driver.servers.remove(machine(gone));
  await reconcile(cloud.cloud.region);
  await cloud.settle();

  assert.deepEqual([await stateOf(alice, off!), await stateOf(alice, crashed!), await stateOf(alice, gone!)].map(({ status }) => status), ['SHUTOFF', 'ACTIVE', 'ACTIVE']);
  const found = new Map((await cloud.driver.servers.list()).map(({ id, power }) => [id, power]));
  assert.deepEqual([found.get(off!), found.get(crashed!), found.get(gone!)], ['stopped', 'running', 'running']);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('pages of servers lose none and repeat none, and filters find what they name', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  await makeNetwork(alice);
  for (const name of ['a', 'b', 'c', 'd', 'e']) await create(cloud, { name, flavorRef: '42' });
  await cloud.settle();

  const seen: string[] = [];
  for (let marker: string | undefined; ; ) {
    const { servers, servers_links: links } = (await alice.compute.servers.list({ query: { limit: 2, sort_key: ['display_name'], sort_dir: ['asc'], ...(marker === undefined ? {} : { marker }) } })).body;
    seen.push(...servers.map(({ name }) => name));
    marker = servers.at(-1)?.id;
    if (!links) break;
  }

  assert.deepEqual(seen, ['a', 'b', 'c', 'd', 'e']);
  const names = async (query: Record<string, unknown>) => (await alice.compute.servers.list({ query })).body.servers.map(({ name }) => name);
  assert.deepEqual(await names({ name: '^[bc]$', sort_key: ['display_name'], sort_dir: ['asc'] }), ['b', 'c']);
  assert.deepEqual(await names({ status: ['BUILD'] }), []);
  assert.equal((await names({ status: ['active'] })).length, 5);
  assert.deepEqual(await names({ ip: '^192' }), []);
  assert.equal((await names({ ip: '^10.1.0.' })).length, 5);
  assert.deepEqual(await names({ status: ['NOSUCH'] }), []);
  assert.equal((await names({ flavor: '42' })).length, 5);
  await assert.rejects(alice.compute.servers.list({ query: { marker: cloud.imageId } }), refusal(400, `marker [${cloud.imageId}] not found`));
});

test('a server needs a network to be named when there are several', async (t) => {
  const cloud = await startCloud(t);
  await makeNetwork(cloud.alice);
  await makeNetwork(cloud.alice, 'second', '10.9.0.0/24');

  await assert.rejects(create(cloud, { name: 'web' }), refusal(409, 'Multiple possible networks found, use a Network ID to be more specific.'));
  await assert.rejects(create(cloud, { name: 'web', networks: [{ uuid: cloud.imageId }] }), refusal(400));
  await assert.rejects(create(cloud, { name: 'web', key_name: 'none' }), refusal(400, 'Invalid key_name provided.'));
  await assert.rejects(create(cloud, { name: 'web', flavorRef: 'none' }), refusal(400, 'Flavor none could not be found.'));
});

async function makeNetwork(person: Person, name = 'private', cidr = '10.1.0.0/24'): Promise<string> {
  const { body } = await person.network.networks.create({ body: { network: { name } } });
  assert.ok('network' in body);
  const id = body.network?.id ?? '';
  await person.network.subnets.create({ body: { subnet: { network_id: id, ip_version: 4, cidr } } });
  return id;
}

async function create({ alice, imageId }: TestCloud, wish: Record<string, unknown> & { name: string }): Promise<string> {
  const { body } = await alice.compute.servers.create({ body: { server: { flavorRef: '1', imageRef: imageId, ...wish } } });
  assert.ok('server' in body);
  return body.server.id;
}

async function stateOf(person: Person, id: string) {
  const { server } = (await person.compute.servers.show({ params: { server_id: id } })).body;
  return { status: server.status, vm: server['OS-EXT-STS:vm_state'], task: server['OS-EXT-STS:task_state'], power: server['OS-EXT-STS:power_state'] };
}

function refusal(status: number, message?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof Refused, String(error));
    assert.equal(error.status, status, error.message);
    if (message !== undefined) assert.equal(Object.values(error.body as Record<string, { message: string }>)[0]?.message, message);
    return true;
  };
}
