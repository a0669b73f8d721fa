import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from './clock.ts';
import { createDenials } from './denials.ts';
import { nobody, type Caller } from './http/caller.ts';
import { createLog } from './log.ts';
import { Denial } from './policy/policy.ts';
import { testDatabase } from './postgres/testing.ts';

const log = createLog({ name: 'test', level: 'silent' });
const scope = { kind: 'system', reason: 'test' } as const;

test('who is refused is in the audit with the rule and what was missing, and a flood of refusals is few entries', async (t) => {
  const { database } = await testDatabase(t, {});
  const clock = manualClock(new Date('2026-01-01T00:00:00Z'));
  const denials = createDenials({ clock, log });
  const caller: Caller = { ...nobody, userId: 'alice', projectId: 'a', roles: new Set(['member']) };
  const denied = (requestId: string, who: Caller = caller) => ({ requestId, method: 'POST', path: '/things', source: '192.0.2.1', caller: who, denial: new Denial('make_thing', 'role:admin', { thing: { id: 'x' } }) });

  for (let times = 1; times <= 1_000; times++) denials.note(database, denied(`req-${times}`));
  for (let user = 1; user <= 1_000; user++) denials.note(database, denied(`req-of-${user}`, { ...caller, userId: `user ${user}` }));
  await denials.close();

  const rows = await database.read(scope, (tx) => tx.rows<{ userId: string; details: { times: number; requestIds?: string[] } }>`select user_id as "userId", request_id as "requestId", action, target, outcome, source, details from kit.audit order by id`);
  assert.equal(rows.length, 20);
  assert.deepEqual(rows[0], {
    userId: 'alice', requestId: 'req-1', action: 'make_thing', target: '/things', outcome: 'denied', source: '192.0.2.1',
    details: { method: 'POST', asks: 'role:admin', about: { thing: { id: 'x' } }, domainId: null, system: false, roles: ['member'], times: 1_000, requestIds: Array.from({ length: 10 }, (_, index) => `req-${index + 2}`) },
  });
});
