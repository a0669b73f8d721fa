/** Waiting for what comes about by itself while the clock of a test stands still. */
import assert from 'node:assert/strict';
import type { ManualClock } from '../kit/clock.ts';
import type { TestCloud } from './cloud.ts';

/** Resolves when it is so, and moves the clock for whoever waits; what never comes fails the test. */
export async function until({ clock }: Pick<TestCloud, 'clock'>, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, 'it did not come to that in 60 seconds');
    if ('advance' in clock) (clock as ManualClock).advance(50);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What this comes to, with the clock moved for whoever waits meanwhile. */
export async function inTime<T>(cloud: Pick<TestCloud, 'clock'>, work: Promise<T>): Promise<T> {
  let over = false;
  const ended = work.then(() => (over = true), () => (over = true));
  await until(cloud, () => Promise.resolve(over));
  await ended;
  return work;
}
