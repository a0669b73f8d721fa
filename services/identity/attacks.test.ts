/** What others were hurt by (ATTACKS.md, FAILURES.md), where it is nobody's noun in particular. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import { promisify } from 'node:util';
import { sql } from '../../kit/postgres/database.ts';
import { createDirectoryServer, DirectoryServerError } from './directory-server.ts';
import { identityFixture, type Parsed } from './fixture.ts';

const scope = { kind: 'system', reason: 'the test looks' } as const;

test('a directory server is told nothing before it has shown a certificate that is trusted (ATTACKS 42)', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bad-certificate-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [key, certificate] = [join(folder, 'key'), join(folder, 'certificate')];
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']);
  const heard: string[] = [];
  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (socket) => {
    socket.once('data', (bytes) => {
      heard.push(String(bytes));
      socket.destroy();
    });
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => void server.close());
  const { port } = server.address() as AddressInfo;
  const ask = (more: object) => createDirectoryServer({ url: `ldaps://127.0.0.1:${port}`, user: 'cn=admin', password: 'a canary', connection_timeout: 2, ...more }).findUser('eve');

  await assert.rejects(ask({}), DirectoryServerError);
  assert.equal(heard.join('').length, 0);

  await assert.rejects(ask({ tls_cacertfile: certificate }), DirectoryServerError);
  assert.ok(heard.join('').includes('a canary'), 'this one is trusted, and so was told');
});

test('no name in a body becomes another thing’s property (ATTACKS 46)', async (t) => {
  const { door, admin, make } = await identityFixture(t);
  await make('/domains', { domain: { name: 'acme' } });
  const send = async (method: 'POST', path: string, payload: string) => (await door.app.inject({ method, url: `/identity/v3${path}`, headers: { 'x-auth-token': admin, 'content-type': 'application/json' }, payload })).statusCode;
  const evil = '"__proto__":{"polluted":true,"enabled":false},"constructor":{"prototype":{"polluted":true}}';

  for (const [path, body] of [
    ['/users', `{"user":{"name":"u","domain_id":"default",${evil}}}`],
    ['/projects', `{"project":{"name":"p","domain_id":"default",${evil}}}`],
    ['/users', `{"user":{"name":"o","domain_id":"default","options":{${evil}}}}`],
    ['/domains', `{"domain":{"name":"d",${evil}}}`],
    ['/auth/tokens', `{"auth":{"identity":{"methods":["password"],${evil}}},${evil}}`],
  ] as const) {
    const status = await send('POST', path, body);
    assert.ok(status < 500, `${path}: ${status}`);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined, path);
  }
});

test('who is nobody leaves nothing behind, however often they try (ATTACKS 21, 39)', async (t) => {
  const { ask, parts, person, door } = await identityFixture(t);
  const alice = await person('alice', 'member');
  const count = () =>
    parts.database.read(scope, async (tx) => {
      const tables = await tx.rows<{ name: string }>`select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables where schemaname in ('identity', 'kit') order by 1`;
      const counted: Record<string, number> = {};
      for (const { name } of tables) counted[name] = (await tx.one<{ count: number }>`select count(*)::int as count from ${sql.ident(name.replaceAll('"', ''))}`)!.count;
      return counted;
    });
  const before = await count();

  const tries: object[] = [
    { methods: ['password'], password: { user: { name: 'nobody', domain: { id: 'default' }, password: 'x' } } },
    { methods: ['password'], password: { user: { id: alice.id, password: 'wrong' } } },
    { methods: ['token'], token: { id: 'x'.repeat(200) } },
    { methods: ['application_credential'], application_credential: { id: 'x', secret: 'y' } },
    { methods: ['totp'], totp: { user: { id: alice.id, passcode: '000000' } } },
  ];
  for (let times = 0; times < 10; times++) for (const identity of tries) assert.ok([401, 404].includes((await ask('POST', '/auth/tokens', { body: { auth: { identity } } })).status));
  for (let times = 0; times < 50; times++) assert.equal((await door.app.inject({ url: `/identity/v3/nothing/${times}?${times}=${times}` })).statusCode, 404);

  assert.deepEqual(await count(), before);
});

test('pages lose and repeat nothing that stays, while others come and go (FAILURES 19)', async (t) => {
  const { ask, admin, make } = await identityFixture(t);
  const made: string[] = [];
  for (let number = 0; number < 12; number++) made.push((await make('/projects', { project: { name: `p${number}`, domain_id: 'default' } })).id);
  const doomed = new Set(made.filter((_, index) => index % 3 === 0));
  const seen: string[] = [];
  let pages = 0;

  for (let path: string | undefined = '/projects?limit=3'; path !== undefined; pages++) {
    const { body }: { body: Parsed } = await ask('GET', path, { token: admin });
    seen.push(...body.projects.map(({ id }: { id: string }) => id));
    const [next] = doomed;
    if (next !== undefined) {
      doomed.delete(next);
      await ask('DELETE', `/projects/${next}`, { token: admin });
    }
    await make('/projects', { project: { name: `new ${pages}`, domain_id: 'default' } });
    path = body.links.next?.replace(/^.*\/identity\/v3/, '');
  }

  assert.equal(new Set(seen).size, seen.length, 'nothing twice');
  for (const id of made.filter((_, index) => index % 3 !== 0)) assert.ok(seen.includes(id), id);
});

test('when a parent is gone, its children are gone or stand alone, and every list goes on (FAILURES 44)', async (t) => {
  const { ask, admin, make, role } = await identityFixture(t);
  const domain = await make('/domains', { domain: { name: 'acme' } });
  const [project, user, group, own] = [
    await make('/projects', { project: { name: 'p', domain_id: domain.id } }),
    await make('/users', { user: { name: 'u', domain_id: domain.id, password: 'x' } }),
    await make('/groups', { group: { name: 'g', domain_id: domain.id } }),
    await make('/roles', { role: { name: 'r', domain_id: domain.id } }),
  ];
  const service = await make('/services', { service: { type: 'thing' } });
  const endpoint = await make('/endpoints', { endpoint: { service_id: service.id, interface: 'public', url: 'http://thing.example' } });
  await ask('PUT', `/groups/${group.id}/users/${user.id}`, { token: admin });
  await ask('PUT', `/projects/${project.id}/groups/${group.id}/roles/${await role('member')}`, { token: admin });
  await ask('PUT', `/domains/${domain.id}/users/${user.id}/roles/${own.id}`, { token: admin });
  await ask('POST', '/credentials', { token: admin, body: { credential: { type: 'cert', blob: 'x', user_id: user.id } } });
  await ask('PATCH', `/domains/${domain.id}`, { token: admin, body: { domain: { enabled: false } } });

  assert.equal((await ask('DELETE', `/domains/${domain.id}`, { token: admin })).status, 204);
  assert.equal((await ask('DELETE', `/services/${service.id}`, { token: admin })).status, 204);

  for (const path of [`/projects/${project.id}`, `/users/${user.id}`, `/groups/${group.id}`, `/roles/${own.id}`, `/endpoints/${endpoint.id}`, `/users/${user.id}/groups`, `/groups/${group.id}/users`, `/projects/${project.id}/groups/${group.id}/roles`])
    assert.equal((await ask('GET', path, { token: admin })).status, 404, path);
  for (const path of ['/projects', '/users', '/groups', '/roles', '/role_assignments?include_names', '/credentials', '/endpoints', '/auth/catalog', '/domains', '/limits', '/OS-TRUST/trusts'])
    assert.equal((await ask('GET', path, { token: admin })).status, 200, path);
});

test('a service or an endpoint that is switched on and off is in the catalog when it is on, and never otherwise (FAILURES 45)', async (t) => {
  const { ask, admin, make } = await identityFixture(t);
  const service = await make('/services', { service: { type: 'thing' } });
  const endpoint = await make('/endpoints', { endpoint: { service_id: service.id, interface: 'public', url: 'http://thing.example' } });
  const shown = async () => (await ask('GET', '/auth/catalog', { token: admin })).body.catalog.some(({ type, endpoints }: Parsed) => type === 'thing' && endpoints.length === 1);

  for (let times = 0; times < 10; times++) {
    const [of, on] = [times % 2 === 0, times % 4 >= 2];
    assert.equal((await ask('PATCH', of ? `/services/${service.id}` : `/endpoints/${endpoint.id}`, { token: admin, body: of ? { service: { enabled: on } } : { endpoint: { enabled: on } } })).status, 200);
    const [is, hasOne] = [(await ask('GET', `/services/${service.id}`, { token: admin })).body.service.enabled, (await ask('GET', `/endpoints/${endpoint.id}`, { token: admin })).body.endpoint.enabled];
    assert.equal(await shown(), is && hasOne, `after ${times + 1} switches`);
  }
});

test('what has something in it is not deleted by one slip of the hand (FAILURES 36)', async (t) => {
  const { ask, admin, make } = await identityFixture(t);
  const domain = await make('/domains', { domain: { name: 'acme' } });
  const parent = await make('/projects', { project: { name: 'parent', domain_id: domain.id } });
  await make('/projects', { project: { name: 'child', parent_id: parent.id } });
  const kept = await make('/projects', { project: { name: 'kept', domain_id: domain.id, options: { immutable: true } } });

  for (const path of [`/domains/${domain.id}`, `/projects/${parent.id}`, `/projects/${kept.id}`]) assert.equal((await ask('DELETE', path, { token: admin })).status, 403, path);
  for (const path of [`/domains/${domain.id}`, `/projects/${parent.id}`, `/projects/${kept.id}`]) assert.equal((await ask('GET', path, { token: admin })).status, 200, path);
});
