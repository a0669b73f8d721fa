import type { Database } from '../../kit/postgres/database.ts';
import type { Invariant } from '../parts.ts';
import { overlentMonths } from './budgets.ts';
import { unbalanced } from './ledger.store.ts';

export function billingInvariants({ database }: { database: Database }): Invariant[] {
  const scope = { kind: 'system', reason: 'doctor' } as const;
  return [
    {
      id: 'I14',
      title: 'every booking of every ledger adds up to nothing',
      check: () =>
        database.read(scope, async (tx) =>
          (await unbalanced(tx)).map(({ bookingId, currency, sum }) => ({ message: `Booking ${bookingId} is ${sum} billionths of ${currency} off`, remedy: 'Report it: the database must not have let it in. It is put right by a further booking' })),
        ),
    },
    {
      id: 'I15',
      title: 'regions hold no more of a month of a budget than it has',
      check: () =>
        database.read(scope, async (tx) =>
          (await overlentMonths(tx)).map(({ subject, held, limit }) => ({ message: `Of ${subject} regions hold ${held} billionths, and it has ${limit}`, remedy: 'Report it: more may be spent than was meant' })),
        ),
    },
  ];
}
