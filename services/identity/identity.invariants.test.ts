/** What doctor says of identity when it was changed behind its back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityFixture } from './fixture.ts';

const scope = { kind: 'system', reason: 'the test breaks it' } as const;

test('doctor finds assignments, trusts, credentials and keys that are of nobody, give too much or cannot be opened (FAILURES 44, 46)', async (t) => {
  const { parts, identity, ask, admin, person, role, make } = await identityFixture(t);
  const [alice, bob] = [await person('alice', 'member'), await person('bob', 'member')];
  const trust = async (token: string, more: object) => (await ask('POST', '/OS-TRUST/trusts', { token, body: { trust: { trustor_user_id: alice.id, trustee_user_id: bob.id, project_id: alice.projectId, impersonation: true, roles: [{ name: 'reader' }], ...more } } })).body.trust.id as string;
  const [wide, narrow] = [await trust(alice.token, { roles: [{ name: 'member' }] }), await trust(alice.token, { expires_at: '2099-01-01T00:00:00Z' })];
  const rule = { service: 'compute', method: 'GET', path: '/v2.1/servers' };
  const limited = (await ask('POST', `/users/${alice.id}/application_credentials`, { token: alice.token, body: { application_credential: { name: 'limited', access_rules: [rule] } } })).body.application_credential;
  const key = (await ask('POST', `/users/${alice.id}/credentials/OS-EC2`, { token: alice.token, body: { tenant_id: alice.projectId } })).body.credential;
  const sealed = (await ask('POST', '/credentials', { token: alice.token, body: { credential: { type: 'cert', blob: 'x', user_id: alice.id } } })).body.credential;
  const domain = await make('/domains', { domain: { name: 'acme' } });
  const ofDomain = await make('/roles', { role: { name: 'local', domain_id: domain.id } });
  const check = async () => {
    const wrong = await Promise.all(identity.invariants.map(async ({ id, check: look }) => (await look()).map(({ message, remedy }) => (assert.ok(remedy), `${id}: ${message}`))));
    return wrong.flat().toSorted();
  };
  assert.deepEqual(await check(), []);

  await parts.database.transaction(scope, async (tx) => {
    await tx.run`alter table identity.role_grant drop constraint role_grant_user_id_fkey`;
    await tx.run`alter table identity.trust drop constraint trust_trustee_id_fkey`;
    await tx.run`insert into identity.role_grant (role_id, user_id, project_id) values (${await role('member')}, 'gone', ${alice.projectId}), (${ofDomain.id}, ${alice.id}, ${alice.projectId})`;
    await tx.run`update identity.trust set redelegated_trust_id = ${narrow} where id = ${wide}`;
    await tx.run`update identity.trust set trustee_id = 'gone' where id = ${narrow}`;
    await tx.run`update identity.access_rule set user_id = ${bob.id} where user_id = ${alice.id}`;
    await tx.run`update identity.credential set project_id = null where type = 'ec2'`;
    await tx.run`update identity.credential set sealed = set_byte(sealed, length(sealed) - 1, 255 - get_byte(sealed, length(sealed) - 1)) where id = ${sealed.id}`;
  });

  const [{ id: keyId }] = (await ask('GET', '/credentials?type=ec2', { token: admin })).body.credentials;
  assert.ok(key.access);
  assert.deepEqual(await check(), [
    `identity.access-rules: The application credential ${limited.id} of ${alice.id} has the access rule ${limited.access_rules[0].id} of ${bob.id}`,
    `identity.assignments: The role ${ofDomain.id} of the domain ${domain.id} is assigned in ${alice.projectId}, which is not there`,
    `identity.assignments: The role ${await role('member')} is assigned to gone in ${alice.projectId}, and one of them is not there`,
    `identity.keys: The key for signing ${keyId} has no project`,
    `identity.seals: The credential ${sealed.id} cannot be opened`,
    `identity.trusts: The trust ${narrow} is of ${alice.id} for gone, and one of them is not there`,
    `identity.trusts: The trust ${wide} gives more than ${narrow}, which it was handed on from`,
  ].toSorted());
});
