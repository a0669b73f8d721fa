/** The stock client's library, python3-keystoneclient, on all that hands rights on, in one process of it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { adminPassword, identityFixture } from '../../services/identity/fixture.ts';
import { bootstrapIdentity } from '../../services/identity/identity.ts';
import { identity } from '../../contract/identity/service.ts';

const skip = existsSync('/usr/lib/python3/dist-packages/keystoneclient') ? false : 'python3-keystoneclient is not installed';
const script = fileURLToPath(new URL('./identity-delegation.py', import.meta.url));

test('the stock client hands on rights by trusts, credentials, signatures, devices and consumers', { skip }, async (t) => {
  const { door, parts } = await identityFixture(t);
  const url = await door.listen({ host: '127.0.0.1', port: 0 });
  await bootstrapIdentity(parts, { adminPassword, region: 'here', base: url, services: [identity] });

  const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-W', 'ignore', script, url, adminPassword], { timeout: 120_000 });

  assert.deepEqual(JSON.parse(stdout), {
    trust: { 'acts as alice': true, 'in her project': true, 'is listed': true, 'uses left': 1, 'is not listed for others': 403, 'is gone': 404 },
    credential: { blob: 'other', listed: true, 'is gone': 404 },
    signatures: { '1': 'alice', '2': 'alice', '4': 'alice', '4 in the query': 'alice', 'an old one': 401 },
    key: { listed: true, secret: true, 'is gone': 404 },
    'access rules': { allowed: ['web'], refused: 401, listed: [['GET', '/v3/auth/projects']], 'in use': 403, left: 0 },
    factors: { one: [['password', 'totp']], methods: ['password'], receipt: true, both: true },
    consumer: { 'acts as admin': true, listed: true, 'access tokens': true, 'no more': 401 },
    tokens: { valid: true, revoked: 404, 'list of revoked': 410 },
  });
});

test('the stock command line makes, lists and deletes what hands on rights', { skip: skip || (existsSync('/usr/bin/openstack') ? false : 'python3-openstackclient is not installed') }, async (t) => {
  const { door, parts } = await identityFixture(t);
  const url = await door.listen({ host: '127.0.0.1', port: 0 });
  await bootstrapIdentity(parts, { adminPassword, region: 'here', base: url, services: [identity] });
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', OS_AUTH_URL: `${url}/identity`, OS_IDENTITY_API_VERSION: '3', OS_REGION_NAME: 'here', OS_USERNAME: 'admin', OS_PASSWORD: adminPassword, OS_PROJECT_NAME: 'admin', OS_USER_DOMAIN_ID: 'default', OS_PROJECT_DOMAIN_ID: 'default' };
  const folder = await mkdtemp(join(tmpdir(), 'identity-'));
  t.after(() => rm(folder, { recursive: true }));
  const rules = join(folder, 'rules.json');
  await writeFile(rules, JSON.stringify([{ service: 'identity', method: 'GET', path: '/v3/users' }]));
  // One process for all commands: each start of it takes longer than all that it does.
  const commands = [
    'user create --domain default --password secret bob -f value -c name',
    'trust create --project admin --role reader --impersonate admin bob -f value -c impersonation',
    'trust list -f value -c Impersonation',
    'ec2 credentials create -f value -c trust_id',
    'ec2 credentials list -f value -c Access',
    'credential create --type cert --project admin admin /etc/hostname -f value -c type',
    'credential list --type cert -f value -c Type',
    'consumer create --description printer -f value -c description',
    'consumer list -f value -c Description',
    `application credential create --access-rules ${rules} robot -f value -c name`,
    'access rule list -f value -c Path',
    'application credential delete robot',
  ];
  const running = promisify(execFile)('/usr/bin/openstack', [], { env, timeout: 120_000 });
  running.child.stdin?.end(`${commands.join('\n')}\n`);
  const { stdout } = await running;

  const said = stdout.trim().split('\n');

  assert.deepEqual([...said.slice(0, 4), /^[0-9a-f]{32}$/.test(said[4] ?? ''), ...said.slice(5)], ['bob', 'True', 'True', 'None', true, 'cert', 'cert', 'printer', 'printer', 'robot', '/v3/users']);
});
