import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hourMs, lasting, observed, type NewRecord, type Running } from './intervals.ts';
import type { Observation } from './observations.ts';

const start = Date.parse('2026-03-01T00:00:00Z');

/** What is seen of one thing, and the ends of hours in between; clocks jump back by up to ten minutes. */
const happening = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('seen' as const), state: fc.constantFrom('BUILD', 'ACTIVE', 'SHUTOFF'), vcpus: fc.integer({ min: 1, max: 3 }), projectId: fc.constantFrom('A', 'A', 'A', 'B'), afterMs: fc.integer({ min: -600_000, max: 3 * hourMs }) }),
    fc.record({ kind: fc.constant('hour' as const) }),
  ),
  { maxLength: 40 },
);

type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

function play(events: Happening): { records: NewRecord[]; first: number | undefined; last: number | undefined } {
  let [now, latest, running, eventId] = [start, start, undefined as Running | undefined, 0];
  let first: number | undefined;
  const records: NewRecord[] = [];
  const see = (observation: Omit<Observation, 'resource' | 'resourceId' | 'eventId'>) => {
    const step = observed(running, { resource: 'server', resourceId: 's', eventId: ++eventId, ...observation });
    running = step.running;
    records.push(...step.records);
  };
  for (const event of events) {
    if (event.kind === 'hour') {
      if (!running) continue;
      const step = lasting(running, new Date(Math.floor(latest / hourMs) * hourMs));
      running = step.running;
      records.push(...step.records);
      continue;
    }
    now = Math.max(start, now + event.afterMs);
    latest = Math.max(latest, now);
    first ??= now;
    see({ projectId: event.projectId, state: event.state, measured: { flavor: 'f', measures: { servers: 1, vcpus: event.vcpus } }, at: new Date(now) });
  }
  const last = running === undefined ? undefined : Math.max(latest + 1, running.began.getTime());
  if (last !== undefined) see({ projectId: running!.projectId, state: null, measured: { flavor: '', measures: {} }, at: new Date(last) });
  return { records, first, last };
}

const durationOf = (records: readonly NewRecord[]) => records.filter(({ previous }) => previous !== null).reduce((sum, { from, until }) => sum + until.getTime() - from.getTime(), 0);

test('what is recorded of a thing lasts exactly as long as the thing, whatever its clocks and hours do', () => {
  let seen = 0;
  fc.assert(
    fc.property(happening, (events) => {
      const { records, first, last } = play(events);
      if (first === undefined || last === undefined) return;
      seen += records.length;
      assert.equal(durationOf(records), last - first);
    }),
    { numRuns: 500 },
  );
  assert.ok(seen > 1_000, `only ${seen} records were made`);
});

test('every record is of one hour, and goes on in the state in which the one before it ended', () => {
  fc.assert(
    fc.property(happening, (events) => {
      const { records } = play(events);
      let state: string | null = null;
      for (const { previous, current, from, until } of records) {
        const hour = Math.floor(Math.min(from.getTime(), until.getTime()) / hourMs);
        assert.ok(Math.max(from.getTime(), until.getTime()) <= (hour + 1) * hourMs, `${from.toISOString()} to ${until.toISOString()}`);
        assert.equal(previous, state);
        state = current;
      }
      assert.equal(state, null);
    }),
    { numRuns: 500 },
  );
});

test('no moment is counted twice: without jumping clocks the records of a thing touch and never overlap', () => {
  fc.assert(
    fc.property(happening, (events) => {
      const forward = events.map((event) => (event.kind === 'seen' ? { ...event, afterMs: Math.abs(event.afterMs) } : event));
      const { records } = play(forward);
      let until: number | undefined;
      for (const record of records) {
        if (record.previous === null) until = record.until.getTime();
        assert.equal(record.from.getTime(), until);
        assert.ok(record.until >= record.from);
        until = record.until.getTime();
      }
    }),
    { numRuns: 500 },
  );
});

test('an event that comes after its hour was counted takes back exactly what was counted too much', () => {
  const at = (time: string) => new Date(`2026-03-01T${time}Z`);
  const thing = { resource: 'server' as const, resourceId: 's', projectId: 'A', measured: { flavor: 'f', measures: { servers: 1 } } };
  const begun = observed(undefined, { ...thing, state: 'ACTIVE', at: at('10:30:00'), eventId: 1 });
  const counted = lasting(begun.running!, at('11:00:00'));

  const late = observed(counted.running, { ...thing, state: null, at: at('10:50:00'), eventId: 2 });

  assert.equal(durationOf([...begun.records, ...counted.records, ...late.records]), 20 * 60_000);
  assert.deepEqual(late.records.map(({ from, until, eventId }) => [from, until, eventId]), [[at('11:00:00'), at('10:50:00'), 2]]);
});
