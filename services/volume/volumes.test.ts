import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { test } from 'node:test';
import { DriverError } from '../../drivers/driver.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { bootstrapImage } from '../image/image.ts';
import { soundQcow2 } from '../image/intake/corpus.ts';
import { heartbeat } from './services.ts';
import { reconcileVolumes } from './reconciler.ts';
import { startService } from './service.fixture.ts';
import { createSnapshotWorkflow, createVolumeWorkflow, deleteSnapshotWorkflow, deleteVolumeWorkflow, extendVolumeWorkflow, uploadVolumeWorkflow } from './volumes.workflow.ts';
import { attachmentsOfServers, beginDetaching, completeAttachment, createServerVolume, deleteServerVolumes, releaseAttachments, reserveAttachment, volumeState } from './volumes.ts';

test('a volume is created, shown, extended and deleted as Cinder does it', async (t) => {
  const { alice, idle, findings } = await startService(t);

  const created = await alice('POST', '/volumes', { volume: { size: 1, name: 'data', metadata: { a: 'b' } } });
  assert.equal(created.status, 202);
  const { id } = created.body.volume;
  assert.equal(created.body.volume.status, 'creating');
  await idle();
  const { body } = await alice('GET', `/volumes/${id}`, undefined, '3.44');
  const { created_at, updated_at, links, ...shown } = body.volume;
  assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
  assert.match(updated_at, /^\d{4}-/);
  assert.equal(links[0].href, `http://localhost:80/volume/v3/alice-project/volumes/${id}`);
  assert.deepEqual(shown, {
    id,
    name: 'data',
    description: null,
    status: 'available',
    size: 1,
    availability_zone: 'nova',
    attachments: [],
    bootable: 'false',
    encrypted: false,
    user_id: 'alice',
    volume_type: '__DEFAULT__',
    snapshot_id: null,
    source_volid: null,
    consistencygroup_id: null,
    replication_status: null,
    multiattach: false,
    metadata: { a: 'b' },
    group_id: null,
    'os-vol-tenant-attr:tenant_id': 'alice-project',
  });
  assert.equal('group_id' in (await alice('GET', `/volumes/${id}`)).body.volume, false);

  assert.equal((await alice('POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 1 } })).status, 400);
  assert.equal((await alice('POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 3 } })).status, 202);
  assert.equal((await alice('DELETE', `/volumes/${id}`)).status, 400);
  await idle();
  assert.equal((await alice('GET', `/volumes/${id}`)).body.volume.size, 3);
  assert.deepEqual(await findings(), []);

  assert.equal((await alice('DELETE', `/volumes/${id}`)).status, 202);
  await idle();
  assert.deepEqual((await alice('GET', `/volumes/${id}`)).body, { itemNotFound: { code: 404, message: `Volume ${id} could not be found.` } });
  assert.deepEqual(await findings(), []);
});

test('a volume of another project looks as if it did not exist', async (t) => {
  const { alice, bob, admin, idle } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  const snapshot = await idle().then(() => alice('POST', '/snapshots', { snapshot: { volume_id: id } }));
  await idle();

  for (const [method, path, body] of [
    ['GET', `/volumes/${id}`],
    ['DELETE', `/volumes/${id}`],
    ['PUT', `/volumes/${id}`, { volume: { name: 'mine' } }],
    ['POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 5 } }],
    ['GET', `/snapshots/${snapshot.body.snapshot.id}`],
    ['DELETE', `/snapshots/${snapshot.body.snapshot.id}`],
    ['POST', '/snapshots', { snapshot: { volume_id: id } }],
    ['POST', '/volumes', { volume: { size: 1, source_volid: id } }],
    ['POST', '/attachments', { attachment: { volume_uuid: id } }],
  ] as const)
    assert.equal((await bob(method, path, body, '3.44')).status, 404, `${method} ${path}`);
  assert.deepEqual((await bob('GET', '/volumes')).body, { volumes: [] });
  assert.deepEqual((await bob('GET', '/volumes?all_tenants=1')).body, { volumes: [] });
  assert.equal((await admin('GET', '/volumes')).body.volumes.length, 0);
  assert.equal((await admin('GET', '/volumes?all_tenants=1')).body.volumes.length, 1);
  assert.equal((await admin('GET', `/volumes/${id}`)).status, 200);
});

test('a quota is never passed, and refused as Cinder does', async (t) => {
  const { alice, admin, idle, findings } = await startService(t);
  await admin('PUT', '/os-quota-sets/alice-project', { quota_set: { volumes: 3, gigabytes: 10 } });

  const all = await Promise.all(Array.from({ length: 6 }, () => alice('POST', '/volumes', { volume: { size: 2 } })));
  assert.deepEqual(all.map(({ status }) => status).toSorted((one, other) => one - other), [202, 202, 202, 413, 413, 413]);
  await idle();
  const [one] = all.filter(({ status }) => status === 202);
  const tooLarge = await alice('POST', `/volumes/${one!.body.volume.id}/action`, { 'os-extend': { new_size: 7 } });
  assert.deepEqual({ status: tooLarge.status, message: tooLarge.body.overLimit.message }, { status: 413, message: 'VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested 5G, quota is 10G and 6G has been consumed.' });
  assert.deepEqual((await alice('GET', '/os-quota-sets/alice-project?usage=True')).body.quota_set.gigabytes, { limit: 10, in_use: 6, reserved: 0, allocated: 0 });
  assert.equal((await alice('GET', '/limits')).body.limits.absolute.totalVolumesUsed, 3);
  assert.equal((await alice('GET', '/os-quota-sets/bob-project')).status, 403);
  assert.deepEqual(await findings(), []);
});

test('a snapshot keeps its volume, and gives new ones', async (t) => {
  const { alice, idle, findings } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 2 } })).body.volume;
  assert.equal((await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).status, 400);
  await idle();
  const { snapshot } = (await alice('POST', '/snapshots', { snapshot: { volume_id: id, name: 's', metadata: { k: 'v' } } }, '3.44')).body;
  assert.equal(snapshot.user_id, 'alice');
  await idle();
  assert.equal((await alice('GET', `/snapshots/${snapshot.id}`)).body.snapshot.status, 'available');
  assert.equal((await alice('DELETE', `/volumes/${id}`)).status, 400);
  assert.equal((await alice('POST', '/volumes', { volume: { size: 1, snapshot_id: snapshot.id } })).status, 400);
  const copy = (await alice('POST', '/volumes', { volume: { snapshot_id: snapshot.id } })).body.volume;
  const clone = (await alice('POST', '/volumes', { volume: { source_volid: id, size: 3 } })).body.volume;
  await idle();
  assert.deepEqual([(await alice('GET', `/volumes/${copy.id}`)).body.volume.size, (await alice('GET', `/volumes/${clone.id}`)).body.volume.status], [2, 'available']);
  assert.deepEqual(await findings(), []);

  assert.equal((await alice('DELETE', `/volumes/${id}?cascade=True`)).status, 202);
  await idle();
  assert.equal((await alice('GET', `/snapshots/${snapshot.id}`)).status, 404);
  assert.deepEqual(await findings(), []);
});

test('a volume made from an image boots, knows its image, and becomes an image again', async (t) => {
  const { alice, images, parts, idle, findings } = await startService(t);
  const image = await bootstrapImage(parts, { name: 'guest', bytes: chunks(soundQcow2()), projectId: 'admin-project', properties: { hw_disk_bus: 'virtio' } });

  assert.equal((await alice('POST', '/volumes', { volume: { size: 1, imageRef: 'nothing' } })).status, 400);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1, imageRef: image.id } })).body.volume;
  await idle();
  const { volume } = (await alice('GET', `/volumes/${id}`)).body;
  assert.deepEqual({ status: volume.status, bootable: volume.bootable, name: volume.volume_image_metadata.image_name, bus: volume.volume_image_metadata.hw_disk_bus }, { status: 'available', bootable: 'true', name: 'guest', bus: 'virtio' });

  const upload = await alice('POST', `/volumes/${id}/action`, { 'os-volume_upload_image': { image_name: 'again', disk_format: 'qcow2' } });
  assert.equal(upload.status, 202);
  assert.equal((await alice('GET', `/volumes/${id}`)).body.volume.status, 'uploading');
  await idle();
  const made = await images('GET', `/images/${upload.body['os-volume_upload_image'].image_id}`);
  assert.deepEqual({ status: made.body.status, bus: made.body.hw_disk_bus, virtual: made.body.virtual_size }, { status: 'active', bus: 'virtio', virtual: 2 ** 30 });
  assert.equal((await alice('GET', `/volumes/${id}`)).body.volume.status, 'available');
  assert.deepEqual(await findings(), []);
});

test('a volume becomes an image of the format that was asked for, with the same disk in it', async (t) => {
  const { alice, images, parts, idle, findings } = await startService(t);
  const image = await bootstrapImage(parts, { name: 'guest', bytes: chunks(soundQcow2()), projectId: 'admin-project' });
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1, imageRef: image.id } })).body.volume;
  await idle();
  const copy = (wish: object) => alice('POST', `/volumes/${id}/action`, { 'os-volume_upload_image': { image_name: 'copy', ...wish } });
  for (const [wish, format] of [[{}, 'raw'], [{ disk_format: 'qcow2' }, 'qcow2']] as const) {
    const { 'os-volume_upload_image': told } = (await copy(wish)).body;
    await idle();
    const { body: made } = await images('GET', `/images/${told.image_id}`);
    assert.deepEqual([told.disk_format, made.status, made.disk_format, made.virtual_size], [format, 'active', format, 2 ** 30]);
    const [stored] = await parts.database.read({ kind: 'system', reason: 'test' }, (tx) => tx.rows<{ sha256: string }>`select sha256 from image.image where id = ${told.image_id}`);
    if (format === 'raw') assert.equal((await beginningOf(await parts.blobs.path(stored!.sha256), 8)).toString('latin1'), 'hello\0\0\0');
  }
  assert.equal((await copy({ disk_format: 'vmdk' })).status, 400);
  assert.equal((await copy({ container_format: 'ovf' })).status, 400);
  assert.deepEqual(await findings(), []);
});

test('a server’s attachment is ended by the compute service only', async (t) => {
  const { alice, parts, callers, idle, findings } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const inProject = <T>(work: (tx: Transaction) => Promise<T>) => parts.database.transaction({ kind: 'project', projectId: 'alice-project' }, work);
  const context = (tx: Transaction) => ({ tx, now: parts.clock.now(), random: parts.random, requestId: 'req-1', caller: callers.alice });
  const serverId = 'server-1';

  const { attachmentId } = await inProject((tx) => reserveAttachment(context(tx), { volumeId: id, serverId }));
  await assert.rejects(inProject((tx) => reserveAttachment(context(tx), { volumeId: id, serverId: 'server-2' })), { status: 400 });
  await inProject((tx) => completeAttachment(context(tx), { attachmentId, device: '/dev/vdb', hostId: 'host-1' }));
  const { volume } = (await alice('GET', `/volumes/${id}`)).body;
  assert.deepEqual([volume.status, volume.attachments[0].server_id, volume.attachments[0].device, volume.attachments[0].host_name], ['in-use', serverId, '/dev/vdb', null]);
  assert.deepEqual([...(await inProject((tx) => attachmentsOfServers(tx, [serverId])))], [[serverId, [{ volumeId: id, attachmentId, device: '/dev/vdb', deleteOnTermination: false }]]]);

  const refused = await alice('DELETE', `/attachments/${attachmentId}`, undefined, '3.27');
  assert.deepEqual({ status: refused.status, message: refused.body.conflictingRequest.message }, { status: 409, message: 'Detach volume from instance server-1 using the Compute API' });
  assert.equal((await alice('DELETE', `/volumes/${id}`)).status, 400);
  assert.deepEqual(await findings(), []);

  await inProject((tx) => beginDetaching(context(tx), { volumeId: id, serverId }));
  assert.equal(await inProject((tx) => volumeState(tx, id)), 'detaching');
  await inProject((tx) => releaseAttachments(context(tx), { serverId }));
  await inProject((tx) => releaseAttachments(context(tx), { serverId }));
  assert.equal(await inProject((tx) => volumeState(tx, id)), 'available');
  assert.deepEqual(await findings(), []);
});

test('a volume made for a server is reserved before it is there, and goes with the server', async (t) => {
  const { parts, callers, idle, findings } = await startService(t);
  const inProject = <T>(work: (tx: Transaction) => Promise<T>) => parts.database.transaction({ kind: 'project', projectId: 'alice-project' }, work);
  const serverId = 'server-1';
  const { volumeId } = await inProject(async (tx) => {
    const context = { tx, now: parts.clock.now(), random: parts.random, requestId: 'req-1', caller: callers.alice };
    const made = await createServerVolume(context, { sizeGiB: 1, source: { kind: 'empty' }, serverId });
    await reserveAttachment(context, { volumeId: made.volumeId, serverId });
    return made;
  });
  await idle();
  assert.equal(await inProject((tx) => volumeState(tx, volumeId)), 'reserved');

  await inProject(async (tx) => {
    const change = { tx, now: parts.clock.now() };
    await releaseAttachments(change, { serverId });
    await deleteServerVolumes(change, { serverId, volumeIds: [volumeId] });
  });
  await idle();
  assert.equal(await inProject((tx) => volumeState(tx, volumeId)), undefined);
  assert.deepEqual(await findings(), []);
});

for (const [method, phase] of [['volumes.ensure', 'before'], ['volumes.ensure', 'after']] as const)
  test(`a volume that cannot be made (${phase} the storage has done it) says so, and can be deleted`, async (t) => {
    let failing = true;
    const { alice, idle, findings } = await startService(t, (call, when) => {
      if (failing && call.method === method && when === phase) throw new DriverError('invalid', 'LUN 7 on 10.0.0.9 is broken');
    });
    const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
    await idle();
    const { body } = await alice('GET', `/volumes/${id}`);
    assert.equal(body.volume.status, 'error');
    assert.doesNotMatch(JSON.stringify(body), /10\.0\.0\.9/);
    failing = false;
    assert.equal((await alice('DELETE', `/volumes/${id}`)).status, 202);
    await idle();
    assert.equal((await alice('GET', `/volumes/${id}`)).status, 404);
    assert.deepEqual(await findings(), []);
  });

for (const { name: workflow, steps } of [createVolumeWorkflow, extendVolumeWorkflow, uploadVolumeWorkflow, createSnapshotWorkflow, deleteSnapshotWorkflow, deleteVolumeWorkflow])
  for (const { name: step } of steps)
    for (const phase of ['before', 'after-effect', 'before-record', 'after-record'] as const)
      test(`${workflow} ends well when its process dies ${phase} "${step}"`, async (t) => {
        let died = false;
        const { alice, images, idle, findings } = await startService(t, undefined, (point) => {
          if (died || point.workflow !== workflow || point.step !== step || point.phase !== phase) return;
          died = true;
          throw new Error('the process died');
        });
        // A life of a volume, with every workflow in it.
        const until = async (look: () => Promise<boolean>) => {
          const deadline = Date.now() + 60_000;
          while (!(await look())) {
            assert.ok(Date.now() < deadline, 'it does not end');
            await idle();
          }
        };
        const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
        const settled = () => until(async () => (await alice('GET', `/volumes/${id}`)).body.volume.status === 'available');
        await settled();
        await alice('POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 2 } });
        await settled();
        const upload = (await alice('POST', `/volumes/${id}/action`, { 'os-volume_upload_image': { image_name: 'copy', disk_format: 'qcow2' } })).body['os-volume_upload_image'];
        await settled();
        assert.equal((await images('GET', `/images/${upload.image_id}`)).body.status, 'active');
        const { snapshot } = (await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body;
        await until(async () => (await alice('GET', `/snapshots/${snapshot.id}`)).body.snapshot.status === 'available');
        await alice('DELETE', `/snapshots/${snapshot.id}`);
        await until(async () => (await alice('GET', `/snapshots/${snapshot.id}`)).status === 404);
        await alice('DELETE', `/volumes/${id}`);
        await until(async () => (await alice('GET', `/volumes/${id}`)).status === 404);
        assert.equal(died, true);
        assert.deepEqual(await findings(), []);
      });

test('a volume whose workflow was lost becomes an error', async (t) => {
  const { alice, parts, idle, findings } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  await parts.database.transaction({ kind: 'system', reason: 'test' }, (tx) => tx.run`update volume.volume set status = 'creating', updated_at = now() - interval '1 hour' where id = ${id}`);
  assert.equal((await findings()).length, 1);
  await reconcileVolumes(parts);
  assert.equal((await alice('GET', `/volumes/${id}`)).body.volume.status, 'error');
  assert.deepEqual(await findings(), []);
});

test('lists have filters, an order and pages', async (t) => {
  const { alice, idle } = await startService(t);
  for (let index = 0; index < 5; index++) await alice('POST', '/volumes', { volume: { size: index + 1, name: `v${index}`, metadata: { parity: String(index % 2) } } });
  await idle();
  const names = async (query: string, version?: string) => ((await alice('GET', `/volumes/detail?${query}`, undefined, version)).body.volumes as { name: string }[]).map(({ name }) => name);
  assert.deepEqual(await names('sort=size:asc'), ['v0', 'v1', 'v2', 'v3', 'v4']);
  assert.deepEqual(await names('sort=size:desc&limit=2'), ['v4', 'v3']);
  assert.deepEqual(await names('name=v2'), ['v2']);
  assert.deepEqual(await names('name~=v', '3.34').then((all) => all.length), 5);
  assert.deepEqual(await names(`sort=name:asc&metadata=${encodeURIComponent("{'parity': '1'}")}`), ['v1', 'v3']);
  assert.deepEqual(await names('status=error'), []);
  const first = (await alice('GET', '/volumes?sort=name:asc&limit=3')).body;
  const next = new URL(first.volumes_links[0].href);
  assert.deepEqual((await alice('GET', `/volumes${next.search}`)).body.volumes.map(({ name }: { name: string }) => name), ['v3', 'v4']);
  assert.deepEqual((await alice('GET', '/volumes/summary', undefined, '3.12')).body, { 'volume-summary': { total_count: 5, total_size: 15 } });
  assert.equal((await alice('GET', '/attachments', undefined, '3.26')).status, 404);
});

test('types are made by administrators, and private ones are seen by who may use them', async (t) => {
  const { alice, bob, admin } = await startService(t);
  assert.equal((await alice('POST', '/types', { volume_type: { name: 'fast' } })).status, 403);
  const { volume_type: type } = (await admin('POST', '/types', { volume_type: { name: 'fast', 'os-volume-type-access:is_public': false, extra_specs: { tier: 'gold' } } })).body;
  assert.deepEqual(type, { id: type.id, name: 'fast', description: null, is_public: false, 'os-volume-type-access:is_public': false, extra_specs: { tier: 'gold' } });
  assert.equal((await admin('GET', `/types/${type.id}`)).body.volume_type.qos_specs_id, null);
  assert.deepEqual((await admin('PUT', `/types/${type.id}`, { volume_type: { description: 'for some' } })).body.volume_type, { id: type.id, name: 'fast', description: 'for some', is_public: false, extra_specs: { tier: 'gold' } });
  assert.equal((await admin('PUT', `/types/${type.id}`, { volume_type: {} })).status, 400);
  assert.equal((await admin('POST', `/types/${type.id}/action`, { addProjectAccess: { project: 'alice-project' } })).status, 202);
  assert.equal((await alice('GET', `/types/${type.id}`)).status, 200);
  assert.equal((await bob('GET', `/types/${type.id}`)).status, 404);
  assert.equal((await bob('POST', '/volumes', { volume: { size: 1, volume_type: 'fast' } })).status, 404);
  assert.equal((await alice('POST', '/volumes', { volume: { size: 1, volume_type: 'fast' } })).body.volume.volume_type, 'fast');
  assert.equal((await admin('DELETE', `/types/${type.id}`)).status, 400);
  assert.equal((await alice('GET', '/types/default')).body.volume_type.name, '__DEFAULT__');
});

test('a volume is shown by who looks at it as Cinder does, and by who makes or changes it with less', async (t) => {
  const { alice, admin, idle } = await startService(t);
  const added = (body: { volume: object }) => Object.keys(body.volume).filter((name) => name.includes(':') || name === 'volume_image_metadata');
  const made = await alice('POST', '/volumes', { volume: { size: 1 } });
  const { id } = made.body.volume;
  await idle();
  assert.deepEqual(added(made.body), []);
  assert.deepEqual(added((await alice('PUT', `/volumes/${id}`, { volume: { name: 'new' } })).body), []);
  assert.deepEqual(added((await alice('GET', `/volumes/${id}`)).body), ['os-vol-tenant-attr:tenant_id']);
  assert.equal((await admin('GET', `/volumes/${id}`)).body.volume['os-vol-host-attr:host'], 'intercloud@storage#storage');
});

test('a volume that is to be read only says so, and is not attached for writing', async (t) => {
  const { alice, idle } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1, metadata: { a: 'b' } } })).body.volume;
  const set = (readonly: boolean) => alice('POST', `/volumes/${id}/action`, { 'os-update_readonly_flag': { readonly } });
  assert.equal((await set(true)).status, 400);
  await idle();
  assert.equal((await set(true)).status, 202);
  assert.deepEqual((await alice('GET', `/volumes/${id}`)).body.volume.metadata, { a: 'b', readonly: 'True' });
  const refused = await alice('POST', '/attachments', { attachment: { volume_uuid: id } }, '3.27');
  assert.deepEqual([refused.status, refused.body.badRequest.message], [400, `Invalid attaching mode 'rw' for volume ${id}.`]);
  assert.equal((await set(false)).status, 202);
  assert.deepEqual((await alice('GET', `/volumes/${id}`)).body.volume.metadata, { a: 'b', readonly: 'False' });
  assert.equal((await alice('POST', '/attachments', { attachment: { volume_uuid: id } }, '3.27')).status, 200);
});

test('a volume in use is extended from 3.42 on, and filters are as old as Cinder’s', async (t) => {
  const { alice, idle, findings } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1, name: 'data' } })).body.volume;
  await idle();
  const { attachment } = (await alice('POST', '/attachments', { attachment: { volume_uuid: id } }, '3.44')).body;
  await alice('POST', `/attachments/${attachment.id}/action`, { 'os-complete': null }, '3.44');
  const extend = (body: object, version?: string) => alice('POST', `/volumes/${id}/action`, { 'os-extend': body }, version);
  for (const version of [undefined, '3.41']) {
    const refused = await extend({ new_size: 2 }, version);
    assert.deepEqual([refused.status, refused.body.badRequest.message], [400, `Invalid volume: Volume ${id} status must be 'available' to extend, currently in-use.`]);
  }
  assert.equal((await extend({ new_size: 2, available_only: true }, '3.41')).status, 400);
  assert.equal((await extend({ new_size: 2, available_only: true }, '3.42')).status, 400);
  assert.equal((await extend({ new_size: 2 }, '3.42')).status, 202);
  await idle();
  const { volume } = (await alice('GET', `/volumes/${id}`)).body;
  assert.deepEqual([volume.size, volume.status], [2, 'in-use']);
  assert.deepEqual(await findings(), []);

  const count = async (noun: string, query: string, version: string) => (await alice('GET', `/${noun}?${query}`, undefined, version)).body[noun].length as number;
  assert.deepEqual([await count('volumes', 'name~=none', '3.33'), await count('volumes', 'name~=none', '3.34'), await count('volumes', 'name~=at', '3.34')], [1, 0, 1]);
  assert.deepEqual([await count('volumes', 'bootable=true', '3.0'), await count('volumes', 'bootable=false', '3.1'), await count('volumes', 'bootable=0', '3.2')], [0, 1, 1]);
});

test('a full page has a link to the next one, and lists are sorted by the names of old clients too', async (t) => {
  const { alice, idle } = await startService(t);
  for (const name of ['b', 'a']) await alice('POST', '/volumes', { volume: { size: 1, name } });
  await idle();
  const page = (await alice('GET', '/volumes?limit=2&sort=display_name:asc')).body;
  assert.deepEqual(page.volumes.map(({ name }: { name: string }) => name), ['a', 'b']);
  const next = new URL(page.volumes_links[0].href);
  assert.deepEqual((await alice('GET', `/volumes${next.search}`)).body, { volumes: [] });
  assert.equal('volumes_links' in (await alice('GET', '/volumes?limit=3')).body, false);
  assert.equal((await alice('GET', '/volumes?sort=name:asc&sort_key=name')).status, 400);
  assert.equal((await alice('GET', '/snapshots?sort_key=display_name&sort_dir=asc')).status, 200);
});

test('an address whose id is missing is not the list', async (t) => {
  const { alice, images } = await startService(t);
  assert.deepEqual([(await alice('GET', '/volumes/')).status, (await alice('GET', '/volumes/?limit=1')).status, (await alice('DELETE', '/volumes/')).status, (await images('GET', '/images/')).status], [404, 404, 404, 404]);
  assert.deepEqual([(await alice('GET', '/volumes')).status, (await images('GET', '/images')).status], [200, 200]);
});

test('a snapshot of nothing is not found', async (t) => {
  const { alice } = await startService(t);
  const refused = await alice('POST', '/snapshots', { snapshot: { volume_id: null } });
  assert.deepEqual([refused.status, refused.body.itemNotFound.message], [404, 'Volume None could not be found.']);
});

test('a volume goes with its snapshots and its charge to the project that has the key', async (t) => {
  const { alice, bob, admin, parts, idle, findings } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 2 } })).body.volume;
  await idle();
  const snapshot = (await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot.id;
  assert.equal((await alice('POST', '/os-volume-transfer', { transfer: { volume_id: id } })).status, 400);
  await idle();

  const { status, body: { transfer } } = await alice('POST', '/os-volume-transfer', { transfer: { volume_id: id, name: ' to bob ' } });
  assert.equal(status, 202);
  assert.match(transfer.auth_key, /^[0-9a-f]{16}$/);
  assert.equal((await alice('GET', `/volumes/${id}`)).body.volume.status, 'awaiting-transfer');
  const { auth_key: key, ...shown } = transfer;
  assert.deepEqual((await alice('GET', `/os-volume-transfer/${transfer.id}`)).body.transfer, shown);
  assert.deepEqual((await alice('GET', '/os-volume-transfer/detail?name=to bob')).body.transfers, [shown]);
  assert.deepEqual((await bob('GET', '/os-volume-transfer?all_tenants=1')).body, { transfers: [] });
  assert.equal((await admin('GET', '/os-volume-transfer?all_tenants=1')).body.transfers.length, 1);
  assert.equal((await bob('GET', `/os-volume-transfer/${transfer.id}`)).status, 404);
  assert.equal((await bob('DELETE', `/os-volume-transfer/${transfer.id}`)).status, 404);
  assert.equal((await alice('DELETE', `/volumes/${id}`)).status, 400);
  assert.equal((await alice('POST', '/os-volume-transfer', { transfer: { volume_id: id } })).status, 400);

  const accept = (auth_key: string) => bob('POST', `/os-volume-transfer/${transfer.id}/accept`, { accept: { auth_key } });
  assert.equal((await accept('0000000000000000')).status, 400);
  await admin('PUT', '/os-quota-sets/bob-project', { quota_set: { gigabytes: 3 } });
  assert.equal((await accept(key)).status, 413);
  assert.deepEqual(await findings(), []);
  await admin('PUT', '/os-quota-sets/bob-project', { quota_set: { gigabytes: 4 } });
  const answers = await Promise.all([accept(key), accept(key)]);
  assert.deepEqual(answers.map((answer) => answer.status).toSorted((one, other) => one - other), [202, 404]);

  assert.equal((await alice('GET', `/volumes/${id}`)).status, 404);
  assert.equal((await alice('GET', `/snapshots/${snapshot}`)).status, 404);
  const { volume } = (await bob('GET', `/volumes/${id}`)).body;
  assert.deepEqual([volume.status, volume.user_id, volume['os-vol-tenant-attr:tenant_id']], ['available', 'bob', 'bob-project']);
  assert.equal((await bob('GET', `/snapshots/${snapshot}`)).body.snapshot.status, 'available');
  const used = async (who: typeof bob, project: string) => (await who('GET', `/os-quota-sets/${project}?usage=True`)).body.quota_set.gigabytes.in_use;
  assert.deepEqual([await used(alice, 'alice-project'), await used(bob, 'bob-project')], [0, 4]);
  assert.deepEqual(await findings(), []);
  const kept = await parts.database.read({ kind: 'system', reason: 'test' }, async (tx) => JSON.stringify([await tx.rows`select * from kit.event`, await tx.rows`select * from kit.audit`]));
  assert.equal(kept.includes(key), false);
});

test('an offer that is taken back leaves the volume as it was', async (t) => {
  const { alice, bob, idle, findings } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const { transfer } = (await alice('POST', '/os-volume-transfer', { transfer: { volume_id: id } })).body;
  assert.equal((await bob('POST', '/os-volume-transfer', { transfer: { volume_id: id } })).status, 404);
  assert.equal((await alice('DELETE', `/os-volume-transfer/${transfer.id}`)).status, 202);
  assert.equal((await bob('POST', `/os-volume-transfer/${transfer.id}/accept`, { accept: { auth_key: transfer.auth_key } })).status, 404);
  assert.equal((await alice('GET', `/volumes/${id}`)).body.volume.status, 'available');
  assert.deepEqual(await findings(), []);
});

test('no volume is larger than the project’s limit for one', async (t) => {
  const { alice, admin, idle } = await startService(t);
  const { quota_set: set } = (await admin('PUT', '/os-quota-sets/alice-project', { quota_set: { per_volume_gigabytes: 2, backups: 5, backup_gigabytes: 50 } })).body;
  assert.deepEqual(set, { volumes: 10, snapshots: 10, gigabytes: 1000, per_volume_gigabytes: 2, backups: 5, backup_gigabytes: 50, groups: 10, volumes___DEFAULT__: -1, gigabytes___DEFAULT__: -1, snapshots___DEFAULT__: -1 });
  const refused = await alice('POST', '/volumes', { volume: { size: 3 } });
  assert.deepEqual([refused.status, refused.body.badRequest.message], [400, 'Requested volume size 3G is larger than maximum allowed limit 2G.']);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 2 } })).body.volume;
  await idle();
  assert.equal((await alice('POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 3 } })).status, 400);
});

test('who takes a snapshot says how far it is, and whose workflow ends it says the end', async (t) => {
  const storage = Promise.withResolvers<void>();
  const { alice, admin, idle } = await startService(t, ({ method }) => (method === 'volumes.ensureSnapshot' ? storage.promise : undefined));
  t.after(() => storage.resolve());
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const snapshot = (await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot.id;
  const say = (status: string, progress?: string) => alice('POST', `/snapshots/${snapshot}/action`, { 'os-update_snapshot_status': { status, progress } });
  const shown = async () => {
    const { status, 'os-extended-snapshot-attributes:progress': progress } = (await alice('GET', `/snapshots/${snapshot}`)).body.snapshot;
    return [status, progress];
  };

  assert.equal((await say('creating', '40%')).status, 202);
  assert.deepEqual(await shown(), ['creating', '40%']);
  const early = await say('available');
  assert.deepEqual([early.status, early.body.badRequest.message], [400, 'Provided snapshot status available not allowed for snapshot with status creating.']);
  storage.resolve();
  await idle();
  assert.deepEqual(await shown(), ['available', '100%']);
  const late = await say('error');
  assert.deepEqual([late.status, late.body.badRequest.message], [400, 'Snapshot status available not allowed for update_snapshot_status']);

  await admin('POST', `/snapshots/${snapshot}/action`, { 'os-reset_status': { status: 'creating' } });
  assert.equal((await say('available', '100%')).status, 202);
  assert.deepEqual(await shown(), ['available', '100%']);
});

test('an administrator deletes a snapshot in whatever status, and a list knows no marker of nothing', async (t) => {
  const { alice, admin, idle, findings } = await startService(t, ({ method }) => {
    // It is being made for as long as this test goes on.
    if (method === 'volumes.ensureSnapshot') throw new DriverError('unavailable', 'The storage is away because the test says so');
  });
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const snapshot = (await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot.id;
  const force = { 'os-force_delete': {} };
  assert.equal((await alice('POST', `/snapshots/${snapshot}/action`, force)).status, 403);
  assert.equal((await alice('DELETE', `/snapshots/${snapshot}`)).status, 400);
  assert.equal((await admin('POST', `/snapshots/${snapshot}/action`, force)).status, 202);
  await idle();
  assert.equal((await alice('GET', `/snapshots/${snapshot}`)).status, 404);
  assert.deepEqual([(await alice('GET', `/snapshots?marker=${snapshot}`)).status, (await alice('GET', `/volumes?marker=${snapshot}`)).status], [404, 404]);
  assert.deepEqual(await findings(), []);
});

test('a type that the storage cannot be is told to the project, in a message that it can read and forget', async (t) => {
  const { alice, bob, admin, parts, idle, findings } = await startService(t);
  const made = async (extra_specs: object) => {
    const { volume_type: type } = (await admin('POST', '/types', { volume_type: { name: JSON.stringify(extra_specs), extra_specs } })).body;
    const { id } = (await alice('POST', '/volumes', { volume: { size: 1, volume_type: type.id } })).body.volume;
    await idle();
    return { id, status: (await alice('GET', `/volumes/${id}`)).body.volume.status };
  };
  for (const fitting of [{ vendor_name: 'Intercloud' }, { 'capabilities:thin_provisioning_support': '<is> True', 'vendor:tier': 'gold' }, { storage_protocol: '<or> iSCSI <or> file', reserved_percentage: '<= 5' }]) assert.equal((await made(fitting)).status, 'available', JSON.stringify(fitting));
  assert.equal((await alice('GET', '/messages', undefined, '3.5')).body.messages.length, 0);
  const { id, status } = await made({ replication_enabled: '<is> True' });
  assert.equal(status, 'error');
  assert.equal((await made({ colour: 'blue' })).status, 'error');

  const [message] = (await alice('GET', `/messages?resource_uuid=${id}`, undefined, '3.5')).body.messages;
  assert.match(message.request_id, /^req-/);
  assert.deepEqual([message.resource_type, message.event_id, message.user_message, message.message_level], ['VOLUME', 'VOLUME_VOLUME_001_003', 'schedule allocate volume:Could not find any available weighted backend.', 'ERROR']);
  assert.equal((await alice('GET', '/messages?limit=1', undefined, '3.5')).body.messages.length, 1);
  assert.equal((await bob('GET', `/messages/${message.id}`, undefined, '3.3')).status, 404);
  assert.deepEqual((await bob('GET', '/messages', undefined, '3.3')).body, { messages: [] });
  assert.equal((await alice('GET', '/messages', undefined, '3.2')).status, 404);
  assert.equal((await alice('DELETE', `/messages/${message.id}`, undefined, '3.3')).status, 204);
  assert.equal((await alice('GET', `/messages/${message.id}`, undefined, '3.3')).status, 404);
  await parts.database.transaction({ kind: 'system', reason: 'test' }, (tx) => tx.run`update volume.message set expires_at = now() - interval '1 second'`);
  await reconcileVolumes(parts);
  assert.deepEqual((await alice('GET', '/messages', undefined, '3.3')).body, { messages: [] });
  assert.deepEqual(await findings(), []);
});

test('a reserved volume is attaching until it is let go', async (t) => {
  const { alice, bob, idle } = await startService(t);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume;
  await idle();
  const status = async () => (await alice('GET', `/volumes/${id}`)).body.volume.status as string;
  assert.equal((await bob('POST', `/volumes/${id}/action`, { 'os-reserve': null })).status, 404);
  assert.equal((await alice('POST', `/volumes/${id}/action`, { 'os-reserve': null })).status, 202);
  assert.equal(await status(), 'attaching');
  assert.equal((await alice('POST', '/attachments', { attachment: { volume_uuid: id } }, '3.27')).status, 400);
  assert.equal((await alice('POST', `/volumes/${id}/action`, { 'os-unreserve': null })).status, 202);
  assert.equal(await status(), 'available');
});

test('a new volume holds nothing of one that was deleted', async (t) => {
  const { alice, images, parts, idle } = await startService(t);
  const image = await bootstrapImage(parts, { name: 'guest', bytes: chunks(soundQcow2()), projectId: 'admin-project' });
  const copyOf = async (id: string): Promise<string> => {
    const { image_id } = (await alice('POST', `/volumes/${id}/action`, { 'os-volume_upload_image': { image_name: 'copy', disk_format: 'qcow2' } })).body['os-volume_upload_image'];
    await idle();
    const { body } = await images('GET', `/images/${image_id}`);
    assert.equal(body.status, 'active');
    return body.os_hash_value;
  };
  const make = async (wish: object) => {
    const { id } = (await alice('POST', '/volumes', { volume: { size: 1, ...wish } })).body.volume;
    await idle();
    return id as string;
  };
  const empty = await copyOf(await make({}));
  const secret = await make({ imageRef: image.id });
  assert.notEqual(await copyOf(secret), empty);
  await alice('DELETE', `/volumes/${secret}`);
  await idle();
  const next = await make({});
  await alice('POST', `/volumes/${next}/action`, { 'os-extend': { new_size: 1 + 1 } });
  assert.equal(await copyOf(await make({})), empty);
});

test('operators see what works on volumes, and keep the storage from taking new ones', async (t) => {
  const { alice, admin, parts, idle } = await startService(t);
  await heartbeat.beat(parts);
  const listed = (await admin('GET', '/os-services', undefined, '3.7')).body.services as Record<string, unknown>[];
  assert.deepEqual(listed.map(({ updated_at: _at, ...service }) => service), [
    { binary: 'cinder-backup', host: 'intercloud', zone: 'nova', status: 'enabled', state: 'up', disabled_reason: null, cluster: null },
    { binary: 'cinder-scheduler', host: 'intercloud', zone: 'nova', status: 'enabled', state: 'up', disabled_reason: null, cluster: null },
    { binary: 'cinder-volume', host: 'intercloud@storage', zone: 'nova', status: 'enabled', state: 'up', disabled_reason: null, cluster: null, replication_status: 'disabled', active_backend_id: null, frozen: false },
  ]);
  assert.equal((await alice('GET', '/os-services')).status, 403);
  const { id } = (await alice('POST', '/volumes', { volume: { size: 2 } })).body.volume;
  await idle();
  const use = { host: 'intercloud@storage', volume_count: '1', total_volume_gb: '2', snapshot_count: '0', total_snapshot_gb: '0' };
  assert.deepEqual((await admin('GET', '/os-hosts/intercloud@storage')).body, { host: [{ resource: { ...use, project: '(total)' } }, { resource: { ...use, project: 'alice-project' } }] });
  assert.equal((await admin('GET', '/scheduler-stats/get_pools?detail=True')).body.pools[0].capabilities.allocated_capacity_gb, 2);
  assert.equal((await admin('GET', '/os-hosts')).body.hosts.length, 3);

  assert.equal((await admin('PUT', '/os-services/disable', { host: 'intercloud', binary: 'cinder-scheduler' })).status, 400);
  assert.equal((await admin('PUT', '/os-services/disable-log-reason', { host: 'nobody', binary: 'cinder-volume', disabled_reason: 'x' })).status, 404);
  assert.equal((await admin('PUT', '/os-services/disable-log-reason', { host: 'intercloud@storage', binary: 'cinder-volume', disabled_reason: 'full' })).body.status, 'disabled');
  assert.equal((await admin('GET', '/os-services?binary=cinder-volume')).body.services[0].disabled_reason, 'full');
  assert.equal((await admin('GET', '/os-hosts/intercloud@storage')).status, 404);
  const refused = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume.id;
  await idle();
  assert.equal((await alice('GET', `/volumes/${refused}`)).body.volume.status, 'error');
  assert.equal((await alice('GET', `/volumes/${id}`)).body.volume.status, 'available');
  assert.deepEqual((await admin('PUT', '/os-hosts/intercloud@storage', { status: 'enable' })).body, { host: 'intercloud@storage', status: 'enabled' });
  const taken = (await alice('POST', '/volumes', { volume: { size: 1 } })).body.volume.id;
  await idle();
  assert.equal((await alice('GET', `/volumes/${taken}`)).body.volume.status, 'available');
});

for (const [list, change] of [
  ['/volumes', 'volume.create.start'],
  ['/volumes/detail', 'volume.create.start'],
  ['/snapshots', 'snapshot.create.start'],
  ['/snapshots/detail', 'snapshot.create.start'],
  ['/attachments', 'volume.attachment.create'],
  ['/attachments/detail', 'volume.attachment.create'],
  ['/os-volume-transfer', 'volume.transfer.create'],
  ['/os-volume-transfer/detail', 'volume.transfer.create'],
  ['/messages', 'volume.message'],
  ['/types', 'volume_type.create'],
] as const)
  test(`${list} can be watched by its project, and by nobody else`, async (t) => {
    const { alice, bob, admin, idle, watch } = await startService(t);
    const events = await watch(`/volume/v3/alice-project${list}`);
    const make = async (who: typeof alice) => {
      if (list === '/messages') await admin('PUT', '/os-hosts/intercloud@storage', { status: 'disable' });
      const { id } = (await who('POST', '/volumes', { volume: { size: 1 } })).body.volume;
      await idle();
      if (list === '/messages') return (await who('GET', '/messages', undefined, '3.3')).body.messages[0].id as string;
      if (list.startsWith('/snapshots')) return (await who('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot.id as string;
      if (list.startsWith('/os-volume-transfer')) return (await who('POST', '/os-volume-transfer', { transfer: { volume_id: id } })).body.transfer.id as string;
      if (list.startsWith('/attachments')) return (await who('POST', '/attachments', { attachment: { volume_uuid: id } }, '3.44')).body.attachment.id as string;
      return id as string;
    };
    if (list === '/types') await admin('POST', '/types', { volume_type: { name: 'hidden', 'os-volume-type-access:is_public': false } });
    else await make(bob);
    const id = list === '/types' ? (await admin('POST', '/types', { volume_type: { name: 'fast' } })).body.volume_type.id : await make(alice);

    const { type, shown } = await events.next();
    assert.deepEqual([type, (Object.values(shown)[0] as { id: string }).id], [change, id]);
    await events.end();
  });

async function beginningOf(path: string, length: number): Promise<Buffer> {
  await using file = await open(path, 'r');
  return (await file.read(Buffer.alloc(length), 0, length, 0)).buffer;
}

async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
}
