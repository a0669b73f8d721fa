import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createSimulatedDriver } from '../../drivers/simulated/simulated.ts';
import { manualClock, systemRandom } from '../../kit/clock.ts';
import type { Caller } from '../../kit/http/caller.ts';
import { createDoor } from '../../kit/http/serve.ts';
import { createLog } from '../../kit/log.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import { createEngine } from '../../kit/workflow/engine.ts';
import { createWorkflows } from '../../kit/workflow/runs.ts';
import { fileObjectBodies } from '../object-store/object-store.ts';
import type { RegionParts } from '../parts.ts';
import { createScheduler } from '../placement/scheduler/scheduler.ts';
import { fileBlobStore } from './blobs.ts';
import { collectBytes } from './collector.ts';
import { makeImage, schemaDirectory } from './image.ts';
import { archiveOfTwo, hostileArchives, soundArchive } from './intake/archive-corpus.ts';
import { hostile, soundQcow2 } from './intake/corpus.ts';
import { foreignSizeBytes, hostileForeign, soundVmdk } from './intake/foreign-corpus.ts';
import { imageSettings } from './settings.ts';

const bytes = soundQcow2();
const direct = { method: { name: 'glance-direct' } };

test('bytes that were staged wait, and make the image active when it is imported', async (t) => {
  const { alice, work, incoming } = await start(t);
  const { id, headers } = await alice.newImage();
  assert.equal(headers['openstack-image-import-methods'], 'glance-direct,web-download,copy-image');
  assert.equal(headers['openstack-image-store-ids'], 'local,archive,attic');

  assert.equal((await alice('POST', `/images/${id}/import`, direct)).status, 409);
  assert.equal((await alice('PUT', `/images/${id}/stage`, bytes)).status, 204);
  const { status, size } = (await alice('GET', `/images/${id}`)).body;
  assert.deepEqual({ status, size, files: (await incoming()).length }, { status: 'uploading', size: bytes.length, files: 1 });
  assert.equal((await alice('PUT', `/images/${id}/stage`, bytes)).status, 409);
  assert.equal((await alice('GET', '/info/usage')).body.usage.image_count_uploading.usage, 1);

  const begun = await alice('POST', `/images/${id}/import`, direct);
  assert.deepEqual([begun.status, begun.text], [202, '']);
  const during = (await alice('GET', `/images/${id}`)).body;
  assert.equal(during.status, 'importing');
  assert.equal(during.os_glance_importing_to_stores, 'local');
  const [pending] = (await alice('GET', `/images/${id}/tasks`)).body.tasks;
  assert.deepEqual([pending.id, pending.status, pending.type], [during.os_glance_import_task, 'pending', 'api_image_import']);
  assert.equal((await alice('POST', `/images/${id}/import`, direct)).status, 409);

  await work();
  const image = (await alice('GET', `/images/${id}`)).body;
  assert.deepEqual([image.status, image.stores, image.os_glance_importing_to_stores, image.os_glance_failed_import, image.size], ['active', 'local', '', '', bytes.length]);
  assert.equal(image.imported_by, 'the operator');
  const [task] = (await alice('GET', `/images/${id}/tasks`)).body.tasks;
  assert.deepEqual([task.status, task.result, task.input.import_req], ['success', { image_id: id }, direct]);
  assert.deepEqual((await alice('GET', `/images/${id}/file`)).raw, bytes);
  assert.deepEqual(await incoming(), []);
});

test('staged bytes that are not what they are said to be are refused when they are imported, and why can be read', async (t) => {
  const { alice, work, incoming, findings } = await start(t);
  const { id } = await alice.newImage();
  await alice('PUT', `/images/${id}/stage`, hostile[0]!.bytes);
  await alice('POST', `/images/${id}/import`, direct);

  await work();
  const image = (await alice('GET', `/images/${id}`)).body;
  assert.deepEqual([image.status, image.size, image.os_glance_failed_import, image.os_glance_importing_to_stores], ['queued', null, 'local', '']);
  assert.match(image.os_intercloud_failure, /external file/);
  const [task] = (await alice('GET', `/images/${id}/tasks`)).body.tasks;
  assert.equal(task.status, 'failure');
  assert.match(task.message, /external file/);
  assert.deepEqual([await incoming(), await findings()], [[], []]);
  // It can be tried again.
  assert.equal((await alice('PUT', `/images/${id}/stage`, bytes)).status, 204);
});

test('a disk of another maker is kept as it is when it is uploaded, and becomes one that boots when it is imported', async (t) => {
  const { alice, work } = await start(t);
  const made = async () => (await alice('POST', '/images', { name: 'foreign', disk_format: 'vmdk', container_format: 'bare' })).body.id as string;
  const [kept, converted, wrong] = [await made(), await made(), await made()];
  await alice('PUT', `/images/${kept}/file`, soundVmdk());
  assert.deepEqual((await alice('GET', `/images/${kept}/file`)).raw, soundVmdk());
  for (const [id, file] of [[converted, soundVmdk()], [wrong, hostileForeign[0]!.bytes]] as const) {
    await alice('PUT', `/images/${id}/stage`, file);
    await alice('POST', `/images/${id}/import`, direct);
  }
  await work();
  const image = (await alice('GET', `/images/${converted}`)).body;
  assert.deepEqual([image.status, image.disk_format, image.virtual_size], ['active', 'qcow2', foreignSizeBytes]);
  assert.equal((await alice('GET', `/images/${converted}/file`)).raw.toString('latin1', 0, 4), 'QFI\xfb');
  assert.match((await alice('GET', `/images/${wrong}`)).body.os_intercloud_failure, /names other files/);
});

test('an OVA is kept as it is when it is uploaded, and its one disk becomes an image that boots when it is imported', async (t) => {
  const { alice, work, incoming, findings } = await start(t);
  const made = async (disk_format = 'vmdk') => (await alice('POST', '/images', { name: 'machine', disk_format, container_format: 'ova' })).body.id as string;
  const kept = await made();
  assert.equal((await alice('PUT', `/images/${kept}/file`, soundArchive())).status, 204);
  assert.deepEqual((await alice('GET', `/images/${kept}/file`)).raw, soundArchive());
  assert.equal((await alice('PUT', `/images/${await made()}/file`, soundVmdk())).status, 415);

  const orders = [
    { id: await made(), file: soundArchive() },
    { id: await made('qcow2'), file: soundArchive({ disk: bytes }) },
    { id: await made(), file: archiveOfTwo() },
    { id: await made(), file: hostileArchives[0]!.bytes },
  ];
  for (const { id, file } of orders) {
    await alice('PUT', `/images/${id}/stage`, file);
    await alice('POST', `/images/${id}/import`, direct);
  }
  await work();
  const [converted, taken, several, wrong] = await Promise.all(orders.map(async ({ id }) => (await alice('GET', `/images/${id}`)).body));
  assert.deepEqual([converted.status, converted.container_format, converted.disk_format, converted.virtual_size], ['active', 'bare', 'qcow2', foreignSizeBytes]);
  assert.equal((await alice('GET', `/images/${converted.id}/file`)).raw.toString('latin1', 0, 4), 'QFI\xfb');
  assert.deepEqual([taken.status, taken.container_format, taken.disk_format, taken.size], ['active', 'bare', 'qcow2', bytes.length]);
  assert.deepEqual([several.status, wrong.status], ['queued', 'queued']);
  assert.match(several.os_intercloud_failure, /has 2 disks/);
  assert.match(wrong.os_intercloud_failure, hostileArchives[0]!.reason);
  assert.deepEqual([await incoming(), await findings()], [[], []]);
});

test('an image is fetched from a server elsewhere, behind redirects that are looked at too', async (t) => {
  const { alice, work } = await start(t);
  const server = await serve(t, (request, reply) => {
    if (request.url === '/moved') reply.writeHead(302, { location: '/image' }).end();
    else reply.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  });
  const { id } = await alice.newImage();
  const wish = { method: { name: 'web-download', uri: `${server}/moved` }, all_stores: true };

  assert.equal((await alice('POST', `/images/${id}/import`, wish)).status, 202);
  await work();
  const image = (await alice('GET', `/images/${id}`)).body;
  assert.deepEqual([image.status, image.stores.split(',').sort()], ['active', ['archive', 'attic', 'local']]);
  assert.deepEqual((await alice('GET', `/images/${id}/file`)).raw, bytes);
});

test('nothing is fetched from where only the cloud itself may go (ATTACKS 8)', async (t) => {
  const { alice, work } = await start(t);
  const server = await serve(t, (_request, reply) => reply.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end());
  const { id } = await alice.newImage();
  for (const uri of ['ftp://images.example/a', 'file:///etc/passwd', 'http://user:secret@images.example/a', 'http://images.example:22/a', 'gopher://x', 'no address', undefined])
    assert.equal((await alice('POST', `/images/${id}/import`, { method: { name: 'web-download', uri } })).status, 400, String(uri));

  for (const uri of [`${server}/`, 'http://10.0.0.1/', 'http://0x7f.2.2/', 'http://[::ffff:127.9.9.9]/', 'http://[fd00::1]/', 'http://2852039166/']) {
    assert.equal((await alice('POST', `/images/${id}/import`, { method: { name: 'web-download', uri } })).status, 202, uri);
    await work();
    const image = (await alice('GET', `/images/${id}`)).body;
    assert.equal(image.status, 'queued', uri);
    assert.match(image.os_intercloud_failure, /is not at a public address/, uri);
  }
});

test('a download that breaks off, is too large or is something else leaves the image as it was', async (t) => {
  const { alice, work, incoming, findings } = await start(t);
  let asked = 0;
  const server = await serve(t, (request, reply) => {
    asked++;
    if (request.url === '/missing') reply.writeHead(404).end('no');
    else if (request.url === '/large') reply.writeHead(200, { 'content-length': 2 ** 30 }).end('x');
    else if (request.url === '/endless') reply.writeHead(200).end(Buffer.alloc(2 ** 20));
    else if (request.url === '/text') reply.writeHead(200).end('hello');
    else {
      reply.writeHead(200, { 'content-length': bytes.length });
      reply.write(bytes.subarray(0, 1000), () => reply.destroy());
    }
  });
  const { id } = await alice.newImage();
  for (const [path, reason] of [['/missing', /404/], ['/large', /are allowed/], ['/endless', /more than the/], ['/text', /does not match/], ['/broken', /interrupted|ended after/]] as const) {
    asked = 0;
    assert.equal((await alice('POST', `/images/${id}/import`, { method: { name: 'web-download', uri: `${server}${path}` } })).status, 202);
    await work();
    const image = (await alice('GET', `/images/${id}`)).body;
    assert.equal(image.status, 'queued');
    assert.match(image.os_intercloud_failure, reason);
    assert.equal(asked, path === '/broken' ? 4 : 1);
  }
  assert.deepEqual([await incoming(), await findings()], [[], []]);
});

test('an administrator copies an image into further stores, and takes it out of them', async (t) => {
  const { alice, admin, work, parts, clock, findings } = await start(t);
  const { id } = await alice.newImage();
  assert.equal((await alice('PUT', `/images/${id}/file`, bytes, { 'x-image-meta-store': 'archive' })).status, 204);
  assert.equal((await alice('GET', `/images/${id}`)).body.stores, 'archive');
  const copy = (stores: object) => ({ method: { name: 'copy-image' }, ...stores });

  assert.equal((await alice('POST', `/images/${id}/import`, copy({ stores: ['attic'] }))).status, 403);
  assert.equal((await admin('POST', `/images/${id}/import`, copy({ stores: ['archive'] }))).status, 400);
  assert.equal((await admin('POST', `/images/${id}/import`, copy({ stores: ['nowhere'] }))).status, 409);
  assert.equal((await admin('POST', `/images/${id}/import`, copy({ all_stores: true, stores: ['attic'] }))).status, 400);
  assert.equal((await admin('POST', `/images/${id}/import`, copy({ all_stores: true }))).status, 202);
  await work();
  const image = (await alice('GET', `/images/${id}`)).body;
  assert.deepEqual([image.status, image.stores.split(',').sort()], ['active', ['archive', 'attic', 'local']]);
  // Nothing is left to be brought: that is said as at the end of an import.
  assert.equal((await admin('POST', `/images/${id}/import`, copy({ all_stores: true }))).status, 202);
  assert.equal((await alice('GET', `/images/${id}`)).body.os_glance_importing_to_stores, '');

  assert.equal((await alice('DELETE', `/stores/archive/${id}`)).status, 403);
  for (const store of ['local', 'archive']) assert.equal((await admin('DELETE', `/stores/${store}/${id}`)).status, 204);
  assert.equal((await admin('DELETE', `/stores/local/${id}`)).status, 404);
  assert.equal((await admin('DELETE', `/stores/attic/${id}`)).status, 403);
  clock.advance(2 * 3600_000);
  await collectBytes(parts);
  assert.deepEqual(await Promise.all(['local', 'archive', 'attic'].map(async (store) => (await parts.blobs.list(store)).length)), [0, 0, 1]);
  assert.deepEqual((await alice('GET', `/images/${id}/file`)).raw, bytes);
  assert.deepEqual(await findings(), []);
});

test('a store that fails fails the import, or is told of where not all must succeed', async (t) => {
  const { alice, work, parts } = await start(t);
  parts.blobs.copy = ((copy) => (sha256, to) => (to === 'attic' ? Promise.reject(new Error('the disk is full')) : copy(sha256, to)))(parts.blobs.copy);
  const outcomes: unknown[] = [];
  for (const all_stores_must_succeed of [true, false]) {
    const { id } = await alice.newImage();
    await alice('PUT', `/images/${id}/stage`, bytes);
    assert.equal((await alice('POST', `/images/${id}/import`, { ...direct, stores: ['archive', 'attic'], all_stores_must_succeed })).status, 202);
    await work();
    const { status, stores, os_glance_failed_import: failed } = (await alice('GET', `/images/${id}`)).body;
    outcomes.push({ status, stores, failed });
  }
  assert.deepEqual(outcomes, [{ status: 'queued', stores: undefined, failed: 'archive,attic' }, { status: 'active', stores: 'archive', failed: 'attic' }]);
});

test('an image that is deleted while it waits or is imported takes its bytes with it', async (t) => {
  const { alice, work, incoming, findings } = await start(t);
  const { id } = await alice.newImage();
  await alice('PUT', `/images/${id}/stage`, bytes);
  await alice('DELETE', `/images/${id}`);
  await work();
  assert.deepEqual(await incoming(), []);

  const { id: other } = await alice.newImage();
  await alice('PUT', `/images/${other}/stage`, bytes);
  await alice('POST', `/images/${other}/import`, direct);
  await alice('DELETE', `/images/${other}`);
  await work();
  assert.deepEqual([await incoming(), await findings(), (await alice('GET', `/images/${other}/tasks`)).status], [[], [], 404]);
});

test('bytes that nobody imports go after a day, and the project gets their quota back', async (t) => {
  const { alice, parts, clock, incoming, findings } = await start(t);
  const { id } = await alice.newImage();
  await alice('PUT', `/images/${id}/stage`, bytes);
  clock.advance(21 * 3600_000);
  await collectBytes(parts);
  assert.equal((await alice('GET', `/images/${id}`)).body.status, 'queued');
  // By the age that the file has of itself.
  clock.advance(48 * 3600_000 + (Date.now() - clock.now().getTime()));
  await collectBytes(parts);
  assert.deepEqual([await incoming(), await findings()], [[], []]);
});

test('an administrator makes an image of what is at an address, by a task', async (t) => {
  const { alice, admin, work } = await start(t);
  const server = await serve(t, (_request, reply) => reply.writeHead(200).end(bytes));
  const input = { import_from: `${server}/image`, import_from_format: 'qcow2', image_properties: { name: 'from afar', visibility: 'private', os_distro: 'cirros' } };
  assert.equal((await alice('POST', '/tasks', { type: 'import', input })).status, 403);
  assert.equal((await admin('POST', '/tasks', { type: 'import', input: { ...input, import_from: 'file:///etc/passwd' } })).status, 400);
  assert.equal((await admin('POST', '/tasks', { type: 'import', input: {} })).status, 400);
  assert.equal((await admin('POST', '/tasks', { type: 'api_image_import', input })).status, 400);

  const made = await admin('POST', '/tasks', { type: 'import', input });
  assert.deepEqual([made.status, made.headers['location'], made.body.status, made.body.input], [201, `/v2/tasks/${made.body.id}`, 'pending', input]);
  await work();
  const task = (await admin('GET', `/tasks/${made.body.id}`)).body;
  assert.equal(task.status, 'success');
  const image = (await admin('GET', `/images/${task.result.image_id}`)).body;
  assert.deepEqual([image.name, image.status, image.os_distro], ['from afar', 'active', 'cirros']);

  const listed = await admin('GET', '/tasks?status=success&type=import&limit=1');
  assert.deepEqual([listed.body.tasks.map(({ id }: { id: string }) => id), 'input' in listed.body.tasks[0], listed.body.next], [[task.id], false, `/v2/tasks?status=success&type=import&limit=1&marker=${task.id}`]);
  assert.deepEqual((await admin('GET', listed.body.next.slice(3))).body.tasks, []);
  for (const wrong of ['status=odd', 'type=odd', 'limit=x', 'limit=-1', 'marker=x', 'sort_key=x', 'sort_dir=x']) assert.equal((await admin('GET', `/tasks?${wrong}`)).status, 400, wrong);
});

test('the stores and methods that there are can be learnt', async (t) => {
  const { alice, admin } = await start(t);
  assert.deepEqual((await alice('GET', '/info/import')).body['import-methods'].value, ['glance-direct', 'web-download', 'copy-image']);
  assert.deepEqual((await alice('GET', '/info/stores')).body, { stores: [{ id: 'local', default: 'true' }, { id: 'archive', description: 'Slow and safe' }, { id: 'attic' }] });
  assert.equal((await alice('GET', '/info/stores/detail')).status, 403);
  const { stores } = (await admin('GET', '/info/stores/detail')).body;
  assert.deepEqual(stores.map(({ id, type, weight }: Record<string, unknown>) => [id, type, weight]), [['local', 'file', 0], ['archive', 'file', 0], ['attic', 'file', 10]]);
});

test('a service gives an image the bytes at a location, which users may neither do nor see (ATTACKS 9)', async (t) => {
  const { alice, admin, work, parts, clock } = await start(t);
  const { id: source } = await alice.newImage();
  await alice('PUT', `/images/${source}/file`, bytes, { 'x-image-meta-store': 'archive' });
  assert.equal((await alice('GET', `/images/${source}/locations`)).status, 403);
  const [place] = (await admin('GET', `/images/${source}/locations`)).body;
  assert.deepEqual(place.metadata, { store: 'archive' });
  assert.match(place.url, /^file:\/\/\/.*\/archive\/[0-9a-f]{64}$/);
  const sha512 = (await alice('GET', `/images/${source}`)).body.os_hash_value as string;

  const { id } = await alice.newImage();
  const add = (caller: typeof alice, body: object) => caller('POST', `/images/${id}/locations`, body);
  assert.equal((await add(alice, { url: place.url })).status, 403);
  assert.equal((await add(admin, { url: place.url, validation_data: { os_hash_value: 'abc' } })).status, 400);
  for (const url of ['file:///etc/passwd', `${place.url}/../../../etc/passwd`, 'cinder://a/b', 'x']) assert.equal((await add(admin, { url })).status, 400, url);
  assert.equal((await add(admin, { url: place.url.replace(/[0-9a-f]{64}$/, '0'.repeat(64)) })).status, 202);
  await work();
  assert.match((await alice('GET', `/images/${id}`)).body.os_intercloud_failure, /no such bytes/);
  clock.advance(1000);
  assert.equal((await add(admin, { url: place.url, validation_data: { os_hash_value: '0'.repeat(128) } })).status, 202);
  await work();
  assert.match((await alice('GET', `/images/${id}`)).body.os_intercloud_failure, /The sha512 of the bytes is/);
  clock.advance(1000);

  assert.equal((await add(admin, { url: place.url, validation_data: { os_hash_value: sha512 } })).status, 202);
  await work();
  const image = (await alice('GET', `/images/${id}`)).body;
  assert.deepEqual([image.status, image.stores, image.os_hash_value], ['active', 'archive', sha512]);
  assert.equal((await add(admin, { url: place.url })).status, 409);
  assert.deepEqual((await alice('GET', `/images/${id}/tasks`)).body.tasks.map(({ type, status }: Record<string, string>) => [type, status]), [['location_import', 'failure'], ['location_import', 'failure'], ['location_import', 'success']]);
  assert.deepEqual(await parts.blobs.list(), []);
});

test('images are brought into the cache, read from there, and taken out of it', async (t) => {
  const { alice, admin, work, parts, clock, findings } = await start(t);
  const { id } = await alice.newImage();
  const { id: queued } = await alice.newImage();
  await alice('PUT', `/images/${id}/file`, bytes, { 'x-image-meta-store': 'archive' });
  assert.equal((await alice('GET', '/cache')).status, 403);
  assert.equal((await admin('PUT', `/cache/${queued}`)).status, 400);
  assert.equal((await admin('PUT', `/cache/${systemRandom.uuid()}`)).status, 404);
  assert.deepEqual((await admin('GET', '/cache')).body, { cached_images: [], queued_images: [] });

  assert.equal((await admin('PUT', `/cache/${id}`)).status, 202);
  assert.deepEqual((await admin('GET', '/cache')).body, { cached_images: [], queued_images: [id] });
  await work();
  assert.deepEqual((await alice('GET', `/images/${id}/file`)).raw, bytes);
  const [cached] = (await admin('GET', '/cache')).body.cached_images;
  assert.deepEqual([cached.image_id, cached.hits, cached.size], [id, 1, bytes.length]);

  await collectBytes(parts);
  assert.equal((await parts.blobs.list('cached')).length, 1);
  assert.equal((await admin('DELETE', '/cache', undefined, { 'x-image-cache-clear-target': 'queue' })).status, 204);
  assert.equal((await admin('GET', '/cache')).body.cached_images.length, 1);
  assert.equal((await admin('DELETE', '/cache', undefined, { 'x-image-cache-clear-target': 'odd' })).status, 400);
  assert.equal((await admin('DELETE', `/cache/${id}`)).status, 204);
  assert.equal((await admin('DELETE', `/cache/${systemRandom.uuid()}`)).status, 404);
  assert.equal((await admin('DELETE', '/cache')).status, 204);
  clock.advance(2 * 3600_000);
  await collectBytes(parts);
  assert.deepEqual([await parts.blobs.list('cached'), (await alice('GET', `/images/${id}/file`)).raw.equals(bytes), await findings()], [[], true, []]);
});

test('an operator’s settings are refused where they mean nothing', () => {
  for (const wrong of [{ store: [] }, { stores: [{ id: 'local', folder: '/a' }] }, { stores: [{ id: 'a', folder: 'b' }] }, { stores: [{ id: 'a', folder: '/a' }, { id: 'a', folder: '/b' }] }, { downloads: { allowed_networks: ['10.0.0.0/33'] } }, { downloads: { allowed_ports: [0] } }])
    assert.throws(() => imageSettings(wrong), Error, JSON.stringify(wrong));
  assert.deepEqual(imageSettings().downloads.allowed_ports, [80, 443]);
});

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

async function start(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'import-'));
  const clock = manualClock(new Date(Math.floor(Date.now() / 1000) * 1000));
  const { database } = await testDatabase(t, { migrations: ['quota', 'image'].map((service) => ({ service, directory: service === 'image' ? schemaDirectory : schemaDirectory.replace('/image/', '/quota/') })) });
  const settings = imageSettings({
    stores: [{ id: 'archive', folder: join(folder, 'archive'), description: 'Slow and safe' }, { id: 'attic', folder: join(folder, 'attic'), weight: 10 }],
    downloads: { allowed_networks: ['127.0.0.1/32'], allowed_ports: [], disallowed_ports: [22], max_bytes: 2 ** 20 - 1, max_seconds: 20 },
    import_properties: { imported_by: 'the operator' },
  });
  const blobs = await fileBlobStore(join(folder, 'blobs'), settings);
  const driver = createSimulatedDriver({ stateDir: join(folder, 'driver'), hosts: 1, hostShape: { vcpus: 4, memoryMiB: 4096, diskGiB: 100 }, blobs, clock, random: systemRandom });
  const log = createLog({ name: 'test', level: 'silent' });
  const parts: RegionParts = { region: 'test', database, clock, random: systemRandom, log, driver, blobs, bodies: await fileObjectBodies(join(folder, 'objects')), workflows: createWorkflows({ clock, random: systemRandom }), scheduler: createScheduler(), sealingKeys: [] };
  const made = makeImage(parts);
  const callers = { alice: callerOf('alice'), admin: { ...callerOf('admin'), isAdmin: true } };
  const door = createDoor({ implementations: [made.implementation!], authenticate: (token) => callers[token as keyof typeof callers], clock, random: systemRandom, log });
  const engine = createEngine<RegionParts>({ database, clock, random: systemRandom, log, workflows: made.workflows, schedules: [], services: parts, pollMs: 50 });
  let started = false;
  t.after(async () => {
    if (started) await engine.stop();
    await door.drain();
    await driver.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Until nothing is under way; pauses between attempts pass at once. */
  async function work(): Promise<void> {
    if (!started) await engine.start();
    started = true;
    for (;;) {
      await engine.idle();
      const waiting = await database.read({ kind: 'system', reason: 'test' }, (tx) => tx.rows`select from kit.workflow_run where status in ('waiting', 'running')`);
      if (waiting.length === 0) return;
      clock.advance(30_000);
    }
  }

  const as = (token: string) => {
    const call = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object, headers: Record<string, string> = {}) => {
      const isBytes = Buffer.isBuffer(body);
      const response = await door.app.inject({
        method,
        url: `/image/v2${path}`,
        headers: { accept: 'application/json', 'x-auth-token': token, ...(body === undefined ? {} : { 'content-type': isBytes ? 'application/octet-stream' : 'application/json' }), ...headers },
        ...(body === undefined ? {} : { payload: isBytes ? body : JSON.stringify(body) }),
      });
      const isJson = String(response.headers['content-type']).startsWith('application/json');
      return { status: response.statusCode, headers: response.headers, text: response.rawPayload.length > 10_000 ? '' : response.body, body: isJson && response.body !== '' ? response.json() : undefined, raw: response.rawPayload };
    };
    const newImage = async () => {
      const made = await call('POST', '/images', { name: 'new', disk_format: 'qcow2', container_format: 'bare' });
      return { id: made.body.id as string, headers: made.headers };
    };
    return Object.assign(call, { newImage });
  };
  return {
    parts,
    clock,
    work,
    alice: as('alice'),
    admin: as('admin'),
    incoming: () => readdir(join(folder, 'blobs', 'incoming')),
    findings: async () => (await Promise.all(made.invariants.filter(({ id }) => /^I\d/.test(id)).map((each) => each.check()))).flat(),
  };
}

function callerOf(name: string): Caller {
  return { userId: name, userName: name, userDomainId: 'default', projectId: `${name}-project`, projectName: name, projectDomainId: 'default', domainId: null, system: false, roles: new Set(['member', 'reader']), isAdmin: false, token: name, expiresAt: new Date('2100-01-01') };
}
