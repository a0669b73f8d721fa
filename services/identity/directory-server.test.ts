import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Attribute, Change, Client } from 'ldapts';
import { isEnabled } from './directory-server.ts';
import { syncDomains } from './directory-sync.ts';
import { identityFixture } from './fixture.ts';

const run = promisify(execFile);
const admin = { dn: 'cn=admin,dc=example', password: 'the password of the server' };

test('whoever is not plainly enabled is not (ATTACKS 17)', () => {
  const plain = { user_enabled_mask: 0, user_enabled_default: 'True', user_enabled_invert: false };

  assert.deepEqual(['TRUE', 'false', undefined, 'yes', '1', ''].map((value) => isEnabled(value, plain)), [true, false, true, false, false, false]);
  const masked = { user_enabled_mask: 2, user_enabled_default: '512', user_enabled_invert: false };
  assert.deepEqual(['512', '514', undefined, 'TRUE', '0x200'].map((value) => isEnabled(value, masked)), [true, false, true, false, false]);
  const inverted = { user_enabled_mask: 0, user_enabled_default: 'True', user_enabled_invert: true };
  assert.deepEqual(['TRUE', 'FALSE', undefined].map((value) => isEnabled(value, inverted)), [false, true, true]);
});

test('a domain is kept in a directory server: its users log in there, and nothing of it is written', { timeout: 120_000 }, async (t) => {
  const slapd = await findSlapd(t);
  if (typeof slapd === 'string') return t.skip(slapd);
  const { url, client } = await startSlapd(t, slapd);
  const fixture = await identityFixture(t);
  const { ask, admin: token, make, parts, identity, role, login } = fixture;
  const { id: domainId } = await make('/domains', { domain: { name: 'acme' } });
  const config = {
    identity: { driver: 'ldap' },
    ldap: {
      url,
      user: admin.dn,
      password: admin.password,
      suffix: 'dc=example',
      user_tree_dn: 'ou=people,dc=example',
      user_id_attribute: 'uid',
      user_name_attribute: 'uid',
      user_enabled_attribute: 'employeeType',
      group_tree_dn: 'ou=teams,dc=example',
      group_name_attribute: 'cn',
    },
  };
  assert.equal((await ask('PUT', `/domains/${domainId}/config`, { token, body: { config } })).status, 201);
  const sync = () => syncDomains({ ...parts, directory: identity.directory, vault: identity.vault });
  const project = await make('/projects', { project: { name: 'work', domain_id: domainId } });
  const enter = (name: string, password: string, scope?: object) => login({ methods: ['password'], password: { user: { name, domain: { id: domainId }, password } } }, scope);

  await sync();

  const users = (await ask('GET', `/users?domain_id=${domainId}`, { token })).body.users as { id: string; name: string; enabled: boolean; email?: string }[];
  assert.deepEqual(users.map(({ name, enabled, email }) => `${name} ${enabled} ${email}`).toSorted(), ['carol false carol@example', 'eve true eve@example']);
  const [group] = (await ask('GET', `/groups?domain_id=${domainId}`, { token })).body.groups;
  assert.equal(group.name, 'crew');
  assert.equal((await ask('PUT', `/projects/${project.id}/groups/${group.id}/roles/${await role('member')}`, { token })).status, 204);
  const eves = await enter('eve', "eve's password", { project: { id: project.id } });
  for (const [name, password] of [['eve', 'wrong'], ['eve', ''], ['carol', "carol's password"], ['nobody', 'x']] as const) await assert.rejects(enter(name, password), name);
  const eve = users.find(({ name }) => name === 'eve')!.id;
  for (const [method, path, body] of [
    ['POST', '/users', { user: { name: 'new', domain_id: domainId } }],
    ['PATCH', `/users/${eve}`, { user: { description: 'x' } }],
    ['DELETE', `/users/${eve}`],
    ['POST', '/groups', { group: { name: 'new', domain_id: domainId } }],
    ['DELETE', `/groups/${group.id}`],
    ['DELETE', `/groups/${group.id}/users/${eve}`],
  ] as const)
    assert.equal((await ask(method, path, { token, ...(body ? { body } : {}) })).status, 403, `${method} ${path}`);

  // Disabled there: no login from then on, and what was got before ends with the next look.
  await client.modify('uid=eve,ou=people,dc=example', new Change({ operation: 'replace', modification: new Attribute({ type: 'employeeType', values: ['FALSE'] }) }));
  await assert.rejects(enter('eve', "eve's password"));
  assert.equal((await ask('GET', '/auth/projects', { token: eves })).status, 200);
  await sync();
  assert.equal((await ask('GET', '/auth/projects', { token: eves })).status, 401);
  assert.equal((await ask('GET', `/users/${eve}`, { token })).body.user.enabled, false);

  await client.del('uid=eve,ou=people,dc=example');
  await sync();
  assert.equal((await ask('GET', `/users/${eve}`, { token })).status, 404);
});

test('nobody gets in by a directory server that does not answer, and everybody stays who they were', { timeout: 120_000 }, async (t) => {
  const slapd = await findSlapd(t);
  if (typeof slapd === 'string') return t.skip(slapd);
  const { url, stop } = await startSlapd(t, slapd);
  const { ask, admin: token, make, parts, identity } = await identityFixture(t);
  const { id: domainId } = await make('/domains', { domain: { name: 'acme' } });
  const ldap = { url, user: admin.dn, password: admin.password, user_tree_dn: 'ou=people,dc=example', group_tree_dn: 'ou=teams,dc=example', user_id_attribute: 'uid', user_name_attribute: 'uid', user_enabled_attribute: 'employeeType' };
  await ask('PUT', `/domains/${domainId}/config`, { token, body: { config: { identity: { driver: 'ldap' }, ldap } } });
  await syncDomains({ ...parts, directory: identity.directory, vault: identity.vault });

  await stop();

  const reply = await ask('POST', '/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: { user: { name: 'eve', domain: { id: domainId }, password: "eve's password" } } } } } });
  assert.deepEqual([reply.status, reply.headers['retry-after']], [503, '5']);
  await syncDomains({ ...parts, directory: identity.directory, vault: identity.vault });
  assert.equal((await ask('GET', `/users?domain_id=${domainId}`, { token })).body.users.length, 2);
});

type Slapd = { program: string; root: string };

/** The distribution's, installed or only unpacked; text says why there is none. */
async function findSlapd(t: TestContext): Promise<Slapd | string> {
  if (existsSync('/usr/sbin/slapd')) return { program: '/usr/sbin/slapd', root: '/' };
  const folder = mkdtempSync(join(tmpdir(), 'slapd-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  try {
    await run('apt-get', ['download', 'slapd', 'libodbc2', 'libltdl7', 'libwrap0'], { cwd: folder, timeout: 60_000 });
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) await run('dpkg', ['-x', file, 'root'], { cwd: folder, timeout: 60_000 });
  } catch (error) {
    return `slapd is not installed, and cannot be had: ${error instanceof Error ? error.message.slice(0, 200) : ''}`;
  }
  return { program: join(folder, 'root/usr/sbin/slapd'), root: join(folder, 'root') };
}

/** On loopback, with its data in a folder of its own: two users, of whom one is disabled, and a group of both. */
async function startSlapd(t: TestContext, { program, root }: Slapd): Promise<{ url: string; client: Client; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'directory-'));
  mkdirSync(join(folder, 'db'));
  const port = await freePort();
  const schema = ['core', 'cosine', 'inetorgperson'].map((name) => `include ${join(root, 'etc/ldap/schema', `${name}.schema`)}`).join('\n');
  writeFileSync(
    join(folder, 'slapd.conf'),
    `${schema}\nmodulepath ${join(root, 'usr/lib/ldap')}\nmoduleload back_mdb\npidfile ${join(folder, 'pid')}\ndatabase mdb\nsuffix "dc=example"\nrootdn "${admin.dn}"\nrootpw "${admin.password}"\ndirectory ${join(folder, 'db')}\n`,
  );
  const url = `ldap://127.0.0.1:${port}`;
  const child = spawn(program, ['-f', join(folder, 'slapd.conf'), '-h', url, '-d', '0'], { env: { ...process.env, LD_LIBRARY_PATH: join(root, 'usr/lib/x86_64-linux-gnu') }, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  const client = new Client({ url, timeout: 5_000, connectTimeout: 5_000 });
  t.after(async () => {
    await client.unbind().catch(() => undefined);
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await Promise.race([answering(port), ended.then(() => Promise.reject(new Error(`slapd ended: ${said}`)))]);
  await client.bind(admin.dn, admin.password);
  await client.add('dc=example', { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' });
  for (const unit of ['people', 'teams']) await client.add(`ou=${unit},dc=example`, { objectClass: ['organizationalUnit'], ou: unit });
  for (const [name, enabled] of [['eve', 'TRUE'], ['carol', 'FALSE']] as const)
    await client.add(`uid=${name},ou=people,dc=example`, { objectClass: ['inetOrgPerson'], uid: name, cn: name, sn: name, mail: `${name}@example`, employeeType: enabled, userPassword: `${name}'s password` });
  await client.add('cn=crew,ou=teams,dc=example', { objectClass: ['groupOfNames'], cn: 'crew', ou: 'crew', member: ['uid=eve,ou=people,dc=example', 'UID=carol, OU=people, DC=example'] });
  return { url, client, stop };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answering(port: number): Promise<void> {
  for (const until = performance.now() + 20_000; ; await pause(50)) {
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false)));
    socket.destroy();
    if (open) return;
    if (performance.now() > until) throw new Error('slapd does not answer');
  }
}
