import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createSimulatedDriver } from '../../drivers/simulated/simulated.ts';
import { manualClock, systemRandom } from '../../kit/clock.ts';
import type { Caller } from '../../kit/http/caller.ts';
import { createDoor } from '../../kit/http/serve.ts';
import { createLog } from '../../kit/log.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import { createWorkflows } from '../../kit/workflow/runs.ts';
import type { RegionParts } from '../parts.ts';
import { createScheduler } from '../placement/scheduler/scheduler.ts';
import { fileBlobStore } from './blobs.ts';
import { fileObjectBodies } from '../object-store/object-store.ts';
import { collectBytes } from './collector.ts';
import { bootstrapImage, makeImage, schemaDirectory } from './image.ts';
import { getServerImage } from './images.ts';
import { hostile, soundQcow2 } from './intake/corpus.ts';
import { quotaUsage, setQuotaLimits } from '../quota/quotas.ts';
import { acceptCapture, activateImage, beginUpload, failImage, giveUpUpload, receiveUpload, reserveServerImage } from './uploads.ts';

const json = 'application/json';
const patch = 'application/openstack-images-v2.1-json-patch';

test('an image is created, filled, shown, read and deleted as Glance does it', async (t) => {
  const { alice } = await startService(t);
  const bytes = soundQcow2();

  const created = await alice('POST', '/images', { name: 'cirros', disk_format: 'qcow2', container_format: 'bare', hw_disk_bus: 'virtio' });
  assert.equal(created.status, 201);
  const { id } = created.body;
  assert.equal(created.headers['location'], `http://localhost:80/image/v2/images/${id}`);
  assert.deepEqual(created.body, {
    id,
    name: 'cirros',
    hw_disk_bus: 'virtio',
    status: 'queued',
    visibility: 'shared',
    protected: false,
    os_hidden: false,
    owner: 'alice-project',
    container_format: 'bare',
    disk_format: 'qcow2',
    min_ram: 0,
    min_disk: 0,
    size: null,
    virtual_size: null,
    checksum: null,
    os_hash_algo: null,
    os_hash_value: null,
    tags: [],
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    self: `/v2/images/${id}`,
    file: `/v2/images/${id}/file`,
    schema: '/v2/schemas/image',
  });

  assert.equal((await alice('PUT', `/images/${id}/file`, bytes)).status, 204);
  const { body: active } = await alice('GET', `/images/${id}`);
  assert.deepEqual(
    { status: active.status, size: active.size, virtual_size: active.virtual_size, checksum: active.checksum, os_hash_algo: active.os_hash_algo, os_hash_value: active.os_hash_value },
    { status: 'active', size: bytes.length, virtual_size: 2 ** 30, checksum: hashed('md5', bytes), os_hash_algo: 'sha512', os_hash_value: hashed('sha512', bytes) },
  );

  const read = await alice('GET', `/images/${id}/file`);
  assert.equal(read.headers['content-md5'], hashed('md5', bytes));
  assert.deepEqual(read.raw, bytes);
  const part = await alice('GET', `/images/${id}/file`, undefined, { range: 'bytes=0-3' });
  assert.deepEqual({ status: part.status, raw: part.raw, range: part.headers['content-range'] }, { status: 206, raw: bytes.subarray(0, 4), range: `bytes 0-3/${bytes.length}` });

  assert.equal((await alice('PUT', `/images/${id}/file`, bytes)).status, 409);
  assert.equal((await alice('DELETE', `/images/${id}`)).status, 204);
  assert.equal((await alice('GET', `/images/${id}`)).status, 404);
});

test('a hostile image is refused with the reason, and waits for better bytes', async (t) => {
  const { alice } = await startService(t);
  const { body } = await alice('POST', '/images', { name: 'evil', disk_format: 'qcow2', container_format: 'bare' });

  const refused = await alice('PUT', `/images/${body.id}/file`, hostile[0]!.bytes);
  assert.deepEqual({ status: refused.status, message: refused.body.message }, { status: 415, message: 'The image keeps its data in an external file.' });

  const { body: after } = await alice('GET', `/images/${body.id}`);
  assert.deepEqual({ status: after.status, failure: after.os_intercloud_failure }, { status: 'queued', failure: 'The image keeps its data in an external file.' });
  assert.equal((await alice('PUT', `/images/${body.id}/file`, soundQcow2())).status, 204);
});

test('an image of another project looks as if it did not exist, unless it is public, community or shared', async (t) => {
  const { alice, bob, admin } = await startService(t);
  const make = async (visibility: string, who = alice) => (await who('POST', '/images', { name: visibility, visibility })).body.id as string;
  const [secret, shared, community, open] = [await make('private'), await make('shared'), await make('community'), await make('public', admin)];
  const names = async (query = '') => ((await bob('GET', `/images${query}`)).body.images as { name: string }[]).map(({ name }) => name).sort();

  assert.equal((await alice('POST', '/images', { visibility: 'public' })).status, 403);
  assert.equal((await bob('GET', `/images/${secret}`)).status, 404);
  assert.equal((await bob('GET', `/images/${shared}`)).status, 404);
  assert.equal((await bob('DELETE', `/images/${secret}`)).status, 404);
  assert.equal((await bob('DELETE', `/images/${open}`)).status, 403);
  assert.equal((await bob('GET', `/images/${community}`)).status, 200);
  assert.deepEqual(await names(), ['public']);
  assert.deepEqual(await names('?visibility=community'), ['community']);
  assert.deepEqual(await names('?visibility=all'), ['community', 'public']);

  assert.equal((await alice('POST', `/images/${shared}/members`, { member: 'bob-project' })).status, 200);
  assert.equal((await bob('GET', `/images/${shared}`)).status, 200);
  assert.deepEqual(await names(), ['public']);
  assert.deepEqual(await names('?member_status=pending&visibility=shared'), ['shared']);
  assert.equal((await alice('PUT', `/images/${shared}/members/bob-project`, { status: 'accepted' })).status, 403);
  assert.equal((await bob('PUT', `/images/${shared}/members/bob-project`, { status: 'accepted' })).body.status, 'accepted');
  assert.deepEqual(await names(), ['public', 'shared']);
  assert.equal((await bob('DELETE', `/images/${shared}/members/bob-project`)).status, 403);
  assert.equal((await alice('DELETE', `/images/${shared}/members/bob-project`)).status, 204);
  assert.deepEqual(await names(), ['public']);
});

test('a patch changes fields and properties, and refuses what nobody may write', async (t) => {
  const { alice } = await startService(t);
  const { id } = (await alice('POST', '/images', { name: 'a', os_distro: 'alpine' })).body;
  const change = (...changes: object[]) => alice('PATCH', `/images/${id}`, changes, { 'content-type': patch });

  const { body } = await change(
    { op: 'replace', path: '/name', value: 'b' },
    { op: 'add', path: '/hw_video', value: 'vga' },
    { op: 'remove', path: '/os_distro' },
    { op: 'replace', path: '/tags', value: ['x', 'y', 'x'] },
    { op: 'replace', path: '/protected', value: true },
  );
  assert.deepEqual({ name: body.name, hw_video: body.hw_video, os_distro: body.os_distro, tags: body.tags, protected: body.protected }, { name: 'b', hw_video: 'vga', os_distro: undefined, tags: ['x', 'y'], protected: true });

  assert.equal((await change({ op: 'replace', path: '/status', value: 'active' })).status, 403);
  assert.equal((await change({ op: 'replace', path: '/owner', value: 'bob-project' })).status, 403);
  assert.equal((await change({ op: 'replace', path: '/missing', value: 'x' })).status, 409);
  assert.equal((await change({ op: 'add', path: '/locations/-', value: { url: 'file:///etc/shadow', metadata: {} } })).status, 400);
  assert.equal((await change({ op: 'replace', path: '/locations', value: [] })).status, 403);
  assert.equal((await change({ op: 'replace', path: '/min_disk', value: 'many' })).status, 400);
  assert.equal((await alice('PATCH', `/images/${id}`, [], { 'content-type': json })).status, 415);
  assert.equal((await alice('DELETE', `/images/${id}`)).status, 403);
  assert.equal((await alice('PUT', `/images/${id}/tags/z`)).status, 204);
  assert.equal((await alice('DELETE', `/images/${id}/tags/x`)).status, 204);
  assert.deepEqual((await alice('GET', `/images/${id}`)).body.tags, ['y', 'z']);
});

test('a list comes in pages that lose and repeat nothing', async (t) => {
  const { alice } = await startService(t);
  for (let index = 0; index < 7; index++) await alice('POST', '/images', { name: index < 4 ? 'same' : `image ${index}`, kind: String(index % 2) });

  const seen: string[] = [];
  let next: string | undefined = '/images?limit=2&sort=name:asc';
  while (next !== undefined) {
    const page: { images: { id: string }[]; next?: string } = (await alice('GET', next)).body;
    seen.push(...page.images.map(({ id }) => id));
    next = page.next?.replace('/v2', '');
  }
  assert.equal(seen.length, 7);
  assert.equal(new Set(seen).size, 7);
  const count = async (query: string) => (await alice('GET', `/images?${query}`)).body.images.length as number;
  assert.deepEqual([await count('name=same'), await count('name=in:same,"image 5"'), await count('kind=1'), await count('status=active'), await count('os_hidden=true'), await count('created_at=gt:2030-01-01T00:00:00Z')], [4, 5, 3, 0, 0, 0]);
  for (const query of ['limit=-1', 'limit=x', 'sort=color', 'visibility=secret', 'marker=nobody', 'size_min=x', 'changes-since=1']) assert.equal((await alice('GET', `/images?${query}`)).status, 400, query);
});

test('a deactivated image is not read or booted, and an administrator reads it all the same', async (t) => {
  const { alice, admin, parts } = await startService(t);
  const { id } = (await alice('POST', '/images', { disk_format: 'qcow2', container_format: 'bare' })).body;
  await alice('PUT', `/images/${id}/file`, soundQcow2());

  assert.equal((await alice('POST', `/images/${id}/actions/deactivate`)).status, 204);
  assert.equal((await alice('GET', `/images/${id}/file`)).status, 403);
  assert.equal((await admin('GET', `/images/${id}/file`)).status, 200);
  const boot = () => parts.database.read({ kind: 'project', projectId: 'alice-project' }, (tx) => getServerImage({ tx }, id));
  await assert.rejects(boot, { status: 400 });
  assert.equal((await alice('POST', `/images/${id}/actions/reactivate`)).status, 204);
  assert.equal((await boot()).vetted.virtualSizeBytes, 2 ** 30);
});

test('bytes live as long as an image has them, and the same bytes brought twice are stored once', async (t) => {
  const { alice, bob, parts, clock, findings } = await startService(t);
  const ids = [];
  for (const who of [alice, bob]) {
    const { id } = (await who('POST', '/images', { disk_format: 'qcow2', container_format: 'bare' })).body;
    await who('PUT', `/images/${id}/file`, soundQcow2());
    ids.push(id);
  }
  assert.equal((await parts.blobs.list()).length, 1);

  await alice('DELETE', `/images/${ids[0]}`);
  clock.advance(2 * 3_600_000);
  await collectBytes(parts);
  assert.equal((await bob('GET', `/images/${ids[1]}/file`)).status, 200);
  assert.deepEqual(await findings(), []);

  await bob('DELETE', `/images/${ids[1]}`);
  await collectBytes(parts);
  assert.deepEqual(await parts.blobs.list(), []);
  assert.deepEqual(await findings(), []);
});

test('an upload that nobody continues gives the image back', async (t) => {
  const { alice, parts, clock, findings } = await startService(t);
  const { id } = (await alice('POST', '/images', { disk_format: 'qcow2', container_format: 'bare' })).body;
  await parts.database.transaction({ kind: 'system', reason: 'test' }, (tx) => tx.run`update image.image set status = 'saving', upload = 'lost', saving_until = ${clock.now()} where id = ${id}`);

  clock.advance(3_600_000);
  assert.equal((await findings()).length, 1);
  await collectBytes(parts);
  assert.equal((await alice('GET', `/images/${id}`)).body.status, 'queued');
  assert.deepEqual(await findings(), []);
});

test('a captured disk becomes an image of the project, or says why not', async (t) => {
  const { alice, parts, callers } = await startService(t);
  const reserve = () => parts.database.transaction({ kind: 'project', projectId: 'alice-project' }, (tx) => reserveServerImage({ tx, now: parts.clock.now(), random: parts.random, requestId: 'req-1', caller: callers.alice }, { name: 'snapshot', properties: { image_type: 'snapshot' }, minDiskGiB: 1, minRamMiB: 0 }));

  const good = await reserve();
  assert.equal((await alice('GET', `/images/${good.id}`)).body.status, 'saving');
  await writeFile(parts.blobs.incomingPath(good.upload), soundQcow2());
  const accepted = await acceptCapture(parts, { imageId: good.id, upload: good.upload });
  await parts.database.transaction({ kind: 'system', reason: 'test' }, (tx) => activateImage(tx, good.id, accepted, parts.clock.now()));
  const { body } = await alice('GET', `/images/${good.id}`);
  assert.deepEqual({ status: body.status, visibility: body.visibility, image_type: body.image_type, min_disk: body.min_disk }, { status: 'active', visibility: 'private', image_type: 'snapshot', min_disk: 1 });

  const bad = await reserve();
  await parts.database.transaction({ kind: 'system', reason: 'test' }, (tx) => failImage(tx, bad.id, 'The disk could not be read.', parts.clock.now()));
  assert.equal((await alice('GET', `/images/${bad.id}`)).body.os_intercloud_failure, 'The disk could not be read.');
});

test('bytes in a container are stored and given back as they are, and never booted', async (t) => {
  const { alice, bob, parts, findings } = await startService(t);
  // What nobody looks into may be anything: here, what would be refused as a disk.
  const bytes = hostile[0]!.bytes;
  for (const container_format of ['ami', 'ovf', 'docker']) {
    const { id } = (await alice('POST', '/images', { disk_format: 'vmdk', container_format, visibility: 'community' })).body;
    assert.equal((await alice('PUT', `/images/${id}/file`, bytes)).status, 204);
    const { body } = await alice('GET', `/images/${id}`);
    assert.deepEqual({ status: body.status, size: body.size, virtual_size: body.virtual_size, checksum: body.checksum }, { status: 'active', size: bytes.length, virtual_size: null, checksum: hashed('md5', bytes) });
    assert.deepEqual((await bob('GET', `/images/${id}/file`)).raw, bytes);
    await assert.rejects(parts.database.read({ kind: 'project', projectId: 'alice-project' }, (tx) => getServerImage({ tx }, id)), { status: 400, code: 'ImageUnacceptable' });
    assert.equal((await alice('PATCH', `/images/${id}`, [{ op: 'replace', path: '/container_format', value: 'bare' }], { 'content-type': patch })).status, 403);
  }
  assert.deepEqual(await findings(), []);
});

test('the same bytes in a container and as a disk stay a container and a disk', async (t) => {
  const { alice, parts } = await startService(t);
  const bytes = soundQcow2();
  const make = async (container_format: string) => {
    const { id } = (await alice('POST', '/images', { disk_format: 'qcow2', container_format })).body;
    await alice('PUT', `/images/${id}/file`, bytes);
    return id as string;
  };
  const boot = (id: string) => parts.database.read({ kind: 'project', projectId: 'alice-project' }, (tx) => getServerImage({ tx }, id));
  const [packed, disk, again] = [await make('ovf'), await make('bare'), await make('ovf')];

  assert.deepEqual((await boot(disk)).vetted, { imageId: disk, sha256: hashed('sha256', bytes), format: 'qcow2', sizeBytes: bytes.length, virtualSizeBytes: 2 ** 30 });
  for (const id of [packed, again]) {
    await assert.rejects(boot(id), { code: 'ImageUnacceptable' });
    assert.equal((await alice('GET', `/images/${id}`)).body.virtual_size, null);
  }
});

test('a project’s bytes are charged before they are there, and given back whatever becomes of them', async (t) => {
  const { alice, admin, parts, clock, findings } = await startService(t);
  const bytes = soundQcow2();
  const limit = (most: number) => parts.database.transaction({ kind: 'system', reason: 'test' }, (tx) => setQuotaLimits(tx, 'alice-project', { 'image.bytes': most }));
  const used = () => parts.database.read({ kind: 'system', reason: 'test' }, async (tx) => (await quotaUsage(tx, 'alice-project', ['image.bytes']))['image.bytes']!.used);
  const make = async () => (await alice('POST', '/images', { disk_format: 'qcow2', container_format: 'bare' })).body.id as string;
  await limit(2 * bytes.length);

  const ids = [await make(), await make(), await make()];
  const uploads = await Promise.all(ids.map((id) => alice('PUT', `/images/${id}/file`, bytes)));
  assert.deepEqual(uploads.map(({ status }) => status).toSorted((one, other) => one - other), [204, 204, 413]);
  assert.match(uploads.find(({ status }) => status === 413)!.body.message, /over a limit for image_size_total \(limit 1, used 1, wanted 1\)/);
  assert.equal(await used(), 2 * bytes.length);
  const left = ids[uploads.findIndex(({ status }) => status === 413)]!;
  assert.equal((await alice('GET', `/images/${left}`)).body.status, 'queued');
  assert.deepEqual(await findings(), []);

  assert.deepEqual((await alice('GET', '/info/usage')).body, {
    usage: { image_size_total: { usage: 0, limit: 0 }, image_stage_total: { usage: 0, limit: -1 }, image_count_total: { usage: 3, limit: -1 }, image_count_uploading: { usage: 0, limit: -1 } },
  });

  // A client that does not say how much it brings is stopped on the way.
  await limit(bytes.length * 2 + 1000);
  const saving = await parts.database.transaction({ kind: 'project', projectId: 'alice-project' }, (tx) => beginUpload({ tx, now: clock.now(), random: parts.random, requestId: 'req-1', caller: callerOf('alice') }, left, 'slow'));
  await assert.rejects(receiveUpload(parts, saving, chunks(bytes), new AbortController().signal), { status: 413 });
  await giveUpUpload(parts, saving, 'too many');
  assert.equal(await used(), 2 * bytes.length);

  // Bytes that are refused are not charged, nor are those of an image that is gone.
  await alice('PUT', `/images/${left}/file`, hostile[0]!.bytes.subarray(0, 500));
  for (const id of ids) await alice('DELETE', `/images/${id}`);
  assert.equal(await used(), 0);
  assert.deepEqual(await findings(), []);

  // With its owner an image changes its charge.
  await limit(-1);
  const moved = await make();
  await alice('PUT', `/images/${moved}/file`, bytes);
  await alice('POST', `/images/${moved}/members`, { member: 'bob-project' });
  assert.equal((await admin('PATCH', `/images/${moved}`, [{ op: 'replace', path: '/owner', value: 'carol-project' }], { 'content-type': patch })).status, 200);
  assert.equal(await used(), 0);
  assert.deepEqual(await findings(), []);
});

test('an upload is one deed in the audit', async (t) => {
  const { alice, parts } = await startService(t);
  const { id } = (await alice('POST', '/images', { disk_format: 'qcow2', container_format: 'bare' })).body;
  const entries = () => parts.database.read({ kind: 'system', reason: 'test' }, (tx) => tx.rows`select action, outcome, user_id as "userId" from kit.audit where target = ${`/image/v2/images/${id}/file`}`);
  await alice('PUT', `/images/${id}/file`, hostile[0]!.bytes);
  assert.deepEqual(await entries(), []);
  await alice('PUT', `/images/${id}/file`, soundQcow2());
  assert.deepEqual(await entries(), [{ action: 'image.imageData.upload', outcome: 'success', userId: 'alice' }]);
});

test('the image that comes with the cloud is made once', async (t) => {
  const { bob, parts } = await startService(t);
  const make = () => bootstrapImage(parts, { name: 'guest', bytes: chunks(soundQcow2()), projectId: 'admin-project', properties: { os_distro: 'cirros' } });
  const [first, second] = [await make(), await make()];
  assert.equal(first.id, second.id);
  const { body } = await bob('GET', '/images');
  assert.deepEqual(body.images.map(({ name, status, visibility }: Record<string, unknown>) => ({ name, status, visibility })), [{ name: 'guest', status: 'active', visibility: 'public' }]);
});

test('refusals are HTML unless JSON is asked for, and the versions are told to anyone', async (t) => {
  const { alice, nobody } = await startService(t);
  const html = await alice('GET', '/images/none', undefined, { accept: '' });
  assert.match(html.text, /<h1>404 Not Found<\/h1>\s+No image found with ID none/);
  const { body, status } = await nobody('GET', '');
  assert.equal(status, 300);
  assert.equal(body.versions[0].status, 'CURRENT');
  assert.equal((await alice('GET', '/schemas/image')).body.properties.disk_format.enum[0], null);
  assert.equal((await alice('GET', '/schemas/images')).body.properties.images.items.name, 'image');
});

test('images can be watched by their project', async (t) => {
  const { alice, bob, watch } = await startService(t);
  const events = await watch('alice', '/images');
  await bob('POST', '/images', { name: 'of another' });
  const { id } = (await alice('POST', '/images', { name: 'mine' })).body;
  const { type, shown } = await events.next();
  assert.deepEqual([type, shown.id, shown.status], ['image.create', id, 'queued']);
  await events.end();
});

test('the shares of an image can be watched by its owner and by the member, and no other image’s', async (t) => {
  const { alice, bob, watch } = await startService(t);
  const [other, { id }] = [(await alice('POST', '/images', {})).body, (await alice('POST', '/images', {})).body];
  const owner = await watch('alice', `/images/${id}/members`);
  await alice('POST', `/images/${other.id}/members`, { member: 'bob-project' });
  await alice('POST', `/images/${id}/members`, { member: 'bob-project' });
  assert.deepEqual((({ type, shown }) => [type, shown.image_id, shown.member_id, shown.status])(await owner.next()), ['image.member.create', id, 'bob-project', 'pending']);
  await owner.end();

  const member = await watch('bob', `/images/${id}/members`);
  await bob('PUT', `/images/${id}/members/bob-project`, { status: 'accepted' });
  assert.deepEqual((({ type, shown }) => [type, shown.status])(await member.next()), ['image.member.update', 'accepted']);
  await alice('DELETE', `/images/${id}/members/bob-project`);
  assert.equal((await member.next()).type, 'deleted');
  await member.end();
});

async function startService(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'image-'));
  const clock = manualClock(new Date('2026-01-01T00:00:00Z'));
  const { database } = await testDatabase(t, { migrations: ['quota', 'image'].map((service) => ({ service, directory: service === 'image' ? schemaDirectory : schemaDirectory.replace('/image/', '/quota/') })) });
  const blobs = await fileBlobStore(join(folder, 'blobs'));
  const driver = createSimulatedDriver({ stateDir: join(folder, 'driver'), hosts: 1, hostShape: { vcpus: 4, memoryMiB: 4096, diskGiB: 100 }, blobs, clock, random: systemRandom });
  const log = createLog({ name: 'test', level: 'error' });
  const parts: RegionParts = { region: 'test', database, clock, random: systemRandom, log, driver, blobs, bodies: await fileObjectBodies(join(folder, 'objects')), workflows: createWorkflows({ clock, random: systemRandom }), scheduler: createScheduler(), sealingKeys: [] };
  const made = makeImage(parts);
  const callers = { alice: callerOf('alice'), bob: callerOf('bob'), admin: { ...callerOf('admin'), isAdmin: true } };
  const door = createDoor({ implementations: [made.implementation!], authenticate: (token) => callers[token as keyof typeof callers], clock, random: systemRandom, log });
  t.after(async () => {
    await door.drain();
    await driver.close();
    await rm(folder, { recursive: true, force: true });
  });

  let address: string | undefined;
  /** What happens to the items of a list, as this user is told. */
  async function watch(token: string, path: string) {
    address ??= await door.listen({ host: '127.0.0.1', port: 0 });
    const response = await fetch(`${address}/image/v2${path}`, { headers: { 'x-auth-token': token, accept: 'text/event-stream' } });
    const lines = linesOf(response);
    assert.equal((await lines.next()).value, ': watching');
    const next = async (field: string): Promise<string> => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error('The watch ended');
        if (value.startsWith(`${field}: `)) return value.slice(field.length + 2);
      }
    };
    return { end: () => lines.return(undefined), next: async () => ({ type: await next('event'), shown: JSON.parse(await next('data')) as Record<string, unknown> }) };
  }

  const as = (token: string | undefined) => async (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object, headers: Record<string, string> = {}) => {
    const bytes = Buffer.isBuffer(body);
    const response = await door.app.inject({
      method,
      url: token === undefined ? `/image${path}` : `/image/v2${path}`,
      headers: { accept: json, ...(token === undefined ? {} : { 'x-auth-token': token }), ...(body === undefined ? {} : { 'content-type': bytes ? 'application/octet-stream' : json }), ...headers },
      ...(body === undefined ? {} : { payload: bytes ? body : JSON.stringify(body) }),
    });
    const isJson = String(response.headers['content-type']).startsWith(json);
    return { status: response.statusCode, headers: response.headers, text: isJson || response.rawPayload.length > 100_000 ? '' : response.body, body: isJson && response.body !== '' ? response.json() : undefined, raw: response.rawPayload };
  };
  return {
    parts,
    clock,
    callers,
    alice: as('alice'),
    bob: as('bob'),
    admin: as('admin'),
    nobody: as(undefined),
    watch,
    findings: async () => (await Promise.all(made.invariants.filter(({ id }) => /^I\d/.test(id)).map((each) => each.check()))).flat(),
  };
}

function callerOf(name: string): Caller {
  return { userId: name, userName: name, userDomainId: 'default', projectId: `${name}-project`, projectName: name, projectDomainId: 'default', domainId: null, system: false, roles: new Set(['member', 'reader']), isAdmin: false, token: name, expiresAt: new Date('2100-01-01') };
}

function hashed(algorithm: string, bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter(Boolean);
  }
}
