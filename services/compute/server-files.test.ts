import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused } from '../../contract/client.ts';
import { compute } from '../../contract/compute/service.ts';
import { startCloud } from '../../test/cloud.ts';
import { serverSpec } from './server-spec.ts';

test('files that a server is given are on its config drive until it is made anew, and are limited', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin, imageId, settle } = cloud;
  const { serverActions, servers } = alice.client(compute, undefined, '2.56');
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const create = (...personality: { path: string; contents: string }[]) => servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId, networks: 'none', personality } } });
  const motd = { path: '/etc/motd', contents: base64('hello') };
  const drive = async (id: string) => {
    const { configDrive, metadata } = await cloud.cloud.region.database.read({ kind: 'system', reason: 'a test' }, (tx) => serverSpec(tx, id));
    return [configDrive, metadata.files];
  };

  const { body } = await create(motd, { path: '/empty', contents: '' });
  const id = 'server' in body ? body.server.id : assert.fail();
  await settle();

  const params = { server_id: id };
  assert.deepEqual(await drive(id), [true, [motd, { path: '/empty', contents: '' }]]);
  assert.equal((await servers.show({ params })).body.server.config_drive, 'True');

  const other = { path: '/etc/issue', contents: base64('other') };
  await serverActions.rebuild({ params, body: { rebuild: { imageRef: imageId, personality: [other] } } });
  await settle();
  assert.deepEqual(await drive(id), [true, [other]]);
  await serverActions.rebuild({ params, body: { rebuild: { imageRef: imageId } } });
  await settle();
  assert.deepEqual(await drive(id), [true, undefined]);
  assert.deepEqual(await cloud.diagnose(), []);

  const long = { path: '/long', contents: base64('x'.repeat(9_000)) };
  await assert.rejects(create(...Array.from({ length: 6 }, () => motd)), refusal(403, 'Personality file limit exceeded'));
  await assert.rejects(create(motd, { ...motd, path: `/${'x'.repeat(255)}` }), refusal(403, 'Personality file path exceeds maximum 255'));
  await assert.rejects(serverActions.rebuild({ params, body: { rebuild: { imageRef: imageId, personality: [long] } } }), refusal(403, 'Personality file content exceeds maximum 10240'));
  await admin.client(compute, undefined, '2.56').quotaSets.update({ params: { tenant_id: alice.projectId }, body: { quota_set: { injected_file_content_bytes: -1 } } });
  assert.equal((await serverActions.rebuild({ params, body: { rebuild: { imageRef: imageId, personality: [long] } } })).status, 202);
  await assert.rejects(create({ path: '/a', contents: 'not base64' }), { status: 400 });
  await assert.rejects(alice.client(compute, undefined, '2.57').servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId, networks: 'none', personality: [motd] } } }), { status: 400 });
});

function refusal(status: number, message: string) {
  return (error: unknown) => {
    assert.ok(error instanceof Refused, String(error));
    assert.deepEqual([error.status, Object.values(error.body as Record<string, { message: string }>)[0]?.message], [status, message]);
    return true;
  };
}
