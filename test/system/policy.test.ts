import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startWholeCloud } from './whole-cloud.ts';

test('an operator replaces rules by a file, and learns by which of them somebody was refused', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'policy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, '# networks are made by administrators\n"create_network": "role:admin"\n');
  chmodSync(folder, 0o755);
  const cloud = await startWholeCloud({ driver: 'simulated', args: ['--policy', file] });
  t.after(() => cloud.reset());
  await cloud.openstack(['user', 'create', '--password', 'secret', 'alice']);
  await cloud.openstack(['project', 'create', 'work']);
  await cloud.openstack(['role', 'add', '--user', 'alice', '--project', 'work', 'member']);
  const token = await fetch(`${cloud.url}/identity/v3/auth/tokens`, {
    method: 'POST',
    body: JSON.stringify({ auth: { identity: { methods: ['password'], password: { user: { name: 'alice', domain: { id: 'default' }, password: 'secret' } } }, scope: { project: { name: 'work', domain: { id: 'default' } } } } }),
    headers: { 'content-type': 'application/json' },
  });

  const refused = await fetch(`${cloud.url}/network/v2.0/networks`, {
    method: 'POST',
    body: JSON.stringify({ network: { name: 'n' } }),
    headers: { 'content-type': 'application/json', 'x-auth-token': token.headers.get('x-subject-token') ?? '' },
  });

  assert.equal(refused.status, 403);
  const because = JSON.parse((await cloud.intercloud(['why', refused.headers.get('x-openstack-request-id') ?? '', '-f', 'json'])).out) as { rule: string; check: string; roles: string[] };
  assert.deepEqual([because.rule, because.check, because.roles.toSorted()], ['create_network', 'role:admin', ['member', 'reader']]);
  const [shown] = JSON.parse((await cloud.intercloud(['policy', 'create_network', '-f', 'json'])).out) as { from: string; operations: string[] }[];
  assert.deepEqual([shown?.from, shown?.operations[0]], ['policy.yaml', 'POST /network/v2.0/networks']);
  assert.notEqual((await cloud.intercloud(['why', 'req-unknown'])).code, 0);
  writeFileSync(file, '"create_network": "role:admin or"\n');
  await cloud.intercloud(['down']);
  const wrong = await cloud.intercloud(['up', '--policy', file]);
  assert.deepEqual([wrong.code === 0, /the rule create_network/.test(`${wrong.out}${wrong.err}`)], [false, true]);
});
