/** Waiting for what comes about by itself while the clock of a test stands still. */
import assert from 'node:assert/strict';
import type { ManualClock } from '../kit/clock.ts';
import type { TestCloud } from './cloud.ts';

// Only to name what hangs: a machine that others keep busy, disks and all, may stand still for a minute.
const mostMs = 300_000;

/** Resolves when it is so, and moves the clock for whoever waits; what never comes fails the test. */
export async function until({ clock }: Pick<TestCloud, 'clock'>, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + mostMs;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `it did not come to that in ${mostMs / 1_000} seconds`);
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
