import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../kit/clock.ts';
import { identityFixture, type Parsed } from './fixture.ts';

test('services and administrators are told what was revoked, since when they ask', async (t) => {
  const clock = manualClock(new Date('2026-03-01T12:00:00Z'));
  const { ask, admin, person, loginAs } = await identityFixture(t, { clock });
  const [alice, nova] = [await person('alice', 'member'), await person('nova', 'service')];
  const audit = (await ask('GET', '/auth/tokens', { token: alice.token, headers: { 'x-subject-token': alice.token } })).body.token.audit_ids[0];
  await ask('DELETE', '/auth/tokens', { token: alice.token, headers: { 'x-subject-token': alice.token } });
  clock.advance(60_000);
  const again = await loginAs('alice', alice.password);
  await ask('PATCH', `/users/${alice.id}`, { token: admin, body: { user: { enabled: false } } });

  const { status, body } = await ask('GET', '/OS-REVOKE/events', { token: admin });

  assert.equal(status, 200);
  const moment = '2026-03-01T12:00:00.000000Z';
  assert.ok(body.events.some((event: Parsed) => event.audit_id === audit && event.issued_before === moment && event.revoked_at === moment), JSON.stringify(body.events));
  assert.deepEqual(body.links, { next: null, self: 'http://cloud.test/identity/v3/OS-REVOKE/events', previous: null });
  const later = (await ask('GET', '/OS-REVOKE/events?since=2026-03-01T12:00:30Z', { token: nova.token })).body.events;
  assert.ok(later.some((event: Parsed) => event.user_id === alice.id));
  assert.ok(!later.some((event: Parsed) => event.audit_id === audit));
  assert.equal((await ask('GET', '/OS-REVOKE/events?since=yesterday', { token: admin })).status, 400);
  assert.equal((await ask('GET', '/OS-REVOKE/events', { token: again })).status, 401);
});

test('tokens of the old kind are gone, and so are the list of them and their certificates', async (t) => {
  const { ask, admin } = await identityFixture(t);

  for (const path of ['/auth/tokens/OS-PKI/revoked', '/OS-SIMPLE-CERT/ca', '/OS-SIMPLE-CERT/certificates']) {
    const { status, body } = await ask('GET', path, { token: admin });
    assert.deepEqual([status, body.error.title], [410, 'Gone'], path);
  }
});
