/** The distribution's clients of the object store against a whole cloud: python3-swiftclient's `swift`, and `openstack`. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run, startWholeCloud } from './whole-cloud.ts';

test('the stock clients do a day’s work on objects', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated' });
  t.after(() => cloud.reset());
  const folder = mkdtempSync(join(tmpdir(), 'objects-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const bytes = randomBytes(2_500_000);
  const [big, got] = [join(folder, 'big'), join(folder, 'got')];
  writeFileSync(big, bytes);
  const env = { PATH: '/usr/bin:/bin', HOME: folder, LANG: 'C.UTF-8', PYTHONWARNINGS: 'ignore', OS_AUTH_URL: `${cloud.url}/identity/v3`, OS_IDENTITY_API_VERSION: '3', OS_USERNAME: 'admin', OS_PROJECT_NAME: 'admin', OS_USER_DOMAIN_NAME: 'Default', OS_PROJECT_DOMAIN_NAME: 'Default', OS_PASSWORD: readFileSync(join(cloud.stateDir, 'secrets', 'admin-password'), 'utf8').trim() };
  const swift = async (...args: string[]) => {
    const ran = await run(['swift', ...args], { env, timeoutMs: 120_000 });
    assert.equal(ran.code, 0, `swift ${args.join(' ')}\n${ran.out}${ran.err}\n${cloud.logs(8)}`);
    return ran.out;
  };

  for (const [name, flags] of [['whole', []], ['by-prefix', ['-S', '1000000']], ['by-list', ['-S', '1000000', '--use-slo']]] as const) {
    await swift('upload', ...flags, '--object-name', name, 'box', big);
    await swift('download', 'box', name, '-o', got);
    assert.ok(readFileSync(got).equals(bytes), name);
  }
  await swift('post', '-m', 'colour:blue', 'box', 'whole');
  await swift('copy', '-d', '/box/copy', 'box', 'whole');
  assert.match(await swift('stat', 'box', 'copy'), /Meta Colour: blue/);
  assert.equal(await swift('list', 'box'), 'by-list\nby-prefix\ncopy\nwhole\n');
  assert.match(await swift('capabilities'), /slo/);

  await cloud.openstack(['container', 'create', 'other']);
  await cloud.openstack(['object', 'create', '--name', 'o', 'other', big]);
  await cloud.openstack(['object', 'save', '--file', got, 'other', 'o']);
  assert.ok(readFileSync(got).equals(bytes));
  assert.deepEqual(await cloud.ask<{ Name: string }[]>(['container', 'list']), [{ Name: 'box' }, { Name: 'box_segments' }, { Name: 'other' }]);
  await cloud.openstack(['object', 'delete', 'other', 'o']);
  await cloud.openstack(['container', 'delete', 'other']);

  await swift('delete', '-a');
  assert.equal(await swift('list'), '');
  assert.equal((await cloud.intercloud(['doctor'])).code, 0);
});
