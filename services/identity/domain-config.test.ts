import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../kit/clock.ts';
import { sql } from '../../kit/postgres/database.ts';
import { rowsWithin } from './domain-options.store.ts';
import { openOptions } from './domain-secrets.ts';
import { identityFixture } from './fixture.ts';
import { listGroups } from './groups.store.ts';
import { listUsers } from './users.store.ts';

test('a domain is configured as a whole, by group and by option', async (t) => {
  const { ask, admin, make } = await identityFixture(t);
  const { id } = await make('/domains', { domain: { name: 'acme' } });
  const path = `/domains/${id}/config`;
  const config = { identity: { driver: 'sql' }, ldap: { url: 'ldap://ldap.example', user_tree_dn: 'ou=users,dc=example', password: 'a secret' } };
  const shown = { identity: { driver: 'sql' }, ldap: { url: 'ldap://ldap.example', user_tree_dn: 'ou=users,dc=example' } };

  assert.equal((await ask('GET', path, { token: admin })).status, 404);
  const made = await ask('PUT', path, { token: admin, body: { config } });
  assert.deepEqual([made.status, made.body], [201, { config: shown }]);
  assert.equal((await ask('PUT', path, { token: admin, body: { config } })).status, 200);
  assert.deepEqual((await ask('GET', path, { token: admin })).body, { config: shown });
  assert.deepEqual((await ask('GET', `${path}/ldap`, { token: admin })).body, { config: { ldap: shown.ldap } });
  assert.deepEqual((await ask('GET', `${path}/ldap/url`, { token: admin })).body, { config: { url: 'ldap://ldap.example' } });
  assert.equal((await ask('GET', `${path}/ldap/password`, { token: admin })).status, 404);
  assert.equal((await ask('PATCH', path, { token: admin, body: { config: { ldap: { user_filter: '(a=b)' } } } })).body.config.ldap.user_filter, '(a=b)');
  assert.equal((await ask('PATCH', `${path}/ldap`, { token: admin, body: { config: { ldap: { url: 'ldaps://other.example' } } } })).body.config.ldap.url, 'ldaps://other.example');
  assert.equal((await ask('PATCH', `${path}/ldap/url`, { token: admin, body: { config: { url: 'ldap://third.example' } } })).body.config.ldap.url, 'ldap://third.example');
  assert.equal((await ask('DELETE', `${path}/ldap/user_filter`, { token: admin })).status, 204);
  assert.equal((await ask('DELETE', `${path}/ldap/user_filter`, { token: admin })).status, 404);
  assert.equal((await ask('PATCH', `${path}/ldap/user_filter`, { token: admin, body: { config: { user_filter: 'x' } } })).status, 404);
  assert.equal((await ask('DELETE', `${path}/ldap`, { token: admin })).status, 204);
  assert.deepEqual((await ask('GET', path, { token: admin })).body, { config: { identity: { driver: 'sql' } } });
  assert.equal((await ask('DELETE', path, { token: admin })).status, 204);
  assert.equal((await ask('GET', path, { token: admin })).status, 404);
});

test('the password of a directory server lies sealed in the database, and is opened for nobody but the server (ATTACKS 36)', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const { ask, admin, make, parts, identity } = await identityFixture(t, { clock });
  const [{ id }, { id: older }] = [await make('/domains', { domain: { name: 'acme' } }), await make('/domains', { domain: { name: 'older' } })];
  const scope = { kind: 'system', reason: 'test' } as const;
  const everything = () => parts.database.read(scope, async (tx) => JSON.stringify([await tx.rows`select d.*, encode(sealed, 'escape') as bytes from identity.domain_option d`, await tx.rows`select * from kit.audit`, await tx.rows`select * from kit.event`]));
  const keyOf = async (domainId: string) => (await parts.database.read(scope, (tx) => tx.one<{ key: number }>`select sealing_key_id::int as key from identity.domain_option where domain_id = ${domainId} and option_name = 'password'`))?.key;
  const opened = (domainId: string) => parts.database.read(scope, async (tx) => (await openOptions(tx, identity.vault, domainId, 'ldap'))['password']);
  const lookAtKeys = () => identity.schedules.find(({ name }) => name === 'identity.keys')!.run(undefined as never, new AbortController().signal);
  await ask('PUT', `/domains/${id}/config`, { token: admin, body: { config: { ldap: { url: 'ldap://ldap.example', password: 'canary one' } } } });
  await parts.database.transaction(scope, (tx) => tx.run`insert into identity.domain_option (domain_id, group_name, option_name, value) values (${older}, 'ldap', 'password', '"canary two"')`);
  assert.ok(!(await everything()).includes('canary one'));
  assert.deepEqual([await opened(id), await opened(older)], ['canary one', 'canary two']);

  await lookAtKeys();
  assert.ok(!(await everything()).includes('canary'));
  const before = await keyOf(id);
  clock.advance(31 * 24 * 3_600_000);
  await lookAtKeys();

  assert.ok(before !== undefined && (await keyOf(id))! > before && (await keyOf(older))! > before);
  assert.deepEqual([await opened(id), await opened(older)], ['canary one', 'canary two']);
});

test('what no domain can be configured with is refused, and so is who may not', async (t) => {
  const { ask, admin, person } = await identityFixture(t);
  const { token } = await person('alice', 'member');
  const put = async (config: object, as = admin) => (await ask('PUT', '/domains/default/config', { token: as, body: { config } })).status;

  assert.equal(await put({}), 403);
  assert.equal(await put({ ldap: {} }), 403);
  assert.equal(await put({ compute: { url: 'x' } }), 403);
  assert.equal(await put({ ldap: { colour: 'blue' } }), 403);
  assert.equal(await put({ constructor: { name: 'x' } }), 403);
  assert.equal(await put({ ldap: { url: 'example' } }), 400);
  assert.equal(await put({ identity: { driver: 5 } }), 400);
  for (const none of [0, 1.5, 'many']) assert.equal(await put({ identity: { list_limit: none } }), 400, String(none));
  assert.equal(await put({ security_compliance: { password_regex: '(' } }), 400);
  assert.equal(await put({ security_compliance: { lockout_duration: 'long' } }), 400);
  assert.equal(await put({ security_compliance: { lockout_duration: 5 } }, token), 403);
  for (const path of ['/domains/default/config', '/domains/config/default']) assert.equal((await ask('GET', path, { token })).status, 403, path);
});

test('a domain shows as many of its users and groups at once as it says, and tells where the next are', async (t) => {
  const { ask, admin, parts } = await identityFixture(t);
  const { id } = (await ask('POST', '/domains', { token: admin, body: { domain: { name: 'small' } } })).body.domain;
  for (const name of ['a', 'b', 'c', 'd']) await ask('POST', '/users', { token: admin, body: { user: { name, domain_id: id } } });
  for (const name of ['a', 'b', 'c', 'd']) await ask('POST', '/groups', { token: admin, body: { group: { name, domain_id: id } } });
  await ask('PUT', `/domains/${id}/config`, { token: admin, body: { config: { identity: { driver: 'sql', list_limit: 2 } } } });

  for (const noun of ['users', 'groups']) {
    const { body } = await ask('GET', `/${noun}?domain_id=${id}`, { token: admin });
    assert.deepEqual([body[noun].length, body.truncated], [2, true], noun);
    const next = await ask('GET', String(body.links.next).slice(String(body.links.next).indexOf(`/${noun}`)), { token: admin });
    assert.deepEqual([next.body[noun].length, next.body.truncated], [2, undefined], noun);
    assert.equal((await ask('GET', `/${noun}?domain_id=${id}&limit=1`, { token: admin })).body[noun].length, 1);
  }

  // No more than were needed to know that there are more.
  const [users, groups] = await parts.database.read({ kind: 'system', reason: 'test' }, async (tx) => [await listUsers(tx, [sql`domain_id = ${id}`], rowsWithin(id, 1)), await listGroups(tx, [sql`domain_id = ${id}`], rowsWithin(id, 10_001))]);
  assert.deepEqual([users.length, groups.length], [1, 3]);
});

test('a domain may say that it shows more at once than it could ever have', async (t) => {
  const { ask, admin } = await identityFixture(t);
  await ask('PUT', '/domains/default/config', { token: admin, body: { config: { identity: { list_limit: 3_000_000_000 } } } });

  const { status, body } = await ask('GET', '/users?domain_id=default', { token: admin });
  assert.deepEqual([status, body.users.length, body.truncated], [200, 1, undefined]);
});

test('an administrator reads what holds where nothing is configured', async (t) => {
  const { ask, admin } = await identityFixture(t);

  const { body } = await ask('GET', '/domains/config/default', { token: admin });
  assert.deepEqual([body.config.identity.driver, body.config.ldap.user_objectclass, body.config.security_compliance.lockout_duration], ['sql', 'inetOrgPerson', 1800]);
  assert.equal('password' in body.config.ldap, false);
  assert.deepEqual((await ask('GET', '/domains/config/identity/default', { token: admin })).body, { config: { identity: { driver: 'sql', list_limit: null } } });
  assert.deepEqual((await ask('GET', '/domains/config/ldap/query_scope/default', { token: admin })).body, { config: { query_scope: 'one' } });
  assert.equal((await ask('GET', '/domains/config/ldap/password/default', { token: admin })).status, 403);
});
