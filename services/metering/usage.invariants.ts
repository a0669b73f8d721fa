import type { Database } from '../../kit/postgres/database.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Invariant } from '../parts.ts';
import { wrongHours } from './usage.store.ts';

const lookBackMs = 35 * 24 * 3_600_000;

export function usageInvariants({ database, clock }: { database: Database; clock: Pick<Clock, 'now'> }): Invariant[] {
  return [
    {
      id: 'I13',
      title: 'the sums of usage by the hour are those of its records',
      check: () =>
        database.read({ kind: 'system', reason: 'invariant I13' }, async (tx) =>
          (await wrongHours(tx, new Date(clock.now().getTime() - lookBackMs))).map(({ hour, region, projectId }) => ({
            message: `The usage of project ${projectId} in ${region} at ${hour.toISOString()} is not the sum of its records`,
            remedy: 'Bills are made from the records, which are right; report it, so that the sum is made anew',
          })),
        ),
    },
  ];
}
