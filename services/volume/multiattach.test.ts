/** Volumes that several servers have at once. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Transaction } from '../../kit/postgres/database.ts';
import { startService } from './service.fixture.ts';
import { beginDetaching, completeAttachment, releaseAttachments, reserveAttachment } from './volumes.ts';

async function withTypes(t: TestContext) {
  const service = await startService(t);
  const { admin, alice, idle, parts, callers } = service;
  await admin('POST', '/types', { volume_type: { name: 'several', extra_specs: { multiattach: '<is> True' } } });
  await admin('POST', '/types', { volume_type: { name: 'one' } });
  const { id } = (await alice('POST', '/volumes', { volume: { size: 1, volume_type: 'several' } })).body.volume;
  await idle();
  const inProject = <T>(work: (context: Parameters<typeof reserveAttachment>[0]) => Promise<T>) =>
    parts.database.transaction({ kind: 'project', projectId: 'alice-project' }, (tx: Transaction) => work({ tx, now: parts.clock.now(), random: parts.random, requestId: 'req-1', caller: callers.alice }));
  return {
    ...service,
    id,
    shown: async () => (await alice('GET', `/volumes/${id}`)).body.volume,
    attach: (serverId: string) =>
      inProject(async (context) => {
        const { attachmentId, multiattach } = await reserveAttachment(context, { volumeId: id, serverId });
        assert.equal(multiattach, true);
        await completeAttachment(context, { attachmentId, device: '/dev/vdb', hostId: 'host-1' });
        return attachmentId;
      }),
    reserve: (serverId: string) => inProject((context) => reserveAttachment(context, { volumeId: id, serverId })),
    detach: (serverId: string) =>
      inProject(async (context) => {
        await beginDetaching(context, { volumeId: id, serverId });
        await releaseAttachments(context, { serverId, volumeIds: [id] });
      }),
    release: (serverId: string) => inProject((context) => releaseAttachments(context, { serverId })),
    retype: (type: string) => alice('POST', `/volumes/${id}/action`, { 'os-retype': { new_type: type, migration_policy: 'never' } }),
  };
}

test('a volume of a type for several is had by several servers, each once, and is in use until the last has let it go', async (t) => {
  const { alice, id, shown, attach, reserve, detach, release, findings } = await withTypes(t);
  assert.equal((await shown()).multiattach, true);
  await attach('server-1');
  await attach('server-2');
  assert.deepEqual((await shown()).attachments.map(({ server_id }: { server_id: string }) => server_id).toSorted(), ['server-1', 'server-2']);
  await assert.rejects(reserve('server-2'), { status: 400 });

  await reserve('server-3');
  assert.equal((await shown()).status, 'reserved');
  await release('server-3');
  assert.equal((await shown()).status, 'in-use');
  assert.equal((await alice('POST', `/volumes/${id}/action`, { 'os-detach': {} })).status, 400);

  await detach('server-1');
  assert.equal((await shown()).status, 'in-use');
  await assert.rejects(detach('server-1'), { status: 400 });
  assert.equal((await alice('DELETE', `/volumes/${id}`)).status, 400);
  await detach('server-2');
  assert.deepEqual([(await shown()).status, (await shown()).attachments], ['available', []]);
  assert.deepEqual(await findings(), []);
});

test('a volume becomes one for several, and one for one again, while nobody has it', async (t) => {
  const { retype, shown, attach, detach, reserve, idle, findings } = await withTypes(t);
  await attach('server-1');
  assert.equal((await retype('one')).status, 400);
  await detach('server-1');
  assert.equal((await retype('one')).status, 202);
  await idle();
  assert.deepEqual([(await shown()).multiattach, (await shown()).volume_type, (await shown()).status], [false, 'one', 'available']);

  await reserve('server-1');
  await assert.rejects(reserve('server-2'), { status: 400 });
  assert.deepEqual(await findings(), []);
});

test('a volume is for several servers too when that is asked for by a parameter, as it was before there were types for it', async (t) => {
  const { alice } = await startService(t);
  const { volume } = (await alice('POST', '/volumes', { volume: { size: 1, multiattach: true } })).body;
  assert.equal(volume.multiattach, true);
});
