/** The distribution's clients of S3 against a whole cloud: s3cmd, rclone, aws, boto3 and Amazon's own for Node, each with a day's work. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { workWithSdk } from './s3-sdk.ts';
import { run, startWholeCloud } from './whole-cloud.ts';

test('the stock clients of S3 do a day’s work, and Swift’s sees what they did', async (t) => {
  const cloud = await startWholeCloud({ driver: 'simulated' });
  t.after(() => cloud.reset());
  const folder = mkdtempSync(join(tmpdir(), 's3-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { access, secret } = await cloud.ask<{ access: string; secret: string }>(['ec2', 'credentials', 'create']);
  const bytes = randomBytes(11_500_000);
  const [tree, got] = [join(folder, 'tree'), join(folder, 'got')];
  mkdirSync(join(tree, 'sub'), { recursive: true });
  writeFileSync(join(tree, 'big'), bytes);
  writeFileSync(join(tree, 'sub', 'a b+ü.txt'), 'small');
  const env = { PATH: '/usr/bin:/bin', HOME: folder, LANG: 'C.UTF-8', AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret, AWS_DEFAULT_REGION: 'us-east-1' };
  const exec = async (...command: string[]) => {
    const ran = await run(command, { env, timeoutMs: 120_000 });
    assert.equal(ran.code, 0, `${command.join(' ')}\n${ran.out}${ran.err}\n${cloud.logs(8)}`);
    return ran.out;
  };
  const assertGot = (client: string) => assert.ok(readFileSync(got).equals(bytes), client);

  await t.test('s3cmd', async () => {
    const host = new URL(cloud.url).host;
    const s3cmd = (...args: string[]) => exec('s3cmd', `--access_key=${access}`, `--secret_key=${secret}`, `--host=${host}`, `--host-bucket=${host}`, '--no-ssl', '--config=/dev/null', ...args);
    await s3cmd('mb', 's3://first');
    await s3cmd('--multipart-chunk-size-mb=5', 'sync', `${tree}/`, 's3://first/tree/');
    await s3cmd('get', 's3://first/tree/big', got);
    assertGot('s3cmd');
    await s3cmd('setacl', '--acl-public', 's3://first/tree/big');
    assert.match(await s3cmd('info', 's3://first/tree/big'), /\*anon\*: READ/);
    await s3cmd('mv', 's3://first/tree/big', 's3://first/moved');
    assert.match(await s3cmd('ls', '-r', 's3://first'), /s3:\/\/first\/moved\n.*s3:\/\/first\/tree\/sub\/a b\+ü\.txt\n$/);
    await s3cmd('del', '-r', '-f', 's3://first');
    await s3cmd('rb', 's3://first');
  });

  await t.test('rclone', async () => {
    const remote = `:s3,provider=Other,access_key_id=${access},secret_access_key=${secret},endpoint='${cloud.url}/s3':second`;
    const rclone = (...args: string[]) => exec('rclone', '--config', '/dev/null', '--s3-chunk-size', '5M', '--s3-upload-cutoff', '6M', ...args);
    await rclone('mkdir', remote);
    await rclone('sync', tree, `${remote}/tree`);
    await rclone('check', '--download', tree, `${remote}/tree`);
    await rclone('moveto', `${remote}/tree/big`, `${remote}/moved`);
    await rclone('copyto', `${remote}/moved`, got);
    assertGot('rclone');
    assert.deepEqual((await rclone('lsf', '-R', remote)).trim().split('\n').toSorted(), ['moved', 'tree/', 'tree/sub/', 'tree/sub/a b+ü.txt']);
    await rclone('purge', remote);
  });

  await t.test('aws', async () => {
    const aws = (...args: string[]) => exec('aws', '--endpoint-url', `${cloud.url}/s3`, ...args);
    await aws('s3', 'mb', 's3://third');
    await aws('s3', 'sync', '--only-show-errors', tree, 's3://third/tree');
    await aws('s3', 'cp', '--only-show-errors', 's3://third/tree/big', got);
    assertGot('aws');
    await exec('curl', '-sSf', '-o', got, (await aws('s3', 'presign', 's3://third/tree/big')).trim());
    assertGot('an address that aws signed');
    // The same at Swift's door.
    await cloud.openstack(['object', 'save', '--file', got, 'third', 'tree/big']);
    assertGot('openstack');
    assert.match(await aws('s3', 'ls', '--recursive', 's3://third'), /11500000 tree\/big\n.*tree\/sub\/a b\+ü\.txt\n$/);
    await aws('s3', 'rb', '--force', 's3://third');
  });

  await t.test('boto3', async () => {
    await exec('python3', fileURLToPath(new URL('s3-boto3.py', import.meta.url)), `${cloud.url}/s3`);
  });

  await t.test('@aws-sdk/client-s3', () => workWithSdk(`${cloud.url}/s3`, { accessKeyId: access, secretAccessKey: secret }));

  assert.equal((await cloud.ask<unknown[]>(['container', 'list'])).length, 0);
  // With the key still there: the doctor opens what lies sealed.
  const doctor = await cloud.intercloud(['doctor']);
  assert.equal(doctor.code, 0, doctor.out);
  await cloud.openstack(['ec2', 'credentials', 'delete', access]);
});
