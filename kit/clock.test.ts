import assert from 'node:assert/strict';
import test from 'node:test';
import { manualClock, seededRandom, systemClock } from './clock.ts';

test('time that is moved by hand wakes who waits, in the order of their moments', async () => {
  const clock = manualClock(new Date(0));
  const woken: [string, number][] = [];
  const waits = [['late', 20], ['early', 10], ['never', 40]] as const;
  for (const [name, ms] of waits) void clock.after(ms).then(() => woken.push([name, clock.now().getTime()]));

  clock.advance(30);
  await new Promise(setImmediate);

  assert.deepEqual(woken.map(([name]) => name), ['early', 'late']);
  assert.equal(clock.now().getTime(), 30);
});

for (const [name, clock] of [['the system’s', systemClock], ['a manual', manualClock(new Date(0))]] as const)
  test(`waiting on ${name} clock ends at once when it is aborted`, async () => {
    const stopping = new AbortController();
    const waiting = clock.after(60_000, stopping.signal);

    stopping.abort(new Error('enough'));

    await assert.rejects(waiting, { message: 'enough' });
    await assert.rejects(clock.after(1, stopping.signal), { message: 'enough' });
  });

test('the same seed gives the same names, and another seed others', () => {
  const draw = (seed: number) => {
    const random = seededRandom(seed);
    return [random.uuid(), random.uuid(), random.bytes(4).toString('hex')];
  };

  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
  assert.equal(new Set(draw(1)).size, 3);
  assert.match(draw(1)[0]!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
