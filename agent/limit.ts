import { DriverError } from '../drivers/driver.ts';

export type Limit = {
  /** Does the work when there is room, in the order of asking; `unavailable` when too many wait already. */
  run<T>(work: () => Promise<T>): Promise<T>;
  readonly running: number;
  readonly waiting: number;
};

export function limited({ maxRunning, maxWaiting }: { maxRunning: number; maxWaiting: number }): Limit {
  const waiting: (() => void)[] = [];
  let running = 0;

  function next(): void {
    const proceed = waiting.shift();
    if (proceed) proceed();
    else running--;
  }

  return {
    async run(work) {
      // Whoever ends hands its room to the first who waits, so that nobody slips in between.
      if (running < maxRunning) running++;
      else if (waiting.length < maxWaiting) await new Promise<void>((resolve) => waiting.push(resolve));
      else throw new DriverError('unavailable', `${running} calls run and ${waiting.length} wait: ask again later`);
      try {
        return await work();
      } finally {
        next();
      }
    },
    get running() {
      return running;
    },
    get waiting() {
      return waiting.length;
    },
  };
}
