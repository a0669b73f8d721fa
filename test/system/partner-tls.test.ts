/** A partner whose certificate is of an authority that nobody else knows, and who lets us in as far as his own command does. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startWholeCloud } from './whole-cloud.ts';

type Offer = { auth_url: string; username: string; user_domain: string; partner_region: string; password: string };
type Partner = { profile: { document: { capabilities: { name: string; state: string }[] } } | null };
type Agreement = { id: string; asked: { asked_at: string | null; failure: string | null } | null };

test('a partner with an authority of its own is reached by who was told of it, used with a renter’s rights, and asked what it counted', async (t) => {
  const [partner, cloud] = await Promise.all([startWholeCloud({ driver: 'simulated', args: ['--tls', '--hosts', '1'] }), startWholeCloud({ driver: 'simulated', args: ['--hosts', '1'] })]);
  t.after(async () => {
    await cloud.reset();
    await partner.reset();
  });
  const admitted = await partner.intercloud(['partner', 'admit', 'us', '-f', 'json']);
  assert.equal(admitted.code, 0, admitted.err);
  const { auth_url: authUrl, username, user_domain: domain, partner_region: region, password } = JSON.parse(admitted.out) as Offer;
  assert.match(authUrl, /^https:/);
  const passwordFile = join(dirname(cloud.stateDir), 'partners-password');
  writeFileSync(passwordFile, password);
  chmodSync(passwordFile, 0o644);
  const external = (await partner.ask<{ ID: string }[]>(['network', 'list', '--external']))[0]!.ID;
  const add = (...more: string[]) =>
    cloud.intercloud(
      ['partner', 'add', 'theirs', '--auth-url', authUrl, '--username', username, '--user-domain', domain, '--partner-region', region, '--password-file', passwordFile, '--external-network', external, '--vcpus', '8', '--memory-gib', '16', '--disk-gib', '100', ...more, '-f', 'json'],
      { timeoutMs: 400_000 },
    );

  const strange = await add();
  assert.deepEqual([strange.code, /does not answer/.test(strange.err)], [1, true], strange.err);
  const added = await add('--ca', join(partner.stateDir, 'tls', 'authority.pem'));
  assert.equal(added.code, 0, `${added.err}\n${cloud.logs()}`);
  const { profile } = JSON.parse(added.out) as Partner;
  assert.deepEqual(profile?.document.capabilities.map(({ name, state }) => `${name} ${state}`), ['identity', 'image', 'network', 'boot', 'volume', 'delete'].map((name) => `${name} proved`));

  // Home, which runs since before anybody knew that authority, asks the partner too.
  const token = (await cloud.openstack(['token', 'issue', '-f', 'value', '-c', 'id'])).trim();
  const ask = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const reply = await fetch(`${cloud.url}/metering/v1${path}`, { method, headers: { 'x-auth-token': token, 'content-type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}) });
    assert.ok(reply.ok, `${method} ${path}: ${reply.status} ${await reply.clone().text()}`);
    const text = await reply.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  const agreement = async () => (await ask<{ agreements: Agreement[] }>('GET', '/agreements')).agreements[0]!;
  const deadline = performance.now() + 120_000;
  // The first time it hears by which key the partner signs, who has signed nothing before.
  const { id, asked: first } = await agreement();
  let asked = first;
  while (asked?.asked_at == null || asked.failure !== null) {
    assert.ok(performance.now() < deadline, `the partner was not asked, or: ${asked?.failure}`);
    await ask('POST', `/agreements/${id}/compare`, { so_far: true });
    await pause(1_000);
    asked = (await agreement()).asked;
  }

  const removed = await cloud.intercloud(['partner', 'remove', 'theirs'], { timeoutMs: 400_000 });
  assert.equal(removed.code, 0, removed.err);
});
