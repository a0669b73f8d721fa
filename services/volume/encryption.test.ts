import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { DiskKeys } from '../../drivers/driver.ts';
import { sql } from '../../kit/postgres/database.ts';
import { readDisk } from '../../kit/qcow2.ts';
import { keyFrom } from '../../kit/sealing.ts';
import type { RegionParts } from '../parts.ts';
import { keysOf, renewKeys } from './disk-keys.ts';
import { volumeInvariants } from './volumes.invariants.ts';
import { startService } from './service.fixture.ts';

const newest = 'latest';
const wish = { provider: 'luks', control_location: 'front-end', cipher: 'aes-xts-plain64', key_size: 256 };

test('what lies on the storage of an encrypted volume, of its snapshots and copies is ciphertext, and each has a key of its own (ATTACKS 27)', async (t) => {
  const { alice, bob, keyOf, kept, make, simulation, text, idle, findings } = await startEncrypted(t);
  const id = await make({ volume_type: 'secret' });
  const { encrypted, encryption_key_id: keyId } = (await alice('GET', `/volumes/${id}`, undefined, newest)).body.volume;
  assert.deepEqual([encrypted, typeof keyId], [true, 'string']);
  assert.equal((await alice('GET', `/volumes/${id}`, undefined, '3.63')).body.volume.encryption_key_id, undefined);
  assert.deepEqual((await alice('GET', `/volumes/${id}/encryption`)).body, { ...wish, encryption_key_id: keyId });
  assert.equal((await bob('GET', `/volumes/${id}/encryption`)).status, 404);

  simulation.writeToVolume(id, 0, Buffer.from('precious'), { [id]: await keyOf(id) });
  const { id: snapshotId } = (await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot;
  await idle();
  const copies = [await make({ source_volid: id, size: 2 }), await make({ snapshot_id: snapshotId }), await make({ snapshot_id: snapshotId, volume_type: 'secret' })];
  await alice('POST', `/volumes/${id}/action`, { 'os-extend': { new_size: 2 } });
  await idle();
  for (const each of [id, ...copies]) assert.equal(await text(each), 'precious');
  for (const each of [id, snapshotId, ...copies]) assert.ok(!simulation.readStorage(each)!.includes('precious'));
  assert.equal(new Set(await Promise.all([id, snapshotId, ...copies].map(keyOf))).size, 5);
  for (const each of [id, snapshotId]) assert.deepEqual(await kept(await keyOf(each)), []);
  assert.deepEqual(await findings(), []);

  const readable = await make({ source_volid: id, size: 2, volume_type: '__DEFAULT__' });
  assert.ok(simulation.readStorage(readable)!.includes('precious'));
  assert.deepEqual((await alice('GET', `/volumes/${readable}/encryption`)).body, { encryption_key_id: null });
  await alice('DELETE', `/volumes/${id}?cascade=true`);
  for (const each of copies) await alice('DELETE', `/volumes/${each}`);
  await idle();
  assert.deepEqual(await kept(''), []);
  assert.deepEqual(await findings(), []);
});

test('an encrypted volume is reverted, and copied to an image that its project can read', async (t) => {
  const { alice, images, keyOf, make, simulation, text, parts, idle, findings } = await startEncrypted(t);
  const id = await make({ volume_type: 'secret' });
  const keys = { [id]: await keyOf(id) };
  simulation.writeToVolume(id, 0, Buffer.from('precious'), keys);
  const { id: snapshotId } = (await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot;
  await idle();
  simulation.writeToVolume(id, 0, Buffer.from('spoiled!'), keys);
  await alice('POST', `/volumes/${id}/action`, { revert: { snapshot_id: snapshotId } }, newest);
  await idle();
  assert.equal(await text(id), 'precious');

  const { image_id: imageId } = (await alice('POST', `/volumes/${id}/action`, { 'os-volume_upload_image': { image_name: 'copy', disk_format: 'qcow2', container_format: 'bare' } })).body['os-volume_upload_image'];
  await idle();
  assert.equal((await images('GET', `/images/${imageId}`)).body.status, 'active');
  const again = await make({ imageRef: imageId, volume_type: 'secret' });
  assert.equal(await text(again), 'precious');
  assert.ok(!JSON.stringify(await parts.driver.volumes.list()).includes(keys[id]!));
  assert.deepEqual(await findings(), []);
});

test('a volume is encrypted, and decrypted again, by another type, when its owner lets it be copied', async (t) => {
  const { alice, keyOf, kept, make, simulation, text, idle, findings } = await startEncrypted(t);
  const id = await make({});
  simulation.writeToVolume(id, 0, Buffer.from('precious'));
  const retype = async (type: string, policy: string) => (await alice('POST', `/volumes/${id}/action`, { 'os-retype': { new_type: type, migration_policy: policy } })).status;
  const shown = async () => (await alice('GET', `/volumes/${id}`, undefined, newest)).body.volume;
  assert.equal(await retype('secret', 'never'), 400);
  assert.deepEqual(await kept(''), []);
  assert.equal(await retype('secret', 'on-demand'), 202);
  await idle();
  assert.deepEqual([(await shown()).status, (await shown()).volume_type, (await shown()).encrypted, await text(id)], ['available', 'secret', true, 'precious']);
  assert.ok(!simulation.readStorage(id)!.includes('precious'));
  assert.deepEqual(await kept(await keyOf(id)), []);
  assert.equal(await retype('longer', 'on-demand'), 400);

  assert.equal(await retype('__DEFAULT__', 'on-demand'), 202);
  await idle();
  assert.deepEqual([(await shown()).encrypted, (await shown()).encryption_key_id, await text(id)], [false, undefined, 'precious']);
  assert.deepEqual(await kept(''), []);
  assert.deepEqual(await findings(), []);
});

test('a volume that could not be encrypted is as it was', async (t) => {
  let failing = false;
  const { alice, kept, make, simulation, text, idle, findings } = await startEncrypted(t, ({ step, phase }) => {
    if (failing && step === 'make it as its type says' && phase === 'after-effect') throw Object.assign(new Error('the storage has said no'), { retryable: false });
  });
  const id = await make({});
  simulation.writeToVolume(id, 0, Buffer.from('precious'));
  failing = true;
  await alice('POST', `/volumes/${id}/action`, { 'os-retype': { new_type: 'secret', migration_policy: 'on-demand' } });
  await idle();
  const { status, encrypted, volume_type: type } = (await alice('GET', `/volumes/${id}`)).body.volume;
  assert.deepEqual([status, encrypted, type, await text(id)], ['available', false, '__DEFAULT__', 'precious']);
  assert.deepEqual(await kept(''), []);
  assert.deepEqual(await findings(), []);
});

test('what cannot be encrypted as its type says, or cannot be done with what is encrypted, is refused', async (t) => {
  const { alice, admin, make, idle, findings } = await startEncrypted(t);
  const refused = async (path: string, body: object, message: RegExp) => {
    const reply = await admin('POST', path, body, newest);
    assert.equal(reply.status, 400);
    assert.match(reply.body.badRequest.message, message);
  };
  for (const [name, encryption] of [['nobody’s', { provider: 'nobody' }], ['weak', { cipher: 'aes-cbc-essiv' }], ['odd', { key_size: 128 }]] as const) {
    const { volume_type: type } = (await admin('POST', '/types', { volume_type: { name } })).body;
    await admin('POST', `/types/${type.id}/encryption`, { encryption: { ...wish, ...encryption } });
    await refused('/volumes', { volume: { size: 1, volume_type: name } }, /encrypt/);
  }
  const { volume_type: several } = (await admin('POST', '/types', { volume_type: { name: 'several', extra_specs: { multiattach: '<is> True' } } })).body;
  await admin('POST', `/types/${several.id}/encryption`, { encryption: wish });
  await refused('/volumes', { volume: { size: 1, volume_type: 'several' } }, /Multiattach cannot be used with encrypted volumes/);

  const id = await make({ volume_type: 'secret' });
  await refused(`/volumes/${id}/action`, { 'os-unmanage': {} }, /Unmanaging encrypted volumes is not supported/);
  await refused('/manageable_volumes', { volume: { host: 'intercloud@storage#storage', ref: { 'source-name': 'x' }, volume_type: 'secret' } }, /Managing to an encrypted volume type is not supported/);
  await refused('/volume-transfers', { transfer: { volume_id: id, no_snapshots: true } }, /without its snapshots is not supported/);
  assert.equal((await alice('GET', `/volumes/${id}`)).body.volume.status, 'available');
  await idle();
  assert.deepEqual(await findings(), []);
});

test('an encrypted volume is its new owner’s with its key', async (t) => {
  const { alice, bob, keyOf, kept, make, simulation, text, idle, findings } = await startEncrypted(t);
  const id = await make({ volume_type: 'secret' });
  simulation.writeToVolume(id, 0, Buffer.from('precious'), { [id]: await keyOf(id) });
  await alice('POST', '/snapshots', { snapshot: { volume_id: id } });
  await idle();
  const { id: transferId, auth_key: key } = (await alice('POST', '/volume-transfers', { transfer: { volume_id: id } }, newest)).body.transfer;
  assert.equal((await bob('POST', `/volume-transfers/${transferId}/accept`, { accept: { auth_key: key } }, newest)).status, 202);
  assert.equal(await text(id), 'precious');
  assert.equal((await bob('DELETE', `/volumes/${id}?cascade=true`)).status, 202);
  await idle();
  assert.deepEqual(await kept(''), []);
  assert.deepEqual(await findings(), []);
});

test('keys of disks are sealed anew when the cloud’s key is replaced, and the doctor says which cannot be opened', async (t) => {
  const { keyOf, make, parts, simulation, text } = await startEncrypted(t);
  const id = await make({ volume_type: 'secret' });
  const key = await keyOf(id);
  simulation.writeToVolume(id, 0, Buffer.from('precious'), { [id]: key });
  const [old] = parts.sealingKeys;
  const replacing = keyFrom(parts.random.bytes(32));
  const lost = async (sealingKeys: RegionParts['sealingKeys']) => (await volumeInvariants({ ...parts, sealingKeys }).find(({ title }) => title.includes('key of a disk'))!.check()).length;

  await renewKeys({ ...parts, sealingKeys: [replacing, old!] });
  assert.deepEqual([await lost([replacing]), await lost([old!])], [0, 1]);
  const row = await parts.database.read({ kind: 'system', reason: 'test' }, (tx) => tx.one<{ keyId: string }>`select key_id as "keyId" from volume.volume where id = ${id}`);
  assert.deepEqual(await keysOf({ ...parts, sealingKeys: [replacing] }, [{ id, keyId: row!.keyId }]), { [id]: key });
  await assert.rejects(text(id), { name: 'Unsealable' });
});

test('a backup of an encrypted volume is ciphertext with a key of its own, and comes again onto volumes of its type', async (t) => {
  const { alice, bob, admin, keyOf, kept, make, parts, simulation, text, idle, findings } = await startEncrypted(t);
  const id = await make({ volume_type: 'secret' });
  const keys = { [id]: await keyOf(id) };
  simulation.writeToVolume(id, 0, Buffer.from('precious'), keys);
  const backup = async (more: object = {}) => {
    const made = await alice('POST', '/backups', { backup: { volume_id: id, ...more } });
    assert.equal(made.status, 202);
    await idle();
    return (await alice('GET', `/backups/${made.body.backup.id}`, undefined, newest)).body.backup;
  };
  const first = await backup();
  const { encryption_key_id: keyId } = (await alice('GET', `/volumes/${id}`, undefined, newest)).body.volume;
  assert.deepEqual([first.status, typeof first.encryption_key_id, first.encryption_key_id === keyId], ['available', 'string', false]);
  assert.equal((await alice('GET', `/backups/${first.id}`, undefined, '3.63')).body.backup.encryption_key_id, undefined);
  simulation.writeToVolume(id, 0, Buffer.from('changed!'), keys);
  const second = await backup({ incremental: true });
  assert.deepEqual([second.status, second.is_incremental], ['available', true]);
  const store = await parts.blobs.area('backups');
  for (const pack of await store.list()) for (const word of ['precious', Buffer.from('precious').toString('base64')]) assert.ok(!(await readFile(await store.path(pack))).includes(word));
  assert.deepEqual(await kept(keys[id]!), []);

  assert.match((await alice('POST', `/backups/${first.id}/restore`, { restore: { volume_id: await make({}) } })).body.badRequest.message, /is different than the destination volume type/);
  assert.equal((await alice('POST', '/volumes', { volume: { size: 1, backup_id: first.id, volume_type: '__DEFAULT__' } }, newest)).status, 400);
  assert.match((await admin('GET', `/backups/${first.id}/export_record`)).body.badRequest.message, /cannot be exported/);
  assert.equal((await bob('GET', `/backups/${first.id}`)).status, 404);

  // Its volume and its key may be gone by then.
  await alice('DELETE', `/volumes/${id}`);
  await idle();
  const other = await make({ volume_type: 'secret' });
  assert.equal((await alice('POST', `/backups/${second.id}/restore`, { restore: { volume_id: other } })).status, 202);
  const { volume_id: restored } = (await alice('POST', `/backups/${first.id}/restore`, { restore: {} })).body.restore;
  await idle();
  const { id: made } = (await alice('POST', '/volumes', { volume: { backup_id: first.id, size: 2 } }, newest)).body.volume;
  await idle();
  assert.deepEqual(await Promise.all([other, restored, made].map(text)), ['changed!', 'precious', 'precious']);
  for (const each of [other, restored, made]) {
    const shown = (await alice('GET', `/volumes/${each}`, undefined, newest)).body.volume;
    assert.deepEqual([shown.status, shown.volume_type, shown.encrypted], ['available', 'secret', true]);
    assert.ok(!simulation.readStorage(each)!.includes('precious'));
  }
  assert.equal(new Set(await Promise.all([other, restored, made].map(keyOf))).size, 3);
  assert.deepEqual(await findings(), []);

  for (const each of [second, first]) {
    assert.equal((await alice('DELETE', `/backups/${each.id}`)).status, 202);
    await idle();
  }
  for (const each of [other, restored, made]) await alice('DELETE', `/volumes/${each}`);
  await idle();
  const left = await parts.database.read({ kind: 'system', reason: 'test' }, (tx) => tx.rows`select from volume.disk_key`);
  assert.deepEqual(left, []);
  assert.deepEqual(await findings(), []);
});

test('of an encrypted volume’s snapshot a backup is kept too, and a backup that fails leaves no key that opens nothing', async (t) => {
  const { alice, keyOf, make, parts, simulation, text, idle, findings } = await startEncrypted(t);
  const id = await make({ volume_type: 'secret' });
  simulation.writeToVolume(id, 0, Buffer.from('precious'), { [id]: await keyOf(id) });
  const { id: snapshotId } = (await alice('POST', '/snapshots', { snapshot: { volume_id: id } })).body.snapshot;
  await idle();
  simulation.writeToVolume(id, 0, Buffer.from('changed!'), { [id]: await keyOf(id) });
  const { id: backupId } = (await alice('POST', '/backups', { backup: { volume_id: id, snapshot_id: snapshotId } })).body.backup;
  await idle();
  assert.equal((await alice('POST', `/backups/${backupId}/restore`, { restore: { volume_id: id } })).status, 202);
  await idle();
  assert.equal(await text(id), 'precious');

  const lost = await make({ volume_type: 'secret' });
  await parts.driver.volumes.remove({ id: lost, generation: 2 });
  const { id: failed } = (await alice('POST', '/backups', { backup: { volume_id: lost } })).body.backup;
  await idle();
  assert.equal((await alice('GET', `/backups/${failed}`)).body.backup.status, 'error');
  await alice('DELETE', `/backups/${failed}`);
  await alice('DELETE', `/volumes/${lost}`);
  await idle();
  const keys = await parts.database.read({ kind: 'system', reason: 'test' }, (tx) => tx.rows`select from volume.disk_key`);
  assert.equal(keys.length, 3);
  assert.deepEqual(await findings(), []);
});

async function startEncrypted(t: Parameters<typeof startService>[0], workflowFaults?: Parameters<typeof startService>[2]) {
  const service = await startService(t, undefined, workflowFaults);
  const { admin, alice, parts, idle } = service;
  for (const [name, more] of [['secret', {}], ['longer', { key_size: 512 }]] as const) {
    const { volume_type: type } = (await admin('POST', '/types', { volume_type: { name } })).body;
    await admin('POST', `/types/${type.id}/encryption`, { encryption: { ...wish, ...more } });
  }
  const looking = { kind: 'system', reason: 'test' } as const;

  async function keysFor(id: string) {
    const disks = await parts.database.read(looking, (tx) => tx.rows<{ id: string; keyId: string | null }>`select id, key_id as "keyId" from volume.volume where id = ${id} union all select id, key_id from volume.snapshot where id = ${id}`);
    return keysOf(parts, disks);
  }

  return {
    ...service,
    async make(more: object): Promise<string> {
      const made = await alice('POST', '/volumes', { volume: { size: 1, ...more } });
      assert.equal(made.status, 202);
      await idle();
      assert.equal((await alice('GET', `/volumes/${made.body.volume.id}`)).body.volume.status, 'available');
      return made.body.volume.id;
    },
    keyOf: async (id: string): Promise<string> => (await keysFor(id))[id]!,
    text: async (id: string) => textOn(parts, id, await keysFor(id)),
    /** The tables in which this key is to be read; for no key, whether any is left. */
    async kept(key: string): Promise<string[]> {
      const tables = key === '' ? ['volume.disk_key'] : (await parts.database.read(looking, (tx) => tx.rows<{ name: string }>`select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('volume', 'kit', 'quota', 'image')`)).map(({ name }) => name);
      const found = await Promise.all(
        tables.map(async (name) => {
          const rows = await parts.database.read(looking, (tx) => tx.rows<{ text: string }>`select row_to_json(t)::text as text from ${sql.raw(name)} t`);
          const forms = [key, Buffer.from(key).toString('hex'), Buffer.from(key).toString('base64')];
          return rows.some(({ text }) => forms.some((form) => text.includes(form))) ? [name] : [];
        }),
      );
      return found.flat();
    },
  };
}

async function textOn({ blobs, driver, random }: RegionParts, volumeId: string, keys: DiskKeys): Promise<string> {
  const upload = random.uuid();
  await driver.volumes.capture({ volumeId, upload, keys });
  try {
    for await (const { bytes } of readDisk(blobs.incomingPath(upload), 'qcow2')) return bytes.subarray(0, 8).toString();
    return '';
  } finally {
    await blobs.discard(upload);
  }
}
