/** A partner's cloud as a region of ours: a second Intercloud on this machine, by the commands that an operator has. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { startWholeCloud, type WholeCloud } from './whole-cloud.ts';

type Partner = { name: string; account: { name: string } | null; labels: Record<string, string>; capacity: { vcpus: number }; profile: { document: { capabilities: { name: string; state: string }[] } } | null; differences: { there: { kind: string; remote_id: string }[]; here: unknown[] } | null };

test('a partner’s cloud is added by one command, proved, used, compared and given back', async (t) => {
  const [partner, cloud] = await Promise.all([startWholeCloud({ driver: 'simulated', asOrdinaryUser: true, args: ['--hosts', '1'] }), startWholeCloud({ driver: 'simulated', args: ['--hosts', '1'] })]);
  t.after(async () => {
    await cloud.reset();
    await partner.reset();
  });
  const passwordFile = join(dirname(cloud.stateDir), 'partners-password');
  writeFileSync(passwordFile, readFileSync(join(partner.stateDir, 'secrets', 'admin-password')));
  chmodSync(passwordFile, 0o644);
  const external = (await partner.ask<{ ID: string }[]>(['network', 'list', '--external']))[0]!.ID;
  const offer = ['--auth-url', `${partner.url}/identity`, '--username', 'admin', '--project', 'admin', '--password-file', passwordFile, '--external-network', external, '--vcpus', '8', '--memory-gib', '16', '--disk-gib', '100'];
  const add = (args: string[] = []) => cloud.intercloud(['partner', 'add', 'theirs', ...offer, ...args, '-f', 'json'], { timeoutMs: 400_000 });

  await t.test('who is not let in there is told so, and nothing is made here', async () => {
    const refused = await add(['--username', 'nobody']);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /The partner does not let nobody in/);
    assert.deepEqual((JSON.parse((await cloud.intercloud(['region', 'list', '-f', 'json'])).out) as unknown[]).length, 1);
  });

  await t.test('it becomes a region that was seen to do everything', async () => {
    const added = await add(['--label', 'country=DE', '--label', 'owner=them', '--account', 'Them']);
    assert.equal(added.code, 0, `${added.err}\n${cloud.logs()}`);
    const { profile, account, labels, capacity } = JSON.parse(added.out) as Partner;
    assert.deepEqual(profile?.document.capabilities.map(({ name, state }) => `${name} ${state}`), ['identity', 'image', 'network', 'boot', 'volume', 'delete'].map((name) => `${name} proved`));
    assert.deepEqual({ account: account?.name, labels, vcpus: capacity.vcpus }, { account: 'Them', labels: { country: 'DE', owner: 'them' }, vcpus: 8 });
    const secret = join(cloud.stateDir, 'regions', 'theirs', 'secrets', 'partner');
    assert.equal(statSync(secret).mode & 0o077, 0, 'the password is nobody else’s to read');
    const { processes } = JSON.parse((await cloud.intercloud(['status', '-f', 'json'])).out) as { processes: { name: string; pid: number }[] };
    const agent = processes.find(({ name }) => name === 'theirs/agent')!;
    assert.notEqual(statSync(`/proc/${agent.pid}`).uid, 0, 'who only calls a partner needs none of root’s rights');
    assert.match((await cloud.intercloud(['partner', 'list'])).out, /theirs .*Them .*all proved .*0 only there, 0 only here/);
  });

  await t.test('an unmodified client has a machine there, and what is foreign among ours is shown and no more', async () => {
    const there = (args: string[]) => cloud.openstack(['--os-region-name', 'theirs', ...args]);
    await there(['network', 'create', 'net']);
    await there(['subnet', 'create', '--network', 'net', '--subnet-range', '10.20.0.0/24', 'subnet']);
    const status = await there(['server', 'create', '--flavor', 'm1.nano', '--image', 'cirros', '--network', 'net', '--wait', 'there', '-f', 'value', '-c', 'status']);
    assert.equal(status.trim(), 'ACTIVE');
    const stray = await strayAt(partner);
    const shown = JSON.parse((await cloud.intercloud(['partner', 'show', 'theirs', '-f', 'json'])).out) as Partner;
    assert.ok(shown.profile);
    const doctor = await cloud.intercloud(['doctor']);
    assert.ok(doctor.out.includes(stray), doctor.out);
    assert.equal(doctor.code, 1);
    await partner.openstack(['network', 'delete', stray]);
    await there(['server', 'delete', '--wait', 'there']);
  });

  await t.test('it is parted with when it is empty', async () => {
    // A network is left as it is: nobody would know of it any more.
    const removed = await cloud.intercloud(['partner', 'remove', 'theirs'], { timeoutMs: 400_000 });
    assert.equal(removed.code, 0, removed.err);
    assert.deepEqual(JSON.parse((await cloud.intercloud(['partner', 'list', '-f', 'json'])).out), []);
    assert.deepEqual((await partner.ask<unknown[]>(['server', 'list', '--all-projects'])), []);
    assert.deepEqual((await partner.ask<unknown[]>(['volume', 'list', '--all-projects'])), []);
    assert.deepEqual((await partner.ask<{ Name: string }[]>(['network', 'list'])).map(({ Name }) => Name), ['public']);
    assert.deepEqual((await partner.ask<{ Name: string }[]>(['image', 'list'])).map(({ Name }) => Name), ['cirros']);
  });
});

/** Something that our driver has not made, in a project that it has. */
async function strayAt(partner: WholeCloud): Promise<string> {
  const projects = await partner.ask<{ ID: string; Name: string }[]>(['project', 'list']);
  const ours = projects.find(({ Name }) => Name.startsWith('intercloud'))!.ID;
  return (await partner.ask<{ id: string }>(['network', 'create', '--project', ours, 'stray'])).id;
}
